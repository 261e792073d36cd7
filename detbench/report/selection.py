"""Which images to show, and what to draw on each."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import UsageError
from detbench.report.drawing import COLOURS, Mark, colour_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.data.tables import Dataset, Predictions
    from detbench.report.drawing import Colour, Line

__all__ = ["Selection", "category_rows", "choose_rows", "image_rows"]

_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What is shown: some images of a dataset, perhaps with predictions, perhaps of some categories only.

    ``rows`` are image rows, ``categories`` category rows (empty: all, and the regions of no category), ``how`` says
    in words how the images were chosen (empty: they are all there are). Predictions below ``min_score`` are not shown.
    """

    dataset: Dataset
    rows: tuple[int, ...]
    how: str
    categories: frozenset[int] = frozenset()
    predictions: Predictions | None = None
    min_score: float = 0.0

    def colours(self) -> dict[int, Colour]:
        """Return category row → colour: the most frequent category on the shown images has the first colour."""
        return {category: colour_of(rank) for rank, (category, _count) in enumerate(self.shown_categories())} | {
            -1: colour_of(-1)
        }

    def keys(self) -> dict[int, str]:
        """Return category row → the number that tells it where colours come twice; empty texts where none does."""
        shown = [category for category, _count in self.shown_categories()]
        several = len(shown) > len(COLOURS)
        return {category: str(rank) if several else "" for rank, category in enumerate(shown, start=1)} | {-1: ""}

    def predicted(self) -> Counter[int]:
        """Return category row → predictions on the shown images."""
        given = self.predictions
        if given is None:
            return Counter()
        return Counter(int(given.category[b]) for row in self.rows for b in self.prediction_rows(row))

    def marks(self, row: int, scale: float, colours: dict[int, Colour], keys: dict[int, str]) -> list[Mark]:
        """Return what to draw on image ``row``, its pixels multiplied by ``scale``: predictions last."""
        truth = self.dataset.ground_truth
        # Where there is but one category, its name on every box would say nothing and hide something.
        named = len(self.dataset.categories) > 1
        marks = []
        for box in self.truth_rows(row):
            category = int(truth.category[box])
            x1, y1, x2, y2 = (float(corner) * scale for corner in truth.box[box])
            tags: tuple[str, ...] = (self.name_of(category),) if named or category < 0 else ()
            marks.append(Mark((x1, y1, x2, y2), colours[category], self.line_of(box), tags, keys[category]))
        for box in self.prediction_rows(row):
            predictions = self.predictions
            if predictions is not None:
                category, score = int(predictions.category[box]), f"{predictions.score[box]:.2f}"
                short = f"{keys[category]}: {score}" if keys[category] else score
                x1, y1, x2, y2 = (float(corner) * scale for corner in predictions.box[box])
                tags = (f"{self.name_of(category)} {score}", short) if named and category >= 0 else (score,)
                marks.append(Mark((x1, y1, x2, y2), colours[category], "corners", tags, keys[category]))
        return marks

    def truth_rows(self, row: int) -> list[int]:
        """Return the ground truth of image ``row`` that is shown."""
        truth = self.dataset.ground_truth
        start, stop = np.searchsorted(truth.image, [row, row + 1])
        return [b for b in range(start, stop) if not self.categories or int(truth.category[b]) in self.categories]

    def prediction_rows(self, row: int) -> list[int]:
        """Return the predictions on image ``row`` that are shown, the lowest score first, so that it lies beneath."""
        given = self.predictions
        if given is None:
            return []
        start, stop = np.searchsorted(given.image, [row, row + 1])
        kept = [
            b
            for b in range(start, stop)
            if given.score[b] >= self.min_score and (not self.categories or int(given.category[b]) in self.categories)
        ]
        return sorted(kept, key=lambda b: float(given.score[b]))

    def line_of(self, box: int) -> Line:
        """Return how ground truth ``box`` is drawn; what is ignored altogether matters most."""
        truth = self.dataset.ground_truth
        if truth.ignore[box] or truth.category[box] < 0:
            return "hatched"
        if truth.crowd[box]:
            return "dotted"
        return "dashed" if truth.difficult[box] else "solid"

    def name_of(self, category: int) -> str:
        """Return a category's name, or what a region of none is called."""
        return self.dataset.categories.name[category] if category >= 0 else "ignored"

    def tally(self, row: int) -> Counter[str]:
        """Return category name → shown ground truth on image ``row``."""
        truth = self.dataset.ground_truth
        return Counter(self.name_of(int(truth.category[box])) for box in self.truth_rows(row))

    def lines(self) -> dict[Line, int]:
        """Return how many boxes on the shown images are drawn in each way."""
        drawn: Counter[Line] = Counter(self.line_of(box) for row in self.rows for box in self.truth_rows(row))
        drawn["corners"] = sum(len(self.prediction_rows(row)) for row in self.rows)
        return {line: count for line, count in drawn.items() if count}

    def shown_categories(self) -> Iterator[tuple[int, int]]:
        """Yield each category on the shown images with its ground truth there, the most frequent first; no regions."""
        truth = self.dataset.ground_truth
        counts = Counter(int(truth.category[box]) for row in self.rows for box in self.truth_rows(row))
        if self.predictions is not None:
            counts.update(dict.fromkeys(self.predicted(), 0))
        yield from sorted(((c, n) for c, n in counts.items() if c >= 0), key=lambda item: (-item[1], item[0]))


def choose_rows(
    dataset: Dataset, count: int, *, seed: int, categories: frozenset[int] = frozenset()
) -> tuple[int, ...]:
    """Return ``count`` image rows at random, one from each of ``count`` equal stretches of the split.

    With ``categories``, only images that have one of them are drawn from. The same seed gives the same rows.
    """
    rows = np.arange(len(dataset.images))
    if categories:
        truth = dataset.ground_truth
        rows = np.unique(truth.image[np.isin(truth.category, list(categories))])
    random = np.random.default_rng(seed)
    stretches = np.array_split(rows, min(count, len(rows))) if len(rows) else []
    return tuple(int(random.choice(stretch)) for stretch in stretches)


def image_rows(dataset: Dataset, keys: Sequence[str]) -> tuple[int, ...]:
    """Return the rows of the images called ``keys``: by id, file name, or stem. Raises UsageError on an unknown one."""
    rows: dict[str, int] = {}
    for row, (key, name) in enumerate(zip(dataset.images.key, dataset.images.file_name, strict=True)):
        base = name.rsplit("/", 1)[-1]
        for alias in (str(key), name, base, base.rsplit(".", 1)[0]):
            rows.setdefault(alias, row)
    return tuple(_known(key, rows, "image") for key in keys)


def category_rows(dataset: Dataset, names: Sequence[str]) -> frozenset[int]:
    """Return the rows of the categories called ``names``. Raises UsageError on an unknown one."""
    rows = dataset.categories.row_of_name()
    return frozenset(_known(name, rows, "category") for name in names)


def _known(wanted: str, rows: dict[str, int], what: str) -> int:
    if wanted not in rows:
        near = difflib.get_close_matches(wanted, rows, _SUGGESTIONS) or list(rows)[:_SUGGESTIONS]
        nearest = f"; the nearest are {', '.join(repr(name) for name in near)}" if near else ""
        raise UsageError(f"there is no {what} {wanted!r}{nearest}")
    return rows[wanted]
