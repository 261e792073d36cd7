"""What one of our records holds: the TF Object Detection API's features, and what those cannot carry.

``image/object/…`` lists the boxes of a category, for any pipeline that reads that schema: corners as float32
fractions of the picture, labels from 1. Boxes to be ignored stand there with ``ignore`` 1 and ``weight`` 0; regions
without a category (a drone set's ignored areas) do not, because a pipeline would train on them.
``image/detbench/…`` lists all boxes, in the source's order and bit for bit; ``docs/reference/records.md`` has both
tables. Source of the schema: TensorFlow models, ``object_detection/data_decoders/tf_example_decoder.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.records.wire import WireError, byte_string_span, parse_example, raw_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.data.records.wire import Value
    from detbench.data.tables import Key

__all__ = ["CORNERS", "MARKS", "OBJECT", "OURS", "PICTURE", "VERSION", "Record", "RecordImage", "decode_record"]

PICTURE = "image/encoded"

VERSION = 1
OBJECT = "image/object/"
OURS = "image/detbench/"
MARKS = ("crowd", "ignore", "difficult", "truncated", "occluded")
_TEXTS = ("image/filename", "image/source_id", "image/format", OURS + "key", OURS + "source_id")
_RAW = (OURS + "box", OURS + "size", OURS + "area", OURS + "marks")
_LISTS = ("class/text", "class/label", "is_crowd", "area", "difficult", "truncated", "occluded", "ignore")
CORNERS = ("xmin", "ymin", "xmax", "ymax")
_WANTED = frozenset(
    (
        "image/height",
        "image/width",
        *_TEXTS,
        *_RAW,
        OURS + "category",
        OURS + "version",
        *(OBJECT + name for name in _LISTS),
        *(f"{OBJECT}bbox/{name}" for name in CORNERS),
    )
)


@dataclass(frozen=True, slots=True)
class RecordImage:
    """An image's row, and of its picture the coding (``"jpeg"`` or ``"png"``) and the SHA-256 in hex."""

    key: Key
    file_name: str
    width_px: int
    height_px: int
    picture_format: str
    picture_sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A record read back. ``picture_span`` is where in the payload the picture's bytes lie.

    The arrays are as in :class:`~detbench.data.tables.GroundTruth`, with ``label`` (0: a region of no category) and
    ``category_name`` (empty: a region, or the record has no names) for its ``category``.
    """

    image: RecordImage
    ours: bool
    picture_span: tuple[int, int]
    label: NDArray[np.int64]
    category_name: tuple[str, ...]
    box: NDArray[np.float64]
    size_px: NDArray[np.float64]
    area_px: NDArray[np.float64]
    marks: NDArray[np.int8]
    source_id: tuple[Key, ...]


def _untyped(raw: bytes) -> Key:
    kind, _, text = raw.partition(b":")
    if kind == b"s":
        return text.decode("utf-8", "surrogatepass")
    try:
        if kind == b"i":
            return int(text)
    except ValueError:
        pass
    raise WireError(f"the id {raw[:40]!r}, which is neither i:number nor s:text")


def decode_record(payload: bytes, *, size: tuple[int, int] | None = None) -> Record:
    """Return what a record of ours, or of the TF Object Detection API, holds.

    ``size`` is the picture's width and height where a foreign record does not say them.

    Raises
    ------
    WireError
        If the payload is no such record; the text says why.
    """
    found, spans = parse_example(payload, _WANTED)
    span = byte_string_span(payload, spans[PICTURE]) if PICTURE in spans else None
    if span is None:
        raise WireError(f"no {PICTURE}: it is not a record of the TF Object Detection API")
    ours = OURS + "version" in found
    if ours and _number(found, OURS + "version") != VERSION:
        raise WireError("a newer version of detbench's own fields than this detbench reads")
    key: Key = _untyped(b"".join(_strings(found, OURS + "key"))) if ours else _text(found, "image/source_id")
    image = RecordImage(
        key,
        _text(found, "image/filename"),
        *(size or (_number(found, "image/width"), _number(found, "image/height"))),
        _text(found, "image/format"),
    )
    return _decode_exact(found, image, span) if ours else _decode_schema(found, image, span)


def _decode_exact(found: dict[str, Value], image: RecordImage, span: tuple[int, int]) -> Record:
    """Return a record of ours, from its own lists."""
    label = _numbers(found, OURS + "category", None)
    count = len(label)
    box, size_px, area_px, marks = (
        raw_array(found.get(name, []), kind) for name, kind in zip(_RAW, _RAW_KINDS, strict=True)
    )
    names = iter(_strings(found, OBJECT + "class/text"))
    source_id = tuple(map(_untyped, _strings(found, OURS + "source_id")))
    lengths = (len(box) / 4, len(size_px) / 2, len(area_px), len(marks) / len(MARKS), len(source_id) or count)
    if any(length != count for length in lengths):
        raise WireError(f"lists of different lengths in its own fields: {count} categories and {lengths}")
    return Record(
        image,
        ours=True,
        picture_span=span,
        label=label,
        category_name=tuple(_decoded(next(names, b"")) if number else "" for number in label.tolist()),
        box=box.reshape(-1, 4).astype(np.float64),
        size_px=size_px.reshape(-1, 2).astype(np.float64),
        area_px=area_px.astype(np.float64),
        marks=marks.reshape(-1, len(MARKS)).astype(np.int8),
        source_id=source_id,
    )


_RAW_KINDS = ("<f8", "<f8", "<f8", "i1")


def _decode_schema(found: dict[str, Value], image: RecordImage, span: tuple[int, int]) -> Record:
    """Return a record of the TF Object Detection API.

    A corner is a float32 fraction; where a whole pixel has exactly that fraction, that pixel is meant.
    """
    corners = np.stack([_floats(found, f"{OBJECT}bbox/{name}", None) for name in CORNERS], axis=1)
    count = len(corners)
    size = np.array([image.width_px, image.height_px] * 2, dtype=np.float64)
    box = corners.astype(np.float64) * size
    whole = np.rint(box)
    with np.errstate(invalid="ignore", divide="ignore"):
        box = np.where((whole / size).astype(np.float32) == corners, whole, box)
    label = _numbers(found, OBJECT + "class/label", count)
    texts = _strings(found, OBJECT + "class/text")
    if count and not texts and OBJECT + "class/label" not in found:
        raise WireError(f"{count} boxes and no categories for them")
    if len(texts) not in {0, count}:
        raise WireError(f"{count} boxes, {len(label)} labels and {len(texts)} category names")
    listed = {"crowd": "is_crowd"}
    marks = [_numbers(found, OBJECT + listed.get(name, name), count, default=_UNSAID[name]) for name in MARKS]
    return Record(
        image,
        ours=False,
        picture_span=span,
        label=label,
        category_name=tuple(map(_decoded, texts)) or ("",) * count,
        box=box,
        size_px=box[:, 2:] - box[:, :2],
        area_px=_floats(found, OBJECT + "area", count).astype(np.float64),
        marks=np.stack(marks, axis=1).clip(-1, 2).astype(np.int8),
        source_id=(),
    )


#: What a mark is where a record does not list it.
_UNSAID = {"crowd": 0, "ignore": 0, "difficult": 0, "truncated": -1, "occluded": -1}


def _strings(found: dict[str, Value], name: str) -> list[bytes]:
    value = found.get(name, [])
    if not isinstance(value, list):
        raise WireError(f"numbers in {name}, which holds text")
    return value


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace" if _not_ours(raw) else "surrogatepass")


def _not_ours(raw: bytes) -> bool:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return True
    return False


def _text(found: dict[str, Value], name: str) -> str:
    value = _strings(found, name)
    return _decoded(value[0]) if value else ""


def _numbers(found: dict[str, Value], name: str, count: int | None, *, default: int = 0) -> NDArray[np.int64]:
    """Return a list of ``count`` integers (None: any number), ``default`` where the record does not have it."""
    value = found.get(name, [])
    if not len(value):
        return np.full(count or 0, default, dtype=np.int64)
    if isinstance(value, list) or value.dtype != np.int64:
        raise WireError(f"no integers in {name}")
    if count is not None and len(value) != count:
        raise WireError(f"{len(value)} values in {name} for {count} boxes")
    return value.astype(np.int64)


def _number(found: dict[str, Value], name: str) -> int:
    value = _numbers(found, name, None)
    return int(value[0]) if len(value) else 0


def _floats(found: dict[str, Value], name: str, count: int | None) -> NDArray[np.float32]:
    value = found.get(name, [])
    if not len(value):
        return np.full(count or 0, np.nan, dtype=np.float32)
    if isinstance(value, list) or value.dtype != np.float32:
        raise WireError(f"no floating-point numbers in {name}")
    if count is not None and len(value) != count:
        raise WireError(f"{len(value)} values in {name} for {count} boxes")
    return value.astype(np.float32)
