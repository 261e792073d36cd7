"""What an adapter is: three steps, each timed, that take pictures in and give boxes in their pixels back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.adapters.naming import Naming

__all__ = ["MOST_DETECTIONS", "Adapter", "Detections", "Facts", "ModelError", "Picture", "Wanted", "above", "whole"]

#: How many predictions of one picture are kept, where the model does not say: the evaluation of COCO looks at 100.
MOST_DETECTIONS = 300


class ModelError(Exception):
    """What a model did wrong on the pictures it was given, as a clause; whoever runs it adds model and picture."""


def above(score: NDArray[np.floating[Any]], least: float) -> NDArray[np.bool_]:
    """Return which scores are at least so high; one that is no number would be left out in silence: ModelError."""
    if np.isnan(score).any():
        raise ModelError("gives a score that is nan")
    return score >= least


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as a model is given it: uint8 ``[H, W, 3]``, RGB, and the width and height that it is stored with.

    The pixels are fewer than that where the adapter lets a JPEG be decoded at a part of its size.
    """

    pixels: NDArray[np.uint8]
    size_px: tuple[int, int]


def whole(width_px: int, height_px: int) -> int:
    """Return 1: a picture is decoded as a whole, whatever its size."""
    del width_px, height_px
    return 1


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in one picture.

    ``box`` is float64 ``[N, 4]``, ``x1 y1 x2 y2`` in pixels of the picture as it is stored; ``score`` float64 ``[N]``;
    ``category`` int32 ``[N]``, rows of the adapter's categories. ``proposal`` ``[P, 4]`` and ``proposal_score`` ``[P]``
    are empty where none were asked for.
    """

    box: NDArray[np.float64]
    score: NDArray[np.float64]
    category: NDArray[np.int32]
    proposal: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    proposal_score: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model is asked for.

    ``min_score`` – None leaves it to the adapter; ``proposals`` – at most so many a picture, 0: none; ``batch_size`` –
    pictures that go in together; ``device`` – ``auto``, ``cpu`` or ``gpu``; ``naming`` – the names of the categories,
    where the user gives them; ``weights`` – which of a training run's checkpoints.
    """

    min_score: float | None = None
    proposals: int = 0
    batch_size: int = 1
    device: str = "auto"
    naming: Naming | None = None
    weights: str = "best"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is worth knowing of a model that is open.

    ``adapter`` – the adapter's name; ``device`` – where it runs; ``batch_size`` – pictures that it takes at once;
    ``files`` – what it was read from; ``settings`` – thresholds and how pictures are prepared; ``packages`` – whose
    versions matter; ``proposals`` – whether it can give some; ``notes`` – what was taken for granted, for a person to
    check; ``reduction`` – 1, 2, 4 or 8 for a width and a height: the part of its size that a JPEG may be decoded at.
    """

    adapter: str
    device: str
    batch_size: int
    files: tuple[Path, ...]
    settings: dict[str, Any]
    packages: tuple[str, ...] = ("numpy",)
    proposals: bool = False
    notes: tuple[str, ...] = ()
    reduction: Callable[[int, int], int] = whole


class Adapter(Protocol):
    """A model that is open. Between the steps nothing is known of what they hand on but that it is theirs.

    A batch has at most ``facts.batch_size`` pictures; the last of a run may have fewer. When a step returns, its work
    is done: on a device that works by itself the step waits.
    """

    @property
    def facts(self) -> Facts:
        """What is worth knowing of the model."""

    @property
    def categories(self) -> Sequence[str] | None:
        """The names of the rows in ``Detections.category``; None: the rows are the dataset's own. It may grow."""

    def prepare(self, pictures: Sequence[Picture]) -> Any:
        """Return what the model takes, made of pictures. Raises ModelError."""

    def forward(self, batch: Any) -> Any:
        """Return what the model gives. Raises ModelError."""

    def finish(self, raw: Any, batch: Any) -> list[Detections]:
        """Return what that is in boxes, by descending score, one a picture. Raises ModelError."""
