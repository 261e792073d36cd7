"""Proposal recall against the number of proposals: what of the ground truth a second stage could still find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from detbench.evaluation.draws import SHARE
from detbench.evaluation.fingerprints import predictions_fingerprint
from detbench.evaluation.metrics.proposals import MEASURES, found_per_image, ranks, recall_at
from detbench.evaluation.metrics.sums import sums_of_draws
from detbench.evaluation.options import MOST_PROPOSALS, NAMED_COUNTS
from detbench.evaluation.parts.bands import NO_TRUTH, Band, ascend, band_flaw, with_ends
from detbench.evaluation.parts.numbers import Numbers
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.proposals import Ranks
    from detbench.evaluation.metrics.sums import PerImage
    from detbench.evaluation.protocols import Protocol

__all__ = [
    "ProposalCurves",
    "Proposals",
    "ProposalsWanted",
    "ScoredProposals",
    "by_group",
    "flaw",
    "headline",
    "is_named",
    "named",
    "proposal_recall",
]

#: Where the curves have points: 1, 2, 3, 5, 7 and ten times that, and so on.
_GRID = [step * 10**power for power in range(3) for step in (1, 2, 3, 5, 7)] + [1000, MOST_PROPOSALS]

#: Sums of fractions may end this far above 1.
_ROUNDING = 1e-9

Count = Annotated[int, msgspec.Meta(ge=0)]


class ProposalsWanted(NamedTuple):
    """What to score: proposals read for a dataset, and the numbers of them that get metrics of their own."""

    loaded: LoadedPredictions
    counts: tuple[int, ...] = NAMED_COUNTS


class ProposalCurves(msgspec.Struct, frozen=True, kw_only=True):
    """Recall of some of the ground truth against the number of proposals.

    ``name`` is ``all``, a size or a category; ``suffix`` ends the names of its metrics (``s``: ``proposal_AR@100s``).
    ``counts`` are the numbers of proposals an image, ascending; each curve has a value for each. ``average_recall`` is
    the mean over IoU 0.50 to 0.95. Without ground truth they are None, and ``reason`` says so.
    """

    name: str
    suffix: str
    ground_truths: Count
    counts: list[Count]
    average_recall: Band | None
    recall50: Band | None
    recall70: Band | None
    reason: str

    def measures(self) -> dict[str, Band | None]:
        """Return the measure in a metric's name (``AR``, ``recall50``, ``recall70``) → its curve."""
        return dict(zip(MEASURES, (self.average_recall, self.recall50, self.recall70), strict=True))


class Proposals(msgspec.Struct, frozen=True, kw_only=True):
    """Proposal recall, class-agnostic, images without proposals included.

    ``images`` counts those with at least one proposal; ``images_with_fewer`` says for each of ``all.counts`` how many
    images have fewer proposals than that. ``named_counts`` are those with metrics of their own; ``by_category`` has
    no other. ``iou_thresholds`` are what average recall is the mean over.
    """

    source: str
    fingerprint: str
    proposals: Count
    images: Count
    dropped: Count
    iou_thresholds: list[float]
    named_counts: list[Count]
    images_with_fewer: list[Count]
    all: ProposalCurves
    by_size: list[ProposalCurves]
    by_category: list[ProposalCurves]


class ScoredProposals(NamedTuple):
    """Proposals, their recall, and its headline numbers in each draw.

    ``drawn`` maps a metric's name to float64 ``[S]``, NaN where it is undefined, and is empty without draws;
    ``truth_images`` is in how many images there is ground truth to be found.
    """

    loaded: LoadedPredictions
    part: Proposals
    drawn: dict[str, NDArray[np.float64]]
    truth_images: int


def proposal_recall(
    dataset: Dataset, wanted: ProposalsWanted, protocol: Protocol, draws: Draws | None
) -> ScoredProposals:
    """Match proposals with ``dataset``'s ground truth, once, and return their recall with intervals from ``draws``."""
    table, found = wanted.loaded.predictions, ranks(dataset, wanted.loaded.predictions, protocol)
    per_image = np.bincount(table.image, minlength=len(dataset.images))
    at, named_at = sorted({*_GRID, *wanted.counts}), sorted(wanted.counts)
    groups = list(_groups(dataset, found, at, named_at))
    (whole, *parts), drawn = _curves(groups, draws)
    sizes = len(found.rules.areas) - 1
    part = Proposals(
        source=unbroken(Path(wanted.loaded.source).name),
        fingerprint=predictions_fingerprint(dataset, table),
        proposals=len(table),
        images=int(np.count_nonzero(per_image)),
        dropped=sum(wanted.loaded.dropped.values()),
        iou_thresholds=list(found.rules.iou_thresholds),
        named_counts=named_at,
        images_with_fewer=[int(np.count_nonzero(per_image < count)) for count in at],
        all=whole,
        by_size=parts[:sizes],
        by_category=parts[sizes:],
    )
    places = {count: at.index(count) for count in named_at}
    of_names = {
        f"proposal_{measure}@{count}": values[place]
        for count, place in places.items()
        for measure, values in zip(MEASURES, drawn, strict=False)
    }
    return ScoredProposals(wanted.loaded, part, of_names, len(np.unique(groups[0].image)))


class _Group(NamedTuple):
    """Some of the ground truth: ``rank`` is uint16 ``[n, T]``, ``image`` int32 ``[n]``."""

    name: str
    suffix: str
    image: NDArray[np.int32]
    rank: NDArray[np.uint16]
    counts: list[int]
    reason: str


def _groups(dataset: Dataset, found: Ranks, at: list[int], named_at: list[int]) -> Iterator[_Group]:
    """Yield all ground truth, then that of each size, then that of each category."""
    for area, limits in enumerate(found.rules.areas):
        must = found.must_find[:, area]
        name = "all" if area == 0 else unbroken(limits.name)
        why = NO_TRUTH if area == 0 else f"no ground truth to be found is {name}"
        yield _Group(name, limits.suffix if area else "", found.image[must], found.rank[must, area], at, why)
    every = np.flatnonzero(found.must_find[:, 0])
    order = every[np.argsort(found.category[every], kind="stable")]
    ends = np.searchsorted(found.category[order], np.arange(len(dataset.categories) + 1))
    for category, name in enumerate(dataset.categories.name):
        rows = order[ends[category] : ends[category + 1]]
        why = "it has no ground truth to be found"
        yield _Group(unbroken(name), "", found.image[rows], found.rank[rows, 0], named_at, why)


def _curves(groups: list[_Group], draws: Draws | None) -> tuple[list[ProposalCurves], list[NDArray[np.float64]]]:
    """Return the curves of each group, and each measure of the first in the draws, float64 ``[K, S]``."""
    bands: list[list[Band | None]] = []
    for group in groups:
        recall = recall_at(group.rank, np.array(group.counts)) if len(group.rank) else None
        bands.append([None if recall is None else _band(recall, thresholds) for thresholds in MEASURES.values()])
    first: list[NDArray[np.float64]] = []
    if draws is not None:
        per_image = [found_per_image(group.image, group.rank, np.array(group.counts)) for group in groups]
        sums = sums_of_draws(draws, per_image)
        first = _in_draws(sums[0])
        drawn = zip(per_image, sums, strict=True)
        bands = [_with_ends(draws, *of, lines) for of, lines in zip(drawn, bands, strict=True)]
    curves = [
        ProposalCurves(
            name=group.name,
            suffix=group.suffix,
            ground_truths=len(group.rank),
            counts=group.counts,
            average_recall=lines[0],
            recall50=lines[1],
            recall70=lines[2],
            reason="" if len(group.rank) else group.reason,
        )
        for group, lines in zip(groups, bands, strict=True)
    ]
    return curves, first


def _band(recall: NDArray[np.float64], thresholds: range) -> Band:
    """Return the mean over some thresholds of ``recall``, float64 ``[K, T]``."""
    return Band(value=np.mean(recall[:, thresholds.start : thresholds.stop], axis=1).tolist())


def _in_draws(sums: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return float64 ``[K, S]`` a measure from a group's sums in the draws: those of its ground truths come first."""
    truths = np.where(sums[0] > 0, sums[0], np.nan)
    found = np.split(sums[1:], len(MEASURES))
    return [of / (truths * len(thresholds)) for of, thresholds in zip(found, MEASURES.values(), strict=True)]


def _with_ends(
    draws: Draws, per_image: PerImage, sums: NDArray[np.float64], lines: list[Band | None]
) -> list[Band | None]:
    """Return the curves of a group with their intervals; what lies in a single image has none."""
    if per_image.in_one_image:
        return lines
    found: list[Band | None] = []
    for band, values in zip(lines, _in_draws(sums), strict=True):
        if band is None:
            return lines
        found.append(with_ends(draws, band.value, values, within=SHARE, images=len(per_image.image)))
    return found


def is_named(metric: str) -> bool:
    """Return whether a metric's name is that of a recall of proposals."""
    return metric.startswith("proposal_")


def named(curves: ProposalCurves, counts: Sequence[int]) -> Numbers:
    """Return a group's numbers at some of its numbers of proposals, by name: ``proposal_recall50@100`` and so on."""
    numbers = Numbers({}, {}, {})
    for count in counts:
        place = curves.counts.index(count)
        for measure, band in curves.measures().items():
            name = f"proposal_{measure}@{count}{curves.suffix}"
            numbers.metrics[name] = None if band is None else band.value[place]
            if band is None:
                numbers.reasons[name] = curves.reason
            elif band.low:
                numbers.intervals[name] = (band.low[place], band.high[place])
    return numbers


def headline(part: Proposals) -> Numbers:
    """Return the numbers that stand among a result's metrics."""
    return named(part.all, part.named_counts)


def by_group(part: Proposals) -> list[tuple[str, Numbers]]:
    """Return the numbers of sizes and categories, each with what stands before its names in a flat table."""
    sizes = [("", named(curves, part.named_counts)) for curves in part.by_size]
    return sizes + [(f"category/{curves.name}/", named(curves, part.named_counts)) for curves in part.by_category]


def flaw(part: Proposals) -> str:
    """Return what in the part cannot be, in words, or nothing."""
    if len(part.images_with_fewer) != len(part.all.counts):
        return "the numbers of images and of proposals differ in length"
    for curves in (part.all, *part.by_size, *part.by_category):
        if not set(part.named_counts) <= set(curves.counts):
            return f"a number of proposals has no recall of {curves.name!r:.60}"
        if not ascend(curves.counts):
            return f"the numbers of proposals of {curves.name!r:.60} do not ascend"
        for band in filter(None, curves.measures().values()):
            if found := band_flaw(band, len(curves.counts), least=0, most=1 + _ROUNDING):
                return found
    return ""
