"""A step on PyTorch: forward, backward, update, on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from keras import ops

from detbench.detectors.input.batch import split
from detbench.detectors.train.steppers.base import Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.input.batch import Batch
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["TorchStepper"]


class TorchStepper:
    """See :class:`~detbench.detectors.train.steppers.base.Stepper`."""

    def __init__(self, model: Any, optimizer: Optimizer, devices: Devices) -> None:
        self._model, self._optimizer, self._devices = model, optimizer, devices

    def __call__(self, batch: Batch, learning_rate: float, *, stop: bool = False) -> Outcome:
        """Make a step."""
        model, slots = self._model, self._optimizer.slots
        x, y = map(_tensors, split(batch))
        losses = model.losses_of(x, y, model(x, training=True))
        kept = {name: slot.value for name, slot in slots.items()}
        values = [variable.value for variable in model.trainable_variables]
        total = sum(loss.float() for loss in losses.values())
        gradients = torch.autograd.grad(self._optimizer.scaled(total, kept), values, allow_unused=True)
        with torch.no_grad():
            found = [torch.zeros_like(v) if g is None else g for v, g in zip(values, gradients, strict=True)]
            new_values, new_slots, norm = self._optimizer.update(values, found, kept, learning_rate)
            for variable, value in zip(model.trainable_variables, new_values, strict=True):
                variable.assign(value)
            for name, slot in slots.items():
                slot.assign(new_slots[name])
        return Outcome({name: float(loss) for name, loss in losses.items()}, float(norm), stop)

    def losses(self, batch: Batch) -> dict[str, float]:
        """Return the losses alone."""
        x, y = map(_tensors, split(batch))
        with torch.no_grad():
            found = self._model.losses_of(x, y, self._model(x, training=True))
        return {name: float(loss) for name, loss in found.items()}

    def detect(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Return detections."""
        x, _ = split(batch)
        with torch.no_grad():
            found = self._model.detect(_tensors(x))._asdict()
        return {name: np.asarray(ops.convert_to_numpy(value)) for name, value in found.items()}


def _tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: ops.convert_to_tensor(array) for name, array in arrays.items()}
