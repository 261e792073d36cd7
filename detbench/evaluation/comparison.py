"""A comparison as it is written: who leads, by how much, and how sure that is, as plain JSON for other programs.

The schema is documented in ``docs/reference/comparison.md``. The same runs give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from detbench.evaluation.document import Count, DatasetFacts, Remark  # noqa: TC001  msgspec reads the types of fields

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCHEMA", "CategoryDifference", "Comparison", "Contestant", "Difference", "Verdict"]

SCHEMA = "detbench.comparison/1"

#: How many models stand in the short line about a comparison.
_SHOWN = 3

Verdict = Literal["higher", "lower", "not significant", "equal", "undefined"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a model less that of the baseline.

    Attributes
    ----------
    model, baseline, difference
        The two numbers, and the first less the second; None where undefined.
    low, high
        The 95 % interval of the difference; None where it is undefined or rests on a single image.
    opposite
        The share of the resamples in which the difference has the other sign, or is 0.
    p, p_holm
        The two-sided p-value, and the same with Holm's correction for the tests that ask the same question: of the
        ranking metric, those of the other models; of the other metrics, metrics times models; of a category, the
        model's other categories.
    verdict
        ``higher`` or ``lower`` where ``p_holm`` is below 0.05; ``equal`` where no resample tells the models apart.
    reason
        Why it is undefined, or cannot be significant; else empty.
    """

    model: float | None
    baseline: float | None
    difference: float | None
    low: float | None
    high: float | None
    opposite: float | None
    p: float | None
    p_holm: float | None
    verdict: Verdict
    reason: str


class CategoryDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A category's differences by name of the metric; ``images`` have ground truth of it that must be found."""

    name: str
    ground_truths: Count
    images: Count
    metrics: dict[str, Difference]


class Contestant(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    Attributes
    ----------
    name
        What the run calls it; where two are called the same, the folders' names.
    predictions, fingerprint
        The predictions' file, and their SHA-256.
    value, interval
        The ranking metric, and its own interval.
    rank, rank_interval
        1 is the best and equals share a rank; the ranks that it may have by the tests of it against every other model.
    best
        The share of the resamples in which it is the best; equals share a resample.
    same_predictions
        Whether its predictions are the baseline's.
    differences, per_category
        From the baseline; empty for the baseline itself.
    """

    name: str
    predictions: str
    fingerprint: str
    detbench: str
    value: float
    interval: tuple[float, float] | None
    rank: Count
    rank_interval: tuple[Count, Count]
    best: float
    same_predictions: bool
    differences: dict[str, Difference]
    per_category: list[CategoryDifference]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Models compared on the same ground truth under the same protocol.

    Attributes
    ----------
    schema, detbench
        :data:`SCHEMA`, and the version that compared.
    dataset, protocol
        What all were measured on, and how.
    metric, lower_is_better
        What ranks.
    baseline
        The name of the model that the others are compared with.
    resamples, seed, interval_method, p_method
        How intervals and p-values were made, the latter two in words.
    models
        By rank.
    remarks
        What to know before quoting the numbers.
    """

    schema: str = SCHEMA
    detbench: str
    dataset: DatasetFacts
    protocol: dict[str, Any]
    metric: str
    lower_is_better: bool
    baseline: str
    resamples: Count
    seed: Count
    interval_method: str
    p_method: str
    models: list[Contestant]
    remarks: list[Remark]

    def __repr__(self) -> str:
        """Return one short line, for notebooks and logs."""
        shown = ", ".join(f"{model.name} {model.value:.3f}" for model in self.models[:_SHOWN])
        more = ", …" if len(self.models) > _SHOWN else ""
        return f"<Comparison of {len(self.models)} models on {self.dataset.name}: {self.metric} of {shown}{more}>"

    @property
    def others(self) -> list[Contestant]:
        """Return the models that are compared with the baseline, by rank."""
        return [model for model in self.models if model.name != self.baseline]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def to_json(self) -> bytes:
        """Return indented UTF-8 JSON, the same bytes for the same comparison, ending in a newline."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def save(self, path: Path | str) -> None:
        """Write the comparison to ``path``, whole or not at all. Raises DataError."""
        from detbench.files import replacing

        with replacing(Path(path)) as file:
            file.write(self.to_json())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model and metric, and a model, category and metric: the differences. Needs pandas."""
        from detbench.data.tables import frame_of

        rows = [
            (model.name, category, metric, found)
            for model in self.others
            for category, table in [("", model.differences), *((c.name, c.metrics) for c in model.per_category)]
            for metric, found in table.items()
        ]
        columns: dict[str, list[Any]] = {
            "name": [name for name, *_ in rows],
            "category": [category for _, category, *_ in rows],
            "metric": [metric for _, _, metric, _ in rows],
        }
        return frame_of(
            columns | {key: [getattr(row[-1], key) for row in rows] for key in Difference.__struct_fields__}
        )
