"""DETR (Carion et al. 2020) and RT-DETR (Zhao et al. 2023): outputs ``logits`` and ``pred_boxes``.

Boxes are centre and size, as shares of the picture. The two are named and shaped alike and are prepared and scored
otherwise, so that a file is never taken for one of them by itself:

``detr`` – ImageNet's mean and deviation, the short side 800 px and the long one at most 1,333 (or the file's own size);
the last logit is that of no object; a query's score is its largest probability among the others.
``rtdetr`` – RGB from 0 to 1, drawn out to the file's size or 640 × 640; every logit is a category's, by itself; the
best 300 pairs of query and category.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detbench.detectors.adapters.canvas import scaled, stretched
from detbench.detectors.adapters.contract import MOST_DETECTIONS, Detections, Facts, ModelError, above
from detbench.detectors.adapters.naming import Naming, naming_for
from detbench.detectors.adapters.onnx_picture import canvas_of, unfit
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession, Tensor

__all__ = ["DetrAdapter", "RtDetrAdapter"]

_LOGITS, _BOXES, _MASK = "logits", "pred_boxes", "pixel_mask"

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)

_SHORT_PX, _LONG_PX, _SIDE_PX = 800, 1333, 640


#: A picture as it goes in, ``[1, 3, H, W]``, and the (width, height) that it had.
_Prepared = tuple["NDArray[np.float32]", tuple[int, int]]


def _picture(session: OnnxSession) -> Tensor | None:
    """Return the input that is pictures; others may be a mask only."""
    rest = [one for one in session.inputs if one.name != _MASK]
    fits = len(rest) == 1 and len(rest[0].shape) == 4 and rest[0].shape[1] in {3, None}  # noqa: PLR2004  axes
    return rest[0] if fits else None


class _Queries(ABC):
    """What both have: one picture at a time in, logits and shares of the picture out."""

    name: Literal["detr", "rtdetr"]

    @staticmethod
    def fits(session: OnnxSession) -> bool:
        """Whether the outputs are named so, and there is an input for pictures."""
        return _picture(session) is not None and {_LOGITS, _BOXES} <= {one.name for one in session.outputs}

    def __init__(self, session: OnnxSession, wanted: Wanted) -> None:
        tensor = _picture(session)
        if tensor is None or not self.fits(session):
            raise unfit(session, self.name, "pictures [B, 3, H, W] and outputs logits and pred_boxes")
        if wanted.batch_size > 1:
            raise UsageError(f"{session.path} takes one picture at a time here; leave --batch-size out")
        names = [one.name for one in session.outputs]
        self._session, self._input = session, tensor
        self._place = names.index(_LOGITS), names.index(_BOXES)
        self._canvas = canvas_of(tensor)
        count = session.outputs[self._place[0]].shape[-1]
        self._naming, note = self._named(session, wanted, count)
        self._min_score = wanted.min_score or 0.0
        self.categories: Sequence[str] | None = self._naming.names
        settings = {"canvas_px": list(self._canvas) if self._canvas else None, "min_score": self._min_score}
        packages = ("numpy", "onnxruntime", "pillow")
        notes = (note,) if note else ()
        self.facts = Facts(self.name, session.device, 1, (session.path,), settings, packages, notes=notes)

    @abstractmethod
    def _named(self, session: OnnxSession, wanted: Wanted, count: int | None) -> tuple[Naming, str]:
        """Return what the ``count`` logits are called, and a note if that is a guess."""

    def forward(self, batch: _Prepared) -> tuple[NDArray[Any], NDArray[Any]]:
        """See :class:`.contract.Adapter`."""
        picture = batch[0]
        feeds: dict[str, NDArray[Any]] = {self._input.name: picture.astype(self._input.dtype or np.float32, copy=False)}
        for other in self._session.inputs:
            if other.name == _MASK:
                sides = zip(other.shape[1:], picture.shape[2:], strict=True)  # a mask may be smaller than the picture
                feeds[_MASK] = np.ones((1, *(own or given for own, given in sides)), dtype=other.dtype or np.int64)
        found = self._session.run(feeds)
        logits, box = (found[place] for place in self._place)
        if logits.ndim != 3 or box.shape != (*logits.shape[:2], 4):  # noqa: PLR2004  axes
            raise ModelError(f"gives logits of shape {list(logits.shape)} and boxes of shape {list(box.shape)}")
        return logits[0].astype(np.float64), box[0].astype(np.float64)


def _corners(box: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Return centre and size as shares of a picture of (width, height) as corners inside it, in pixels."""
    half = box[:, 2:] / 2
    corners = np.concatenate([box[:, :2] - half, box[:, :2] + half], axis=1)
    corners = np.clip(corners, 0.0, 1.0, out=corners)
    corners *= np.array([*size_px, *size_px], dtype=np.float64)
    return corners


class DetrAdapter(_Queries):
    """A DETR. Raises DataError if it is none, ModelError if its categories cannot be named."""

    name = "detr"

    def _named(self, session: OnnxSession, wanted: Wanted, count: int | None) -> tuple[Naming, str]:
        """Return the names; the logits of COCO's weights are those of its ids."""
        naming, note = naming_for(wanted.naming, session.names(), None)
        by_id = count is not None and count == naming.ids[-1] + 2  # one for 0, one for no object
        if count is not None and not by_id and count != len(naming.names) + 1:
            raise ModelError(f"has {count} logits, and {len(naming.names)} categories need {len(naming.names) + 1}")
        self._columns = list(naming.ids) if by_id else list(range(len(naming.names)))
        return naming, note

    def prepare(self, pictures: Sequence[Picture]) -> _Prepared:
        """See :class:`.contract.Adapter`."""
        picture = pictures[0].pixels
        place = stretched(picture, self._canvas) if self._canvas else scaled(picture, _SHORT_PX, _LONG_PX)
        rgb = (place.canvas.astype(np.float32) * np.float32(1 / 255) - _MEAN) / _DEVIATION
        return np.ascontiguousarray(rgb.transpose(2, 0, 1)[None]), place.size_px

    def finish(self, raw: tuple[NDArray[Any], NDArray[Any]], batch: _Prepared) -> list[Detections]:
        """See :class:`.contract.Adapter`."""
        logits, box = raw
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share = (share / share.sum(axis=1, keepdims=True))[:, self._columns]
        category, score = share.argmax(axis=1), share.max(axis=1)
        order = np.argsort(-score, kind="stable")
        order = order[above(score[order], self._min_score)]
        return [Detections(_corners(box[order], batch[1]), score[order], category[order].astype(np.int32))]


class RtDetrAdapter(_Queries):
    """An RT-DETR. Raises DataError if it is none, ModelError if its categories cannot be named."""

    name = "rtdetr"

    def _named(self, session: OnnxSession, wanted: Wanted, count: int | None) -> tuple[Naming, str]:
        return naming_for(wanted.naming, session.names(), count)

    def prepare(self, pictures: Sequence[Picture]) -> _Prepared:
        """See :class:`.contract.Adapter`."""
        picture = pictures[0].pixels
        place = stretched(picture, self._canvas or (_SIDE_PX, _SIDE_PX))
        rgb = place.canvas.astype(np.float32) * np.float32(1 / 255)
        return np.ascontiguousarray(rgb.transpose(2, 0, 1)[None]), place.size_px

    def finish(self, raw: tuple[NDArray[Any], NDArray[Any]], batch: _Prepared) -> list[Detections]:
        """See :class:`.contract.Adapter`."""
        logits, box = raw
        score = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
        best = np.argsort(-score, axis=None, kind="stable")[:MOST_DETECTIONS]
        row, category = np.divmod(best, score.shape[1])
        kept = above(score[row, category], self._min_score)
        row, category = row[kept], category[kept].astype(np.int32)
        return [Detections(_corners(box[row], batch[1]), score[row, category], category)]
