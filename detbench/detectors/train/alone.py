"""A function of tensors compiled alone, as the backend at hand does it, and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "gradient_of", "waited"]


def compiled(function: Callable[..., Any], *, xla: bool) -> Callable[..., Any]:
    """Return ``function`` as the backend compiles it; ``xla`` is TensorFlow's choice, JAX has no other."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        graph: Callable[..., Any] = tf.function(function, jit_compile=xla)
        return graph
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def gradient_of(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what computes the gradient of the sum of ``function(tensors)`` by each of a list of float tensors."""
    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def on_tensorflow(tensors: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                total = tf.reduce_sum(tf.cast(function(tensors), tf.float32))
            return tape.gradient(total, tensors)

        return on_tensorflow
    if backend == "jax":
        import jax

        return jax.grad(lambda tensors: function(tensors).astype("float32").sum())

    import torch

    def on_torch(tensors: Any) -> Any:
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        return torch.autograd.grad(function(leaves).float().sum(), leaves, allow_unused=True)

    return on_torch


def waited(value: Any) -> Any:
    """Return ``value`` once it is computed: the backends answer before they have."""
    if isinstance(value, dict):
        value = list(value.values())
    for one in value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, list | tuple | dict):
            waited(one)
        elif one is not None:
            _wait(one)
    return value


def _wait(tensor: Any) -> None:
    if hasattr(tensor, "block_until_ready"):
        tensor.block_until_ready()
    elif getattr(tensor, "is_cuda", False):
        import torch

        torch.cuda.synchronize()
    elif hasattr(tensor, "dtype"):
        # On TensorFlow a value has to be looked at; one number of it is enough.
        _ = keras.ops.convert_to_numpy(keras.ops.reshape(tensor, (-1,))[:1])
