"""YOLOX (Ge et al. 2021, arXiv:2107.08430) as its authors export it: raw maps, decoded and suppressed here.

A picture is scaled to fit the canvas, laid at its upper left on grey 114, and goes in as BGR from 0 to 255. The one
output is ``[B, A, 5 + C]``: for each cell of the maps of strides 8, 16 and 32 the offset of a centre and the logarithm
of a size, both in strides, then objectness and a score a category, both between 0 and 1. A prediction's score is
objectness times category's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.canvas import letterboxed
from detbench.detectors.adapters.contract import MOST_DETECTIONS, Detections, Facts, ModelError, above
from detbench.detectors.adapters.naming import naming_for
from detbench.detectors.adapters.onnx_picture import (
    STRIDES,
    anchor_count,
    batch_of,
    canvas_input,
    canvas_of,
    padded,
    picture_input,
)
from detbench.operators.native.nms import batched_nms, nms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.canvas import Placed
    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession

__all__ = ["YoloxAdapter"]

_GREY = 114

#: YOLOX's evaluation: what is below is not worth suppressing; IoU above which the lower score goes.
_MIN_SCORE, _NMS_IOU = 0.01, 0.65

#: Proposals are the boxes by objectness alone, suppressed as those of a region proposal network are.
_PROPOSAL_IOU = 0.7

#: In a raw map centres are within a few strides of their cells; in pixels they are spread over the canvas.
_MOST_OFFSET = 8.0

#: Before the scores of the categories: centre, size, objectness.
_BEFORE = 5


class YoloxAdapter:
    """A YOLOX file. Raises DataError if it is none, ModelError if its categories cannot be named."""

    @staticmethod
    def fits(session: OnnxSession) -> bool:
        """Whether inputs and outputs have the shapes, and the output holds offsets and not pixels."""
        tensor = picture_input(session)
        if tensor is None or len(session.outputs) != 1 or (canvas := canvas_of(tensor)) is None:
            return False
        shape = session.outputs[0].shape
        if len(shape) != 3 or shape[1] != anchor_count(canvas) or (shape[2] or 0) <= _BEFORE:  # noqa: PLR2004  axes
            return False
        grey = np.full((tensor.shape[0] or 1, 3, *canvas), _GREY, dtype=tensor.dtype)
        (raw,) = session.run({tensor.name: grey})
        return bool(np.median(np.abs(raw[0, :, :2])) < _MOST_OFFSET)

    def __init__(self, session: OnnxSession, wanted: Wanted) -> None:
        wants = "pictures [B, 3, H, W] and raw maps [B, cells, 5 + categories]"
        tensor, canvas = canvas_input(session, "yolox", wants, fits=self.fits(session))
        naming, note = naming_for(wanted.naming, session.names(), (session.outputs[0].shape[2] or 0) - _BEFORE)
        self._session, self._input, self._canvas = session, tensor, canvas
        self._min_score = _MIN_SCORE if wanted.min_score is None else wanted.min_score
        self._proposals = wanted.proposals
        self._cell, self._stride = _cells(canvas)
        self.categories: Sequence[str] | None = naming.names
        settings = {
            "canvas_px": list(canvas),
            "colours": "BGR, 0 to 255",
            "min_score": self._min_score,
            "nms_iou": _NMS_IOU,
            "limit": MOST_DETECTIONS,
        }
        self.facts = Facts(
            "yolox",
            session.device,
            batch_of(session, tensor, wanted),
            (session.path,),
            settings,
            ("numpy", "onnxruntime", "pillow"),
            proposals=True,
            notes=(note,) if note else (),
        )

    def prepare(self, pictures: Sequence[Picture]) -> tuple[NDArray[Any], list[Placed]]:
        """See :class:`.contract.Adapter`."""
        placed = [letterboxed(picture.pixels, self._canvas, fill=_GREY, centred=False) for picture in pictures]
        bgr = np.stack([one.canvas[..., ::-1].transpose(2, 0, 1) for one in placed]).astype(self._input.dtype)
        return padded(bgr, self._input.shape[0] or 0), placed

    def forward(self, batch: tuple[NDArray[Any], list[Placed]]) -> NDArray[Any]:
        """See :class:`.contract.Adapter`."""
        return self._session.run({self._input.name: batch[0]})[0]

    def finish(self, raw: NDArray[Any], batch: tuple[NDArray[Any], list[Placed]]) -> list[Detections]:
        """See :class:`.contract.Adapter`. Boxes may reach over the picture's edges, as YOLOX's own do."""
        return [self._detections(maps, place) for maps, place in zip(raw, batch[1], strict=False)]

    def _detections(self, maps: NDArray[Any], place: Placed) -> Detections:
        """Return what maps ``[A, 5 + C]`` hold."""
        with np.errstate(over="ignore"):
            half = np.exp(maps[:, 2:4]) * self._stride / 2
        centre = (maps[:, :2] + self._cell) * self._stride
        box = place.back(np.concatenate([centre - half, centre + half], axis=1))
        if not np.isfinite(box).all() or not np.isfinite(maps[:, 4:]).all():
            raise ModelError("gives numbers that are not finite")
        score = maps[:, 4:5] * maps[:, _BEFORE:]
        row, column = np.nonzero(above(score, self._min_score))
        category: NDArray[np.int32] = column.astype(np.int32)
        kept = batched_nms(box[row], score[row, category], category, _NMS_IOU, MOST_DETECTIONS)
        row, category = row[kept], category[kept]
        proposal = nms(box, maps[:, 4], _PROPOSAL_IOU, self._proposals) if self._proposals else np.zeros(0, np.intp)
        return Detections(
            box[row],
            score[row, category].astype(np.float64),
            category,
            box[proposal],
            maps[proposal, 4].astype(np.float64),
        )


def _cells(canvas_px: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return every cell's place in its map ``[A, 2]`` (x, y) and its stride ``[A, 1]``."""
    places, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: canvas_px[0] // stride, : canvas_px[1] // stride]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(strides).astype(np.float32)
