"""Other libraries' operators, each called as its manual says.

What a library wants in another form (corner and size, channels first, PyTorch's tensors, coordinates between 0 and 1)
is made in ``send``, which is timed apart. No NMS of theirs stops at a number of boxes that are kept: all are, and the
first are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from detbench.operators.contract import Bound, Case

__all__ = ["IMPLEMENTATIONS"]


@dataclass(frozen=True, slots=True)
class _Peer:
    """A peer bound to a case: ``prepare`` makes what is sent, ``call`` is timed, ``finish`` makes it our answer."""

    case: Case
    prepare: Callable[[Case], Any]
    call: Callable[[Any, Mapping[str, Any]], Any]
    finish: Callable[[Any, Case], Any]

    def send(self) -> Any:
        return self.prepare(self.case)

    def compile(self, sent: Any) -> None:
        """Do nothing."""

    def run(self, sent: Any) -> Any:
        return self.call(sent, self.case.settings)

    def fetch(self, answer: Any) -> Any:
        return self.finish(answer, self.case)


def _bind(
    prepare: Callable[[Case], Any],
    call: Callable[[Any, Mapping[str, Any]], Any],
    finish: Callable[[Any, Case], Any],
    module: str,
) -> Callable[[Case, str], Bound]:
    def bind(case: Case, _: str) -> Bound:
        import_module(module)
        return _Peer(case, prepare, call, finish)

    return bind


def _corner_and_size(box: NDArray[Any]) -> NDArray[np.float64]:
    """Return ``x y w h`` in double precision, in which differences of float32 are exact, or nearly."""
    wide = box.astype(np.float64)
    wide[:, 2:] -= wide[:, :2]
    return wide


def _first(kept: Any, case: Case) -> NDArray[np.intp]:
    """Return rows as the reference's, as many as are wanted."""
    rows: NDArray[np.intp] = np.asarray(kept, dtype=np.intp).reshape(-1)[: case.settings.get("limit")]
    return rows


# OpenCV ---------------------------------------------------------------------------------------------------------------


def _opencv_inputs(case: Case) -> tuple[Any, ...]:
    inputs = case.inputs
    category = (inputs["category"],) if "category" in inputs else ()
    return (_corner_and_size(inputs["box"]), inputs["score"].astype(np.float32), *category)


def _opencv_nms(sent: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
    import cv2

    box, score = sent
    return cv2.dnn.NMSBoxes(box, score, 0.0, settings["iou_threshold"])


def _opencv_batched_nms(sent: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
    import cv2

    box, score, category = sent
    return cv2.dnn.NMSBoxesBatched(box, score, category, 0.0, settings["iou_threshold"])


def _opencv_cannot(case: Case) -> str | None:
    score = case.inputs["score"]
    return (
        None if (score > 0).all() else "it drops boxes with a score of 0 or less, and takes no lower threshold than 0"
    )


_OPENCV_DIFFERS = {"no area": "two boxes without area overlap wholly, wherever they are"}


# ensemble-boxes -------------------------------------------------------------------------------------------------------


def _unit_boxes(case: Case) -> tuple[Any, ...]:
    """Return boxes moved and scaled into the unit square, which changes no IoU but by rounding, and scores."""
    box = case.inputs["box"].astype(np.float64)
    low = box.min(initial=0.0)
    return (box - low) / max(box.max(initial=0.0) - low, 1e-30), case.inputs["score"]


def _double_boxes(case: Case) -> tuple[Any, ...]:
    """Return boxes in double precision, wherever they are, and scores."""
    return case.inputs["box"].astype(np.float64), case.inputs["score"]


def _ensemble_nms(sent: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
    from ensemble_boxes import nms

    box, score = sent
    return nms([box], [score], [np.zeros(len(score))], iou_thr=settings["iou_threshold"])


def _rows_of_scores(answer: Any, case: Case) -> NDArray[np.intp]:
    """Return the rows of what was kept: the library returns boxes; scores, none of them equal, say which."""
    order = np.argsort(case.inputs["score"], kind="stable")
    return _first(order[np.searchsorted(case.inputs["score"], answer[1], sorter=order)], case)


def _ensemble_soft_nms(sent: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
    from ensemble_boxes.ensemble_boxes_nms import cpu_soft_nms_float  # the public one returns scores without the decay

    box, score = sent
    decayed = score.astype(np.float64)
    lowest = settings.get("score_threshold", 0.001)
    below = np.nextafter(lowest, -np.inf)  # it drops what is at the threshold, too
    method = {"linear": 1, "gaussian": 2}[settings.get("method", "gaussian")]
    threshold, sigma = settings.get("iou_threshold", 0.3), settings.get("sigma", 0.5)
    with np.errstate(invalid="ignore"):  # of boxes without area
        kept = cpu_soft_nms_float(box, decayed, threshold, sigma, below, method)
    return kept, decayed[decayed > below]


def _ensemble_picked(answer: Any, case: Case) -> tuple[NDArray[np.intp], NDArray[Any]]:
    kept, score = answer
    limit = case.settings.get("limit")
    return _first(kept, case), score[:limit].astype(case.inputs["score"].dtype)


def _ensemble_cannot(case: Case) -> str | None:
    return None if len(case.inputs["score"]) else "it takes no empty lists"


_ENSEMBLE_DIFFERS = {
    "score ties": "of equal scores it does not take the lower row first",
    "no area": "it leaves out boxes without area",
}


_ENSEMBLE_SOFT_DIFFERS = {
    "score ties": "of equal scores it does not take the lower row first: it swaps rows as it goes",
    "no area": "a box without area has no case of its own: 0 / 0 is not a number",
}


# pycocotools ----------------------------------------------------------------------------------------------------------


def _coco_inputs(case: Case) -> tuple[Any, ...]:
    return (
        _corner_and_size(case.inputs["a"]),
        _corner_and_size(case.inputs["b"]),
        np.zeros(len(case.inputs["b"]), np.uint8),
    )


def _coco_iou(sent: tuple[Any, ...], _: Mapping[str, Any]) -> Any:
    from pycocotools import mask

    return mask.iou(*sent)


def _as_matrix(answer: Any, case: Case) -> NDArray[Any]:
    """Return N × M numbers of the inputs' type."""
    matrix: NDArray[Any] = np.asarray(answer, dtype=case.inputs["a"].dtype)
    return matrix


def _coco_cannot(case: Case) -> str | None:
    return None if len(case.inputs["a"]) and len(case.inputs["b"]) else "of no boxes it returns an empty list"


# torchvision ----------------------------------------------------------------------------------------------------------


def _tensors(case: Case) -> tuple[Any, ...]:
    """Return the inputs as tensors that share their memory."""
    import torch

    names = (name for name in ("a", "b", "box", "score", "category") if name in case.inputs)
    return tuple(torch.from_numpy(np.ascontiguousarray(case.inputs[name])) for name in names)


def _vision(function: str) -> Callable[[Any, Mapping[str, Any]], Any]:
    """Return what calls a function of boxes of torchvision's, with the IoU threshold where there is one."""

    def call(sent: tuple[Any, ...], settings: Mapping[str, Any]) -> Any:
        from torchvision import ops

        threshold = (settings["iou_threshold"],) if "iou_threshold" in settings else ()
        return getattr(ops, function)(*sent, *threshold)

    return call


def _channels_first(case: Case) -> tuple[Any, Any]:
    """Return the map as ``[B, C, H, W]``, laid out so, and the regions with their image in front, ``[R, 5]``."""
    import torch

    feature = torch.from_numpy(np.ascontiguousarray(case.inputs["feature"].transpose(0, 3, 1, 2)))
    image = case.inputs["image"].astype(case.inputs["region"].dtype)[:, np.newaxis]
    return feature, torch.from_numpy(np.concatenate([image, case.inputs["region"]], axis=1))


def _vision_roi_align(sent: tuple[Any, Any], settings: Mapping[str, Any]) -> Any:
    from torchvision import ops

    return ops.roi_align(
        *sent,
        settings.get("output_size", (7, 7)),
        spatial_scale=1 / settings["stride_px"],
        sampling_ratio=settings.get("sampling_ratio", 2),
        aligned=settings.get("aligned", True),
    )


def _vision_roi_pool(sent: tuple[Any, Any], settings: Mapping[str, Any]) -> Any:
    from torchvision import ops

    return ops.roi_pool(*sent, settings.get("output_size", (7, 7)), spatial_scale=1 / settings["stride_px"])


def _channels_last(answer: Any, _: Case) -> NDArray[Any]:
    """Return ``[R, ph, pw, C]``."""
    pooled: NDArray[Any] = answer.permute(0, 2, 3, 1).contiguous().numpy()
    return pooled


_VISION_BATCHED_DIFFERS = {
    "score ties": "of more than 1,000 boxes it sorts the kept ones again, and of equal scores takes either first",
    "far": "up to 1,000 boxes it shifts each category beside the others; far from the origin that rounds corners",
}
_VISION_IOU_DIFFERS = {"no area": "a box without area has no case of its own: 0 / 0 is not a number"}
_VISION_TINY = {"tiny": "it adds 1e-7 to the squared diagonal, which is all of it where boxes are that small"}


# All ------------------------------------------------------------------------------------------------------------------

_CV, _EB, _TV, _COCO = "cv2", "ensemble_boxes", "torchvision", "pycocotools"

_OPENCV = tuple(
    Implementation(
        "opencv",
        operator,
        _bind(_opencv_inputs, call, _first, _CV),
        requires=(_CV,),
        differs=_OPENCV_DIFFERS,
        cannot=_opencv_cannot,
    )
    for operator, call in (("nms", _opencv_nms), ("batched-nms", _opencv_batched_nms))
)

_ENSEMBLE = tuple(
    Implementation(
        "ensemble-boxes",
        operator,
        _bind(prepare, call, finish, _EB),
        requires=(_EB,),
        differs=differs,
        cannot=_ensemble_cannot,
    )
    for operator, prepare, call, finish, differs in (
        ("nms", _unit_boxes, _ensemble_nms, _rows_of_scores, _ENSEMBLE_DIFFERS),
        ("soft-nms", _double_boxes, _ensemble_soft_nms, _ensemble_picked, _ENSEMBLE_SOFT_DIFFERS),
    )
)

_PYCOCOTOOLS = (
    Implementation(
        "pycocotools", "iou", _bind(_coco_inputs, _coco_iou, _as_matrix, _COCO), requires=(_COCO,), cannot=_coco_cannot
    ),
)

_TORCHVISION = tuple(
    Implementation("torchvision", operator, _bind(prepare, call, finish, _TV), requires=(_TV,), differs=differs)
    for operator, prepare, call, finish, differs in (
        ("nms", _tensors, _vision("nms"), _first, {}),
        ("batched-nms", _tensors, _vision("batched_nms"), _first, _VISION_BATCHED_DIFFERS),
        ("iou", _tensors, _vision("box_iou"), _as_matrix, _VISION_IOU_DIFFERS),
        ("giou", _tensors, _vision("generalized_box_iou"), _as_matrix, _VISION_IOU_DIFFERS),
        ("diou", _tensors, _vision("distance_box_iou"), _as_matrix, _VISION_IOU_DIFFERS | _VISION_TINY),
        ("ciou", _tensors, _vision("complete_box_iou"), _as_matrix, _VISION_IOU_DIFFERS | _VISION_TINY),
        ("roi-align", _channels_first, _vision_roi_align, _channels_last, {}),
        ("roi-max-pool", _channels_first, _vision_roi_pool, _channels_last, {}),
    )
)

IMPLEMENTATIONS = (*_OPENCV, *_ENSEMBLE, *_PYCOCOTOOLS, *_TORCHVISION)
