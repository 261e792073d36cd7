"""What the boxes and scores say about how a file was written: the slips that still give numbers, but wrong ones.

The tests of whole files that ground truth goes through (:mod:`detbench.data.check.conventions`) are run on the
predictions too, as if they were boxes of the format that their form is like.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.check.context import Context, Split
from detbench.data.check.conventions import corners_for_sizes, sizes_for_corners
from detbench.data.tables import GroundTruth, Images
from detbench.evaluation.document import Remark
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset, Predictions

__all__ = ["suspicions"]

#: Shares of all predictions from which a slip is the file's and not a few boxes' own.
_MEANINGLESS_SHARE = 1 / 3
_OUTSIDE_SHARE = 1 / 3
_REPEATED_SHARE = 0.1

#: Odd multipliers that scatter the bits of score, category, image and corners (Steele et al. 2014, SplitMix).
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)

#: Of more predictions than this, so many spread over the file are looked at first; all of them only if those are odd.
_SAMPLE = 20_000

#: Too few to tell anything by.
_FEWEST = 3

#: Fractions of a picture end at 1; a box may leave its picture a little.
_FRACTION_END = 1.5

#: What a detector that was not cut off writes still has scores under this.
_CUT_SCORE = 0.05

#: A form of predictions → the format whose boxes are written like it.
_LIKE = {"coco": "coco", "csv": "csv", "voc": "csv", "cartucho": "csv"}

_REMEDIES = {
    "box-format-xyxy": "write x, y, width, height",
    "box-format-xywh": "write x1, y1, x2, y2",
}


def suspicions(dataset: Dataset, loaded: LoadedPredictions) -> list[Remark]:
    """Return what looks wrongly written in the ground truth and in the predictions; an error is surely meaningless."""
    found = list(_conventions(dataset, "the ground truth"))
    if len(loaded.predictions) < 1:
        return found
    boxes = _about_boxes(dataset, _sparse(loaded)) and _about_boxes(dataset, loaded)
    table = loaded.predictions
    inside_out = [] if any(remark.code in _REMEDIES for remark in boxes) else _inside_out(table)
    return [*found, *inside_out, *boxes, *_repeated(table), *_scores(table)]


def _about_boxes(dataset: Dataset, loaded: LoadedPredictions) -> list[Remark]:
    """Return what is odd about a large part of the boxes: another convention, fractions, or all out of the picture."""
    table = loaded.predictions
    swapped = list(_conventions(_disguised(dataset, loaded), "the predictions file"))
    return swapped or _fractions(dataset, table) or _outside(dataset, table)


def _sparse(loaded: LoadedPredictions) -> LoadedPredictions:
    """Return predictions of which some spread over the file are left, if they are many."""
    table = loaded.predictions
    step = max(len(table) // _SAMPLE, 1)
    return replace(loaded, predictions=table.take(slice(None, None, step)))


def _conventions(dataset: Dataset, whose: str) -> Iterator[Remark]:
    """Yield an error if the boxes are corners where sizes should be, or the reverse."""
    context = Context((Split(dataset),))
    for finding in (*corners_for_sizes(context), *sizes_for_corners(context)):
        example = ", ".join(f"{side:.6g}" for side in _as_written(dataset, 0))
        text = f"{whose} {finding.message}; its first box is [{example}]: {_REMEDIES[finding.code]}"
        yield Remark(code=finding.code, severity="error", message=text)


def _as_written(dataset: Dataset, row: int) -> NDArray[np.float64]:
    """Return the four numbers of a box in the order of its format."""
    truth = dataset.ground_truth
    if dataset.format != "csv":
        return np.concatenate([truth.box[row, :2], truth.size_px[row]])
    return np.asarray(truth.box[row])


def _disguised(dataset: Dataset, loaded: LoadedPredictions) -> Dataset:
    """Return the dataset with the predictions' boxes for ground truth, in the format that their form is like.

    Pictures of unknown size are taken to end where the furthest ground truth does.
    """
    table, count = loaded.predictions, len(loaded.predictions)
    no, level = np.zeros(count, dtype=np.bool_), np.full(count, -1, dtype=np.int8)
    truth = GroundTruth(
        table.image, table.category, table.box, np.full(count, np.nan), no, no, no, level, level, (), table.size_px
    )
    images = dataset.images
    sizes = _sizes_px(dataset).astype(np.int32)
    return replace(
        dataset,
        format=_LIKE.get(loaded.format, ""),
        ground_truth=truth,
        images=Images(images.key, images.file_name, sizes[:, 0], sizes[:, 1]),
    )


def _sizes_px(dataset: Dataset) -> NDArray[np.float64]:
    """Return float64 ``[I, 2]``: each picture's size, or how far the ground truth reaches, 0 if there is none."""
    sizes = np.stack([dataset.images.width_px, dataset.images.height_px], axis=1).astype(np.float64)
    box = dataset.ground_truth.box
    reach = np.clip(np.ceil(box[:, 2:].max(axis=0)), 0, 2**30) if len(box) else np.zeros(2)
    return np.where((sizes > 0).all(axis=1, keepdims=True), sizes, reach)


def _inside_out(table: Predictions) -> Iterator[Remark]:
    if table.size_px.min(initial=0.0) >= 0:
        return
    odd = np.asarray((table.size_px < 0).any(axis=1))
    share = float(odd.mean())
    if share:
        meaningless = share >= _MEANINGLESS_SHARE
        text = (
            f"{_of(odd)} end before they begin (a negative width or height), {_example(table, odd)}: they can match "
            "nothing; write the lower corner first, or look whether sizes stand where corners should"
        )
        yield Remark(code="boxes-inside-out", severity="error" if meaningless else "warning", message=text)


def _fractions(dataset: Dataset, table: Predictions) -> list[Remark]:
    far = _sizes_px(dataset)[table.image].max(initial=0.0)
    if table.box.max() > _FRACTION_END or table.box.min() < 1 - _FRACTION_END or far <= 2 * _FRACTION_END:
        return []
    text = (
        f"all {counted(len(table), 'box', 'boxes')} of the predictions lie within 0 to {table.box.max():.3g}, as "
        f"fractions of a picture do, {_example(table, np.ones(len(table), np.bool_))}: multiply them by the "
        "picture's width and height"
    )
    return [Remark(code="boxes-are-fractions", severity="error", message=text)]


def _outside(dataset: Dataset, table: Predictions) -> list[Remark]:
    size = _sizes_px(dataset)[table.image]
    out = np.asarray(((table.box[:, :2] >= size) | (table.box[:, 2:] <= 0)).any(axis=1) & (size > 0).all(axis=1))
    if out.mean() < _OUTSIDE_SHARE or len(out) < _FEWEST:
        return []
    text = (
        f"{_of(out)} lie wholly outside their picture, {_example(table, out)}: write pixels of the picture as it is "
        "stored, and look whether these are the right pictures"
    )
    return [Remark(code="boxes-outside", severity="error", message=text)]


def _repeated(table: Predictions) -> list[Remark]:
    """Return a warning if many rows stand twice: each repetition is a false positive."""
    hashes = _row_hashes(table)
    if np.count_nonzero(np.diff(np.sort(hashes)) == 0) < max(_REPEATED_SHARE * len(table), _FEWEST):
        return []
    order = np.argsort(hashes, kind="stable")
    columns = np.column_stack([table.image, table.score, table.category, table.box])[order]
    repeats = np.zeros(len(table), dtype=np.bool_)
    repeats[order[1:]] = (columns[1:] == columns[:-1]).all(axis=1)
    if repeats.mean() < _REPEATED_SHARE or int(repeats.sum()) < _FEWEST:
        return []
    text = (
        f"{_of(repeats)} repeat another with the same image, category, box and score, {_example(table, repeats)}: "
        "each repetition is a false positive; write every prediction once"
    )
    return [Remark(code="predictions-repeated", severity="warning", message=text)]


@np.errstate(over="ignore")  # a hash wraps around
def _row_hashes(table: Predictions) -> NDArray[np.uint64]:
    """Return uint64 ``[N]``: equal for equal rows, and hardly ever for others."""
    hashes = table.image.astype(np.uint64)
    for column in (table.category.astype(np.uint64), table.score.view(np.uint64), *table.box.view(np.uint64).T):
        hashes = (hashes ^ (hashes >> np.uint64(29)) ^ column) * _SCATTER
        hashes = (hashes ^ (hashes >> np.uint64(32))) * _MIX
    return hashes


def _scores(table: Predictions) -> Iterator[Remark]:
    low, high = float(table.score.min()), float(table.score.max())
    if not 0 <= low <= high <= 1:
        text = (
            f"scores go from {low:.6g} to {high:.6g} and are no probabilities: their order is all that average "
            "precision takes of them, but a threshold or a calibration is on their own scale"
        )
        yield Remark(code="scores-beyond-one", severity="note", message=text)
    if len(table) < _FEWEST:
        return
    if low == high:
        text = (
            f"all {counted(len(table), 'prediction')} have the score {low:.6g}: which come first is the file's order, "
            "and average precision follows it; write the detector's own scores"
        )
        yield Remark(code="scores-all-equal", severity="note", message=text)
    elif _CUT_SCORE <= low <= high <= 1:
        text = (
            f"no prediction has a score below {low:.3g}: average precision integrates the whole curve, and what a "
            "threshold cut off counts as not found; keep scores from 0.01 or so"
        )
        yield Remark(code="scores-cut-off", severity="note", message=text)


def _of(chosen: NDArray[np.bool_]) -> str:
    """Return how many of the predictions are chosen, in words and as a share."""
    share = float(chosen.mean())
    return f"{int(chosen.sum()):,} of {counted(len(chosen), 'prediction')} ({share:.{0 if share >= 0.01 else 2}%})"  # noqa: PLR2004


def _example(table: Predictions, chosen: NDArray[np.bool_]) -> str:
    """Return the first of the chosen boxes."""
    box = table.box[int(np.argmax(chosen))]
    return "e.g. x1, y1, x2, y2 = " + ", ".join(f"{side:.6g}" for side in box)
