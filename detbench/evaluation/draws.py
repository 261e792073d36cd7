"""Which images each resample draws, for every number that is computed again to see how far it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["LANES", "Draws"]

#: Resamples that are computed together; the native part's lanes.
LANES = 16

LEVEL_OF_CONFIDENCE = 0.95

#: Sums in another order differ by so little; an end that misses the number by less is the number.
_ROUNDING = 1e-12


class Draws:
    """S draws of ``image_count`` images; the same arguments give the same draws, so two models can be paired by them.

    Images are numbered by rank (:func:`~detbench.evaluation.tasks.image_ranks`), so that the order of a file does
    not matter. Who computes a statistic need not know how it was drawn: compute it on every draw, and hand the S
    values to :meth:`interval`.
    """

    def __init__(self, image_count: int, *, resamples: int = 1000, seed: int = 0) -> None:
        self.image_count = image_count
        self.resamples = resamples
        self.seed = seed

    @property
    def size(self) -> int:
        """Return S, a multiple of LANES."""
        return -(-self.resamples // LANES) * LANES

    @property
    def method(self) -> str:
        """Return how intervals are made, in words, with level, resamples and seed."""
        return f"95 % percentile bootstrap over images, {self.resamples} resamples, seed {self.seed}"

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield uint8 ``[I, LANES]``, S / LANES times: how often each image counts in each draw of a block."""
        for block in range(self.size // LANES):
            generator = np.random.default_rng([self.seed, block])
            weight = np.empty((self.image_count, LANES), dtype=np.uint8)
            for lane in range(LANES):
                drawn = generator.integers(0, self.image_count, self.image_count)
                weight[:, lane] = np.minimum(np.bincount(drawn, minlength=self.image_count), 255)
            yield weight

    def sums(self, per_image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 ``[n, S]``: sums over the images of every draw of the columns of ``per_image`` ``[I, n]``."""
        return np.concatenate([per_image.T @ weight for weight in self.blocks()], axis=1)

    def resampled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64 ``[..., resamples]``: the values ``[..., S]`` of the draws that are resamples."""
        return values[..., : self.resamples]

    def interval(self, point: float | None, values: NDArray[np.float64]) -> tuple[float, float] | None:
        """Return the interval of a number from its values in the draws, ``[S]``, NaN where it was undefined.

        None where the number is undefined, or no draw defines it.
        """
        drawn = self.resampled(values)
        drawn = drawn[~np.isnan(drawn)]
        if point is None or not drawn.size:
            return None
        tail = (1 - LEVEL_OF_CONFIDENCE) / 2
        low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
        return _same_bits(low, point), _same_bits(high, point)


def _same_bits(end: float, point: float) -> float:
    """Return the number itself for an end that misses it by rounding alone."""
    return point if abs(end - point) < _ROUNDING else end
