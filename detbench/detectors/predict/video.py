"""Videos, frame by frame, through OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.pictures import FolderPictures
from detbench.detectors.adapters.contract import Picture, whole
from detbench.detectors.predict.sources import Frame, bare_dataset
from detbench.errors import DataError, UsageError
from detbench.files import require_utf8_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from detbench.data.tables import Categories, Dataset, Key

__all__ = ["VideoSource", "opencv"]


def opencv() -> Any:
    """Return the module. Raises UsageError, saying how to install it, where it is missing."""
    try:
        import cv2
    except ImportError as error:
        raise UsageError("videos need OpenCV: pip install 'detbench[video]'") from error
    return cv2


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A video; its frames are called ``frame 000000``, ``frame 000001`` …. Decoding a frame counts the demuxing."""

    place: Path
    limit: int | None = None
    kind: str = "video"
    dataset: None = None

    @property
    def name(self) -> str:
        """See :class:`.sources.Source`."""
        return self.place.name

    @property
    def count(self) -> int:
        """See :class:`.sources.Source`."""
        said = max(int(self._asked("CAP_PROP_FRAME_COUNT")), 0)
        return said if self.limit is None else min(said, self.limit)

    @property
    def frames_per_second(self) -> float:
        """How fast it is played; 25 where the file does not say."""
        return self._asked("CAP_PROP_FPS") or 25.0

    def frames(self, reduction: Callable[[int, int], int] = whole) -> Iterator[Frame]:
        """See :class:`.sources.Source`. Frames are decoded as a whole."""
        del reduction
        cv2, number = opencv(), 0
        capture = self._opened(cv2)
        try:
            while self.limit is None or number < self.limit:
                begin = perf_counter_ns()
                there, bgr = capture.read()
                if not there:
                    break
                picture = Picture(np.ascontiguousarray(bgr[..., ::-1]), (bgr.shape[1], bgr.shape[0]))
                took_ms = (perf_counter_ns() - begin) / 1e6
                name = f"frame {number:06d}"
                yield Frame(name, name, f"{self.place}, {name}", picture, took_ms)
                number += 1
        finally:
            capture.release()
        if not number:
            raise DataError("has no frame that can be decoded", file=self.place, remedy="restore it from its source")

    def as_dataset(self, frames: Sequence[tuple[Key, str, int, int]], categories: Categories) -> Dataset:
        """See :class:`.sources.Source`."""
        names = tuple(frame[1] for frame in frames)
        pictures = FolderPictures((None,) * len(names), names)
        return bare_dataset(self.name, self.kind, self.place, frames, categories, pictures)

    def _opened(self, cv2: Any) -> Any:
        require_utf8_name(self.place)  # OpenCV would end the process
        capture = cv2.VideoCapture(str(self.place))
        if not capture.isOpened():
            raise DataError("is not a video that can be read", file=self.place, remedy="restore it from its source")
        return capture

    def _asked(self, name: str) -> float:
        cv2 = opencv()
        capture = self._opened(cv2)
        try:
            said = float(capture.get(getattr(cv2, name)))
        finally:
            capture.release()
        return said if np.isfinite(said) else 0.0
