"""Which runs there are, and everything that is known of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detbench.detectors.checkpoints.archive import check_archive
from detbench.detectors.checkpoints.record import FileFacts, RunRecord  # noqa: TC001  msgspec resolves them
from detbench.detectors.checkpoints.run_folder import RunFolder
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Details", "FileState", "Found", "details", "find_runs"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was found; ``record`` is None where it cannot be read, and ``problem`` says why."""

    path: str
    bytes: int
    record: RunRecord | None
    problem: str = ""


class FileState(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a run: ``state`` is ``unhashed`` for what grows while it is trained, and has no hash in a record."""

    name: str
    bytes: int
    sha256: str
    state: Literal["right", "changed", "missing", "unhashed"]


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of a run or an archive."""

    path: str
    kind: Literal["run", "archive"]
    record: RunRecord
    files: list[FileState]

    @property
    def wrong(self) -> list[str]:
        """The files that are not what they should be."""
        return [file.name for file in self.files if file.state in {"changed", "missing"}]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def find_runs(folder: Path) -> list[Found]:
    """Return the runs in a folder and all folders below it, by path; hidden folders are not looked into.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise DataError("is no folder", file=folder, remedy="say a folder with runs in it")
    found = []
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if "run.json" in files:
            here = _found(RunFolder(place))
            if here is not None:
                found.append(here)
                inner.clear()
    return sorted(found, key=lambda run: run.path)


def _found(run: RunFolder) -> Found | None:
    """Return the run in a folder; None if its ``run.json`` is something else's."""
    size = sum(length for _, length in _lengths(run.path))
    try:
        return Found(path=str(run.path), bytes=size, record=run.read_record())
    except DataError as error:
        # A file of this name without a recipe beside it need not be ours.
        return Found(path=str(run.path), bytes=size, record=None, problem=str(error)) if run.recipe.is_file() else None


def details(path: Path) -> Details:
    """Return what is known of a run's folder, or of an archive, with every hash compared.

    Raises
    ------
    DataError
        If there is neither, or its record cannot be read.
    """
    if path.is_dir():
        run = RunFolder(path)
        record = run.read_record()
        return Details(path=str(path), kind="run", record=record, files=_states(run, record))
    archive = check_archive(path)
    files = [
        FileState(name=name, bytes=of.bytes, sha256=of.sha256, state="changed" if name in archive.changed else "right")
        for name, of in archive.files.items()
    ]
    return Details(path=str(path), kind="archive", record=archive.record, files=files)


def _states(run: RunFolder, record: RunRecord) -> list[FileState]:
    hashed = [_state(run, name, facts) for name, facts in record.files.items()]
    others = [
        FileState(name=name, bytes=length, sha256="", state="unhashed")
        for name, length in _lengths(run.path)
        if name not in record.files and not Path(name).name.startswith(".")
    ]
    return sorted([*hashed, *others], key=lambda file: file.name)


def _state(run: RunFolder, name: str, facts: FileFacts) -> FileState:
    state: Literal["right", "changed", "missing"] = "right"
    try:
        run.settled(name, facts)
    except DataError:
        state = "changed" if (run.path / name).exists() else "missing"
    return FileState(name=name, bytes=facts.bytes, sha256=facts.sha256, state=state)


def _lengths(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the files below a folder with their lengths, links not followed."""
    for place, _, files in os.walk(folder):
        for name in files:
            path = Path(place) / name
            yield path.relative_to(folder).as_posix(), path.lstat().st_size
