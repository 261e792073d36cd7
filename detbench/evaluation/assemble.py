"""From what was scored to the document that is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench import __version__
from detbench.data.tables import Dataset
from detbench.environment import environment
from detbench.evaluation.document import CategoryResult, Curves, DatasetFacts, Document, PredictionFacts
from detbench.evaluation.fingerprints import dataset_fingerprint, predictions_fingerprint
from detbench.evaluation.metrics.curves import DRAWN, LEVELS
from detbench.evaluation.metrics.summary import category_metrics, summaries, value_of
from detbench.evaluation.remarks import about_split, gravest_first, reasons, reasons_of_category, remarks
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detbench.data.predictions import LoadedPredictions
    from detbench.evaluation.intervals import Intervals
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Protocol
    from detbench.evaluation.scored import Scored

__all__ = ["assemble"]

_DECIMALS_DRAWN = 6


def assemble(scored: Scored, *, name: str | None, source: Dataset | Path | str, format_name: str | None) -> Document:
    """Return the whole result.

    ``name`` is what to call the predictions, by default their file's stem; ``source`` and ``format_name`` are what
    the ground truth was read from, and as what.
    """
    dataset, loaded, curves, rules = scored.dataset, scored.loaded, scored.curves, scored.matches.protocol
    drawn, table = scored.intervals, loaded.predictions
    metrics = {summary.name: value_of(summary, curves, rules) for summary in summaries(rules)}
    return Document(
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
        per_category=list(_per_category(scored, drawn)),
        curves=_drawn_curves(curves, rules),
        remarks=gravest_first(
            [
                *remarks(dataset, loaded, scored.matches, curves, intervals=drawn is not None),
                *([] if isinstance(source, Dataset) else about_split(dataset, table, Path(source), format_name)),
            ]
        ),
    )


def _per_category(scored: Scored, drawn: Intervals | None) -> Iterable[CategoryResult]:
    dataset, matches, curves = scored.dataset, scored.matches, scored.curves
    predictions, truth, protocol = scored.loaded.predictions, dataset.ground_truth, matches.protocol
    count = len(dataset.categories)
    truth_counts = np.bincount(truth.category[truth.category >= 0], minlength=count)
    prediction_counts = np.bincount(predictions.category[predictions.category >= 0], minlength=count)
    for category, name in enumerate(dataset.categories.name):
        must = int(curves.truth_count[category, 0])
        ignored = int(truth_counts[category]) - must
        by_size = zip(protocol.areas, curves.truth_count[category].tolist(), strict=True)
        metrics = category_metrics(curves, protocol, category)
        yield CategoryResult(
            name=unbroken(name),
            ground_truths=must,
            ground_truths_by_size={area.name: found for area, found in list(by_size)[1:]},
            ignored=ignored,
            predictions=int(prediction_counts[category]),
            metrics=metrics,
            intervals=drawn.per_category[category] if drawn else {},
            reasons=reasons_of_category(name, metrics, protocol, must, ignored),
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
        fingerprint=predictions_fingerprint(dataset, table),
        predictions=len(table),
        images=len(table.images()),
        dropped=sum(loaded.dropped.values()),
    )
