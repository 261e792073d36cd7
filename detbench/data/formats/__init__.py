"""Dataset formats: recognise a path, read a split of it, write one.

Each format is one module with a ``FORMAT``; modules are imported when they are asked for.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.data.findings import Findings
from detbench.data.input import require_file_or_folder
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from detbench.data.formats.base import Format, Sighting
    from detbench.data.tables import Dataset

__all__ = ["FORMAT_NAMES", "format_of", "get_format", "read_dataset", "read_with_splits", "recognise", "splits_of"]

#: Name → module, in the order in which formats are tried and listed.
_MODULES = {
    "coco": "coco",
    "voc": "voc",
    "tfrecord": "tfrecord",
    "carpk": "carpk",
    "visdrone": "visdrone",
    "uavdt": "uavdt",
    "yolo": "yolo",
    "csv": "csv_boxes",
}

FORMAT_NAMES = tuple(_MODULES)

#: A second candidate this close to the first makes a path ambiguous.
_TOO_CLOSE = 0.1


def get_format(name: str) -> Format:
    """Return the format called ``name``, in any case. Raises UsageError, listing the names, if there is none."""
    module_name = _MODULES.get(name.lower())
    if module_name is None:
        raise UsageError(f"there is no format {name!r}; the formats are {', '.join(FORMAT_NAMES)}")
    module = import_module(f"detbench.data.formats.{module_name}")
    return module.FORMAT  # type: ignore[no-any-return]


def recognise(path: Path) -> list[Sighting]:
    """Return every format that ``path`` may be in, the most certain first. Raises DataError if nothing is there."""
    require_file_or_folder(path)
    sightings = [get_format(name).recognise(path) for name in FORMAT_NAMES]
    return sorted((s for s in sightings if s is not None), key=lambda s: -s.certainty)


def _resolve(path: Path, format_name: str | None) -> Format:
    """Return the named format, or the one recognised at ``path``."""
    if format_name is not None:
        chosen = get_format(format_name)
        require_file_or_folder(path)
        return chosen
    seen = recognise(path)
    if not seen:
        from detbench.data.formats.unrecognised import unrecognised

        raise unrecognised(path, FORMAT_NAMES)
    if len(seen) > 1 and seen[0].certainty - seen[1].certainty < _TOO_CLOSE:
        raise DataError(
            f"this could be {seen[0].format} or {seen[1].format}", file=path, remedy="say which with --format"
        )
    return get_format(seen[0].format)


def format_of(path: Path, format_name: str | None = None) -> str:
    """Return the name of the format that ``path`` is read as. Raises DataError, UsageError."""
    return _resolve(path, format_name).name


def splits_of(path: Path, *, format_name: str | None = None) -> tuple[str, ...]:
    """Return the names of the splits found at ``path``, or an empty tuple. Raises DataError, UsageError."""
    return _resolve(path, format_name).splits(path)


def read_dataset(
    path: Path | str, *, split: str | None = None, format_name: str | None = None, findings: Findings | None = None
) -> Dataset:
    """Read a dataset, or one split of it, in any format that can be read.

    Parameters
    ----------
    path
        A dataset's folder, or its annotation file.
    split
        A split's name; None reads everything that is there.
    format_name
        One of :data:`FORMAT_NAMES`; None recognises it.
    findings
        Where to report what cannot be read; by default the first such thing is raised.

    Raises
    ------
    DataError
        If the data cannot be read; names the file, the record and the remedy.
    UsageError
        If there is no such format or split.
    """
    place = Path(path)
    chosen = _resolve(place, format_name)
    if split is not None:
        known = chosen.splits(place)
        if split not in known:
            has = f"the splits are {', '.join(known)}" if known else "this dataset has no splits"
            raise UsageError(f"{place} has no split {split!r}; {has}")
    return chosen.read(place, split, findings if findings is not None else Findings())


def read_with_splits(
    path: Path, *, format_name: str | None = None, findings: Findings | None = None
) -> tuple[Dataset, dict[str, Dataset]]:
    """Read everything at ``path`` once, and return it and each of its splits.

    The splits are cut from what was read, where the format can tell which images they have and no two splits have
    images of one id; otherwise each is read. Parameters and errors are those of :func:`read_dataset`.
    """
    chosen = _resolve(path, format_name)
    reported = findings if findings is not None else Findings()
    whole = chosen.read(path, None, reported)
    names = chosen.splits(path)
    ambiguous = any(finding.code == "image-id-duplicate" for finding in reported.items)
    if chosen.members is None or ambiguous or not names:
        # A lenient reader reports of a split what it has reported of the whole.
        return whole, {name: chosen.read(path, name, Findings(strict=reported.strict)) for name in names}
    rows = chosen.members(path, whole, reported)
    return whole, {name: replace(whole.take_images(rows[name]), split=name) for name in names}
