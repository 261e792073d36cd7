"""Running a function of tensors on a framework and a device: send, compile, run, fetch, each complete by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["RUNNERS", "Jax", "TensorFlow", "TensorFlowXla", "Torch"]


@dataclass(slots=True)
class _Bound:
    """What the frameworks have in common: ``function(tensors)`` is compiled, ``fetched`` is given NumPy arrays."""

    function: Callable[[dict[str, Any]], Any]
    inputs: Mapping[str, NDArray[Any]]
    fetched: Callable[[Any], Any]
    device: str
    compiled: Any = field(default=None, init=False)

    def fetch(self, answer: Any) -> Any:
        """Return the answer as NumPy arrays, in the form of the reference's."""
        arrays = tuple(self._array(part) for part in answer) if isinstance(answer, tuple) else self._array(answer)
        return self.fetched(arrays)

    def _array(self, tensor: Any) -> NDArray[Any]:
        return np.asarray(tensor)


#: What marks a traced function that XLA has compiled.
_IS_COMPILED = "_detbench_is_compiled"


@lru_cache(maxsize=16)
def _graph(function: Callable[[dict[str, Any]], Any], xla: bool) -> Any:
    """Return a ``tf.function``: the same for the same function, so that it compiles once for inputs of a shape."""
    import tensorflow as tf

    return tf.function(function, jit_compile=xla, autograph=False)


class TensorFlow(_Bound):
    """A ``tf.function``, as a graph."""

    __slots__ = ()
    xla = False

    def send(self) -> dict[str, Any]:
        """Return the inputs on the device."""
        import tensorflow as tf

        with tf.device(self._place()):
            sent = {name: tf.identity(tf.constant(array)) for name, array in self.inputs.items()}
        self._wait()
        return sent

    def compile(self, sent: dict[str, Any]) -> None:
        """Compile."""
        import tensorflow as tf

        self.compiled = _graph(self.function, self.xla)
        with tf.device(self._place()):
            traced = self.compiled.get_concrete_function(sent)
        if self.xla and not hasattr(traced, _IS_COMPILED):  # XLA's compiler is called at the first call, not before
            self.run(sent)
            setattr(traced, _IS_COMPILED, True)

    def run(self, sent: dict[str, Any]) -> Any:
        """Return the answer, complete, where it was computed."""
        import tensorflow as tf

        with tf.device(self._place()):
            answer = self.compiled(sent)
        self._wait()
        return answer

    def _place(self) -> str:
        return f"/{self.device.upper()}:0"

    def _wait(self) -> None:
        if self.device != "cpu":
            import tensorflow as tf

            tf.test.experimental.sync_devices()


class TensorFlowXla(TensorFlow):
    """A ``tf.function``, compiled by XLA."""

    __slots__ = ()
    xla = True


class Jax(_Bound):
    """``jax.jit``."""

    __slots__ = ()

    def send(self) -> dict[str, Any]:
        """Return the inputs on the device."""
        import jax

        sent = {name: jax.device_put(array, jax.devices(self.device)[0]) for name, array in self.inputs.items()}
        return dict(_complete(sent))

    def compile(self, sent: dict[str, Any]) -> None:
        """Compile."""
        import jax

        self.compiled = jax.jit(self.function).lower(sent).compile()

    def run(self, sent: dict[str, Any]) -> Any:
        """Return the answer, complete, where it was computed."""
        return _complete(self.compiled(sent))


def _complete(arrays: Any) -> Any:
    """Return JAX's arrays, computed."""
    import jax

    wait: Any = jax.block_until_ready
    return wait(arrays)


class Torch(_Bound):
    """PyTorch, call by call, without gradients."""

    __slots__ = ()

    def send(self) -> dict[str, Any]:
        """Return the inputs on the device."""
        import torch

        sent = {name: torch.tensor(array, device=self._place()) for name, array in self.inputs.items()}
        self._wait()
        return sent

    def compile(self, sent: dict[str, Any]) -> None:
        """Do nothing."""

    def run(self, sent: dict[str, Any]) -> Any:
        """Return the answer, complete, where it was computed."""
        import keras
        import torch

        with torch.no_grad(), keras.device(self._place()):
            answer = self.function(sent)
        self._wait()
        return answer

    def _place(self) -> str:
        return {"cpu": "cpu", "gpu": "cuda"}[self.device]

    def _wait(self) -> None:
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize()

    def _array(self, tensor: Any) -> NDArray[Any]:
        return np.asarray(tensor.cpu())


#: Name of an implementation → what runs it.
RUNNERS: dict[str, type[Any]] = {
    "keras-graph": TensorFlow,
    "keras-xla": TensorFlowXla,
    "keras-jax": Jax,
    "keras-torch": Torch,
}
