"""What the columns of a CSV of boxes are called, in our own files and in those of others."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detbench.data.formats.numbers import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["COLUMNS", "CORNERS", "DELIMITERS", "NEEDED", "SCORE", "CsvLayout", "layout_of", "places_of"]

#: Our columns, in the order in which they are written.
COLUMNS = (
    "image",
    "xmin",
    "ymin",
    "xmax",
    "ymax",
    "category",
    "width_px",
    "height_px",
    "difficult",
    "crowd",
    "ignore",
    "truncated",
    "occluded",
    "area_px",
    "split",
)

CORNERS = ("xmin", "ymin", "xmax", "ymax")
NEEDED = ("image", *CORNERS, "category")

#: What others call our columns, in lower case, without blanks, ``_`` and ``-``.
_ALIASES = {
    "image": (
        "filename",
        "file",
        "img",
        "imagename",
        "imageid",
        "imagepath",
        "imgpath",
        "path",
        "filepath",
        "imagefile",
    ),
    "xmin": ("x1", "left", "bboxxmin", "bboxx1"),
    "ymin": ("y1", "top", "bboxymin", "bboxy1"),
    "xmax": ("x2", "right", "bboxxmax", "bboxx2"),
    "ymax": ("y2", "bottom", "bboxymax", "bboxy2"),
    "category": ("class", "label", "name", "classname", "labelname", "categoryname", "categoryid"),
    "width_px": ("width", "widthpx", "imagewidth", "imgwidth"),
    "height_px": ("height", "heightpx", "imageheight", "imgheight"),
    "crowd": ("iscrowd",),
    "area_px": ("area", "areapx"),
    "split": ("subset", "set"),
    "score": ("scores", "confidence", "conf", "probability"),
}

#: The column that makes a table one of predictions.
SCORE = "score"

_OUR_NAME = {alias: column for column, aliases in _ALIASES.items() for alias in aliases} | {
    column: column for column in (*COLUMNS, SCORE)
}

#: What separates fields, the likeliest first.
DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How to read a file: what separates fields, which field each of our columns is, whether there is a header."""

    delimiter: str
    place: Mapping[str, int]
    has_header: bool

    @property
    def described(self) -> str:
        """What was seen, as a clause."""
        if not self.has_header:
            return "six columns without a header: path, x1, y1, x2, y2, class"
        return f"a header with {', '.join(column for column in COLUMNS if column in self.place)}"


def places_of(header: Sequence[str]) -> dict[str, int]:
    """Return which field of a header each of our columns is: the one of its own name, or the first of another name.

    Examples
    --------
    >>> places_of(["Image_ID", "colour", "x1", "conf"])
    {'image': 0, 'xmin': 2, 'score': 3}
    """
    names = [re.sub(r"[\s_-]", "", field).lower() for field in header]
    place: dict[str, int] = {}
    for index in sorted(range(len(names)), key=lambda index: names[index] not in _OUR_NAME.values()):
        if names[index] in _OUR_NAME:
            place.setdefault(_OUR_NAME[names[index]], index)
    return place


def layout_of(first_line: str) -> CsvLayout:
    """Return how to read a CSV whose first line this is.

    Raises
    ------
    ValueError
        With a clause that says what is missing, or that it holds predictions.
    """
    names: list[str] = []
    for delimiter in DELIMITERS:
        fields = next(csv.reader([first_line], delimiter=delimiter), [])
        place = places_of(fields)
        if set(NEEDED) <= place.keys():
            if SCORE in place:
                raise ValueError(
                    f"has a column {fields[place[SCORE]].strip()!r}: it holds predictions, not ground truth"
                )
            return CsvLayout(delimiter, place, has_header=True)
        if _is_headless(fields):
            return CsvLayout(delimiter, dict(zip(NEEDED, range(len(NEEDED)), strict=True)), has_header=False)
        names = max(names, fields, key=len)
    raise ValueError(
        f"has no columns image, xmin, ymin, xmax, ymax, category in its first line ({', '.join(names)[:120]!r})"
    )


def _is_headless(fields: list[str]) -> bool:
    """Return whether a line is ``path,x1,y1,x2,y2,class`` as keras-retinanet has it: all but the path may be empty."""
    if len(fields) != len(NEEDED) or not fields[0].strip():
        return False
    if not any(field.strip() for field in fields[1:]):
        return True
    try:
        for field in fields[1:5]:
            number(field)
    except ValueError:
        return False
    return bool(fields[5].strip())
