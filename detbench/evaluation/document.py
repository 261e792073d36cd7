"""A result as it is written: what was measured, of what, how, and how sure, as plain JSON for other programs.

The schema is documented in ``docs/reference/result.md``. An undefined number is ``null`` and its reason stands in
``reasons``; there is never a −1. The same input gives the same bytes: a result holds no time and no path.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from detbench.data.input import foreign, require_file_or_folder
from detbench.errors import DataError
from detbench.evaluation.parts import counting as counting_part
from detbench.evaluation.parts import errors as errors_part
from detbench.evaluation.parts import operating_point as operating_point_part
from detbench.evaluation.parts import proposals as proposals_part
from detbench.evaluation.parts import timing as timing_part
from detbench.files import read_bytes
from detbench.words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "COUNTS",
    "SCHEMA",
    "CategoryResult",
    "Curves",
    "DatasetFacts",
    "Document",
    "PredictionFacts",
    "Remark",
    "read",
]

SCHEMA = "detbench.result/1"

Count = Annotated[int, msgspec.Meta(ge=0)]


class DatasetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated on. ``fingerprint`` covers image keys, categories and boxes, not the file's form."""

    name: str
    format: str
    split: str | None
    fingerprint: str
    images: Count
    ground_truths: Count
    categories: Count


class PredictionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated. ``images`` counts the images with at least one prediction."""

    source: str
    fingerprint: str
    predictions: Count
    images: Count
    dropped: Count


class CategoryResult(msgspec.Struct, frozen=True, kw_only=True):
    """One category's numbers.

    ``ground_truths`` counts those that must be found, ``ground_truths_by_size`` those of each of the protocol's
    sizes (small, medium …), ``ignored`` those that need not be (crowd, difficult, ignored, in an ignored region).
    ``metrics`` maps the protocol's names (AP, AP50, AP75, recall …) to a number or None.
    """

    name: str
    ground_truths: Count
    ground_truths_by_size: dict[str, Count] = msgspec.field(default_factory=dict)
    ignored: Count
    predictions: Count
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


class _Numbers(Protocol):
    """What has numbers by name: a whole result, a category, a group of a part."""

    @property
    def metrics(self) -> dict[str, float | None]: ...
    @property
    def intervals(self) -> dict[str, tuple[float, float]]: ...


class Document(msgspec.Struct, frozen=True, kw_only=True):
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
    per_category, curves, remarks, operating_point, errors, proposals, counting
        See the classes; the last four are None where they were not asked for.
    timing
        How long the detector took; unset, and not written, where no folder of ``detbench predict`` was evaluated.
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
    operating_point: operating_point_part.OperatingPoint | None = None
    errors: errors_part.Errors | None = None
    proposals: proposals_part.Proposals | None = None
    counting: counting_part.Counting | None = None
    timing: timing_part.Timing | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_of_proposals_alone(self) -> bool:
        """Return whether proposals are all that was measured: no category has numbers then, and there is no curve."""
        return self.proposals is not None and all(map(proposals_part.is_named, self.metrics))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def to_flat(self) -> dict[str, float]:
        """Return every defined number under a name of its own: ``AP``, ``AP/low``, ``AP/high``, ``category/car/AP``."""
        flat: dict[str, float] = {}
        parts: list[tuple[str, _Numbers]] = [("", self)]
        if self.operating_point:
            parts.append(("operating_point/", self.operating_point))
        if self.errors:
            parts += [("errors/", self.errors.tide), ("errors/", self.errors.calibration)]
        parts += [(f"category/{category.name}/", category) for category in self.per_category]
        parts += [] if self.proposals is None else proposals_part.by_group(self.proposals)
        parts += [] if self.counting is None else counting_part.by_group(self.counting)
        parts += timing_part.by_stage(self.timing) if self.timing else []
        for prefix, part in parts:
            for name, value in part.metrics.items():
                if value is None:
                    continue
                flat[prefix + name] = value
                if ends := part.intervals.get(name):
                    flat[f"{prefix}{name}/low"], flat[f"{prefix}{name}/high"] = ends
        return flat

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same result, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def read(path: Path) -> Document:
    """Read a result. Raises DataError if ``path`` holds no result of this schema, or one that was tampered with."""
    require_file_or_folder(path)
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
        if schema != SCHEMA:
            text = f"has the schema {schema[:60]!r}, and this version reads {SCHEMA!r}"
            raise DataError(text if schema else _NO_RESULT, file=path, remedy=_REMEDY)
        document = msgspec.json.decode(data, type=Document)
    except msgspec.ValidationError as error:
        raise DataError(f"{_NO_RESULT}: {_misfit(str(error))}", file=path, remedy=_REMEDY) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        plain = foreign(data, path) or DataError(f"{_NO_RESULT} ({error})", file=path, remedy=_REMEDY)
        raise plain from error
    if flaw := _flaw(document):
        raise DataError(f"was changed by hand, or cut: {flaw}", file=path, remedy=_REMEDY)
    return document


_NO_RESULT = "is not a detbench result"
_REMEDY = "write it again with detbench eval -o"

#: Sums of fractions may end this far above 1.
_ROUNDING = 1e-9

#: Errors of counts, whose names begin so, are objects an image, not shares; a bias may be negative.
COUNTS = "count_"

#: A protocol's table is a few lists of flat tables.
_MOST_LEVELS = 8


class _Head(msgspec.Struct):
    """The part of a result that says whether the rest can be read."""

    schema: str = ""


def _misfit(message: str) -> str:
    """Return msgspec's message in words, with the place in the file that it is about."""
    what, _, place = message.partition(" - at `$")
    return " ".join(part for part in (place.strip(".`"), in_words(what)) if part)


def _flaw(result: Document) -> str:
    """Return what in a result cannot be, in words, or nothing."""
    parts: tuple[Document | CategoryResult, ...] = (result, *result.per_category)
    for of in parts:
        for name, value in of.metrics.items():
            if not name.startswith((COUNTS, errors_part.GAIN)) and not _all_shares([value]):
                return f"{name} is {value}, and every number lies between 0 and 1"
        for name, ends in of.intervals.items():
            if not (name.startswith((COUNTS, errors_part.GAIN)) or _all_shares(ends)) or ends[0] > ends[1]:
                return f"the interval of {name} is {list(ends)}"
    curves = result.curves
    drawn = [*curves.mean.values(), *(curve for curve in curves.by_category if curve is not None)]
    if len(curves.by_category) != len(result.per_category) or any(len(c) != len(curves.recall) for c in drawn):
        return "curves and categories, or a curve and its recall, differ in length"
    if not all(map(_all_shares, (curves.recall, *drawn))):
        return "a curve leaves the range from 0 to 1"
    if not isinstance(result.protocol.get("name"), str) or _deeper(result.protocol, _MOST_LEVELS):
        return "its protocol has no name, or is nested too deeply"
    return _flaw_of_parts(result)


def _flaw_of_parts(result: Document) -> str:
    categories = len(result.per_category)
    found = (
        operating_point_part.flaw(result.operating_point, categories) if result.operating_point else "",
        errors_part.flaw(result.errors, categories) if result.errors else "",
        proposals_part.flaw(result.proposals) if result.proposals else "",
        counting_part.flaw(result.counting) if result.counting else "",
        timing_part.flaw(result.timing) if result.timing else "",
    )
    return next(filter(None, found), "")


def _all_shares(values: Iterable[float | None]) -> bool:
    return all(value is None or 0 <= value <= 1 + _ROUNDING for value in values)


def _deeper(value: Any, levels: int) -> bool:
    """Return whether lists and tables are nested in each other more than ``levels`` times."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)
