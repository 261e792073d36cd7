"""YOLO: a text file a picture, ``class cx cy width height`` a line, all but the class fractions of the picture.

Read are ``data.yaml`` with what it points to beneath its folder, ``images/`` beside ``labels/`` with or without
a folder a split, lists of pictures, and text files beside pictures. Names come from ``data.yaml``, or from
``classes.txt``, ``obj.names`` and the like; without any a class is called by its number. An image's key is its
picture's name without the ending, relative to the split's folder; a picture without a text file has no boxes.
The pictures' sizes come from their headers. A line of more than six values is a polygon (three points or more):
its bounding box is taken, which the first of them reports; one of six values ends in a score, so it is a prediction.

Written are ``images/``, ``labels/`` (each with a folder for the split) and ``data.yaml``. YOLO carries no ids, areas
and levels, no ``difficult``, and nothing to ignore a box by: boxes of a crowd, boxes to ignore and regions
of no category are left out, because as plain boxes they would count as objects to find.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from detbench.data.findings import Findings
from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.carrying import report_losses
from detbench.data.formats.scanning import child_folder, holds_suffix, name_of, ordered_splits, stem_of
from detbench.data.formats.writing import copy_pictures, picture_names, put, split_folder
from detbench.data.formats.yolo_labels import line_text, parse_line
from detbench.data.formats.yolo_layout import YoloLayout, find_layout, label_file, listed_pictures, read_config
from detbench.data.formats.yolo_reading import SURELY_PIXELS, YoloReader
from detbench.data.pictures import PICTURE_SUFFIXES, FolderPictures
from detbench.data.tables import Categories, Dataset, Images
from detbench.errors import DataError
from detbench.files import make_folder, read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FORMAT"]

#: How many text files are opened to recognise the format.
_TRIED_FILES = 20


def _recognise(path: Path) -> Sighting | None:
    try:
        layout = None if _is_voc(path) else find_layout(path)
        sample = None if layout is None else _first_line(layout)
    except DataError as error:
        return Sighting("yolo", 0.5, (f"a file that {error.problem} ({Path(error.file).name})",))
    if layout is None or (sample is None and not layout.configured):
        return None
    if sample is None:
        return Sighting("yolo", 0.8, layout.evidence)
    file, text = sample
    if not _holds_fractions(text, layout):
        return None
    evidence = (*layout.evidence, f"{file.name} holds a class and {len(text.split()) - 1} fractions a line")
    return Sighting("yolo", 0.95 if layout.names else 0.85, evidence)


def _holds_fractions(text: str, layout: YoloLayout) -> bool:
    try:
        return max(parse_line(text, keypoints=layout.keypoints).fractions) <= SURELY_PIXELS
    except ValueError:
        return False


def _is_voc(path: Path) -> bool:
    """Return whether there is XML: then it is Pascal VOC, and the labels, if any, were made from it."""
    annotations = child_folder(path, "annotations", "annotation")
    return holds_suffix(path, ".xml") or (annotations is not None and holds_suffix(annotations, ".xml"))


def _first_line(layout: YoloLayout) -> tuple[Path, str] | None:
    """Return the first line of labels there is, from the first few files."""
    tried = 0
    for source in (place for places in layout.sources.values() for place in places):
        for picture in listed_pictures(layout, source):
            if picture.path is None or not (file := label_file(layout.root, picture.path)).is_file():
                continue
            for line in read_text(file).split("\n"):
                if line.strip():
                    return file, line
            tried += 1
            if tried == _TRIED_FILES:
                return None
    return None


def _layout_or_error(path: Path) -> YoloLayout:
    layout = find_layout(path)
    if layout is None:
        raise DataError(
            "holds no YOLO dataset: no data.yaml, no images/ beside labels/, no text files beside pictures",
            file=path,
            remedy="name the folder that holds data.yaml, or images/ and labels/",
        )
    return layout


def _splits(path: Path) -> tuple[str, ...]:
    return ordered_splits(split for split in _layout_or_error(path).sources if split is not None)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    layout = _layout_or_error(path)
    reader = YoloReader(layout, findings)
    wanted = layout.sources.values() if split is None else [layout.sources[split]]
    reader.add_sources(place for places in wanted for place in places)
    names = layout.names if layout.names is not None else _numbers(layout)
    paths = tuple(picture for picture, _, _ in reader.images.values())
    sizes = np.asarray([sides for _, *sides in reader.images.values()], dtype=np.int32).reshape(-1, 2)
    file_names = tuple(key + picture.suffix for key, picture in zip(reader.images, paths, strict=True))
    return Dataset(
        name_of(path if path.is_dir() else path.parent),
        "yolo",
        path,
        split,
        Categories(names, tuple(range(len(names)))),
        Images(tuple(reader.images), file_names, sizes[:, 0].copy(), sizes[:, 1].copy()),
        reader.builder.build(),
        FolderPictures(paths, file_names),
        tuple(str(label_file(layout.root, picture)) for picture in paths),
    )


def _numbers(layout: YoloLayout) -> tuple[str, ...]:
    """Return the class numbers found in all splits as names, so that each split has the same categories."""
    reader = YoloReader(layout, Findings(strict=False))
    reader.add_sources(place for places in layout.sources.values() for place in places)
    return tuple(map(str, range(reader.highest + 1)))


def _write(dataset: Dataset, path: Path, findings: Findings | None = None) -> None:
    names = picture_names(dataset)
    images, table = dataset.images, dataset.ground_truth
    for key, width, height in zip(images.key, images.width_px, images.height_px, strict=True):
        if not (width and height):
            raise DataError(
                "its size is not known, and YOLO's numbers are fractions of it",
                file=dataset.source,
                record=f"image {key!r}",
                remedy="put the picture in its place, so that its size can be read",
            )
    _write_config(dataset, path)
    copy_pictures(dataset, split_folder(path / "images", dataset.split, dataset.source), names)
    labels = split_folder(path / "labels", dataset.split, dataset.source)
    kept = ~(table.crowd | table.ignore) & (table.category >= 0)
    offsets = table.offsets(len(images))
    for row, name in enumerate(names):
        rows = (int(r) for r in range(offsets[row], offsets[row + 1]) if kept[r])
        lines = _lines(dataset, rows, int(images.width_px[row]), int(images.height_px[row]))
        put(labels / f"{stem_of(name, PICTURE_SUFFIXES)}.txt", "".join(f"{line}\n" for line in lines).encode())
    report_losses(dataset, findings, "YOLO", ("regions", "crowds", "ignored", "difficult", "levels", "areas", "ids"))


def _lines(dataset: Dataset, rows: Iterable[int], width_px: int, height_px: int) -> Iterable[str]:
    for row in rows:
        x1, y1, x2, y2 = dataset.ground_truth.box[row].tolist()
        yield line_text(int(dataset.ground_truth.category[row]), (x1, y1, x2, y2), width_px, height_px)


def _write_config(dataset: Dataset, path: Path) -> None:
    """Write ``data.yaml``, with the splits that it already names; without a split it names none."""
    config = path / "data.yaml"
    names = dict(enumerate(dataset.categories.name))
    splits: dict[str, str] = {}
    if config.exists():
        there = read_config(config)
        if there.get("names") != {str(index): name for index, name in names.items()}:
            raise DataError("is there already, with other names", file=config, remedy="write to an empty folder")
        splits = {key: value for key, value in there.items() if key != "names"}
    if dataset.split is not None:
        splits[dataset.split] = f"images/{dataset.split}"
    ordered = {split: splits[split] for split in ordered_splits(splits)}
    make_folder(path)
    write_text(config, yaml.safe_dump({**ordered, "names": names}, sort_keys=False, allow_unicode=True))


FORMAT = Format("yolo", "YOLO", _recognise, _splits, _read, _write)
