"""A batch: what the model is given, the same from every reader and on every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CANVAS_GREY", "Batch", "split"]


class Batch(NamedTuple):
    """B pictures on canvases of one shape, with up to M boxes each. Fields are NumPy arrays or tensors.

    ``image`` – uint8 ``[B, H, W, 3]``, RGB; the picture lies at the upper left, the rest of the canvas is grey.
    ``size_px`` – float32 ``[B, 2]``: height and width of the picture on its canvas.
    ``box`` – float32 ``[B, M, 4]``: ``x1 y1 x2 y2`` in pixels of the canvas, inside the picture; 0 where padding.
    ``category`` – int32 ``[B, M]``: rows of the categories; −1 where padding or of no category.
    ``state`` – int32 ``[B, M]``: 1 an object, 0 padding, −1 ignored (crowd, difficult, cut by the crop).
    ``seed`` – int32 ``[B]``: what the random numbers of the picture are made from, in this epoch.
    """

    image: NDArray[np.uint8]
    size_px: NDArray[np.float32]
    box: NDArray[np.float32]
    category: NDArray[np.int32]
    state: NDArray[np.int32]
    seed: NDArray[np.int32]


#: What a canvas is filled with where no picture lies.
CANVAS_GREY = 128


def split(batch: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a batch as the model takes it: what it sees, ``image`` and ``size_px``, and what it learns from."""
    fields = batch._asdict()
    seen = {name: fields.pop(name) for name in ("image", "size_px")}
    return seen, fields
