"""Pages of several models, and sections of them, as they stand in a page and as they are read back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.parts.timing import Latency, Timing
from detbench.evaluation.standings.document import Entry, Speed, Standings
from detbench.report.sections.model import Model
from detbench.report.standings_page import render_page
from detbench.report.templating import page_environment
from detbench.timing.prediction_times import STAGES, FramesPerSecond
from detbench.timing.samples import Quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from conftest import Page

    from detbench.evaluation.document import Document
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


#: Of a section's figures: the smallest text in pixels, texts that lie on each other, and those out of the page.
_LOOK = """
(() => {
  const section = document.querySelector('section[aria-labelledby="%s"]');
  const found = {smallest: 99, touching: [], outside: [], names: 0, scrolls: document.documentElement.scrollWidth};
  for (const svg of section.querySelectorAll('svg[role="img"]')) {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()]);
    texts.forEach(([one, a], place) => {
      found.smallest = Math.min(found.smallest, parseFloat(getComputedStyle(one).fontSize) * scale);
      found.names += one.classList.contains('name');
      if (a.left < 0 || a.right > document.documentElement.clientWidth) found.outside.push(one.textContent);
      for (const [two, b] of texts.slice(place + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const up = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 0.5 && up > 0.3 * a.height) found.touching.push([one.textContent, two.textContent]);
      }
    });
  }
  return found;
})()
"""


@pytest.fixture
def look(browser: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return what opens a page and says how the texts of a section's figures stand: ``look(page, "speed", 390)``."""

    def look(page: str, section: str, width_px: int) -> dict[str, Any]:
        file = tmp_path / "page.html"
        file.write_text(page, encoding="utf-8")
        browser.open(file, width_px=width_px)
        assert browser.complaints() == []
        found: dict[str, Any] = browser.run(_LOOK % section)
        return found

    return look


@pytest.fixture
def make_models(make_result: Callable[..., Result]) -> Callable[..., list[Model]]:
    """Return a maker of models in rank order: of documents, or so many made-up ones; keywords are the result's."""

    def make(
        given: Sequence[Document] | int = 2,
        names: Sequence[str] = (),
        categories: tuple[str, ...] = ("car", "person", "bus"),
        **changes: Any,
    ) -> list[Model]:
        made_up = make_result(names=categories, **changes).document
        documents = [made_up] * given if isinstance(given, int) else given
        called = [*names, *(f"model {place}" for place in range(len(names), len(documents)))]
        return [
            Model(
                Entry(name=name, source=name, status="ranked", rank=mark + 1, metrics=document.metrics),
                msgspec.structs.replace(document, name=name),
                mark,
            )
            for mark, (name, document) in enumerate(zip(called, documents, strict=True))
        ]

    return make


@pytest.fixture
def read_section(read_page: Callable[[str], Page]) -> Callable[[str, object], Page]:
    """Return a function that puts a view into its section's template, and reads what comes out."""

    def read(name: str, view: object) -> Page:
        return read_page(page_environment().get_template(f"sections/{name}.html.j2").render(**{name: view}))

    return read


@pytest.fixture
def make_timing() -> Callable[[float], Timing]:
    """Return a maker of times of which the total's median is given; all are of one machine, "a desk"."""

    def make(median_ms: float) -> Timing:
        def latency(share: float) -> Latency:
            value = share * median_ms
            return Latency(
                p50=Quantile(value, 0.9 * value, 1.1 * value),
                p90=Quantile(1.2 * value, value, None),
                p99=Quantile(2 * value, None, None),
            )

        shares = (0.1, 0.2, 0.6, 0.1, 1.0)
        return Timing(
            source="timing.json",
            fingerprint="4c" * 32,
            model="a-model",
            adapter="",
            device="cpu",
            processor="a desk",
            threads=2,
            clock="perf_counter",
            batch_size=1,
            images=80,
            samples=80,
            warm_up=3,
            samples_left_out=0,
            fps=FramesPerSecond(value=1000 / max(median_ms, 1e-6), low=None, high=None),
            stages={stage: latency(share) for stage, share in zip(STAGES, shares, strict=True)},
        )

    return make
