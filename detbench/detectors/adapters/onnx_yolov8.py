"""YOLOv8 and its relatives (v9, v11, v12) as Ultralytics exports them without suppression.

A picture is scaled to fit the canvas, laid in its middle on grey 114, and goes in as RGB from 0 to 1. The one output is
``[B, 4 + C, A]``: for each cell of the maps of strides 8, 16 and 32 a centre and a size in pixels of the canvas, then a
score a category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.canvas import letterboxed
from detbench.detectors.adapters.contract import MOST_DETECTIONS, Detections, Facts, ModelError, above
from detbench.detectors.adapters.naming import naming_for
from detbench.detectors.adapters.onnx_picture import (
    anchor_count,
    batch_of,
    canvas_input,
    canvas_of,
    padded,
    picture_input,
)
from detbench.operators.native.nms import batched_nms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.canvas import Placed
    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession

__all__ = ["Yolov8Adapter"]

_GREY = 114

#: Ultralytics' validation.
_MIN_SCORE, _NMS_IOU = 0.001, 0.7

#: Before the scores of the categories: centre, size.
_BEFORE = 4


class Yolov8Adapter:
    """A YOLOv8 file. Raises DataError if it is none, ModelError if its categories cannot be named."""

    @staticmethod
    def fits(session: OnnxSession) -> bool:
        """Whether inputs and outputs have the shapes."""
        tensor = picture_input(session)
        if tensor is None or len(session.outputs) != 1 or (canvas := canvas_of(tensor)) is None:
            return False
        shape, cells = session.outputs[0].shape, anchor_count(canvas)
        return len(shape) == 3 and shape[2] == cells and _BEFORE < (shape[1] or 0) != cells  # noqa: PLR2004  axes

    def __init__(self, session: OnnxSession, wanted: Wanted) -> None:
        wants = "pictures [B, 3, H, W] and boxes [B, 4 + categories, cells]"
        tensor, canvas = canvas_input(session, "yolov8", wants, fits=self.fits(session))
        naming, note = naming_for(wanted.naming, session.names(), (session.outputs[0].shape[1] or 0) - _BEFORE)
        self._session, self._input, self._canvas = session, tensor, canvas
        self._min_score = _MIN_SCORE if wanted.min_score is None else wanted.min_score
        self.categories: Sequence[str] | None = naming.names
        settings = {
            "canvas_px": list(canvas),
            "colours": "RGB, 0 to 1",
            "min_score": self._min_score,
            "nms_iou": _NMS_IOU,
            "limit": MOST_DETECTIONS,
        }
        self.facts = Facts(
            "yolov8",
            session.device,
            batch_of(session, tensor, wanted),
            (session.path,),
            settings,
            ("numpy", "onnxruntime", "pillow"),
            notes=(note,) if note else (),
        )

    def prepare(self, pictures: Sequence[Picture]) -> tuple[NDArray[Any], list[Placed]]:
        """See :class:`.contract.Adapter`."""
        placed = [letterboxed(picture.pixels, self._canvas, fill=_GREY, centred=True) for picture in pictures]
        rgb = np.stack([one.canvas.transpose(2, 0, 1) for one in placed]).astype(np.float32) * np.float32(1 / 255)
        return padded(rgb.astype(self._input.dtype, copy=False), self._input.shape[0] or 0), placed

    def forward(self, batch: tuple[NDArray[Any], list[Placed]]) -> NDArray[Any]:
        """See :class:`.contract.Adapter`."""
        return self._session.run({self._input.name: batch[0]})[0]

    def finish(self, raw: NDArray[Any], batch: tuple[NDArray[Any], list[Placed]]) -> list[Detections]:
        """See :class:`.contract.Adapter`. Boxes end at the picture's edges, as Ultralytics' own do."""
        return [self._detections(maps.T, place) for maps, place in zip(raw, batch[1], strict=False)]

    def _detections(self, cells: NDArray[Any], place: Placed) -> Detections:
        """Return what cells ``[A, 4 + C]`` hold."""
        if not np.isfinite(cells).all():
            raise ModelError("gives numbers that are not finite")
        score = cells[:, _BEFORE:].astype(np.float32)
        row, column = np.nonzero(above(score, self._min_score))
        category: NDArray[np.int32] = column.astype(np.int32)
        centre, half = cells[row, :2].astype(np.float64), cells[row, 2:4].astype(np.float64) / 2
        box = place.clipped(np.concatenate([centre - half, centre + half], axis=1))
        kept = batched_nms(box, score[row, category], category, _NMS_IOU, MOST_DETECTIONS)
        row, category = row[kept], category[kept]
        return Detections(box[kept], score[row, category].astype(np.float64), category)
