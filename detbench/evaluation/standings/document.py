"""Standings as they are written: every model's numbers, ranks and ties, as plain JSON for other programs.

The schema is documented in ``docs/reference/standings.md``. The same runs give the same bytes: standings hold no time
and no path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from detbench.documents import decode_document
from detbench.evaluation.comparison import Difference  # noqa: TC001  msgspec reads the types of fields
from detbench.evaluation.document import Count, DatasetFacts, Remark  # noqa: TC001  msgspec reads the types of fields
from detbench.files import read_bytes, replacing

__all__ = ["SCHEMA", "Entry", "ModelCard", "Speed", "Standings", "Status", "read_standings"]

SCHEMA = "detbench.standings/1"

Status = Literal["ranked", "unranked", "apart", "broken"]


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What its makers say of a model: the file ``model.toml`` of a submission.

    ``parameters`` counts trained numbers; ``training_data`` names datasets; ``link`` is an ``https`` or ``http`` URL.
    """

    name: str
    authors: list[str] = []
    link: str | None = None
    parameters: Count | None = None
    training_data: list[str] = []
    notes: str = ""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a model is, milliseconds a picture; intervals are ``[low, high]``, None where there are none.

    ``machine`` is the same for models whose times may be compared: processor, device, threads and batch size.
    """

    machine: str
    fps: float
    fps_interval: tuple[float, float] | None
    median_ms: float
    median_interval_ms: tuple[float, float] | None
    p90_ms: float


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    Attributes
    ----------
    name
        What it is called in the standings; no two are called the same.
    source
        The name of the folder it comes from.
    status, reason
        ``ranked``; ``unranked``: measured as the ranked ones, without the number that ranks, such as proposals alone,
        or without its draws; ``apart``: measured otherwise; ``broken``: there is no result. The reason says why it is
        not ranked, in one sentence, and is empty where it is.
    card
        What its makers say; None where they say nothing.
    dataset, protocol
        What it was measured on and under (the protocol's name); None where it is broken.
    predictions
        The SHA-256 of its predictions; empty where it is broken.
    metrics, intervals, reasons
        Its result's overall numbers, in the protocol's order.
    categories
        Category → AP (or the protocol's first number of a category), None where undefined.
    speed
        None where no times were given.
    rank, rank_interval
        1 is the best, and equals share a rank; the ranks that it may have by the tests of it against every other
        model, corrected by Holm. None where it is not ranked.
    tied_with_leader
        Whether the tests do not tell it from the first (it may be the first): true of the first itself.
    best
        The share of the resamples in which it is the best.
    behind
        Its ranking metric less the leader's, with interval and p-value; None for the leader and the unranked.
    """

    name: str
    source: str
    status: Status
    reason: str = ""
    card: ModelCard | None = None
    dataset: DatasetFacts | None = None
    protocol: str | None = None
    predictions: str = ""
    metrics: dict[str, float | None] = {}
    intervals: dict[str, tuple[float, float]] = {}
    reasons: dict[str, str] = {}
    categories: dict[str, float | None] = {}
    speed: Speed | None = None
    rank: Count | None = None
    rank_interval: tuple[Count, Count] | None = None
    tied_with_leader: bool = False
    best: float | None = None
    behind: Difference | None = None


class Standings(msgspec.Struct, frozen=True, kw_only=True):
    """Models on the same ground truth under the same protocol, by rank; then the unranked, those apart, the broken.

    Attributes
    ----------
    schema, detbench
        :data:`SCHEMA`, and the version that ranked.
    dataset, protocol
        What the ranked ones were measured on, and how; None where none is ranked.
    metric, lower_is_better
        What ranks.
    resamples, seed, interval_method, p_method
        How intervals and p-values were made, the latter two in words; 0 and empty where a single model is shown.
    entries
        Ranked by rank, equals by name; unranked, apart and broken by name.
    remarks
        What to know before quoting the numbers.
    """

    schema: str = SCHEMA
    detbench: str
    dataset: DatasetFacts | None
    protocol: dict[str, Any] | None
    metric: str
    lower_is_better: bool
    resamples: Count
    seed: Count
    interval_method: str
    p_method: str
    entries: list[Entry]
    remarks: list[Remark]

    def of(self, status: Status) -> list[Entry]:
        """Return the entries of one status, in order."""
        return [entry for entry in self.entries if entry.status == status]

    def alike(self) -> list[Entry]:
        """Return what was measured alike: the ranked, by rank, and then the unranked."""
        return [*self.of("ranked"), *self.of("unranked")]

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same standings, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def save(self, path: Path | str) -> None:
        """Write the standings to ``path``, whole or not at all. Raises DataError."""
        with replacing(Path(path)) as file:
            file.write(self.to_json())


def read_standings(path: Path) -> Standings:
    """Read standings. Raises DataError if ``path`` holds none of this schema."""
    remedy = "give the standings.json that detbench leaderboard or detbench report wrote"
    return decode_document(
        read_bytes(path), Standings, schema=SCHEMA, what="standings of models", file=path, remedy=remedy
    )
