"""Where a YOLO dataset's pictures, labels and names are: by its ``data.yaml``, by its folders, or by its lists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from detbench.data.formats.picture_search import PictureSearch
from detbench.data.formats.scanning import child_folder, exists, files_with_suffix, folders_in, is_split_name
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["NAME_FILES", "YoloLayout", "YoloPicture", "find_layout", "label_file", "listed_pictures", "read_config"]

#: Files that list the categories' names, one a line, in order.
NAME_FILES = ("classes.txt", "obj.names", "classes.names", "labels.txt", "predefined_classes.txt", "_darknet.labels")

_CONFIG_STEMS = ("data", "dataset")
_NOTHING = ("", "null", "~")

#: A thousand categories take 20 kilobytes; the parser takes a second for this much, whatever it holds.
_MAX_CONFIG_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class YoloPicture:
    """A picture of a split: its key, and its file; None is one that a list names and that is not there."""

    key: str
    path: Path | None
    file: Path
    record: str


@dataclass(frozen=True, slots=True)
class YoloLayout:
    """Where things are.

    ``sources`` maps a split, None where there are none, to folders and list files. ``names`` is None where no
    file gives them. ``keypoints`` says that a line holds a box and then points, not a polygon; ``configured`` that
    there is a ``data.yaml``.
    """

    root: Path
    sources: Mapping[str | None, tuple[Path, ...]]
    names: tuple[str, ...] | None
    keypoints: bool
    configured: bool
    evidence: tuple[str, ...]


def find_layout(path: Path) -> YoloLayout | None:
    """Return the layout at a folder or at a ``data.yaml``, or None if there is none.

    Raises
    ------
    DataError
        If ``data.yaml`` cannot be read, or points out of its folder.
    """
    if path.is_file():
        return _configured(path) if path.suffix.lower() in {".yaml", ".yml"} else None
    configs = sorted(files_with_suffix(path, ".yaml", ".yml"), key=lambda p: (p.stem not in _CONFIG_STEMS, p.name))
    for config in configs:
        try:
            found = _configured(config)
        except DataError:
            if config.stem in _CONFIG_STEMS:
                raise
            continue  # some other program's YAML
        if found is not None:
            return found
    found_in = _in_folders(path) or _in_lists(path) or _flat(path)
    if found_in is None:
        return None
    sources, evidence = found_in
    names, said = _names_beside(path, sources)
    return YoloLayout(path, sources, names, keypoints=False, configured=False, evidence=(evidence, *said))


def read_config(path: Path) -> dict[str, Any]:
    """Return a ``data.yaml`` as a mapping whose scalars all are strings. Raises DataError if it is none."""
    text = read_text(path, limit_bytes=_MAX_CONFIG_BYTES)
    try:
        # BaseLoader builds strings, lists and mappings only: a category called "no" or "1" stays a name.
        config = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  safer than safe_load
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"is not YAML ({reason})", file=path) from error
    if not isinstance(config, dict):
        raise DataError("is YAML, but no mapping with names and splits", file=path)
    return config


def _configured(file: Path) -> YoloLayout | None:
    """Return the layout that a ``data.yaml`` describes, None if it is another kind of YAML file."""
    config = read_config(file)
    named = {key: place for key, place in config.items() if place and place not in _NOTHING and _is_split(key, place)}
    if "names" not in config or not (named or child_folder(file.parent, "images")):
        return None
    evidence = [f"{file.name} with names" + (f" and {', '.join(named)}" if named else "")]
    sources: dict[str | None, tuple[Path, ...]] = {}
    for key, value in named.items():
        places = [_place(file, config.get("path"), p, key) for p in (value if isinstance(value, list) else [value])]
        if all(places):
            sources[key] = tuple(place for place in places if place)
        else:
            evidence.append(f"what it names for {key} is not beneath its folder")
    if named and not sources:
        raise DataError(
            f"names {', '.join(named)}, and none of them is beneath {file.parent}",
            file=file,
            remedy="put data.yaml in the dataset's folder",
        )
    if not sources:
        in_folders = _in_folders(file.parent)
        sources = dict(in_folders[0]) if in_folders else {None: (file.parent / "images",)}
    names = _names_of(config["names"], file)
    return YoloLayout(file.parent, sources, names, "kpt_shape" in config, configured=True, evidence=tuple(evidence))


def _is_split(key: str, place: Any) -> bool:
    """Return whether a key of ``data.yaml`` names a split: one of the usual, or any that we wrote."""
    return is_split_name(key) or place == f"images/{key}"


def _place(file: Path, base: Any, place: Any, key: str) -> Path | None:
    """Return the folder or list that ``data.yaml`` names for a split, beneath the folder of ``data.yaml`` only.

    ``path`` may be absolute, and exports begin with ``../``: the last parts that are there count; None if none are.
    """
    if not isinstance(place, str):
        raise DataError(f"its {key!r} is neither a folder nor a list of folders", file=file)
    root = file.parent
    based = f"{base}/{place}" if isinstance(base, str) else place
    for text in (based, place):
        parts = [p for p in text.replace("\\", "/").split("/") if p not in {"", ".", ".."} and ":" not in p]
        for start in range(len(parts)):
            candidate = root.joinpath(*parts[start:])
            if exists(candidate):
                return candidate
    return None


def _names_of(names: Any, file: Path) -> tuple[str, ...]:
    """Return the names of ``data.yaml``: a list, or a mapping from numbers, which may have holes."""
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return tuple(name.strip() for name in names)
    if isinstance(names, dict) and names and all(isinstance(name, str) for name in names.values()):
        numbered = {int(key): name.strip() for key, name in names.items() if isinstance(key, str) and key.isdecimal()}
        limit = 10**5
        if len(numbered) == len(names) and max(numbered) < limit:
            return tuple(numbered.get(index, str(index)) for index in range(max(numbered) + 1))
    raise DataError("its names are neither a list nor numbered from 0", file=file, remedy="write names: [car, bus]")


def _in_folders(path: Path) -> tuple[dict[str | None, tuple[Path, ...]], str] | None:
    """Return the splits of ``images/`` beside ``labels/``, here or in a folder a split."""
    images = child_folder(path, "images")
    if images is not None and child_folder(path, "labels") is not None:
        inner = [] if _has_pictures(images) else folders_in(images)
        if inner and all(is_split_name(f.name) or (path / "labels" / f.name).is_dir() for f in inner):
            return {f.name: (f,) for f in inner}, "images/ beside labels/, with a folder a split"
        return {None: (images,)}, "images/ beside labels/"
    parts = [f for f in folders_in(path) if child_folder(f, "images") and child_folder(f, "labels")]
    if not parts:
        return None
    return {f.name: (child_folder(f, "images") or f,) for f in parts}, "images/ beside labels/ in a folder a split"


def _in_lists(path: Path) -> tuple[dict[str | None, tuple[Path, ...]], str] | None:
    """Return the splits of ``train.txt`` and the like, if they list pictures."""
    lists = [file for file in files_with_suffix(path, ".txt") if is_split_name(file.stem) and _lists_pictures(file)]
    return ({file.stem: (file,) for file in lists}, "lists of pictures") if lists else None


def _lists_pictures(file: Path) -> bool:
    try:
        first = read_text(file).lstrip().split("\n", 1)[0]
    except DataError:
        return False
    return PurePosixPath(first.strip()).suffix.lower() in PICTURE_SUFFIXES


def _flat(path: Path) -> tuple[dict[str | None, tuple[Path, ...]], str] | None:
    """Return the folder itself, if some picture in it has a text file beside it."""
    stems = {file.stem for file in files_with_suffix(path, *PICTURE_SUFFIXES)}
    if not stems or not any(file.stem in stems for file in files_with_suffix(path, ".txt")):
        return None
    return {None: (path,)}, "text files beside pictures"


def _names_beside(
    path: Path, sources: Mapping[str | None, tuple[Path, ...]]
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the names of the first file that lists them, with the evidence."""
    homes = [path, path / "labels", *(s for places in sources.values() for s in places if s.is_dir())]
    for home in homes:
        for file in (home / name for name in NAME_FILES):
            if file.is_file():
                names = [line.strip() for line in read_text(file).split("\n")]
                return tuple(name for name in names if name), (f"names in {file.name}",)
    return None, ()


def _has_pictures(folder: Path) -> bool:
    return bool(files_with_suffix(folder, *PICTURE_SUFFIXES))


def listed_pictures(layout: YoloLayout, source: Path) -> Iterator[YoloPicture]:
    """Yield the pictures of a folder, with those of the folders in it, or of a list file, in order.

    The key is the name without its ending: relative to the folder, or the last part of a list's line.
    """
    if source.is_dir():
        for folder, inner, names in os.walk(source):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix.lower() in PICTURE_SUFFIXES and not name.startswith("."):
                    yield YoloPicture(path.relative_to(source).with_suffix("").as_posix(), path, path, "")
        return
    search = PictureSearch.beneath(source.parent, layout.root, layout.root / "images")
    for number, line in enumerate(read_text(source).split("\n"), 1):
        if line.strip():
            record = f"line {number}"
            try:
                found = search.by_name(line.strip(), file=source, record=record)
            except DataError:
                found = None  # it leads out of the dataset's folder, where nothing is looked for
            yield YoloPicture(PurePosixPath(line.strip().replace("\\", "/")).stem, found, source, record)


def label_file(root: Path, picture: Path) -> Path:
    """Return where a picture's labels are: ``labels`` for the last ``images`` in its path, or else beside it."""
    parts = list(picture.relative_to(root).parts) if picture.is_relative_to(root) else [picture.name]
    for place in reversed(range(len(parts) - 1)):
        if parts[place].lower() == "images":
            home = child_folder(root.joinpath(*parts[:place]), "labels")
            mirrored = home and home.joinpath(*parts[place + 1 :]).with_suffix(".txt")
            if mirrored and (mirrored.is_file() or not picture.with_suffix(".txt").is_file()):
                return mirrored
    return picture.with_suffix(".txt")
