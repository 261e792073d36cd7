"""One picture and its boxes become one record's bytes. Runs on several threads; knows no files but the pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.decoding import decode_fully, read_header, to_png
from detbench.data.records.encode import Encoder
from detbench.data.records.example import RecordImage
from detbench.data.records.fitting import fit_boxes
from detbench.data.records.framing import framed
from detbench.data.records.tally import Tally
from detbench.data.tables import GroundTruth
from detbench.errors import DataError

if TYPE_CHECKING:
    from detbench.data.decoding import Header
    from detbench.data.records.label_map import LabelMap
    from detbench.data.records.options import Options
    from detbench.data.tables import Dataset

__all__ = ["Batch", "Preparer"]

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_UPRIGHT = 1


@dataclass(slots=True)
class Batch:
    """Some records, ready to be written.

    ``records_bytes`` is what to write: one piece, because hashing and writing it in many makes the threads wait for the
    interpreter's lock at every one. ``boxes`` counts those of a category, ``regions`` the others;
    ``input_bytes`` and ``input_sum`` are the pictures' lengths and SHA-256, summed (0 where they are not checked).
    """

    images: int
    records_bytes: bytes = b""
    records: int = 0
    boxes: int = 0
    regions: int = 0
    input_bytes: int = 0
    input_sum: int = 0
    tally: Tally = field(default_factory=Tally)


class Preparer:
    """Makes the records of one split.

    Parameters
    ----------
    dataset
        What is converted.
    label_map
        The number of every category.
    options
        Whether to decode the pictures, and what to do with a broken one.
    """

    def __init__(self, dataset: Dataset, label_map: LabelMap, options: Options) -> None:
        self._dataset = dataset
        self._options = options
        self._offsets = dataset.ground_truth.offsets(len(dataset.images))
        self._encode = Encoder(label_map)

    def __call__(self, rows: range) -> Batch:
        """Return the records of some images. Raises DataError for a broken picture, unless they are skipped."""
        batch = Batch(images=len(rows))
        read = {row: picture for row in rows if (picture := self._picture(row, batch)) is not None}
        images = [image for image, _ in read.values()]
        pictures = [stored for _, stored in read.values()]
        boxes = self._boxes(rows, list(read))
        if images:
            size_px = np.array([(image.width_px, image.height_px) for image in images], dtype=np.float64)
            boxes = fit_boxes(boxes, size_px, [self._name(row) for row in read], batch.tally)
            around = self._encode(images, pictures, boxes)
            payloads = ((before, picture, after) for (before, after), picture in zip(around, pictures, strict=True))
            batch.records_bytes = b"".join(framed(payloads))
        batch.records = len(images)
        batch.regions = int((boxes.category < 0).sum())
        batch.boxes = len(boxes) - batch.regions
        return batch

    def _picture(self, row: int, batch: Batch) -> tuple[RecordImage, bytes] | None:
        """Return one image and its picture as stored, or None if it is broken and skipped."""
        reason = "picture-unreadable"
        try:
            data = self._dataset.pictures.read(row)
            reason = "picture-undecodable"
            where = self._dataset.pictures.where(row)
            header = decode_fully(data, where=where) if self._options.check_pictures else read_header(data, where=where)
            stored = data if data.startswith((_JPEG, _PNG)) else to_png(data, where=where)
        except DataError as error:
            if self._options.on_bad == "raise":
                raise
            boxes = int(self._offsets[row + 1] - self._offsets[row])
            batch.tally.note(reason, self._name(row), error.problem, images=1, boxes=boxes)
            return None
        batch.input_bytes += len(data)
        # A picture that is not looked at is not hashed either: hashing takes longer than all the rest together.
        digest = hashlib.sha256(data) if self._options.check_pictures else None
        if digest is not None:
            batch.input_sum += int.from_bytes(digest.digest(), "big")
        self._note_picture(row, header, stored is not data, batch.tally)
        image = RecordImage(
            self._dataset.images.key[row],
            self._dataset.images.file_name[row],
            header.width_px,
            header.height_px,
            "jpeg" if stored.startswith(_JPEG) else "png",
            "" if digest is None else (digest if stored is data else hashlib.sha256(stored)).hexdigest(),
        )
        return image, stored

    def _boxes(self, rows: range, read: list[int]) -> GroundTruth:
        """Return the boxes of the images that were read, which lie in ``rows``; ``image`` counts from 0."""
        run = slice(self._offsets[rows.start], self._offsets[rows.stop])
        table = self._dataset.ground_truth
        columns = {column.name: getattr(table, column.name)[run] for column in fields(table)}
        place = np.full(len(rows), -1, dtype=np.int32)
        place[[row - rows.start for row in read]] = np.arange(len(read))
        boxes = GroundTruth(**columns | {"image": place[columns["image"] - rows.start]})
        return boxes if len(read) == len(rows) else boxes.take(boxes.image >= 0)

    def _name(self, row: int) -> str:
        """Return what to call an image in the receipt, which knows no paths."""
        return f"image {self._dataset.images.key[row]}"

    def _note_picture(self, row: int, header: Header, reencoded: bool, tally: Tally) -> None:
        """Count what a person should know about a picture that is stored."""
        size = f"{header.width_px} × {header.height_px}"
        said = (int(self._dataset.images.width_px[row]), int(self._dataset.images.height_px[row]))
        if 0 not in said and said != (header.width_px, header.height_px):
            detail = f"the picture is {size}, the source says {said[0]} × {said[1]}"
            tally.note("picture-size-mismatch", self._name(row), detail, images=1)
        if header.orientation != _UPRIGHT:
            tally.note("picture-exif-rotation", self._name(row), f"orientation {header.orientation}", images=1)
        if reencoded:
            tally.note("picture-reencoded", self._name(row), f"{header.format}, {header.mode}", images=1)
