"""Hold the Keras operators to the references on every hard case, on one backend: ``sweep.py graph|xla|jax|torch``.

A process has one Keras backend, so the tests start this one for each. It prints JSON: operator → how many cases were
asked, in how many compilations, and what was wrong.

Cases of an operator that takes batches are asked together: padded to one size, stacked, and compiled once for all whose
static settings are equal. So that a batch answers as each of its pictures alone, and that padding changes nothing, is
asked in the same breath.
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
from detbench.operators.oracle import judge  # noqa: E402
from detbench.operators.registry import operators  # noqa: E402

#: Settings that may be tensors: one compilation serves all their values.
DYNAMIC = {
    "iou_threshold", "sigma", "score_threshold", "positive_at", "negative_below", "negative_from", "min_size_px",
}  # fmt: skip

MASKED = {"nms", "batched-nms", "soft-nms", "matrix-nms", "keep-top-n", "filter-boxes", "select-proposals"}
STACKED = {"assign-anchors", "assign-regions", "sample-balanced", "rpn-loss", "head-loss"}
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


def static(case: Case, *names: str) -> str:
    """Return what cases must have in common to be compiled together."""
    settings = {key: "any" if key in DYNAMIC else value for key, value in case.settings.items()}
    trailing = {name: array.shape[1:] for name, array in case.inputs.items()}
    return repr((sorted(settings.items()), sorted(trailing.items()), [case.inputs[name].shape for name in names]))


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
    row = cases[0].rows[0]
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
        elif not masked or operator == "matrix-nms":
            parts = tuple(part[: len(case.inputs[row])] if part.ndim else part for part in parts)
        yield case, fetch(parts if len(parts) > 1 else parts[0], case.inputs)


def pooled(operator: str, cases: list[Case]) -> Answers:
    """Answer cases on maps of one size as one batch of maps, their regions one after another."""
    function = function_of(operator)
    maps = [len(case.inputs["feature"]) for case in cases]
    before = np.cumsum(maps) - maps
    image = [case.inputs["image"] + first for case, first in zip(cases, before, strict=True)]
    inputs = {
        "feature": np.concatenate([case.inputs["feature"] for case in cases]),
        "region": np.concatenate([case.inputs["region"] for case in cases])[None],
        "image": np.concatenate(image).astype(np.int32)[None],
    }
    (answer,) = compiled(lambda tensors: function(**tensors, **cases[0].settings))(inputs)
    begin = 0
    for case in cases:
        count = len(case.inputs["region"])
        yield case, answer[0, begin : begin + count]
        begin += count


def sweep(operator: Operator) -> dict[str, Any]:
    """Return how an operator's hard cases are answered."""
    implementation = next(
        each for each in keras_implementations.IMPLEMENTATIONS if (each.name, each.operator) == (NAME, operator.name)
    )
    cases = [case for case in operator.cases() if implementation.cannot(case) is None]
    cases = [case for case in cases if not case.traits & implementation.differs.keys()]
    problems, compilations = [], 0
    together = stacked if operator.name in MASKED | STACKED else pooled if operator.name in POOLING else None
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[static(case)].append(case)
    if together is None:
        compilations = len(cases)
        for case in cases:
            verdict, _ = judge(operator, implementation, case)
            problems += [f"{case.name}: {verdict.problem}"] if verdict.problem else []
    else:
        compilations = len(groups)
        for case, got in (answered for group in groups.values() for answered in together(operator.name, group)):
            verdict = operator.compare(case, operator.reference(**case.inputs, **case.settings), got)
            problems += [f"{case.name}: {verdict.problem}"] if verdict.problem else []
    return {"asked": len(cases), "compilations": compilations, "problems": problems}


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)  # of references that overflow as they should
    names = {each.operator for each in keras_implementations.IMPLEMENTATIONS}
    sys.stdout.write(json.dumps({name: sweep(operator) for name, operator in operators().items() if name in names}))
