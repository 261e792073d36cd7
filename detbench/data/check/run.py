"""Checks: read everything there is, look at it, and report what will hurt.

A check is a function ``context → findings``; each module holds one family of them in ``CHECKS``, and what follows
is a loop over them.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.data.check import boxes, conventions, ids, pictures, protocol, splits
from detbench.data.check.context import Context, Split
from detbench.data.check.looks import look_at_all
from detbench.data.findings import Finding, Findings, Severity, gravest_first
from detbench.data.formats import format_of, read_dataset, read_with_splits, splits_of
from detbench.data.tables import frame_of
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import pandas as pd

    from detbench.data.check.context import Check
    from detbench.data.tables import Dataset

    #: Opens a progress bar of a known length; what it yields is told how many more are done.
    Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]

__all__ = ["CHECKS", "CheckReport", "SplitFacts", "check_datasets", "check_path"]

#: Every check, in the order in which equally severe findings are worth reading.
CHECKS: tuple[Check, ...] = (
    *conventions.CHECKS,
    *splits.CHECKS,
    *ids.CHECKS,
    *boxes.CHECKS,
    *pictures.CHECKS,
    *protocol.CHECKS,
)

#: So many records of one file with the same trouble are reported one by one.
_MOST_ALIKE = 3

#: Formats that are read once for all splits.
_A_FILE_AN_IMAGE = frozenset({"voc"})


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """What was checked: ``pictures`` counts those that decoded, ``made_of`` a union's parts (then not checked)."""

    name: str | None
    images: int
    boxes: int
    pictures: int
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was checked and what was found, the most severe first."""

    path: Path
    format: str
    splits: tuple[SplitFacts, ...]
    findings: tuple[Finding, ...]

    def counts(self) -> dict[Severity, int]:
        """Return how many findings there are of each severity."""
        return Findings(items=list(self.findings)).counts()

    def by_code(self) -> dict[str, list[Finding]]:
        """Return code → its findings, the most severe code first."""
        return Findings(items=list(self.findings)).by_code()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain lists, strings and numbers, for JSON."""
        return {
            "path": str(self.path),
            "format": self.format,
            "splits": [
                {
                    "name": split.name,
                    "images": split.images,
                    "boxes": split.boxes,
                    "pictures_decoded": split.pictures,
                    "made_of": list(split.made_of),
                }
                for split in self.splits
            ],
            "counts": {str(severity): count for severity, count in self.counts().items()},
            "counts_by_code": dict(Counter(finding.code for finding in self.findings)),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a finding. Needs pandas."""
        rows = [finding.to_dict() for finding in self.findings]
        columns = ("code", "severity", "file", "record", "message", "remedy")
        return frame_of({column: [row[column] for row in rows] for column in columns})


@contextlib.contextmanager
def _unwatched(_total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _n: None


def check_path(
    path: Path,
    *,
    split_names: Sequence[str] | None = None,
    format_name: str | None = None,
    max_dets: int | None = 100,
    protocol_name: str = "coco",
    open_pictures: bool = True,
    workers: int | None = None,
    watch: Watch = _unwatched,
) -> CheckReport:
    """Read every split of a dataset (or those named) and check them together.

    Parameters
    ----------
    path, format_name
        As for :func:`detbench.data.formats.read_dataset`.
    split_names
        The splits to check; None for all.
    max_dets, protocol_name
        How many predictions of one category an image may have, None for any number, and the protocol's name.
    open_pictures
        Whether to decode every picture; without it only the annotations are checked.
    workers
        Threads that decode; None for one a core.
    watch
        Opens a progress bar for the given number of pictures.

    Raises
    ------
    DataError
        If there is nothing at ``path``, or nothing that is recognised. What cannot be read inside is a finding.
    UsageError
        If there is no such format or split.
    """
    known = splits_of(path, format_name=format_name)
    names: Sequence[str | None] = split_names or known or (None,)
    read_once = _read_once(path, format_name) if not split_names and known else None
    datasets, reported = read_once or _read_each(path, names, format_name)
    return check_datasets(
        datasets,
        path=path,
        whole=set(known) <= set(names),
        reported=reported,
        max_dets=max_dets,
        protocol_name=protocol_name,
        open_pictures=open_pictures,
        workers=workers,
        watch=watch,
    )


def _read_once(path: Path, format_name: str | None) -> tuple[list[Dataset], list[Finding]] | None:
    """Return the splits of a dataset that says each image's categories in a file of its own; None for the others.

    Reading a split of these means reading all files, for the categories; so all are read once and dealt out.
    """
    lenient = Findings(strict=False)
    if format_of(path, format_name) not in _A_FILE_AN_IMAGE:
        return None
    try:
        _whole, parts = read_with_splits(path, format_name=format_name, findings=lenient)
    except DataError:
        return None
    return list(parts.values()), lenient.items


def _read_each(path: Path, names: Sequence[str | None], format_name: str | None) -> tuple[list[Dataset], list[Finding]]:
    """Return each split that can be read, and what was found in reading; a split that cannot be is a finding."""
    datasets, reported = [], []
    for name in names:
        lenient = Findings(strict=False)
        try:
            datasets.append(read_dataset(path, split=name, format_name=format_name, findings=lenient))
        except DataError as error:
            reported.append(
                Finding("file-unreadable", error.file or str(path), error.record, error.problem, error.remedy)
            )
        reported.extend(lenient.items)
    return datasets, reported


def check_datasets(
    datasets: Sequence[Dataset],
    *,
    path: Path | None = None,
    whole: bool = True,
    reported: Sequence[Finding] = (),
    max_dets: int | None = 100,
    protocol_name: str = "coco",
    open_pictures: bool = True,
    workers: int | None = None,
    watch: Watch = _unwatched,
) -> CheckReport:
    """Check splits that were read already; ``whole`` says that there are no others, ``reported`` what readers found.

    The other parameters are those of :func:`check_path`.
    """
    made_of = splits.unions(datasets)
    checked = [data for data in datasets if data.split not in made_of]
    opened = _opened(checked, workers or os.cpu_count() or 1, watch) if open_pictures else [Split(d) for d in checked]
    codes_reported = frozenset(finding.code for finding in reported)
    context = Context(tuple(opened), whole, max_dets, protocol_name, codes_reported, made_of)
    found = [*_aggregated(reported), *(finding for check in CHECKS for finding in check(context))]
    ordered = gravest_first(found)  # splits that share a file have its findings twice
    decoded = {split.data.split: sum(not look.code for look in split.looks) for split in opened}
    facts = tuple(
        SplitFacts(d.split, len(d.images), len(d.ground_truth), decoded.get(d.split, 0), made_of.get(d.split or "", ()))
        for d in datasets
    )
    formats = ", ".join(dict.fromkeys(data.format for data in datasets))
    return CheckReport(path or Path(), formats, facts, tuple(ordered))


def _aggregated(reported: Sequence[Finding]) -> list[Finding]:
    """Return what readers found, records of one file with one and the same trouble as one: the first, and how many."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in dict.fromkeys(reported):
        alike.setdefault((finding.code, finding.file, finding.message), []).append(finding)
    return [
        one
        for group in alike.values()
        for one in (group if len(group) <= _MOST_ALIKE else [_with_count(group[0], len(group) - 1)])
    ]


def _with_count(first: Finding, more: int) -> Finding:
    return replace(first, message=f"{first.message} (the same in {more:,} more records of this file)")


def _opened(datasets: Sequence[Dataset], workers: int, watch: Watch) -> list[Split]:
    with watch(sum(len(data.images) for data in datasets)) as advance:
        return [
            Split(data, look_at_all(data.pictures, len(data.images), workers=workers, advance=advance))
            for data in datasets
        ]
