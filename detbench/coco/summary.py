"""The twelve numbers, as pycocotools prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.coco.progress import say
from detbench.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.coco.params import Params

__all__ = ["summarize"]

_LINE = " {:<18} {} @[ IoU={:<9} | area={:>6s} | maxDets={:>3d} ] = {:0.3f}"

#: pycocotools' AP is at this many predictions whatever ``maxDets`` says.
_USUAL_LIMIT = 100

_LIMITS = 3


def summarize(results: dict[str, Any], params: Params) -> NDArray[np.float64]:
    """Print and return float64 ``[12]``: AP, AP50, AP75, APs, APm, APl, AR at each maxDets, ARs, ARm, ARl; −1 for none.

    AP is taken at maxDets 100 where that is evaluated, as pycocotools takes it; where it is not, pycocotools' AP is −1,
    and this one's is at the third maxDets, as the other numbers are. Raises UsageError if there are not three.
    """
    if len(params.maxDets) < _LIMITS:
        raise UsageError(f"summarize() needs three maxDets, not {params.maxDets}; the arrays are in eval")
    low, middle, high = params.maxDets[:_LIMITS]
    usual = _USUAL_LIMIT if _USUAL_LIMIT in params.maxDets else high
    lines = [
        ("precision", None, "all", usual),
        ("precision", 0.5, "all", high),
        ("precision", 0.75, "all", high),
        *(("precision", None, size, high) for size in ("small", "medium", "large")),
        *(("recall", None, "all", limit) for limit in (low, middle, high)),
        *(("recall", None, size, high) for size in ("small", "medium", "large")),
    ]
    return np.array([_line(results, params, *line) for line in lines])


def _line(results: dict[str, Any], params: Params, what: str, threshold: float | None, area: str, limit: int) -> float:
    """Print and return one number: a mean over what is defined, summed in the arrays' own order."""
    thresholds = np.asarray(params.iouThrs)
    values = results[what] if threshold is None else results[what][thresholds == threshold]
    areas = [row for row, label in enumerate(params.areaRngLbl) if label == area]
    limits = [row for row, value in enumerate(params.maxDets) if value == limit]
    defined = values[..., areas, limits]
    defined = defined[defined > -1]
    mean = float(np.mean(defined)) if len(defined) else -1.0
    title, short = ("Average Precision", "(AP)") if what == "precision" else ("Average Recall", "(AR)")
    iou = f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}" if threshold is None else f"{threshold:0.2f}"
    say(_LINE.format(title, short, iou, area, limit, mean))
    return mean
