"""A training run's model: pictures prepared as in its evaluation, the network and its suppression compiled apart."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
from PIL import Image

from detbench.detectors.adapters.contract import Detections, Facts, ModelError
from detbench.detectors.checkpoints.load import load_model
from detbench.detectors.input.batch import CANVAS_GREY
from detbench.detectors.input.pixels import window_of
from detbench.detectors.input.plan import plan_for_testing
from detbench.detectors.train.devices import open_devices
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.input.plan import Plan

__all__ = ["OurAdapter"]

#: What the model takes, and the plan and the size of each picture in it.
_Batch = tuple[dict[str, Any], list[tuple["Plan", tuple[int, int]]]]

_PROPOSALS = ("proposal", "proposal_score", "proposal_valid")


class OurAdapter:
    """A run's model with its best or last weights. Batches have one shape: a last one that is not full is filled up.

    Raises
    ------
    DataError
        If there is no such run, or its files are not whole.
    UsageError
        If the device is not there, or scores are asked for that the recipe leaves out.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        if wanted.naming is not None:
            raise UsageError(f"{path} names its categories itself; leave --categories out")
        devices = open_devices(keras.config.backend(), wanted.device)
        which: Literal["best", "last"] = "last" if wanted.weights == "last" else "best"
        loaded = load_model(path, which)
        self._settings, settings = loaded.recipe.input, loaded.recipe.model
        most, lowest = settings.rpn.post_nms_test, settings.detections.min_score
        if wanted.min_score is not None and wanted.min_score < lowest:
            raise UsageError(f"{path} says nothing below a score of {lowest} (detections.min_score of its recipe)")
        self._min_score, self._proposals = wanted.min_score or 0.0, wanted.proposals
        self._batch_size = wanted.batch_size
        self.categories: Sequence[str] | None = loaded.categories
        self._infer, self._finish = _compiled(loaded.model)
        backend = keras.config.backend()
        self.facts = Facts(
            "detbench",
            devices.kind,
            wanted.batch_size,
            tuple(path / name for name in ("run.json", "recipe.toml", f"{which}.npz")),
            {
                "checkpoint": which,
                "step": loaded.record.step if which == "last" or not loaded.record.best else loaded.record.best.step,
                "canvas_px": list(self._settings.test_canvas_px),
                "backend": backend,
                "min_score": max(lowest, self._min_score),
                "nms_iou": settings.detections.nms_iou,
                "limit": settings.detections.limit,
            },
            ("numpy", "keras", backend, "pillow"),
            proposals=True,
            notes=(f"{path} makes at most {most} proposals a picture (rpn.post_nms_test of its recipe)",)
            if wanted.proposals > most
            else (),
            reduction=lambda width, height: plan_for_testing(width, height, self._settings).reduction,
        )

    def prepare(self, pictures: Sequence[Picture]) -> _Batch:
        """See :class:`.contract.Adapter`."""
        high, wide = self._settings.test_canvas_px
        canvas = np.full((self._batch_size, high, wide, 3), CANVAS_GREY, dtype=np.uint8)
        size_px = np.full((self._batch_size, 2), (high, wide), dtype=np.float32)
        plans = []
        for row, picture in enumerate(pictures):
            plan = plan_for_testing(*picture.size_px, self._settings)
            canvas[row, : plan.size[0], : plan.size[1]] = _drawn(picture, plan)
            size_px[row] = plan.size
            plans.append((plan, picture.size_px))
        x = {"image": canvas, "size_px": size_px}
        return {name: keras.ops.convert_to_tensor(array) for name, array in x.items()}, plans

    def forward(self, batch: _Batch) -> dict[str, Any]:
        """See :class:`.contract.Adapter`. It waits until the device is done."""
        raw = self._infer(batch[0])
        _wait(raw)
        return raw

    def finish(self, raw: dict[str, Any], batch: _Batch) -> list[Detections]:
        """See :class:`.contract.Adapter`. Boxes end at the picture's edges; those without an area are dropped."""
        kept = self._finish(raw, batch[0])
        wanted = (name for name in kept if self._proposals or name not in _PROPOSALS)
        found = {name: np.asarray(keras.ops.convert_to_numpy(kept[name])) for name in wanted}
        return [
            self._detections({name: field[row] for name, field in found.items()}, *of_picture)
            for row, of_picture in enumerate(batch[1])
        ]

    def _detections(self, found: dict[str, NDArray[Any]], plan: Plan, size_px: tuple[int, int]) -> Detections:
        box, keep = _in_picture(found["box"], plan, size_px)
        rows = np.flatnonzero(found["valid"] & keep & (found["score"] >= self._min_score))
        score, category = found["score"][rows].astype(np.float64), found["category"][rows].astype(np.int32)
        if not self._proposals:
            return Detections(box[rows], score, category)
        proposal, keep = _in_picture(found["proposal"], plan, size_px)
        best = np.argsort(-found["proposal_score"], kind="stable")
        best = best[(found["proposal_valid"] & keep)[best]][: self._proposals]
        return Detections(box[rows], score, category, proposal[best], found["proposal_score"][best].astype(np.float64))


def _drawn(picture: Picture, plan: Plan) -> NDArray[np.uint8]:
    """Return the pixels of a picture at the size that it has on the canvas, as the input of the evaluation draws it."""
    high, wide = plan.size
    part = plan.reduction if picture.pixels.shape[1::-1] != picture.size_px else 1
    if part == 1 and picture.pixels.shape[:2] == (high, wide):
        return picture.pixels
    _, inside = window_of(plan, part)
    return np.asarray(Image.fromarray(picture.pixels).resize((wide, high), Image.Resampling.BILINEAR, box=inside))


def _in_picture(
    box: NDArray[np.float32], plan: Plan, size_px: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return boxes of the canvas in pixels of the picture, cut at its edges, and which of them have an area."""
    if not np.isfinite(box).all():
        raise ModelError("gives boxes that are not finite")
    inside = np.clip(box.astype(np.float64) / np.array(plan.scale * 2), 0.0, np.array(size_px * 2, dtype=np.float64))
    return inside, (inside[:, 2:] > inside[:, :2]).all(axis=1)


_Step = tuple["Callable[[Any], dict[str, Any]]", "Callable[[Any, Any], dict[str, Any]]"]


def _compiled(model: Any) -> _Step:
    """Return the network, and what makes detections of its outputs, compiled where the backend compiles."""

    def infer(x: Any) -> dict[str, Any]:
        outputs: dict[str, Any] = model.infer(x)
        return outputs

    def finish(raw: Any, x: Any) -> dict[str, Any]:
        found: dict[str, Any] = model.postprocess(raw, x)._asdict()
        return found

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(infer), tf.function(finish)
    if backend == "jax":
        import jax

        def stateless(values: Any, x: Any) -> dict[str, Any]:
            with keras.StatelessScope(state_mapping=zip(model.variables, values, strict=True)):
                return infer(x)

        compiled, values = jax.jit(stateless), [variable.value for variable in model.variables]
        return lambda x: compiled(values, x), jax.jit(finish)
    return _without_gradients(infer), _without_gradients(finish)


def _without_gradients(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a function of PyTorch that keeps nothing for a way back."""
    import torch

    def run(*arguments: Any) -> dict[str, Any]:
        with torch.no_grad():
            return function(*arguments)

    return run


def _wait(raw: dict[str, Any]) -> None:
    """Return when a device that works by itself has made these."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        jax.block_until_ready(raw)  # type: ignore[no-untyped-call]
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.test.experimental.sync_devices()
    else:
        import torch

        with contextlib.suppress(RuntimeError, AssertionError):  # a PyTorch without CUDA
            torch.cuda.synchronize()
