"""The classical detector as an adapter. Its second look and its suppression are one step: it all counts as forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from detbench.detectors.adapters.contract import Detections, Facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detbench.detectors.adapters.contract import Wanted
    from detbench.detectors.classical import ClassicalDetector, Found

__all__ = ["ClassicalAdapter"]


class ClassicalAdapter:
    """A fitted classical detector; ``file`` is where it was read from, None if it was fitted just now."""

    def __init__(self, detector: ClassicalDetector, wanted: Wanted, file: Path | None = None) -> None:
        self._detector = detector
        self._min_score = wanted.min_score or 0.0
        self.categories = wanted.naming.names if wanted.naming else detector.category_names
        self.facts = Facts("classical", "cpu", wanted.batch_size, (file,) if file else (), {})

    def prepare(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Image.Image]:
        """See :class:`.contract.Adapter`."""
        return [Image.fromarray(picture) for picture in pictures]

    def forward(self, batch: list[Image.Image]) -> list[Found]:
        """See :class:`.contract.Adapter`."""
        return [self._detector.detect(picture) for picture in batch]

    def finish(self, raw: list[Found], batch: list[Image.Image]) -> list[Detections]:
        """See :class:`.contract.Adapter`."""
        del batch
        kept = [found.score >= self._min_score for found in raw]
        return [
            Detections(found.box[keep], found.score[keep], found.category[keep])
            for found, keep in zip(raw, kept, strict=True)
        ]
