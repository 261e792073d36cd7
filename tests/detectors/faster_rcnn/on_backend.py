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


def losses_and_gradients(model: Any, x: Any, y: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return the losses, and the gradients of their sum in the order of the trainable variables."""
    variables = model.trainable_variables

    def training() -> tuple[Any, dict[str, Any]]:
        losses = model.losses_of(x, y, model(x, training=True))
        return sum(losses.values()), losses

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            total, losses = training()
        return losses, list(tape.gradient(total, [variable.value for variable in variables]))
    if keras.backend.backend() == "torch":
        total, losses = training()
        total.backward()
        return losses, [variable.value.grad for variable in variables]
    import jax

    def with_values(values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return training()

    gradients, losses = jax.jit(jax.grad(with_values, has_aux=True))([variable.value for variable in variables])
    return losses, list(gradients)


def main() -> None:
    """Write the file."""
    settings = {"c4": C4, "fpn": FPN}[sys.argv[1]]
    # GIoU and an anchor sample that leaves some out, so that they are asked too
    settings = changed(settings, head={"box_loss": "giou"}, rpn={"sampled": 32})
    model = build_model(settings, CATEGORIES, seed=3)
    x, y = ({name: ops.convert_to_tensor(array) for name, array in part.items()} for part in batch())
    found = compiled(lambda: model.detect(x)._asdict())  # before training moves the statistics of normalisation
    losses, gradients = losses_and_gradients(model, x, y)
    answer = {f"gradient/{v.path}": g for v, g in zip(model.trainable_variables, gradients, strict=True)}
    answer |= {f"loss/{name}": loss for name, loss in losses.items()}
    answer |= {f"found/{name}": part for name, part in found.items()}
    answer["random"] = uniform(y["seed"], 1000, 1)
    np.savez(sys.argv[2], **{name: ops.convert_to_numpy(part) for name, part in answer.items()})


if __name__ == "__main__":
    main()
