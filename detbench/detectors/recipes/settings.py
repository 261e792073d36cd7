"""What a recipe says: every setting of a baseline, with its unit and its default.

A recipe is a TOML file with these tables. Importing this imports no framework: recipes are read, shown and checked
without one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "AnchorSettings",
    "BackboneName",
    "DetectionSettings",
    "EvaluationSettings",
    "HeadSettings",
    "InputSettings",
    "Measured",
    "ModelSettings",
    "OptimizerSettings",
    "Published",
    "Recipe",
    "RpnSettings",
    "RunSettings",
]

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Whole = Annotated[int, Meta(ge=0)]
Sides = tuple[Count, Count]

BackboneName = Literal["resnet50", "resnet101", "mobilenet_v1", "mobilenet_v2", "small"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a recipe: a key that it does not know is an error."""


class InputSettings(_Table, frozen=True):
    """Pictures on their way into the model. A canvas is ``(height, width)`` in pixels; pictures lie at its upper left.

    ``train_canvas_px``, ``test_canvas_px`` – shapes that the model sees. ``short_side_px`` – a picture is scaled so
    that its short side is this long and its long side at most ``long_side_px``; None scales it to fill the test canvas.
    ``enlarge`` – if false, no picture is made larger than it is stored, but for ``scale``. What does not fit on the
    training canvas is cropped at random; when testing it is scaled to fit.
    ``flip`` – share of the pictures that are mirrored left to right; ``flip_vertical`` – top to bottom, for views from
    above. ``scale`` – the scale is multiplied by a number drawn evenly in its logarithm between these two.
    ``min_visible`` – a box of which a crop leaves a smaller share of its area is ignored, and left out where nothing is
    left. ``brightness`` – added, as a share of white, at most; ``contrast``, ``saturation`` – multiplied by
    ``1 ± at most``. ``max_truths`` – boxes of a picture beyond this many are an error that names the picture.
    """

    train_canvas_px: Sides = (608, 1024)
    test_canvas_px: Sides = (608, 1024)
    short_side_px: Count | None = None
    long_side_px: Count | None = None
    enlarge: bool = True
    flip: Share = 0.5
    flip_vertical: Share = 0.0
    scale: tuple[Positive, Positive] = (1.0, 1.0)
    min_visible: Share = 0.4
    brightness: Share = 0.0
    contrast: Share = 0.0
    saturation: Share = 0.0
    max_truths: Count = 100


class AnchorSettings(_Table, frozen=True):
    """Anchors: ``sizes_px`` has one list a level, the finest first; ``ratios`` are height over width."""

    sizes_px: tuple[tuple[Positive, ...], ...] = ((64.0, 128.0, 256.0, 512.0),)
    ratios: tuple[Positive, ...] = (0.5, 1.0, 2.0)


class RpnSettings(_Table, frozen=True):
    """The region proposal network (Ren et al. 2015).

    ``loss`` – ``"plain"``, or ``"lpn"``: anchors amid many objects weigh more, after the idea of Hsieh et al. 2017;
    ``lpn_theta_px`` is the width. ``pre_nms``, ``post_nms`` – per level, and in all; of training and of testing.
    """

    channels: Count = 512
    positive_at: Share = 0.7
    negative_below: Share = 0.3
    sampled: Count = 256
    positive_share: Share = 0.5
    pre_nms_train: Count = 12_000
    post_nms_train: Count = 2_000
    pre_nms_test: Count = 6_000
    post_nms_test: Count = 300
    nms_iou: Share = 0.7
    min_size_px: NotNegative = 0.0
    smooth_l1_beta: NotNegative = 1 / 9
    loss: Literal["plain", "lpn"] = "plain"
    lpn_theta_px: Positive = 64.0


class HeadSettings(_Table, frozen=True):
    """The second stage (Girshick 2015): pooling of regions, two hidden layers, a category and a box of each.

    ``kind`` – ``"two_layers"`` of ``width`` units (of FPN, and of small models), or ``"conv5"``: the backbone's last
    stage on every region, then the mean over cells (He et al. 2016; ResNet only).
    ``pooling`` – ``"roi_align"``, or ``"crop_max"``: crop and resize to twice ``output_size``, then maxima of 2 × 2 (of
    one map: neck ``"c4"``).
    ``box_loss`` – ``"smooth_l1"`` on deltas, or ``"giou"`` on boxes (Rezatofighi et al. 2019).
    """

    kind: Literal["two_layers", "conv5"] = "two_layers"
    width: Count = 1024
    pooling: Literal["roi_align", "crop_max"] = "roi_align"
    output_size: Sides = (7, 7)
    sampling_ratio: Count = 2
    sampled: Count = 256
    positive_share: Share = 0.25
    positive_at: Share = 0.5
    negative_from: Share = 0.0
    variances: tuple[Positive, Positive, Positive, Positive] = (0.1, 0.1, 0.2, 0.2)
    box_loss: Literal["smooth_l1", "giou"] = "smooth_l1"
    smooth_l1_beta: NotNegative = 1.0
    class_agnostic: bool = False


class DetectionSettings(_Table, frozen=True):
    """What is said in the end: boxes with at least ``min_score``, non-maximum suppression by category, at most so many.

    ``candidates`` – pairs of region and category that go into the suppression: those with the highest scores.
    """

    min_score: Share = 0.05
    nms_iou: Share = 0.5
    limit: Count = 300
    candidates: Count = 1_000


class ModelSettings(_Table, frozen=True):
    """The network.

    ``backbone`` – ``small`` is a residual network of a few layers, for training from nothing on a CPU.
    ``alpha`` – MobileNet's width multiplier. ``neck`` – ``"c4"``: one map, of ``stride_px``; ``"fpn"``: a pyramid from
    ``fpn_levels[0]`` (stride ``2 ** level``) to ``fpn_levels[1]`` with ``fpn_channels`` each (Lin et al. 2017).
    ``weights`` – ``"imagenet"`` or ``"none"``: what the backbone begins with.
    ``frozen_stages`` – how many of the backbone's first stages (one a stride, the stem first) are not trained.
    ``normalization`` – ``"frozen"``: batch normalisation with the statistics of the weights, not trained;
    ``"batch"``: with those of the batch; ``"group"``: group normalisation (Wu and He 2018; ``small`` only).
    """

    backbone: BackboneName = "resnet50"
    alpha: Positive = 1.0
    neck: Literal["c4", "fpn"] = "c4"
    stride_px: Literal[4, 8, 16, 32] = 16
    fpn_levels: tuple[Count, Count] = (2, 6)
    fpn_channels: Count = 256
    weights: Literal["imagenet", "none"] = "imagenet"
    frozen_stages: Whole = 2
    normalization: Literal["frozen", "batch", "group"] = "frozen"
    anchors: AnchorSettings = AnchorSettings()
    rpn: RpnSettings = RpnSettings()
    head: HeadSettings = HeadSettings()
    detections: DetectionSettings = DetectionSettings()


class OptimizerSettings(_Table, frozen=True):
    """How weights are changed.

    ``learning_rate`` is that of ``batch_size`` as the recipe has it, and is scaled with a batch of another size (Goyal
    et al. 2017). ``schedule`` – ``"steps"``: times ``factor`` at each share of the run in ``drops_at``; ``"cosine"``:
    to 0 at the end. ``warmup_steps`` – it rises in a straight line from a thousandth. ``clip_norm`` – of all gradients
    together; None does not clip. ``weight_decay`` – as part of the gradient for ``"sgd"``, apart from it for
    ``"adamw"``; of kernels only.
    """

    kind: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Positive = 0.02
    momentum: Share = 0.9
    weight_decay: NotNegative = 1e-4
    clip_norm: Positive | None = 10.0
    schedule: Literal["steps", "cosine"] = "steps"
    drops_at: tuple[Share, ...] = (2 / 3, 8 / 9)
    factor: Positive = 0.1
    warmup_steps: Whole = 500


class RunSettings(_Table, frozen=True):
    """How long, how many at a time, from which seed; ``batch_size`` counts over all devices.

    ``precision`` – ``"mixed"`` is float16 with loss scaling on a GPU and bfloat16 on a CPU. ``xla`` – compile a step as
    a whole; for GPUs: on a CPU it was slower ("Training speed" in ``docs/benchmarks.md``).
    """

    steps: Count = 90_000
    batch_size: Count = 16
    seed: Whole = 0
    precision: Literal["float32", "mixed"] = "float32"
    xla: bool = False


class EvaluationSettings(_Table, frozen=True):
    """When training looks at itself: every so many steps and at the end, on ``split``, by ``protocol``.

    The checkpoint with the highest ``metric`` is kept as the best. ``limit_images`` – the first so many; None: all.
    ``checkpoint_every`` – how often what a run can go on from is written.
    """

    train_split: str = "train"
    split: str = "val"
    protocol: str = "coco"
    metric: str = "AP"
    every: Count = 5_000
    limit_images: Count | None = None
    checkpoint_every: Count = 1_000


class Published(_Table, frozen=True):
    """A published number to aim at."""

    metric: str
    value: float
    source: str


class Measured(_Table, frozen=True):
    """What a run of this recipe took and reached here; with as many scores and intervals as there were seeds.

    ``score`` – by metric and split, ``"AP50 test"``: value, low, high; one row a seed.
    """

    hardware: str
    minutes: tuple[float, ...]
    score: dict[str, tuple[tuple[float, float, float], ...]]
    seeds: tuple[int, ...]
    detbench: str


class Recipe(_Table, frozen=True):
    """A baseline: what it is, what it is made of, how it is trained, and what came of it.

    ``measured`` – None: not yet measured.
    """

    title: str
    dataset: str
    command: str
    hardware: str
    notes: str = ""
    aims_at: tuple[Published, ...] = ()
    measured: Measured | None = None
    input: InputSettings = InputSettings()
    model: ModelSettings = ModelSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    run: RunSettings = RunSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
