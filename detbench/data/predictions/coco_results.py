"""COCO results: a JSON list of ``{"image_id", "category_id", "bbox": [x, y, width, height], "score"}``.

Also a whole COCO file whose ``annotations`` carry scores. Boxes are continuous and 0-based, as in the ground truth.
Other fields (``segmentation``, ``area``, ``id`` …) are skipped.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from detbench.data.input import foreign
from detbench.data.predictions.raw import CategoryNaming, ImageNaming, RawPredictions
from detbench.errors import DataError
from detbench.files import read_bytes
from detbench.words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["read"]


class _Record(msgspec.Struct, gc=False):
    """One prediction; an id is a whole number or a string."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    score: float


class _File(msgspec.Struct):
    """A whole COCO file, of which only the annotations are looked at."""

    annotations: list[_Record]


class _LooseRecord(msgspec.Struct, gc=False):
    """One prediction whose ids went through floating point: 42.0, as pandas and tensors write 42."""

    image_id: int | str | float
    category_id: int | str | float
    bbox: tuple[float, float, float, float]
    score: float


class _Proposal(msgspec.Struct, gc=False, kw_only=True):
    """One proposal: as a prediction, but its category may be missing."""

    image_id: int | str | float
    category_id: int | str | float | None = None
    bbox: tuple[float, float, float, float]
    score: float


class _ProposalsFile(msgspec.Struct):
    """A whole COCO file of proposals."""

    annotations: list[_Proposal]


class _LooseFile(msgspec.Struct):
    """A whole COCO file of such records."""

    annotations: list[_LooseRecord]


#: Typed decoding is 3 times as fast as ``json`` and checks every field on the way.
_LIST = msgspec.json.Decoder(list[_Record])
_OBJECT = msgspec.json.Decoder(_File)
_LOOSE_LIST = msgspec.json.Decoder(list[_LooseRecord])
_LOOSE_OBJECT = msgspec.json.Decoder(_LooseFile)
_PROPOSAL_LIST = msgspec.json.Decoder(list[_Proposal])
_PROPOSAL_OBJECT = msgspec.json.Decoder(_ProposalsFile)

#: Stands for a category that is not given.
_NO_CATEGORY = -1

_RECORD = '{"image_id", "category_id", "bbox": [x, y, width, height], "score"}'

_PATH = re.compile(r"^(?P<what>.*?) - at `\$(?:\.annotations)?(?P<record>\[\d+\])?\.?(?P<field>[^`]*)`$", re.DOTALL)

#: How far around a byte that is no JSON to look for what it is.
_NEAR_BYTES = 12


def read(path: Path, *, class_agnostic: bool = False) -> RawPredictions:
    """Read a COCO results file, of proposals if ``class_agnostic``: those need no category.

    Raises DataError, naming the record, if it is none.
    """
    data = read_bytes(path)
    records = _decode(data, path, class_agnostic=class_agnostic)
    count = len(records)
    flat = np.fromiter(chain.from_iterable([record.bbox for record in records]), np.float64, 4 * count)
    box = flat.reshape(count, 4)
    size_px = box[:, 2:].copy()
    with np.errstate(over="ignore"):  # a corner that overflows is found by the check for finite numbers
        box[:, 2:] += box[:, :2]
    return RawPredictions(
        source=path,
        image=[record.image_id for record in records],
        category=[record.category_id for record in records],
        box=box,
        score=np.fromiter((record.score for record in records), np.float64, count),
        place=lambda row: (path, f"record [{row}]"),
        image_naming=ImageNaming.ID,
        category_naming=CategoryNaming.ID,
        size_px=size_px,
    )


def _decode(data: bytes, path: Path, *, class_agnostic: bool) -> list[_Record]:
    """Return the file's records. Raises DataError."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    is_object = text.lstrip(b" \t\r\n")[:1] == b"{"
    try:
        try:
            return _OBJECT.decode(text).annotations if is_object else _LIST.decode(text)
        except msgspec.ValidationError as error:
            if class_agnostic:
                proposals = _PROPOSAL_OBJECT.decode(text).annotations if is_object else _PROPOSAL_LIST.decode(text)
                return list(_whole(proposals, path))
            if "got `float`" not in str(error):
                raise
            return list(_whole(_LOOSE_OBJECT.decode(text).annotations if is_object else _LOOSE_LIST.decode(text), path))
    except msgspec.ValidationError as error:
        raise _unfit(error, path) from error
    except msgspec.DecodeError as error:
        raise _malformed(data, path, str(error)) from error
    except UnicodeDecodeError as error:
        raise DataError("has a string that is not UTF-8", file=path, remedy="save it as UTF-8") from error
    except RecursionError as error:
        remedy = f"write a list of {_RECORD}"
        raise DataError("is nested too deeply to be COCO results", file=path, remedy=remedy) from error


def _whole(loose: Iterable[_LooseRecord | _Proposal], path: Path) -> Iterable[_Record]:
    """Yield the records with whole numbers as ids. Raises DataError at a fraction."""
    for row, record in enumerate(loose):
        ids = record.image_id, record.category_id
        for field, key in zip(("image_id", "category_id"), ids, strict=True):
            if isinstance(key, float) and not key.is_integer():
                raise DataError(
                    f"{field} is {key}, and an id is a whole number or a string", file=path, record=f"record [{row}]"
                )
        image_id, category_id = (
            int(key) if isinstance(key, float) else _NO_CATEGORY if key is None else key for key in ids
        )
        yield _Record(image_id, category_id, record.bbox, record.score)


def _unfit(error: msgspec.ValidationError, path: Path) -> DataError:
    """Return the error for JSON that is not of COCO results."""
    found = _PATH.match(str(error))
    if found is None:
        text = f"is not COCO results: it {in_words(str(error))}"
        return DataError(text, file=path, remedy=f"write a list of {_RECORD}")
    record = f"record {found['record']}" if found["record"] else ""
    problem = " ".join(part for part in (found["field"], in_words(found["what"])) if part)
    remedy = f"write each prediction as {_RECORD}"
    if problem == "has no score":
        remedy = "give what the detector wrote: ground truth has no scores"
    return DataError(problem, file=path, record=record, remedy=remedy)


def _malformed(data: bytes, path: Path, text: str) -> DataError:
    """Return the error for bytes that are no JSON; Python's own ``json`` writes NaN, which is none."""
    if not data.strip():
        return DataError("is empty", file=path, remedy="no predictions at all are written []")
    if stranger := foreign(data, path):
        return stranger
    position = re.search(r"byte (\d+)", text)
    if position is None:
        return DataError("ends in the middle of the JSON", file=path, remedy="write or download it again")
    at = int(position[1])
    seen = data.count(b'"image_id"', 0, at)
    near = data[max(0, at - _NEAR_BYTES) : at + _NEAR_BYTES]
    record = f"record [{seen - 1}]" if seen else ""
    for odd in (b"NaN", b"-Infinity", b"Infinity"):
        if odd in near:
            return DataError(
                f"a number is {odd.decode()}",
                file=path,
                record=record,
                remedy="write finite numbers, or leave the record out",
            )
    if "surrogate" in text:
        return DataError("holds half of a surrogate pair, which is no text", file=path, record=record)
    return DataError(f"is not JSON (byte {at})", file=path, record=record, remedy="write or download it again")
