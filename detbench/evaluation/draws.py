"""Which images each draw holds, and the interval of a number from its values in the draws.

Two kinds of draws stand side by side. A resample draws as many images as there are, with replacement: the
nonparametric bootstrap (Efron, Bootstrap Methods: Another Look at the Jackknife, 1979). A jackknife draw leaves out one
of several groups of images. Why both, and how often such an interval holds the true value:
``docs/reference/intervals.md``.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from math import inf, isnan
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from detbench.evaluation.metrics.student import student_p
from detbench.evaluation.resampling_numpy import weighted_sums
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["LANES", "SHARE", "Draws", "sums_of_block"]

#: Draws that are computed together; the native part's lanes.
LANES = 16

#: The bounds of a share: average precision, recall and their like.
SHARE = (0.0, 1.0)

#: Groups of the jackknife.
GROUPS = 64

#: The normal distribution's 97.5 % point.
_Z = 1.959963984540054

#: Sums in another order differ by so little; values that miss the number by less are the number.
_ROUNDING = 1e-12

#: Weights are kept for the next number where all of them take no more than this.
_KEPT_BYTES = 64 << 20

_MOST = np.iinfo(np.uint8).max

#: The random stream that groups the images; a block's has the block's number.
_GROUPING = 1 << 32

#: The rule of three: 1 - 0.05 ** (1 / n) is some 3 / n.
_CHANCE_UNSEEN = 0.05

#: Where the jackknife says nothing, its degrees of freedom are the least that it ever gives.
_FEWEST_DEGREES = 2

T = TypeVar("T")


class Draws:
    """S draws of ``image_count`` images; the same arguments give the same draws, so two models can be paired by them.

    Images are numbered by rank (:func:`~detbench.evaluation.tasks.image_ranks`), so that the order of a file does
    not matter. Who computes a statistic need not know how it was drawn: compute it on every draw, and hand the S
    values to :meth:`interval`. Draws do not depend on the number of threads.
    """

    def __init__(self, image_count: int, *, resamples: int = 1000, seed: int = 0) -> None:
        self.image_count = image_count
        self.resamples = resamples
        self.seed = seed
        self._resample_blocks = -(-resamples // LANES)
        self._groups = min(GROUPS, image_count)
        self._kept: dict[int, NDArray[np.uint8]] = {}

    @property
    def size(self) -> int:
        """Return S, a multiple of LANES: resamples first, then jackknife draws."""
        return self.block_count * LANES

    @property
    def block_count(self) -> int:
        """Return S / LANES."""
        return self._resample_blocks + -(-self._groups // LANES)

    @property
    def method(self) -> str:
        """Return how intervals are made, in words, with level, resamples and seed."""
        return (
            "95 % bootstrap over images, corrected for bias, Student's t, "
            f"{self.resamples} resamples and {self._groups} jackknife groups, seed {self.seed}"
        )

    def is_resampled(self, block: int) -> bool:
        """Return whether a block's draws are resamples, and not a jackknife's."""
        return block < self._resample_blocks

    def block(self, number: int) -> NDArray[np.uint8]:
        """Return uint8 ``[I, LANES]``, not to be written to: how often each image counts in each draw of a block."""
        if number in self._kept:
            return self._kept[number]
        weight = self._resample(number) if self.is_resampled(number) else self._jackknife(number)
        if self.image_count * self.size <= _KEPT_BYTES:
            self._kept[number] = weight
        return weight

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield every block of weights, S / LANES times."""
        return (self.block(number) for number in range(self.block_count))

    def map(self, compute: Callable[[int, NDArray[np.uint8]], T]) -> list[T]:
        """Return ``compute(number, weight)`` of every block, in order; on all cores where Python's lock is let go."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda number: compute(number, self.block(number)), range(self.block_count)))

    def sums(self, per_image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 ``[n, S]``: sums over the images of every draw of the columns of ``per_image`` ``[I, n]``.

        Images are added in order, whatever the number of threads.
        """
        columns = np.ascontiguousarray(per_image, dtype=np.float64)
        return np.concatenate(self.map(lambda _, weight: sums_of_block(columns, weight)), axis=1)

    def resampled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 ``[..., resamples]``: of the values ``[..., S]`` those of the resamples."""
        return values[..., : self.resamples]

    def interval(
        self,
        point: float | None,
        values: NDArray[np.float64],
        *,
        within: tuple[float, float] = (-inf, inf),
        images: int | None = None,
    ) -> tuple[float, float] | None:
        """Return the interval of a number from its values in the draws, or None where nothing defines it.

        Its middle is the number less its bias, the mean of the resamples less the number. Its half width is
        Student's t times the standard error: the resamples' standard deviation, or the mean of that and the
        jackknife's standard error where the jackknife's is greater. It always holds the number.

        Parameters
        ----------
        point
            The number itself; None where it is undefined.
        values
            float64 ``[S]``, NaN where a draw does not define the number.
        within
            What the number can be; the interval is cut off there. SHARE for what lies between 0 and 1.
        images
            In how many images there is what the number is about. With it and ``within``, a number that no resample
            moves (all objects found, or none) has the interval of the rule of three: images of another kind may be so
            many that with a chance of 5 % none of them was seen, and the number may be anything on them (Hanley and
            Lippman-Hand, If Nothing Goes Wrong, Is Everything All Right?, 1983). Without it, such a number is its own
            interval.
        """
        if point is None:
            return None
        count = None if images is None else np.array([images])
        low, high = self.intervals(np.array([point]), values[None], within=within, images=count)[0].tolist()
        return None if isnan(low) else (low, high)

    def intervals(
        self,
        points: NDArray[np.float64],
        values: NDArray[np.float64],
        *,
        within: tuple[float, float] = (-inf, inf),
        images: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Return float64 ``[n, 2]``: the intervals of n numbers ``[n]`` from ``[n, S]``, NaN where there is none."""
        middle, error, degrees = self._spread(points, values)
        half = _student(degrees) * error
        own, bounds = points[:, None], np.array(within)
        ends = np.clip(middle[:, None] + half[:, None] * [-1.0, 1.0], *within)
        ends = np.concatenate([np.minimum(ends[:, :1], own), np.maximum(ends[:, 1:], own)], axis=1)
        unseen = 0.0 if images is None else 1 - _CHANCE_UNSEEN ** (1 / np.maximum(images, 1))[:, None]
        alone = own + unseen * (bounds - own) if np.isfinite(bounds).all() else own
        return np.where(self._unmoved(points, values)[:, None], alone, ends)

    def p_values(self, points: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 ``[n]``: how likely n numbers ``[n]`` are as far from 0 if 0 is the truth, from ``[n, S]``.

        Two-sided: the p-value is 1 less the level at which the interval just reaches 0. It is NaN where the number is
        undefined, or no resample defines it.
        """
        middle, error, degrees = self._spread(points, values)
        moved = error > _ROUNDING
        p = student_p(middle / np.where(moved, error, 1.0), degrees)
        # The interval holds the number too: where number and middle lie on both sides of 0, at every level.
        p = np.where(points * middle > 0, np.where(moved, p, 0.0), 1.0)
        p = np.where(self._unmoved(points, values), np.where(np.abs(points) < _ROUNDING, 1.0, 0.0), p)
        return np.asarray(np.where(np.isnan(middle), np.nan, p))

    def _spread(
        self, points: NDArray[np.float64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return float64 ``[n]`` three times: the numbers less their bias, standard errors, degrees of freedom."""
        first = self._resample_blocks * LANES
        mean, deviation = _moments(self.resampled(values))
        error, degrees = _errors(deviation, values[:, first : first + self._groups])
        return 2 * points - mean, error, degrees

    def _unmoved(self, points: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool ``[n]``: whether some resample defines the number, and none moves it."""
        resampled = self.resampled(values)
        moved = np.any(np.abs(resampled - points[:, None]) >= _ROUNDING, axis=1)
        return np.asarray(~moved & ~np.isnan(resampled).all(axis=1))

    def _resample(self, number: int) -> NDArray[np.uint8]:
        generator = np.random.default_rng([self.seed, number])
        weight = np.empty((self.image_count, LANES), dtype=np.uint8)
        for lane in range(LANES):
            drawn = generator.integers(0, self.image_count, self.image_count)
            weight[:, lane] = np.minimum(np.bincount(drawn, minlength=self.image_count), _MOST)
        return weight

    def _jackknife(self, number: int) -> NDArray[np.uint8]:
        # Shuffled, so that a group is no stretch of a film; the stream's number is no block's.
        order = np.random.default_rng([self.seed, _GROUPING]).permutation(self.image_count)
        group = np.empty(self.image_count, dtype=np.int64)
        group[order] = np.arange(self.image_count) % max(self._groups, 1)
        first = (number - self._resample_blocks) * LANES
        return np.where(group[:, None] == np.arange(first, first + LANES), np.uint8(0), np.uint8(1))


def sums_of_block(columns: NDArray[np.float64], weight: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return float64 ``[n, LANES]``: sums of ``columns``, contiguous ``[I, n]``, weighted by a block ``[I, LANES]``."""
    module = native()
    if module is None:
        return weighted_sums(columns, weight)
    out = np.empty((columns.shape[1], LANES))
    module.weighted_sums(columns, weight, out)
    return out


def _moments(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return float64 ``[n]`` twice: mean and standard deviation of what each row of ``[n, B]`` defines, else NaN."""
    defined = ~np.isnan(values)
    count = np.where(defined.any(axis=1), defined.sum(axis=1), np.nan)
    mean = np.where(defined, values, 0.0).sum(axis=1) / count
    away = np.where(defined, values - mean[:, None], 0.0)
    return mean, np.sqrt((away**2).sum(axis=1) / count)


def _errors(
    deviation: NDArray[np.float64], left_out: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return float64 ``[n]`` twice: standard errors and degrees of freedom.

    They are of the resamples' deviation ``[n]`` and of the values with one group left out, ``[n, groups]``. The
    jackknife's standard error is √((g − 1) / g · Σ d²) with d the g groups' deviations from their mean. Its degrees
    of freedom are Satterthwaite's, 2 / (Σ d⁴ / (Σ d²)² − 1 / g): few where few groups, those with the rare category,
    move the number.
    """
    groups = np.maximum((~np.isnan(left_out)).sum(axis=1), 1)
    mean, _ = _moments(left_out)
    away = np.nan_to_num(left_out - mean[:, None])
    total = (away**2).sum(axis=1)
    moved = total > _ROUNDING**2
    excess = (away**4).sum(axis=1) / np.where(moved, total, 1.0) ** 2 - 1 / groups
    degrees = np.minimum(2 / np.maximum(excess, _ROUNDING), groups - 1)
    degrees = np.where(moved, np.maximum(degrees, _FEWEST_DEGREES), _FEWEST_DEGREES)
    jackknife = np.sqrt((groups - 1) / groups * total)
    return (deviation + np.maximum(deviation, jackknife)) / 2, degrees


def _student(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 97.5 % point of Student's t, from 2 degrees of freedom on to within 1 %.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.

    >>> _student(np.array([2.0, 5.0, 30.0])).round(3)
    array([4.271, 2.57 , 2.042])
    """
    z = _Z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return np.asarray(z + sum(term / degrees ** (power + 1) for power, term in enumerate(terms)))
