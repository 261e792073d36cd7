"""Means by images: a category counts as often as there are images with ground truth of it."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.evaluation.metrics.curves import Accumulated
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.metrics.summary import resampled_mean, value_of
from detbench.evaluation.protocols import PROTOCOLS

VISDRONE = PROTOCOLS["visdrone"]
PLAIN, BY_IMAGES = (next(s for s in summaries(VISDRONE) if s.name == name) for name in ("AP", "AP_by_images"))


def three_categories() -> Accumulated:
    """AP .2 in one image and .8 in three; the third category has no ground truth."""
    average = np.broadcast_to(np.array([0.2, 0.8, np.nan])[:, None], (10, 3, 1)).copy()
    recall = np.repeat(average[..., None], 4, axis=3)
    return Accumulated(np.zeros((10, 101, 3, 1)), average, recall, np.array([[1], [9], [0]]), np.array([1, 3, 0]))


def test_the_weights_are_images() -> None:
    """By hand: (.2 + .8) / 2 plain, (.2 + 3 · .8) / 4 by images."""
    curves = three_categories()
    assert value_of(PLAIN, curves, VISDRONE) == pytest.approx(0.5)
    assert value_of(BY_IMAGES, curves, VISDRONE) == pytest.approx(0.65)


def test_a_resample_has_the_weights_of_the_whole() -> None:
    """The resample of every image is the number itself; one that lacks a category keeps its value and its weight."""
    curves = three_categories()
    average = np.repeat(curves.average_precision[..., None], 2, axis=3)
    average[:, 0, :, 1] = np.nan
    average[:, 1, :, 1] = 0.4
    recall = np.repeat(curves.recall[..., None], 2, axis=4)
    assert resampled_mean(BY_IMAGES, average, recall, curves) == pytest.approx([0.65, (0.2 + 3 * 0.4) / 4])
    assert resampled_mean(PLAIN, average, recall, curves) == pytest.approx([0.5, 0.3])


def test_no_ground_truth_no_number() -> None:
    """Where no category has ground truth there is no mean by images either."""
    nothing = np.full((10, 3, 1), np.nan)
    curves = Accumulated(
        nothing[:, None], nothing, np.repeat(nothing[..., None], 4, axis=3), np.zeros((3, 1), int), np.zeros(3, int)
    )
    assert value_of(BY_IMAGES, curves, VISDRONE) is None
    assert np.isnan(resampled_mean(BY_IMAGES, nothing[..., None], curves.recall[..., None], curves)).all()
