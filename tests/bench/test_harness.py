"""What the benchmarks report is what the processes took and printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from evaluation_speed import CONTENDERS, Measured, measure, report_set
from harness import Failed, Run, drawn, run, write_section

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_is_measured() -> None:
    """Wall time, processor time and peak memory are the process's own."""
    sleeping = run([sys.executable, "-c", "import time; time.sleep(0.3); print('done')"])
    assert sleeping.output == "done\n"
    assert sleeping.wall_s >= 0.3
    assert sleeping.cpu_s < sleeping.wall_s
    large = run([sys.executable, "-c", "a = bytearray(300 * 2**20); a[::4096] = bytes(len(a) // 4096)"])
    assert large.peak_mib > 300


def test_a_failure_is_its_last_line() -> None:
    """What a failing process said last is what is reported."""
    with pytest.raises(Failed, match="exit status 1: ValueError: no"):
        run([sys.executable, "-c", "raise ValueError('no')"])


def test_a_set_is_drawn_once(tmp_path: Path) -> None:
    """What was drawn is used again, until the source of what draws it changes."""
    source, calls = tmp_path / "source.py", []
    for text in ("one", "one", "two"):
        source.write_text(text)
        place = drawn(tmp_path, source, "small", calls.append)
        assert place.is_dir()
    assert len(calls) == 2


def test_a_section_takes_the_place_of_its_former_self(tmp_path: Path) -> None:
    """Other sections, and text around them, stay."""
    page = tmp_path / "page.md"
    for name, text in (("one", "first"), ("two", "other"), ("one", r"again \1")):
        write_section(page, name, text)
    assert page.read_text() == (
        "# Benchmarks\n\n<!-- one: begin -->\nagain \\1\n<!-- one: end -->\n\n"
        "<!-- two: begin -->\nother\n<!-- two: end -->\n"
    )


def test_contenders_are_measured_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds, failures, ratios and differences are reported as they are."""
    (tmp_path / "facts.json").write_text('{"images": 5, "categories": 2, "ground_truths": 9, "detections": 99}')
    places = {"GT": str(tmp_path / "gt.json"), "DT": str(tmp_path / "dt.json")}
    for file in places.values():
        (tmp_path / file).write_text("x" * 2_000_000)

    def pretend(command: list[str]) -> Run:
        if "hotcoco" in command[3]:
            raise Failed("exit status 1: it is broken")
        value, wall_s = (0.25, 4.0) if "pycocotools.coco" in command[3] else (0.5, 1.0)
        return Run(wall_s, wall_s, 100.0, f"a line\n[{value}, -1]\n")

    monkeypatch.setattr("evaluation_speed.run", pretend)
    measured = measure(["detbench", "hotcoco", "pycocotools"], places, 9)
    assert {name: len(one.runs) for name, one in measured.items()} == {"detbench": 9, "hotcoco": 0, "pycocotools": 5}
    text = "\n".join(report_set("coco", measured, places, {"JSON": 700.0, "Arrow": 6.5}))
    assert "5 images, 2 categories, 9 ground truths,\n99 detections, 2 + 2 MB" in text
    assert f"| {CONTENDERS['detbench'].title} | 9 | 1.00 (1.00–1.00) | 0.25 | 1.00 | 100 | 2.5e-01 |" in text
    assert "| hotcoco | failed: exit status 1: it is broken |" in text
    assert "| pycocotools | 5 | 4.00 (4.00–4.00) | 1.00 | 4.00 | 100 | 0 |" in text
    assert "| library / pycocotools, wall | 0.25 | 0.01 |" in text
    assert "JSON 700.0 ms, Arrow 6.5 ms" in text
    assert "| reading the predictions from Arrow, ms | 6.5 | 10 |" in text


def test_the_command_prints_numbers_too() -> None:
    """Numbers are taken from a list, or from a result; one that is undefined is None in both."""
    lists = Measured([Run(1, 1, 1, "AP = 0.5\n[0.5, -1]\n")])
    result = Measured([Run(1, 1, 1, '{"metrics": {"AP": 0.5, "APs": null}}')])
    assert lists.numbers() == result.numbers() == [0.5, None]
