"""From bytes to what a network's weights expect: the first layer of every backbone."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

__all__ = ["Convention", "Pixels"]

#: How values were scaled where the weights come from.
Convention = Literal["caffe", "torch", "tf"]

#: Convention: whether blue comes first, what is taken away from 0…255, and what the rest is divided by.
_OF_CONVENTION: dict[Convention, tuple[bool, tuple[float, ...], tuple[float, ...]]] = {
    "caffe": (True, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "torch": (False, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "tf": (False, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
}


class Pixels(keras.layers.Layer):  # type: ignore[misc]
    """uint8 ``[B, H, W, 3]``, RGB, becomes floats of the same shape, in the type that the layers compute in.

    ``"caffe"`` – blue first, less the means of ImageNet (He's ResNets, as keras.applications has them). ``"torch"`` –
    less the means, over the standard deviations (torchvision). ``"tf"`` – from −1 to 1 (MobileNets of Keras).
    """

    def __init__(self, convention: Convention, **settings: Any) -> None:
        super().__init__(**settings)
        self.convention = convention

    def call(self, image: Any) -> Any:
        """Return the floats: computed in float32, rounded at the end."""
        turned, mean, spread = _OF_CONVENTION[self.convention]
        value = ops.cast(image, "float32")
        if turned:
            value = ops.flip(value, axis=-1)
        value = (value - ops.convert_to_tensor(mean, "float32")) / ops.convert_to_tensor(spread, "float32")
        return ops.cast(value, self.compute_dtype)

    def compute_output_spec(self, image: Any) -> keras.KerasTensor:
        """Return what the answer looks like."""
        return keras.KerasTensor(image.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""
        return {**super().get_config(), "convention": self.convention}
