"""What a run of predict was: the document beside its predictions."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["RECORD", "SCHEMA", "DataFacts", "FileFacts", "ModelFacts", "PredictRecord"]

SCHEMA = "detbench.predict/1"

#: What the document is called in its folder.
RECORD = "predict.json"


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was written, or that a model was read from."""

    sha256: str
    bytes: int


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A model: what the user called it, what is before it, its files by name, and its settings."""

    name: str
    adapter: str
    device: str
    batch_size: int
    files: dict[str, FileFacts]
    settings: dict[str, Any]


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures: what they come from. ``fingerprint`` is the dataset's, None of pictures without annotations."""

    name: str
    kind: str
    format: str
    split: str | None
    images: int
    fingerprint: str | None


class PredictRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of ``detbench predict``. ``files`` are what stands beside this document."""

    schema: str = SCHEMA
    detbench: str
    model: ModelFacts
    data: DataFacts
    categories: list[str]
    category_ids: list[int | str]
    options: dict[str, Any]
    predictions: int
    proposals: int | None
    left_out: int
    environment: dict[str, str]
    files: dict[str, FileFacts]
