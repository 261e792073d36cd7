"""The references against the formulas, written out for one pair of boxes at a time in plain Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.operators.catalogue.drawing import drawn
from detbench.operators.reference.iou import ciou, diou, giou, iou
from detbench.operators.reference.levels import assign_levels
from detbench.operators.reference.targets import assign_anchors

if TYPE_CHECKING:
    from collections.abc import Callable

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """Return the area."""
    return (box[2] - box[0]) * (box[3] - box[1])


def common(a: Box, b: Box) -> float:
    """Return the area of the intersection."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def plain(a: Box, b: Box) -> float:
    """Return the IoU."""
    return common(a, b) / (area(a) + area(b) - common(a, b))


def around(a: Box, b: Box) -> Box:
    """Return the smallest box around both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def general(a: Box, b: Box) -> float:
    """Return GIoU: Rezatofighi et al. 2019, algorithm 1."""
    hull, union = area(around(a, b)), area(a) + area(b) - common(a, b)
    return plain(a, b) - (hull - union) / hull


def distance(a: Box, b: Box) -> float:
    """Return DIoU: Zheng et al. 2020, equation 7."""
    hull = around(a, b)
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (a, b)]
    return plain(a, b) - math.dist(*centres) ** 2 / math.dist(hull[:2], hull[2:]) ** 2


def complete(a: Box, b: Box) -> float:
    """Return CIoU: Zheng et al. 2020, equations 8 to 11."""
    shape = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    v = 4 / math.pi**2 * (shape[0] - shape[1]) ** 2
    return distance(a, b) - (v * v / (1 - plain(a, b) + v) if v else 0.0)


@pytest.mark.parametrize(
    ("overlap", "formula"),
    [(iou, plain), (giou, general), (diou, distance), (ciou, complete)],
    ids=["iou", "giou", "diou", "ciou"],
)
def test_overlaps_are_their_formulas(overlap: Callable[..., Any], formula: Callable[[Box, Box], float]) -> None:
    """Every pair of two hundred boxes, far and near, in both precisions."""
    a, b = drawn(90, 40), np.concatenate([drawn(91, 40), drawn(90, 3)])
    expected = [[formula(tuple(one), tuple(other)) for other in b.tolist()] for one in a.tolist()]
    np.testing.assert_allclose(overlap(a.astype(np.float64), b.astype(np.float64)), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(overlap(a, b), expected, rtol=0, atol=2e-6)


def test_overlaps_without_area_are_finite() -> None:
    """Points, lines and swapped corners have an IoU of 0, and no overlap of theirs is NaN."""
    box = np.array([[2, 2, 2, 2], [0, 1, 4, 1], [3, 0, 3, 2], [4, 2, 0, 0], [0, 0, 4, 2]], np.float64)
    assert (iou(box, box)[:4] == 0).all()
    assert all(np.isfinite(overlap(box, box)).all() for overlap in (giou, diou, ciou))
    assert giou(box[:1], box[:1]) == diou(box[:1], box[:1]) == ciou(box[:1], box[:1]) == 0


def test_levels_are_the_papers_formula() -> None:
    """Away from bounds, where logarithms may differ in the last bit, the level is equation 1's."""
    region = drawn(92, 300, largest=900).astype(np.float64)
    expected = []
    for box in region.tolist():
        k = math.floor(4 + math.log2(math.sqrt(area(box)) / 224))
        expected.append(min(max(k, 2), 5))
    assert assign_levels(region).tolist() == expected


def test_anchor_labels_are_the_papers_rules() -> None:
    """Labels and matches by the rules, anchor by anchor."""
    anchor, truth = drawn(93, 60, span=40), drawn(94, 8, span=40)
    state = np.array([1, 1, -1, 1, 0, 1, -1, 1], np.int32)
    overlap = iou(anchor, truth)
    objects = [row for row in range(8) if state[row] == 1]
    label, match = [], []
    for row in range(60):
        best = max(objects, key=lambda column: (overlap[row, column], -column))
        favourite = any(overlap[row, c] == overlap[:, c].max() > 0 for c in objects)
        ignored = any(overlap[row, c] >= np.float32(0.3) for c in (2, 6))
        value = overlap[row, best]
        label.append(
            1 if value >= np.float32(0.7) or favourite else 0 if value < np.float32(0.3) and not ignored else -1
        )
        match.append(best)
    found, matched = assign_anchors(anchor, truth, state)
    assert found.tolist() == label
    assert matched.tolist() == match
    assert {-1, 0, 1} <= set(label)
