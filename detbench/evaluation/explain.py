"""The same predictions under several protocols, and why the numbers differ.

From one protocol to another leads a path of protocols that changes one setting at a time. The predictions are scored
at each step, so that the effects of the steps add up to the whole difference; what a step says is counted in its
matches. An effect depends on the order of the steps: another order shares the difference out otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from detbench.evaluation.differences import Outcome, sentences
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.metrics.summary import value_of
from detbench.evaluation.protocols import PROTOCOLS
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.protocols import Protocol

__all__ = ["SCHEMA", "Explanation", "PathOfSteps", "ScoredProtocol", "Step", "explain", "protocols_to_compare"]

SCHEMA = "detbench.explanation/1"

#: In this order a path changes the settings: first what is measured, then who takes part, then how it is summed up.
_ORDER = (
    "iou_thresholds",
    "iou_above",
    "inclusive_boxes",
    "matching",
    "areas",
    "left_out_categories",
    "ignored_region_share",
    "ignored_region_pixels",
    "max_dets_per",
    "max_dets",
    "ignore_difficult",
    "ignore_marked",
    "marked_is_crowd",
    "ignore_crowd",
    "id_zero_is_unmatched",
    "interpolation",
)


class ScoredProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """One protocol's numbers.

    ``headline`` names the first of ``metrics``, the mean over all ``iou_thresholds``. ``ground_truths`` counts those
    that must be found, ``predictions`` those that take part, ``right`` those of them that find a ground truth at the
    lowest threshold, ``neither`` those that are neither right nor wrong there.
    """

    protocol: str
    title: str
    fingerprint: str
    iou_thresholds: list[float]
    headline: str
    metrics: dict[str, float | None]
    ground_truths: int
    predictions: int
    right: int
    neither: int


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One setting changed: its values, the headline number after it, by how much that moved it, and why."""

    setting: str
    before: Any
    after: Any
    value: float | None
    effect: float | None
    why: list[str]


class PathOfSteps(msgspec.Struct, frozen=True, kw_only=True):
    """From one protocol's headline number to another's; the steps' effects add up to ``difference``."""

    start: str
    end: str
    start_value: float | None
    end_value: float | None
    difference: float | None
    steps: list[Step]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions under several protocols; ``paths`` lead from the first of them to each of the others."""

    schema: str = SCHEMA
    name: str
    dataset: str
    images: int
    scores: list[ScoredProtocol]
    paths: list[PathOfSteps]

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def protocols_to_compare(dataset: Dataset, first: Protocol) -> list[Protocol]:
    """Return ``first`` and the built-in protocols that score otherwise.

    Without ignored regions ``visdrone`` is left out, unless the dataset is in VisDrone's format.
    """
    applies = dataset.format == "visdrone" or bool((dataset.ground_truth.category < 0).any())
    others = [one for name, one in PROTOCOLS.items() if applies or name != "visdrone"]
    return [first, *(one for one in others if one.fingerprint() != first.fingerprint())]


def explain(
    dataset: Dataset, loaded: LoadedPredictions, protocols: list[Protocol], *, name: str | None = None
) -> Explanation:
    """Score predictions under each of ``protocols``, and say how the others' headline numbers come from the first's.

    ``name`` is what to call the predictions, by default their file's stem.
    """
    scorer = _Scorer(dataset, loaded)
    return Explanation(
        name=unbroken(name or Path(loaded.source).stem),
        dataset=unbroken(dataset.name),
        images=len(dataset.images),
        scores=[scorer.scored(protocol) for protocol in protocols],
        paths=[scorer.path(protocols[0], other) for other in protocols[1:]],
    )


class _Scorer:
    """Scores the same predictions under many protocols; what only sums up in another way is not matched again."""

    def __init__(self, dataset: Dataset, loaded: LoadedPredictions) -> None:
        self.dataset, self.loaded = dataset, loaded
        self._matches: dict[Protocol, Matches] = {}
        self._headlines: dict[Protocol, tuple[float | None, Outcome]] = {}

    def scored(self, protocol: Protocol) -> ScoredProtocol:
        matches = self._matched(protocol)
        curves = accumulate(matches)
        metrics = {summary.name: value_of(summary, curves, protocol) for summary in summaries(protocol)}
        outcome = Outcome.of(self.dataset, self.loaded.predictions, matches)
        return ScoredProtocol(
            protocol=protocol.name,
            title=protocol.title,
            fingerprint=protocol.fingerprint(),
            iou_thresholds=[*protocol.iou_thresholds],
            headline=next(iter(metrics)),
            metrics=metrics,
            ground_truths=int(np.count_nonzero(outcome.must)),
            predictions=len(matches.task.row),
            right=outcome.count("right"),
            neither=outcome.count("neither"),
        )

    def path(self, first: Protocol, last: Protocol) -> PathOfSteps:
        """Return the steps from one protocol to the other."""
        before = _essence(first)
        start, outcome = self._headline(before)
        now, steps = start, []
        for setting, protocol in _settings_changed(first, last):
            value, then = self._headline(protocol)
            steps.append(
                Step(
                    setting=setting,
                    before=before.to_dict()[setting],
                    after=protocol.to_dict()[setting],
                    value=value,
                    effect=_difference(now, value),
                    why=sentences(setting, outcome, then),
                )
            )
            now, outcome, before = value, then, protocol
        return PathOfSteps(
            start=first.name,
            end=last.name,
            start_value=start,
            end_value=now,
            difference=_difference(start, now),
            steps=steps,
        )

    def _headline(self, rules: Protocol) -> tuple[float | None, Outcome]:
        """Return the first number, and what became of every prediction."""
        if rules not in self._headlines:
            matches = self._matched(rules)
            value = value_of(summaries(rules)[0], accumulate(matches), rules)
            self._headlines[rules] = value, Outcome.of(self.dataset, self.loaded.predictions, matches)
        return self._headlines[rules]

    def _matched(self, protocol: Protocol) -> Matches:
        key = protocol._replace(name="", title="", interpolation="all-point", mean_by_images=False)
        if key not in self._matches:
            self._matches[key] = match(self.dataset, self.loaded.predictions, key)
        return replace(self._matches[key], protocol=protocol)


def _essence(protocol: Protocol) -> Protocol:
    """Return a protocol without what the headline number does not depend on: sizes, smaller maxDets, other means."""
    return protocol._replace(
        name="",
        title="",
        areas=(protocol.areas[0]._replace(name="all"),),
        max_dets=protocol.max_dets[-1:],
        mean_by_images=False,
    )


def _settings_changed(first: Protocol, last: Protocol) -> Iterator[tuple[str, Protocol]]:
    """Yield each setting in which two protocols differ, and the protocol that has it and those before it changed."""
    now, goal = _essence(first), _essence(last)
    for setting in _ORDER:
        wanted = getattr(goal, setting)
        if getattr(now, setting) != wanted:
            now = now._replace(**{setting: wanted})
            yield setting, now


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
