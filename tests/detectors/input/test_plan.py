"""A plan stays inside its picture and its canvas, and its boxes move as its pixels do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detbench.detectors.input.plan import WORDS, Plan, plan_for_testing, plan_for_training
from detbench.detectors.input.truths import Truths, moved
from detbench.detectors.recipes.settings import InputSettings

sides = st.integers(1, 5000)
canvases = st.tuples(st.integers(16, 900), st.integers(16, 900))
settings_of = st.builds(
    InputSettings,
    train_canvas_px=canvases,
    test_canvas_px=canvases,
    short_side_px=st.none() | st.integers(1, 900),
    long_side_px=st.none() | st.integers(1, 1500),
    flip_vertical=st.just(0.5),
    scale=st.sampled_from([(1.0, 1.0), (0.25, 4.0), (0.01, 0.02), (30.0, 50.0)]),
)
numbers = st.lists(st.floats(0, 1, exclude_max=True), min_size=WORDS, max_size=WORDS).map(np.array)


def truths(*boxes: list[float], state: int = 1) -> Truths:
    """Return boxes of the first category."""
    count = len(boxes)
    return Truths(np.array(boxes, float).reshape(-1, 4), np.zeros(count, np.int32), np.full(count, state, np.int32))


@given(sides, sides, settings_of, numbers)
def test_a_window_is_inside_its_picture_and_its_canvas(
    width: int, height: int, settings: InputSettings, uniform: np.ndarray
) -> None:
    """A window is inside its picture and its canvas."""
    training = plan_for_training(width, height, settings, uniform)
    testing = plan_for_testing(width, height, settings)
    for plan, canvas in ((training, settings.train_canvas_px), (testing, settings.test_canvas_px)):
        assert plan.x >= 0
        assert plan.y >= 0
        assert 1 <= plan.width <= width - plan.x
        assert 1 <= plan.height <= height - plan.y
        assert 1 <= plan.size[0] <= canvas[0]
        assert 1 <= plan.size[1] <= canvas[1]
        assert plan.reduction == 1 or plan.reduction <= min(plan.width / plan.size[1], plan.height / plan.size[0])
    assert (testing.width, testing.height) == (width, height)


@given(st.integers(100, 900), st.integers(100, 900), numbers)
def test_the_shape_of_things_is_kept(width: int, height: int, uniform: np.ndarray) -> None:
    """The shape of things is kept."""
    settings = InputSettings(train_canvas_px=(200, 300), test_canvas_px=(400, 400), scale=(0.5, 2.0))
    plan = plan_for_training(width, height, settings, uniform)
    across, down = plan.scale
    assert across / down == pytest.approx(1, abs=1 / min(plan.size) + 1 / min(plan.width, plan.height))


@given(st.lists(st.tuples(*[st.floats(-50, 350)] * 4), max_size=8), sides, sides, settings_of, numbers)
def test_moved_boxes_are_ordered_and_inside(
    corners: list[tuple[float, ...]], width: int, height: int, settings: InputSettings, uniform: np.ndarray
) -> None:
    """Moved boxes are ordered and inside."""
    given_boxes = truths(*[[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in corners])
    plan = plan_for_training(width, height, settings, uniform)
    result = moved(given_boxes, (width, height), plan, settings.min_visible)
    box = result.box
    assert box.dtype == np.float32
    assert np.isfinite(box).all()
    assert (box >= 0).all()
    assert (box[:, 2] <= plan.size[1]).all()
    assert (box[:, 3] <= plan.size[0]).all()
    assert (box[:, :2] < box[:, 2:]).all()
    assert len(box) == len(result.category) == len(result.state) <= len(corners)


@given(st.lists(st.tuples(*[st.floats(0, 300)] * 4), max_size=8), st.booleans(), st.booleans())
def test_mirroring_twice_is_not_mirroring(corners: list[tuple[float, ...]], across: bool, down: bool) -> None:
    """Mirroring twice is not mirroring."""
    given_boxes = truths(*[[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in corners])
    plan = Plan(0, 0, 300, 300, (300, 300), flip_x=across, flip_y=down)
    once = moved(given_boxes, (300, 300), plan, 0.0)
    twice = moved(Truths(once.box.astype(float), once.category, once.state), (300, 300), plan, 0.0)
    plain = moved(given_boxes, (300, 300), plan._replace(flip_x=False, flip_y=False), 0.0)
    if len(twice.box) == len(plain.box):  # one thinner than float32 tells apart may be lost
        np.testing.assert_allclose(twice.box, plain.box, atol=1e-4)


def test_a_box_cut_to_less_than_the_share_is_ignored_and_one_outside_left_out() -> None:
    """A box cut to less than the share is ignored and one outside left out."""
    plan = Plan(100, 0, 100, 100, (100, 100))
    given_boxes = truths([90, 10, 110, 20], [92, 10, 112, 20], [85, 10, 105, 20], [0, 0, 100, 50], [120, 10, 130, 20])
    result = moved(given_boxes, (200, 100), plan, 0.5)
    assert result.state.tolist() == [1, 1, -1, 1]
    assert result.box.tolist() == [[0, 10, 10, 20], [0, 10, 12, 20], [0, 10, 5, 20], [20, 10, 30, 20]]


def test_what_hangs_over_the_picture_is_not_counted_as_cut_by_the_crop() -> None:
    """What hangs over the picture is not counted as cut by the crop."""
    result = moved(truths([-90, 0, 10, 10]), (100, 100), Plan(0, 0, 100, 100, (50, 50)), 0.9)
    assert result.box.tolist() == [[0, 0, 5, 5]]
    assert result.state.tolist() == [1]


def test_a_box_that_is_ignored_stays_ignored() -> None:
    """A box that is ignored stays ignored."""
    assert moved(truths([1, 1, 9, 9], state=-1), (10, 10), Plan(0, 0, 10, 10, (10, 10)), 0.4).state.tolist() == [-1]


def test_rounding_leaves_no_corner_outside() -> None:
    """A box to the lower edge, scaled by 23 / 21 and mirrored, began 4e-15 above the canvas."""
    plan = Plan(0, 2, 21, 19, (21, 23), flip_y=True)
    for high in range(16, 60):
        result = moved(truths([0, 0, 9, 21]), (21, 21), plan._replace(size=(high, high)), 0.0)
        assert result.box.min() >= 0


def test_boxes_without_area_are_left_out() -> None:
    """Boxes without area are left out."""
    given_boxes = truths([5, 5, 5, 9], [5, 5, 9, 9], [5, 5, 5 + 1e-9, 9])
    assert moved(given_boxes, (10, 10), Plan(0, 0, 10, 10, (10, 10)), 0.0).box.tolist() == [[5, 5, 9, 9]]


def test_sides_are_scaled_as_the_settings_say() -> None:
    """Sides are scaled as the settings say."""
    settings = InputSettings(test_canvas_px=(800, 1333), short_side_px=800, long_side_px=1333)
    assert plan_for_testing(640, 480, settings).size == (800, 1067)
    assert plan_for_testing(640, 240, settings).size == (500, 1333)
    assert plan_for_testing(100, 1000, settings).size == (800, 80)  # to fit on the canvas
    assert plan_for_testing(4000, 3000, settings).reduction == 2


def test_small_pictures_are_left_as_they_are_where_the_recipe_says_so() -> None:
    """Without enlarging, a picture smaller than the canvas keeps its size and a larger one is made to fit."""
    settings = InputSettings(test_canvas_px=(96, 160), enlarge=False)
    assert plan_for_testing(100, 50, settings).size == (50, 100)
    assert plan_for_testing(320, 96, settings).size == (48, 160)


def test_training_takes_the_same_scale_as_testing_and_crops_what_does_not_fit() -> None:
    """Training takes the same scale as testing and crops what does not fit."""
    settings = InputSettings(train_canvas_px=(240, 320), test_canvas_px=(480, 640), flip=0.0)
    corners = [plan_for_training(640, 480, settings, np.full(WORDS, u)) for u in (0.0, 0.999999)]
    assert [plan[:5] for plan in corners] == [(0, 0, 320, 240, (240, 320)), (320, 240, 320, 240, (240, 320))]


def test_a_setting_that_is_changed_leaves_the_other_numbers_as_they_are() -> None:
    """A setting that is changed leaves the other numbers as they are."""
    uniform = np.linspace(0.1, 0.9, WORDS)
    plain = InputSettings(train_canvas_px=(100, 100), test_canvas_px=(400, 400))
    coloured = InputSettings(train_canvas_px=(100, 100), test_canvas_px=(400, 400), brightness=0.5, flip=0.0)
    one, other = (plan_for_training(640, 480, settings, uniform) for settings in (plain, coloured))
    assert one[:6] == other[:6]
    assert one.colour is None
    assert other.colour is not None
