"""What an evaluation is to use: pycocotools' ``Params``."""

from __future__ import annotations

from typing import Any

import numpy as np

from detbench.errors import UsageError

__all__ = ["Params", "require_boxes"]


class Params:
    """Settings, to be changed before ``evaluate()``.

    Attributes
    ----------
    imgIds, catIds
        What to evaluate; :class:`~detbench.coco.evaluation.COCOeval` fills in everything.
    iouThrs, recThrs
        float64 ``[T]`` and ``[R]``: IoU thresholds and recall levels.
    maxDets
        How many predictions of one category an image may have, highest scores first; ``summarize`` needs three.
    areaRng, areaRngLbl
        ``[low, high]`` in square pixels, both ends included, and their names; ``summarize`` looks for ``all``,
        ``small``, ``medium`` and ``large``.
    useCats
        0: all categories count as one.
    iouType
        ``"bbox"``.
    useSegm
        Deprecated there and here; anything but None sets ``iouType``.
    """

    def __init__(self, iouType: str = "bbox") -> None:
        self.iouType = iouType
        self.useSegm: int | None = None
        self.imgIds: list[Any] = []
        self.catIds: list[Any] = []
        self.iouThrs: Any = np.linspace(0.5, 0.95, 10)
        self.recThrs: Any = np.linspace(0.0, 1.0, 101)
        self.maxDets: list[int] = [1, 10, 100]
        self.areaRng: list[Any] = [[0**2, 1e5**2], [0**2, 32**2], [32**2, 96**2], [96**2, 1e5**2]]
        self.areaRngLbl: list[str] = ["all", "small", "medium", "large"]
        self.useCats: int = 1


def require_boxes(kind: str) -> None:
    """Raise UsageError if ``kind``, an ``iouType``, is not of boxes."""
    if kind != "bbox":
        raise UsageError(
            f"detbench.coco evaluates boxes, iouType 'bbox'; for {kind!r:.40} use pycocotools.cocoeval.COCOeval"
        )
