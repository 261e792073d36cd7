"""Ground truth and predictions in, a result out: the one function that the command line and people call."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench import __version__
from detbench.data.formats import read_dataset
from detbench.data.predictions import LoadedPredictions, read_predictions
from detbench.data.tables import Dataset
from detbench.environment import environment
from detbench.evaluation.intervals import Intervals, bootstrap
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import DRAWN, LEVELS, accumulate
from detbench.evaluation.metrics.summary import category_metrics, summaries, value_of
from detbench.evaluation.protocols import Protocol, protocol_named
from detbench.evaluation.remarks import about_split, gravest_first, reason_for_category, reasons, remarks
from detbench.evaluation.results import CategoryResult, Curves, DatasetFacts, PredictionFacts, Result
from detbench.evaluation.tasks import image_ranks
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal

    from numpy.typing import NDArray

    from detbench.data.tables import Key, Predictions
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated

__all__ = ["evaluate"]

_DECIMALS_DRAWN = 6


def evaluate(  # noqa: PLR0913  one keyword for each thing a user may choose
    ground_truth: Dataset | Path | str,
    predictions: LoadedPredictions | Path | str,
    *,
    protocol: Protocol | str = "coco",
    split: str | None = None,
    format_name: str | None = None,
    predictions_format: str | None = None,
    unknown: Literal["error", "drop"] = "error",
    join: Literal["id", "stem"] = "id",
    name: str | None = None,
    intervals: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> Result:
    """Score predictions against ground truth.

    Parameters
    ----------
    ground_truth
        A dataset's folder or annotation file in any format that can be read, or a dataset already read.
    predictions
        A predictions file or folder in any form that can be read, or predictions already read for this dataset.
    protocol
        A protocol or its name: ``coco``, ``coco_strict``, ``voc2007``, ``voc2012``.
    split, format_name, predictions_format
        Which split to read, and what the files are where that cannot be recognised.
    unknown, join
        What to do with predictions on unknown images or categories, and how images are joined; see
        :func:`detbench.data.predictions.read_predictions`.
    name
        What to call the predictions in the result; by default the file's stem.
    intervals, resamples, seed
        Whether to compute 95 % bootstrap intervals, from how many resamples, from which seed.

    Raises
    ------
    DataError
        If a file cannot be read; names the file, the record and the remedy.
    UsageError
        If there is no such protocol, format or split.
    """
    rules = protocol_named(protocol) if isinstance(protocol, str) else protocol
    dataset = (
        ground_truth
        if isinstance(ground_truth, Dataset)
        else read_dataset(ground_truth, split=split, format_name=format_name)
    )
    loaded = (
        predictions
        if isinstance(predictions, LoadedPredictions)
        else read_predictions(Path(predictions), dataset, format_name=predictions_format, unknown=unknown, join=join)
    )
    matches = match(dataset, loaded.predictions, rules)
    curves = accumulate(matches)
    drawn = bootstrap(matches, curves, resamples=resamples, seed=seed) if intervals and len(dataset.images) else None
    metrics = {summary.name: value_of(summary, curves, rules) for summary in summaries(rules)}
    return Result(
        detbench=__version__,
        name=unbroken(name or Path(loaded.source).stem),
        protocol=rules.to_dict() | {"fingerprint": rules.fingerprint()},
        dataset=_dataset_facts(dataset),
        predictions=_prediction_facts(loaded, dataset),
        environment=environment(),
        metrics=metrics,
        intervals=drawn.metrics if drawn else {},
        interval_method=drawn.method if drawn else "",
        reasons=reasons(metrics, curves, rules),
        per_category=list(_per_category(dataset, loaded.predictions, matches, curves, drawn)),
        curves=_drawn_curves(curves, rules),
        remarks=gravest_first(
            [
                *remarks(dataset, loaded, matches, curves, intervals=intervals),
                *(
                    about_split(dataset, loaded.predictions, Path(ground_truth), format_name)
                    if not isinstance(ground_truth, Dataset)
                    else ()
                ),
            ]
        ),
    )


def _per_category(
    dataset: Dataset, predictions: Predictions, matches: Matches, curves: Accumulated, drawn: Intervals | None
) -> Iterable[CategoryResult]:
    count = len(dataset.categories)
    truth_counts = np.bincount(matches.task.truth_category, minlength=count)
    prediction_counts = np.bincount(predictions.category[predictions.category >= 0], minlength=count)
    for category, name in enumerate(dataset.categories.name):
        must = int(curves.truth_count[category, 0])
        ignored = int(truth_counts[category]) - must
        metrics = category_metrics(curves, matches.protocol, category)
        why = reason_for_category(must, ignored)
        yield CategoryResult(
            name=unbroken(name),
            ground_truths=must,
            ignored=ignored,
            predictions=int(prediction_counts[category]),
            metrics=metrics,
            intervals=drawn.per_category[category] if drawn else {},
            reasons={key: why for key, value in metrics.items() if value is None},
        )


def _drawn_curves(curves: Accumulated, protocol: Protocol) -> Curves:
    precision = curves.precision[..., 0]
    mean = {}
    for number, threshold in enumerate(protocol.iou_thresholds):
        defined = precision[number][:, ~np.isnan(precision[number, 0])]
        if defined.shape[1]:
            mean[f"{threshold:.2f}"] = _rounded(defined.mean(axis=1))
    return Curves(
        recall=_rounded(LEVELS[DRAWN]),
        mean=mean,
        by_category=[None if np.isnan(curve[0]) else _rounded(curve) for curve in precision[0].T],
    )


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), _DECIMALS_DRAWN) for value in values]


def _dataset_facts(dataset: Dataset) -> DatasetFacts:
    return DatasetFacts(
        name=unbroken(dataset.name),
        format=dataset.format,
        split=dataset.split,
        fingerprint=dataset_fingerprint(dataset),
        images=len(dataset.images),
        ground_truths=len(dataset.ground_truth),
        categories=len(dataset.categories),
    )


def _prediction_facts(loaded: LoadedPredictions, dataset: Dataset) -> PredictionFacts:
    table = loaded.predictions
    return PredictionFacts(
        source=unbroken(Path(loaded.source).name),
        fingerprint=_digest(
            [[*dataset.images.key], [*dataset.categories.name]],
            [table.image, table.category, table.box, table.score],
        ),
        predictions=len(table),
        images=len(np.unique(table.image)),
        dropped=sum(loaded.dropped.values()),
    )


def dataset_fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256 of what scores depend on: image keys, category names, boxes, areas and flags.

    The order of the images does not matter, nor do the file's format and its spelling of numbers.
    """
    truth = dataset.ground_truth
    ranks = image_ranks(dataset.images.key)
    image = ranks[truth.image]
    order = np.argsort(image, kind="stable")
    flags = [truth.crowd, truth.ignore, truth.difficult]
    columns: list[NDArray[Any]] = [image, truth.category, truth.box, truth.area_px, *flags]
    keys: list[Key] = [dataset.images.key[row] for row in np.argsort(ranks)]
    return _digest([keys, [*dataset.categories.name]], [column[order] for column in columns])


def _digest(names: list[list[Key]], columns: list[NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(names, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for column in columns:
        digest.update(np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
