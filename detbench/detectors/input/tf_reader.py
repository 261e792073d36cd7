"""The tf.data reader: the same batches, decoded and resized by TensorFlow's threads.

Which picture, which window and which boxes come from the same NumPy functions as the plain reader's; what costs time,
the pixels, is TensorFlow's. Only this module and `tf_pixels` import TensorFlow.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from detbench.detectors.input.batch import Batch, split
from detbench.detectors.input.pixels import decode_any, plain_jpeg_px
from detbench.detectors.input.readers import AHEAD, cores
from detbench.detectors.input.tf_pixels import SIGNATURE, Orders, draw_in_graph, orders
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detbench.detectors.input.examples import Examples
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
            _say_which(source, step, error)
        yield Batch(*(np.asarray(field) for field in batch))


def tf_dataset(source: TrainingInput, first_step: int, workers: int | None) -> Any:
    """Return a ``tf.data.Dataset`` of ``(x, y)``."""
    return _dataset(source, first_step, workers).map(lambda *fields: split(Batch(*fields)))


def _dataset(source: TrainingInput, first_step: int, workers: int | None) -> Any:
    """Return a ``tf.data.Dataset`` of the fields of `Batch`."""
    examples = source.examples
    size, threads = source.local_batch_size, workers or cores()
    most = examples.max_truths
    kinds = [tf.string, tf.int64, tf.float32, tf.int32, tf.int32, tf.int32, *(spec.dtype for spec in SIGNATURE)]
    shapes = [[], [], [most, 4], [most], [most], [], *(spec.shape for spec in SIGNATURE)]

    def prepare(index: Any) -> list[Any]:
        """Return the encoded picture, its row, its boxes and its orders."""
        given = tf.numpy_function(partial(_prepared, source), [index], kinds, stateful=False)
        return [tf.ensure_shape(tensor, shape) for tensor, shape in zip(given, shapes, strict=True)]

    def draw(data: Any, row: Any, box: Any, category: Any, state: Any, seed: Any, *rest: Any) -> tuple[Any, ...]:
        def decode_other(data: Any) -> Any:
            return tf.numpy_function(partial(_decoded, examples), [data, row], tf.uint8, stateful=False)

        todo = Orders(*rest)
        image = draw_in_graph(data, todo, examples.canvas_px, decode_other, coloured=examples.coloured)
        return image, tf.cast(todo.size, tf.float32), box, category, state, seed

    first = first_step * size
    # One map, not two: between two stages every picture would wait for its turn, and its bytes with it.
    dataset = tf.data.Dataset.range(first, _NEVER).map(
        lambda index: draw(*prepare(index)), num_parallel_calls=threads, deterministic=True
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    options.autotune.enabled = False
    return dataset.batch(size, drop_remainder=True).prefetch(AHEAD).with_options(options)


def _prepared(source: TrainingInput, index: NDArray[np.int64]) -> tuple[Any, ...]:
    """Return what `prepare` gives, of the ``index``-th picture that this process takes.

    TensorFlow would print the traceback of an error that is raised here. A picture without bytes stands for it: nothing
    can decode that, and `_say_which` finds the error again.
    """
    step, within = divmod(int(index), source.local_batch_size)
    examples = source.examples
    example = examples.at(source.places(step)[within])
    try:
        data, picture_px = examples.picture(example.row)
    except DataError:
        data, picture_px = b"", (0, 0)
    header = plain_jpeg_px(data)
    if header is not None and header != picture_px:
        data = b""
    most = examples.max_truths
    padded = np.zeros((most, 4), np.float32), np.full(most, -1, np.int32), np.zeros(most, np.int32)
    for column, own in zip(padded, example.truths, strict=True):
        column[: len(own)] = own
    return (
        data,
        np.int64(example.row),
        *padded,
        np.int32(example.seed),
        *orders(example.plan, jpeg=header is not None or not data),
    )


def _decoded(examples: Examples, data: bytes, row: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return a picture that is no plain JPEG, decoded; one without pixels where that is not possible."""
    width_px, height_px = examples.tables.size_px[row].tolist()
    try:
        return decode_any(data, (width_px, height_px), where=examples.where(int(row)))
    except DataError:
        return np.zeros((0, 0, 3), np.uint8)


def _say_which(source: TrainingInput, step: int, error: tf.errors.OpError) -> None:
    """Raise DataError for the picture of batch ``step`` that TensorFlow could not take, as the plain reader would."""
    source.batch(step)
    rows = source.rows(step)
    said = " ".join(str(error.message).split())[:200]
    raise DataError(
        f"TensorFlow could not read a picture of step {step} ({said})",
        file=source.dataset.source,
        record=f"one of the images {', '.join(repr(source.dataset.images.key[row]) for row in rows[:8])}",
        remedy="try the plain reader",
    ) from error
