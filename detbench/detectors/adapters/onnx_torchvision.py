"""Detectors of torchvision, exported with their own suppression: outputs ``boxes``, ``labels``, ``scores``.

A picture goes in as RGB from 0 to 1, ``[3, H, W]`` or ``[1, 3, H, W]``; the model scales it itself. Where the file's
height and width are fixed, the picture is scaled to fit them, at the upper left on black. Labels count from 1; 0 is the
background. Those of COCO's weights are COCO's ids (``--categories coco``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.canvas import Placed, letterboxed
from detbench.detectors.adapters.contract import Detections, Facts, ModelError, above
from detbench.detectors.adapters.naming import naming_for
from detbench.detectors.adapters.onnx_picture import canvas_of, unfit
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession

__all__ = ["TorchvisionAdapter"]

_OUTPUTS = ("boxes", "labels", "scores")

#: Axes of a picture, and of a batch of one.
_PICTURE, _BATCH = 3, 4


class TorchvisionAdapter:
    """A detector of torchvision. Raises DataError if it is none, ModelError if its categories cannot be named."""

    @staticmethod
    def fits(session: OnnxSession) -> bool:
        """Whether the outputs are named so, and the one input is a picture."""
        if len(session.inputs) != 1 or not {one.name for one in session.outputs} >= set(_OUTPUTS):
            return False
        only = session.inputs[0]
        axes = len(only.shape)
        colours = only.shape[-3] if axes in {_PICTURE, _BATCH} else None
        alone = axes == _PICTURE or (axes == _BATCH and only.shape[0] in {None, 1})
        return colours == 3 and alone and only.dtype is not None and only.dtype.kind == "f"  # noqa: PLR2004  colours

    def __init__(self, session: OnnxSession, wanted: Wanted) -> None:
        if not self.fits(session):
            raise unfit(session, "torchvision", "a picture [3, H, W] and outputs boxes, labels, scores")
        if wanted.batch_size > 1:
            raise UsageError(f"{session.path} takes one picture at a time; leave --batch-size out")
        naming, _ = naming_for(wanted.naming, session.names(), None)
        self._session, self._input, self._naming = session, session.inputs[0], naming
        self._canvas = canvas_of(self._input)
        self._place = [[one.name for one in session.outputs].index(name) for name in _OUTPUTS]
        self._min_score = wanted.min_score or 0.0
        self.categories: Sequence[str] | None = naming.names
        settings = {
            "canvas_px": list(self._canvas) if self._canvas else None,
            "colours": "RGB, 0 to 1",
            "min_score": self._min_score,
        }
        note = "pictures go in as RGB from 0 to 1, as torchvision's detectors take them"
        packages = ("numpy", "onnxruntime", "pillow")
        self.facts = Facts("torchvision", session.device, 1, (session.path,), settings, packages, notes=(note,))

    def prepare(self, pictures: Sequence[Picture]) -> tuple[NDArray[Any], Placed]:
        """See :class:`.contract.Adapter`."""
        pixels, size = pictures[0].pixels, pictures[0].size_px
        place = (
            letterboxed(pixels, self._canvas, fill=0, centred=False)
            if self._canvas
            else Placed(pixels, (1.0, 1.0), (0, 0), size)
        )
        rgb = place.canvas.transpose(2, 0, 1).astype(np.float32) * np.float32(1 / 255)
        shaped = rgb if len(self._input.shape) == _PICTURE else rgb[None]
        return np.ascontiguousarray(shaped, dtype=self._input.dtype), place

    def forward(self, batch: tuple[NDArray[Any], Placed]) -> list[NDArray[Any]]:
        """See :class:`.contract.Adapter`."""
        found = self._session.run({self._input.name: batch[0]})
        return [found[place] for place in self._place]

    def finish(self, raw: list[NDArray[Any]], batch: tuple[NDArray[Any], Placed]) -> list[Detections]:
        """See :class:`.contract.Adapter`."""
        box, label, score = (
            array[0] if array.ndim > wanted else array for array, wanted in zip(raw, (2, 1, 1), strict=True)
        )
        if box.ndim != 2 or box.shape[1] != 4 or label.shape != score.shape or len(score) != len(box):  # noqa: PLR2004
            shapes = ", ".join(str(list(one.shape)) for one in (box, label, score))
            raise ModelError(f"gives boxes, labels and scores of shapes {shapes}")
        kept = above(score, self._min_score)
        order = np.argsort(-score[kept], kind="stable")
        box, label, score = (one[kept][order] for one in (box, label, score))
        return [Detections(batch[1].clipped(box), score.astype(np.float64), self._naming.rows_of_ids(label))]
