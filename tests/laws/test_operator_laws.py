"""Laws that the operators obey, whatever boxes they are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detbench.operators.catalogue.drawing import drawn
from detbench.operators.reference.anchors import anchor_grid, reference_boxes
from detbench.operators.reference.box_coding import (
    centre_and_size,
    change_order,
    corners,
    decode,
    encode,
    normalize_boxes,
)
from detbench.operators.reference.iou import ciou, diou, giou, iou
from detbench.operators.reference.levels import assign_levels
from detbench.operators.reference.losses import binary_cross_entropy, cross_entropy, giou_loss, rpn_loss, smooth_l1
from detbench.operators.reference.proposals import clip_boxes, filter_boxes, keep_top_n, select_proposals
from detbench.operators.reference.sampling import sample_balanced
from detbench.operators.reference.targets import assign_anchors, assign_regions

if TYPE_CHECKING:
    from collections.abc import Callable

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)
overlaps = pytest.mark.parametrize("overlap", [iou, giou, diou, ciou], ids=lambda function: function.__name__)
VARIANCES = (0.1, 0.1, 0.2, 0.2)


def boxes_of(seed: int, count: int, span: float = 60.0) -> Any:
    """Return float64 boxes on a grid of halves: ties are frequent."""
    return drawn(seed, count, span=span, largest=40.0).astype(np.float64)


@overlaps
@given(seeds, st.integers(-1000, 1000), st.sampled_from([0.125, 0.5, 2.0, 64.0]))
@quick
def test_moving_and_scaling_all_boxes_changes_no_overlap(
    overlap: Callable[..., Any], seed: int, by: int, scale: float
) -> None:
    """Overlaps have no unit and no origin."""
    a, b = boxes_of(seed, 8), boxes_of(seed + 1, 6)
    np.testing.assert_allclose(overlap(a * scale + by, b * scale + by), overlap(a, b), rtol=0, atol=1e-9)


@overlaps
@given(seeds)
@quick
def test_overlaps_are_symmetric_and_follow_their_rows(overlap: Callable[..., Any], seed: int) -> None:
    """Swapping the arguments turns the answer round, shuffling rows shuffles it."""
    a, b = boxes_of(seed, 8), boxes_of(seed + 1, 6)
    order = np.random.default_rng(seed).permutation(8)
    np.testing.assert_array_equal(overlap(a[order], b), overlap(a, b)[order])
    np.testing.assert_allclose(overlap(b, a).T, overlap(a, b), rtol=0, atol=1e-12)


@given(seeds)
@quick
def test_each_overlap_is_at_most_the_one_it_was_made_of(seed: int) -> None:
    """GIoU ≤ IoU, DIoU ≤ IoU, CIoU ≤ DIoU, all within their ranges; a box is all of itself."""
    a, b = boxes_of(seed, 8), boxes_of(seed + 1, 6)
    plain, general, distance, complete = iou(a, b), giou(a, b), diou(a, b), ciou(a, b)
    assert (plain >= 0).all()
    assert (plain <= 1).all()
    assert (general <= plain).all()
    assert (distance <= plain).all()
    assert (complete <= distance).all()
    assert (general > -1).all()
    assert (complete > -2).all()
    for overlap in (iou, giou, diou, ciou):
        np.testing.assert_array_equal(np.diagonal(overlap(a, a)), 1)


@given(seeds)
@quick
def test_decoding_undoes_encoding(seed: int) -> None:
    """Boxes within the limit come back, and so do deltas."""
    box, reference = boxes_of(seed, 12), boxes_of(seed + 1, 12)
    limit = 10.0
    again = decode(encode(box, reference, VARIANCES), reference, VARIANCES, limit)
    np.testing.assert_allclose(again, box, rtol=0, atol=1e-9)
    delta = np.random.default_rng(seed).normal(0, 2, (12, 4))
    np.testing.assert_allclose(encode(decode(delta, reference, VARIANCES), reference, VARIANCES), delta, atol=1e-9)


@given(seeds, st.integers(-1000, 1000), st.sampled_from([0.125, 0.5, 2.0, 64.0]))
@quick
def test_deltas_have_no_unit_and_no_origin(seed: int, by: int, scale: float) -> None:
    """Moving and scaling both boxes changes no delta."""
    box, reference = boxes_of(seed, 12), boxes_of(seed + 1, 12)
    moved = encode(box * scale + by, reference * scale + by, VARIANCES)
    np.testing.assert_allclose(moved, encode(box, reference, VARIANCES), rtol=0, atol=1e-8)


@given(seeds, st.floats(0.1, 3.0))
@quick
def test_no_side_is_decoded_beyond_the_limit(seed: int, limit: float) -> None:
    """Sides grow by at most exp(limit), whatever the network says."""
    reference = boxes_of(seed, 12)
    delta = np.random.default_rng(seed).normal(0, 100, (12, 4))
    grown = centre_and_size(decode(delta, reference, max_log_ratio=limit))[:, 2:] / centre_and_size(reference)[:, 2:]
    assert (grown <= np.exp(limit) * (1 + 1e-6)).all()


@given(seeds)
@quick
def test_forms_of_boxes_are_inverses(seed: int) -> None:
    """Centre and size and back, order and back; normalised boxes times their sides."""
    box = boxes_of(seed, 12)
    np.testing.assert_array_equal(corners(centre_and_size(box)), box)
    np.testing.assert_array_equal(change_order(change_order(box)), box)
    np.testing.assert_allclose(normalize_boxes(box, 11, 21) * [10, 20, 10, 20], change_order(box))


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from([1, 7, 16, 10.5]), st.sampled_from([0, 0.5]))
@quick
def test_a_grid_is_its_first_cell_moved(height: int, width: int, stride: float, centre: float) -> None:
    """Every cell has the first one's anchors, moved by whole strides."""
    reference = reference_boxes(16, (1, 2), (0.5, 1))
    grid = anchor_grid(reference, height, width, stride, centre).reshape(height, width, 4, 4)
    first = anchor_grid(reference, 1, 1, stride, centre)
    for row, column in np.ndindex(height, width):
        shift = stride * np.array([column, row, column, row])
        np.testing.assert_allclose(grid[row, column], first + shift, atol=1e-4)


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=4), st.lists(st.floats(0.1, 9), min_size=1, max_size=4))
@quick
def test_reference_boxes_have_their_area_and_ratio(scales: list[float], ratios: list[float]) -> None:
    """A ratio keeps the area, a scale keeps the ratio."""
    width, height = np.diff(reference_boxes(16, scales, ratios).reshape(-1, 2, 2), axis=1)[:, 0].T
    np.testing.assert_allclose(width * height, np.tile((16 * np.array(scales)) ** 2, len(ratios)), rtol=1e-5)
    np.testing.assert_allclose(height / width, np.repeat(ratios, len(scales)), rtol=1e-5)


@given(seeds, st.integers(1, 100), st.integers(1, 100))
@quick
def test_cutting_twice_is_cutting_once(seed: int, height: int, width: int) -> None:
    """What is cut lies inside and is not cut again; what lies inside stays."""
    box = boxes_of(seed, 20) - 30
    cut = clip_boxes(box, height, width)
    assert (cut >= 0).all()
    assert (cut <= [width, height, width, height]).all()
    np.testing.assert_array_equal(clip_boxes(cut, height, width), cut)
    inside = (box >= 0).all(axis=1) & (box <= [width, height, width, height]).all(axis=1)
    np.testing.assert_array_equal(cut[inside], box[inside])


@given(seeds, st.integers(0, 30), st.integers(0, 20))
@quick
def test_what_is_kept_is_what_came_in(seed: int, count: int, least: int) -> None:
    """Choosing and filtering keep rows whole, and doing it twice changes nothing."""
    box = boxes_of(seed, 20)
    score = np.random.default_rng(seed).integers(0, 6, 20) / 6
    for once in (keep_top_n(box, score, count), filter_boxes(box, score, least)):
        assert {(*b, s) for b, s in zip(*once, strict=True)} <= {(*b, s) for b, s in zip(box, score, strict=True)}
    top = keep_top_n(box, score, count)
    assert len(top[1]) == min(count, 20)
    assert (np.diff(top[1]) <= 0).all()
    np.testing.assert_array_equal(keep_top_n(*top, count)[0], top[0])
    kept = filter_boxes(box, score, least)
    np.testing.assert_array_equal(filter_boxes(*kept, least)[0], kept[0])


@given(seeds, st.integers(1, 20))
@quick
def test_proposals_are_few_inside_large_enough_and_apart(seed: int, post: int) -> None:
    """What is selected keeps all its promises, by descending score; selecting from it changes nothing."""
    box, score = boxes_of(seed, 30) - 20, np.random.default_rng(seed).integers(0, 9, 30) / 9
    how = (50.0, 40.0, 30, post, 0.5, 5.0)
    kept, kept_score = select_proposals(box, score, *how)
    assert len(kept) <= post
    assert (np.diff(kept_score) <= 0).all()
    assert (kept >= 0).all()
    assert (kept <= [40, 50, 40, 50]).all()
    assert (kept[:, 2:] - kept[:, :2] >= 5).all()
    between = iou(kept, kept)
    assert (between[~np.eye(len(kept), dtype=bool)] <= 0.5).all()
    np.testing.assert_array_equal(select_proposals(kept, kept_score, *how)[0], kept)


@given(seeds)
@quick
def test_anchors_keep_their_labels_when_truths_change_places(seed: int) -> None:
    """Shuffling truths changes no label, and matches name the same boxes."""
    rng = np.random.default_rng(seed)
    anchor, truth, state = boxes_of(seed, 30), boxes_of(seed + 1, 8), rng.choice([1, 1, 0, -1], 8)
    order = rng.permutation(8)
    label, match = assign_anchors(anchor, truth, state)
    shuffled, other = assign_anchors(anchor, truth[order], state[order])
    np.testing.assert_array_equal(shuffled, label)
    assert ((match < 0) == (other < 0)).all()
    best = iou(anchor, truth)
    rows = np.flatnonzero(match >= 0)
    # Of truths that tie the lower row is matched: another row then, but the same overlap.
    np.testing.assert_array_equal(best[rows, match[rows]], best[rows, order[other[rows]]])


@given(seeds)
@quick
def test_anchors_are_assigned_each_by_itself_without_low_quality(seed: int) -> None:
    """Without the rule of low quality an anchor's label does not depend on other anchors; padding on nothing."""
    rng = np.random.default_rng(seed)
    anchor, truth, state = boxes_of(seed, 30), boxes_of(seed + 1, 8), rng.choice([1, 1, 0, -1], 8)
    label, match = assign_anchors(anchor, truth, state, low_quality=False)
    half, half_match = assign_anchors(anchor[:15], truth, state, low_quality=False)
    np.testing.assert_array_equal(half, label[:15])
    np.testing.assert_array_equal(half_match, match[:15])
    elsewhere = np.where(state[:, None] == 0, boxes_of(seed + 2, 8), truth)
    np.testing.assert_array_equal(assign_anchors(anchor, elsewhere, state)[0], assign_anchors(anchor, truth, state)[0])


@given(seeds)
@quick
def test_every_object_that_is_overlapped_has_an_anchor(seed: int) -> None:
    """With low quality, each object that any anchor overlaps is some positive anchor's best or tied best."""
    anchor, truth = boxes_of(seed, 10), boxes_of(seed + 1, 5)
    label, _ = assign_anchors(anchor, truth, np.ones(5, np.int32))
    overlap = iou(anchor, truth)
    for column in range(5):
        if overlap[:, column].max() > 0:
            assert label[overlap[:, column] == overlap[:, column].max()].min() == 1


@given(seeds)
@quick
def test_regions_have_their_truths_categories(seed: int) -> None:
    """A positive region has its match's category plus one; nothing else has a label above 0."""
    rng = np.random.default_rng(seed)
    region, truth, state = boxes_of(seed, 30, 20), boxes_of(seed + 1, 8, 20), rng.choice([1, 1, 0, -1], 8)
    category = rng.integers(0, 5, 8)
    label, match = assign_regions(region, truth, state, category)
    positive = label > 0
    np.testing.assert_array_equal(label[positive], category[match[positive]] + 1)
    assert (state[match[match >= 0]] == 1).all()


@given(seeds, st.integers(0, 40), st.floats(0, 1))
@quick
def test_samples_stay_within_their_counts(seed: int, count: int, share: float) -> None:
    """A sample has at most its count, of it at most its share positive, and is full where it can be."""
    rng = np.random.default_rng(seed)
    label, random = rng.integers(-1, 4, 40), rng.integers(0, 9, 40) / 9
    sampled = sample_balanced(label, random, count, share)
    positives, negatives = int((sampled > 0).sum()), int((sampled == 0).sum())
    assert positives == min(int((label > 0).sum()), int(count * share))
    assert negatives == min(int((label == 0).sum()), count - positives)
    assert ((sampled == label) | (sampled == -1)).all()
    np.testing.assert_array_equal(sample_balanced(label, random, count, share), sampled)


@given(seeds)
@quick
def test_larger_regions_have_no_lower_level(seed: int) -> None:
    """Levels go up with the area, and by one with each doubling of the sides."""
    region = drawn(seed, 40, largest=700)
    area = np.prod(region[:, 2:] - region[:, :2], axis=1)
    level = assign_levels(region)
    assert (np.diff(level[np.argsort(area)]) >= 0).all()
    np.testing.assert_array_equal(assign_levels(region * 2, -9, 20), assign_levels(region, -10, 19) + 1)


@given(seeds)
@quick
def test_losses_are_not_negative_and_0_on_target(seed: int) -> None:
    """No loss is below 0; on its target it is 0."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 3, (20, 4)), rng.normal(0, 3, (20, 4))
    assert (smooth_l1(a, b) >= 0).all()
    assert (smooth_l1(a, a) == 0).all()
    assert (binary_cross_entropy(a, b > 0) >= 0).all()
    assert (cross_entropy(a, rng.integers(0, 4, 20)) >= -1e-12).all()
    assert (giou_loss(boxes_of(seed, 20), boxes_of(seed, 20)) == 0).all()
    np.testing.assert_allclose(cross_entropy(a + 100, np.zeros(20, int)), cross_entropy(a, np.zeros(20, int)))


@given(seeds)
@quick
def test_what_was_not_sampled_has_no_loss(seed: int) -> None:
    """Rows with label −1 can hold anything."""
    rng = np.random.default_rng(seed)
    logit, delta, target = rng.normal(size=20), rng.normal(size=(20, 4)), rng.normal(size=(20, 4))
    label = rng.integers(-1, 2, 20)
    out = label < 0
    plain = rpn_loss(logit, delta, label, target)
    logit[out], delta[out], target[out] = np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(rpn_loss(logit, delta, label, target), plain)
