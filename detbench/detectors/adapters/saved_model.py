"""A TensorFlow SavedModel with the outputs of the Object Detection API.

It takes a picture as it is, ``[1, H, W, 3]``, and gives ``detection_boxes`` ``[1, N, 4]`` (``y1 x1 y2 x2``, as shares
of the picture), ``detection_scores`` ``[1, N]``, ``detection_classes`` ``[1, N]`` that count from 1, and
``num_detections`` ``[1]``. Those of COCO's weights are COCO's ids (``--categories coco``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.contract import Detections, Facts, ModelError, above
from detbench.detectors.adapters.naming import naming_for
from detbench.errors import DataError, UsageError
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Picture, Wanted

__all__ = ["SavedModelAdapter", "is_saved_model"]

_BOXES, _SCORES, _CLASSES, _COUNT = "detection_boxes", "detection_scores", "detection_classes", "num_detections"

_SIGNATURE = "serving_default"


def is_saved_model(path: Path) -> bool:
    """Whether a folder is a SavedModel: it has the file that each has."""
    return (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file()


class SavedModelAdapter:
    """A SavedModel. Raises DataError if it cannot be run so, UsageError without TensorFlow or the device."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        if wanted.batch_size > 1:
            raise UsageError(f"{path} takes one picture at a time; leave --batch-size out")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        try:
            import tensorflow as tf
        except ImportError as error:
            raise UsageError("SavedModels need TensorFlow: pip install 'detbench[cpu]' or 'detbench[gpu]'") from error
        self._tf, self._device = tf, _device(tf, wanted.device)
        try:
            with tf.device(self._device):
                self._model = tf.saved_model.load(str(path))
        except Exception as error:
            raise DataError(
                f"is not a SavedModel that can be loaded ({raised(error)})", file=path, remedy="export it again"
            ) from error
        self._call, self._input = _signature(self._model, path)
        try:
            self._naming, _ = naming_for(wanted.naming, None, None)
        except ModelError as error:
            raise DataError(str(error), file=path) from error
        self._dtype = self._call.structured_input_signature[1][self._input].dtype.as_numpy_dtype
        self._min_score = wanted.min_score or 0.0
        self.categories: Sequence[str] | None = self._naming.names
        files = tuple(sorted(file for file in path.rglob("*") if file.is_file()))
        settings = {"colours": f"RGB, 0 to 255, {np.dtype(self._dtype).name}", "min_score": self._min_score}
        device = "gpu" if "GPU" in self._device else "cpu"
        self.facts = Facts("saved-model", device, 1, files, settings, ("numpy", "tensorflow"))

    def prepare(self, pictures: Sequence[Picture]) -> tuple[Any, tuple[int, int]]:
        """See :class:`.contract.Adapter`."""
        with self._tf.device(self._device):
            return self._tf.constant(pictures[0].pixels[None].astype(self._dtype)), pictures[0].size_px

    def forward(self, batch: tuple[Any, tuple[int, int]]) -> dict[str, NDArray[Any]]:
        """See :class:`.contract.Adapter`. It waits for the outputs, which are fetched."""
        try:
            with self._tf.device(self._device):
                found = self._call(**{self._input: batch[0]})
            return {name: found[name].numpy()[0] for name in (_BOXES, _SCORES, _CLASSES, _COUNT)}
        except Exception as error:
            raise ModelError(f"fails in TensorFlow ({raised(error)})") from error

    def finish(self, raw: dict[str, NDArray[Any]], batch: tuple[Any, tuple[int, int]]) -> list[Detections]:
        """See :class:`.contract.Adapter`."""
        try:
            count = int(raw[_COUNT])
        except (TypeError, ValueError, OverflowError) as error:  # several, NaN, an infinity
            raise ModelError(f"gives no number of detections but {raw[_COUNT]!s:.40}") from error
        box, score, number = (raw[name][:count] for name in (_BOXES, _SCORES, _CLASSES))
        if box.shape != (count, 4) or score.shape != (count,) or number.shape != (count,):
            shapes = ", ".join(str(list(one.shape)) for one in (box, score, number))
            raise ModelError(f"says {count} detections and gives boxes, scores and classes of shapes {shapes}")
        kept = np.argsort(-score, kind="stable")
        kept = kept[above(score[kept], self._min_score)]
        width, height = batch[1]
        corners = box[kept][:, [1, 0, 3, 2]].astype(np.float64) * np.array([width, height] * 2, dtype=np.float64)
        if not np.isfinite(number[kept]).all():
            raise ModelError("gives a class that is no number")
        rows = self._naming.rows_of_ids(np.rint(number[kept]).astype(np.int64))
        return [Detections(corners, score[kept].astype(np.float64), rows)]


def _device(tf: Any, wanted: str) -> str:
    there = bool(tf.config.list_physical_devices("GPU"))
    if wanted == "gpu" and not there:
        raise UsageError("TensorFlow sees no GPU here; say --device cpu")
    return "/GPU:0" if there and wanted != "cpu" else "/CPU:0"


def _signature(model: Any, path: Path) -> tuple[Any, str]:
    """Return the function to call and the name of its input. Raises DataError if it is not of the API's form."""
    call = getattr(model, "signatures", {}).get(_SIGNATURE)
    if call is None:
        raise DataError(f"has no signature {_SIGNATURE}", file=path, remedy="export it with one")
    outputs = set(call.structured_outputs)
    if missing := [name for name in (_BOXES, _SCORES, _CLASSES, _COUNT) if name not in outputs]:
        raise DataError(
            f"has no output {missing[0]}; its outputs are {', '.join(sorted(outputs)) or 'none'}",
            file=path,
            remedy="write a function that runs it and returns boxes, scores, categories, and give FILE.py:FUNCTION",
        )
    inputs = call.structured_input_signature[1]
    shape = next(iter(inputs.values())).shape.as_list() if len(inputs) == 1 else []
    if len(shape) != 4 or shape[1:3] != [None, None] or shape[3] not in {3, None}:  # noqa: PLR2004  axes
        said = ", ".join(f"{name} {list(spec.shape)}" for name, spec in inputs.items())
        raise DataError(
            f"should take one picture [1, any height, any width, 3], and takes {said or 'nothing'}",
            file=path,
            remedy="write a function that runs it and returns boxes, scores, categories, and give FILE.py:FUNCTION",
        )
    return call, next(iter(inputs))
