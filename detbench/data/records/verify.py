"""Are the records what was written? Both checksums of each, and the manifest's lengths, hashes and counts."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.data.decoding import decode_fully
from detbench.data.findings import Findings, Severity
from detbench.data.input import require_file_or_folder
from detbench.data.records.example import decode_record
from detbench.data.records.framing import frames, is_record_file
from detbench.data.records.manifest import MANIFEST_NAME, read_manifest
from detbench.data.records.names import is_record_name
from detbench.data.records.staging import STAGING_NAME
from detbench.errors import DataError
from detbench.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.records.framing import Frame
    from detbench.data.records.manifest import Manifest, ShardEntry

__all__ = ["Verification", "verify"]

_EMPTY_REMEDY = "check the source, and convert again"
_POLYNOMIAL = 0x82F63B78
_BITS = 8


class Verification(msgspec.Struct, frozen=True):
    """What was checked, and what was found. ``files`` counts those that were read."""

    files: int
    records: int
    length_bytes: int
    manifest: bool
    findings: Findings

    @property
    def sound(self) -> bool:
        """Whether no finding is an error."""
        return not self.findings.counts()[Severity.ERROR]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dictionaries, lists, strings and numbers."""
        return {
            "schema": "detbench.verification/1",
            "files": self.files,
            "records": self.records,
            "length_bytes": self.length_bytes,
            "manifest": self.manifest,
            "sound": self.sound,
            "findings": [finding.to_dict() for finding in self.findings.items],
        }


def verify(path: Path, *, decode: bool = False, advance: Callable[[int], None] = lambda _n: None) -> Verification:
    """Check a conversion's folder, a folder of any TFRecord files, or one such file.

    Parameters
    ----------
    path
        With a manifest, every file it lists is checked against it; without one, the records' checksums are.
    decode
        Also read every record as an Example and decode its picture.
    advance
        Told every file that is done; from any thread.

    Raises
    ------
    DataError
        If there is nothing to check, the file holds no records at all, or the manifest cannot be read.
    """
    findings = Findings(strict=False)
    manifest = read_manifest(path / MANIFEST_NAME) if (path / MANIFEST_NAME).is_file() else None
    listed = {shard.file: shard for shard in manifest.shards()} if manifest else {}
    files = [path / name for name in listed] if manifest else _record_files(path)
    if (path / STAGING_NAME).exists():
        findings.report("conversion-unfinished", file=path, message="a conversion into this folder was not finished")
    if not files and not findings.items and manifest is None:
        raise DataError("holds no TFRecord files", file=path, remedy="name a file, or a folder that has some")

    def check(file: Path) -> _FileCheck:
        done = _check_file(file, listed.get(file.name), decode=decode)
        advance(1)
        return done

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        checks = list(pool.map(check, files))
    for done in checks:
        findings.items.extend(done.findings.items)
    if manifest:
        _check_folder(path, manifest, findings)
    files_read, records, length_bytes = (
        sum(getattr(done, name) for done in checks) for name in ("readable", "records", "length_bytes")
    )
    if not records:
        findings.report("split-empty", file=path, message="holds 0 records", remedy=_EMPTY_REMEDY)
    return Verification(files_read, records, length_bytes, manifest is not None, findings)


def _record_files(path: Path) -> list[Path]:
    """Return the file, if its name or its beginning is a TFRecord's, or such files in a folder. Raises DataError."""
    require_file_or_folder(path)
    if path.is_dir():
        return [file for file in sorted(path.iterdir()) if file.is_file() and _is_meant(file)]
    if not _is_meant(path):
        raise DataError("is not a TFRecord file", file=path, remedy="name a folder of records, or one file of them")
    return [path]


def _is_meant(file: Path) -> bool:
    """Return whether a file is or was to be one of records: a damaged one has its name left."""
    return is_record_name(file.name) or is_record_file(file)


class _FileCheck(msgspec.Struct):
    """One file's counts and findings; ``readable`` is whether it is there at all."""

    findings: Findings
    readable: bool = True
    records: int = 0
    length_bytes: int = 0


def _check_file(file: Path, listed: ShardEntry | None, *, decode: bool) -> _FileCheck:
    """Check one file: its records, and what the manifest says of it."""
    done = _FileCheck(Findings(strict=False))
    try:
        for frame in frames(file):
            done.records += not frame.problem
            if frame.problem:
                message = f"the record {frame.problem}{_where_flipped(frame)}"
                done.findings.report("record-corrupt", file=file, record=frame.where, message=message)
            elif decode:
                _decode(file, frame, done.findings)
        done.length_bytes = file.stat().st_size
        if listed is not None:
            _compare(file, listed, done)
    except (DataError, OSError) as error:
        words = error.problem if isinstance(error, DataError) else str(error)
        done.readable = False
        done.findings.report("shard-missing", file=file, message=f"the file {words}")
    return done


def _compare(file: Path, listed: ShardEntry, done: _FileCheck) -> None:
    """Report where the file is not what the manifest says."""
    if done.length_bytes != listed.length_bytes:
        message = f"is {done.length_bytes:,} bytes long; the manifest says {listed.length_bytes:,}"
    elif done.records != listed.records:
        message = f"has {done.records:,} sound records; the manifest says {listed.records:,}"
    elif sha256_of(file) != listed.sha256:
        message = "has another SHA-256 than the manifest says"
    else:
        return
    done.findings.report("shard-differs", file=file, message=message)


def _decode(file: Path, frame: Frame, findings: Findings) -> None:
    """Report a record that is no Example of a picture, or whose picture is broken."""
    try:
        start, end = decode_record(frame.payload).picture_span
        picture = frame.payload[start:end]
        decode_fully(picture, where=str(file))
    except DataError as error:
        findings.report("picture-undecodable", file=file, record=frame.where, message=f"the picture {error.problem}")
    except ValueError as error:
        findings.report("record-malformed", file=file, record=frame.where, message=f"the record holds {error}")


def _check_folder(path: Path, manifest: Manifest, findings: Findings) -> None:
    """Report what the folder has beside the listed shards, and the listed files that are no shards."""
    listed = set(manifest.file_names())
    for file in sorted(path.iterdir()):
        if file.name not in listed and file.name != MANIFEST_NAME and file.is_file() and _is_meant(file):
            findings.report("shard-unlisted", file=file, message="the manifest does not list this file")
    for paper in manifest.files:
        file = path / paper.file
        if not file.is_file():
            findings.report("shard-missing", file=file, message="the file is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != paper.sha256:
            findings.report("shard-differs", file=file, message="has another SHA-256 than the manifest says")
    for split in manifest.splits:
        if split.images != sum(shard.records for shard in split.shards):
            message = f"says {split.images:,} images in split {split.split}, and other counts for its shards"
            findings.report("shard-differs", file=path / MANIFEST_NAME, message=message)
        if not split.images and split.split is not None:
            message = f"split {split.split} has 0 records"
            findings.report("split-empty", file=path / MANIFEST_NAME, message=message, remedy=_EMPTY_REMEDY)


def _where_flipped(frame: Frame) -> str:
    """Return which single bit's flip explains a wrong checksum, as words, or nothing if none does.

    A CRC is linear: the difference of the two checksums is that of the flipped bit alone, moved on by the bytes
    after it. Moving it back byte by byte, until it is a single bit's, finds the place.
    """
    syndrome = frame.crc ^ frame.stored_crc
    if not frame.payload or not syndrome:
        return ""
    of_bit = {_TABLE[1 << bit]: bit for bit in range(_BITS)}
    for place in range(len(frame.payload) - 1, -1, -1):
        if syndrome in of_bit:
            offset = frame.offset_bytes + 12 + place
            return f": bit {of_bit[syndrome]} of byte {offset:,} of the file is flipped"
        index = _INDEX_OF_TOP[syndrome >> 24]
        syndrome = ((syndrome ^ _TABLE[index]) << 8 | index) & 0xFFFFFFFF
    return ""


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(_BITS):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()
_INDEX_OF_TOP = {crc >> 24: index for index, crc in enumerate(_TABLE)}
