"""A step on TensorFlow: one graph; on several devices, gradients are added up before anything is clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from detbench.detectors.input.batch import split
from detbench.detectors.train.steppers.base import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.batch import Batch
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["TensorFlowStepper"]


class TensorFlowStepper:
    """See :class:`~detbench.detectors.train.steppers.base.Stepper`.

    With ``xla`` a step on one device is compiled as a whole; on several, each device's gradients are, and the sums
    between them are TensorFlow's.
    """

    def __init__(self, model: Any, optimizer: Optimizer, devices: Devices, *, xla: bool) -> None:
        self._model, self._optimizer, self._devices = model, optimizer, devices
        several = devices.strategy is not None
        self._gradients = tf.function(self._gradients_of, jit_compile=xla) if several else self._gradients_of
        self._step = tf.function(self._step_of, jit_compile=xla and not several)
        self._losses = tf.function(lambda x, y: model.losses_of(x, y, model(x, training=True)), jit_compile=xla)
        self._detect = tf.function(lambda x: model.detect(x)._asdict(), jit_compile=xla)

    def __call__(self, batch: Batch, learning_rate: float, *, stop: bool = False) -> Outcome:
        """Make a step."""
        rate, wish = np.float32(learning_rate), np.float32(stop)
        losses, norm, wishes = self._step(self._placed(batch), tf.constant(rate), tf.constant(wish))
        found = {name: float(loss) for name, loss in losses.items()}
        return Outcome(found, float(norm), bool(float(wishes) > 0))

    def losses(self, batch: Batch) -> dict[str, float]:
        """Return the losses alone."""
        return {name: float(loss) for name, loss in self._losses(*map(_tensors, split(batch))).items()}

    def detect(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Return detections."""
        x, _ = split(batch)
        return {name: np.asarray(value) for name, value in self._detect(_tensors(x)).items()}

    def _placed(self, batch: Batch) -> Any:
        """Return the batch as tensors; on several devices, each its own rows."""
        strategy, here = self._devices.strategy, self._devices.here
        if strategy is None:
            return tuple(map(_tensors, split(batch)))
        rows = len(batch.image) // here

        def part(context: Any) -> Any:
            first = context.replica_id_in_sync_group % here * rows
            own = {name: field[first : first + rows] for name, field in batch._asdict().items()}
            return tuple(map(_tensors, split(batch._replace(**own))))

        return strategy.experimental_distribute_values_from_function(part)

    def _gradients_of(self, x: Any, y: Any) -> tuple[dict[str, Any], list[Any]]:
        """Return losses and gradients of one device, as its share of those of the whole batch."""
        with tf.GradientTape() as tape:
            outputs = self._model(x, training=True)
            losses = {name: loss / self._devices.count for name, loss in self._model.losses_of(x, y, outputs).items()}
            total = tf.add_n([tf.cast(loss, tf.float32) for loss in losses.values()])
            scaled = self._optimizer.scaled(total, _values(self._optimizer.slots))
        variables = [variable.value for variable in self._model.trainable_variables]
        return losses, tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _summed(self, x: Any, y: Any, wish: Any) -> Any:
        """Return losses, gradients and wishes to stop over all devices; runs on each of them."""
        losses, gradients = self._gradients(x, y)
        flat = [*losses.values(), tf.identity(wish), *gradients]  # a sum is made where its parts are: here, not outside
        added = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, flat)
        return dict(zip(losses, added, strict=False)), added[len(losses) + 1 :], added[len(losses)]

    def _step_of(self, batch: Any, rate: Any, wish: Any) -> tuple[dict[str, Any], Any, Any]:
        strategy = self._devices.strategy
        if strategy is None:
            losses, gradients = self._gradients(*batch)
        else:  # the sums are the same on every device: the first has them too
            everywhere = strategy.run(self._summed, args=(batch[0], batch[1], wish))
            losses, gradients, wish = tf.nest.map_structure(
                lambda value: strategy.experimental_local_results(value)[0], everywhere
            )
        variables, slots = self._model.trainable_variables, self._optimizer.slots
        values, new_slots, norm = self._optimizer.update(
            [tf.convert_to_tensor(variable.value) for variable in variables], gradients, _values(slots), rate
        )
        for variable, value in zip(variables, values, strict=True):
            variable.value.assign(value)
        for name, slot in slots.items():
            slot.value.assign(new_slots[name])
        return losses, norm, wish


def _tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: tf.convert_to_tensor(array) for name, array in arrays.items()}


def _values(slots: dict[str, Any]) -> dict[str, Any]:
    return {name: tf.convert_to_tensor(slot.value) for name, slot in slots.items()}
