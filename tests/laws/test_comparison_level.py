"""The paired test by simulation: how often it finds what is not there, and what is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench import compare, evaluate
from detbench.data.pictures import FolderPictures
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images, Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench import Result
    from detbench.evaluation.comparison import Comparison

IMAGES = 80
OBJECTS = 3
REPETITIONS = 300
SIDE = 40.0


def truth() -> Dataset:
    """Return images with three objects each."""
    builder = GroundTruthBuilder()
    for image in range(IMAGES):
        for place in range(OBJECTS):
            builder.add(image, 0, (100.0 * place, 0.0, 100.0 * place + SIDE, SIDE))
    names = tuple(f"{key}.jpg" for key in range(IMAGES))
    size = np.full(IMAGES, 500, np.int32)
    images = Images(tuple(range(IMAGES)), names, size, size)
    pictures = FolderPictures((None,) * IMAGES, names)
    return Dataset("s", "coco", Path("s"), None, Categories.from_names("c"), images, builder.build(), pictures)


def detector(rng: np.random.Generator, chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of a detector's boxes, ``[I, OBJECTS + 1]``: on each object and on nothing; NaN for none.

    It finds an object of image i with ``chance[i]``, the better the higher its scores; some boxes are false.
    """
    found = rng.random((IMAGES, OBJECTS)) < chance[:, None]
    score = np.where(found, rng.beta(4 * chance[:, None] + 1, 2, (IMAGES, OBJECTS)), np.nan)
    false = np.where(rng.random(IMAGES) < 0.6, rng.beta(1.5, 2, IMAGES), np.nan)
    return np.column_stack([score, false])


def evaluated(dataset: Dataset, score: NDArray[np.float64], name: str, seed: int) -> Result:
    """Evaluate boxes with these scores."""
    image, place = np.nonzero(~np.isnan(score))
    left = 100.0 * place
    box = np.column_stack([left, np.zeros(len(left)), left + SIDE, np.full(len(left), SIDE)])
    table = Predictions.grouped(
        image.astype(np.int32), np.zeros(len(image), np.int32), box, score[image, place].astype(np.float64)
    )
    loaded = LoadedPredictions(table, name, {}, "coco")
    return evaluate(dataset, loaded, protocol="voc2012", resamples=400, seed=seed, name=name)


def simulate(advantage: float) -> list[Comparison]:
    """Compare two detectors on REPETITIONS sets of images; both find hard images hard, one has an advantage."""
    dataset, found = truth(), []
    for repetition in range(REPETITIONS):
        rng = np.random.default_rng([7, repetition])
        chance = rng.beta(1.2, 0.8, IMAGES)
        a, b = detector(rng, chance), detector(rng, np.minimum(chance + advantage, 1.0))
        results = [evaluated(dataset, score, name, repetition) for name, score in (("a", a), ("b", b))]
        found.append(compare(*results, per_category=False))
    return found


def significant(found: list[Comparison]) -> int:
    """Return in how many comparisons the difference is significant."""
    return sum(c.others[0].differences["mAP"].verdict in {"higher", "lower"} for c in found)


@pytest.mark.slow
def test_models_that_differ_by_chance_alone_are_seldom_called_different() -> None:
    """At the level of 5 %, 300 comparisons of equals find 5 to 27 differences, in both directions."""
    found = simulate(0.0)
    assert 5 <= significant(found) <= 27  # B(300, 0.05) lies outside with a chance of 0.2 %
    assert 1 <= sum(c.others[0].differences["mAP"].verdict == "higher" for c in found) < significant(found)


@pytest.mark.slow
def test_pairing_finds_what_two_intervals_hide() -> None:
    """A small advantage is found at least twice as often as by two intervals that do not overlap."""
    found = simulate(0.08)
    apart = 0
    for comparison in found:
        (one, two) = sorted(m.interval for m in comparison.models if m.interval)
        apart += one[1] < two[0]
    assert significant(found) >= 2 * max(apart, 1)
    assert significant(found) > REPETITIONS / 3
    assert all(c.others[0].differences["mAP"].verdict != "lower" for c in found)
