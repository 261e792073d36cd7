"""The operators of Faster R-CNN, as functions of NumPy arrays.

Those with a native version are that one (:mod:`detbench.operators.native`); the others are the references
(:mod:`detbench.operators.reference`). Each answers as the reference does. What is asked for is imported then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from detbench.operators.reference import HOME as _REFERENCE

if TYPE_CHECKING:
    from detbench.operators.native.iou import ciou as ciou
    from detbench.operators.native.iou import diou as diou
    from detbench.operators.native.iou import giou as giou
    from detbench.operators.native.iou import iou as iou
    from detbench.operators.native.nms import batched_nms as batched_nms
    from detbench.operators.native.nms import nms as nms
    from detbench.operators.native.nms import soft_nms as soft_nms
    from detbench.operators.native.roi_pooling import crop_and_resize as crop_and_resize
    from detbench.operators.native.roi_pooling import crop_max_pool as crop_max_pool
    from detbench.operators.native.roi_pooling import roi_align as roi_align
    from detbench.operators.native.roi_pooling import roi_max_pool as roi_max_pool
    from detbench.operators.reference.anchors import anchor_grid as anchor_grid
    from detbench.operators.reference.anchors import reference_boxes as reference_boxes
    from detbench.operators.reference.box_coding import centre_and_size as centre_and_size
    from detbench.operators.reference.box_coding import change_order as change_order
    from detbench.operators.reference.box_coding import corners as corners
    from detbench.operators.reference.box_coding import decode as decode
    from detbench.operators.reference.box_coding import encode as encode
    from detbench.operators.reference.box_coding import normalize_boxes as normalize_boxes
    from detbench.operators.reference.heads import box_head as box_head
    from detbench.operators.reference.heads import rpn_head as rpn_head
    from detbench.operators.reference.levels import assign_levels as assign_levels
    from detbench.operators.reference.losses import binary_cross_entropy as binary_cross_entropy
    from detbench.operators.reference.losses import cross_entropy as cross_entropy
    from detbench.operators.reference.losses import giou_loss as giou_loss
    from detbench.operators.reference.losses import head_loss as head_loss
    from detbench.operators.reference.losses import rpn_loss as rpn_loss
    from detbench.operators.reference.losses import smooth_l1 as smooth_l1
    from detbench.operators.reference.matrix_nms import matrix_nms as matrix_nms
    from detbench.operators.reference.proposals import clip_boxes as clip_boxes
    from detbench.operators.reference.proposals import filter_boxes as filter_boxes
    from detbench.operators.reference.proposals import keep_top_n as keep_top_n
    from detbench.operators.reference.proposals import select_proposals as select_proposals
    from detbench.operators.reference.sampling import sample_balanced as sample_balanced
    from detbench.operators.reference.targets import assign_anchors as assign_anchors
    from detbench.operators.reference.targets import assign_regions as assign_regions

__all__ = [
    "anchor_grid",
    "assign_anchors",
    "assign_levels",
    "assign_regions",
    "batched_nms",
    "binary_cross_entropy",
    "box_head",
    "centre_and_size",
    "change_order",
    "ciou",
    "clip_boxes",
    "corners",
    "crop_and_resize",
    "crop_max_pool",
    "cross_entropy",
    "decode",
    "diou",
    "encode",
    "filter_boxes",
    "giou",
    "giou_loss",
    "head_loss",
    "iou",
    "keep_top_n",
    "matrix_nms",
    "nms",
    "normalize_boxes",
    "reference_boxes",
    "roi_align",
    "roi_max_pool",
    "rpn_head",
    "rpn_loss",
    "sample_balanced",
    "select_proposals",
    "smooth_l1",
    "soft_nms",
]

_NATIVE = {
    "iou": ("ciou", "diou", "giou", "iou"),
    "nms": ("batched_nms", "nms", "soft_nms"),
    "roi_pooling": ("crop_and_resize", "crop_max_pool", "roi_align", "roi_max_pool"),
}

_HOME = {
    **_REFERENCE,
    **{name: f"{__name__}.native.{module}" for module, names in _NATIVE.items() for name in names},
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported yet or not."""
    return sorted(__all__)
