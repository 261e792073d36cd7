"""What every check looks at, and how checks name what they saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.findings import Finding
from detbench.words import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from detbench.data.check.looks import Look
    from detbench.data.tables import Dataset

__all__ = ["Check", "Context", "Split", "listing"]

#: A listed name is cut after so many characters.
_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One split and, where its pictures were opened, what each of them showed (else ``looks`` is empty)."""

    data: Dataset
    looks: tuple[Look, ...] = ()

    @property
    def record(self) -> str:
        """What to call the split in a finding: ``"split train"``, or nothing where there are no splits."""
        return f"split {self.data.split}" if self.data.split else ""

    def sizes_px(self) -> NDArray[np.float64]:
        """Return float64 ``[I, 2]``: width and height as annotated, else as in the picture, else NaN."""
        sizes = np.stack([self.data.images.width_px, self.data.images.height_px], axis=1).astype(np.float64)
        sizes[(sizes <= 0).any(axis=1)] = np.nan
        for row in np.flatnonzero(np.isnan(sizes[:, 0])) if self.looks else ():
            header = self.looks[row].header
            if header is not None:
                sizes[row] = header.width_px, header.height_px
        return sizes

    def picture_finding(self, code: str, row: int, message: str) -> Finding:
        """Return a finding about picture ``row``."""
        return Finding(code, self.data.pictures.where(row), f"image {self.data.images.key[row]}", message)

    def split_finding(self, code: str, message: str) -> Finding:
        """Return a finding about the split as a whole."""
        return Finding(code, str(self.data.source), self.record, message)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What there is to check.

    Attributes
    ----------
    splits
        The splits that were read; none of them is a union of others.
    whole
        Whether these are all the splits that the source has.
    max_dets, protocol
        How many predictions of one category an image may have (None: any number), and who says so.
    reported
        The codes that the readers have reported already.
    unions
        Splits left out because others make them up, with those others' names.
    """

    splits: tuple[Split, ...]
    whole: bool = True
    max_dets: int | None = 100
    protocol: str = "coco"
    reported: frozenset[str] = frozenset()
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


if TYPE_CHECKING:
    #: A check: a function that looks at everything and yields what it finds.
    Check = Callable[[Context], Iterable[Finding]]


def listing(names: Sequence[object], *, limit: int = 3) -> str:
    """Return the first names and how many more there are.

    Examples
    --------
    >>> listing(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown = ", ".join(brief(str(name), _NAME_CHARACTERS) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"
