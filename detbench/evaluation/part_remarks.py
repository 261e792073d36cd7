"""What to know before quoting proposal recall or counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.tables import Predictions
from detbench.evaluation.document import Remark
from detbench.evaluation.suspicions import suspicions
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset
    from detbench.evaluation.parts.counting import Counting, CountingWanted
    from detbench.evaluation.parts.proposals import Proposals

__all__ = ["about_counting", "about_proposals"]

#: So many proposals show whether all are wrongly written.
_SAMPLE = 20_000


def about_proposals(dataset: Dataset, loaded: LoadedPredictions, part: Proposals) -> Iterator[Remark]:
    """Yield what limits proposal recall: too few proposals, none on some images, no order among them."""
    for reason, count in loaded.dropped.items():
        yield _remark("proposals-dropped", "warning", f"left out: {counted(count, 'proposal')}, {reason}")
    if not len(loaded.predictions):
        yield _remark("no-proposals", "warning", "there are no proposals: proposal recall is 0 where it is defined")
        return
    images = len(dataset.images)
    if part.images < images:
        text = f"{images - part.images:,} of {counted(images, 'image')} without any proposal; their objects count"
        yield _remark("images-without-proposals", "note", text)
    fewer = dict(zip(part.all.counts, part.images_with_fewer, strict=True))
    short = [(count, fewer[count]) for count in part.named_counts if fewer[count]]
    if short:
        cases = ", ".join(f"{count:,} in {few:,}" for count, few in short)
        text = f"fewer proposals than {cases} of {counted(images, 'image')}: recall there is with all that they have"
        yield _remark("proposals-fewer-than-k", "warning" if short[-1][1] == images else "note", text)
    score = loaded.predictions.score
    if len(score) > 1 and score.min() == score.max():
        text = f"all proposals have the score {score[0]:.6g}: which of them come first is the file's order"
        yield _remark("proposals-scores-equal", "warning", text)
    sample = replace(loaded, predictions=_every(loaded.predictions, max(len(score) // _SAMPLE, 1)))
    for remark in suspicions(dataset, sample):
        if remark.severity == "error":
            text = f"by {counted(len(sample.predictions), 'proposal')} that were looked at: {remark.message}"
            yield _remark(f"proposals-{remark.code}", "error", text)


def _every(table: Predictions, step: int) -> Predictions:
    """Return every so many of the rows."""
    columns = ("image", "category", "box", "score", "size_px")
    return Predictions(**{name: getattr(table, name)[::step] for name in columns})


def about_counting(
    dataset: Dataset, predictions: Predictions, wanted: CountingWanted, part: Counting
) -> Iterator[Remark]:
    """Yield what limits counts: no threshold, one that is of no use, images seen before, what is not counted."""
    if wanted.shared_images and part.threshold:
        text = (
            f"{wanted.shared_images:,} of {counted(part.images, 'image')} are in {part.threshold.split} too, on which "
            "the threshold for counting was chosen: the count errors look smaller than they are"
        )
        yield _remark("count-images-shared", "warning", text)
    if part.reason:
        yield _remark("count-undefined", "warning", f"nothing can be counted: {part.reason}")
        return
    yield from _about_threshold(predictions, part)
    not_counted = int(np.count_nonzero(dataset.ground_truth.category >= 0)) - part.objects
    if not_counted:
        text = (
            f"{counted(not_counted, 'ground truth')} that need not be found (crowd, ignored, difficult, as the "
            "protocol has it) are not counted, but predictions on them are"
        )
        yield _remark("count-truths-left-out", "note", text)


def _about_threshold(predictions: Predictions, part: Counting) -> Iterator[Remark]:
    best = part.hindsight
    if part.threshold is None:
        least = (
            "" if best is None else f"; the best that any would give here, in hindsight, is an MAE of {best.mae:.4g}"
        )
        text = f"no count error is given without a score threshold: say --count-threshold or --tune-on{least}"
        yield _remark("count-no-threshold", "note", text)
        return
    if not len(predictions):
        return
    value, low, high = part.threshold.value, predictions.score.min(), predictions.score.max()
    if value > high:
        text = f"no score reaches the threshold for counting, {value:.6g}: the highest is {high:.6g}; all counts are 0"
        yield _remark("count-threshold-above-scores", "warning", text)
    elif value <= low and part.totals is not None and part.totals.predicted < part.objects:
        text = (
            f"all predictions are counted, from the lowest score of {low:.6g}, and are fewer than the objects: scores "
            "that were cut off cannot be counted"
        )
        yield _remark("count-scores-cut-off", "note", text)


def _remark(code: str, severity: str, message: str) -> Remark:
    return Remark(code=code, severity=severity, message=message)
