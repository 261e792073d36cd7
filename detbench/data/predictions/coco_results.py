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

from detbench.data.predictions.raw import CategoryNaming, ImageNaming, RawPredictions
from detbench.errors import DataError
from detbench.files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read"]


class _Record(msgspec.Struct, gc=False):
    """One prediction; an id is a number or a string. A number with a fraction is refused."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    score: float


class _File(msgspec.Struct):
    """A whole COCO file, of which only the annotations are looked at."""

    annotations: list[_Record]


#: Typed decoding is 3 times as fast as ``json`` and checks every field on the way.
_LIST = msgspec.json.Decoder(list[_Record])
_OBJECT = msgspec.json.Decoder(_File)

_PATH = re.compile(r"^(?P<what>.*?) - at `\$(?:\.annotations)?(?P<record>\[\d+\])?\.?(?P<field>[^`]*)`$", re.DOTALL)

#: How far around a byte that is no JSON to look for what it is.
_NEAR_BYTES = 12


def read(path: Path) -> RawPredictions:
    """Read a COCO results file. Raises DataError, naming the record, if it is none."""
    data = read_bytes(path)
    records = _decode(data, path)
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


def _decode(data: bytes, path: Path) -> list[_Record]:
    """Return the file's records. Raises DataError."""
    remedy = 'it should be a list of {"image_id", "category_id", "bbox", "score"}'
    try:
        if data.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] == b"{":
            return _OBJECT.decode(data.removeprefix(b"\xef\xbb\xbf")).annotations
        return _LIST.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.ValidationError as error:
        found = _PATH.match(str(error))
        if found is None:
            raise DataError(f"is not COCO results ({error})", file=path, remedy=remedy) from error
        record = f"record {found['record']}" if found["record"] else ""
        field = f"{found['field']}: " if found["field"] else ""
        raise DataError(f"{field}{found['what']}", file=path, record=record, remedy=remedy) from error
    except msgspec.DecodeError as error:
        raise _malformed(data, path, str(error)) from error
    except UnicodeDecodeError as error:
        raise DataError("has a string that is not UTF-8", file=path, remedy="save it as UTF-8") from error
    except RecursionError as error:
        raise DataError("is nested too deeply to be COCO results", file=path, remedy=remedy) from error


def _malformed(data: bytes, path: Path, text: str) -> DataError:
    """Return the error for bytes that are no JSON; Python's own ``json`` writes NaN, which is none."""
    position = re.search(r"byte (\d+)", text)
    if not data.strip():
        return DataError("is empty", file=path, remedy="no predictions at all are written []")
    if position is None:
        return DataError("ends in the middle of the JSON", file=path, remedy="write or download it again")
    at = int(position[1])
    seen = data.count(b'"image_id"', 0, at)
    near = data[max(0, at - _NEAR_BYTES) : at + _NEAR_BYTES]
    record = f"record [{max(0, seen - 1)}]"
    for odd in (b"NaN", b"-Infinity", b"Infinity"):
        if odd in near:
            return DataError(
                f"a number is {odd.decode()}",
                file=path,
                record=record,
                remedy="write finite numbers, or leave the record out",
            )
    return DataError(f"is not JSON (byte {at})", file=path, record=record, remedy="write or download it again")
