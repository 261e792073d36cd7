"""What a format cannot carry of a dataset, counted and said, so that nothing goes missing in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import UNKNOWN_LEVEL
from detbench.errors import DataError
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from detbench.data.findings import Findings
    from detbench.data.tables import Dataset, GroundTruth

__all__ = ["is_there", "report_losses"]

#: What may be lost: one of it, several, and which boxes have it.
_KINDS: dict[str, tuple[str, str, Callable[[GroundTruth], NDArray[np.bool_]]]] = {
    "regions": ("region of no category", "regions of no category", lambda t: t.category < 0),
    "crowds": ("crowd box", "crowd boxes", lambda t: t.crowd & (t.category >= 0)),
    "ignored": ("ignored box", "ignored boxes", lambda t: t.ignore & ~t.crowd & (t.category >= 0)),
    "difficult": ("difficult mark", "difficult marks", lambda t: t.difficult),
    "levels": (
        "level of truncation or occlusion",
        "levels of truncation or occlusion",
        lambda t: (t.truncated != UNKNOWN_LEVEL) | (t.occluded != UNKNOWN_LEVEL),
    ),
    "areas": ("area", "areas", lambda t: ~np.isnan(t.area_px)),
    "ids": ("annotation id", "annotation ids", lambda t: np.full(len(t), bool(t.source_id))),
}


def report_losses(
    dataset: Dataset, findings: Findings | None, writer: str, kinds: Iterable[str] = (), *, also: Iterable[str] = ()
) -> None:
    """Report in one note what writing a dataset leaves out, and the pictures that are not there to be copied.

    Parameters
    ----------
    dataset, findings, writer
        What is written; where to report, None for nowhere; what people call the format.
    kinds
        What the format cannot carry: of ``regions``, ``crowds``, ``ignored``, ``difficult``, ``levels``, ``areas``
        and ``ids``.
    also
        What else it changes, each a clause with its number.
    """
    if findings is None:
        return
    parts = []
    for one, many, has in (_KINDS[kind] for kind in kinds):
        if count := int(has(dataset.ground_truth).sum()):
            parts.append(counted(count, one, many))
    parts += also
    if missing := sum(not is_there(dataset, row) for row in range(len(dataset.images))):
        parts.append(counted(missing, "picture that is missing", "pictures that are missing"))
    if parts:
        record = "" if dataset.split is None else f"split {dataset.split}"
        message = f"not carried over to {writer}: {', '.join(parts)}"
        findings.report("not-carried", file=dataset.source, record=record, message=message)


def is_there(dataset: Dataset, row: int) -> bool:
    """Return whether picture ``row`` can be copied; by contract its size raises DataError if it is missing."""
    try:
        dataset.pictures.size_bytes(row)
    except DataError:
        return False
    return True
