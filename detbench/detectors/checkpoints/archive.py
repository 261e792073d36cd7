"""A run as one file: a ZIP archive of known files, stored, each with its SHA-256; safe to open wherever it is from.

The same run is the same bytes. Nothing is written where an archive says: it is unpacked beside the new folder, file by
file under names that a run has, and takes its place when every hash was right. Described in
``docs/reference/run-folder.md``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from detbench.data.input import require_file_or_folder
from detbench.detectors.checkpoints.contents import FILES, MANIFEST, README, readme
from detbench.detectors.checkpoints.record import FileFacts, RunRecord, decode_record
from detbench.detectors.checkpoints.run_folder import open_run
from detbench.errors import DataError, UsageError
from detbench.files import make_folder, replacing, require_writable
from detbench.npz import npz_member

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

__all__ = ["SCHEMA", "Archive", "check_archive", "export_run", "import_run"]

SCHEMA = "detbench.run-archive/1"

_CHUNK_BYTES = 2**20
_MOST_MANIFEST_BYTES = 2**20
_MOST_README_BYTES = 2**20
_ENCRYPTED = 1

_REMEDY = "take another copy of it"


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds: every file but itself."""

    schema: str = ""
    files: dict[str, FileFacts] = {}


class Archive(NamedTuple):
    """An archive that was read: its record, its files as the manifest has them, and those that are otherwise."""

    record: RunRecord
    files: dict[str, FileFacts]
    changed: list[str]


def export_run(run: Path, target: Path, *, with_state: bool = False) -> list[str]:
    """Write a run to one archive, whole or not at all, and return the names of the files in it.

    Parameters
    ----------
    run
        The run's folder, whose hashes are checked.
    target
        The file to write, which is replaced.
    with_state
        Take ``last.npz`` too, with which training goes on.

    Raises
    ------
    DataError
        If there is no run, a file of it is broken or changes meanwhile, or the archive cannot be written.
    UsageError
        If there is nothing to export, no weights yet, or ``target`` lies in the run's own folder.
    """
    opened = open_run(run)
    if target.resolve().parent == run.resolve():
        raise UsageError(f"{target} lies in the run itself; say a file elsewhere with -o")
    require_writable(target)
    places = {name: opened.folder.path / name for name in FILES} | opened.files
    left_out = set() if with_state else {"last.npz"}
    names = sorted(n for n, place in places.items() if n not in left_out and n != "run.json" and place.is_file())
    kept = {name: facts for name, facts in opened.record.files.items() if name not in left_out}
    if not any(name.endswith(".npz") for name in kept):
        told = "; say --with-state to export its last state" if "last.npz" in opened.record.files else ""
        raise UsageError(f"{run} has no best weights yet{told}")
    record = msgspec.structs.replace(opened.record, files=kept).to_json()
    texts = {"run.json": record, README: readme(opened.record, sorted([*names, "run.json"])).encode()}
    files = {name: _facts(text) for name, text in texts.items()}
    files |= {name: kept.get(name) or FileFacts.of(places[name]) for name in names}
    manifest = _Manifest(schema=SCHEMA, files=dict(sorted(files.items())))
    with replacing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        told_first = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        archive.writestr(npz_member(MANIFEST, len(told_first)), told_first)
        for name, facts in manifest.files.items():
            if name in texts:
                archive.writestr(npz_member(name, facts.bytes), texts[name])
                continue
            with places[name].open("rb") as source, archive.open(npz_member(name, facts.bytes), "w") as member:
                if _copy(source, member) != facts:
                    raise DataError("changed while it was read", file=places[name], remedy="export the run again")
    return [MANIFEST, *manifest.files]


def import_run(path: Path, folder: Path) -> Archive:
    """Unpack an archive into a new folder, whole or not at all.

    Raises
    ------
    DataError
        If it is no whole archive of a run, holds anything else, or a hash is wrong, or the folder cannot be written.
    UsageError
        If there is something at ``folder``.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} is there already; say another folder with -o")
    make_folder(folder.parent)
    with _opened(path) as (archive, entries, manifest, record):
        staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
        try:
            staging.mkdir()
            for name in sorted(set(manifest.files) - {README}):
                with (staging / name).open("xb") as target:
                    if _read(archive, entries[name], target) != manifest.files[name]:
                        raise _refusal(path, f"the SHA-256 of {name} is wrong")
                    target.flush()
                    os.fsync(target.fileno())
            _require_run(path, staging)
            _take_place(staging, folder)
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", file=folder) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return Archive(record, manifest.files, [])


def _require_run(path: Path, staging: Path) -> None:
    """Raise DataError, naming the archive, if what was unpacked is no run."""
    try:
        open_run(staging)
    except DataError as error:
        raise _refusal(path, f"{error.file.rpartition('/')[2]} {error.problem}") from error


def _take_place(staging: Path, folder: Path) -> None:
    if folder.exists():  # it came meanwhile
        raise UsageError(f"{folder} is there already; say another folder with -o")
    staging.replace(folder)
    with contextlib.suppress(OSError):
        descriptor = os.open(folder.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def check_archive(path: Path) -> Archive:
    """Read an archive without unpacking it, and compare every hash.

    Raises
    ------
    DataError
        If it is no whole archive of a run. A file whose hash is wrong is no error: it is in ``changed``.
    """
    with _opened(path) as (archive, entries, manifest, record):
        changed = [name for name, facts in manifest.files.items() if _read(archive, entries[name]) != facts]
        # The record speaks of the same files: its hashes are the manifest's, or one of them was changed.
        changed += [name for name, facts in record.files.items() if manifest.files.get(name) != facts]
    return Archive(record, manifest.files, sorted(set(changed)))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo], _Manifest, RunRecord]]:
    """Open an archive whose names, lengths, manifest and record are in order. Raises DataError."""
    require_file_or_folder(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked_entries(path, archive)
            manifest = _manifest(path, archive.read(entries.pop(MANIFEST)))
            _check_files(path, entries, manifest)
            record = decode_record(archive.read(entries["run.json"]), path / "run.json")
            yield archive, entries, manifest, record
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"cannot be read ({error.strerror})", file=error.filename or path) from error
    # What zipfile raises for archives that are cut, changed, or of another kind.
    except (KeyError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise _refusal(path, str(error)) from error


def _checked_entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name: known names, plain stored files, together no longer than the archive."""
    known = {MANIFEST: _MOST_MANIFEST_BYTES, README: _MOST_README_BYTES}
    known |= {name: kind.most_bytes for name, kind in FILES.items()}
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name not in known:
            raise _refusal(path, f"it holds {name!r:.80}, which no run has")
        if name in entries:
            raise _refusal(path, f"it holds {name} twice")
        if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG} or info.flag_bits & _ENCRYPTED:
            raise _refusal(path, f"{name} is no plain file")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _refusal(path, f"{name} is compressed")
        if info.file_size > known[name]:
            raise _refusal(path, f"{name} is {info.file_size:,} bytes long")
        entries[name] = info
    if sum(info.file_size for info in entries.values()) > path.stat().st_size:
        raise _refusal(path, "its files are longer than it is")
    if missing := [name for name in (MANIFEST, *FILES) if name not in entries and _is_needed(name)]:
        raise _refusal(path, f"it has no {missing[0]}")
    return entries


def _is_needed(name: str) -> bool:
    return name == MANIFEST or FILES[name].needed


def _manifest(path: Path, data: bytes) -> _Manifest:
    try:
        manifest = msgspec.json.decode(data, type=_Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(path, f"its {MANIFEST} cannot be read") from error
    if manifest.schema != SCHEMA:
        raise _refusal(path, f"it has the schema {manifest.schema[:60]!r}, and this version reads {SCHEMA!r}")
    return manifest


def _check_files(path: Path, entries: dict[str, zipfile.ZipInfo], manifest: _Manifest) -> None:
    """Raise DataError unless the manifest speaks of the files that are there, and of their lengths."""
    if strange := sorted(entries.keys() ^ manifest.files.keys()):
        raise _refusal(path, f"{strange[0]!r:.80} is in the archive or in its {MANIFEST}, not in both")
    for name, facts in manifest.files.items():
        if entries[name].file_size != facts.bytes:
            raise _refusal(path, f"{name} is not as long as {MANIFEST} says")


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: IO[bytes] | None = None) -> FileFacts | None:
    """Read a member to its end, and return what it is; None where its checksum is wrong."""
    try:
        with archive.open(entry) as source:
            return _copy(source, target)
    except (zipfile.BadZipFile, EOFError):
        return None


def _copy(source: IO[bytes], target: IO[bytes] | None) -> FileFacts:
    """Copy to the end, if there is where to, and return what was read."""
    digest, length = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        length += len(chunk)
        if target is not None:
            target.write(chunk)
    return FileFacts(sha256=digest.hexdigest(), bytes=length)


def _facts(data: bytes) -> FileFacts:
    return FileFacts(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _refusal(path: Path, problem: str) -> DataError:
    return DataError(f"is not a whole archive of a run: {problem}", file=path, remedy=_REMEDY)
