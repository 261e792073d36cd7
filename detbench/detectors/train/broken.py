"""A loss that is no number, and memory that is too small: what is kept of the batch, and what is said."""

from __future__ import annotations

from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DetbenchError, is_lack_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detbench.detectors.input.batch import Batch
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.steppers import Outcome

__all__ = ["NotFinite", "TooLarge", "culprit", "keep_batch", "memory_told"]

#: What the batch is called in the run's folder, and its pictures.
_NAME = "nan_batch"

_NAMED = 16
_MOST_ROWS = 4


class NotFinite(DetbenchError):  # noqa: N818  it is a state of a run
    """Training stopped at a loss or a gradient that is infinite or no number."""


class TooLarge(DetbenchError):  # noqa: N818  it is a state of a run
    """There is not enough memory for the recipe."""


@contextmanager
def memory_told(recipe: Recipe) -> Iterator[None]:
    """Raise TooLarge for any framework's error that there is not enough memory, with what to make smaller."""
    try:
        yield
    except Exception as error:
        if not is_lack_of_memory(error):
            raise
        height, width = recipe.input.train_canvas_px
        raise TooLarge(
            f"there is not enough memory for steps of {recipe.run.batch_size} pictures of {height} × {width} px; say a "
            "smaller --batch-size, a smaller canvas or --precision mixed"
        ) from error


def culprit(outcome: Outcome, *, loss_scaling: bool) -> str:
    """Return what of a step is not finite, in words, or nothing.

    Gradients that are not are ordinary where the loss is scaled: the scale is lowered, and nothing else changed.
    """
    for name, loss in outcome.losses.items():
        if not isfinite(loss):
            return f"the loss {name} is {loss}"
    return "" if loss_scaling or isfinite(outcome.norm) else f"the norm of the gradients is {outcome.norm}"


def keep_batch(folder: Path, step: int, problem: str, batch: Batch, names: list[str], *, process: int = 0) -> NotFinite:
    """Write the batch, as arrays and as a picture, and return the error that names its images.

    Of several processes each has its own part of the batch; the others than the first put their number into its name.
    """
    from detbench.detectors.checkpoints.arrays import write_arrays

    arrays, pictures = (folder / f"{_NAME}{process or ''}{ending}" for ending in (".npz", ".png"))
    about = {"step": step, "problem": problem, "images": names}
    write_arrays(arrays, {name: np.asarray(value) for name, value in batch._asdict().items()}, about)
    _draw(pictures, batch)
    shown = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
    return NotFinite(
        f"{problem} in step {step}, on the images {shown}; the batch is kept in {arrays} and {pictures.name}; "
        "look at its boxes, or train with a lower learning rate or a longer warm-up"
    )


def _draw(path: Path, batch: Batch) -> None:
    """Draw the batch's pictures side by side, their boxes in green, ignored ones in grey."""
    from PIL import Image, ImageDraw

    from detbench.files import replacing

    tiles = []
    for image, boxes, states in zip(batch.image, batch.box, batch.state, strict=True):
        tile = Image.fromarray(np.asarray(image))
        draw = ImageDraw.Draw(tile)
        for box, state in zip(np.asarray(boxes), np.asarray(states), strict=True):
            if state and np.isfinite(box).all() and (box[2:] >= box[:2]).all():
                draw.rectangle(box.tolist(), outline=(0, 200, 0) if state > 0 else (128, 128, 128))
        tiles.append(tile)
    across = -(-len(tiles) // min(len(tiles), _MOST_ROWS))
    width, height = tiles[0].size
    sheet = Image.new("RGB", (across * width, -(-len(tiles) // across) * height))
    for number, tile in enumerate(tiles):
        sheet.paste(tile, (number % across * width, number // across * height))
    with replacing(path) as file:
        sheet.save(file, format="PNG")
