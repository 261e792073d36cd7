"""Whether the settings of a recipe go together: what no single one of them can say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from detbench.detectors.recipes.limits import out_of_bounds
from detbench.errors import DataError
from detbench.evaluation.protocols import PROTOCOLS
from detbench.words import counted

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import InputSettings, ModelSettings, OptimizerSettings, Recipe

__all__ = ["STAGES", "coarsest_stride_px", "contradictions", "level_count", "require_consistent"]

#: Stages of every backbone, one a stride of 2, 4, 8, 16, 32; the stem first.
STAGES = 5

#: The finest and the coarsest level of a pyramid that anything is found on: strides of 4 and of 64 pixels.
_FIRST_LEVEL, _LAST_LEVEL = 2, 6


def level_count(model: ModelSettings) -> int:
    """Return how many maps the neck gives."""
    return 1 if model.neck == "c4" else model.fpn_levels[1] - model.fpn_levels[0] + 1


def coarsest_stride_px(model: ModelSettings) -> int:
    """Return the stride of the coarsest map: what the sides of a canvas must divide by."""
    return int(model.stride_px) if model.neck == "c4" else 2 ** model.fpn_levels[1]


def require_consistent(recipe: Recipe, *, file: object, overrides: Sequence[str] = ()) -> None:
    """Raise DataError, naming the file and the overrides, for the first thing that does not go together."""
    for place, problem, remedy in contradictions(recipe):
        record = f"{place} (with {', '.join(overrides)})" if overrides else place
        raise DataError(problem, file=file, record=record, remedy=remedy)


def contradictions(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Yield what does not go together: the setting, the problem, the remedy."""
    yield from out_of_bounds(recipe)
    yield from _backbone(recipe.model)
    yield from _neck(recipe.model)
    yield from _stages(recipe.model)
    yield from _canvas(recipe.input, recipe.model)
    yield from _schedule(recipe.optimizer, recipe.run.steps)
    if not recipe.evaluation.protocol.endswith(".toml") and recipe.evaluation.protocol.lower() not in PROTOCOLS:
        yield (
            "evaluation.protocol",
            f"there is no protocol {recipe.evaluation.protocol!r:.60}",
            f"the protocols are {', '.join(PROTOCOLS)}, or a file that ends in .toml",
        )


def _backbone(model: ModelSettings) -> Iterator[tuple[str, str, str]]:
    small = model.backbone == "small"
    if model.alpha != 1 and not model.backbone.startswith("mobilenet"):
        yield "model.alpha", f"{model.backbone} has no width multiplier", "leave alpha out: only MobileNets have one"
    if small and model.weights == "imagenet":
        yield "model.weights", "there are no ImageNet weights of the backbone 'small'", 'say weights = "none"'
    if model.normalization == "group" and not small:
        yield (
            "model.normalization",
            f"{model.backbone} has batch normalisation, and no group normalisation",
            'say "frozen" or "batch"; only the backbone \'small\' has "group"',
        )
    if model.weights == "none" and model.normalization == "frozen":
        yield (
            "model.normalization",
            "frozen batch normalisation keeps the statistics of the weights, and weights are 'none'",
            'say normalization = "batch", or "group" for the backbone \'small\'',
        )
    if not 0 <= model.frozen_stages <= STAGES:
        yield "model.frozen_stages", f"is {model.frozen_stages}; a backbone has {STAGES} stages", "freeze at most those"
    if model.weights == "none" and model.frozen_stages:
        yield (
            "model.frozen_stages",
            f"{counted(model.frozen_stages, 'stage')} would stay random for ever, as weights are 'none'",
            "say frozen_stages = 0",
        )


def _neck(model: ModelSettings) -> Iterator[tuple[str, str, str]]:
    low, high = model.fpn_levels
    if model.neck == "fpn" and not _FIRST_LEVEL <= low <= min(high, STAGES) <= high <= _LAST_LEVEL:
        yield (
            "model.fpn_levels",
            f"[{low}, {high}] are no levels of a pyramid",
            f"give the first, {_FIRST_LEVEL} to {STAGES}, and the last, up to {_LAST_LEVEL}",
        )
    levels, lists = level_count(model), len(model.anchors.sizes_px)
    if levels != lists:
        yield (
            "model.anchors.sizes_px",
            f"has {counted(lists, 'list')}, and the neck {model.neck!r} has {counted(max(levels, 0), 'level')}",
            "give one list of sizes a level, the finest first",
        )
    if len({len(sizes) for sizes in model.anchors.sizes_px}) > 1:
        yield "model.anchors.sizes_px", "has lists of several lengths", "give every level as many sizes"
    if not all(model.anchors.sizes_px) or not model.anchors.ratios:
        yield "model.anchors", "a level has no anchors", "give at least one size a level, and one ratio"
    if model.head.pooling == "crop_max" and model.neck == "fpn":
        yield (
            "model.head.pooling",
            '"crop_max" pools every region from one map, and neck = "fpn" has several',
            'say pooling = "roi_align", or neck = "c4"',
        )
    if model.head.kind == "conv5":
        fits = model.backbone.startswith("resnet") and model.neck == "c4" and model.stride_px == 16  # noqa: PLR2004
        if not fits:
            yield (
                "model.head.kind",
                f'"conv5" is the last stage of a ResNet over a map of stride 16, and this is {model.backbone}, '
                f"{model.neck}" + (f" of stride {model.stride_px}" if model.neck == "c4" else ""),
                'say kind = "two_layers"',
            )


def _stages(model: ModelSettings) -> Iterator[tuple[str, str, str]]:
    rpn, head, last = model.rpn, model.head, model.detections
    if rpn.negative_below > rpn.positive_at:
        yield "model.rpn.negative_below", "is above positive_at: an anchor would be both", "lower it"
    if head.negative_from > head.positive_at:
        yield "model.head.negative_from", "is above positive_at: no region could be negative", "lower it"
    for place, part in (("model.rpn", rpn), ("model.head", head)):
        if int(part.sampled * part.positive_share) < 1:
            yield (
                f"{place}.positive_share",
                f"leaves no place for a positive among {part.sampled} sampled",
                "raise it, or sampled",
            )
    for phase, before, after in (
        ("train", rpn.pre_nms_train, rpn.post_nms_train),
        ("test", rpn.pre_nms_test, rpn.post_nms_test),
    ):
        if after > before * level_count(model):
            yield (
                f"model.rpn.post_nms_{phase}",
                f"{after:,} cannot be left of {before:,} a level on {counted(level_count(model), 'level')}",
                f"raise pre_nms_{phase}",
            )
    if last.limit > last.candidates:
        yield "model.detections.limit", f"{last.limit:,} of {last.candidates:,} candidates", "raise candidates"


def _canvas(settings: InputSettings, model: ModelSettings) -> Iterator[tuple[str, str, str]]:
    stride_px = coarsest_stride_px(model)
    for name in ("train_canvas_px", "test_canvas_px"):
        height, width = getattr(settings, name)
        if height % stride_px or width % stride_px:
            near = [-(-side // stride_px) * stride_px for side in (height, width)]
            yield (
                f"input.{name}",
                f"{height} × {width} does not divide by the largest stride, {stride_px}",
                f"say {near}",
            )
    if settings.scale[0] > settings.scale[1]:
        yield "input.scale", f"{list(settings.scale)} has its larger number first", "turn them round"
    if settings.long_side_px is not None:
        if settings.short_side_px is None:
            yield "input.long_side_px", "means nothing without short_side_px", "give that too"
        elif settings.short_side_px > settings.long_side_px:
            yield "input.long_side_px", "is less than short_side_px", "raise it"


def _schedule(optimizer: OptimizerSettings, steps: int) -> Iterator[tuple[str, str, str]]:
    drops = optimizer.drops_at
    if any(later <= earlier for earlier, later in itertools.pairwise(drops)):
        yield "optimizer.drops_at", f"{list(drops)} does not ascend", "write shares of the run, in their order"
    if optimizer.warmup_steps >= steps:
        yield (
            "optimizer.warmup_steps",
            f"{optimizer.warmup_steps:,}, and the run has {counted(steps, 'step')}: it would never leave the warm-up",
            f"lower it, as with -s optimizer.warmup_steps={steps // 10}, or raise run.steps",
        )
