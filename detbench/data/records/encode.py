"""Images and their boxes become the bytes of records, a batch at a time: what :mod:`.example` reads back.

A batch, because NumPy's calls cost more than the few boxes of one image: the columns of all its boxes are turned into
bytes at once and cut up by image.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.records.example import CORNERS, MARKS, OBJECT, OURS, PICTURE, VERSION
from detbench.data.records.wire import (
    BYTES,
    FLOATS,
    INTS,
    bytes_feature,
    encode_example,
    ints,
    numbers_feature,
    opening,
    sized,
    strings_feature,
    varint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detbench.data.records.example import RecordImage
    from detbench.data.records.label_map import LabelMap
    from detbench.data.tables import GroundTruth, Key

__all__ = ["Encoder"]

#: Feature name → one encoded feature for every image of a batch.
_Features = dict[str, list[bytes]]


class Encoder:
    """Makes records with the numbers and names of a label map."""

    def __init__(self, label_map: LabelMap) -> None:
        self._label = label_map.label_of_row()
        self._names = [sized(0x0A, entry.name.encode()) for entry in label_map.categories]

    def __call__(
        self, images: Sequence[RecordImage], pictures: Sequence[bytes], boxes: GroundTruth
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield, for every image, what stands before and after its picture's bytes in its record.

        Parameters
        ----------
        images, pictures
            The images of the batch, and their pictures as they are stored.
        boxes
            Their boxes, which lie inside the pictures; ``image`` counts from the batch's first.
        """
        features = self._of_images(images) | self._exact(boxes, len(images)) | self._of_schema(images, boxes)
        names = sorted(features)
        before = zip(*(features[name] for name in names if name < PICTURE), strict=True)
        after = zip(*(features[name] for name in names if name > PICTURE), strict=True)
        for picture, first, last in zip(pictures, before, after, strict=True):
            around = opening(PICTURE, BYTES, len(picture), one_value=True)
            yield encode_example([*first, around], picture, list(last))

    def _of_images(self, images: Sequence[RecordImage]) -> _Features:
        """Return what each record says of its image."""
        texts = {
            "image/filename": [_bytes(image.file_name) for image in images],
            "image/source_id": [_bytes(str(image.key)) for image in images],
            "image/format": [image.picture_format.encode() for image in images],
            OURS + "key": [_typed(image.key) for image in images],
        }
        if all(image.picture_sha256 for image in images):
            texts["image/key/sha256"] = [image.picture_sha256.encode() for image in images]
        numbers = {
            "image/height": [image.height_px for image in images],
            "image/width": [image.width_px for image in images],
            OURS + "version": [VERSION] * len(images),
        }
        features = {name: [bytes_feature(name, value) for value in values] for name, values in texts.items()}
        for name, values in numbers.items():
            features[name] = [numbers_feature(name, INTS, varint(value)) for value in values]
        return features

    def _exact(self, boxes: GroundTruth, images: int) -> _Features:
        """Return our own lists: every box, bit for bit."""
        offsets = boxes.offsets(images).tolist()
        marks = np.stack([getattr(boxes, name) for name in MARKS], axis=1).astype(np.int8)
        ids = [sized(0x0A, _typed(key)) for key in boxes.source_id]
        columns = {
            "box": boxes.box.astype("<f8"),
            "size": boxes.size_px.astype("<f8"),
            "area": boxes.area_px.astype("<f8"),
            "marks": marks,
        }
        features = {
            OURS + name: [bytes_feature(OURS + name, run) for run in _runs(values, offsets)]
            for name, values in columns.items()
        }
        features[OURS + "category"] = _int_features(OURS + "category", self._label[boxes.category], offsets)
        features[OURS + "source_id"] = _text_features(OURS + "source_id", ids, offsets)
        return features

    def _of_schema(self, images: Sequence[RecordImage], boxes: GroundTruth) -> _Features:
        """Return the lists that every pipeline of the schema reads: the boxes that have a category."""
        shown = boxes if (boxes.category >= 0).all() else boxes.take(boxes.category >= 0)
        offsets = shown.offsets(len(images)).tolist()
        size = np.array([(image.width_px, image.height_px) * 2 for image in images], dtype=np.float64)
        corners = (shown.box / size[shown.image]).astype("<f4").T
        area_px = np.where(np.isnan(shown.area_px), shown.box_area_px(), shown.area_px)
        floats = {"area": area_px.astype("<f4"), "weight": (~shown.ignore).astype("<f4")}
        floats |= {f"bbox/{name}": np.ascontiguousarray(corner) for name, corner in zip(CORNERS, corners, strict=True)}
        whole = {
            "class/label": self._label[shown.category],
            "is_crowd": shown.crowd,
            "group_of": shown.crowd,
            "difficult": shown.difficult,
            "ignore": shown.ignore,
            "truncated": np.maximum(shown.truncated, 0),
            "occluded": np.maximum(shown.occluded, 0),
        }
        texts = {
            "class/text": [self._names[row] for row in shown.category.tolist()],
            "source_id": [sized(0x0A, _bytes(str(key))) for key in shown.source_id],
        }
        features = {OBJECT + name: _text_features(OBJECT + name, values, offsets) for name, values in texts.items()}
        for name, values in floats.items():
            features[OBJECT + name] = [numbers_feature(OBJECT + name, FLOATS, run) for run in _runs(values, offsets)]
        return features | {
            OBJECT + name: _int_features(OBJECT + name, values, offsets) for name, values in whole.items()
        }


def _runs(values: NDArray[np.generic], offsets: Sequence[int]) -> list[bytes]:
    """Return the bytes of each image's rows."""
    raw = values.tobytes()
    width = values.itemsize * int(np.prod(values.shape[1:]))
    return [raw[width * first : width * last] for first, last in pairwise(offsets)]


def _int_features(name: str, values: NDArray[np.integer | np.bool_], offsets: Sequence[int]) -> list[bytes]:
    """Return a feature of each image's integers."""
    raw = ints(values)
    if len(raw) == len(values):  # a byte each
        return [numbers_feature(name, INTS, raw[first:last]) for first, last in pairwise(offsets)]
    return [numbers_feature(name, INTS, ints(values[first:last])) for first, last in pairwise(offsets)]


def _text_features(name: str, values: list[bytes], offsets: Sequence[int]) -> list[bytes]:
    """Return a feature of each image's texts, which are :func:`sized`; of none where there are none at all."""
    return [strings_feature(name, values[first:last]) for first, last in pairwise(offsets)]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _typed(key: Key) -> bytes:
    """Return an id that remembers what it was: ``i:12`` or ``s:abc``."""
    return b"i:%d" % key if isinstance(key, int) else b"s:" + _bytes(key)
