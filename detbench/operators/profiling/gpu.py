"""What bounds any implementation on a GPU: its copies and its matrix products, by a framework that finds one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec.structs import replace

from detbench.errors import UsageError
from detbench.timing.machine import best_ms, host

if TYPE_CHECKING:
    from detbench.timing.document import Machine

__all__ = ["gpu_machine", "require_gpu"]

#: What is copied and multiplied: far more than any cache of a GPU, and far less than its memory.
_COPY_BYTES = 2**30
_MATRIX_SIDE = 8_192


def require_gpu() -> Machine:
    """Return the bounds of the first GPU.

    Raises
    ------
    UsageError
        If TensorFlow, or without it JAX, finds none, or neither is installed.
    """
    if find_spec("tensorflow") is not None:
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return gpu_machine("/GPU:0")
        looked = "TensorFlow finds no GPU"
    else:
        looked = "TensorFlow, by which a GPU is found, is not installed"
    raise UsageError(f"{looked}; leave out --device gpu, or install detbench[gpu] where there is one")


def gpu_machine(device: str, copy_bytes: int = _COPY_BYTES, matrix_side: int = _MATRIX_SIDE) -> Machine:
    """Return this machine with the rates of a device of TensorFlow's, each the best of several.

    A copy is an addition of 1, because TensorFlow does not copy what stays the same. Products are of float32 as
    TensorFlow computes them by default, which on recent GPUs is with shortened operands.
    """
    import tensorflow as tf

    with tf.device(device):
        array = tf.zeros(copy_bytes // 4)
        matrix = tf.random.stateless_uniform((matrix_side, matrix_side), (0, 0))

        def copy() -> None:
            tf.add(array, 1.0)
            tf.test.experimental.sync_devices()

        def multiply() -> None:
            tf.matmul(matrix, matrix)
            tf.test.experimental.sync_devices()

        return replace(
            host(),
            blas=f"TensorFlow {tf.__version__} on {_model(device)}",
            copy_bytes_per_s=2 * copy_bytes / best_ms(copy) * 1e3,
            operations_per_s=2 * matrix_side**3 / best_ms(multiply) * 1e3,
        )


def _model(device: str) -> str:
    """Return what the device is called, such as ``NVIDIA A100``."""
    import tensorflow as tf

    found = tf.config.list_physical_devices(device.strip("/").partition(":")[0])
    details = tf.config.experimental.get_device_details(found[0]) if found else {}
    return str(details.get("device_name", device))
