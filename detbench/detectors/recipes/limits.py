"""How large the numbers of a recipe may be: far beyond what anybody trains, and below what breaks a framework.

A setting of a thousand million would not be refused by TensorFlow, JAX or PyTorch in words: it takes all memory, never
ends, or ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

from detbench.words import brief

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import Recipe

__all__ = ["MOST_BATCH_PX", "out_of_bounds"]

#: Setting → the least and the most that each of its numbers may be.
_BOUNDS: dict[str, tuple[float, float]] = {
    "input.train_canvas_px": (1, 16_384),
    "input.test_canvas_px": (1, 16_384),
    "input.short_side_px": (1, 16_384),
    "input.long_side_px": (1, 16_384),
    "input.scale": (0.01, 100),
    "input.max_truths": (1, 10_000),
    "model.alpha": (0.01, 10),
    "model.fpn_channels": (1, 16_384),
    "model.anchors.sizes_px": (1, 16_384),
    "model.anchors.ratios": (0.01, 100),
    "model.rpn.channels": (1, 16_384),
    "model.rpn.sampled": (1, 65_536),
    "model.rpn.pre_nms_train": (1, 1_000_000),
    "model.rpn.post_nms_train": (1, 100_000),
    "model.rpn.pre_nms_test": (1, 1_000_000),
    "model.rpn.post_nms_test": (1, 100_000),
    "model.head.width": (1, 16_384),
    "model.head.output_size": (1, 64),
    "model.head.sampling_ratio": (1, 16),
    "model.head.sampled": (1, 65_536),
    "model.head.variances": (1e-6, 1e6),
    "model.detections.limit": (1, 100_000),
    "model.detections.candidates": (1, 1_000_000),
    "run.steps": (1, 1_000_000_000),
    "run.batch_size": (1, 65_536),
    "run.seed": (0, 2**63 - 1),
}

#: Pixels of a batch: 3 GiB as they are stored, four times that as the model takes them.
MOST_BATCH_PX = 2**30


def out_of_bounds(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Yield the settings that are too small or too large: the setting, the problem, the remedy."""
    for place, (least, most) in _BOUNDS.items():
        value: Any = reduce(getattr, place.split("."), recipe)
        for number in _numbers(value):
            if not least <= number <= most:
                yield place, f"is {brief(str(number), 40)}, and may be {least:,} to {most:,}", "say another"
    for name in ("train_canvas_px", "test_canvas_px"):
        height, width = getattr(recipe.input, name)
        if recipe.run.batch_size * height * width > MOST_BATCH_PX:
            yield (
                "run.batch_size",
                f"{recipe.run.batch_size:,} of {height} × {width} (input.{name}) are over {MOST_BATCH_PX:,} pixels",
                "lower it, or the canvas",
            )


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif value is not None:
        yield value
