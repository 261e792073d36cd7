"""Fixtures that every test may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "detbench", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]

    return run
