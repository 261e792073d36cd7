"""One box where many say the same."""

import numpy as np
import tensorflow as tf

from solutions.change_order import change_order_tensorflow


def overlap(a, b):
    """Return the IoU of two boxes."""
    area_a, area_b = (max(x2 - x1, 0) * max(y2 - y1, 0) for x1, y1, x2, y2 in (a, b))
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0 or area_a == 0 or area_b == 0:
        return 0
    common = width * height
    return common / (area_a + area_b - common)


def nms_loops(box, score, iou_threshold, limit=None):
    box = [list(corners) for corners in box]  # numbers keep their type: float32 decides what equals the threshold
    order = sorted(range(len(score)), key=lambda row: -score[row])
    kept = []
    for row in order:
        if limit is not None and len(kept) >= limit:
            break
        if all(overlap(box[row], box[better]) <= iou_threshold for better in kept):
            kept.append(row)
    return np.array(kept, dtype=np.intp)


def nms_numpy(box, score, iou_threshold, limit=None):
    left = np.argsort(-score, kind="stable")
    area = np.prod(np.maximum(box[:, 2:] - box[:, :2], 0), axis=1)
    kept = []
    while len(left) and (limit is None or len(kept) < limit):
        best, left = left[0], left[1:]
        kept.append(best)
        side = np.minimum(box[best, 2:], box[left, 2:]) - np.maximum(box[best, :2], box[left, :2])
        common = np.prod(np.maximum(side, 0), axis=1)
        common[(area[best] == 0) | (area[left] == 0)] = 0
        union = area[best] + area[left] - common
        iou = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
        left = left[iou <= iou_threshold]
    return np.array(kept, dtype=np.intp)


def nms_tensorflow(box, score, iou_threshold, limit=None):
    most = len(box) if limit is None else limit
    has_area = tf.reduce_all(box[:, 2:] > box[:, :2], axis=1, keepdims=True)
    box = tf.where(has_area, box, 0)  # a point stays one when its corners are put in order
    return tf.image.non_max_suppression(change_order_tensorflow(box), score, most, iou_threshold)
