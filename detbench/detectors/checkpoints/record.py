"""``run.json``: what a run is, how it was made, how far it came, and the hashes of what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from detbench.documents import decode_document
from detbench.errors import DataError
from detbench.files import read_bytes, replacing, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEPT", "SCHEMA", "BestScore", "FileFacts", "RunDataset", "RunRecord", "decode_record", "read_record"]

SCHEMA = "detbench.run/1"

#: The files whose hashes stand in the record; the others grow while it is trained.
KEPT = ("recipe.toml", "best.npz", "last.npz")

Count = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

_REMEDY = "give what detbench train-baseline wrote"


class RunDataset(msgspec.Struct, frozen=True, kw_only=True):
    """What was trained on; ``fingerprint`` is that of a result's ``dataset``, of the training split."""

    name: str
    fingerprint: str
    split: str | None
    images: Count
    boxes: Count


class BestScore(msgspec.Struct, frozen=True, kw_only=True):
    """The best score so far: at which step, of which metric; its weights are ``best.npz``."""

    step: Count
    metric: str
    value: float


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the run as it was written."""

    sha256: Sha256
    bytes: Count

    @classmethod
    def of(cls, path: Path) -> FileFacts:
        """Return the facts of a file. Raises DataError if it cannot be read."""
        return cls(sha256=sha256_of(path), bytes=path.stat().st_size)


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes
    ----------
    schema
        :data:`SCHEMA`.
    detbench
        The version that began it.
    recipe
        The recipe's name, or its file's; the recipe itself, with every setting, is ``recipe.toml``.
    command
        The command line that began it.
    categories, category_ids
        Names of the categories, a number a category from 0 in this order, and what the dataset's files call them.
    dataset
        What it is trained on.
    parameters
        How many numbers the model has.
    seed
        Of everything random.
    environment
        Versions, backend and devices: plain words by name.
    status
        ``running``: also of a run that was killed. ``interrupted``: it can be resumed. ``failed``: it stopped with an
        error, a loss that is not finite say.
    step
        Steps that were made when ``last.npz`` was written.
    best
        None before the first evaluation.
    files
        File name → length and SHA-256, of ``recipe.toml``, ``best.npz`` and ``last.npz`` where they are there.
    """

    schema: str = SCHEMA
    detbench: str
    recipe: str
    command: str
    categories: list[str]
    category_ids: list[int | str]
    dataset: RunDataset
    parameters: Count
    seed: Count
    environment: dict[str, str]
    status: Literal["running", "interrupted", "finished", "failed"]
    step: Count
    best: BestScore | None
    files: dict[str, FileFacts]

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same record."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def write(self, path: Path) -> None:
        """Write the record to ``path``, whole or not at all. Raises DataError."""
        with replacing(path) as file:
            file.write(self.to_json())


def read_record(path: Path) -> RunRecord:
    """Read a record. Raises DataError if ``path`` holds none of this schema."""
    return decode_record(read_bytes(path), path)


def decode_record(data: bytes, path: Path) -> RunRecord:
    """Return the record in ``data``, which was read from ``path``. Raises DataError."""
    record = decode_document(data, RunRecord, schema=SCHEMA, what="a run's record", file=path, remedy=_REMEDY)
    if len(record.categories) != len(record.category_ids) or len(set(record.categories)) != len(record.categories):
        raise DataError("its categories and their ids do not pair, or one is there twice", file=path, remedy=_REMEDY)
    if strange := next((name for name in record.files if name not in KEPT), None):
        raise DataError(f"speaks of the file {strange!r:.80}, which no run has", file=path, remedy=_REMEDY)
    return record
