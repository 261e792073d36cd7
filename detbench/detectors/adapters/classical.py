"""The classical detector as an adapter. Its second look and its suppression are one step: it all counts as forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from detbench.detectors.adapters.contract import Detections, Facts
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from detbench.detectors.adapters.contract import Picture, Wanted
    from detbench.detectors.classical import ClassicalDetector, Found

__all__ = ["ClassicalAdapter"]


class ClassicalAdapter:
    """A fitted classical detector; ``file`` is where it was read from, None if it was fitted just now.

    Raises
    ------
    UsageError
        On what it cannot be asked for: a GPU, other names.
    """

    def __init__(self, detector: ClassicalDetector, wanted: Wanted, file: Path | None = None) -> None:
        if wanted.naming is not None:
            raise UsageError("the classical detector names its categories itself; leave --categories out")
        if wanted.device == "gpu":
            raise UsageError("the classical detector runs on the processor; leave --device out")
        self._detector = detector
        self._min_score = wanted.min_score or 0.0
        self.categories: Sequence[str] | None = detector.category_names
        self.facts = Facts("classical", "cpu", wanted.batch_size, (file,) if file else (), {})

    def prepare(self, pictures: Sequence[Picture]) -> list[Image.Image]:
        """See :class:`.contract.Adapter`."""
        return [Image.fromarray(picture.pixels) for picture in pictures]

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
