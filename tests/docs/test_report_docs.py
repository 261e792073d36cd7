"""The page on reports: its workflow is one, and its commands do what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "write-reports.md"


def _workflow() -> dict[Any, Any]:
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    workflow: dict[Any, Any] = yaml.safe_load(found[1])
    return workflow


def test_the_workflow_is_one_that_github_takes() -> None:
    """It has a trigger, jobs whose steps run or use something, and may write no more than it needs."""
    workflow = _workflow()
    assert workflow[True] == "pull_request"  # YAML reads the key "on" as true, and GitHub knows
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    (job,) = workflow["jobs"].values()
    assert job["runs-on"]
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    # What comes from a pull request reaches the shell through the environment alone.
    assert not any("${{" in step.get("run", "") for step in job["steps"])


def test_the_workflow_s_commands_write_what_it_comments(
    detbench: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Run in their order, they write the table that the last step comments, with both models in it."""
    box = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 40]}
    truth = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in range(1, 9)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{**box, "id": key, "image_id": key, "area": 2000, "iscrowd": 0} for key in range(1, 9)],
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data/gt.json").write_text(json.dumps(truth))
    for name, images in (("data/main.json", 4), ("predictions.json", 7)):
        rows = [{**box, "image_id": key, "score": 0.9} for key in range(1, images + 1)]
        (tmp_path / name).write_text(json.dumps(rows))
    (job,) = _workflow()["jobs"].values()
    lines = [line for step in job["steps"] for line in step.get("run", "").splitlines()]
    ran = 0
    for line in lines:
        command, *arguments = shlex.split(line)
        if command == "detbench":
            done = detbench(*arguments, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            ran += 1
    assert ran == 3
    commented = re.search(r"--body-file (\S+)", lines[-1])
    assert commented
    table = (tmp_path / commented[1]).read_text(encoding="utf-8")
    assert re.search(r"^\| 1 \|.*\| this change ", table, re.MULTILINE)
    assert re.search(r"\| main ", table)
    assert (tmp_path / "pages/index.html").is_file()
