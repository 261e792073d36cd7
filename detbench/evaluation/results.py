"""A result in Python: its metrics at once, the rest of it when it is first asked for.

What scores of a quick run are asked for is often nothing but the metrics. Everything else (a category's numbers,
curves, fingerprints, remarks) is computed, and the libraries that it takes are imported, on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from detbench.evaluation.document import CategoryResult, Curves, DatasetFacts, Document, PredictionFacts, Remark
    from detbench.evaluation.intervals import Drawn
    from detbench.evaluation.parts.counting import Counting
    from detbench.evaluation.parts.errors import Errors
    from detbench.evaluation.parts.operating_point import OperatingPoint
    from detbench.evaluation.parts.proposals import Proposals
    from detbench.evaluation.parts.timing import Timing

__all__ = ["Completed", "Result"]


class Completed(NamedTuple):
    """All of a result, and its numbers in each draw where intervals were wanted."""

    document: Document
    drawn: Drawn | None


class Result:
    """A run's numbers with everything that says what they are.

    Its attributes are the fields of :class:`~detbench.evaluation.document.Document`, which says what each is.
    """

    schema: str
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
    operating_point: OperatingPoint | None
    errors: Errors | None
    proposals: Proposals | None
    counting: Counting | None

    def __init__(
        self,
        complete: Callable[[], Completed] | Document,
        *,
        metrics: dict[str, float | None] | None = None,
        drawn: Drawn | None = None,
    ) -> None:
        self._complete = complete
        self._drawn = drawn
        if metrics is not None:
            self.metrics = metrics

    @classmethod
    def of(cls, completed: Completed) -> Result:
        """Return the result of what has been computed."""
        return cls(completed.document, drawn=completed.drawn)

    @property
    def document(self) -> Document:
        """Return the result as it is written."""
        if callable(self._complete):
            self._complete, self._drawn = self._complete()
        return self._complete

    @property
    def drawn(self) -> Drawn | None:
        """Return the numbers in each draw; None without intervals, and of a result that was read from a file."""
        _ = self.document
        return self._drawn

    @property
    def timing(self) -> Timing | None:
        """Return how long the detector took; None where that was not measured."""
        return self.document.timing or None

    def __getattr__(self, name: str) -> Any:
        """Return a field of the document: reached only for what this object does not hold itself."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.document, name)

    def __repr__(self) -> str:
        """Return one line: what was measured, on what, and the first number."""
        from detbench.words import brief, counted

        name, value = next(iter(self.metrics.items()), ("no number", None))
        first = name if value is None else f"{name} {value:.3f}"
        names = f"{brief(self.name, 60)} on {brief(self.dataset.name, 60)}"
        return f"<Result {names}: {first}, {counted(self.dataset.images, 'image')}>"

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:
        """Return the result as plain dictionaries, lists, strings and numbers.

        ``flat`` gives one table of numbers for an experiment tracker: ``AP``, ``AP/low``, ``AP/high``,
        ``category/car/AP`` …; undefined numbers are left out.
        """
        return self.document.to_flat() if flat else self.document.to_dict()

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same result, ending in a newline."""
        return self.document.to_json()

    def save(self, path: Path | str) -> None:
        """Write the result to ``path``, whole or not at all. Raises DataError."""
        from pathlib import Path

        from detbench.files import replacing

        with replacing(Path(path)) as file:
            file.write(self.to_json())

    def save_draws(self, path: Path | str) -> None:
        """Write the numbers in each resample to ``path``, whole or not at all; without any, remove what is there.

        Raises DataError.
        """
        from pathlib import Path

        from detbench.evaluation.drawn_file import write_drawn

        if self.drawn is None:
            Path(path).unlink(missing_ok=True)
        else:
            write_drawn(Path(path), self.document, self.drawn)

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Read a result. Raises DataError if ``path`` holds no result of this schema, or one that was tampered with."""
        from pathlib import Path

        from detbench.evaluation.document import read

        return cls(read(Path(path)))

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
