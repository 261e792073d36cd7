"""The calibration of a result: whether scores are probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from detbench.evaluation.draws import SHARE
from detbench.evaluation.metrics.calibration import calibration_error, equal_mass, equal_width, fill, tally
from detbench.evaluation.parts.numbers import Numbers, defined, intervals_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.evaluation.draws import Draws
    from detbench.evaluation.metrics.counted import Counted

__all__ = ["Bin", "Calibration", "calibration", "category_errors"]

_ECE, _EQUAL_MASS, _AT_OPERATING_POINT = _NAMES = ("ECE", "ECE_equal_mass", "ECE@op")


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Predictions whose score lies between ``low`` and ``high``.

    ``score`` is their mean score, ``precision`` the share that is right, None where there are none; ``interval`` is
    that of the precision.
    """

    low: float
    high: float
    count: Annotated[int, msgspec.Meta(ge=0)]
    score: float | None
    precision: float | None
    interval: tuple[float, float] | None


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether scores are probabilities (Küppers et al. 2020), for all categories together.

    ``metrics`` are ``ECE`` (bins of equal width), ``ECE_equal_mass``, and ``ECE@op`` (equal width, only the
    predictions at the operating point). ``equal_width`` and ``equal_mass`` are the bins of all predictions, the
    reliability curve; empty where scores leave the range from 0 to 1.
    """

    metrics: dict[str, float | None]
    intervals: dict[str, tuple[float, float]]
    reasons: dict[str, str]
    equal_width: list[Bin]
    equal_mass: list[Bin]


class _Filled:
    """Bins of scores, in all images and in every draw."""

    def __init__(
        self, bounds: NDArray[np.float64], counted: Counted, rows: NDArray[np.bool_], draws: Draws | None
    ) -> None:
        score, right = counted.score[rows], counted.right[rows]
        self._draws, self._bins, size = draws, fill(bounds, score, right), len(bounds) - 1
        self._drawn = np.zeros((3, size, 0))
        self._images = np.zeros(size, np.int64)
        if draws is not None:
            place = counted.image[rows].astype(np.intp) * size + self._bins.index
            sums = tally(place, draws.image_count * size, score, right).reshape(3, draws.image_count, size)
            self._drawn = np.stack([draws.sums(per_image) for per_image in sums])
            self._images = (sums[0] > 0).sum(axis=0)

    def error(self) -> float | None:
        """Return the expected calibration error."""
        return defined(float(calibration_error(self._bins.count, self._bins.score, self._bins.right)))

    def drawn_error(self) -> NDArray[np.float64]:
        """Return it in every draw, float64 ``[S]``."""
        return calibration_error(*self._drawn)

    def described(self) -> Iterator[Bin]:
        """Yield the bins, the lowest first."""
        bins, draws = self._bins, self._draws
        for b, count in enumerate(bins.count.tolist()):
            drawn_count, _, drawn_right = self._drawn[:, b]
            nowhere = np.full(len(drawn_count), np.nan)
            precision = float(bins.right[b] / count) if count else None
            values = np.divide(drawn_right, drawn_count, out=nowhere, where=drawn_count > 0)
            yield Bin(
                low=float(bins.bounds[b]),
                high=float(bins.bounds[b + 1]),
                count=int(count),
                score=float(bins.score[b] / count) if count else None,
                precision=precision,
                interval=None
                if draws is None
                else draws.interval(precision, values, within=SHARE, images=int(self._images[b])),
            )


def calibration(counted: Counted, at: float, draws: Draws | None) -> Calibration:
    """Return the part of a result; ``at`` is the operating point's threshold."""
    if reason := _no_probabilities(counted.score):
        return Calibration(
            metrics=dict.fromkeys(_NAMES),
            intervals={},
            reasons=dict.fromkeys(_NAMES, reason),
            equal_width=[],
            equal_mass=[],
        )
    everything, accepted = np.ones(len(counted.score), np.bool_), counted.score >= at
    filled = {
        _ECE: _Filled(equal_width(), counted, everything, draws),
        _EQUAL_MASS: _Filled(equal_mass(counted.score), counted, everything, draws),
        _AT_OPERATING_POINT: _Filled(equal_width(), counted, accepted, draws),
    }
    metrics = {name: bins.error() for name, bins in filled.items()}
    why = "no prediction reaches the threshold" if len(counted.score) else "there are no predictions that count"
    return Calibration(
        metrics=metrics,
        intervals=intervals_of(draws, metrics, {name: bins.drawn_error() for name, bins in filled.items()}),
        reasons={name: why for name, value in metrics.items() if value is None},
        equal_width=list(filled[_ECE].described()),
        equal_mass=list(filled[_EQUAL_MASS].described()),
    )


def category_errors(counted: Counted) -> list[Numbers]:
    """Return each category's ``ECE``, with bins of equal width.

    It comes without interval: with few predictions in a bin, the error of a draw tends to be larger than the whole's.
    """
    categories = len(counted.truths)
    if reason := _no_probabilities(counted.score):
        return [Numbers({_ECE: None}, {}, {_ECE: reason})] * categories
    bounds = equal_width()
    index, size = fill(bounds, counted.score, counted.right).index, len(bounds) - 1
    place = counted.category.astype(np.intp) * size + index
    sums = tally(place, categories * size, counted.score, counted.right).reshape(3, categories, size)
    values = calibration_error(*sums.transpose(0, 2, 1))
    why = {_ECE: "it has no predictions that count"}
    return [Numbers({_ECE: defined(value)}, {}, why if np.isnan(value) else {}) for value in values.tolist()]


def _no_probabilities(score: NDArray[np.float64]) -> str:
    """Return why scores cannot be compared with shares, or nothing."""
    if not len(score) or (score.min() >= 0 and score.max() <= 1):
        return ""
    return f"scores from {score.min():.6g} to {score.max():.6g} are no probabilities: they leave the range from 0 to 1"
