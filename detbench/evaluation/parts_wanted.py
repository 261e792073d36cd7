"""The parts of a result that a user asked for: proposals are read, and the threshold for counting is found.

It is given, or chosen on other images than it is judged on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data import predictions as forms  # whose readers are imported when one is asked for
from detbench.data.formats import read_dataset, splits_of
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Dataset
from detbench.errors import DataError, UsageError
from detbench.evaluation.metrics.counting import curve, least_mae, tally
from detbench.evaluation.parts.counting import CountingWanted, CountThreshold
from detbench.evaluation.parts.proposals import ProposalsWanted, proposal_recall
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Hashable

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.options import CountOptions, ProposalOptions, Reading
    from detbench.evaluation.parts.proposals import ScoredProposals
    from detbench.evaluation.protocols import Protocol

__all__ = ["COUNTING_FORMATS", "counting_wanted", "scored_proposals"]

#: Formats of sets whose purpose is to count: there it is done unasked.
COUNTING_FORMATS = ("carpk", "visdrone", "uavdt")

#: So many boxes alike to the last bit are no coincidence.
_ENOUGH_BOXES = 3


def scored_proposals(
    dataset: Dataset, options: ProposalOptions, protocol: Protocol, reading: Reading, draws: Draws | None
) -> ScoredProposals | None:
    """Read and score the proposals that were given, if any. Raises DataError."""
    given = options.proposals
    if given is None:
        return None
    if not isinstance(given, LoadedPredictions):
        given = forms.read_predictions(
            given,
            dataset,
            format_name=options.form,
            unknown=reading.unknown,
            join=reading.join,
            class_agnostic=True,
        )
    return proposal_recall(dataset, ProposalsWanted(given, tuple(options.counts)), protocol, draws)


def counting_wanted(
    dataset: Dataset,
    predictions: LoadedPredictions,
    options: CountOptions,
    protocol: Protocol,
    reading: Reading,
) -> CountingWanted | None:
    """Return how to count ``predictions`` on ``dataset``, None if they are not to be counted.

    Raises
    ------
    UsageError
        If the images to choose on are those that are judged, or there are no predictions on them.
    DataError
        If a file cannot be read.
    """
    if options.threshold is not None:
        return CountingWanted(CountThreshold(value=options.threshold, source="given"))
    if options.tune_on is not None:
        return _tuned(dataset, predictions, options, protocol, reading)
    wanted = dataset.format in COUNTING_FORMATS if options.wanted is None else options.wanted
    return CountingWanted() if wanted else None


def _tuned(
    dataset: Dataset,
    predictions: LoadedPredictions,
    options: CountOptions,
    protocol: Protocol,
    reading: Reading,
) -> CountingWanted:
    """Return the threshold of least MAE on other images, the highest among equals."""
    other = _other_images(dataset, options.tune_on, reading)
    name = f"{other.split or other.name:.60}"
    shared = _shared_images(dataset, other)
    if shared and (shared == len(dataset.images) or _shared_images(other, dataset) == len(other.images)):
        remedy = "say with --split what is judged" if dataset.split is None else "say another split with --tune-on"
        raise UsageError(f"the threshold would be chosen on the images that it is judged on, those of {name}; {remedy}")
    loaded = _other_predictions(other, predictions, options.tune_predictions, reading, name)
    of = tally(other, loaded.predictions, protocol)
    if not len(of.truth_image):
        raise UsageError(f"there is no ground truth to be found in {name}, so no threshold can be chosen on it")
    if not len(of.score):
        raise UsageError(f"there are no predictions on the images of {name}; give some with --tune-predictions")
    points = curve(of)
    best = least_mae(points)
    threshold = CountThreshold(
        value=float(points.threshold[best]),
        source="tuned",
        split=unbroken(other.split or other.name),
        predictions=unbroken(Path(loaded.source).name),
        images=len(other.images),
        mae=float(points.mae[best]),
    )
    return CountingWanted(threshold, shared)


def _other_images(dataset: Dataset, tune_on: Dataset | Path | str | None, reading: Reading) -> Dataset:
    """Return the images to choose on: a split of what is judged, or what lies at a path."""
    if isinstance(tune_on, Dataset):
        return tune_on
    splits = splits_of(dataset.source, format_name=dataset.format) if dataset.source.exists() else ()
    if str(tune_on) in splits:
        return read_dataset(dataset.source, split=str(tune_on), format_name=dataset.format)
    if not Path(str(tune_on)).exists():
        has = f"its splits are {', '.join(splits)}" if splits else "it has no splits"
        raise UsageError(f"--tune-on {tune_on}: {dataset.source} has no such split ({has}), and no such file is there")
    return read_dataset(Path(str(tune_on)), format_name=reading.format_name)


def _other_predictions(
    other: Dataset,
    judged: LoadedPredictions,
    given: LoadedPredictions | Path | str | None,
    reading: Reading,
    name: str,
) -> LoadedPredictions:
    """Return the predictions on the images to choose on: those given for them, or the judged file's own."""
    if isinstance(given, LoadedPredictions):
        return given
    form, join = reading.predictions_format, reading.join
    if given is not None:
        return forms.read_predictions(given, other, format_name=form, unknown=reading.unknown, join=join)
    try:
        return forms.read_predictions(judged.source, other, format_name=form, unknown="drop", join=join)
    except DataError as error:
        raise UsageError(
            f"{judged.source} has no predictions on the images of {name}; give those with --tune-predictions"
        ) from error


def _shared_images(dataset: Dataset, other: Dataset) -> int:
    """Return how many images of ``dataset`` are in ``other`` too.

    They are the same size, and have the same boxes: three or more of them, or fewer and the same name.
    """
    known = {mark for marks in _marks(other) for mark in marks}
    return sum(not known.isdisjoint(marks) for marks in _marks(dataset))


def _marks(dataset: Dataset) -> list[tuple[Hashable, ...]]:
    """Return for each image what it can be known by."""
    images, truth = dataset.images, dataset.ground_truth
    start = truth.offsets(len(images))
    found: list[tuple[Hashable, ...]] = []
    for row, (width, height) in enumerate(zip(images.width_px.tolist(), images.height_px.tolist(), strict=True)):
        boxes = truth.box[start[row] : start[row + 1]]
        content = (width, height, boxes.tobytes())
        named = (images.file_name[row] or images.key[row], *content)
        found.append((named, content) if len(boxes) >= _ENOUGH_BOXES else (named,))
    return found
