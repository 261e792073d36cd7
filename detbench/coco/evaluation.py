"""``COCOeval``: pycocotools' class, its attributes and its arrays, on detbench's matching."""

from __future__ import annotations

import copy
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.coco.columns import columns_of
from detbench.coco.curves import Ordered, from_images, from_matches
from detbench.coco.images import image_entries, image_ious
from detbench.coco.matched import Matched, match
from detbench.coco.params import Params, require_boxes
from detbench.coco.progress import say
from detbench.coco.summary import summarize
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COCOeval"]


class COCOeval:
    """Evaluate boxes: ``evaluate()``, ``accumulate()``, ``summarize()``, as with pycocotools.

    Parameters
    ----------
    cocoGt, cocoDt
        Ground truth and results: detbench's :class:`~detbench.coco.COCO`, pycocotools', or anything with a
        ``dataset``. May be set later, as attributes.
    iouType
        ``"bbox"``.

    Attributes
    ----------
    params
        The settings; see :class:`~detbench.coco.Params`.
    evalImgs
        After ``evaluate()``: a dict, or None, for each category, area range and image. Made when first read; may
        be set, to accumulate what several processes evaluated.
    ious
        After ``evaluate()``: (image id, category id) → IoU ``[D, G]``. Made when first read.
    eval
        After ``accumulate()``: ``params``, ``counts``, ``date``, and float64 arrays, −1 where undefined:
        ``precision`` and ``scores`` ``[T, R, K, A, M]`` (IoU thresholds, recall levels, categories, area ranges,
        maxDets), ``recall`` ``[T, K, A, M]``.
    stats
        After ``summarize()``: float64 ``[12]``, as printed.

    Raises
    ------
    UsageError
        If ``iouType`` is not ``"bbox"``, or a step is taken before the one that it needs.
    DataError
        If a record cannot be evaluated; the record is named.
    """

    def __init__(self, cocoGt: Any = None, cocoDt: Any = None, iouType: str = "bbox") -> None:
        require_boxes(iouType)
        self.cocoGt, self.cocoDt = cocoGt, cocoDt
        self.params = Params(iouType)
        self.eval: dict[str, Any] = {}
        self.stats: Any = []
        self._paramsEval: Any = {}
        self._matched: Matched | None = None
        self._entries: list[Any] | None = []
        self._ious: dict[tuple[Any, Any], Any] | None = {}
        if cocoGt is not None:
            self.params.imgIds = _sorted_ids(cocoGt, "images")
            self.params.catIds = _sorted_ids(cocoGt, "categories")

    def evaluate(self) -> None:
        """Match results with ground truth, under ``params``."""
        begun = time.perf_counter()
        say("Running per image evaluation...")
        settings = self.params
        if settings.useSegm is not None:
            settings.iouType = "segm" if settings.useSegm == 1 else "bbox"
            say(f"useSegm (deprecated) is not None. Running {settings.iouType} evaluation")
        require_boxes(settings.iouType)
        say(f"Evaluate annotation type *{settings.iouType}*")
        settings.imgIds = list(np.unique(settings.imgIds))
        if settings.useCats:
            settings.catIds = list(np.unique(settings.catIds))
        settings.maxDets = sorted(settings.maxDets)
        self._paramsEval = copy.deepcopy(settings)
        self._matched = match(columns_of(self.cocoGt, self.cocoDt, settings), settings)
        self._entries = self._ious = None
        self.eval = {}
        say(f"DONE (t={time.perf_counter() - begun:0.2f}s).")

    @property
    def evalImgs(self) -> list[Any]:
        """Return what each image's predictions took; made when first read."""
        if self._entries is None and self._matched is not None:
            self._entries = image_entries(self._matched, self._paramsEval)
        return [] if self._entries is None else self._entries

    @evalImgs.setter
    def evalImgs(self, entries: list[Any]) -> None:
        self._entries = entries

    @property
    def ious(self) -> dict[tuple[Any, Any], Any]:
        """Return (image id, category id) → IoU ``[D, G]``, an empty list where there are no pairs."""
        if self._ious is None and self._matched is not None:
            self._ious = image_ious(self._matched, self._paramsEval)
        return self._ious or {}

    def accumulate(self, p: Params | None = None) -> None:
        """Turn matches into curves, in ``eval``, for the settings ``p``, which are ``params`` if not given.

        ``p`` may ask for fewer categories, areas, images and maxDets than were evaluated; what was not evaluated
        is −1.
        """
        say("Accumulating evaluation results...")
        begun = time.perf_counter()
        if not self._paramsEval:
            raise UsageError("there is nothing to accumulate; run evaluate() first")
        settings = self.params if p is None else p
        if not settings.useCats:
            settings.catIds = [-1]
        levels = np.asarray(settings.recThrs, np.float64)
        shape = (len(settings.iouThrs), len(settings.catIds), len(settings.areaRng), len(settings.maxDets))
        recall = np.full(shape, -1.0)
        precision = np.full((shape[0], len(levels), *shape[1:]), -1.0)
        scores = precision.copy()
        for k, a, ordered in self._ordered(settings):
            for m, limit in enumerate(settings.maxDets):
                if ordered.positives and limit <= self._paramsEval.maxDets[-1]:
                    precision[:, :, k, a, m], recall[:, k, a, m], scores[:, :, k, a, m] = ordered.at(limit, levels)
        self.eval = {
            "params": settings,
            "counts": [shape[0], len(levels), *shape[1:]],
            "date": datetime.now().strftime("%Y-%m-%d %H:%M:%S"),  # noqa: DTZ005  local time, as there
            "precision": precision,
            "recall": recall,
            "scores": scores,
        }
        say(f"DONE (t={time.perf_counter() - begun:0.2f}s).")

    def summarize(self) -> None:
        """Print the twelve numbers, and keep them in ``stats``."""
        if not self.eval:
            raise UsageError("there is nothing to summarize; run accumulate() first")
        self.stats = summarize(self.eval, self.params)

    def _ordered(self, settings: Params) -> Any:
        """Yield category, area range (as rows of ``settings``) and their predictions, where they were evaluated."""
        done = self._paramsEval
        thresholds = len(done.iouThrs)
        if len(settings.iouThrs) != thresholds:
            raise UsageError(f"{thresholds} IoU thresholds were evaluated; accumulate() cannot have others")
        categories = list(done.catIds) if done.useCats else [-1]
        ranges = [tuple(limits) for limits in done.areaRng]
        wanted = set(settings.imgIds)
        images = np.array([key in wanted for key in done.imgIds], np.bool_)
        for k, category in enumerate(settings.catIds):
            for a, limits in enumerate(settings.areaRng):
                if category in categories and tuple(limits) in ranges:
                    row = categories.index(category), ranges.index(tuple(limits))
                    yield k, a, self._category(*row, len(ranges), images, thresholds)

    def _category(self, category: int, area: int, areas: int, images: NDArray[np.bool_], thresholds: int) -> Ordered:
        """Return a category's predictions: from ``evalImgs`` where somebody has seen or set them, else from matches."""
        if self._entries is None and self._matched is not None:
            return from_matches(self._matched, category, area, images)
        first = (category * areas + area) * len(images)
        entries = self.evalImgs[first : first + len(images)]
        return from_images([entry for entry, wanted in zip(entries, images, strict=True) if wanted], thresholds)


def _sorted_ids(source: Any, name: str) -> list[Any]:
    """Return the ids of images or categories, ascending. Raises DataError where they are of two kinds."""
    try:
        return sorted({record["id"] for record in getattr(source, "dataset", {}).get(name, [])})
    except TypeError as error:
        raise DataError(f"the ids of {name} are numbers and strings; COCOeval sorts them") from error
