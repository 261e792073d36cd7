"""UAVDT, read only: ``UAV-benchmark-MOTD_v1.0/GT/M####_gt_whole.txt`` and the frames ``M####/img000001.jpg``.

A line is ``frame,target,left,top,width,height,out_of_view,occlusion,category``; boxes are continuous and 0-based, the
categories 1 car, 2 truck, 3 bus. ``M####_gt_ignore.txt`` holds regions to be ignored, of which the first six columns
count. The toolkit's codes do not ascend with what they mean; they become levels so:

=========== ======================= ===============================
level       ``out_of_view``         ``occlusion``
=========== ======================= ===============================
0, not      1 no                    1 no
1, partly   3 small                 4 small, 3 medium
2, heavily  2 medium                2 large
unknown     any other               any other
=========== ======================= ===============================

The path may be the folder that holds everything, ``UAV-benchmark-MOTD_v1.0`` or its ``GT``. The splits are those of
``M_attr/{train,test}``, where that is there. An image's key is ``M0101/img000001``. Where a sequence's frames are
missing, only the frames that have a box are known; where they are there, all of a sequence are taken to be as large
as its first, and a frame without boxes is an image without objects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.data.formats.base import Format, Sighting
from detbench.data.formats.number_lines import first_line, number_lines
from detbench.data.formats.numbers import number_text
from detbench.data.formats.picture_search import fill_sizes
from detbench.data.formats.scanning import child_folder, files_with_suffix, folders_in, ordered_splits
from detbench.data.pictures import FolderPictures
from detbench.data.tables import UNKNOWN_LEVEL, Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.findings import Findings

__all__ = ["FORMAT"]

CATEGORIES = ("car", "truck", "bus")

_WHOLE = "_gt_whole.txt"
_IGNORE = "_gt_ignore.txt"
_COLUMNS = 9
_REGION_COLUMNS = 6
_SEQUENCE = re.compile(r"M\d{4}")
_FRAME = re.compile(r"img(\d{1,9})\.jpe?g", re.IGNORECASE)

_OUT_OF_VIEW = {1: 0, 3: 1, 2: 2}
_OCCLUSION = {1: 0, 4: 1, 3: 1, 2: 2}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts are: the annotations by sequence, the folders of frames by sequence, the sequences by split."""

    whole: dict[str, Path]
    frames: dict[str, Path]
    splits: dict[str, frozenset[str]]


@dataclass(slots=True)
class _Frames:
    """One sequence: frame number → row, and the pictures by frame number."""

    rows: dict[int, int]
    pictures: dict[int, Path]


def _ground_truth_folder(path: Path) -> Path | None:
    """Return the folder of ``M####_gt_whole.txt`` at or in ``path``."""
    places = [path, child_folder(path, "gt"), *(child_folder(child, "gt") for child in folders_in(path))]
    return next((place for place in places if place and files_with_suffix(place, _WHOLE)), None)


def _find(path: Path) -> _Layout | None:
    home = _ground_truth_folder(path) if path.is_dir() else None
    if home is None:
        return None
    # Given the annotations alone, the frames are beside them; nothing is looked for above what the release made.
    base = path.resolve()
    while base.name.lower() == "gt" or base.name.startswith("UAV-benchmark-MOTD"):
        base = base.parent
    near = [path, *folders_in(path), *([base, *folders_in(base)] if base != path.resolve() else [])]
    frames = {child.name: child for place in near for child in folders_in(place) if _SEQUENCE.fullmatch(child.name)}
    attributes = next((found for place in near if (found := child_folder(place, "m_attr"))), None)
    splits = {
        folder.name: frozenset(m[0] for file in files_with_suffix(folder, ".txt") if (m := _SEQUENCE.match(file.name)))
        for folder in (folders_in(attributes) if attributes else [])
    }
    whole = {file.name.removesuffix(_WHOLE): file for file in files_with_suffix(home, _WHOLE)}
    return _Layout(whole, frames, splits)


def _recognise(path: Path) -> Sighting | None:
    layout = _find(path)
    if layout is None:
        return None
    sequence, file = next(iter(layout.whole.items()))
    if len(first_line(file, separator=",") or []) < _COLUMNS:
        return None
    evidence = [f"{len(layout.whole)} files *{_WHOLE}, {file.name} with nine numbers between commas"]
    if layout.frames:
        evidence.append(f"frames in {len(layout.frames)} folders such as {sequence}/")
    return Sighting("uavdt", 1.0, tuple(evidence))


def _layout_or_error(path: Path) -> _Layout:
    layout = _find(path)
    if layout is None:
        raise DataError(f"holds no M####{_WHOLE}", file=path, remedy="name the folder that holds GT, or GT itself")
    return layout


def _splits(path: Path) -> tuple[str, ...]:
    return ordered_splits(_layout_or_error(path).splits)


def _read(path: Path, split: str | None, findings: Findings) -> Dataset:
    layout = _layout_or_error(path)
    chosen = layout.splits[split] if split is not None else layout.whole.keys()
    builder = GroundTruthBuilder()
    keys: list[str] = []
    files: list[str] = []
    paths: list[Path | None] = []
    sizes_px: list[tuple[int, int]] = []
    for sequence in sorted(chosen):
        if sequence not in layout.whole:
            message = f"the sequence {sequence} has no {sequence}{_WHOLE}"
            findings.report("annotation-missing", file=path, record=f"split {split}", message=message)
            continue
        frames = _read_sequence(layout, sequence, len(keys), builder, findings)
        keys.extend(f"{sequence}/img{frame:06d}" for frame in frames.rows)
        files.extend([str(layout.whole[sequence])] * len(frames.rows))
        paths.extend(frames.pictures.get(frame) for frame in frames.rows)
        width, height = fill_sizes([(0, 0)], [next(iter(frames.pictures.values()), None)])
        sizes_px.extend([(int(width[0]), int(height[0]))] * len(frames.rows))
    size = np.asarray(sizes_px, dtype=np.int32).reshape(-1, 2)
    names = tuple(f"{p.parent.name}/{p.name}" if p else "" for p in paths)
    return Dataset(
        name="UAVDT",
        format="uavdt",
        source=path,
        split=split,
        categories=Categories.from_names(CATEGORIES),
        images=Images(tuple(keys), names, size[:, 0].copy(), size[:, 1].copy()),
        ground_truth=builder.build(),
        pictures=FolderPictures(tuple(paths), tuple(f"{key}.jpg" for key in keys)),
        annotation_files=tuple(files),
    )


def _read_sequence(
    layout: _Layout, sequence: str, first: int, builder: GroundTruthBuilder, findings: Findings
) -> _Frames:
    """Add one sequence's boxes and regions; its frames get rows from ``first``, in the order of their numbers."""
    whole = layout.whole[sequence]
    regions = whole.with_name(f"{sequence}{_IGNORE}")
    folder = layout.frames.get(sequence)
    files = files_with_suffix(folder, ".jpg", ".jpeg") if folder else []
    pictures = {int(found[1]): file for file in files if (found := _FRAME.fullmatch(file.name))}
    boxes = _numbered(whole, _COLUMNS, findings)
    ignored = _numbered(regions, _REGION_COLUMNS, findings) if regions.is_file() else []
    numbers = sorted(pictures.keys() | {frame for _, frame, _ in boxes} | {frame for _, frame, _ in ignored})
    rows = {frame: first + place for place, frame in enumerate(numbers)}
    for record, frame, (left, top, width, height, *codes) in boxes:
        out_of_view, occlusion, category = codes
        if category not in range(1, len(CATEGORIES) + 1):
            message = f"there is no category {number_text(category)}"
            findings.report("category-unknown", file=whole, record=record, message=message)
            continue
        builder.add(
            rows[frame],
            int(category) - 1,
            (left, top, left + width, top + height),
            truncated=_OUT_OF_VIEW.get(int(out_of_view), UNKNOWN_LEVEL),
            occluded=_OCCLUSION.get(int(occlusion), UNKNOWN_LEVEL),
            size_px=(width, height),
        )
    for _, frame, (left, top, width, height, *_codes) in ignored:
        builder.add(rows[frame], -1, (left, top, left + width, top + height), ignore=True, size_px=(width, height))
    return _Frames(rows, pictures)


def _numbered(file: Path, columns: int, findings: Findings) -> list[tuple[str, int, tuple[float, ...]]]:
    """Return each line's record, frame number and what follows the target; a frame that is no number is reported."""
    lines = []
    for record, (frame, _target, *rest) in number_lines(file, findings, separator=",", columns=columns):
        if frame < 0 or not frame.is_integer():
            message = f"there is no frame {number_text(frame)}"
            findings.report("record-malformed", file=file, record=record, message=message)
            continue
        lines.append((record, int(frame), tuple(rest)))
    return lines


FORMAT = Format("uavdt", "UAVDT", _recognise, _splits, _read)
