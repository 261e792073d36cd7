"""The hidden folder in which a conversion grows until it is whole, so that a kill loses one shard at most.

``OUT/.convert/`` holds what the conversion was begun with (``state.json``), every finished shard with what is known
of it (``NAME`` and ``NAME.json``), at the end the label maps, the receipt and the manifest, and a lock that dies with
its process. When the manifest is there, everything is: the files move to ``OUT`` one rename each, the manifest last.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from detbench.data.records.manifest import MANIFEST_NAME, Manifest, read_manifest
from detbench.data.records.shards import ShardFacts, WriteError, sync
from detbench.errors import DataError, UsageError
from detbench.files import read_bytes, replacing, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.records.plan import Plan

__all__ = ["STAGING_NAME", "Staging", "refuse_occupied"]

STAGING_NAME = ".convert"

_STATE = "state.json"
_LOCK = "lock"


class _State(msgspec.Struct):
    """What a conversion was begun with."""

    command: str
    fingerprint: str
    state: str


class Staging:
    """The staging folder of one conversion, locked.

    Parameters
    ----------
    out
        The output folder.
    plan
        What is converted.
    resume
        Go on with what lies there, rather than begin anew.

    Raises
    ------
    DataError
        If another conversion holds the folder, or it cannot be written, or what lies there to be resumed was begun
        with something else.
    """

    def __init__(self, out: Path, plan: Plan, *, resume: bool) -> None:
        self._out = out
        self._made_out = not out.exists()
        self.folder = out / STAGING_NAME
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", file=self.folder) from error
        try:
            self._open(plan, resume=resume)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, plan: Plan, *, resume: bool) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError("another conversion is writing here", file=self._out, remedy="wait for it") from error
        wanted = _State(plan.options.command(), plan.fingerprint, plan.state)
        if resume and (self.folder / _STATE).exists():
            self._refuse_other(wanted)
            for aside in self.folder.glob("*.part"):
                aside.unlink()
            return
        for file in self.folder.iterdir():
            if file.name != _LOCK:
                file.unlink()
        self.write(_STATE, msgspec.json.encode(wanted))

    def _refuse_other(self, wanted: _State) -> None:
        """Raise DataError if what lies here was begun with other options, or another source."""
        try:
            begun = msgspec.json.decode(read_bytes(self.folder / _STATE), type=_State)
        except msgspec.DecodeError as error:
            raise DataError(
                f"what was begun here cannot be read ({error})", file=self._out, remedy="begin anew with --overwrite"
            ) from error
        if begun.command != wanted.command:
            problem = f"was begun with other options: {begun.command}"
        elif begun.fingerprint != wanted.fingerprint:
            problem = "was begun with other annotations, or by another version of detbench"
        elif begun.state != wanted.state:
            problem = "was begun with other pictures: some have changed since"
        else:
            return
        raise DataError(f"the conversion here {problem}", file=self._out, remedy="begin anew with --overwrite")

    @property
    def complete(self) -> bool:
        """Whether everything is written and only the moves are left."""
        return (self.folder / MANIFEST_NAME).exists()

    def finished(self, name: str) -> ShardFacts | None:
        """Return what is known of a shard that was finished before, if it still is what it was."""
        shard = self.folder / name
        try:
            facts = msgspec.json.decode(read_bytes(shard.with_name(name + ".json")), type=ShardFacts)
            whole = shard.stat().st_size == facts.length_bytes and sha256_of(shard) == facts.sha256
        except (DataError, OSError, msgspec.DecodeError):
            return None
        return facts if whole else None

    def aside(self, name: str) -> Path:
        """Return where a shard grows until it is finished."""
        part = self.folder / f"{name}.part"
        part.unlink(missing_ok=True)
        return part

    def finish(self, facts: ShardFacts) -> None:
        """Take a shard that has been written into the finished ones. Raises WriteError."""
        part = self.folder / f"{facts.file}.part"
        sync(part, facts.file)
        try:
            part.replace(self.folder / facts.file)
        except OSError as error:
            raise WriteError(f"cannot be written ({error.strerror or error})", file=facts.file) from error
        self.write(f"{facts.file}.json", msgspec.json.encode(facts))

    def write(self, name: str, raw: bytes) -> None:
        """Write a small file here, whole or not at all. Raises WriteError."""
        try:
            with replacing(self.folder / name) as file:
                file.write(raw)
        except DataError as error:
            raise WriteError(error.problem, file=name) from error

    def publish(self) -> Manifest:
        """Move everything to the output folder, in place of what an earlier conversion left, and return its manifest.

        Killed within, it is finished by calling it again. Raises DataError.
        """
        manifest = read_manifest(self.folder / MANIFEST_NAME)
        names = [*manifest.file_names(), MANIFEST_NAME]
        try:
            if (self._out / MANIFEST_NAME).exists():
                self._remove_stale(frozenset(names))
            for name in names:
                if (self.folder / name).exists():
                    (self.folder / name).replace(self._out / name)
                    if name == names[-2]:
                        _sync_folder(self._out)
            _sync_folder(self._out)
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", file=self._out) from error
        self.discard()
        return manifest

    def _remove_stale(self, staying: frozenset[str]) -> None:
        """Remove the files of the conversion that is being replaced, except those that are about to be."""
        for name in read_manifest(self._out / MANIFEST_NAME).file_names():
            if name not in staying:
                (self._out / name).unlink(missing_ok=True)

    def has_finished_shards(self) -> bool:
        """Return whether there is anything to resume."""
        return any(self.folder.glob("*.tfrecord.json"))

    def discard(self) -> None:
        """Remove the folder, and the output folder if it was made for this and is empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._made_out:
            with contextlib.suppress(OSError):
                self._out.rmdir()

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)


def refuse_occupied(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise UsageError or DataError if a conversion may not write to ``out``."""
    if resume and overwrite:
        raise UsageError("say --resume or --overwrite, not both")
    if out.exists() and not out.is_dir():
        raise DataError("is a file, not a folder to convert to", file=out)
    if not out.exists() or resume or overwrite:
        return
    if (out / STAGING_NAME).exists():
        raise DataError(
            "holds a conversion that was not finished",
            file=out,
            remedy="go on with --resume (resume=True), or --overwrite it (overwrite=True)",
        )
    if (out / MANIFEST_NAME).exists():
        remedy = "--overwrite it (overwrite=True), or choose another folder"
        raise DataError("holds a finished conversion", file=out, remedy=remedy)
    if any(out.iterdir()):
        raise DataError("is not empty, and holds no conversion", file=out, remedy="choose another folder")


def _sync_folder(folder: Path) -> None:
    """Put a folder's entries on the disk, so that the files before are there if the one after is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
