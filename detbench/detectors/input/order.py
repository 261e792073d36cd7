"""Which picture comes when, and its random numbers: functions of the seed and the place, without any state.

So a run that goes on from step k, a run on two machines and a run on another backend see the same pictures in the
same order, with the same random numbers. They are made from the raw words of Philox (Salmon et al. 2011), whose stream
NumPy guarantees from version to version, which it does not for its distributions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Order", "Place", "random_words", "uniforms"]

#: What a stream of random words is for: two uses of one place must not share their numbers.
_OF_ORDER, _OF_PICTURE = 0, 1

_WORD = 2**64


class Place(NamedTuple):
    """Where a picture stands in a run: the epoch, the place in that epoch, and the row of the image there."""

    epoch: int
    place: int
    row: int


def random_words(seed: int, epoch: int, place: int, count: int, *, use: int = _OF_PICTURE) -> NDArray[np.uint64]:
    """Return uint64 ``[count]``: the random words of one place in one epoch."""
    key = np.array([seed % _WORD, epoch], dtype=np.uint64)
    counter = np.array([0, place, use, 0], dtype=np.uint64)  # the first word counts what is drawn
    return np.random.Philox(key=key, counter=counter).random_raw(count)


def uniforms(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return float64 in [0, 1) from the upper 53 bits of random words."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Order:
    """The endless sequence of pictures: one permutation of ``count`` rows after the other, one an epoch."""

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        # A batch crosses from one epoch to the next, and readers are a few batches ahead of each other.
        self._permutation = lru_cache(maxsize=4)(self._draw)

    def at(self, position: int) -> Place:
        """Return what stands at ``position`` of the sequence, from 0."""
        epoch, place = divmod(position, self.count)
        return Place(epoch, place, int(self._permutation(epoch)[place]))

    def _draw(self, epoch: int) -> NDArray[np.intp]:
        """Return the permutation of an epoch: the order of as many random words."""
        return np.argsort(random_words(self.seed, epoch, 0, self.count, use=_OF_ORDER), kind="stable")
