"""Reading the pictures of a YOLO split and their text files, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.decoding import read_header
from detbench.data.formats.scanning import files_with_suffix
from detbench.data.formats.yolo_labels import YoloLine, parse_line
from detbench.data.formats.yolo_layout import NAME_FILES, label_file, listed_pictures
from detbench.data.tables import GroundTruthBuilder
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detbench.data.findings import Findings
    from detbench.data.formats.yolo_layout import YoloLayout, YoloPicture

__all__ = ["SURELY_PIXELS", "YoloReader"]

#: Fractions are 0 to 1, a little more by rounding; beyond the second figure they are pixels.
_ROUNDING = 1e-6
SURELY_PIXELS = 2.0


@dataclass(slots=True)
class YoloReader:
    """What is collected while one split is read."""

    layout: YoloLayout
    findings: Findings
    builder: GroundTruthBuilder = field(default_factory=GroundTruthBuilder)
    images: dict[str, tuple[Path, int, int]] = field(default_factory=dict)
    labels: set[Path] = field(default_factory=set)
    highest: int = -1
    told_of_polygons: bool = False

    def add_sources(self, sources: Iterable[Path]) -> None:
        """Add every picture of folders and lists, and report text files that have none."""
        for source in sources:
            for picture in listed_pictures(self.layout, source):
                self._add_picture(picture)
        self._report_orphans()

    def _add_picture(self, picture: YoloPicture) -> None:
        """Add one image with its boxes, or report why not."""
        if picture.path is None:
            message = f"there is no picture of {picture.key!r}"
            self.findings.report("picture-missing", file=picture.file, record=picture.record, message=message)
            return
        if picture.key in self.images:
            message = f"the image {picture.key!r} is there already ({self.images[picture.key][0]})"
            self.findings.report("image-id-duplicate", file=picture.file, record=picture.record, message=message)
            return
        file = label_file(self.layout.root, picture.path)
        self.labels.add(file)
        try:
            header = read_header(picture.path)
        except DataError as error:
            self.findings.report("picture-undecodable", file=picture.path, message=error.problem)
            return
        row = len(self.images)
        self.images[picture.key] = (picture.path, header.width_px, header.height_px)
        if not file.is_file():
            return
        try:
            lines = read_text(file).split("\n")
        except DataError as error:
            self.findings.report("file-unreadable", file=file, message=error.problem, remedy=error.remedy)
            return
        for line_number, line in enumerate(lines, 1):
            if line.strip():
                self._add_line(row, line, file, f"line {line_number}", (header.width_px, header.height_px))

    def _add_line(self, row: int, text: str, file: Path, record: str, size: tuple[int, int]) -> None:
        try:
            line = parse_line(text, keypoints=self.layout.keypoints)
        except ValueError as error:
            self.findings.report("record-malformed", file=file, record=record, message=str(error))
            return
        if not self._is_sound(line, text, file, record):
            return
        if line.is_polygon and not self.told_of_polygons:
            self.told_of_polygons = True
            message = "this line, and perhaps more, is a polygon"
            self.findings.report("box-from-polygon", file=file, record=record, message=message)
        self.highest = max(self.highest, line.category)
        x, y, width, height = line.fractions
        box = (
            (x - width / 2) * size[0],
            (y - height / 2) * size[1],
            (x + width / 2) * size[0],
            (y + height / 2) * size[1],
        )
        self.builder.add(row, line.category, box)

    def _is_sound(self, line: YoloLine, text: str, file: Path, record: str) -> bool:
        """Report what is wrong with a line's numbers, and return whether it can be used all the same."""
        report = self.findings.report
        if not all(map(math.isfinite, line.fractions)):
            report("box-not-finite", file=file, record=record, message=f"its numbers are {text.strip()[:80]!r}")
            return False
        if self.layout.names is not None and line.category >= len(self.layout.names):
            message = f"there are {len(self.layout.names)} names, so no class {line.category}"
            report("category-unknown", file=file, record=record, message=message)
            return False
        if max(map(abs, line.fractions)) > SURELY_PIXELS:
            message = f"its numbers {text.strip()[:80]!r} are no fractions of the picture; they look like pixels"
            report("record-malformed", file=file, record=record, message=message)
            return False
        if min(line.fractions) < -_ROUNDING or max(line.fractions) > 1 + _ROUNDING:
            message = f"its numbers {text.strip()[:80]!r} are not all from 0 to 1"
            report("box-outside-image", file=file, record=record, message=message)
        return True

    def _report_orphans(self) -> None:
        """Report text files beside the labels that were read, and that have no picture."""
        homes = sorted({file.parent for file in self.labels})
        for file in (file for home in homes for file in files_with_suffix(home, ".txt")):
            lists = {place for places in self.layout.sources.values() for place in places}
            if file not in self.labels and file not in lists and file.name not in NAME_FILES:
                message = f"there is no picture of {file.stem!r}"
                self.findings.report("annotation-orphan", file=file, message=message)
