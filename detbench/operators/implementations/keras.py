"""The operators in ``keras.ops``, compiled by whichever backend Keras has in this process.

A process has one backend: that of a Keras that is already imported, else that of ``KERAS_BACKEND``, else TensorFlow.
Only what it can run is listed: ``keras-graph`` (``tf.function``) and ``keras-xla`` (``jit_compile=True``), or
``keras-jax`` (``jax.jit``), or ``keras-torch`` (call by call).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Implementation
from detbench.operators.implementations import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from detbench.operators.contract import Bound, Case

__all__ = ["IMPLEMENTATIONS", "NAMES", "backend"]

#: Backend → what its implementations are called.
NAMES = {"tensorflow": ("keras-graph", "keras-xla"), "jax": ("keras-jax",), "torch": ("keras-torch",)}

_Tensors = dict[str, Any]


def backend() -> str:
    """Return the name of the backend that Keras has, or will have once it is imported."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].backend.backend())
    return os.environ.get("KERAS_BACKEND", "tensorflow")


@dataclass(frozen=True, slots=True)
class _Way:
    """How an operator's single case becomes a batch of one, and its answer the reference's.

    ``call(function, tensors, settings)`` is compiled; ``fetch(answer, inputs)`` is given NumPy arrays.
    """

    module: str
    call: Callable[[Callable[..., Any], _Tensors, Mapping[str, Any]], Any]
    fetch: Callable[[Any, Mapping[str, Any]], Any] = lambda answer, _: answer


def _plainly(function: Callable[..., Any], tensors: _Tensors, settings: Mapping[str, Any]) -> Any:
    return function(**tensors, **settings)


def _batched(*names: str) -> Callable[..., Any]:
    """Return what gives the inputs of these names a batch axis, all of them unless told."""

    def call(function: Callable[..., Any], tensors: _Tensors, settings: Mapping[str, Any]) -> Any:
        answer = function(**{n: t if names and n not in names else t[None] for n, t in tensors.items()}, **settings)
        return tuple(part[0] for part in answer) if isinstance(answer, tuple) else answer[0]

    return call


def _masked(*without: str) -> Callable[..., Any]:
    """Return what adds the mask ``valid``, all true, and leaves inputs out that the operator here goes ``without``."""

    def call(function: Callable[..., Any], tensors: _Tensors, settings: Mapping[str, Any]) -> Any:
        from keras import ops

        valid = ops.ones((tensors["box"].shape[0],), "bool")
        wanted = {name: tensor for name, tensor in tensors.items() if name not in without}
        return _batched()(function, {**wanted, "valid": valid}, settings)

    return call


def _rows_only(answer: Any, _: Mapping[str, Any]) -> Any:
    index, valid = answer
    return index[valid].astype(np.intp)


def _valid_only(answer: Any, _: Mapping[str, Any]) -> Any:
    *parts, valid = answer
    return tuple(part[valid] for part in parts)


def _chosen(valid: Any, inputs: Mapping[str, Any]) -> Any:
    return inputs["box"][valid], inputs["score"][valid]


_WAYS: dict[str, _Way] = {
    **dict.fromkeys(
        ("centre-and-size", "corners", "encode", "decode", "change-order", "normalize-boxes"),
        _Way("box_coding", _plainly),
    ),
    **dict.fromkeys(("iou", "giou", "diou", "ciou"), _Way("iou", _batched())),
    **dict.fromkeys(("nms", "batched-nms"), _Way("nms", _masked(), _rows_only)),
    "soft-nms": _Way("soft_nms", _masked(), _valid_only),
    "matrix-nms": _Way("soft_nms", _masked()),
    **dict.fromkeys(
        ("roi-align", "crop-and-resize", "crop-max-pool"),
        _Way("roi_pooling", _batched("region", "image")),
    ),
    "roi-max-pool": _Way("roi_max_pooling", _batched("region", "image")),
    "assign-levels": _Way("levels", _plainly),
    **dict.fromkeys(("assign-anchors", "assign-regions"), _Way("targets", _batched())),
    "sample-balanced": _Way("sampling", _batched()),
    **dict.fromkeys(("keep-top-n", "select-proposals"), _Way("proposals", _masked(), _valid_only)),
    "clip-boxes": _Way("proposals", _batched()),
    "filter-boxes": _Way("proposals", _masked("score"), _chosen),
    **dict.fromkeys(("smooth-l1", "binary-cross-entropy", "cross-entropy", "giou-loss"), _Way("losses", _plainly)),
    **dict.fromkeys(("rpn-loss", "head-loss"), _Way("losses", _batched())),
    "rpn-head": _Way("heads", _batched("feature")),
    "box-head": _Way("heads", _batched("pooled")),
}


#: What differs in one operator of one implementation.
_DIFFERS = {
    ("keras-torch", "rpn-head"): {"empty": "PyTorch does not convolve a map without cells"},
    ("keras-jax", "rpn-head"): {"empty": "Keras on JAX does not convolve a map without cells"},
}


def _cannot(case: Case) -> str | None:
    if any(array.dtype == np.float64 for array in case.inputs.values()):
        return "it computes in float32"
    if case.settings.get("sampling_ratio") == 0:
        return "as many points as a region needs is not a static shape"
    return None


@lru_cache(maxsize=16)
def _called(operator: str, settings: tuple[tuple[str, Any], ...]) -> Callable[[_Tensors], Any]:
    """Return the operator with its settings: the same function for the same, and that is compiled once for a shape."""
    way = _WAYS[operator]
    function = getattr(import_module(f"detbench.operators.keras.{way.module}"), operator.replace("-", "_"))

    def call(tensors: _Tensors) -> Any:
        return way.call(function, tensors, dict(settings))

    return call


def _implementation(operator: str, name: str, framework: str) -> Implementation:
    way = _WAYS[operator]

    def bind(case: Case, device: str) -> Bound:
        compiled = _called(operator, tuple(case.settings.items()))

        def fetch(answer: Any) -> Any:
            return way.fetch(answer, case.inputs)

        bound: Bound = running.RUNNERS[name](compiled, case.inputs, fetch, device)
        return bound

    return Implementation(
        name,
        operator,
        bind,
        requires=("keras", framework),
        devices=("cpu", "gpu"),
        differs=_DIFFERS.get((name, operator), {}),
        cannot=_cannot,
    )


IMPLEMENTATIONS = tuple(
    _implementation(operator, name, backend()) for operator in _WAYS for name in NAMES.get(backend(), ())
)
