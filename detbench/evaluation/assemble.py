"""From what was scored to the document that is written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from detbench import __version__
from detbench.data.tables import Dataset
from detbench.environment import environment
from detbench.evaluation.document import CategoryResult, Curves, DatasetFacts, Document, PredictionFacts
from detbench.evaluation.fingerprints import dataset_fingerprint, predictions_fingerprint
from detbench.evaluation.metrics.counted import counted
from detbench.evaluation.metrics.curves import DRAWN, LEVELS
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.metrics.summary import category_metrics, value_of
from detbench.evaluation.part_remarks import about_counting, about_proposals
from detbench.evaluation.parts.counting import counting as count
from detbench.evaluation.parts.errors import errors
from detbench.evaluation.parts.operating_point import operating_point
from detbench.evaluation.parts.proposals import headline
from detbench.evaluation.remarks import about_split, gravest_first, reasons, reasons_of_category, remarks
from detbench.evaluation.suspicions import suspicions
from detbench.evaluation.tally import Tally, tally
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from detbench.data.predictions import LoadedPredictions
    from detbench.evaluation.document import Remark
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.parts.counting import Counting, CountingWanted
    from detbench.evaluation.parts.numbers import Numbers
    from detbench.evaluation.parts.operating_point import ThresholdRule
    from detbench.evaluation.parts.proposals import Proposals, ScoredProposals
    from detbench.evaluation.protocols import Protocol
    from detbench.evaluation.scored import Scored

__all__ = ["Seen", "Wanted", "assemble", "assemble_matches", "assemble_proposals", "dataset_facts", "prediction_facts"]

_DECIMALS_DRAWN = 6


class Wanted(NamedTuple):
    """What a result shall hold beside the protocol's numbers, and what it is called.

    ``name`` is what to call the predictions, by default their file's stem. ``rule`` chooses the operating point.
    ``listed_errors`` is how many of the worst errors are listed, None for no error analysis; ``proposals`` have been
    scored; they and ``counting`` are None where they were not asked for.
    """

    name: str | None
    rule: ThresholdRule
    listed_errors: int | None = None
    proposals: ScoredProposals | None = None
    counting: CountingWanted | None = None


class Seen(NamedTuple):
    """What is known of the predictions beside their matches: ``found`` are remarks on how they were written."""

    facts: PredictionFacts
    counts: Tally
    dropped: Mapping[str, int]
    found: list[Remark]


def assemble(scored: Scored, wanted: Wanted, *, source: Dataset | Path | str, format_name: str | None) -> Document:
    """Return the whole result; ``source`` and ``format_name`` are what the ground truth was read from, and as what."""
    dataset, loaded, rules = scored.dataset, scored.loaded, scored.matches.protocol
    draws, table = scored.draws, loaded.predictions
    with ThreadPoolExecutor(max_workers=1) as beside:
        # Hashing needs no Python for most of its time: the rest goes on beside it.
        fingerprint = beside.submit(predictions_fingerprint, dataset, table)
        found = suspicions(dataset, loaded)
        if not isinstance(source, Dataset):
            found += about_split(dataset, table, Path(source), format_name)
        counts = tally(dataset, table, rules)
    facts = prediction_facts(loaded, counts, fingerprint.result())
    document = assemble_matches(scored, wanted, Seen(facts, counts, loaded.dropped, found))
    if wanted.counting is not None:
        part, numbers = count(dataset, table, wanted.counting, rules, draws)
        about = about_counting(dataset, table, wanted.counting, part)
        document = _with_part(document, numbers, about, counting=part)
    return document if wanted.proposals is None else _with_proposals(document, dataset, wanted.proposals)


def assemble_matches(scored: Scored, wanted: Wanted, seen: Seen) -> Document:
    """Return what follows from matches, curves and counts; the predictions themselves are asked for errors alone."""
    dataset, curves, rules, drawn = scored.dataset, scored.curves, scored.matches.protocol, scored.intervals
    metrics = {summary.name: value_of(summary, curves, rules) for summary in summaries(rules)}
    point, of_category = operating_point(counted(scored.matches), rules.iou_thresholds[0], wanted.rule, scored.draws)
    wrong = None
    extra = [of_category]
    if wanted.listed_errors is not None:
        wrong, of_category = errors(scored, point.threshold, listed=wanted.listed_errors)
        extra.append(of_category)
    return Document(
        detbench=__version__,
        name=unbroken(wanted.name or Path(scored.loaded.source).stem),
        protocol=rules.to_dict() | {"fingerprint": rules.fingerprint()},
        dataset=dataset_facts(dataset),
        predictions=seen.facts,
        environment=environment(),
        metrics=metrics,
        intervals=drawn.metrics if drawn else {},
        interval_method=drawn.method if drawn else "",
        reasons=reasons(metrics, curves, rules),
        per_category=list(_per_category(scored, seen.counts, extra)),
        curves=_drawn_curves(curves, rules),
        remarks=gravest_first(
            [
                *seen.found,
                *remarks(dataset, seen.counts, seen.dropped, scored.matches, curves, intervals=drawn is not None),
            ]
        ),
        operating_point=point,
        errors=wrong,
    )


def assemble_proposals(
    dataset: Dataset, proposals: ScoredProposals, rules: Protocol, draws: Draws | None, *, name: str | None
) -> Document:
    """Return the result of proposals alone: they are what was evaluated, and proposal recall is all there is."""
    document = Document(
        detbench=__version__,
        name=unbroken(name or Path(proposals.loaded.source).stem),
        protocol=rules.to_dict() | {"fingerprint": rules.fingerprint()},
        dataset=dataset_facts(dataset),
        predictions=prediction_facts(
            proposals.loaded,
            tally(dataset, proposals.loaded.predictions, rules),
            predictions_fingerprint(dataset, proposals.loaded.predictions),
        ),
        environment=environment(),
        metrics={},
        intervals={},
        interval_method=draws.method if draws else "",
        reasons={},
        per_category=[],
        curves=Curves(recall=[], mean={}, by_category=[]),
        remarks=[],
    )
    return _with_proposals(document, dataset, proposals)


def _with_proposals(document: Document, dataset: Dataset, scored: ScoredProposals) -> Document:
    found = about_proposals(dataset, scored.loaded, scored.part)
    return _with_part(document, headline(scored.part), found, proposals=scored.part)


def _with_part(document: Document, numbers: Numbers, found: Iterable[Remark], **part: Proposals | Counting) -> Document:
    """Return a result with one more part, whose numbers stand after those that are there."""
    return msgspec.structs.replace(
        document,
        metrics=document.metrics | numbers.metrics,
        intervals=document.intervals | numbers.intervals,
        reasons=document.reasons | numbers.reasons,
        remarks=gravest_first([*document.remarks, *found]),
        **part,
    )


def _per_category(scored: Scored, counts: Tally, extra: Sequence[Sequence[Numbers]]) -> Iterable[CategoryResult]:
    """Yield each category's numbers; ``extra`` holds those that the parts of the result add, a list a category."""
    dataset, matches, curves = scored.dataset, scored.matches, scored.curves
    truth, protocol, drawn = dataset.ground_truth, matches.protocol, scored.intervals
    truth_counts = np.bincount(truth.category[truth.category >= 0], minlength=len(dataset.categories))
    for category, name in enumerate(dataset.categories.name):
        must = int(curves.truth_count[category, 0])
        ignored = int(truth_counts[category]) - must
        by_size = zip(protocol.areas, curves.truth_count[category].tolist(), strict=True)
        metrics = category_metrics(curves, protocol, category)
        said: dict[str, str] = {}
        intervals = dict(drawn.per_category[category]) if drawn else {}
        for numbers in extra:
            metrics |= numbers[category].metrics
            intervals |= numbers[category].intervals
            said |= numbers[category].reasons
        unsaid = {key: value for key, value in metrics.items() if key not in said}
        yield CategoryResult(
            name=unbroken(name),
            ground_truths=must,
            ground_truths_by_size={area.name: found for area, found in list(by_size)[1:]},
            ignored=ignored,
            predictions=int(counts.of_category[category]),
            metrics=metrics,
            intervals=intervals,
            reasons=said | reasons_of_category(name, unsaid, protocol, must, ignored),
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


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """Return what a result says of what was evaluated on."""
    return DatasetFacts(
        name=unbroken(dataset.name),
        format=dataset.format,
        split=dataset.split,
        fingerprint=dataset_fingerprint(dataset),
        images=len(dataset.images),
        ground_truths=len(dataset.ground_truth),
        categories=len(dataset.categories),
    )


def prediction_facts(loaded: LoadedPredictions, counts: Tally, fingerprint: str) -> PredictionFacts:
    """Return what a result says of its predictions; of ``loaded`` the source and what was dropped are asked."""
    return PredictionFacts(
        source=unbroken(Path(loaded.source).name),
        fingerprint=fingerprint,
        predictions=counts.predictions,
        images=counts.images,
        dropped=sum(loaded.dropped.values()),
    )
