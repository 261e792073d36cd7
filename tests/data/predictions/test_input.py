"""What a user names as input and is no file: said at once, and never waited for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.data.input import require_file_or_folder
from detbench.data.predictions import read_predictions
from detbench.errors import DataError
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset


@pytest.fixture
def oddity(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function from a word to the path of such a thing."""

    def make(kind: str) -> Path:
        path = tmp_path / f"{kind}.json"
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "broken":
            path.symlink_to(tmp_path / "gone")
        elif kind == "device":
            return Path("/dev/zero")
        elif kind == "long":
            return tmp_path / ("x" * 5000)
        return path

    return make


ODDITIES = [
    ("pipe", "is a pipe or a device"),
    ("device", "is a pipe or a device"),
    ("loop", "leads nowhere"),
    ("broken", "leads nowhere"),
    ("long", "name too long"),
    ("missing", "no such file"),
]


@pytest.mark.parametrize(("kind", "said"), ODDITIES)
def test_what_is_no_file_is_refused(oddity: Callable[[str], Path], kind: str, said: str) -> None:
    """A pipe, an endless device, a link to nothing, a name that cannot be: one sentence each."""
    with pytest.raises(DataError, match=said):
        require_file_or_folder(oddity(kind))


@pytest.mark.parametrize(("kind", "said"), ODDITIES)
def test_results_and_predictions_are_not_waited_for(
    oddity: Callable[[str], Path], make_dataset: Callable[..., Dataset], kind: str, said: str
) -> None:
    """Neither door opens a pipe or a device."""
    path = oddity(kind)
    with pytest.raises(DataError, match=said):
        Result.load(path)
    with pytest.raises(DataError, match=said):
        read_predictions(path, make_dataset([1]))
