"""A result: what was measured, of what, how, and how sure, as plain JSON that other programs can read.

The schema is documented in ``docs/reference/result.md``. An undefined number is ``null`` and its reason stands in
``reasons``; there is never a −1. The same input gives the same bytes: a result holds no time and no path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from detbench.errors import DataError
from detbench.files import read_bytes, replacing

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["SCHEMA", "CategoryResult", "Curves", "DatasetFacts", "PredictionFacts", "Remark", "Result"]

SCHEMA = "detbench.result/1"


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated on. ``fingerprint`` covers image keys, categories and boxes, not the file's form."""

    name: str
    format: str
    split: str | None
    fingerprint: str
    images: int
    ground_truths: int
    categories: int


class PredictionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated. ``images`` counts the images with at least one prediction."""

    source: str
    fingerprint: str
    predictions: int
    images: int
    dropped: int


class CategoryResult(msgspec.Struct, frozen=True, kw_only=True):
    """One category's numbers.

    ``ground_truths`` counts those that must be found, ``ignored`` those that need not be (crowd, difficult,
    ignored). ``metrics`` maps the protocol's names (AP, AP50, AP75, recall …) to a number or None.
    """

    name: str
    ground_truths: int
    ignored: int
    predictions: int
    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]


class Curves(msgspec.Struct, frozen=True, kw_only=True):
    """Precision at each recall level, rounded to 6 decimals: for drawing, not for computing.

    ``mean`` maps an IoU threshold (``"0.50"``) to the mean over the categories that have ground truth;
    ``by_category`` holds a curve a category at the lowest threshold, in the order of ``per_category``, None without
    ground truth.
    """

    recall: list[float]
    mean: dict[str, list[float]]
    by_category: list[list[float] | None]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader of the numbers should know: ``severity`` is error, warning or note."""

    code: str
    severity: str
    message: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A run's numbers with everything that says what they are.

    Attributes
    ----------
    schema
        :data:`SCHEMA`.
    detbench
        The version that computed it.
    name
        What the predictions are called: the model's name, by default the file's stem.
    protocol
        The protocol as a flat table (name, thresholds, areas, maxDets, interpolation …) and its ``fingerprint``.
    dataset, predictions
        What was compared.
    environment
        Versions of Python, NumPy and the platform; whether the native part was used.
    metrics
        Name → number in 0..1, or None; the protocol's own names, in its order.
    intervals
        Name → [low, high]; a name may be missing.
    interval_method
        In words, with level, resamples and seed; empty where there are no intervals.
    reasons
        Name → why the number is None.
    per_category, curves, remarks
        See the classes.
    """

    schema: str = SCHEMA
    detbench: str
    name: str
    protocol: dict[str, Any]
    dataset: DatasetFacts
    predictions: PredictionFacts
    environment: dict[str, str]
    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    interval_method: str
    reasons: dict[str, str]
    per_category: list[CategoryResult]
    curves: Curves
    remarks: list[Remark]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same result, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def save(self, path: Path) -> None:
        """Write the result to ``path``, whole or not at all. Raises DataError."""
        with replacing(path) as file:
            file.write(self.to_json())

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a result. Raises DataError if ``path`` holds no result of this schema."""
        try:
            result = msgspec.json.decode(read_bytes(path), type=cls)
        except msgspec.DecodeError as error:
            raise DataError(f"is not a detbench result ({error})", file=path) from error
        if result.schema != SCHEMA:
            raise DataError(f"has schema {result.schema!r}, this version reads {SCHEMA!r}", file=path)
        return result

    def to_frame(self) -> pd.DataFrame:
        """Return one row a metric: value, low, high, reason. Needs pandas."""
        from detbench.data.tables import frame_of

        bounds = [self.intervals.get(name, (None, None)) for name in self.metrics]
        return frame_of(
            {
                "metric": list(self.metrics),
                "value": list(self.metrics.values()),
                "low": [low for low, _ in bounds],
                "high": [high for _, high in bounds],
                "reason": [self.reasons.get(name, "") for name in self.metrics],
            }
        )
