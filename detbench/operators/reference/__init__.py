"""The operators written to be read: NumPy, a page each, the paper named. They are what the others are held to."""

from __future__ import annotations

__all__ = ["FUNCTIONS", "HOME"]

#: Module of this package → the operators in it, by their functions' names.
FUNCTIONS = {
    "anchors": ("reference_boxes", "anchor_grid"),
    "box_coding": ("centre_and_size", "corners", "encode", "decode", "change_order", "normalize_boxes"),
    "iou": ("iou", "giou", "diou", "ciou"),
    "nms": ("nms", "batched_nms"),
    "soft_nms": ("soft_nms",),
    "matrix_nms": ("matrix_nms",),
    "roi_align": ("roi_align",),
    "roi_max_pool": ("roi_max_pool",),
    "crop_and_resize": ("crop_and_resize", "crop_max_pool"),
    "levels": ("assign_levels",),
    "targets": ("assign_anchors", "assign_regions"),
    "sampling": ("sample_balanced",),
    "proposals": ("keep_top_n", "clip_boxes", "filter_boxes", "select_proposals"),
    "losses": ("smooth_l1", "binary_cross_entropy", "cross_entropy", "giou_loss", "rpn_loss", "head_loss"),
    "heads": ("rpn_head", "box_head"),
}

#: Function → the full name of the module that has it.
HOME = {name: f"{__name__}.{module}" for module, names in FUNCTIONS.items() for name in names}
