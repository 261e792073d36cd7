"""Results as flat tables of numbers, which every experiment tracker takes: JSON, and TensorBoard's event files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.records.event_file import EventFile
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detbench.evaluation.document import Document

__all__ = ["json_flat", "write_scalars"]


def json_flat(results: Mapping[str, Document]) -> str:
    """Return model → name → number as JSON: what each result's ``to_flat`` gives, undefined numbers left out."""
    flat = {name: result.to_flat() for name, result in results.items()}
    return json.dumps(flat, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write_scalars(folder: Path | str, result: Document, *, step: int = 0) -> None:
    """Write a result's flat table to an event file that TensorBoard reads, under a step.

    Steps before it that are there already are kept, the same and later ones replaced: a loop may call this after each
    epoch. One folder is one line in TensorBoard's figures: give each model its own. The same results give the same
    bytes: no time is written.

    Raises DataError if the file cannot be written, UsageError if the step is negative.
    """
    if step < 0:
        raise UsageError(f"steps begin at 0, and this one is {step}")
    file = EventFile(Path(folder), after_step=step - 1)
    try:
        file.add(step, result.to_flat(), wall_time_s=0.0)
    finally:
        file.close()
