"""What a format is: a few functions under a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from detbench.data.findings import Findings
    from detbench.data.tables import Dataset

__all__ = ["Format", "Sighting", "Writer"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A format recognised at a path.

    ``certainty`` is 0 to 1: 1.0 when a format's own marks were seen (a key, a folder name and a parsed record),
    0.5 when the shape fits and others might too. ``evidence`` says in words what was seen, a clause each.
    """

    format: str
    certainty: float
    evidence: tuple[str, ...]


class Writer(Protocol):
    """What writes a dataset in a format: see :class:`Format`."""

    def __call__(self, dataset: Dataset, path: Path, /, findings: Findings | None = None) -> None:
        """Write ``dataset`` under the folder ``path``. Raises DataError."""


@dataclass(frozen=True, slots=True)
class Format:
    """One dataset format.

    Attributes
    ----------
    name, title
        What ``--format`` takes, and what people call it.
    recognise
        ``path → Sighting | None``: looks at names and at most a few records; never raises on foreign data.
    splits
        ``path → names``: the splits found, in the order train, val, test, others; empty where there are none.
    read
        ``(path, split, findings) → Dataset``. ``split`` None reads everything. What cannot be read is reported
        to ``findings`` and left out; a strict ``findings`` raises DataError.
    write
        ``(dataset, path, findings=None) → None``: writes annotations, and copies of the pictures that are there,
        under the folder ``path``; None where the format is only read. Called once a split on the same folder, it
        adds to what is there, and never overwrites. What the format cannot carry, as its module says, is left out
        and, where this dataset has some of it, counted in one note to ``findings``, ``not-carried``.
    members
        ``(path, whole, findings) → split → rows``: which images of ``whole``, all that ``path`` holds as ``read``
        gave it, each split has, so that nothing is read twice; None where each split must be read. What only a
        split's list can show is reported.
    """

    name: str
    title: str
    recognise: Callable[[Path], Sighting | None]
    splits: Callable[[Path], tuple[str, ...]]
    read: Callable[[Path, str | None, Findings], Dataset]
    write: Writer | None = None
    members: Callable[[Path, Dataset, Findings], Mapping[str, Sequence[int]]] | None = None
