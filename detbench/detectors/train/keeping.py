"""What a run keeps of itself: its record, its last state, its best weights. One process of a run writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detbench.detectors.checkpoints.run_folder import BestScore
from detbench.detectors.train.state import model_arrays, optimizer_arrays

if TYPE_CHECKING:
    from detbench.detectors.checkpoints.run_folder import RunFolder, RunRecord
    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["Keeper"]


class Keeper:
    """Writes checkpoints and the record beside them.

    Parameters
    ----------
    run, record
        Where, and what is known of the run.
    about
        What goes with each state: what the run was made of, to be compared when it goes on.
    writes
        False in all processes of a run but the first: they keep count and write nothing.
    """

    def __init__(self, run: RunFolder, record: RunRecord, about: dict[str, Any], *, writes: bool = True) -> None:
        self._run, self.record, self._about, self._writes = run, record, about, writes

    @property
    def best(self) -> BestScore | None:
        """The best score so far."""
        return self.record.best

    def save_last(self, step: int, model: Any, optimizer: Optimizer) -> None:
        """Write what the run can go on from."""
        self._save(
            "last", {**model_arrays(model), **optimizer_arrays(optimizer)}, self._about | {"step": step}, step=step
        )

    def save_if_best(self, step: int, metric: str, value: float, model: Any) -> bool:
        """Write the weights if no others scored as high; return whether it was so."""
        if self.best is not None and self.best.value >= value:
            return False
        score = BestScore(step=step, metric=metric, value=value)
        self._save("best", model_arrays(model), msgspec.to_builtins(score), best=score)
        return True

    def end(self, status: Literal["interrupted", "finished", "failed"]) -> None:
        """Write how it ended."""
        self.record = msgspec.structs.replace(self.record, status=status)
        if self._writes:
            self.record.write(self._run.record)

    def _save(self, which: Literal["best", "last"], arrays: dict[str, Any], about: dict[str, Any], **new: Any) -> None:
        self.record = msgspec.structs.replace(self.record, **new)
        if self._writes:
            self.record = self._run.save(self.record, which, arrays, about)
