"""One image's Pascal VOC annotation: from XML and to XML.

VOC counts pixels from 1 and includes both ends, so the mins lose 1 on reading and gain it on writing, and the
maxes stay. The DTD of VOC has nothing for some of our columns; they are written as elements that VOC tools pass
over: ``<crowd>``, ``<ignore>`` and ``<area>`` inside an object, and ``<ignored>`` beside the objects for a region
of no category. Boxes of a crowd and boxes to ignore are marked ``difficult`` too, because that is what makes VOC
tools leave a box out of the score.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from detbench.data.formats.numbers import is_coordinate, number, number_text
from detbench.data.formats.picture_search import size_px
from detbench.data.tables import UNKNOWN_LEVEL
from detbench.errors import DataError
from detbench.files import read_bytes

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from detbench.data.findings import Findings

__all__ = ["VocAnnotation", "VocObject", "compose", "is_annotation", "parse"]

#: An annotation of one image is a few kilobytes; what is larger than this is something else, or an attack.
_MAX_XML_BYTES = 16 * 2**20

_HIGHEST_LEVEL = 2

#: Characters that XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class VocObject:
    """One ``<object>``, converted: see :class:`detbench.data.tables.GroundTruth`. No category: a region."""

    category: str | None
    box: tuple[float, float, float, float]
    area_px: float = math.nan
    crowd: bool = False
    ignore: bool = False
    difficult: bool = False
    truncated: int = UNKNOWN_LEVEL
    occluded: int = UNKNOWN_LEVEL


@dataclass(frozen=True, slots=True)
class VocAnnotation:
    """One XML file: the picture's name and size as it says (``""`` and 0 where it does not), and the objects."""

    file_name: str
    width_px: int
    height_px: int
    objects: tuple[VocObject, ...]


def _root(path: Path) -> Element:
    """Return the XML's root. Raises DataError if it is no XML, hostile, or no ``<annotation>``."""
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=path) from error
    if size_bytes > _MAX_XML_BYTES:
        raise DataError(f"is {size_bytes:,} bytes long: too large to be the annotation of one image", file=path)
    try:
        root: Element = ElementTree.fromstring(read_bytes(path))
    except DefusedXmlException as error:
        raise DataError(
            f"holds XML entities, which can be an attack ({type(error).__name__})",
            file=path,
            remedy="remove its DOCTYPE",
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise DataError(
            f"is not well-formed XML ({error or type(error).__name__})", file=path, remedy="restore it from its source"
        ) from error
    if root.tag != "annotation":
        raise DataError(f"is not a VOC annotation: its root is <{str(root.tag)[:40]}>, not <annotation>", file=path)
    return root


def is_annotation(path: Path) -> bool:
    """Return whether the file is XML with the root ``<annotation>``."""
    try:
        _root(path)
    except DataError:
        return False
    return True


def parse(path: Path, findings: Findings) -> VocAnnotation | None:
    """Read one XML file.

    An object that cannot be read is reported and left out; of a file that cannot be read, which is reported too,
    nothing comes back. Only direct children of ``<annotation>`` are objects: a ``<part>`` of a person is none.

    Raises
    ------
    DataError
        If ``findings`` is strict and something cannot be read.
    """
    try:
        root = _root(path)
    except DataError as error:
        findings.report("file-unreadable", file=path, message=error.problem, remedy=error.remedy)
        return None
    objects: list[VocObject] = []
    for element in root:
        if element.tag not in {"object", "ignored"}:
            continue
        record = f"object {len(objects) + 1}"
        try:
            found = _object(element)
        except ValueError as error:
            findings.report("record-malformed", file=path, record=record, message=str(error))
            continue
        if not all(map(is_coordinate, found.box)):
            findings.report("box-not-finite", file=path, record=record, message=f"its box is {_spelled(element)}")
            continue
        objects.append(found)
    size = root.find("size")
    sides = (0, 0) if size is None else (_side(size, "width"), _side(size, "height"))
    return VocAnnotation(_text(root, "filename"), *sides, tuple(objects))


def _object(element: Element) -> VocObject:
    """Return one object. Raises ValueError, with a clause, if it cannot be read."""
    category = _text(element, "name") if element.tag == "object" else None
    if category == "":
        raise ValueError("it has no name")
    corners = element.find("bndbox")
    if corners is None:
        raise ValueError("it has no bndbox")
    x1, y1, x2, y2 = (_corner(corners, side) for side in ("xmin", "ymin", "xmax", "ymax"))
    area = _text(element, "area")
    return VocObject(
        category,
        (x1 - 1.0, y1 - 1.0, x2, y2),
        area_px=number(area) if area else math.nan,
        crowd=_flag(element, "crowd"),
        ignore=_flag(element, "ignore") or category is None,
        difficult=_flag(element, "difficult"),
        truncated=_level(element, "truncated"),
        occluded=_level(element, "occluded"),
    )


def _text(element: Element, tag: str) -> str:
    """Return the text of a child without the blanks around it, ``""`` if there is none."""
    return (element.findtext(tag) or "").strip()


def _corner(corners: Element, side: str) -> float:
    try:
        return number(_text(corners, side))
    except ValueError as error:
        raise ValueError(f"its {side}: {error}") from None


def _flag(element: Element, tag: str) -> bool:
    return _level(element, tag) > 0


def _level(element: Element, tag: str) -> int:
    """Return 0, 1 or 2; −1 if the element is missing, empty or ``Unspecified``."""
    text = _text(element, tag).lower()
    if text in {"", "unspecified", "-1"}:
        return UNKNOWN_LEVEL
    if text in {"true", "false", "yes", "no"}:
        return int(text in {"true", "yes"})
    level = number(text)
    if level not in range(_HIGHEST_LEVEL + 1):
        raise ValueError(f"its {tag} is {text[:40]!r}, not 0 or 1")
    return int(level)


def _side(size: Element, tag: str) -> int:
    try:
        return size_px(number(_text(size, tag)))
    except ValueError:
        return 0


def _spelled(element: Element) -> str:
    corners = element.find("bndbox")
    return (
        ", ".join(_text(corners, side)[:40] for side in ("xmin", "ymin", "xmax", "ymax")) if corners is not None else ""
    )


def compose(annotation: VocAnnotation, folder: str) -> bytes:
    """Return the XML of an annotation, UTF-8, indented by tabs as the VOC devkit's is.

    Characters that XML cannot hold, control characters and halves of surrogate pairs, are left out of names.
    """
    lines = [
        "<annotation>",
        _leaf("folder", folder),
        _leaf("filename", annotation.file_name),
        "\t<size>",
        _leaf("width", str(annotation.width_px), 2),
        _leaf("height", str(annotation.height_px), 2),
        _leaf("depth", "3", 2),
        "\t</size>",
        _leaf("segmented", "0"),
    ]
    for item in annotation.objects:
        lines += _object_lines(item)
    return ("\n".join([*lines, "</annotation>"]) + "\n").encode()


def _object_lines(item: VocObject) -> list[str]:
    tag = "ignored" if item.category is None else "object"
    lines = [f"\t<{tag}>"]
    if item.category is not None:
        lines += [_leaf("name", item.category, 2), _leaf("pose", "Unspecified", 2)]
    for level_tag, level in (("truncated", item.truncated), ("occluded", item.occluded)):
        if level != UNKNOWN_LEVEL:
            lines.append(_leaf(level_tag, str(level), 2))
    lines.append(_leaf("difficult", str(int(item.difficult or item.crowd or item.ignore)), 2))
    lines += [_leaf(flag_tag, "1", 2) for flag_tag, flag in (("crowd", item.crowd), ("ignore", item.ignore)) if flag]
    if not math.isnan(item.area_px):
        lines.append(_leaf("area", number_text(item.area_px), 2))
    x1, y1, x2, y2 = item.box
    corners = (("xmin", x1 + 1.0), ("ymin", y1 + 1.0), ("xmax", x2), ("ymax", y2))
    return [
        *lines,
        "\t\t<bndbox>",
        *(_leaf(corner, number_text(value), 3) for corner, value in corners),
        "\t\t</bndbox>",
        f"\t</{tag}>",
    ]


def _leaf(tag: str, text: str, depth: int = 1) -> str:
    return "\t" * depth + f"<{tag}>{escape(_NOT_XML.sub('', text))}</{tag}>"
