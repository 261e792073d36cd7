"""A COCO annotation file as typed records, fast; where it is not as it should be, record by record, with words.

Masks, licences, captions and whatever else a file holds are passed over without being built.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from detbench.data.tables import Key  # noqa: TC001  msgspec reads the fields' types when it runs
from detbench.errors import DataError
from detbench.files import read_bytes

if TYPE_CHECKING:
    from detbench.data.findings import Findings

__all__ = ["Annotation", "Category", "Document", "ImageRecord", "Region", "is_document", "read_document"]

#: A file up to this long is looked at whole to recognise it, of a longer one each end up to the second figure.
_WHOLE_BYTES = 16 * 2**20
_PEEK_BYTES = 64 * 2**10

_BOM = b"\xef\xbb\xbf"
_KEYS = ("images", "annotations", "categories")


class ImageRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One of ``images``."""

    id: Key
    file_name: str = ""
    width: float | None = None
    height: float | None = None


class Annotation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One of ``annotations``: ``bbox`` is x, y, width, height.

    The last three fields are ours; in other people's files they may be anything.
    """

    id: Key | None = None
    image_id: Key
    category_id: Key
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: int | bool | None = None  # not 0: a default is left out in writing, and pycocotools needs the field
    ignore: int | bool | None = 0
    difficult: Any = 0
    truncated: Any = -1
    occluded: Any = -1


class Region(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One of ``ignored_regions``, which is ours: a region of no category, to be ignored."""

    image_id: Key
    bbox: tuple[float, float, float, float]
    id: Key | None = None
    area: float | None = None
    truncated: Any = -1
    occluded: Any = -1


class Category(msgspec.Struct, kw_only=True):
    """One of ``categories``."""

    id: Key
    name: str


class Document(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A whole file."""

    images: list[ImageRecord]
    annotations: list[Annotation]
    categories: list[Category]
    ignored_regions: list[Region] = []


_Record = TypeVar("_Record", bound=msgspec.Struct)


def is_document(path: Path) -> bool:
    """Return whether a JSON file looks like COCO ground truth: whether it has the keys of one."""
    try:
        with path.open("rb") as file:
            head = file.read(_WHOLE_BYTES)
            file.seek(max(len(head), path.stat().st_size - _PEEK_BYTES))
            tail = file.read(_PEEK_BYTES)
    except OSError:
        return False
    head = head.removeprefix(_BOM)
    if not tail:
        try:
            return set(_KEYS) <= msgspec.json.decode(head, type=dict[str, msgspec.Raw]).keys()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # it may be a COCO file that is cut or holds a NaN: reading it will say so
    ends = head[:_PEEK_BYTES] + tail
    return head.lstrip()[:1] == b"{" and any(f'"{key}"'.encode() in ends for key in _KEYS)


def read_document(path: Path, findings: Findings) -> Document:
    """Read a COCO annotation file; records that cannot be read are reported and left out.

    Raises
    ------
    DataError
        If it is not JSON, is a list of results, or lacks ``images``, ``annotations`` or ``categories``; if
        ``findings`` is strict, also if one record cannot be read.
    """
    data = read_bytes(path).removeprefix(_BOM)
    if not data.strip():
        raise DataError("is empty", file=path, remedy="restore it from its source")
    try:
        return msgspec.json.decode(data, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _read_carefully(data, path, findings, error)


def _read_carefully(data: bytes, path: Path, findings: Findings, first_error: Exception) -> Document:
    """Read what the fast way refused; Python's own reader also takes the NaN that Python's own writer writes."""
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise DataError("is nested too deeply to be a COCO annotation file", file=path) from error
    except ValueError as error:
        reason = error if isinstance(error, json.JSONDecodeError) else first_error
        raise DataError(f"is not JSON ({reason})", file=path, remedy="restore it from its source") from error
    if isinstance(document, list):
        raise DataError(
            "is a list, as COCO results are: predictions, not ground truth",
            file=path,
            remedy="give the annotation file (instances_*.json) as the dataset, and this one as predictions",
        )
    if not isinstance(document, dict):
        raise DataError("is JSON, but no COCO annotation file: it is not an object", file=path)
    return Document(
        images=_records(document, "images", ImageRecord, path, findings),
        annotations=_records(document, "annotations", Annotation, path, findings),
        categories=_records(document, "categories", Category, path, findings),
        ignored_regions=_records({"ignored_regions": []} | document, "ignored_regions", Region, path, findings),
    )


def _records(document: dict[str, Any], name: str, kind: type[_Record], path: Path, findings: Findings) -> list[_Record]:
    """Return one list of the document, its records checked one at a time."""
    found = document.get(name)
    if not isinstance(found, list):
        has = ", ".join(sorted(map(repr, document))[:8]) or "nothing"
        raise DataError(
            f"is no COCO annotation file: it has no list {name!r} (it has {has[:200]})",
            file=path,
            remedy="images, annotations and categories are needed",
        )
    records = []
    for index, item in enumerate(found):
        try:
            records.append(_converted(item, kind))
        except ValueError as error:
            key = f" (id {item['id']!r:.40})" if isinstance(item, dict) and "id" in item else ""
            findings.report("record-malformed", file=path, record=f"{name}[{index}]{key}", message=str(error))
    return records


def _converted(item: Any, kind: type[_Record]) -> _Record:
    """Return one record. Raises ValueError, in words, if it cannot be read."""
    try:
        record = msgspec.convert(item, kind)
        for text in (getattr(record, field) for field in record.__struct_fields__):
            if isinstance(text, str):
                text.encode()
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(str(error))) from None
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no text") from None
    return record


def _in_words(message: str) -> str:
    """Return msgspec's message without its notation.

    Examples
    --------
    >>> _in_words("Expected `float | null`, got `str` - at `$.bbox[0]`")
    'its bbox[0] should be float or null, not str'
    """
    text = message.replace("`", "").replace(" | ", " or ")
    if place := re.fullmatch(r"Expected (.*), got (.*) - at \$\.(.*)", text):
        expected, got, where = place.groups()
        return f"its {where} should be {expected}, not {got}"
    if missing := re.fullmatch(r"Object missing required field (\w+).*", text):
        return f"it has no {missing[1]}"
    return text[:1].lower() + text[1:]
