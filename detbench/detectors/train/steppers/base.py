"""What a step takes and gives, and which backend makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import keras

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from detbench.detectors.input.batch import Batch
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.optimizer import Optimizer

__all__ = ["Outcome", "Stepper", "stepper_for"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step that was made.

    ``losses`` are those of the whole batch, over all devices, before the weights changed; ``norm`` is that of all
    gradients, before clipping; ``stop`` is whether any process wants to end.
    """

    losses: Mapping[str, float]
    norm: float
    stop: bool

    @property
    def total(self) -> float:
        """The sum of the losses."""
        return sum(self.losses.values())


class Stepper(Protocol):
    """Changes a model's weights, and looks with them; one for a process."""

    def __call__(self, batch: Batch, learning_rate: float, *, stop: bool = False) -> Outcome:
        """Make a step with this process's part of a batch. ``stop`` asks all processes for an end."""

    def losses(self, batch: Batch) -> dict[str, float]:
        """Return the losses of a batch and change nothing but the statistics of normalisation: the forward pass."""

    def detect(self, batch: Batch) -> dict[str, NDArray[np.generic]]:
        """Return the model's detections in a batch, field by field: ``box``, ``score``, ``category``, ``valid``."""


def stepper_for(model: Any, optimizer: Optimizer, devices: Devices, *, xla: bool) -> Stepper:
    """Return the stepper of the backend that Keras runs on."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        from detbench.detectors.train.steppers.on_tensorflow import TensorFlowStepper

        return TensorFlowStepper(model, optimizer, devices, xla=xla)
    if backend == "jax":
        from detbench.detectors.train.steppers.on_jax import JaxStepper

        return JaxStepper(model, optimizer, devices)
    from detbench.detectors.train.steppers.on_torch import TorchStepper

    return TorchStepper(model, optimizer, devices)
