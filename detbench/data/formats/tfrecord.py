"""TFRecords of the TF Object Detection API's schema and of ours: a file, or a folder of shards.

Ours come back bit for bit, with their manifest's categories and splits. A foreign record's corners are float32
fractions of the picture, read as continuous coordinates (the API's own scripts write VOC's 1-based pixels as they
are); where a whole pixel has exactly that fraction, it is meant. Splits are the manifest's, or the shards' names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.decoding import read_header
from detbench.data.formats.base import Format, Sighting
from detbench.data.records.example import decode_record
from detbench.data.records.framing import frames, is_record_file
from detbench.data.records.manifest import MANIFEST_NAME, read_manifest
from detbench.data.records.names import RECORD_ENDINGS, split_name
from detbench.data.records.pictures import Place, RecordPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError
from detbench.files import safe_join

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.findings import Findings
    from detbench.data.records.example import Record
    from detbench.data.records.framing import Frame
    from detbench.data.records.manifest import Manifest
    from detbench.data.tables import Key

__all__ = ["FORMAT"]

_USUAL = ("train", "val", "validation", "valid", "test")


def _manifest(path: Path) -> Manifest | None:
    """Return the manifest in a folder, if it is one of ours."""
    place = path / MANIFEST_NAME
    if not place.is_file():
        return None
    try:
        return read_manifest(place)
    except DataError:
        return None


def _shards(path: Path) -> dict[str | None, list[Path]]:
    """Return the files of every split; the one key is None where there are no splits."""
    if path.is_file():
        return {None: [path]}
    manifest = _manifest(path)
    if manifest is not None:
        return {s.split: [safe_join(path, shard.file, file=path) for shard in s.shards] for s in manifest.splits}
    found: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        name = split_name(file.name)
        if name is not None and file.is_file():
            found.setdefault(name, []).append(file)
    order = sorted(found, key=lambda name: (_USUAL.index(name) if name in _USUAL else len(_USUAL), name))
    return {name: found[name] for name in order}


def _recognise(path: Path) -> Sighting | None:
    if path.is_file():
        if is_record_file(path):
            return Sighting("tfrecord", 1.0, ("the file begins with a record's length and its checksum",))
        return None
    if not path.is_dir():
        return None
    if _manifest(path) is not None:
        return Sighting("tfrecord", 1.0, (f"{MANIFEST_NAME} is a detbench manifest",))
    files = [file for shards in _shards(path).values() for file in shards]
    if files and is_record_file(files[0]):
        return Sighting("tfrecord", 0.9, (f"{files[0].name} begins with a record's length and its checksum",))
    return None


def _splits(path: Path) -> tuple[str, ...]:
    return tuple(name for name in _shards(path) if name is not None) if path.is_dir() else ()


@dataclass(slots=True)
class _Reading:
    """What has been read of a split so far."""

    findings: Findings
    records: list[Record] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def add(self, path: Path, frame: Frame) -> None:
        """Take one record, or report what is wrong with it."""
        if frame.problem:
            message = f"the record {frame.problem}"
            self.findings.report("record-corrupt", file=path, record=frame.where, message=message)
            return
        try:
            record = decode_record(frame.payload)
            if not record.ours and 0 in (record.image.width_px, record.image.height_px):
                start, end = record.picture_span
                header = read_header(frame.payload[start:end], where=str(path))
                record = decode_record(frame.payload, size=(header.width_px, header.height_px))
        except (ValueError, DataError) as error:
            words = error.problem if isinstance(error, DataError) else str(error)
            self.findings.report("record-malformed", file=path, record=frame.where, message=f"the record holds {words}")
            return
        start, end = record.picture_span
        self.records.append(record)
        self.places.append(Place(path, frame.number, frame.offset_bytes + 12 + start, end - start))


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    shards = _shards(path)
    files = shards[split] if split is not None else [file for own in shards.values() for file in own]
    if not files:
        raise DataError("holds no TFRecord files", file=path, remedy=f"their names end in {', '.join(RECORD_ENDINGS)}")
    reading = _Reading(findings)
    for file in files:
        for frame in frames(file):
            reading.add(file, frame)
    manifest = _manifest(path if path.is_dir() else path.parent)
    if path.is_file() and manifest is not None and path.name not in manifest.file_names():
        manifest = None
    return _dataset(path, split, reading, manifest)


def _dataset(path: Path, split: str | None, reading: _Reading, manifest: Manifest | None) -> Dataset:
    """Return the tables of the records that were read."""
    records = reading.records
    table, row_of = _categories(records, manifest)
    builder = GroundTruthBuilder()
    for image, record in enumerate(records):
        for row in range(len(record.label)):
            label, name = int(record.label[row]), record.category_name[row]
            marks = record.marks[row].tolist()
            builder.add(
                image,
                -1 if record.ours and not label else row_of[label, name] if not manifest else row_of[label, ""],
                tuple(record.box[row].tolist()),
                area_px=float(record.area_px[row]),
                crowd=bool(marks[0]),
                ignore=bool(marks[1]),
                difficult=bool(marks[2]),
                truncated=marks[3],
                occluded=marks[4],
                source_id=record.source_id[row] if record.source_id else None,
                size_px=tuple(record.size_px[row].tolist()),
            )
    images = Images(
        _keys(reading),
        tuple(record.image.file_name for record in records),
        np.array([record.image.width_px for record in records], dtype=np.int32),
        np.array([record.image.height_px for record in records], dtype=np.int32),
    )
    name = manifest.name if manifest else path.name.split(".")[0]
    pictures = RecordPictures(tuple(reading.places))
    return Dataset(name, "tfrecord", path, split, table, images, builder.build(), pictures)


def _categories(records: list[Record], manifest: Manifest | None) -> tuple[Categories, dict[tuple[int, str], int]]:
    """Return the table, and the row of every (label, name) that the records have."""
    if manifest:
        entries = manifest.categories
        table = Categories(tuple(e.name for e in entries), tuple(e.source_id for e in entries))
        return table, {(entry.label, ""): row for row, entry in enumerate(entries)}
    pairs = sorted(
        {
            (label, name)
            for record in records
            for label, name in zip(record.label.tolist(), record.category_name, strict=True)
            if label or not record.ours
        }
    )
    names = tuple(name or f"category {label}" for label, name in pairs)
    return Categories(names, tuple(label for label, _ in pairs)), {pair: row for row, pair in enumerate(pairs)}


def _keys(reading: _Reading) -> tuple[Key, ...]:
    """Return the records' own ids; for foreign ones the first of id, file name and place that tells all apart."""
    records = reading.records
    ways: list[list[Key]] = [
        [record.image.key for record in records],
        [record.image.file_name for record in records],
        [f"{place.shard.name}:{place.record}" for place in reading.places],
    ]
    if all(record.ours for record in records):
        return tuple(ways[0])
    return tuple(next(way for way in ways if len(set(way)) == len(way) and "" not in way))


FORMAT = Format("tfrecord", "TFRecords (TF Object Detection API, detbench)", _recognise, _splits, _read)
