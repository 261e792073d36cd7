"""A folder of predictions, as ``detbench predict`` writes it or anybody submits it.

It holds predictions, proposals, times, and what they were made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from detbench.documents import decode_document
from detbench.errors import DataError
from detbench.evaluation.document import Document, Remark
from detbench.evaluation.remarks import gravest_first
from detbench.files import read_bytes, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.evaluation.parts.timing import Timing

__all__ = ["CARD", "RECORD", "TIMING", "PredictionFolder", "gathered", "prediction_folder", "predictions_at"]

#: What ``detbench predict`` writes beside predictions, and what a model's makers say of it.
RECORD, TIMING, CARD = "predict.json", "timing.json", "model.toml"

_RESULT_OF_TRAINING = "run.json"

#: Predictions and proposals are a file that ends so, or, in forms of many files, a folder of that name.
_FILES = (".json", ".arrow", ".feather", ".arrows", ".csv")
_ENDINGS = (*_FILES, ".txt", "")

#: Where one of these lies a folder is no form of predictions by itself, as one of text files is.
_MARKS = (RECORD, TIMING, CARD, *(f"{stem}{ending}" for stem in ("predictions", "proposals") for ending in _FILES))

#: As detbench.detectors.predict writes it, on which scores do not lean.
_SCHEMA = "detbench.predict/1"


class PredictionFolder(NamedTuple):
    """What lies in the folder; None for what does not. There are predictions, or proposals, or both.

    ``fingerprint`` is that of the dataset predicted on; ``changed`` names files that were changed since.
    """

    name: str
    folder: Path
    predictions: Path | None
    proposals: Path | None
    timing: Timing | None
    fingerprint: str | None
    changed: tuple[str, ...]

    def required(self) -> Path:
        """Return the predictions, for what proposals alone are nothing to. Raises DataError."""
        if self.predictions is None:
            remedy = "score it with detbench eval, or give predictions"
            raise DataError("holds proposals alone, and no predictions", file=self.folder, remedy=remedy)
        return self.predictions

    def added_to(self, document: Document) -> Document:
        """Return a result with the folder's times, and remarks if its files are not what they seem."""
        found = list(document.remarks)
        if self.fingerprint is not None and self.fingerprint != document.dataset.fingerprint:
            found.append(_OTHER_DATASET)
        if self.changed:
            names = ", ".join(self.changed)
            text = f"changed since detbench predict wrote it: {names}; times and scores may be of two runs"
            found.append(Remark(code="prediction-files-changed", severity="warning", message=text))
        timing = msgspec.UNSET if self.timing is None else self.timing
        return msgspec.structs.replace(document, remarks=gravest_first(found), timing=timing)


#: No error: predictions do not depend on annotations, and corrected boxes of the same pictures are a good reason to
#: evaluate again. Pictures that are not the dataset's are an error by themselves, when images are joined.
_OTHER_DATASET = Remark(
    code="predicted-on-other-data",
    severity="warning",
    message="the ground truth is not what detbench predict was given (their fingerprints differ): its images or its "
    "annotations are others, or were changed since",
)


def prediction_folder(folder: Path) -> PredictionFolder | None:
    """Return what lies in ``folder``, None if it is a form of predictions by itself, such as one of text files.

    Raises
    ------
    DataError
        If it is a training run, or lacks its predictions, or what is there cannot be read.
    """
    if any((folder / name).is_file() for name in _MARKS):
        return gathered(folder)
    if (folder / _RESULT_OF_TRAINING).is_file():
        remedy = f"make them with: detbench predict {folder} DATA -o OUT, and evaluate OUT"
        raise DataError("is a training run, which holds no predictions", file=folder, remedy=remedy)
    return None


def gathered(folder: Path) -> PredictionFolder:
    """Return what lies in a folder that is one.

    Raises DataError if it has neither predictions nor proposals, or lacks what ``detbench predict`` wrote into it, or
    cannot be read.
    """
    predictions, proposals = _the_one(folder, "predictions"), _the_one(folder, "proposals")
    if predictions is None and (proposals is None or (folder / RECORD).is_file()):
        if any((folder / name).is_file() for name in (RECORD, TIMING)):
            remedy = "write it again with detbench predict"
            raise DataError("is a folder of detbench predict without predictions", file=folder, remedy=remedy)
        remedy = "put them there as predictions.json, or in another form that detbench eval reads"
        raise DataError("holds no predictions", file=folder, remedy=remedy)
    timing = None
    if (folder / TIMING).is_file():
        from detbench.evaluation.parts.timing import timing as read_timing

        timing = read_timing(folder / TIMING)
    about = _about(folder / RECORD)
    taken = filter(None, (predictions, proposals, folder / TIMING if timing else None))
    changed = tuple(file.name for file in taken if about.changed(file))
    name = folder.name or folder.resolve().name  # "." has none
    return PredictionFolder(name, folder, predictions, proposals, timing, about.data.fingerprint, changed)


def predictions_at(path: Path) -> Path:
    """Return the predictions in a folder of ``detbench predict``; any other path as it is.

    Raises
    ------
    DataError
        As :func:`prediction_folder`.
    """
    folder = prediction_folder(path) if path.is_dir() else None
    return path if folder is None else folder.required()


def _the_one(folder: Path, stem: str) -> Path | None:
    """Return the folder's predictions or proposals. Raises DataError if they are there in two forms."""
    places = (folder / f"{stem}{ending}" for ending in _ENDINGS)
    found = [place for place in places if (place.is_file() if place.suffix else place.is_dir())]
    if len(found) > 1:
        problem = f"has {found[0].name} and {found[1].name}, and which of them is meant is not said"
        raise DataError(problem, file=folder, remedy="remove one, or name the file itself")
    return found[0] if found else None


class _Data(msgspec.Struct):
    fingerprint: str | None = None


class _File(msgspec.Struct):
    sha256: str


class _About(msgspec.Struct):
    """The part of ``predict.json`` that is compared."""

    schema: str = ""
    data: _Data = msgspec.field(default_factory=_Data)
    files: dict[str, _File] = {}

    def changed(self, file: Path) -> bool:
        """Return whether a file of the folder is not what was written; what is not listed is not known."""
        return file.name in self.files and sha256_of(file) != self.files[file.name].sha256


def _about(file: Path) -> _About:
    if not file.is_file():
        return _About()
    return decode_document(
        read_bytes(file),
        _About,
        schema=_SCHEMA,
        what="a record of what was predicted",
        file=file,
        remedy="write it again with detbench predict",
    )
