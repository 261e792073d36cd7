"""A step on JAX: one compiled function of all that it reads and writes; sharded data make it one over all devices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import keras
import numpy as np

from detbench.detectors.input.batch import split
from detbench.detectors.train.steppers.base import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.batch import Batch
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["JaxStepper"]


class JaxStepper:
    """See :class:`~detbench.detectors.train.steppers.base.Stepper`.

    The losses are means over the whole batch, wherever its rows lie, so nothing here adds up gradients: the compiler
    does (Xu et al. 2021, GSPMD).
    """

    def __init__(self, model: Any, optimizer: Optimizer, devices: Devices) -> None:
        self._model, self._optimizer, self._devices = model, optimizer, devices
        self._step = jax.jit(self._step_of, donate_argnums=(0, 1, 2))
        self._losses = jax.jit(lambda *read: self._losses_of(read[0], **read[1])[1][0])
        self._detect = jax.jit(self._detect_of)

    def __call__(self, batch: Batch, learning_rate: float, *, stop: bool = False) -> Outcome:
        """Make a step."""
        model, slots = self._model, self._optimizer.slots
        x, y = map(self._placed, split(batch))
        wish = self._placed({"stop": np.full(len(batch.image), stop, np.float32)})["stop"]
        trainable, others, kept, losses, norm, wishes = self._step(
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
            {name: slot.value for name, slot in slots.items()},
            x,
            y,
            np.float32(learning_rate),
            wish,
        )
        _assign(model.trainable_variables, trainable)
        _assign(model.non_trainable_variables, others)
        _assign(slots.values(), [kept[name] for name in slots])
        return Outcome({name: float(loss) for name, loss in losses.items()}, float(norm), float(wishes) > 0)

    def losses(self, batch: Batch) -> dict[str, float]:
        """Return the losses alone."""
        model = self._model
        trainable, others = (
            [variable.value for variable in part] for part in (model.trainable_variables, model.non_trainable_variables)
        )
        slots = {name: slot.value for name, slot in self._optimizer.slots.items()}
        x, y = map(self._placed, split(batch))
        found = self._losses(trainable, {"others": others, "slots": slots, "x": x, "y": y})
        return {name: float(loss) for name, loss in found.items()}

    def detect(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Return detections: every process makes its own, of the same pictures."""
        x, _ = split(batch)
        values = [_local(variable.value) for variable in self._model.variables]
        return {name: np.asarray(value) for name, value in self._detect(values, x).items()}

    def _placed(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Return arrays on the devices; on several, each its own rows of them."""
        sharding = self._devices.sharding
        if sharding is None:
            return arrays
        place: Any = jax.make_array_from_process_local_data
        return {name: place(sharding, array) for name, array in arrays.items()}

    def _step_of(
        self, trainable: Any, others: Any, slots: Any, x: Any, y: Any, rate: Any, wish: Any
    ) -> tuple[Any, ...]:
        losses_of = partial(self._losses_of, others=others, slots=slots, x=x, y=y)
        gradients, (losses, others) = jax.grad(losses_of, has_aux=True)(trainable)
        trainable, slots, norm = self._optimizer.update(trainable, gradients, slots, rate)
        return trainable, others, slots, losses, norm, wish.sum()

    def _losses_of(self, trainable: Any, *, others: Any, slots: Any, x: Any, y: Any) -> tuple[Any, Any]:
        model = self._model
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        with keras.StatelessScope(state_mapping=zip(variables, [*trainable, *others], strict=True)) as scope:
            losses = model.losses_of(x, y, model(x, training=True))
        others = [scope.get_current_value(variable) for variable in model.non_trainable_variables]
        total = sum(loss.astype("float32") for loss in losses.values())
        return self._optimizer.scaled(total, slots), (losses, others)

    def _detect_of(self, values: Any, x: Any) -> dict[str, Any]:
        with keras.StatelessScope(state_mapping=zip(self._model.variables, values, strict=True)):
            found: dict[str, Any] = self._model.detect(x)._asdict()
        return found


def _local(value: Any) -> Any:
    """Return a variable's value as an array of this process: all have all of it."""
    return value.addressable_data(0) if hasattr(value, "addressable_data") else value


def _assign(variables: Any, values: Any) -> None:
    """Hand the values over as they are: their old ones were given away, and cannot be looked at any more."""
    for variable, value in zip(variables, values, strict=True):
        variable._value = value  # noqa: SLF001  as Keras's own trainer for JAX does
