"""The numbers of two COCO files at once, by the native part alone: without NumPy, which takes longer to import.

Whatever is not plainly two such files is left to the general readers, whose errors name the record. Importing this
module imports neither NumPy nor msgspec; :mod:`detbench.evaluation.unpacking` turns what was scored into tables.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.protocols import Protocol
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.evaluation.metrics.naming import Summary

__all__ = ["FastScores", "may_be_coco", "score_files"]

#: Settings that the native part honours; any other has to have its default.
_HONOURED = frozenset(
    {
        "name",
        "title",
        "matching",
        "iou_thresholds",
        "areas",
        "max_dets",
        "interpolation",
        "iou_above",
        "inclusive_boxes",
        "ignore_difficult",
        "ignore_marked",
        "id_zero_is_unmatched",
    }
)

#: Pairs of area range and threshold are bits of one word.
_MOST_PAIRS = 64


class FastScores(NamedTuple):
    """What was scored: the two paths as given, the protocol, and the native part's own tables.

    ``metrics`` are the protocol's headline numbers, in the order of
    :func:`~detbench.evaluation.metrics.summary.summaries`.
    """

    ground_truth: str
    predictions: str
    protocol: Protocol
    scores: Any
    metrics: dict[str, float | None]


def score_files(
    ground_truth: str | os.PathLike[str],
    predictions: str | os.PathLike[str],
    protocol: Protocol,
    meanwhile: Callable[[], object] | None = None,
) -> FastScores | None:
    """Score COCO results against COCO ground truth; None where the general readers have to.

    That is where the native part was not built, a file is no plain COCO JSON that ends in ``.json``, an id is unknown
    or the protocol has settings that the native part does not know. ``meanwhile`` is called beside the native part.
    """
    paths = os.fspath(ground_truth), os.fspath(predictions)
    module = native()
    if module is None or not _honoured(protocol) or not all(may_be_coco(path) for path in paths):
        return None
    score = partial(
        module.score_files,
        *map(os.fsencode, paths),
        thresholds=protocol.iou_thresholds,
        areas=[(area.low_px, area.high_px) for area in protocol.areas],
        max_dets=protocol.max_dets,
        interpolation=protocol.interpolation,
        best_only=protocol.matching == "voc",
        iou_above=protocol.iou_above,
        inclusive=protocol.inclusive_boxes,
        ignore_difficult=protocol.ignore_difficult,
        ignore_marked=protocol.ignore_marked,
        id_zero_is_unmatched=protocol.id_zero_is_unmatched,
        threads=os.cpu_count() or 1,
    )
    scores = score() if meanwhile is None else _beside(score, meanwhile)
    if scores is None:
        return None
    metrics = {summary.name: _value_of(summary, scores, protocol) for summary in summaries(protocol)}
    return FastScores(*paths, protocol, scores, metrics)


def _beside(native_part: Callable[[], Any], meanwhile: Callable[[], object]) -> Any:
    """Return what the native part returns from a thread of its own, in which nothing is imported.

    Imports are ``meanwhile``'s and stay in one thread: modules that import each other deadlock in two.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as pool:
        found = pool.submit(native_part)
        meanwhile()
        return found.result()


def _value_of(summary: Summary, scores: Any, protocol: Protocol) -> float | None:
    first, last, _ = summary.thresholds.indices(len(protocol.iou_thresholds))
    value: float | None = (
        scores.mean_recall(first, last, summary.area, summary.max_dets)
        if summary.of_recall
        else scores.mean_precision(first, last, summary.area)
    )
    return value


def may_be_coco(path: object) -> bool:
    """Return whether the general reader would take a file for COCO's by its name."""
    return isinstance(path, str) and os.path.splitext(path)[1].lower() == ".json" and "\0" not in path  # noqa: PTH122  pathlib costs as much as scoring


def _honoured(protocol: Protocol) -> bool:
    """Return whether the native part knows all that this protocol asks for."""
    unknown = Protocol._field_defaults.keys() - _HONOURED
    limits = [limit for limit in protocol.max_dets if limit is not None]
    return (
        all(getattr(protocol, field) == Protocol._field_defaults[field] for field in unknown)
        and 0 < len(protocol.iou_thresholds) * len(protocol.areas) <= _MOST_PAIRS
        and None not in protocol.max_dets[:-1]
        and sorted({*limits, 0})[1:] == limits
    )
