"""TensorFlow's own operators."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Case, Implementation
from detbench.operators.implementations.running import TensorFlow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detbench.operators.contract import Bound

__all__ = ["IMPLEMENTATIONS"]

#: Where the rule of its NMS is another.
_FLIPPED = {"flipped corners": "corners the wrong way round are put right, so that such a box has an area"}
_TIES = {"score ties": "of equal scores it does not take the lower row first, and returns scores, not rows"}

#: Of one of its functions.
_NO_LIMIT = {"limit 0": "it raises where nothing may be kept"}

_CPU, _BOTH = ("cpu",), ("cpu", "gpu")


def _binder(
    name: str, fetch: Callable[[Any, Case], Any] = lambda answer, _: answer, *leave_out: str
) -> Callable[[Case, str], Bound]:
    """Return what binds ``detbench.operators.tensorflow``'s function of this name."""

    def bind(case: Case, device: str) -> Bound:
        function = getattr(import_module("detbench.operators.tensorflow"), name)
        settings = {key: value for key, value in case.settings.items() if key not in leave_out}

        def compiled(tensors: Mapping[str, Any]) -> Any:
            return function(**tensors, **settings)

        return TensorFlow(compiled, case.inputs, lambda answer: fetch(answer, case), device)

    return bind


def _counted(answer: Any, _: Case) -> Any:
    index, count = answer
    return index[:count]


def _bind_combined(case: Case, device: str) -> Bound:
    """Bind with the categories numbered from 0, which are columns; a case of plain NMS has one."""
    category = case.inputs.get("category", np.zeros(len(case.inputs["score"]), dtype=np.int32))
    known, column = np.unique(category, return_inverse=True)
    inputs = {**case.inputs, "category": column.astype(np.int32)}
    numbered = replace(case, inputs=inputs, settings={**case.settings, "categories": len(known)})
    return _binder("combined_nms", _rows_of_scores)(numbered, device)


def _rows_of_scores(answer: Any, case: Case) -> Any:
    """Return the rows that have the scores that were kept: which row of equal scores it was is not told."""
    score, count = answer
    order = np.argsort(case.inputs["score"], kind="stable")
    return order[np.searchsorted(case.inputs["score"][order], score[:count])]


def _no_float64(case: Case) -> str | None:
    return "it takes float32" if any(array.dtype == np.float64 for array in case.inputs.values()) else None


def _no_crop(case: Case) -> str | None:
    if case.settings.get("sampling_ratio") == 0:
        return "a crop has the same number of points for every region"
    return _no_float64(case)


def _no_combined(case: Case) -> str | None:
    return "it takes at least one box" if not len(case.inputs["box"]) else _no_float64(case)


def _only_gaussian(case: Case) -> str | None:
    return "it has no linear decay" if case.settings.get("method") == "linear" else _no_float64(case)


def _of(name: str, operator: str, bind: Callable[[Case, str], Bound], **rest: Any) -> Implementation:
    return Implementation(name, operator, bind, requires=("tensorflow",), **rest)


IMPLEMENTATIONS = (
    _of("tf.image.non_max_suppression", "nms", _binder("nms"), devices=_BOTH, differs=_FLIPPED, cannot=_no_float64),
    _of(
        "tf.NonMaxSuppressionV4",
        "nms",
        _binder("padded_nms", _counted),
        devices=_BOTH,
        differs=_FLIPPED,
        cannot=_no_float64,
    ),
    _of(
        "tf.image.combined_nms",
        "nms",
        _bind_combined,
        devices=_CPU,
        differs=_FLIPPED | _TIES | _NO_LIMIT,
        cannot=_no_combined,
    ),
    _of(
        "tf.image.combined_nms",
        "batched-nms",
        _bind_combined,
        devices=_CPU,
        differs=_TIES,
        cannot=_no_combined,
    ),
    _of(
        "tf.image.nms_with_scores",
        "soft-nms",
        _binder("soft_nms", lambda answer, _: answer, "method", "iou_threshold"),
        devices=_CPU,
        cannot=_only_gaussian,
    ),
    _of("tf.image.crop_and_resize", "crop-and-resize", _binder("crop_and_resize"), devices=_BOTH, cannot=_no_float64),
    _of("tf.crop_and_resize+max", "crop-max-pool", _binder("crop_max_pool"), devices=_BOTH, cannot=_no_float64),
    _of("tf.crop_and_resize+avg", "roi-align", _binder("average_of_crops"), devices=_BOTH, cannot=_no_crop),
)
