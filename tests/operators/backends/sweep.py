"""Hold the Keras operators to the references on every hard case, on one backend: ``sweep.py graph|xla|jax|torch``.

A process has one Keras backend, so the tests start this one for each. It prints JSON: operator → how many cases were
asked, in how many compilations, and what was wrong.

Cases are asked together: padded to one size, stacked, and compiled once for all whose static settings are equal. So
that a batch answers as each of its pictures alone, and that padding changes nothing, is asked in the same breath. Maps
are not padded but in their channels: a larger map has another border.

As a graph and on PyTorch every case is asked. XLA and JAX, which take seconds to compile, are asked the representative
groups of each operator: that of the most cases, each with a trait that those before lack, and that of the fewest
settings, which are the usual ones. Pooling is asked twice as a graph: of TensorFlow's kernel, and of the portable one.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HOW = sys.argv[1]
os.environ["KERAS_BACKEND"] = {"graph": "tensorflow", "xla": "tensorflow"}.get(HOW, HOW)
NAME = f"keras-{HOW}"

from detbench.operators.contract import Case, Operator  # noqa: E402
from detbench.operators.implementations import keras as keras_implementations  # noqa: E402
from detbench.operators.oracle import answer  # noqa: E402
from detbench.operators.registry import operators  # noqa: E402

#: Settings that may be tensors: one compilation serves all their values.
DYNAMIC = {
    "iou_threshold", "sigma", "score_threshold", "positive_at", "negative_below", "negative_from", "min_size_px",
}  # fmt: skip

MASKED = {"nms", "batched-nms", "soft-nms", "matrix-nms", "keep-top-n", "filter-boxes", "select-proposals"}
STACKED = {"assign-anchors", "assign-regions", "sample-balanced", "rpn-loss", "head-loss"}
PAIRED = {"iou", "giou", "diou", "ciou"}
BY_ROW = {
    "centre-and-size", "corners", "encode", "decode", "change-order", "normalize-boxes", "clip-boxes", "assign-levels",
    "smooth-l1", "binary-cross-entropy", "cross-entropy", "giou-loss",
}  # fmt: skip
POOLING = {"roi-align", "roi-max-pool", "crop-and-resize", "crop-max-pool"}

#: What padding says, if not 0.
FILL = {"label": -1, "category": -1}

Answers = Iterator[tuple[Case, Any]]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a dictionary of NumPy arrays, compiled once."""
    import keras

    if HOW == "jax":
        import jax

        inner: Any = jax.jit(function)
    elif HOW == "torch":
        inner = function
    else:
        import tensorflow as tf

        inner = tf.function(function, jit_compile=HOW == "xla", autograph=False)

    def call(tensors: Mapping[str, Any]) -> Any:
        answer = inner({name: keras.ops.convert_to_tensor(array) for name, array in tensors.items()})
        parts = answer if isinstance(answer, tuple) else (answer,)
        return tuple(np.asarray(keras.ops.convert_to_numpy(part)) for part in parts)

    return call


def padded(arrays: list[Any], name: str) -> Any:
    """Return the arrays stacked, each filled up to the size of the largest and beyond."""
    size = np.max([array.shape for array in arrays], axis=0)
    size[0] += 3
    return np.stack(
        [
            np.pad(array, [(0, most - side) for most, side in zip(size, array.shape, strict=True)],
                   constant_values=FILL.get(name, 0))
            for array in arrays
        ]
    )  # fmt: skip


def static(case: Case) -> str:
    """Return what cases must have in common to be compiled together."""
    settings = {key: "any" if key in DYNAMIC else value for key, value in case.settings.items()}
    trailing = {name: array.shape[1:] for name, array in case.inputs.items() if name != "feature" or array.ndim != 4}
    cells = case.inputs["feature"].shape[:-1][-2:] if "feature" in case.inputs else ()
    return repr((sorted(settings.items()), sorted(trailing.items()), cells))


def representative(groups: list[list[Case]]) -> list[list[Case]]:
    """Return the groups that stand for all where compiling takes long."""
    first = max(groups, key=len)
    usual = min(
        (group for group in groups if group is not first), key=lambda group: len(group[0].settings), default=first
    )
    chosen, met = [first], traits(first)
    for group in groups:
        if group is not first and (group is usual or traits(group) - met):
            chosen.append(group)
            met |= traits(group)
    return chosen


def traits(group: list[Case]) -> set[str]:
    """Return the traits of the cases."""
    return {trait for case in group for trait in case.traits}


def function_of(operator: str) -> Callable[..., Any]:
    """Return the Keras operator."""
    way = keras_implementations._WAYS[operator]
    return getattr(import_module(f"detbench.operators.keras.{way.module}"), operator.replace("-", "_"))


def split(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that are compiled in, and those that are not."""
    given = case.settings
    dynamic = {key: np.float32(value) for key, value in given.items() if key in DYNAMIC}
    return {key: value for key, value in given.items() if key not in DYNAMIC}, dynamic


def stacked(operator: str, cases: list[Case]) -> Answers:
    """Answer cases of equal settings as one batch, once for every set of dynamic settings, compiled once."""
    function, masked = function_of(operator), operator in MASKED
    fetch = keras_implementations._WAYS[operator].fetch
    inputs = {name: padded([case.inputs[name] for case in cases], name) for name in cases[0].inputs}
    row = next(iter(cases[0].inputs))
    if masked:
        counts = np.array([len(case.inputs[row]) for case in cases])
        inputs["valid"] = np.arange(inputs[row].shape[1]) < counts[:, None]
        if operator == "filter-boxes":
            del inputs["score"]
    fixed, _ = split(cases[0])
    call = compiled(lambda tensors: function(**tensors, **fixed))
    answers: dict[str, Any] = {}
    for number, case in enumerate(cases):
        dynamic = split(case)[1]
        if repr(dynamic) not in answers:
            answers[repr(dynamic)] = call({**inputs, **dynamic})
        parts = tuple(part[number] for part in answers[repr(dynamic)])
        if operator == "filter-boxes":
            parts = (parts[0][: len(case.inputs[row])],)
        elif operator in PAIRED:
            parts = (parts[0][: len(case.inputs["a"]), : len(case.inputs["b"])],)
        elif not masked or operator == "matrix-nms":
            parts = tuple(part[: len(case.inputs[row])] if part.ndim else part for part in parts)
        yield case, fetch(parts if len(parts) > 1 else parts[0], case.inputs)


def pooled(operator: str, cases: list[Case]) -> Answers:
    """Answer cases on maps of one size as one batch of maps, their regions one after another."""
    function = function_of(operator)
    maps = [len(case.inputs["feature"]) for case in cases]
    before = np.cumsum(maps) - maps
    image = [case.inputs["image"] + first for case, first in zip(cases, before, strict=True)]
    channels = max(case.inputs["feature"].shape[3] for case in cases)
    inputs = {
        "feature": np.concatenate([with_channels(case.inputs["feature"], channels) for case in cases]),
        "region": np.concatenate([case.inputs["region"] for case in cases])[None],
        "image": np.concatenate(image).astype(np.int32)[None],
    }
    kernels = [{}] if operator == "roi-max-pool" or HOW != "graph" else [{"kernel": "auto"}, {"kernel": "portable"}]
    for kernel in kernels:
        call = compiled(lambda tensors, kernel=kernel: function(**tensors, **cases[0].settings, **kernel))
        (answer,) = call(inputs)
        begin = 0
        for case in cases:
            count = len(case.inputs["region"])
            yield case, answer[0, begin : begin + count, ..., : case.inputs["feature"].shape[3]]
            begin += count


def with_channels(feature: Any, channels: int) -> Any:
    """Return the maps with so many channels, the further ones 0."""
    return np.pad(feature, [(0, 0), (0, 0), (0, 0), (0, channels - feature.shape[3])])


def sweep(operator: Operator) -> dict[str, Any]:
    """Return how an operator's hard cases are answered."""
    implementation = next(
        each for each in keras_implementations.IMPLEMENTATIONS if (each.name, each.operator) == (NAME, operator.name)
    )
    by_settings: dict[str, list[Case]] = defaultdict(list)
    for case in operator.cases():
        if implementation.cannot(case) is None and not case.traits & implementation.differs.keys():
            by_settings[static(case)].append(case)
    groups = list(by_settings.values())
    if HOW in {"xla", "jax"}:
        groups = representative(groups)
    problems, asked = [], 0
    for group in groups:
        if operator.name in POOLING:
            answers = pooled(operator.name, group)
        elif operator.name in MASKED | STACKED | PAIRED | BY_ROW:
            answers = stacked(operator.name, group)
        else:
            answers = ((case, answer(implementation, case)) for case in group)
        for case, got in answers:
            asked += 1
            verdict = operator.compare(case, operator.reference(**case.inputs, **case.settings), got)
            problems += [f"{case.name}: {verdict.problem}"] if verdict.problem else []
    return {"asked": asked, "compilations": len(groups), "problems": problems}


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)  # of references that overflow as they should
    names = {each.operator for each in keras_implementations.IMPLEMENTATIONS}
    sys.stdout.write(json.dumps({name: sweep(operator) for name, operator in operators().items() if name in names}))
