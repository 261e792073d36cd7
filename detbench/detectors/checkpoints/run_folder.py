"""The folder of one training run: its files, its record, and that one process writes to it at a time.

Weights and record are two files, and a process can be killed between them. So new arrays are written beside the old
ones (``last.next.npz``), then the record with their hash, and then they take their name: whoever finds the record
finds the arrays that it speaks of, under one name or the other. Described in ``docs/reference/run-folder.md``.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from detbench.detectors.checkpoints.arrays import write_arrays
from detbench.detectors.checkpoints.locking import locked
from detbench.detectors.checkpoints.record import BestScore, FileFacts, RunDataset, RunRecord, read_record
from detbench.errors import DataError
from detbench.files import make_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["BestScore", "FileFacts", "OpenedRun", "RunDataset", "RunFolder", "RunRecord", "open_run"]

#: How often a record is read again because the run went on while its files were being hashed.
_ATTEMPTS = 5


class RunFolder:
    """Paths in a run's folder, which need not be there, and how its files are written.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        """Return the path, as Python writes it."""
        return f"RunFolder({str(self.path)!r})"

    @property
    def recipe(self) -> Path:
        """The recipe with every setting."""
        return self.path / "recipe.toml"

    @property
    def record(self) -> Path:
        """What the run is: :class:`RunRecord`."""
        return self.path / "run.json"

    @property
    def best(self) -> Path:
        """The weights with the best score."""
        return self.path / "best.npz"

    @property
    def last(self) -> Path:
        """The last state: weights and what it takes to go on."""
        return self.path / "last.npz"

    @property
    def log(self) -> Path:
        """One row every few steps: losses, learning rate, speed."""
        return self.path / "log.csv"

    @property
    def evaluations(self) -> Path:
        """One line an evaluation."""
        return self.path / "evaluations.jsonl"

    @property
    def tensorboard(self) -> Path:
        """A folder of TensorBoard's files."""
        return self.path / "tensorboard"

    def holds_run(self) -> bool:
        """Return whether a run was begun here."""
        return self.record.is_file()

    def has_steps(self) -> bool:
        """Return whether a step was logged: there is a row under the log's header."""
        try:
            with self.log.open("rb") as file:
                return bool(file.readline() and file.readline())
        except FileNotFoundError:
            return False

    def read_record(self) -> RunRecord:
        """Return the record. Raises DataError if there is none."""
        if not self.holds_run():
            problem = "holds no run (it has no run.json)" if self.path.is_dir() else "is no folder"
            raise DataError(problem, file=self.path, remedy="give what detbench train-baseline wrote")
        return read_record(self.record)

    def save(
        self,
        record: RunRecord,
        which: Literal["best", "last"],
        arrays: Mapping[str, NDArray[Any]],
        about: Mapping[str, Any],
    ) -> RunRecord:
        """Write arrays and the record together: after a kill at any moment both are the old ones, or both the new.

        Parameters
        ----------
        record
            The run with what is new (step, best, status), which is written with the new file's hash.
        which
            ``"best"`` or ``"last"``.
        arrays, about
            What :func:`~detbench.detectors.checkpoints.arrays.write_arrays` takes.

        Returns
        -------
            The record as it was written.

        Raises
        ------
        DataError
            If something cannot be written; the old state is still there.
        """
        target = self.best if which == "best" else self.last
        write_arrays(_next(target), arrays, about)
        return self._publish(record, target)

    def save_recipe(self, record: RunRecord, text: str) -> RunRecord:
        """Write the recipe and the record together, as :meth:`save` does. Raises DataError."""
        write_text(_next(self.recipe), text)
        return self._publish(record, self.recipe)

    def _publish(self, record: RunRecord, target: Path) -> RunRecord:
        """Write the record of a file's new content, then give that its name."""
        new = _next(target)
        written = msgspec.structs.replace(record, files=record.files | {target.name: FileFacts.of(new)})
        written.write(self.record)
        _take_name(new, target)
        return written

    def settled(self, name: str, facts: FileFacts) -> Path:
        """Return where the bytes lie that the record calls ``name``. Raises DataError if they are not there."""
        target = self.path / name
        for place in (target, _next(target)):
            if place.is_file() and place.stat().st_size == facts.bytes and FileFacts.of(place) == facts:
                return place
        if not target.is_file():
            problem, remedy = "is missing, and run.json speaks of it", "take another copy of the run"
        else:
            problem = "is not what the run wrote: its SHA-256 is another than in run.json"
            remedy = "take another copy of the run, or train it again"
        raise DataError(problem, file=target, remedy=remedy)

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Make the folder if need be, and keep other processes from writing to it while the block runs.

        What a process that was killed left half-done is finished or removed.

        Raises
        ------
        DataError
            If another process writes to the run, or the folder cannot be written.
        """
        make_folder(self.path)
        with locked(self.path):
            self._tidy()
            yield

    def forget(self) -> None:
        """Remove a run of which nothing came, so that another can begin in its place; the lock's file stays."""
        for target in (self.record, self.recipe, self.best, self.last, self.log, self.evaluations):
            for file in (target, _next(target)):
                with contextlib.suppress(OSError):
                    file.unlink()
        shutil.rmtree(self.tensorboard, ignore_errors=True)

    def _tidy(self) -> None:
        """Finish what was begun when a process was killed, and remove what it left half-written."""
        for target in (self.recipe, self.best, self.last):
            new = _next(target)
            if new.is_file():
                facts = self.read_record().files.get(target.name) if self.holds_run() else None
                if facts == FileFacts.of(new):
                    _take_name(new, target)
                else:
                    new.unlink()
        for part in self.path.glob(".*.part"):
            part.unlink(missing_ok=True)


class OpenedRun(NamedTuple):
    """A run that was read: ``files`` says where the bytes lie that the record speaks of."""

    folder: RunFolder
    record: RunRecord
    files: dict[str, Path]


def open_run(path: Path | str, *, verify: bool = True) -> OpenedRun:
    """Read a run.

    With ``verify`` the hash of every file that the record speaks of is checked; without it the files must be there.
    A run that goes on meanwhile is read again.

    Raises
    ------
    DataError
        If there is no run, its record is broken, or a file is missing or not what the run wrote.
    """
    folder = RunFolder(path)
    record = folder.read_record()
    if not verify:
        return OpenedRun(folder, record, {name: _present(folder, name) for name in record.files})
    for _ in range(_ATTEMPTS):
        try:
            return OpenedRun(folder, record, {name: folder.settled(name, of) for name, of in record.files.items()})
        except DataError:
            before, record = record, folder.read_record()
            if before == record:
                raise
    raise DataError("changes faster than it can be read", file=folder.path, remedy="wait until training ends")


def _present(folder: RunFolder, name: str) -> Path:
    target = folder.path / name
    for place in (target, _next(target)):
        if place.is_file():
            return place
    raise DataError("is missing, and run.json speaks of it", file=target, remedy="take another copy of the run")


def _next(target: Path) -> Path:
    """Return where new content of a file waits until the record speaks of it."""
    return target.with_name(f"{target.stem}.next{target.suffix}")


def _take_name(new: Path, target: Path) -> None:
    try:
        new.replace(target)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", file=target) from error
