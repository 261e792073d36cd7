"""Say what a model loses and finds on the backend of ``KERAS_BACKEND``, as arrays in the file that is named.

``on_backend.py NAME FILE``, NAME one of ``c4`` and ``fpn``. Weights begin the same on every backend.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

sys.path.insert(0, str(Path(__file__).parent))

from cases import C4, CATEGORIES, FPN, batch, changed

from detbench.detectors.faster_rcnn.model import build_model
from detbench.detectors.faster_rcnn.random import uniform


def compiled(function: Any) -> Any:
    """Return the answer of a function; on JAX, which is slow step by step, it is compiled, and changes no variable."""
    if keras.backend.backend() != "jax":
        return function()
    import jax

    def pure() -> Any:
        with keras.StatelessScope():
            return function()

    return jax.jit(pure)()


def gradients(model: Any, x: Any, y: Any) -> list[Any]:
    """Return the gradients of the sum of the losses, in the order of the trainable variables."""
    variables = model.trainable_variables
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=True))
        return list(tape.gradient(loss, [variable.value for variable in variables]))
    if keras.backend.backend() == "torch":
        model.compute_loss(x, y, model(x, training=True)).backward()
        return [variable.value.grad for variable in variables]
    import jax

    still = [variable.value for variable in model.non_trainable_variables]

    def loss_of(values: Any) -> Any:
        pairs = [*zip(variables, values, strict=True), *zip(model.non_trainable_variables, still, strict=True)]
        with keras.StatelessScope(state_mapping=pairs):
            return model.compute_loss(x, y, model(x, training=True))

    return list(jax.jit(jax.grad(loss_of))([variable.value for variable in variables]))


def main() -> None:
    """Write the file."""
    settings = {"c4": C4, "fpn": FPN}[sys.argv[1]]
    # GIoU and an anchor sample that leaves some out, so that they are asked too
    settings = changed(settings, head={"box_loss": "giou"}, rpn={"sampled": 32})
    model = build_model(settings, CATEGORIES, seed=3)
    x, y = ({name: ops.convert_to_tensor(array) for name, array in part.items()} for part in batch())
    found = compiled(lambda: model.detect(x)._asdict())  # before training moves the statistics of normalisation
    losses = compiled(lambda: model.losses_of(x, y, model(x, training=True)))
    answer = {f"gradient/{v.path}": g for v, g in zip(model.trainable_variables, gradients(model, x, y), strict=True)}
    answer |= {f"loss/{name}": loss for name, loss in losses.items()}
    answer |= {f"found/{name}": part for name, part in found.items()}
    answer["random"] = uniform(y["seed"], 1000, 1)
    np.savez(sys.argv[2], **{name: ops.convert_to_numpy(part) for name, part in answer.items()})


if __name__ == "__main__":
    main()
