"""What a detector found, drawn on its picture: for pictures of their own, and for the frames of a video."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from detbench.errors import DataError, UsageError
from detbench.files import make_folder, replacing
from detbench.report.drawing import Mark, colour_of, draw_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DRAWN_FROM", "PictureWriter", "VideoWriter", "drawn"]

#: Boxes with lower scores are not drawn: there are hundreds of them, and they hide the picture.
DRAWN_FROM = 0.3

#: A file's name may have 255 bytes, and what tells equal ones apart, the ending and a hidden sibling's want some too.
_NAME_BYTES = 150

#: JPEG quality of a drawn picture.
_QUALITY = 90


def drawn(
    pixels: NDArray[np.uint8],
    box: NDArray[np.float64],
    score: NDArray[np.float64],
    category: NDArray[np.int32],
    names: Sequence[str] | None,
) -> Image.Image:
    """Return a picture ``[H, W, 3]`` with its boxes of at least :data:`DRAWN_FROM`, in the colours of their rows."""
    picture = Image.fromarray(pixels)
    rows = np.flatnonzero(score >= DRAWN_FROM)
    marks = []
    for row in rows.tolist():
        rank = int(category[row])
        name = names[rank] if names is not None and rank < len(names) else str(rank)
        x1, y1, x2, y2 = box[row].tolist()
        marks.append(Mark((x1, y1, x2, y2), colour_of(rank), tags=(f"{name} {score[row]:.2f}", name)))
    draw_marks(picture, marks)
    return picture


class PictureWriter:
    """Writes drawn pictures into a folder: as JPEG, under the names that they had."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._taken = folder, set[str]()

    def add(self, picture: Image.Image, name: str) -> None:
        """Write one more. Raises DataError."""
        stem = "_".join(part for part in Path(name.replace("\\", "/")).with_suffix("").parts if part not in {"..", "/"})
        plain = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in stem)
        plain = plain.encode()[:_NAME_BYTES].decode(errors="ignore") or "picture"
        unique, number = plain, 2
        while unique.lower() in self._taken:
            unique, number = f"{plain}-{number}", number + 1
        self._taken.add(unique.lower())
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=_QUALITY)
        make_folder(self._folder)
        with replacing(self._folder / f"{unique}.jpg", durable=False) as file:
            file.write(data.getvalue())

    def close(self) -> None:
        """Nothing is left to do."""


class VideoWriter:
    """Writes drawn frames as an MP4 file."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._rate = path, frames_per_second
        self._writer: Any = None

    def add(self, picture: Image.Image, name: str) -> None:
        """Write one more frame. Raises DataError, UsageError."""
        del name
        cv2 = _opencv()
        if self._writer is None:
            make_folder(self._path.parent)
            code = cv2.VideoWriter_fourcc(*"mp4v")
            writer = cv2.VideoWriter(str(self._path), code, self._rate, picture.size)
            if not writer.isOpened():
                raise DataError("cannot be written: this OpenCV has no encoder for MP4", file=self._path)
            self._writer = writer
        self._writer.write(np.ascontiguousarray(np.asarray(picture)[..., ::-1]))

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise UsageError("videos need OpenCV: pip install 'detbench[video]'") from error
    return cv2
