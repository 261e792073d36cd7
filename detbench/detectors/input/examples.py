"""From a place in the sequence to one example: what to do with which picture, and its boxes on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.data.decoding import read_header
from detbench.detectors.input.order import Order, random_words, uniforms
from detbench.detectors.input.plan import WORDS, Plan, plan_for_testing, plan_for_training
from detbench.detectors.input.truths import IGNORED, OBJECT, Truths, moved

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset
    from detbench.detectors.recipes.settings import InputSettings

__all__ = ["Example", "Examples", "Tables", "testing_examples", "training_examples"]


class Example(NamedTuple):
    """One picture to come: its row, what to do with it, its boxes on the canvas, its random number."""

    row: int
    plan: Plan
    truths: Truths
    seed: int


class Tables:
    """The columns of a dataset that examples are made from, by image.

    ``size_px`` – int64 ``[I, 2]``: width and height as stored; read from the picture's header where the source does
    not say.
    """

    def __init__(self, dataset: Dataset) -> None:
        truth = dataset.ground_truth
        self.dataset = dataset
        self.size_px = _sizes_px(dataset)
        self._offsets = truth.offsets(len(dataset.images))
        aside = truth.crowd | truth.ignore | truth.difficult | (truth.category < 0)
        self._truths = Truths(truth.box, truth.category, np.where(aside, np.int32(IGNORED), np.int32(OBJECT)))

    def truths(self, row: int) -> Truths:
        """Return the boxes of image ``row`` in pixels of the stored picture, float64."""
        own = slice(self._offsets[row], self._offsets[row + 1])
        every = self._truths
        return Truths(every.box[own], every.category[own], every.state[own])


class Examples(NamedTuple):
    """Everything that a reader needs: ``at(place)`` gives the example there; pictures come from ``tables``.

    ``canvas_px`` – height and width; ``max_truths`` – boxes a picture has at most.
    """

    tables: Tables
    canvas_px: tuple[int, int]
    max_truths: int
    at: Callable[[int], Example]

    def picture(self, row: int) -> tuple[bytes, tuple[int, int]]:
        """Return picture ``row`` as it is encoded, and its width and height."""
        width_px, height_px = self.tables.size_px[row].tolist()
        return self.tables.dataset.pictures.read(row), (width_px, height_px)

    def where(self, row: int) -> str:
        """Return what to call picture ``row`` in a message."""
        return self.tables.dataset.pictures.where(row)


def training_examples(tables: Tables, settings: InputSettings, seed: int) -> Examples:
    """Return the endless examples of training: in a random order, cropped, mirrored and coloured at random."""
    order = Order(len(tables.size_px), seed)

    def at(position: int) -> Example:
        place = order.at(position)
        words = random_words(seed, place.epoch, place.place, WORDS + 1)
        width_px, height_px = tables.size_px[place.row].tolist()
        plan = plan_for_training(width_px, height_px, settings, uniforms(words[:WORDS]))
        truths = moved(tables.truths(place.row), (width_px, height_px), plan, settings.min_visible)
        return Example(place.row, plan, truths, int(words[WORDS] >> np.uint64(33)))

    return Examples(tables, settings.train_canvas_px, settings.max_truths, at)


def testing_examples(tables: Tables, settings: InputSettings) -> Examples:
    """Return the examples of testing: place ``row`` is image ``row``, whole."""

    def at(row: int) -> Example:
        width_px, height_px = tables.size_px[row].tolist()
        plan = plan_for_testing(width_px, height_px, settings)
        return Example(row, plan, moved(tables.truths(row), (width_px, height_px), plan, settings.min_visible), 0)

    return Examples(tables, settings.test_canvas_px, settings.max_truths, at)


def _sizes_px(dataset: Dataset) -> NDArray[np.int64]:
    images = dataset.images
    sizes = np.column_stack([images.width_px, images.height_px]).astype(np.int64)
    for row in np.flatnonzero((sizes <= 0).any(axis=1)).tolist():
        header = read_header(dataset.pictures.read(row), where=dataset.pictures.where(row))
        sizes[row] = header.width_px, header.height_px
    return sizes
