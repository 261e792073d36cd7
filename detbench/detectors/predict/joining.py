"""A model's categories joined to a dataset's, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from detbench.data.tables import Categories
from detbench.detectors.adapters.naming import COCO
from detbench.errors import UsageError
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LEFT_OUT", "Unknown", "as_categories", "rows_in"]

#: What to do with predictions of a category that the dataset lacks.
Unknown = Literal["error", "drop"]

#: The row of what is left out.
LEFT_OUT = -1

_SHOWN = 12

#: Pascal VOC and darknet's list of COCO's names spell some of COCO's categories otherwise.
_COCO_SPELLING = {
    "motorbike": "motorcycle",
    "aeroplane": "airplane",
    "sofa": "couch",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "tvmonitor": "tv",
}
_OTHER_SPELLING = _COCO_SPELLING | {new: old for old, new in _COCO_SPELLING.items()}


def rows_in(names: Sequence[str] | None, known: Categories, unknown: Unknown) -> NDArray[np.int32]:
    """Return int32: each of a model's categories' row in the dataset, :data:`LEFT_OUT` where it lacks it.

    Names None are the dataset's own. VOC's ``sofa`` is COCO's ``couch``, and five more likewise, where only one is
    known.

    Raises
    ------
    UsageError
        If the dataset lacks one, unless ``unknown`` is ``"drop"``; if it lacks all of them.
    """
    if names is None:
        return np.arange(len(known), dtype=np.int32)
    row_of = known.row_of_name()
    for name in names:
        other = _OTHER_SPELLING.get(name, name)
        if name not in row_of and other in row_of and other not in names:
            row_of[name] = row_of[other]
    rows = np.array([row_of.get(name, LEFT_OUT) for name in names], dtype=np.int32)
    missing = [name for name in names if name not in row_of]
    if not missing or (unknown == "drop" and len(missing) < len(names)):
        return rows
    listed = ", ".join(brief(name, 40) for name in known.name[:_SHOWN]) or "none"
    has = f"{listed}, and {len(known) - _SHOWN} more" if len(known) > _SHOWN else listed
    more = f" and {counted(len(missing) - 1, 'other')}" if len(missing) > 1 else ""
    verb = "are" if more else "is"
    remedy = "say --unknown drop to leave its predictions out"
    if len(missing) == len(names):
        remedy = "if only the names differ, give the dataset's in the model's order with --categories FILE"
    raise UsageError(f"the model's category {missing[0]!r}{more} {verb} not among the dataset's: {has}; {remedy}")


def as_categories(names: Sequence[str]) -> Categories:
    """Return a model's categories as a dataset's: numbered from 1, or by COCO's ids if they are COCO's."""
    return Categories(COCO.names, COCO.ids) if tuple(names) == COCO.names else Categories.from_names(names)
