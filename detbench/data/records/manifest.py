"""The manifest: which files a conversion made, their lengths, hashes and counts. What ``verify`` checks against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from detbench.data.records.label_map import Entry  # noqa: TC001  msgspec resolves it
from detbench.errors import DataError
from detbench.files import read_bytes, safe_join

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MANIFEST_NAME", "MANIFEST_SCHEMA", "FileFacts", "Manifest", "ManifestSplit", "ShardEntry", "read_manifest"]

MANIFEST_NAME = "manifest.json"
MANIFEST_SCHEMA = "detbench.manifest/1"


class FileFacts(msgspec.Struct, frozen=True):
    """One file that is no shard."""

    file: str
    length_bytes: int
    sha256: str


class ShardEntry(msgspec.Struct, frozen=True):
    """One shard."""

    file: str
    records: int
    length_bytes: int
    sha256: str


class ManifestSplit(msgspec.Struct, frozen=True):
    """One split. ``boxes`` have a category, ``regions`` have none; ``split`` is None where the source has no splits."""

    split: str | None
    images: int
    boxes: int
    regions: int
    shards: tuple[ShardEntry, ...]


class Manifest(msgspec.Struct, frozen=True):
    """Everything that a conversion made. ``plan`` is the fingerprint of the source's tables and the options."""

    schema: str
    detbench: str
    name: str
    plan: str
    categories: tuple[Entry, ...]
    splits: tuple[ManifestSplit, ...]
    files: tuple[FileFacts, ...]

    def shards(self) -> list[ShardEntry]:
        """Return all shards, split by split."""
        return [shard for split in self.splits for shard in split.shards]

    def file_names(self) -> list[str]:
        """Return the names of all files but the manifest itself."""
        return list(self.hashes())

    def hashes(self) -> dict[str, str]:
        """Return file name → SHA-256 of all files but the manifest itself: shards first."""
        shards = {shard.file: shard.sha256 for shard in self.shards()}
        return shards | {file.file: file.sha256 for file in self.files}

    def to_json(self) -> bytes:
        """Return indented JSON, the same bytes for the same manifest."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises DataError if ``path`` holds none, or it names files outside its folder."""
    try:
        manifest = msgspec.json.decode(read_bytes(path), type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"is not a detbench manifest ({error})", file=path, remedy="convert again") from error
    if manifest.schema != MANIFEST_SCHEMA:
        raise DataError(f"has schema {manifest.schema!r}, this version reads {MANIFEST_SCHEMA!r}", file=path)
    for name in manifest.file_names():
        if safe_join(path.parent, name, file=path).parent != path.parent or name.startswith("."):
            raise DataError(f"names the file {name!r}, which is not beside it", file=path, remedy="convert again")
    return manifest
