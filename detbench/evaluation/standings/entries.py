"""What of a run stands in the standings whatever its rank: its numbers, its speed, what it was measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detbench.evaluation.runs import folder_of
from detbench.evaluation.standings.document import Entry, Speed
from detbench.evaluation.standings.naming import told_apart
from detbench.words import counted, unbroken

if TYPE_CHECKING:
    from detbench.evaluation.document import Document
    from detbench.evaluation.parts.timing import Timing
    from detbench.evaluation.runs import Run
    from detbench.evaluation.standings.document import ModelCard, Status

__all__ = ["entry_of"]


def entry_of(run: Run, card: ModelCard | None, status: Status, **place: Any) -> Entry:
    """Return the entry of a run under the run's name; ``place`` are the fields that say where it stands."""
    result = run.document
    return Entry(
        name=run.name,
        source=unbroken(folder_of(run.source)),
        status=status,
        card=card,
        dataset=result.dataset,
        protocol=str(result.protocol["name"]),
        predictions=result.predictions.fingerprint,
        metrics=result.metrics,
        intervals=result.intervals,
        reasons=result.reasons,
        categories=_categories(result),
        speed=_speed(result.timing) if result.timing else None,
        **place,
    )


def _categories(result: Document) -> dict[str, float | None]:
    """Return category → AP, or the first number of categories that there is; two of one name are numbered."""
    metrics = list(dict.fromkeys(name for category in result.per_category for name in category.metrics))
    first = "AP" if "AP" in metrics else next(iter(metrics), "")
    given = [category.name for category in result.per_category]
    names = told_apart(given, ["category"] * len(given))
    return {name: category.metrics.get(first) for name, category in zip(names, result.per_category, strict=True)}


def _speed(timing: Timing) -> Speed:
    total = timing.stages["total"]
    threads = counted(timing.threads, "thread")
    return Speed(
        machine=f"{timing.processor}, device {timing.device}, {threads}, batches of {timing.batch_size:,}",
        fps=timing.fps.value,
        fps_interval=_interval(timing.fps.low, timing.fps.high),
        median_ms=total.p50.value_ms,
        median_interval_ms=_interval(total.p50.low_ms, total.p50.high_ms),
        p90_ms=total.p90.value_ms,
    )


def _interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)
