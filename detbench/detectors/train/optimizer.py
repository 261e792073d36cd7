"""How weights change: one function of values and gradients, in ``keras.ops``, the same on every backend.

It is written out, and not one of Keras's, because theirs decay weights apart from the gradient with SGD too, clip each
device's gradients before they are added up, and keep the learning rate as a state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.detectors.recipes.settings import OptimizerSettings

__all__ = ["Optimizer"]

#: Of AdamW, as its paper has them (Loshchilov and Hutter 2019).
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8

#: Of the loss scale (Micikevicius et al. 2018): where it begins, and how many sound steps double it.
_FIRST_SCALE = 2.0**15
_DOUBLED_AFTER = 2_000


class Optimizer:
    """SGD with momentum, or AdamW: its settings, and the variables that it keeps between steps.

    Parameters
    ----------
    settings
        Of the recipe; the learning rate is given with each step.
    variables
        The trainable variables, in the order of the values and gradients that it is given.
    loss_scaling
        Whether the loss is multiplied by a scale so that float16 gradients do not vanish; a step whose gradients are
        not finite then changes nothing but the scale.

    Attributes
    ----------
    slots
        Name → variable: what is kept, ``momentum/<path of the variable>`` and the like.
    """

    def __init__(
        self, settings: OptimizerSettings, variables: Sequence[keras.Variable], *, loss_scaling: bool = False
    ) -> None:
        self.settings = settings
        self.loss_scaling = loss_scaling
        self._decayed = [_is_kernel(variable) for variable in variables]
        self._paths = [variable.path for variable in variables]
        kinds = ("momentum",) if settings.kind == "sgd" else ("mean", "square")
        self.slots: dict[str, keras.Variable] = {
            f"{kind}/{variable.path}": _slot(f"{kind}_{number}", np.zeros(tuple(variable.shape), np.float32))
            for kind in kinds
            for number, variable in enumerate(variables)
        }
        if settings.kind == "adamw":
            self.slots["steps"] = _slot("steps", np.float32(0))
        if loss_scaling:
            self.slots["loss_scale"] = _slot("loss_scale", np.float32(_FIRST_SCALE))
            self.slots["sound_steps"] = _slot("sound_steps", np.float32(0))

    def scaled(self, loss: Any, slots: dict[str, Any]) -> Any:
        """Return the loss whose gradients :meth:`update` takes."""
        return loss * slots["loss_scale"] if self.loss_scaling else loss

    def update(
        self, values: Sequence[Any], gradients: Sequence[Any], slots: dict[str, Any], learning_rate: Any
    ) -> tuple[list[Any], dict[str, Any], Any]:
        """Return the new values, the new slots, and the norm of all gradients before clipping.

        ``values``, ``gradients`` and the values of ``slots`` are float32 tensors, ``learning_rate`` a scalar; nothing
        is changed in place.
        """
        gradients = [ops.cast(gradient, "float32") for gradient in gradients]
        if self.loss_scaling:
            gradients = [gradient / slots["loss_scale"] for gradient in gradients]
        norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
        clip = self.settings.clip_norm
        if clip is not None:
            factor = clip / ops.maximum(norm, clip)
            gradients = [gradient * factor for gradient in gradients]
        step = self._sgd if self.settings.kind == "sgd" else self._adamw
        new_values, new_slots = step(list(values), gradients, dict(slots), learning_rate)
        if not self.loss_scaling:
            return new_values, new_slots, norm
        sound = ops.isfinite(norm)
        new_values = [ops.where(sound, new, old) for new, old in zip(new_values, values, strict=True)]
        new_slots = {name: ops.where(sound, new, slots[name]) for name, new in new_slots.items()}
        return new_values, new_slots | _rescaled(slots, sound), norm

    def _sgd(
        self, values: list[Any], gradients: list[Any], slots: dict[str, Any], learning_rate: Any
    ) -> tuple[list[Any], dict[str, Any]]:
        """``m ← µ m + g + λ w`` and ``w ← w − η m``: the rate stands outside, as in the published baselines."""
        decay = self.settings.weight_decay
        for place, path in enumerate(self._paths):
            gradient, value, name = gradients[place], values[place], f"momentum/{path}"
            if decay and self._decayed[place]:
                gradient += decay * value
            slots[name] = self.settings.momentum * slots[name] + gradient
            values[place] = value - learning_rate * slots[name]
        return values, slots

    def _adamw(
        self, values: list[Any], gradients: list[Any], slots: dict[str, Any], learning_rate: Any
    ) -> tuple[list[Any], dict[str, Any]]:
        """Loshchilov and Hutter 2019, algorithm 2."""
        decay = self.settings.weight_decay
        slots["steps"] += 1
        bias_mean, bias_square = (1 - ops.power(beta, slots["steps"]) for beta in _BETAS)
        for place, path in enumerate(self._paths):
            gradient, value, mean, square = gradients[place], values[place], f"mean/{path}", f"square/{path}"
            slots[mean] = _BETAS[0] * slots[mean] + (1 - _BETAS[0]) * gradient
            slots[square] = _BETAS[1] * slots[square] + (1 - _BETAS[1]) * ops.square(gradient)
            change = slots[mean] / bias_mean / (ops.sqrt(slots[square] / bias_square) + _EPSILON)
            if decay and self._decayed[place]:
                change += decay * value
            values[place] = value - learning_rate * change
        return values, slots


def _rescaled(slots: dict[str, Any], sound: Any) -> dict[str, Any]:
    """Return the loss scale after a step: halved when it was not sound, doubled after many that were."""
    steps = ops.where(sound, slots["sound_steps"] + 1, 0.0)
    full = steps >= _DOUBLED_AFTER
    scale = slots["loss_scale"] * ops.where(sound, ops.where(full, 2.0, 1.0), 0.5)
    return {"loss_scale": scale, "sound_steps": ops.where(full, 0.0, steps)}


def _slot(name: str, value: Any) -> keras.Variable:
    return keras.Variable(value, trainable=False, dtype="float32", name=name)


def _is_kernel(variable: keras.Variable) -> bool:
    """Return whether it is decayed: what is multiplied with, not biases, nor the scales of a normalisation."""
    return "kernel" in variable.path.rsplit("/", 1)[-1]
