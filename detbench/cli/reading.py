"""How the commands that only look read a dataset: what cannot be read is said and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset

__all__ = ["read_leniently"]


def read_leniently(path: Path, *, split: str | None = None, format_name: str | None = None) -> Dataset:
    """Read a dataset without the records that cannot be read, and say on standard error that there are some.

    Raises
    ------
    DataError
        If nothing can be read at all.
    UsageError
        If there is no such format or split.
    """
    from detbench.cli.console import say
    from detbench.data.findings import Findings, Severity
    from detbench.data.formats import read_dataset
    from detbench.errors import DataError
    from detbench.words import counted

    findings = Findings(strict=False)
    dataset = read_dataset(path, split=split, format_name=format_name, findings=findings)
    errors = [finding for finding in findings.items if finding.severity is Severity.ERROR]
    if not errors:
        return dataset
    first = DataError(errors[0].message, file=errors[0].file, record=errors[0].record)
    if not len(dataset.images):
        raise first
    left_out = f"{counted(len(errors), 'record')} that cannot be read"
    say(f"warning: left out {left_out}, the first: {first}; detbench check lists them all")
    return dataset
