"""Every shipped recipe's network can be built."""

from __future__ import annotations

import pytest

from detbench.detectors.recipes.read import read_recipe, recipe_names


@pytest.mark.slow
@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_build(name: str) -> None:
    """The network of a recipe is built, with as many maps as its anchors have lists."""
    pytest.importorskip("keras")
    from detbench.detectors.faster_rcnn.model import build_model
    from detbench.detectors.recipes.consistency import coarsest_stride_px, level_count

    settings = read_recipe(name).model
    model = build_model(settings, category_count=3, seed=0)
    assert len(model.strides_px) == level_count(settings) == len(settings.anchors.sizes_px)
    assert model.strides_px[-1] == coarsest_stride_px(settings)
