"""``draws.npz``: a run's numbers in each resample, kept beside ``result.json`` so that runs can be compared later.

A NumPy archive without pickles, stored and not compressed: the same values give the same bytes whatever the version
of NumPy and zlib, and one category metric is read without the others. Values are float64, more digits than their
meaning needs: an image left out moves a number in its sixth decimal or later, and runs that are compared from their
files give the bits that the same predictions evaluated on the spot give. Described in
``docs/reference/comparison.md``.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from detbench.data.input import require_file_or_folder
from detbench.errors import DataError
from detbench.evaluation.draws import Draws
from detbench.evaluation.intervals import COMPARED, Drawn
from detbench.files import replacing
from detbench.npz import array_head, npz_member

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.evaluation.document import Document

__all__ = ["DRAWS", "identity_of", "read_drawn", "write_drawn"]

#: The file's name, beside ``result.json``.
DRAWS = "draws.npz"
SCHEMA = "detbench.draws/1"

_REMEDY = "write it again with detbench eval -o"

_ABOUT = "about.json"

_FLOAT64 = "<f8"

#: Errors of counts may be large, but not so that sums of their squares overflow.
_LARGEST = 1e12

Count = Annotated[int, msgspec.Meta(ge=0)]


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What the arrays are of: the member ``about.json``."""

    schema: str = SCHEMA
    result: str
    dataset: str
    protocol: str
    resamples: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    seed: Count
    metrics: list[str]
    metric_images: list[Count]
    categories: list[str]
    category_images: list[Count]
    per_category: list[str]


def identity_of(result: Document) -> str:
    """Return the SHA-256 of what a result's draws belong to: what was measured, how, and every number.

    The name of the model is left out, and so is what a later version may add.
    """
    prints = [result.dataset.fingerprint, result.protocol.get("fingerprint"), result.predictions.fingerprint]
    numbers = [result.metrics, [category.metrics for category in result.per_category]]
    return hashlib.sha256(json.dumps([*prints, result.interval_method, *numbers]).encode()).hexdigest()


def write_drawn(path: Path, result: Document, drawn: Drawn) -> None:
    """Write the draws of ``result``, whole or not at all. Raises DataError."""
    about = _About(
        result=identity_of(result),
        dataset=result.dataset.fingerprint,
        protocol=str(result.protocol["fingerprint"]),
        resamples=drawn.resamples,
        seed=drawn.seed,
        metrics=list(drawn.metrics),
        metric_images=[drawn.metric_images[name] for name in drawn.metrics],
        categories=[category.name for category in result.per_category],
        category_images=drawn.category_images.tolist(),
        per_category=list(drawn.per_category),
    )
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _put(archive, _ABOUT, msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
        _put(archive, "metrics.npy", _encoded(np.stack(list(drawn.metrics.values()))))
        for name, values in drawn.per_category.items():
            _put(archive, f"category/{name}.npy", _encoded(values))


def read_drawn(path: Path, result: Document) -> Drawn:
    """Read the draws of ``result``; a category metric's are read when they are asked for.

    Raises
    ------
    DataError
        If there is no such file, if it is another result's, or if it is not what :func:`write_drawn` writes.
    """
    if not path.exists():
        text = "is not there, and runs are compared by their draws"
        raise DataError(text, file=path, remedy=f"{_REMEDY}, without --no-intervals")
    require_file_or_folder(path)
    about = _about(path)
    if about.result != identity_of(result):
        raise DataError("holds the draws of another result than the one beside it", file=path, remedy=_REMEDY)
    size = Draws(result.dataset.images, resamples=about.resamples, seed=about.seed).size
    categories = len(result.per_category)
    if len(about.metric_images) != len(about.metrics) or len(about.category_images) != categories:
        raise _refusal(path, "its names and their counts differ in number")
    if not _are_of(about, result):
        raise _refusal(path, "its names are not those of the result's numbers")
    return Drawn(
        resamples=about.resamples,
        seed=about.seed,
        metrics=dict(zip(about.metrics, _floats(path, "metrics.npy", (len(about.metrics), size)), strict=True)),
        per_category=_PerCategory(path, about.per_category, (categories, size)),
        metric_images=dict(zip(about.metrics, about.metric_images, strict=True)),
        category_images=np.array(about.category_images, dtype=np.int64),
    )


def _are_of(about: _About, result: Document) -> bool:
    """Return whether the draws are of numbers that the result has, each once, and of every category's first.

    A result of proposals alone has no categories.
    """
    names, of_categories = set(about.metrics), set(about.per_category)
    each_once = len(names) == len(about.metrics) and len(of_categories) == len(about.per_category)
    first = set(COMPARED[:1]) if result.per_category else set()
    return each_once and names <= result.metrics.keys() and first <= of_categories <= set(COMPARED)


class _PerCategory(Mapping[str, "NDArray[np.float64]"]):
    """Name → float64 ``[K, S]``, read each time it is asked for: those of many runs are not held together."""

    def __init__(self, path: Path, names: list[str], shape: tuple[int, int]) -> None:
        self._path = path
        self._names = names
        self._shape = shape

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self._names:
            raise KeyError(name)
        return _floats(self._path, f"category/{name}.npy", self._shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(npz_member(name, len(data)), data)


def _encoded(values: NDArray[np.float64]) -> bytes:
    return array_head(_FLOAT64, values.shape) + np.ascontiguousarray(values, dtype=_FLOAT64).tobytes()


def _about(path: Path) -> _About:
    try:
        about = msgspec.json.decode(_member(path, _ABOUT), type=_About)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(path, "its description cannot be read") from error
    if about.schema != SCHEMA:
        raise _refusal(path, f"it has the schema {about.schema[:60]!r}, and this version reads {SCHEMA!r}")
    return about


def _floats(path: Path, name: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a member as float64 of this ``shape``: numbers that a metric can be, and NaN."""
    data, head = _member(path, name), array_head(_FLOAT64, shape)
    if not data.startswith(head) or len(data) != len(head) + 8 * prod(shape):
        raise _refusal(path, f"{name} is not {shape[0]:,} rows of {shape[1]:,} numbers")
    values = np.frombuffer(data, dtype=_FLOAT64, offset=len(head)).astype(np.float64, copy=False).reshape(shape)
    if not (np.abs(values[~np.isnan(values)]) <= _LARGEST).all():
        raise _refusal(path, f"{name} holds a number that no metric can be")
    return values


def _member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(name)
            if entry.compress_type != zipfile.ZIP_STORED:  # what is small in the file is small in memory
                raise _refusal(path, f"{name} is compressed")
            return archive.read(entry)
    # What zipfile raises for archives that are cut, changed, encrypted, or of another kind.
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise _refusal(path, f"{name} cannot be read ({error})") from error


def _refusal(path: Path, problem: str) -> DataError:
    return DataError(f"is not a file of draws: {problem}", file=path, remedy=_REMEDY)
