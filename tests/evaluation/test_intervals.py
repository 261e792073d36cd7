"""Intervals: where they lie, that they repeat, and what they are made of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench import evaluate, read_dataset, read_predictions
from detbench.evaluation import intervals as module
from detbench.evaluation.draws import LANES, SHARE, Draws
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.metrics.summary import resampled_mean
from detbench.evaluation.protocols import PROTOCOLS
from detbench.evaluation.resampling import columns_of, resample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.evaluation.document import CategoryResult
    from detbench.evaluation.results import Result

GT = "coco_tiny/annotations/instances_val2017.json"
DT = "predictions/yolox_nano__coco_tiny_val.json"


def test_intervals_hold_their_number_and_repeat(shared: Path) -> None:
    """Every interval holds the number it is of; the same seed gives the same interval, another seed another."""
    results = [evaluate(shared / GT, shared / DT, resamples=200, seed=seed) for seed in (3, 3, 4)]
    for name, (low, high) in results[0].intervals.items():
        value = results[0].metrics[name]
        assert value is not None
        assert low < value < high, name
    assert results[0].intervals == results[1].intervals
    assert results[0].intervals != results[2].intervals
    assert "200 resamples" in results[0].interval_method


PAIRS = [
    (GT, DT),
    (GT, "predictions/centernet_mbv3__coco_tiny_val.json"),
    (GT, "predictions/proposals_yolox_obj__coco_tiny_val.json"),
    (
        "coco_val2014_100/instances_val2014_100.json",
        "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ),
]


@pytest.mark.parametrize("protocol", ["coco", "voc2007", "voc2012"])
@pytest.mark.parametrize(("truth", "predictions"), PAIRS)
def test_no_number_lies_outside_its_interval(shared: Path, truth: str, predictions: str, protocol: str) -> None:
    """Rare categories drop out of resamples and do not carry the mean away from the number, nor do rounding errors."""
    result = evaluate(shared / truth, shared / predictions, protocol=protocol, resamples=500)
    assert result.intervals.keys() == {name for name, value in result.metrics.items() if value is not None}
    parts: list[Result | CategoryResult] = [result, *result.per_category]
    for of in parts:
        for name, (low, high) in of.intervals.items():
            value = of.metrics[name]
            assert value is not None
            assert low <= value <= high, (of.name, name)


def test_a_category_that_a_resample_lacks_keeps_its_value(shared: Path) -> None:
    """A resample of a single image has the mean over all the categories with ground truth, and not over its own."""
    dataset = read_dataset(shared / GT)
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"])
    curves = accumulate(matches)
    weight = np.zeros((len(dataset.images), module.LANES), dtype=np.uint8)
    weight[0] = 1
    average, recall = module._block_of(matches)(weight)
    ap = summaries(PROTOCOLS["coco"])[0]
    expected = np.where(np.isnan(average[:, :, 0, 0]), curves.average_precision[:, :, 0], average[:, :, 0, 0])
    assert np.isnan(average[0, :, 0, 0]).sum() > np.isnan(expected[0]).sum()
    assert resampled_mean(ap, average, recall, curves)[0] == pytest.approx(np.nanmean(expected), abs=1e-12)


def test_unit_weights_give_the_number_itself(shared: Path) -> None:
    """A resample that draws every image once has the AP of the whole."""
    dataset = read_dataset(shared / GT)
    for name in ("coco", "voc2007", "voc2012"):
        matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS[name])
        average, recall = module._block_of(matches)(np.ones((len(dataset.images), module.LANES), dtype=np.uint8))
        curves = accumulate(matches)
        np.testing.assert_allclose(average[..., 0], curves.average_precision, rtol=0, atol=2e-15)
        np.testing.assert_array_equal(recall[..., 0], curves.recall)


def test_no_intervals_where_none_are_asked_for(shared: Path) -> None:
    """``intervals=False`` leaves them out everywhere."""
    result = evaluate(shared / GT, shared / DT, intervals=False)
    assert result.intervals == {}
    assert result.interval_method == ""
    assert not any(category.intervals for category in result.per_category)


def test_the_interval_is_the_binomials(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """With one object an image, 60 of 100 found, recall's interval is that of the binomial distribution B(100, 0.6)."""
    box = [10.0, 10.0, 50.0, 50.0]
    truth, predictions = coco_pair(
        [(image, 1, box) for image in range(1, 101)], [(image, 1, box, 0.9 - image / 1000) for image in range(1, 61)]
    )
    low, high = evaluate(truth, predictions, protocol="voc2012", resamples=4000).intervals["recall"]
    # The 2.5 % and 97.5 % points of B(100, 0.6) are 50 and 69; Student's t makes it 0.6 ± 2.0 · 0.049.
    assert low == pytest.approx(0.502, abs=0.006)
    assert high == pytest.approx(0.698, abs=0.006)


def test_a_number_that_no_resample_moves_has_the_rule_of_three(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Twelve images without a mistake say that AP is over 0.78, and not that it is 1; none found, that it is under."""
    box = [10.0, 10.0, 50.0, 50.0]
    truth = [(image, 1, box) for image in range(1, 13)]
    least = 0.05 ** (1 / 12)
    for score, ends in ((0.9, (least, 1.0)), (None, (0.0, 1 - least))):
        predictions = [(*row, score) for row in truth] if score else [(1, 1, [300.0, 300.0, 9.0, 9.0], 0.5)]
        result = evaluate(*coco_pair(truth, predictions), protocol="voc2012", resamples=100)
        assert result.intervals["mAP"] == pytest.approx(ends, abs=1e-12)
        assert result.per_category[0].intervals["AP"] == pytest.approx(ends, abs=1e-12)


def test_the_mean_of_independent_images_has_students_interval() -> None:
    """Of 400 normal numbers the interval is the mean ± t · s / √n, to what 1,000 resamples and 64 groups can tell."""
    numbers = np.random.default_rng(1).normal(5, 2, 400)
    draws = Draws(400, seed=2)
    low, high = draws.interval(float(numbers.mean()), mean_in(draws, numbers)) or (0, 0)
    half = 1.97 * numbers.std() / 20
    assert (high - low) / 2 == pytest.approx(half, rel=0.12)
    assert (high + low) / 2 == pytest.approx(numbers.mean(), abs=half / 10)


def test_a_number_that_few_images_carry_has_few_degrees_of_freedom() -> None:
    """Three images of 400 with all that counts make the interval wider than the resamples' own by Student's t."""
    numbers = np.zeros(400)
    numbers[[7, 90, 300]] = [3.0, 5.0, 4.0]
    draws = Draws(400, seed=2)
    values = mean_in(draws, numbers)
    low, high = draws.interval(float(numbers.mean()), values) or (0, 0)
    deviation = draws.resampled(values).std()
    assert 2.3 < (high - low) / 2 / deviation < 4.5
    assert low < numbers.mean() < high


def test_an_interval_turns_against_the_bias_and_stays_in_its_bounds() -> None:
    """Resamples that lie too high by 0.1 say that the number does too; the number is held, and no share is over 1."""
    draws = Draws(100)
    noise = np.random.default_rng(0).normal(0, 0.01, draws.size)
    low, high = draws.interval(0.5, 0.6 + noise) or (0, 0)
    assert low < 0.4 < high
    assert high == 0.5
    assert draws.interval(0.99, 0.99 + noise, within=SHARE) != draws.interval(0.99, 0.99 + noise)
    _, high = draws.interval(0.99, 0.99 + noise, within=SHARE) or (0, 0)
    assert high == 1


def test_what_is_undefined_has_no_interval() -> None:
    """No number, or no resample that defines it: None; resamples that lack it are left out."""
    draws = Draws(50)
    values = np.random.default_rng(0).random(draws.size)
    assert draws.interval(None, values) is None
    assert draws.interval(0.5, np.full(draws.size, np.nan)) is None
    values[::2] = np.nan
    assert draws.interval(0.5, values) is not None


@pytest.mark.parametrize("images", [1, 2, 63, 64, 65, 500])
def test_draws(images: int) -> None:
    """A resample draws as many images as there are; the jackknife leaves each image out once, in at most 64 groups."""
    draws = Draws(images, resamples=40, seed=5)
    weight = np.concatenate(list(draws.blocks()), axis=1)
    assert weight.shape == (images, draws.size)
    assert draws.size % LANES == 0
    assert (weight[:, :40].sum(axis=0) == images).all()
    left_out = weight[:, 48:] == 0
    assert (left_out.sum(axis=1) == 1).all()
    sizes = left_out.sum(axis=0)
    assert np.count_nonzero(sizes) == min(images, 64)
    assert sizes.max() - sizes[: min(images, 64)].min() <= 1
    assert all(
        np.array_equal(a, b) for a, b in zip(draws.blocks(), Draws(images, resamples=40, seed=5).blocks(), strict=True)
    )


def test_draws_differ_by_seed_and_keep_their_start() -> None:
    """Another seed draws other images; more resamples begin with the same ones."""
    few, more, other = Draws(30, resamples=32), Draws(30, resamples=64), Draws(30, resamples=32, seed=1)
    assert np.array_equal(few.block(1), more.block(1))
    assert not np.array_equal(few.block(1), other.block(1))


def test_sums_are_of_every_draw() -> None:
    """Sums are the columns' products with the weights, in the order of the draws."""
    draws = Draws(37, resamples=20)
    per_image = np.random.default_rng(0).normal(size=(37, 3))
    weight = np.concatenate(list(draws.blocks()), axis=1)
    np.testing.assert_allclose(draws.sums(per_image), per_image.T @ weight, rtol=0, atol=1e-12)
    assert draws.sums(np.zeros((37, 0))).shape == (0, draws.size)


def test_threads_change_nothing(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number in every draw has the same bytes from one thread and from five."""
    dataset = read_dataset(shared / GT)
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"])
    curves, found = accumulate(matches), []
    for threads in (1, 5):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        draws = Draws(matches.image_count, resamples=100)
        drawn = module.bootstrap(matches, curves, draws).drawn
        found.append(
            [*drawn.metrics.values(), *drawn.per_category.values(), draws.sums(np.ones((matches.image_count, 1)) / 3)]
        )
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*found, strict=True))


def test_a_blocks_numbers_do_not_keep_the_block(shared: Path) -> None:
    """What is kept of a block is its numbers: a view would keep every threshold and area of every block."""
    dataset = read_dataset(shared / GT)
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"])
    draws = Draws(len(dataset.images), resamples=100, seed=0)
    average, recall = module._block_of(matches)(draws.block(0))
    _, per_category = module._numbers(PROTOCOLS["coco"], accumulate(matches), average, recall)
    for name, values in per_category.items():
        assert not np.may_share_memory(values, average), name
        assert not np.may_share_memory(values, recall), name


def test_what_lies_in_one_image_has_no_interval(coco_pair: Callable[..., tuple[Path, Path]]) -> None:
    """Every resample that holds that image holds the same: only numbers of two images or more have an interval."""
    large, small = [0.0, 0.0, 200.0, 200.0], [300.0, 300.0, 9.0, 9.0]
    truth = [(1, 1, large), (2, 1, large), (1, 2, small)]
    result = evaluate(*coco_pair(truth, [(*row, 0.9) for row in truth]), resamples=100)
    assert result.metrics["APs"] == pytest.approx(1.0)
    assert {"AP", "AP50", "APl"} <= result.intervals.keys()
    assert not {"APs", "ARs", "APm", "ARm"} & result.intervals.keys()
    assert [bool(category.intervals) for category in result.per_category] == [True, False]


def test_what_is_drawn_is_kept_for_comparison(shared: Path) -> None:
    """The values of the headline numbers, and of every category's AP and AP50, are those of ``resample``."""
    dataset = read_dataset(shared / GT)
    protocol = PROTOCOLS["coco"]
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, protocol)
    draws = Draws(matches.image_count, resamples=32, seed=9)
    curves = accumulate(matches)
    drawn = module.bootstrap(matches, curves, draws).drawn
    average, _ = resample(columns_of(matches), draws, bit_count=40, interpolation=protocol.interpolation)
    assert (drawn.resamples, drawn.seed) == (32, 9)
    assert drawn.per_category.keys() == {"AP", "AP50"}
    np.testing.assert_allclose(drawn.per_category["AP"], average[:, :10].mean(axis=1), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(drawn.per_category["AP50"], average[:, 0])
    kept = np.where(np.isnan(average[:, :10]), curves.average_precision[:, :, 0].T[..., None], average[:, :10])
    assert drawn.metrics.keys() == {summary.name for summary in summaries(protocol)}
    np.testing.assert_allclose(drawn.metrics["AP"][:32], np.nanmean(kept, axis=(0, 1))[:32], rtol=0, atol=1e-12)
    # The jackknife's draws leave out what they lack.
    np.testing.assert_allclose(drawn.metrics["AP"][32:], np.nanmean(average[:, :10], axis=(0, 1))[32:], atol=1e-12)


def test_matches_that_somebody_changed_are_resampled(shared: Path) -> None:
    """Without its false alarms a category's average precision is its recall, to the 101 levels, in every draw."""
    dataset = read_dataset(shared / GT)
    matches = match(dataset, read_predictions(shared / DT, dataset).predictions, PROTOCOLS["coco"])
    draws, columns = Draws(matches.image_count, resamples=32), columns_of(matches)
    average, recall = resample(
        columns._replace(not_counted=columns.not_counted | ~columns.found),
        draws,
        bit_count=10,
        interpolation="101-point",
        max_dets=[None],
    )
    before, same = resample(columns, draws, bit_count=10, interpolation="101-point", max_dets=[None])
    np.testing.assert_array_equal(recall, same)
    assert (average[~np.isnan(average)] >= before[~np.isnan(before)] - 1e-12).all()
    reached = recall[:, :, 0]
    levels = np.where(reached > 0, np.floor(reached * 100 + 1e-9) + 1, reached)
    # A level that rounding misses is one less.
    np.testing.assert_allclose(average, levels / 101, rtol=0, atol=1.001 / 101)


@pytest.mark.slow
def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    """Of a skewed number's 95 % intervals, 50 images each, between 90 and 98 in a hundred hold the true mean."""
    inside = []
    for number in range(300):
        numbers = np.random.default_rng([7, number]).exponential(1, 50)
        draws = Draws(50, resamples=400, seed=number)
        low, high = draws.interval(float(numbers.mean()), mean_in(draws, numbers)) or (0, 0)
        inside.append(low <= 1 <= high)
    assert 0.90 < np.mean(inside) < 0.98


def mean_in(draws: Draws, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of one number an image in every draw."""
    count, total = draws.sums(np.stack([np.ones_like(numbers), numbers], axis=1))
    return np.asarray(total / count)
