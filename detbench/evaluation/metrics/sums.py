"""Sums over the images of every draw, for numbers that rest on a part of the images only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detbench.evaluation.draws import sums_of_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws

__all__ = ["PerImage", "sums_of_draws"]


class PerImage(NamedTuple):
    """What images add to sums: ``image`` int32 ``[n]``, ranks, each once; ``values`` float64 ``[n, m]``.

    An image that is not there adds nothing.
    """

    image: NDArray[np.int32]
    values: NDArray[np.float64]

    @property
    def in_one_image(self) -> bool:
        """Return whether there is no more than one image: every draw that has it gives the same, and no interval."""
        return len(self.image) <= 1

    def total(self) -> NDArray[np.float64]:
        """Return float64 ``[m, 1]``: the sums over all images, as one draw that is the whole set."""
        return np.asarray(self.values.sum(axis=0)[:, None])


def sums_of_draws(draws: Draws, groups: Sequence[PerImage]) -> list[NDArray[np.float64]]:
    """Return float64 ``[m, S]`` for each group: its sums in every draw."""
    columns = [np.ascontiguousarray(group.values) for group in groups]

    def sums_of(_: int, weight: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        return [sums_of_block(own, weight[group.image]) for own, group in zip(columns, groups, strict=True)]

    return [np.concatenate(parts, axis=1) for parts in zip(*draws.map(sums_of), strict=True)]
