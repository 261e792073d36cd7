"""Gradients of pooling on TensorFlow: by dense matrices, by a sparse one, and through the portable gather."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs the TensorFlow backend", allow_module_level=True)

from detbench.operators.keras import roi_pooling  # noqa: E402


def pool_levels(maps: list[Any], region: Any, kernel: Any) -> Any:
    """Return each region's bins from the map of its size."""
    return roi_pooling.multilevel_roi_align(maps, region, [8.0, 16.0], (3, 2), lowest=3, kernel=kernel)


def pool_one(maps: list[Any], region: Any, kernel: Any) -> Any:
    """Return each region's bins from the finer map."""
    return roi_pooling.roi_align(maps[0], region, 8.0, (3, 2), kernel=kernel)


def pool_greatest(maps: list[Any], region: Any, kernel: Any) -> Any:
    """Return the greatest of each 2 × 2 points from the finer map."""
    return roi_pooling.crop_max_pool(maps[0], region, 8.0, (6, 4), kernel=kernel)


@pytest.mark.parametrize("pool", [pool_levels, pool_one, pool_greatest])
def test_every_way_to_the_gradient_leads_to_the_same(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers and gradients agree, of regions within the maps, across their borders and beyond."""
    random = np.random.default_rng(0)
    maps = [tf.constant(random.normal(size=(2, *side, 5)), tf.float32) for side in ((9, 12), (5, 6))]
    corner, side = random.uniform(-30, (90, 66), (2, 40, 2)), random.uniform(2, 300, (2, 40, 2))
    region = tf.constant(np.concatenate([corner, corner + side], axis=-1), tf.float32)
    upstream: Any = None
    found = []
    for kernel, limit in (("auto", roi_pooling._DENSE), ("auto", 0), ("portable", 0)):
        monkeypatch.setattr(roi_pooling, "_DENSE", limit)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            answer = pool(maps, region, kernel)
            upstream = tf.constant(random.normal(size=answer.shape), tf.float32) if upstream is None else upstream
            loss = tf.reduce_sum(answer * upstream)
        gradient = tape.gradient(loss, maps, unconnected_gradients="zero")
        found.append((answer.numpy(), *(part.numpy() for part in gradient)))
    assert np.abs(found[0][1]).max() > 0.1
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_allclose(one, two, atol=2e-4)
