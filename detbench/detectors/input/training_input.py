"""What a model is trained on: endless batches of a dataset, the same for the same seed, from any step on."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from detbench.detectors.input.checks import check_training_set
from detbench.detectors.input.examples import Tables, training_examples
from detbench.detectors.input.readers import empty_batch, fill, plain_batches
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.tables import Dataset
    from detbench.detectors.input.batch import Batch
    from detbench.detectors.input.readers import ReaderName
    from detbench.detectors.recipes.settings import InputSettings

__all__ = ["TrainingInput"]


class TrainingInput:
    """Endless batches of a training set. Batch k is the same, whatever step was the first, and with every reader.

    Epochs follow each other without a seam: where one ends inside a batch, the next goes on in it.

    Parameters
    ----------
    dataset
        The training set, from any format.
    settings
        The recipe's ``[input]``.
    batch_size
        Pictures a step, over all processes.
    seed
        What order, crops and colours are made from.
    process, process_count
        This process takes every ``process_count``-th picture of a batch, from the ``process``-th.

    Raises
    ------
    DataError
        If the dataset cannot be trained on: no image, no box, one that is not finite or ends before it begins, more
        boxes in an image than ``max_truths``.
    UsageError
        If ``batch_size`` cannot be shared evenly among the processes.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: InputSettings,
        *,
        batch_size: int,
        seed: int,
        process: int = 0,
        process_count: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % process_count:
            raise UsageError(f"a batch of {batch_size} cannot be shared evenly among {process_count} processes")
        if not 0 <= process < process_count:
            raise UsageError(f"there is no process {process} among {process_count}: they are counted from 0")
        check_training_set(dataset, settings.max_truths)
        self.dataset = dataset
        self.settings = settings
        self.batch_size = batch_size
        self.process = process
        self.process_count = process_count
        self.examples = training_examples(Tables(dataset), settings, seed)

    @property
    def local_batch_size(self) -> int:
        """Pictures a step in this process."""
        return self.batch_size // self.process_count

    def places(self, step: int) -> range:
        """Return the places, in the endless sequence of pictures, of what this process takes in step ``step``."""
        first = step * self.batch_size
        return range(first + self.process, first + self.batch_size, self.process_count)

    def rows(self, step: int) -> list[int]:
        """Return the rows of the images of this process's part of batch ``step``."""
        return [self.examples.at(place).row for place in self.places(step)]

    def batch(self, step: int) -> Batch:
        """Return this process's part of batch ``step``, made here and now. Raises DataError as `batches` does."""
        batch = empty_batch(self.examples, self.local_batch_size)
        for index, place in enumerate(self.places(step)):
            fill(self.examples, place, batch, index)
        return batch

    def batches(
        self, first_step: int = 0, *, reader: ReaderName = "plain", workers: int | None = None
    ) -> Iterator[Batch]:
        """Yield this process's part of batch ``first_step``, of the next, and so on without end, in NumPy.

        ``workers`` – threads; None: as many as there are cores. Close the iterator to end them.

        Raises
        ------
        DataError
            If a picture is missing, does not decode in full, or has another size than its annotation says.
        """
        if reader == "tfdata":
            from detbench.detectors.input.tf_reader import tf_batches

            return tf_batches(self, first_step, workers)
        steps = map(self.places, count(first_step))
        return plain_batches(self.examples, steps, self.local_batch_size, workers=workers)

    def tf_dataset(self, first_step: int = 0, workers: int | None = None) -> Any:
        """Return the same as a ``tf.data.Dataset`` of ``(x, y)``, for ``tf.distribute``.

        A broken picture ends it with TensorFlow's error; ``batch(step)`` of the step at fault raises ours.
        """
        from detbench.detectors.input.tf_reader import tf_dataset

        return tf_dataset(self, first_step, workers)
