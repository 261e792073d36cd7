"""The source as it was read, and what its reader left out: under ``on_bad="skip"`` that is counted too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detbench.data.findings import Findings, Severity
from detbench.data.formats import read_dataset, splits_of
from detbench.data.records.tally import Tally
from detbench.data.tables import Dataset
from detbench.words import brief, unbroken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.data.findings import Finding
    from detbench.data.records.options import Options

__all__ = ["Reading", "find_splits", "read_source", "unread"]

_LONGEST_DETAIL = 300


class Reading(msgspec.Struct, frozen=True):
    """The splits of a source, and by split what the reader reported of each."""

    datasets: list[Dataset]
    findings: dict[str | None, Findings]


def find_splits(source: Path | Dataset, options: Options) -> Sequence[str | None]:
    """Return the splits that are asked for, or all, or None alone where there are none. Raises DataError, UsageError.

    Nothing is read yet: it says in no time whether there is a source of the format that is named.
    """
    if isinstance(source, Dataset):
        return (source.split,)
    found = splits_of(source, format_name=options.format)
    return options.splits or found or (None,)


def read_source(source: Path | Dataset, splits: Sequence[str | None], options: Options) -> Reading:
    """Read the splits. Raises DataError, UsageError."""
    if isinstance(source, Dataset):
        return Reading([source], {})
    findings = {name: Findings(strict=options.on_bad == "raise") for name in splits}
    datasets = [
        read_dataset(source, split=name, format_name=options.format, findings=own) for name, own in findings.items()
    ]
    return Reading(datasets, findings)


def unread(findings: Findings | None, source: Path) -> Tally:
    """Return the errors that a split's reader went on after, counted by code; files are named as within the source."""
    tally = Tally()
    for finding in findings.items if findings else ():
        if finding.severity is Severity.ERROR:
            where, detail = _without_paths(finding, source if source.is_dir() else source.parent)
            tally.note(finding.code, where, detail, unreadable=1)
    return tally


def _without_paths(finding: Finding, root: Path) -> tuple[str, str]:
    """Return where a finding is and what it says, without what is above the source's folder on this machine."""
    file = Path(finding.file)
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    detail = finding.message
    for folder in {root, root.resolve(), file.parent}:
        if folder != Path():
            detail = re.sub(rf"(?<![\w./\\-]){re.escape(str(folder))}[/\\]", "", detail)
    where = ", ".join(part for part in (name, finding.record) if part)
    return unbroken(brief(where, _LONGEST_DETAIL)), unbroken(brief(detail, _LONGEST_DETAIL))
