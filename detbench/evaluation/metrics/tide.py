"""TIDE: what kind of error each false positive and each missed ground truth is, and what AP would be without a kind.

Bolya, Foley, Hays, Hoffman: TIDE, A General Toolbox for Identifying Object Detection Errors, ECCV 2020, and its
reference implementation, tidecv 1.0.1, whose order of the tests is kept:

1. *localisation*: background IoU ≤ IoU ≤ foreground IoU with ground truth of its own category
2. *classification*: foreground IoU ≤ IoU with ground truth of another category
3. *duplicate*: foreground IoU < IoU with ground truth of its own category, which another prediction took
4. *background*: IoU ≤ background IoU with all ground truth
5. *both*, category and place: everything else
6. *missed*: ground truth that no prediction took and that no error of the first two kinds is about

Only ground truth that must be found is looked at, and only predictions that count. Where tidecv does otherwise:

- tidecv calls a prediction on a crowd an error too, which it then does not count; here it is none.
- tidecv's mean takes in categories that have predictions but no ground truth, with AP 0, until a fix takes their last
  prediction away; here the mean is COCO's, over the categories with ground truth to be found. A category of which a
  fix leaves no ground truth keeps its AP, 0; in tidecv it leaves the mean if it has no predictions.
- tidecv's recall levels are j / 100; here they are the protocol's (COCO's j · 0.01 differs in the last bit, and a
  recall that falls on a level can miss it).
- tidecv puts false positives before true ones of equal score once it fixes something; here the order stays.
- tidecv raises a negative ΔAP to 0; here it stands.
- tidecv takes the 100 highest scores of an image; here the protocol's maxDets of an image and category are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.evaluation.draws import LANES
from detbench.evaluation.overlaps import overlaps_of
from detbench.evaluation.resampling import Columns, block_function, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.overlaps import Overlaps

__all__ = [
    "BACKGROUND_IOU",
    "FALSE_POSITIVES",
    "FIXES",
    "KINDS",
    "MISSED",
    "NO_ERROR",
    "Analysis",
    "Improvement",
    "analyse",
    "fixed",
    "improvement",
]

#: With less than this IoU, a box has nothing to do with an object.
BACKGROUND_IOU = 0.1

#: Kinds of false positives, by number.
FALSE_POSITIVES = ("classification", "localisation", "both", "duplicate", "background")
_CLASSIFICATION, _LOCALISATION, _BOTH, _DUPLICATE, _BACKGROUND = range(len(FALSE_POSITIVES))

#: All kinds; the last is of ground truth.
KINDS = (*FALSE_POSITIVES, "missed")
MISSED = len(FALSE_POSITIVES)

#: A prediction that is right, or does not count.
NO_ERROR = -1

#: What can be fixed: one kind, or all false positives, or all ground truth not found. Bit 0 is nothing fixed, and
#: FIXES[i] is bit i + 1.
FIXES = (*KINDS, "false_positives", "false_negatives")

_NOBODY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The errors of N predictions and G ground truths, in the order of ``matches.task``.

    Attributes
    ----------
    kind
        int8 ``[N]``: an index of FALSE_POSITIVES, or NO_ERROR.
    target
        int32 ``[N]``: the ground truth that the error is about, −1 for none: of the prediction's own category for
        localisation and duplicate, of another one for classification and both.
    iou
        float64 ``[N]``: the IoU with it; 0 where there is none.
    taker
        int32 ``[G]``: the prediction that found the ground truth, or −1.
    counts
        bool ``[N]``: counts as right or wrong.
    must
        bool ``[G]``: must be found.
    overlaps
        Pairs with ground truth that must be found, of the background IoU or more.
    """

    matches: Matches
    kind: NDArray[np.int8]
    target: NDArray[np.int32]
    iou: NDArray[np.float64]
    taker: NDArray[np.int32]
    counts: NDArray[np.bool_]
    must: NDArray[np.bool_]
    overlaps: Overlaps

    def found(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return bool ``[G]``: found by a prediction whose score is ``threshold`` or more."""
        found = np.flatnonzero(self.taker != _NOBODY)
        if threshold is not None:
            found = found[self.matches.task.score[self.taker[found]] >= threshold]
        return _mask(found, len(self.taker))

    def wrong(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return bool ``[N]``: an error whose score is ``threshold`` or more."""
        wrong = np.flatnonzero(self.kind != NO_ERROR)
        if threshold is not None:
            wrong = wrong[self.matches.task.score[wrong] >= threshold]
        return _mask(wrong, len(self.kind))

    def missed(self, threshold: float | None = None) -> NDArray[np.bool_]:
        """Return bool ``[G]``: not found, and no error of classification or localisation is about it.

        With a ``threshold``, as if the predictions below that score were not there.
        """
        missed = self.must & ~self.found(threshold)
        mendable = self._mendable()
        missed[self.target[mendable[self.wrong(threshold)[mendable]]]] = False
        return missed

    def best_mended(self) -> NDArray[np.intp]:
        """Return the rows of the errors that become right when they are fixed.

        Of all errors of classification and localisation about a ground truth that nobody found, that of the highest
        score, the first of the file among equals; the others would be duplicates.
        """
        task, rows = self.matches.task, self._mendable()
        rows = rows[self.taker[self.target[rows]] == _NOBODY]
        order = np.lexsort((task.row[rows], -task.score[rows], self.target[rows]))
        rows = np.asarray(rows[order], dtype=np.intp)
        first = np.ones(len(rows), dtype=np.bool_)
        first[1:] = self.target[rows[1:]] != self.target[rows[:-1]]
        return rows[first]

    def _mendable(self) -> NDArray[np.intp]:
        return np.flatnonzero((self.kind == _CLASSIFICATION) | (self.kind == _LOCALISATION))


def _mask(rows: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows] = True
    return mask


def analyse(matches: Matches, background_iou: float = BACKGROUND_IOU) -> Analysis:
    """Return the errors at the protocol's lowest IoU threshold, the foreground IoU, in its first area range."""
    task, one = matches.task, np.uint64(1)
    counts = (matches.not_counted & one) == 0
    found = counts & ((matches.found & one) != 0)
    wrong = counts & ~found
    taker = np.full(len(task.truth_box), _NOBODY, dtype=np.int32)
    taker[matches.partner[found]] = np.flatnonzero(found)
    foreground = matches.protocol.iou_thresholds[0]
    background_iou = min(background_iou, foreground)
    overlaps = overlaps_of(matches, background_iou)
    pairs = overlaps.take(wrong[overlaps.prediction])
    alike = task.category[pairs.prediction] == task.truth_category[pairs.truth]
    own, own_truth = _best(pairs.take(alike), len(wrong))
    other, other_truth = _best(pairs.take(~alike), len(wrong))
    kind = np.select(
        [
            ~wrong,
            (own >= background_iou) & (own <= foreground),
            other >= foreground,
            own > foreground,
            np.maximum(own, other) <= background_iou,
        ],
        [NO_ERROR, _LOCALISATION, _CLASSIFICATION, _DUPLICATE, _BACKGROUND],
        _BOTH,
    ).astype(np.int8)
    about_own = (kind == _LOCALISATION) | (kind == _DUPLICATE)
    about_other = (kind == _CLASSIFICATION) | (kind == _BOTH)
    return Analysis(
        matches=matches,
        kind=kind,
        target=np.select([about_own, about_other], [own_truth, other_truth], _NOBODY).astype(np.int32),
        iou=np.select([about_own, about_other], [own, other], 0.0),
        taker=taker,
        counts=counts,
        must=(task.truth_ignored & one) == 0,
        overlaps=overlaps,
    )


def _best(pairs: Overlaps, count: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return float64 ``[N]`` and int32 ``[N]``: the greatest IoU of each prediction, and the first truth that has it.

    0 and −1 where a prediction has no pair.
    """
    iou, truth = np.zeros(count), np.full(count, _NOBODY, dtype=np.int32)
    if len(pairs.iou):
        first = np.flatnonzero(np.concatenate(([True], pairs.prediction[1:] != pairs.prediction[:-1])))
        iou[pairs.prediction[first]] = np.maximum.reduceat(pairs.iou, first)
        greatest = pairs.iou == iou[pairs.prediction]
        # Written from the last to the first: the first of equals stays.
        truth[pairs.prediction[greatest][::-1]] = pairs.truth[greatest][::-1]
    return iou, truth


def fixed(analysis: Analysis) -> Columns:
    """Return columns for resampling whose bit 0 is the matches' lowest, and bit i + 1 is that with FIXES[i] done.

    What fixing is, by kind: an error of classification or localisation becomes right if it is the best one about a
    ground truth that nobody found, and else goes away; both, duplicate and background go away; missed ground truth
    need not be found. ``false_positives``: all go away. ``false_negatives``: what was not found need not be.
    """
    matches, task, kind = analysis.matches, analysis.matches.task, analysis.kind
    every = np.uint64((1 << (len(FIXES) + 1)) - 1)
    found = np.where(analysis.counts & (kind == NO_ERROR), every, np.uint64(0))
    not_counted = np.where(analysis.counts, np.uint64(0), every)
    for number in range(len(FALSE_POSITIVES)):
        not_counted[kind == number] |= _bit(number) | _bit(FIXES.index("false_positives"))
    mended = analysis.best_mended()
    placed = mended[kind[mended] == _LOCALISATION]
    found[placed] |= _bit(_LOCALISATION)
    not_counted[placed] &= ~_bit(_LOCALISATION)
    # In its true category, the prediction is one more row, which is there in one bit only.
    renamed = mended[kind[mended] == _CLASSIFICATION]
    rows = np.concatenate((np.arange(len(kind)), renamed))
    category = np.concatenate((task.category, task.truth_category[analysis.target[renamed]]))
    only = np.full(len(renamed), _bit(_CLASSIFICATION))
    found, not_counted = np.concatenate((found, only)), np.concatenate((not_counted, every & ~only))
    order = np.lexsort((task.row[rows], task.image[rows], -task.score[rows], category))
    ignored = np.where(analysis.must, np.uint64(0), every)
    ignored[analysis.missed()] |= _bit(MISSED)
    ignored[analysis.must & ~analysis.found()] |= _bit(FIXES.index("false_negatives"))
    return Columns(
        image=task.image[rows][order],
        rank=np.zeros(len(order), dtype=np.int32),  # all that was matched counts
        found=found[order],
        not_counted=not_counted[order],
        offsets=np.searchsorted(category[order], np.arange(matches.category_count + 1)).astype(np.int64),
        truth_image=task.truth_image,
        truth_ignored=ignored,
        truth_offsets=matches.truth_offsets(),
    )


def _bit(fix: int) -> np.uint64:
    return np.uint64(1 << (fix + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Improvement:
    """AP, and what fixing adds to it: F fixes, K categories, S draws; NaN where undefined.

    Attributes
    ----------
    average_precision
        float64 ``[K]``, at the foreground IoU.
    delta
        float64 ``[K, F]``: AP with FIXES[f] done, less AP.
    drawn
        float64 ``[K, F, S]``: the same in each draw of images; S is 0 without draws.
    """

    average_precision: NDArray[np.float64]
    delta: NDArray[np.float64]
    drawn: NDArray[np.float64]

    def mean_before(self) -> float:
        """Return AP, the mean over the categories with ground truth, NaN if there is none."""
        known = self._known()
        return float(self.average_precision[known].mean()) if known.any() else float("nan")

    def mean(self) -> NDArray[np.float64]:
        """Return float64 ``[F]``: the mean over the categories with ground truth, NaN if there is none."""
        known = self._known()
        return self.delta[known].mean(axis=0) if known.any() else np.full(len(FIXES), np.nan)

    def drawn_mean(self, draws: Draws) -> NDArray[np.float64]:
        """Return float64 ``[F, S]``: the same in each draw, NaN where it has no category.

        A category that a resample lacks stands with its value, one that a jackknife draw lacks is left out:
        :mod:`~detbench.evaluation.intervals` says why.
        """
        resampled = np.repeat([draws.is_resampled(block) for block in range(draws.block_count)], LANES)
        values = np.where(np.isnan(self.drawn) & resampled, self.delta[..., None], self.drawn)
        defined = ~np.isnan(values)
        count, total = defined.sum(axis=0), np.where(defined, values, 0.0).sum(axis=0)
        return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))

    def _known(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.average_precision)


def improvement(analysis: Analysis, draws: Draws | None) -> Improvement:
    """Return what AP would gain from each fix, in every draw too."""
    columns, protocol, bits = fixed(analysis), analysis.matches.protocol, len(FIXES) + 1
    compute = block_function(columns, bit_count=bits, interpolation=protocol.interpolation, max_dets=())
    everything = np.ones((analysis.matches.image_count, LANES), dtype=np.uint8)
    average = compute(everything)[0][..., 0]
    drawn = np.zeros((*average.shape, 0))
    if draws is not None:
        drawn = resample(columns, draws, bit_count=bits, interpolation=protocol.interpolation)[0]
    return Improvement(average[:, 0], _gain(average), _gain(drawn))


def _gain(average: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return AP of bits 1 … less that of bit 0, the second axis; 0 where a fix leaves nothing to be found."""
    before, after = average[:, :1], average[:, 1:]
    return np.asarray(np.where(np.isnan(after), before, after) - before)
