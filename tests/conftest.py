"""Fixtures that every test may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data beside the project, or where DETBENCH_SHARED points; skip without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DETBENCH_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data at {folder} (or set DETBENCH_SHARED)")
    return folder


@pytest.fixture(scope="session")
def detbench() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a real process: ``detbench("check", path).returncode``."""

    def run(*arguments: object, cwd: Path | None = None, env_columns: int = 100) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "detbench", *map(str, arguments)]
        env = os.environ | {"COLUMNS": str(env_columns)}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env)

    return run


@pytest.fixture
def coco_pair(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write a COCO annotation file and a results file; return their paths.

    ``truth`` rows are ``(image_id, category_id, [x, y, w, h])`` or whole annotations; ``predictions`` rows are
    ``(image_id, category_id, [x, y, w, h], score)`` or whole results; images and categories come from both
    unless given.
    """

    def write(
        truth: list[Any],
        predictions: list[Any],
        *,
        images: list[Any] | None = None,
        categories: list[int] | None = None,
    ) -> tuple[Path, Path]:
        annotations = [
            row
            if isinstance(row, dict)
            else {
                "id": number,
                "image_id": row[0],
                "category_id": row[1],
                "bbox": row[2],
                "area": row[2][2] * row[2][3],
                "iscrowd": 0,
            }
            for number, row in enumerate(truth, start=1)
        ]
        results = [
            row
            if isinstance(row, dict)
            else {"image_id": row[0], "category_id": row[1], "bbox": row[2], "score": row[3]}
            for row in predictions
        ]
        rows = annotations + results
        image_ids = images if images is not None else list(dict.fromkeys(row["image_id"] for row in rows))
        category_ids = categories if categories is not None else sorted({row["category_id"] for row in rows})
        ground_truth = {
            "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in image_ids],
            "annotations": annotations,
            "categories": [{"id": key, "name": f"category {key}"} for key in category_ids],
        }
        (tmp_path / "gt.json").write_text(json.dumps(ground_truth))
        (tmp_path / "dt.json").write_text(json.dumps(results))
        return tmp_path / "gt.json", tmp_path / "dt.json"

    return write
