"""The tf.data reader: the plain reader's examples, made by TensorFlow's threads and handed over without a copy.

Decoding and resizing are the same functions, so a batch is the same to the last bit: TensorFlow's own decode and resize
round otherwise. They run outside Python's lock. Only this module imports TensorFlow.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from detbench.detectors.input.batch import Batch, split
from detbench.detectors.input.readers import AHEAD, cores, empty_batch, fill
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.detectors.input.training_input import TrainingInput

__all__ = ["tf_batches", "tf_dataset"]

#: The sequence of places is as good as endless.
_NEVER = 2**62


def tf_batches(source: TrainingInput, first_step: int, workers: int | None) -> Iterator[Batch]:
    """Yield what ``source.batches(first_step)`` yields. Raises DataError as it does."""
    batches = iter(_dataset(source, first_step, workers))
    for step in count(first_step):
        try:
            batch = next(batches)
        except tf.errors.OpError as error:
            source.batch(step)  # says which picture it is, as the plain reader does
            raise DataError(
                f"a picture of step {step} could not be read the first time, and could the second"
            ) from error
        yield Batch(*(np.asarray(field) for field in batch))


def tf_dataset(source: TrainingInput, first_step: int, workers: int | None) -> Any:
    """Return a ``tf.data.Dataset`` of ``(x, y)``."""
    return _dataset(source, first_step, workers).map(lambda *fields: split(Batch(*fields)))


def _dataset(source: TrainingInput, first_step: int, workers: int | None) -> Any:
    """Return a ``tf.data.Dataset`` of the fields of `Batch`."""
    size, threads = source.local_batch_size, workers or cores()
    empty: list[NDArray[Any]] = list(empty_batch(source.examples, 1))

    def example(index: Any) -> tuple[Any, ...]:
        kinds = [tf.bool, *(tf.as_dtype(field.dtype) for field in empty)]
        whole, *fields = tf.numpy_function(partial(_example, source), [index], kinds, stateful=False)
        with tf.control_dependencies([tf.debugging.Assert(whole, [index])]):
            return tuple(
                tf.ensure_shape(tf.identity(field), known.shape[1:]) for field, known in zip(fields, empty, strict=True)
            )

    first = first_step * size
    dataset = tf.data.Dataset.range(first, _NEVER).map(example, num_parallel_calls=threads, deterministic=True)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.autotune.enabled = False
    return dataset.batch(size, drop_remainder=True).prefetch(AHEAD).with_options(options)


def _example(source: TrainingInput, index: NDArray[np.int64]) -> tuple[Any, ...]:
    """Return the fields of the ``index``-th example that this process takes, after whether there is one.

    TensorFlow would print the traceback of an error that is raised here.
    """
    step, within = divmod(int(index), source.local_batch_size)
    batch = empty_batch(source.examples, 1)
    try:
        fill(source.examples, source.places(step)[within], batch, 0)
    except DataError:
        return np.bool_(False), *(field[0] for field in batch)
    return np.bool_(True), *(field[0] for field in batch)
