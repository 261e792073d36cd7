"""How often 95 % intervals hold the true value: test sets drawn from a population whose numbers are known.

``python tests/bench/interval_coverage.py [--sizes 100 500 2000] [--sets 600] [--write docs/reference/intervals.md]``
draws a population of 200,000 images with 40 categories, from one that is in 60 % of the images to some in fewer
than 1 %; computes its numbers; then takes test sets out of it, makes intervals of several kinds for each, and counts. A
population is drawn as who found whom and not as boxes: matching adds nothing here. ``--sizes 2000`` takes some ten
minutes on two cores, the others together less.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.evaluation.draws import LANES, SHARE, Draws
from detbench.evaluation.intervals import FEWEST_IMAGES
from detbench.evaluation.resampling import Columns, block_function, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ends = tuple[float, float]

_BEGIN, _END = "<!-- coverage: begin -->", "<!-- coverage: end -->"

CATEGORIES = 40
THRESHOLDS = np.linspace(0.5, 0.95, 10)
T = len(THRESHOLDS)
ONE_RANGE = np.uint64((1 << T) - 1)
SECOND_RANGE = np.uint64(T)

#: Categories that are looked at, by their share of the images.
SOME = {"in 60 % of the images": 0, "in 10 %": 4, "in 2 %": 20, "in 0.8 %": 39}


class Population(NamedTuple):
    """Predictions by category and falling score, ground truth by category; bits: all sizes, then small, by threshold.

    ``counts`` is float64 ``[I, 2]``: objects, and predictions with a score over 0.5.
    """

    columns: Columns
    counts: Floats


def draw_population(seed: int, images: int) -> Population:
    """Draw images that differ in how many objects they have, of which categories, and how hard they are.

    An object of a skilled category in an easy image, and a large one, is found more often, with a higher score and a
    greater IoU; false alarms are like the objects of their image or like any.
    """
    rng = np.random.default_rng(seed)
    frequency = 1 / (np.arange(CATEGORIES) + 1.0) ** 1.25
    frequency /= frequency.sum()
    objects = np.minimum(np.round(rng.lognormal(np.log(7) - 0.35, 0.85, images)).astype(int), 80)
    truth_image = np.repeat(np.arange(images, dtype=np.int32), objects)
    liked = rng.choice(CATEGORIES, (images, 3), p=frequency)
    truth_category = liked[truth_image, rng.integers(0, 3, len(truth_image))]
    side_px = np.exp(rng.normal(np.log(45), 1, len(truth_image))).clip(3, 600)
    hardness, skill = rng.normal(0, 0.7, images), rng.normal(0.6, 0.8, CATEGORIES)
    ease = skill[truth_category] + 1.1 * np.log(side_px / 32) - hardness[truth_image]

    hit = np.flatnonzero(rng.random(len(ease)) < _logistic(ease + 0.7))
    quality = _logistic(0.5 * ease[hit] + 0.8 + rng.normal(0, 0.9, len(hit)))
    hit_score = _logistic(0.6 * ease[hit] + 3 * (quality - 0.6) + rng.normal(0, 1, len(hit)))
    powers = np.uint64(1) << np.arange(T, dtype=np.uint64)
    found = (0.35 + 0.63 * quality[:, None] >= THRESHOLDS).astype(np.uint64) @ powers
    small, looks_small = side_px < 32, (side_px[hit] < 32) ^ (rng.random(len(hit)) < 0.05)

    alarms = rng.poisson(14 * np.exp(0.3 * hardness))
    alarm_image = np.repeat(np.arange(images, dtype=np.int32), alarms)
    alike = rng.random(len(alarm_image)) < 0.6
    other = rng.choice(CATEGORIES, len(alarm_image), p=frequency)
    alarm_category = np.where(alike, liked[alarm_image, rng.integers(0, 3, len(alarm_image))], other)
    alarm_score = _logistic(-2.2 + 0.3 * hardness[alarm_image] + rng.normal(0, 1.1, len(alarm_image)))

    image = np.concatenate([truth_image[hit], alarm_image])
    category = np.concatenate([truth_category[hit], alarm_category])
    score = np.concatenate([hit_score, alarm_score])
    order = np.lexsort((-score, category))
    truth_order = np.lexsort((truth_image, truth_category))
    masks = [
        np.concatenate([of_hits, of_alarms])[order]
        for of_hits, of_alarms in zip(
            _masks(found, small[hit], looks_small), _masks_of_alarms(rng.random(len(alarm_image)) < 0.45), strict=True
        )
    ]
    numbers = np.arange(CATEGORIES + 1)
    return Population(
        Columns(
            image=image[order],
            rank=np.zeros(len(order), dtype=np.int32),
            found=masks[0],
            not_counted=masks[1],
            offsets=np.searchsorted(category[order], numbers).astype(np.int64),
            truth_image=truth_image[truth_order],
            truth_ignored=np.where(small, np.uint64(0), ONE_RANGE << SECOND_RANGE)[truth_order],
            truth_offsets=np.searchsorted(truth_category[truth_order], numbers).astype(np.int64),
        ),
        np.stack([objects, np.bincount(image[score > 0.5], minlength=images)], axis=1).astype(np.float64),
    )


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def _masks(
    found: NDArray[np.uint64], small: NDArray[np.bool_], looks_small: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return ``found`` and ``not_counted`` of predictions that lie on an object.

    Among the small, a prediction on a larger object does not count, nor does one that misses and is larger itself.
    """
    missed = ~found & ONE_RANGE
    on_larger = np.where(looks_small, found, ONE_RANGE)
    on_small = np.where(looks_small, np.uint64(0), missed)
    in_small = np.where(small, found, np.uint64(0)) << SECOND_RANGE
    return found | in_small, np.where(small, on_small, on_larger) << SECOND_RANGE


def _masks_of_alarms(looks_small: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    found = np.zeros(len(looks_small), dtype=np.uint64)
    return found, np.where(looks_small, np.uint64(0), ONE_RANGE << SECOND_RANGE)


def take(population: Population, chosen: NDArray[np.int64]) -> Population:
    """Return a test set: the images ``chosen``, numbered anew."""
    columns = population.columns
    number = np.full(len(population.counts), -1, dtype=np.int32)
    number[chosen] = np.arange(len(chosen))
    rows, truths = (np.flatnonzero(number[image] >= 0) for image in (columns.image, columns.truth_image))
    return Population(
        Columns(
            image=number[columns.image[rows]],
            rank=columns.rank[rows],
            found=columns.found[rows],
            not_counted=columns.not_counted[rows],
            offsets=np.searchsorted(rows, columns.offsets).astype(np.int64),
            truth_image=number[columns.truth_image[truths]],
            truth_ignored=columns.truth_ignored[truths],
            truth_offsets=np.searchsorted(truths, columns.truth_offsets).astype(np.int64),
        ),
        population.counts[chosen],
    )


class Bayesian(Draws):
    """Draws that weight every image by an exponential number (Rubin, The Bayesian Bootstrap, 1981), in twentieths."""

    def block(self, number: int) -> NDArray[np.uint8]:
        """Return uint8 ``[I, LANES]``."""
        if not self.is_resampled(number):
            return super().block(number)
        drawn = np.random.default_rng([self.seed, number]).exponential(20, (self.image_count, LANES))
        return np.minimum(np.round(drawn), 255).astype(np.uint8)


def numbers_in(
    average: Floats, recall: Floats, counting: Floats, kept: tuple[Floats, Floats] | None
) -> dict[str, Floats]:
    """Return name → float64 ``[S]`` from ``[K, 2 · T, S]`` twice and the sums ``[3, S]``: images, |errors|, errors.

    ``kept`` holds the first two of all the images, ``[..., 1]``, for the categories that a draw lacks.
    """
    average, recall = (values.reshape(CATEGORIES, 2, T, -1) for values in (average, recall))
    whole = [values.reshape(CATEGORIES, 2, T, 1) for values in kept] if kept else [np.nan, np.nan]
    filled, filled_recall = (
        np.where(np.isnan(values), known, values) for values, known in zip((average, recall), whole, strict=True)
    )
    return {
        "AP": np.nanmean(filled[:, 0], axis=(0, 1)),
        "AP50": np.nanmean(filled[:, 0, 0], axis=0),
        "APs": np.nanmean(filled[:, 1], axis=(0, 1)),
        "AR": np.nanmean(filled_recall[:, 0], axis=(0, 1)),
        **{f"AP, category {words}": average[k, 0].mean(axis=0) for words, k in SOME.items()},
        **{f"recall, category {words}": recall[k, 0, 0] for words, k in SOME.items()},
        "counting MAE": counting[1] / counting[0],
        "counting bias": counting[2] / counting[0],
    }


def computed(sample: Population, draws: Draws) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return the numbers of a test set, and their values in the draws."""
    one = _unweighted(sample)
    average, recall = resample(sample.columns, draws, bit_count=2 * T, interpolation="101-point", max_dets=[None])
    kept = numbers_in(average, recall[:, :, 0], draws.sums(_counting(sample)), one)
    left_out = numbers_in(average, recall[:, :, 0], draws.sums(_counting(sample)), None)
    resampled = np.repeat([draws.is_resampled(block) for block in range(draws.block_count)], LANES)
    points = numbers_in(*one, _counting(sample).sum(axis=0)[:, None], None)
    return (
        {name: float(values[0]) for name, values in points.items()},
        {name: np.where(resampled, kept[name], left_out[name]) for name in kept},
    )


def _unweighted(sample: Population) -> tuple[Floats, Floats]:
    """Return average precision and recall of all the images, float64 ``[K, 2 · T, 1]``."""
    compute = block_function(sample.columns, bit_count=2 * T, interpolation="101-point", max_dets=[None])
    average, recall = compute(np.ones((len(sample.counts), LANES), dtype=np.uint8))
    return average[..., :1], recall[:, :, 0, :1]


def _counting(sample: Population) -> Floats:
    error = sample.counts[:, 1] - sample.counts[:, 0]
    return np.stack([np.ones_like(error), np.abs(error), error], axis=1)


def truth_for(sample: Population, whole: tuple[Floats, Floats], known: dict[str, float]) -> dict[str, float]:
    """Return the population's numbers, its means over the categories that the test set has."""
    own, _ = _unweighted(sample)
    average, recall = (np.where(np.isnan(own), np.nan, values) for values in whole)
    means = numbers_in(average, recall, np.ones((3, 1)), None)
    return known | {name: float(means[name][0]) for name in ("AP", "AP50", "APs", "AR")}


def percentile(values: Floats) -> Ends:
    """Return the 2.5 % and 97.5 % points."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def basic(point: float, values: Floats) -> Ends:
    """Return the percentile interval mirrored at the number."""
    low, high = percentile(values)
    return 2 * point - high, 2 * point - low


def accelerated(point: float, values: Floats, left_out: Floats) -> Ends:
    """Return Efron's BCa interval (Better Bootstrap Confidence Intervals, 1987)."""
    away = left_out.mean() - left_out
    total = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6 * total**1.5) if total > 0 else 0.0
    normal, count = NormalDist(), len(values)
    share = float((values < point).mean() + (values == point).mean() / 2)
    middle = normal.inv_cdf(min(max(share, 1 / (count + 1)), count / (count + 1)))

    def level(z: float) -> float:
        return normal.cdf(middle + (middle + z) / max(1 - acceleration * (middle + z), 1e-9))

    low, high = np.quantile(values, [level(-1.96), level(1.96)])
    return float(low), float(high)


def kinds_of(
    draws: Draws, point: float, values: Floats, bayesian: Floats, within: Ends, images: int
) -> dict[str, Ends]:
    """Return the intervals of one number, by kind."""
    resampled = _defined(draws.resampled(values))
    left_out = _defined(values[-(-draws.resamples // LANES) * LANES :][: min(64, draws.image_count)])
    chosen = draws.interval(point, values, within=within, images=images)
    assert chosen is not None
    return {
        "percentile": percentile(resampled),
        "basic": basic(point, resampled),
        "BCa": accelerated(point, resampled, left_out),
        "Bayesian": percentile(_defined(draws.resampled(bayesian))),
        "detbench": chosen,
    }


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def images_with(sample: Population, category: int) -> int:
    """Return in how many images a category is."""
    columns = sample.columns
    return len(np.unique(columns.truth_image[slice(*columns.truth_offsets[category : category + 2])]))


class Tally(NamedTuple):
    """What was seen of one number and one kind: true value inside, below, above; width."""

    inside: bool
    below: bool
    above: bool
    width: float


def study(population: Population, size: int, sets: int, resamples: int) -> dict[str, dict[str, list[Tally]]]:
    """Return name → kind → one tally for each of the ``sets`` test sets in which the number has an interval."""
    whole = _unweighted(population)
    known = {
        name: float(values[0])
        for name, values in numbers_in(*whole, _counting(population).sum(axis=0)[:, None], None).items()
    }
    found: dict[str, dict[str, list[Tally]]] = {}
    for number in range(sets):
        rng = np.random.default_rng([size, number])
        sample = take(population, rng.choice(len(population.counts), size, replace=False))
        draws, bayesian = (make(size, resamples=resamples, seed=number) for make in (Draws, Bayesian))
        points, values = computed(sample, draws)
        _, others = computed(sample, bayesian)
        truth = truth_for(sample, whole, known)
        holding = {words: images_with(sample, k) for words, k in SOME.items()}
        for name, point in points.items():
            words = name.partition(", category ")[2]
            # As in detbench, a category that is in one image has no interval.
            if np.isnan(point) or holding.get(words, size) < FEWEST_IMAGES:
                continue
            within = (-np.inf, np.inf) if name.startswith("counting") else SHARE
            images = holding.get(words, size)
            for kind, (low, high) in kinds_of(draws, point, values[name], others[name], within, images).items():
                true = truth[name]
                tally = Tally(low - 1e-12 <= true <= high + 1e-12, true < low - 1e-12, true > high + 1e-12, high - low)
                found.setdefault(name, {}).setdefault(kind, []).append(tally)
    return found


def table(found: dict[str, dict[str, list[Tally]]], size: int, sets: int) -> str:
    """Return Markdown: how often each kind holds the true value, and how wide the percentile's and detbench's are."""
    kinds = list(next(iter(found.values())))
    lines = [
        f"### {size:,} images, {sets} test sets",
        "",
        "| number | " + " | ".join(kinds) + " | true value below, above | width, percentile → detbench |",
        "|---|" + "---:|" * (len(kinds) + 2),
    ]
    for name, by_kind in found.items():
        shares = {kind: 100 * float(np.mean([tally.inside for tally in of])) for kind, of in by_kind.items()}
        own = by_kind["detbench"]
        below, above = (100 * float(np.mean([getattr(tally, side) for tally in own])) for side in ("below", "above"))
        widths = [float(np.mean([tally.width for tally in by_kind[kind]])) for kind in ("percentile", "detbench")]
        note = f" ({len(own)} sets)" if len(own) < sets else ""
        cells = [f"{shares[kind]:.1f}" for kind in kinds[:-1]] + [f"**{shares[kinds[-1]]:.1f}**"]
        cells += [f"{below:.1f}, {above:.1f}", f"{widths[0]:.3f} → {widths[1]:.3f}"]
        lines.append(f"| {name}{note} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _write(page: Path, section: str) -> None:
    old = page.read_text(encoding="utf-8")
    new, count = re.subn(f"{_BEGIN}.*{_END}", lambda _: f"{_BEGIN}\n{section}\n{_END}", old, flags=re.DOTALL)
    if not count:
        raise SystemExit(f"{page} has no {_BEGIN} … {_END}")
    page.write_text(new, encoding="utf-8")


def main() -> None:
    """Draw, count, and print the tables or write them to a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--sets", type=int, default=600)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--population", type=int, default=200_000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    population = draw_population(1, options.population)
    tables = []
    for size in options.sizes:
        tables.append(table(study(population, size, options.sets, options.resamples), size, options.sets))
        sys.stdout.write(tables[-1] + "\n\n")
        sys.stdout.flush()
    if options.write:
        _write(options.write, "\n\n".join(tables))


if __name__ == "__main__":
    main()
