"""What a format cannot carry of a dataset, counted, so that no box goes missing unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import UNKNOWN_LEVEL
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from detbench.data.findings import Findings
    from detbench.data.tables import Dataset, GroundTruth

__all__ = ["report_losses", "report_missing_pictures"]

#: What may be lost, and which boxes have it. A box that several kinds hold for counts in each.
_KINDS: dict[str, Callable[[GroundTruth], NDArray[np.bool_]]] = {
    "regions of no category": lambda table: table.category < 0,
    "boxes of a crowd": lambda table: table.crowd & (table.category >= 0),
    "boxes to be ignored": lambda table: table.ignore & ~table.crowd & (table.category >= 0),
    "marks of difficult boxes": lambda table: table.difficult & ~(table.ignore | table.crowd) & (table.category >= 0),
    "levels of truncation or occlusion": lambda table: np.asarray(
        (table.truncated != UNKNOWN_LEVEL) | (table.occluded != UNKNOWN_LEVEL)
    ),
    "areas": lambda table: ~np.isnan(table.area_px),
    "annotation ids": lambda table: np.full(len(table), bool(table.source_id)),
}


def report_losses(dataset: Dataset, findings: Findings | None, format_name: str, lost: Iterable[str]) -> None:
    """Report how much of each kind in ``lost`` a dataset has, which ``format_name`` leaves out.

    Parameters
    ----------
    dataset
        What is written.
    findings
        Where to report; None reports nothing.
    format_name
        The format's name as people call it.
    lost
        Keys of the kinds: ``regions of no category``, ``boxes of a crowd``, ``boxes to be ignored``, ``marks of
        difficult boxes``, ``levels of truncation or occlusion``, ``areas``, ``annotation ids``.
    """
    for kind in lost if findings is not None else ():
        count = int(_KINDS[kind](dataset.ground_truth).sum())
        if count and findings is not None:
            _report(dataset, findings, f"{kind} are left out, for {format_name} cannot carry them: {count:,}")
