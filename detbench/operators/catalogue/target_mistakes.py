"""Ways to spoil an assignment that anchors and regions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.reference.iou import iou
from detbench.operators.reference.targets import assign_anchors

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["overlaps", "ties_to_the_last", "with_settings", "with_states"]


def with_states(change: Callable[[Any], Any], assign: Callable[..., Any]) -> Callable[..., Any]:
    """Return an assignment to truths whose states are taken for others."""
    return lambda state, **inputs: assign(state=change(state), **inputs)


def with_settings(assign: Callable[..., Any], **changes: Callable[[float], float]) -> Callable[..., Any]:
    """Return an assignment that changes its settings, defaults included."""
    defaults = {"positive_at": 0.7, "negative_below": 0.3} if assign is assign_anchors else {"positive_at": 0.5}

    def wrong(**given: Any) -> Any:
        settings = {**defaults, **given}
        return assign(**{**settings, **{name: change(settings[name]) for name, change in changes.items()}})

    return wrong


def ties_to_the_last(assign: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """Return an assignment in which of equal truths the last row wins."""

    def wrong(**given: Any) -> Any:
        turned = {name: array[::-1] if name in names else array for name, array in given.items()}
        label, match = assign(**turned)
        return label, np.where(match < 0, -1, len(given["state"]) - 1 - match).astype(np.int32)

    return wrong


def overlaps(anchor: Any, truth: Any, state: Any) -> Any:
    """Return IoUs ``[N, M]``, −1 for what is no object."""
    return np.where(state == 1, iou(anchor, truth), np.float32(-1))
