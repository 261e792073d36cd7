"""What a model found, looked at before it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.adapters.contract import ModelError
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Detections

__all__ = ["check"]


def check(found: Sequence[Detections], pictures: int) -> None:
    """Raise ModelError if it is of fewer pictures than were given, or holds what are no boxes or scores."""
    if len(found) < pictures:
        raise ModelError(f"gives what it found in {len(found)} of {counted(pictures, 'picture')}")
    for one in found:
        _check_one(one)


def _check_one(found: Detections) -> None:
    """Raise ModelError at the first box that is not finite or is inside out, or score that is not finite."""
    for box, score, what in (
        (found.box, found.score, "box"),
        (found.proposal, found.proposal_score, "proposal"),
    ):
        if not np.isfinite(score).all():
            raise ModelError(f"gives a score that is {_first_odd(score):g} to a {what}")
        if not np.isfinite(box).all():
            raise ModelError(f"gives a {what} with a side that is {_first_odd(box.ravel()):g}")
        wrong = (box[:, 2:] < box[:, :2]).any(axis=1)
        if wrong.any():
            corners = " ".join(f"{value:g}" for value in np.round(box[int(np.argmax(wrong))], 2).tolist())
            raise ModelError(f"gives the {what} {corners}, which ends before it begins; give x1 y1 x2 y2")


def _first_odd(values: NDArray[np.float64]) -> float:
    return float(values[~np.isfinite(values)][0])
