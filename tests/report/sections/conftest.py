"""Pages of several models, and what a section of them says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.standings.document import Entry, Speed, Standings
from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detbench.evaluation.results import Result


@pytest.fixture
def make_page() -> Callable[..., str]:
    """Return a maker of pages: ``make_page({"mine": result}, {"mine": speed})``, the models in rank order."""

    def make(results: Mapping[str, Result], speeds: Mapping[str, Speed] | None = None) -> str:
        entries = [_entry(name, result, rank, (speeds or {}).get(name)) for rank, (name, result) in _ranked(results)]
        first = next(iter(results.values()))
        standings = Standings(
            detbench="0.1.0",
            dataset=first.dataset,
            protocol=first.protocol,
            metric=next(iter(first.metrics)),
            lower_is_better=False,
            resamples=0,
            seed=0,
            interval_method="",
            p_method="",
            entries=entries,
            remarks=[],
        )
        return render_page(standings, {name: result.document for name, result in results.items()})

    return make


def _ranked(results: Mapping[str, Result]) -> enumerate[tuple[str, Result]]:
    return enumerate(results.items(), start=1)


def _entry(name: str, result: Result, rank: int, speed: Speed | None) -> Entry:
    return Entry(
        name=name,
        source=f"run-{rank}",
        status="ranked",
        dataset=result.dataset,
        protocol="coco",
        metrics=dict(result.metrics),
        intervals=dict(result.intervals),
        reasons=dict(result.reasons),
        speed=speed,
        rank=rank,
        rank_interval=(rank, rank),
    )


@pytest.fixture
def section_of() -> Callable[[str, str], str]:
    """Return what cuts a section out of a page: its HTML, or an empty text where the page has none."""

    def cut(page: str, name: str) -> str:
        found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)
        return found[0] if found else ""

    return cut
