"""What a run writes of itself as it goes: a row a step, scalars for TensorBoard, a line an evaluation.

Files grow line by line, so that they are whole up to the last line whenever the run ends; what a run that goes on will
do again is cut away first.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detbench.data.records.event_file import EventFile
from detbench.files import read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from detbench.detectors.checkpoints.run_folder import RunFolder

__all__ = ["COLUMNS", "LOSSES", "Logs", "NoLogs", "StepFacts"]

#: The model's losses; their sum is the total.
LOSSES = ("rpn_objectness", "rpn_box", "head_category", "head_box")

#: Of log.csv. Losses and the norm have the nine digits that tell every float32 from its neighbours.
COLUMNS = ("step", "learning_rate", "total", *LOSSES, "gradient_norm", "images_per_s")

#: Every so many steps there is a point for TensorBoard.
_SCALARS_EVERY = 10


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A step that was made: ``step`` counts those made so far, itself included; ``norm`` is the gradients'."""

    step: int
    learning_rate: float
    total: float
    losses: Mapping[str, float]
    norm: float
    images_per_s: float

    def row(self) -> dict[str, str]:
        """Return the row of log.csv."""
        numbers = {"total": self.total, **self.losses, "gradient_norm": self.norm}
        exact = {name: f"{value:.9g}" for name, value in numbers.items()}
        rates = {"learning_rate": f"{self.learning_rate:.9g}", "images_per_s": f"{self.images_per_s:.4g}"}
        return {"step": str(self.step), **exact, **rates}


class Logs:
    """The log files of a run, open.

    Parameters
    ----------
    run
        Where they lie.
    after_step
        The step that the run goes on from; 0 begins.
    """

    def __init__(self, run: RunFolder, *, after_step: int) -> None:
        _cut_rows(run.log, after_step)
        self.evaluations = _cut_lines(run.evaluations, after_step)
        self._log = run.log.open("a", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._log, COLUMNS, lineterminator="\n")
        self._evaluations = run.evaluations.open("a", encoding="utf-8")
        self._events = EventFile(run.tensorboard, after_step=after_step)

    def step(self, facts: StepFacts) -> None:
        """Add a step."""
        self._rows.writerow(facts.row())
        self._log.flush()
        if facts.step == 1 or facts.step % _SCALARS_EVERY == 0:
            scalars = {"loss/total": facts.total, **{f"loss/{name}": loss for name, loss in facts.losses.items()}}
            rates = {"learning_rate": facts.learning_rate, "images_per_s": facts.images_per_s}
            self._events.add(facts.step, {**scalars, "gradient_norm": facts.norm, **rates})

    def evaluation(self, step: int, metrics: Mapping[str, float | None], *, seconds: float) -> None:
        """Add an evaluation."""
        row = {"step": step, "seconds": round(seconds, 3), "metrics": dict(metrics)}
        self.evaluations.append(row)
        self._evaluations.write(json.dumps(row, allow_nan=False) + "\n")
        self._evaluations.flush()
        self._events.add(step, {f"metric/{name}": value for name, value in metrics.items() if value is not None})

    def close(self) -> None:
        """Close the files."""
        for file in (self._log, self._evaluations, self._events):
            file.close()


class NoLogs(Logs):
    """The logs of a process that writes none, but knows what was evaluated before."""

    def __init__(self, run: RunFolder, *, after_step: int) -> None:
        self.evaluations = _evaluations(run.evaluations, after_step)

    def step(self, facts: StepFacts) -> None:
        """Write nothing."""

    def evaluation(self, step: int, metrics: Mapping[str, float | None], *, seconds: float) -> None:
        """Remember that there was one."""
        self.evaluations.append({"step": step, "seconds": seconds, "metrics": dict(metrics)})

    def close(self) -> None:
        """Do nothing."""


def _cut_rows(path: Path, after_step: int) -> None:
    """Leave the rows up to ``after_step``, under a header."""
    rows = csv.DictReader(io.StringIO(read_text(path, limit_bytes=2**32))) if path.is_file() else []
    whole = [row for row in rows if None not in row.values() and None not in row]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(row for row in whole if row["step"].isdigit() and int(row["step"]) <= after_step)
    write_text(path, out.getvalue())


def _cut_lines(path: Path, after_step: int) -> list[dict[str, Any]]:
    """Leave the evaluations up to ``after_step`` and return them."""
    rows = _evaluations(path, after_step)
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
    return rows


def _evaluations(path: Path, after_step: int) -> list[dict[str, Any]]:
    """Return the evaluations up to ``after_step``; a line that was cut short is none."""
    rows = []
    for line in read_text(path).splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row["step"] <= after_step:
            rows.append(row)
    return rows
