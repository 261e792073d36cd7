"""A submission: a folder with something to score, or a result, and what is said of the model; refused if unsafe.

Submissions come from others. Nothing that leads out of the folder is followed, and nothing is opened that is no file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.errors import DataError
from detbench.evaluation.drawn_file import DRAWS
from detbench.evaluation.prediction_folder import CARD, RECORD, TIMING, gathered
from detbench.evaluation.runs import RESULT
from detbench.evaluation.submissions.model_card import card_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detbench.evaluation.prediction_folder import PredictionFolder
    from detbench.evaluation.standings.document import ModelCard

__all__ = ["Flaw", "Submission", "flaws_of", "folders_in", "is_read", "submission"]

#: What is read of a folder; predictions and proposals also with other endings, or as folders.
_READ = (CARD, RECORD, TIMING, RESULT, DRAWS)
_STEMS = ("predictions", "proposals")


class Submission(NamedTuple):
    """What lies in a folder; None for what does not. One of ``given``, what can be scored, and ``result`` is there."""

    folder: Path
    card: ModelCard | None
    given: PredictionFolder | None
    result: Path | None


class Flaw(NamedTuple):
    """Why a file of a folder is not read: ``code`` is one of the catalogue of findings."""

    code: str
    file: Path
    problem: str
    remedy: str

    def error(self) -> DataError:
        """Return what to raise."""
        return DataError(self.problem, file=self.file, remedy=self.remedy)


def folders_in(root: Path) -> list[Path]:
    """Return the folders directly in ``root``, and links that lead nowhere, by name; hidden ones are left out.

    Raises DataError if there are none, or ``root`` cannot be read.
    """
    shown = [path for path in _listed(root) if not path.name.startswith(".")]
    if found := [path for path in shown if path.is_dir() or _leads_nowhere(path)]:
        return found
    remedy = "give the folder that holds one folder for each model"
    if any(map(is_read, shown)):
        remedy = f"it is a submission itself: {remedy}"
    raise DataError("holds no folders of models", file=root, remedy=remedy)


def submission(folder: Path) -> Submission:
    """Return what lies in a submission's folder.

    Raises
    ------
    DataError
        If there is neither a result nor predictions nor proposals, or a file cannot be read, is no file, or leads out
        of the folder.
    """
    if _leads_nowhere(folder):
        raise DataError("is a symbolic link that leads nowhere", file=folder, remedy="put the folder in its place")
    if folder.name == RESULT:  # it would be taken for the file of the folder that it lies in
        raise DataError("is a folder under the name of a result", file=folder, remedy="call it as the model")
    for flaw in flaws_of(folder):
        raise flaw.error()
    card = card_in(folder)
    result = folder / RESULT if (folder / RESULT).is_file() else None
    if result is None or any(path.stem == "predictions" for path in _listed(folder)):
        return Submission(folder, card, gathered(folder), result)
    return Submission(folder, card, None, result)


def is_read(path: Path) -> bool:
    """Return whether a file or folder of that name means something in a submission."""
    return path.name in _READ or path.stem in _STEMS


def flaws_of(folder: Path) -> Iterator[Flaw]:
    """Yield what in a folder is not safe to open, by name. Raises DataError if the folder cannot be listed."""
    root = folder.resolve()
    for path in filter(is_read, _listed(folder)):
        inner = _listed(path) if path.is_dir() and not path.is_symlink() else []
        for file in (path, *inner):
            if flaw := _flaw(file, root):
                yield flaw


def _flaw(file: Path, root: Path) -> Flaw | None:
    if _leads_nowhere(file):
        return Flaw("file-unreadable", file, "is a symbolic link that leads nowhere", "put the file itself there")
    if not file.resolve().is_relative_to(root):
        problem = "is a symbolic link that leads out of the folder"
        return Flaw("link-outside", file, problem, "put the file itself there")
    if not (file.is_file() or file.is_dir()):
        return Flaw("file-unreadable", file, "is a pipe or a device", "write what it gives to a file first")
    return None


def _leads_nowhere(path: Path) -> bool:
    """Return whether it is a link to nothing, or in a circle."""
    try:
        return path.is_symlink() and not path.exists()
    except (OSError, RuntimeError):  # a circle, to some versions of Python
        return True


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=folder) from error
