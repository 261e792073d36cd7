"""What adapters of ONNX models with one picture input share: its size, its type, its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from detbench.detectors.adapters.contract import Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession, Tensor

__all__ = ["anchor_count", "batch_of", "canvas_input", "canvas_of", "padded", "picture_input", "unfit"]

#: Axes of a batch of pictures: batch, colours, height, width.
_AXES = 4

#: Strides of the maps of the YOLO family.
STRIDES = (8, 16, 32)


def picture_input(session: OnnxSession) -> Tensor | None:
    """Return the one input that is ``[B, 3, H, W]`` of floating point; None where there is another, or none."""
    if len(session.inputs) != 1:
        return None
    only = session.inputs[0]
    fits = len(only.shape) == _AXES and only.shape[1] == 3 and only.dtype is not None and only.dtype.kind == "f"  # noqa: PLR2004  colours
    return only if fits else None


def canvas_of(tensor: Tensor) -> tuple[int, int] | None:
    """Return the height and width that an input ``[.., H, W]`` has; None where they are open."""
    height, width = tensor.shape[-2:]
    return None if height is None or width is None else (height, width)


def canvas_input(session: OnnxSession, adapter: str, wants: str, *, fits: bool) -> tuple[Tensor, tuple[int, int]]:
    """Return the one picture input and its height and width. Raises DataError if they are open, or nothing ``fits``."""
    tensor = picture_input(session)
    canvas = None if tensor is None else canvas_of(tensor)
    if tensor is None or canvas is None or not fits:
        raise unfit(session, adapter, wants)
    return tensor, canvas


def anchor_count(canvas_px: tuple[int, int]) -> int | None:
    """Return how many cells the maps of strides 8, 16 and 32 have; None where a stride does not divide a side.

    Examples
    --------
    >>> anchor_count((416, 416)), anchor_count((640, 640)), anchor_count((100, 100))
    (3549, 8400, None)
    """
    height, width = canvas_px
    if height % STRIDES[-1] or width % STRIDES[-1]:
        return None
    return sum((height // stride) * (width // stride) for stride in STRIDES)


def batch_of(session: OnnxSession, tensor: Tensor, wanted: Wanted) -> int:
    """Return how many pictures go in at once. Raises UsageError if the file takes another number."""
    fixed = tensor.shape[0]
    if fixed is not None and wanted.batch_size not in {1, fixed}:
        raise UsageError(f"{session.path} takes {fixed} at a time; leave --batch-size out")
    return wanted.batch_size if fixed is None else fixed


def unfit(session: OnnxSession, adapter: str, wants: str) -> DataError:
    """Return the error for a file that an adapter cannot take."""
    return DataError(
        f"does not fit the adapter {adapter}, which wants {wants}: {session.described()}",
        file=session.path,
        remedy="leave --adapter out, or write a function: FILE.py:FUNCTION",
    )


def padded(arrays: np.ndarray, count: int) -> np.ndarray:
    """Return a batch with its last picture repeated until it has ``count``."""
    missing = count - len(arrays)
    return arrays if missing <= 0 else np.concatenate([arrays, np.repeat(arrays[-1:], missing, axis=0)])
