"""Standings as CSV (RFC 4180): every model and every number at full precision, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, TypeAlias

from detbench.evaluation.standings.document import Entry
from detbench.words import unturned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.evaluation.standings.document import Standings

__all__ = ["csv_text"]

Value: TypeAlias = str | float | None

#: A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection); the last four are full width.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_NOBODY = Entry(name="", source="", status="broken")


def csv_text(standings: Standings) -> str:
    """Return a line of headings and one a model, lines ended by CR LF; an undefined number is an empty cell.

    Text that a spreadsheet would take for a formula has an apostrophe before it, and marks that would turn the cells
    behind it round are replaced.
    """
    metrics = list(dict.fromkeys(name for entry in standings.entries for name in entry.metrics))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_plain(name) for name, _ in _cells(_NOBODY, metrics)])
    writer.writerows([_plain(value) for _, value in _cells(entry, metrics)] for entry in standings.entries)
    return text.getvalue()


def _cells(entry: Entry, metrics: list[str]) -> Iterator[tuple[str, Value]]:
    """Yield the name and the value of each column."""
    low, high = entry.rank_interval or (None, None)
    yield from (("rank", entry.rank), ("rank_low", low), ("rank_high", high), ("model", entry.name))
    yield from (("status", entry.status), ("reason", entry.reason), ("source", entry.source))
    yield "tied_with_leader", None if entry.rank is None else str(entry.tied_with_leader).lower()
    yield "best_in_share_of_resamples", entry.best
    behind = entry.behind
    for field in ("difference", "low", "high", "p", "p_holm", "verdict"):
        yield f"behind_{field}", getattr(behind, field) if behind else None
    for name in metrics:
        ends = entry.intervals.get(name, (None, None))
        yield from zip((name, f"{name}_low", f"{name}_high"), (entry.metrics.get(name), *ends), strict=True)
    yield from _speed(entry)
    yield from _card(entry)
    data = entry.dataset
    facts = (data.name, data.split, data.fingerprint) if data else (None, None, None)
    yield from zip(_DATA, facts, strict=True)
    yield from (("protocol", entry.protocol), ("predictions_fingerprint", entry.predictions))


_DATA = ("dataset", "split", "dataset_fingerprint")
_SPEED = ("median_ms", "median_ms_low", "median_ms_high", "p90_ms", "fps", "fps_low", "fps_high", "machine")
_CARD = ("parameters", "link", "authors", "training_data")


def _speed(entry: Entry) -> Iterator[tuple[str, Value]]:
    speed = entry.speed
    if speed is None:
        yield from ((name, None) for name in _SPEED)
        return
    median, fps = speed.median_interval_ms or (None, None), speed.fps_interval or (None, None)
    yield from zip(_SPEED, (speed.median_ms, *median, speed.p90_ms, speed.fps, *fps, speed.machine), strict=True)


def _card(entry: Entry) -> Iterator[tuple[str, Value]]:
    card = entry.card
    if card is None:
        yield from ((name, None) for name in _CARD)
        return
    listed = ("; ".join(card.authors), "; ".join(card.training_data))
    yield from zip(_CARD, (card.parameters, card.link, *listed), strict=True)


def _plain(value: Value) -> Value:
    """Return a value as it is written: text that begins like a formula after an apostrophe, and turns no other cell."""
    if not isinstance(value, str):
        return value
    return unturned(f"'{value}" if value.startswith(_FORMULA) else value)
