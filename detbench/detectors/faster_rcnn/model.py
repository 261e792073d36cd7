"""Faster R-CNN (Ren et al. 2015), whole: from a batch of pictures to losses, or to boxes with scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

from detbench.detectors.faster_rcnn.backbones import HIGHEST_LEVEL, backbone_levels, build_backbone
from detbench.detectors.faster_rcnn.fpn import build_fpn
from detbench.detectors.faster_rcnn.initial import draw_kernels
from detbench.detectors.faster_rcnn.losses import head_losses, rpn_losses, sample_regions
from detbench.detectors.faster_rcnn.roi_head import build_region_head, detections, head_outputs, pool
from detbench.detectors.faster_rcnn.rpn import anchors_of, build_rpn_head, in_picture, propose, rpn_outputs
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detbench.detectors.recipes.settings import ModelSettings

__all__ = ["Detected", "FasterRCNN", "build_model"]


class Detected(NamedTuple):
    """What is found in B pictures: D boxes at most, by descending score, and the P proposals they come from.

    ``box`` – float32 ``[B, D, 4]``: ``x1 y1 x2 y2`` in pixels of the canvas. ``score`` – float32 ``[B, D]``.
    ``category`` – int32 ``[B, D]``; −1 where there is none. ``valid`` – bool ``[B, D]``: the others are padding.
    ``proposal``, ``proposal_score``, ``proposal_valid`` – ``[B, P, 4]``, ``[B, P]`` and bool ``[B, P]``, of the RPN.
    """

    box: Any
    score: Any
    category: Any
    valid: Any
    proposal: Any
    proposal_score: Any
    proposal_valid: Any


class FasterRCNN(keras.Model):  # type: ignore[misc]
    """Faster R-CNN of a recipe's ``[model]``, for ``category_count`` categories.

    A canvas may have any sides that divide by the coarsest stride of the backbone: anchors are laid out when the shape
    is known. Boxes are float32 whatever the layers compute in. Every answer has a static shape.

    ``pretrained`` – the network that ImageNet weights are loaded into: the backbone, and conv5 where regions go through
    it.
    """

    def __init__(self, settings: ModelSettings, category_count: int) -> None:
        super().__init__(name="faster_rcnn", autocast=False)  # sizes and boxes stay float32
        levels = backbone_levels(settings)
        backbone = build_backbone(settings)
        channels = [map_.shape[-1] for map_ in backbone.maps.outputs]
        self.settings = settings
        self.category_count = category_count
        self.backbone = backbone.maps
        self.fpn = None
        if settings.neck == "fpn":
            highest = settings.fpn_levels[1]
            self.fpn = build_fpn(channels, levels, settings.fpn_channels, highest)
            levels, channels = tuple(range(levels[0], highest + 1)), [settings.fpn_channels]
        self.levels = levels
        self.strides_px = tuple(2**level for level in levels)
        if settings.neck == "fpn" and settings.head.pooling == "crop_max":
            raise UsageError("crop_max pools from one map, and a pyramid has several; take pooling = 'roi_align'")
        sizes = settings.anchors.sizes_px
        if len(sizes) != len(levels) or len({len(of_level) for of_level in sizes}) != 1:
            raise UsageError(
                f"anchors.sizes_px has {len(sizes)} lists for {len(levels)} maps; "
                "give one list of sizes for each map, the finest first, all of one length"
            )
        self.rpn_head = build_rpn_head(channels[0], settings.rpn.channels, len(sizes[0]) * len(settings.anchors.ratios))
        self.region_head = build_region_head(channels[0], settings.head, category_count, backbone.conv5)
        # Hidden from Keras, which would count its layers twice.
        self._pretrained: Callable[[], keras.Model] = lambda: backbone.pretrained
        self.built = True

    @property
    def pretrained(self) -> keras.Model:
        """The network that ImageNet weights are loaded into."""
        return self._pretrained()

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: everything is built from the start."""

    # ------------------------------------------------------------------ the forward pass

    def call(self, x: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the maps, what the RPN says of every anchor, and the proposals.

        Parameters
        ----------
        x
            ``image`` – uint8 ``[B, H, W, 3]``; ``size_px`` – float32 ``[B, 2]``.
        training
            Whether batch normalisation takes the batch's statistics, and which numbers of proposals count.

        Returns
        -------
        ``maps`` – a list of ``[B, H / stride, W / stride, C]``; ``rpn_logit``, ``rpn_delta`` – ``[B, N]`` and
        ``[B, N, 4]``; ``proposal``, ``proposal_score``, ``proposal_valid`` – ``[B, P, 4]``, ``[B, P]``, ``[B, P]``.
        """
        maps = _as_list(self.backbone(x["image"], training=training))
        if self.fpn is not None:
            maps = _as_list(self.fpn(maps))
        logit, delta = rpn_outputs(self.rpn_head, maps)
        anchor, level_sizes = self.anchors(maps)
        box, score, valid = propose(logit, delta, anchor, level_sizes, x["size_px"], self.settings.rpn, training)
        return {
            "maps": maps,
            "rpn_logit": logit,
            "rpn_delta": delta,
            "proposal": box,
            "proposal_score": score,
            "proposal_valid": valid,
        }

    def regions(self, maps: Sequence[Any], region: Any, training: bool) -> tuple[Any, Any]:
        """Return the second stage's logits ``[B, R, K + 1]`` and deltas ``[B, R, K, 4]`` of regions ``[B, R, 4]``."""
        pooled_from = [map_ for map_, level in zip(maps, self.levels, strict=True) if level <= HIGHEST_LEVEL]
        strides_px = self.strides_px[: len(pooled_from)]
        pooled = pool(pooled_from, region, strides_px, self.levels[0], self.settings.head)
        return head_outputs(self.region_head, pooled, training)

    def anchors(self, maps: Sequence[Any]) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """Return the anchors of maps, float32 ``[N, 4]`` in pixels, and how many there are on each level."""
        return anchors_of(maps, self.strides_px, self.settings.anchors)

    # ------------------------------------------------------------------ training

    def losses_of(self, x: Mapping[str, Any], y: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the four losses, float32 scalars: means over the pictures of the batch.

        Parameters
        ----------
        x, outputs
            What :meth:`call` was given, with ``training=True``, and what it returned.
        y
            ``box``, ``category``, ``state`` and ``seed``, as a batch has them.
        """
        maps, settings = outputs["maps"], self.settings
        anchor, _ = self.anchors(maps)
        objectness, rpn_box = rpn_losses(
            outputs["rpn_logit"],
            outputs["rpn_delta"],
            ops.convert_to_tensor(anchor),
            in_picture(anchor, x["size_px"]),
            dict(y),
            settings.rpn,
        )
        sampled = sample_regions(outputs["proposal"], outputs["proposal_valid"], dict(y), settings.head)
        logit, delta = self.regions(maps, sampled.region, training=True)
        category, head_box = head_losses(logit, delta, sampled, settings.head)
        of_pictures = {
            "rpn_objectness": objectness,
            "rpn_box": rpn_box,
            "head_category": category,
            "head_box": head_box,
        }
        return {name: ops.mean(loss) for name, loss in of_pictures.items()}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the sum of the four losses: what Keras' own training loops ask for.

        It is not divided by the number of replicas: whoever sums the gradients of several does that.
        """
        del sample_weight, training
        losses = self.losses_of(x, y, y_pred)
        return losses["rpn_objectness"] + losses["rpn_box"] + losses["head_category"] + losses["head_box"]

    # ------------------------------------------------------------------ prediction

    def infer(self, x: Mapping[str, Any]) -> dict[str, Any]:
        """Return what both stages say of a batch: the proposals, and ``logit`` and ``delta`` of each.

        It is not called ``forward``: on PyTorch that name is the module's own.
        """
        outputs = self(x, training=False)
        logit, delta = self.regions(outputs["maps"], outputs["proposal"], training=False)
        proposals = {name: outputs[name] for name in ("proposal", "proposal_score", "proposal_valid")}
        return {**proposals, "logit": logit, "delta": delta}

    def postprocess(self, raw: Mapping[str, Any], x: Mapping[str, Any]) -> Detected:
        """Return the boxes that are said in the end, of what :meth:`infer` returned."""
        found = detections(
            raw["logit"],
            raw["delta"],
            raw["proposal"],
            raw["proposal_valid"],
            x["size_px"],
            self.settings.head,
            self.settings.detections,
        )
        return Detected(*found, raw["proposal"], raw["proposal_score"], raw["proposal_valid"])

    def detect(self, x: Mapping[str, Any]) -> Detected:
        """Return what is found in a batch ``x`` of ``image`` and ``size_px``."""
        return self.postprocess(self.infer(x), x)


def build_model(settings: ModelSettings, category_count: int, seed: int) -> FasterRCNN:
    """Return the model of a recipe with all its weights, drawn from ``seed``; the same on every backend.

    The layers compute in Keras' dtype policy of the moment. ImageNet weights are loaded into ``pretrained`` afterwards.

    Raises
    ------
    UsageError
        For settings that contradict each other.
    """
    model = FasterRCNN(settings, category_count)
    draw_kernels(model, seed)
    return model


def _as_list(maps: Any) -> list[Any]:
    """Return a list of maps: Keras gives a network's only output bare."""
    return list(maps) if isinstance(maps, (list, tuple)) else [maps]
