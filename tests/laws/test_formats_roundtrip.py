"""Laws of the formats: what is written is read back, as far as the format carries it, and twice makes no difference."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detbench.data.formats import get_format, read_dataset
from detbench.data.formats.visdrone import CATEGORIES as VISDRONE_CATEGORIES
from detbench.data.tables import Categories, Dataset, GroundTruth, GroundTruthBuilder, Images

FORMATS = ("coco", "voc", "yolo", "csv")
ALL_FORMATS = (*FORMATS, "carpk", "visdrone")
SIZES = ((64, 48), (100, 77), (333, 500))


def png(size: tuple[int, int]) -> bytes:
    """Return a picture's bytes."""
    file = io.BytesIO()
    Image.new("RGB", size, (9, 99, 199)).save(file, "PNG")
    return file.getvalue()


PNGS = {size: png(size) for size in SIZES}


@dataclass(frozen=True)
class PicturesInMemory:
    """Pictures that are no files, as those of a shard."""

    data: tuple[bytes, ...]

    def where(self, row: int) -> str:
        """Say which one."""
        return f"picture {row}"

    def path(self, row: int) -> Path | None:  # noqa: ARG002  the protocol's parameter
        """Say that it is no file."""
        return None

    def size_bytes(self, row: int) -> int:
        """Return its length."""
        return len(self.data[row])

    def read(self, row: int) -> bytes:
        """Return its bytes."""
        return self.data[row]


names = (
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/\\:"), min_size=1, max_size=8)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text.strip(". ") != "")
)
stems = st.text(st.characters(categories=["L", "Nd"], include_characters=" _-"), min_size=1, max_size=6).map(
    lambda text: f"x{text}".strip()
)
levels = st.sampled_from((-1, 0, 1, 2))


@dataclass(frozen=True)
class Box:
    """One box as the laws compare it; no category: a region."""

    category: str | None
    corners: tuple[float, ...]
    area_px: float | None = None
    crowd: bool = False
    ignore: bool = False
    difficult: bool = False
    truncated: int = -1
    occluded: int = -1


@st.composite
def boxes(draw: st.DrawFn, category: str | None) -> Box:
    """Draw a box that reaches a little out of a picture."""
    side = st.floats(-20, 68, allow_nan=False)  # a YOLO file may reach as far as two sides: beyond, it speaks of pixels
    corners = draw(st.tuples(side, side, side, side))
    area = draw(st.none() | st.floats(0, 1e5))
    if category is None:
        return Box(None, corners, area, ignore=True, truncated=draw(levels), occluded=draw(levels))
    crowd, ignore, difficult = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return Box(category, corners, area, crowd, ignore, difficult, draw(levels), draw(levels))


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Draw a dataset of one to four images, some without boxes; the regions of an image come last."""
    category_names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    found = draw(st.lists(stems, min_size=1, max_size=4, unique_by=str.casefold))
    keys: list[int | str] = list(found) if draw(st.booleans()) else list(range(len(found)))
    sizes = [draw(st.sampled_from(SIZES)) for _ in found]
    builder = GroundTruthBuilder()
    for row in range(len(found)):
        objects = st.sampled_from(category_names).flatmap(boxes)
        for box in [*draw(st.lists(objects, max_size=3)), *draw(st.lists(boxes(None), max_size=1))]:
            add(builder, row, box, category_names)
    table = np.asarray(sizes, dtype=np.int32).reshape(-1, 2)
    file_names = tuple(f"{stem}.png" for stem in found)
    return Dataset(
        "drawn",
        "none",
        Path("drawn"),
        draw(st.sampled_from((None, "val", "night"))),
        Categories.from_names(category_names),
        Images(tuple(keys), file_names, table[:, 0], table[:, 1]),
        builder.build(),
        PicturesInMemory(tuple(PNGS[size] for size in sizes)),
    )


def add(builder: GroundTruthBuilder, row: int, box: Box, category_names: list[str]) -> None:
    """Add a drawn box to a table."""
    x1, y1, x2, y2 = box.corners
    builder.add(
        row,
        -1 if box.category is None else category_names.index(box.category),
        (x1, y1, x2, y2),
        area_px=float("nan") if box.area_px is None else box.area_px,
        crowd=box.crowd,
        ignore=box.ignore,
        difficult=box.difficult,
        truncated=box.truncated,
        occluded=box.occluded,
    )


def box_at(data: Dataset, row: int) -> Box:
    """Return one row of a table."""
    table: GroundTruth = data.ground_truth
    category, area = int(table.category[row]), float(table.area_px[row])
    return Box(
        None if category < 0 else data.categories.name[category],
        tuple(table.box[row].tolist()),
        None if np.isnan(area) else area,
        bool(table.crowd[row]),
        bool(table.ignore[row]),
        bool(table.difficult[row]),
        int(table.truncated[row]),
        int(table.occluded[row]),
    )


def carried(box: Box, name: str) -> Box | None:
    """Return what a format carries of a box, as its module says; None if nothing."""
    x1, y1, x2, y2 = box.corners
    if name == "coco":
        area = (x2 - x1) * (y2 - y1) if box.area_px is None else box.area_px
        return replace(box, area_px=area, difficult=box.difficult and box.category is not None)
    if name == "voc":
        return replace(box, difficult=box.difficult or box.crowd or box.ignore)
    if name == "yolo":
        return None if box.crowd or box.ignore else Box(box.category, box.corners)
    if name == "carpk":
        return None if box.crowd or box.ignore else Box("car", tuple(np.rint(box.corners).tolist()))
    if name == "visdrone":
        ignore = box.ignore or box.crowd or box.difficult
        return replace(box, area_px=None, crowd=False, difficult=False, ignore=ignore)
    return box


def assert_same(found: list[Box], expected: list[Box], *, within_px: float = 1e-6) -> None:
    """Assert that boxes are equal, corners to a millionth of a pixel unless said."""
    plain = [replace(box, corners=(), area_px=None) for box in found]
    assert plain == [replace(box, corners=(), area_px=None) for box in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.corners == pytest.approx(other.corners, abs=within_px)
        assert one.area_px == pytest.approx(other.area_px, abs=1e-6)


def by_picture(data: Dataset) -> dict[str, list[Box]]:
    """Return each image's boxes, by its picture's name."""
    offsets = data.ground_truth.offsets(len(data.images))
    return {
        Path(name).name: [box_at(data, row) for row in range(offsets[image], offsets[image + 1])]
        for image, name in enumerate(data.images.file_name)
    }


def written(data: Dataset, name: str, folder: Path) -> Dataset:
    """Write a dataset and read it back."""
    write = get_format(name).write
    assert write is not None
    write(data, folder)
    return read_dataset(folder, split=data.split, format_name=name)


def tree(folder: Path) -> dict[str, str]:
    """Return each file's hash by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=15, deadline=None)
@given(data=datasets())
def test_what_is_written_is_read_back(name: str, data: Dataset) -> None:
    """Images, sizes, pictures, boxes and their columns survive, as far as the format carries them."""
    with tempfile.TemporaryDirectory() as folder:
        back = written(data, name, Path(folder) / "set")
        expected, found = by_picture(data), by_picture(back)
        assert found.keys() == expected.keys()
        for picture, drawn in expected.items():
            assert_same(found[picture], [kept for box in drawn if (kept := carried(box, name)) is not None])
        row_of = {Path(file).name: row for row, file in enumerate(back.images.file_name)}
        for row, file in enumerate(data.images.file_name):
            assert back.pictures.read(row_of[file]) == data.pictures.read(row)
            assert back.images.width_px[row_of[file]] == data.images.width_px[row]
            assert back.images.height_px[row_of[file]] == data.images.height_px[row]


@pytest.mark.parametrize("name", ["coco", "yolo"])
@settings(max_examples=8, deadline=None)
@given(data=datasets())
def test_categories_without_boxes_survive(name: str, data: Dataset) -> None:
    """COCO and YOLO list their categories; COCO keeps the images' keys too."""
    with tempfile.TemporaryDirectory() as folder:
        back = written(data, name, Path(folder) / "set")
        assert back.categories.name == data.categories.name
        assert name != "coco" or back.images.key == data.images.key


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=6, deadline=None)
@given(data=datasets())
def test_writing_what_was_read_gives_the_same_annotations(name: str, data: Dataset) -> None:
    """A second round changes no box, and the same dataset gives the same bytes in another folder."""
    with tempfile.TemporaryDirectory() as folder:
        first, again = Path(folder) / "1" / "set", Path(folder) / "2" / "set"
        back = written(data, name, first)
        written(data, name, again)
        assert tree(first) == tree(again)
        twice = written(back, name, Path(folder) / "3" / "set")
        before, after = by_picture(back), by_picture(twice)
        assert before.keys() == after.keys()
        for picture, drawn in before.items():
            assert_same(after[picture], drawn)


@settings(max_examples=8, deadline=None)
@given(data=datasets(), order=st.permutations(("coco", "voc", "csv")))
def test_a_chain_of_formats_keeps_the_boxes(data: Dataset, order: list[str]) -> None:
    """Through COCO, VOC and CSV in any order, every box keeps its category, its place and its flags."""
    with tempfile.TemporaryDirectory() as folder:
        now = data
        expected = by_picture(data)
        for name in order:
            now = written(now, name, Path(folder) / name / "set")
            expected = {
                picture: [k for box in drawn if (k := carried(box, name))] for picture, drawn in expected.items()
            }
        found = by_picture(now)
        assert found.keys() == expected.keys()
        for picture, drawn in expected.items():
            assert_same(found[picture], drawn)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("source", "split"), [("bccd", "val"), ("coco_tiny", "val2017"), ("drone_cars", "test")])
def test_real_sets_survive_every_format(shared: Path, tmp_path: Path, name: str, source: str, split: str) -> None:
    """A real split, written and recognised again, has the same boxes on the same pictures."""
    data = read_dataset(shared / source, split=split)
    write = get_format(name).write
    assert write is not None
    write(data, tmp_path / "set")
    back = read_dataset(tmp_path / "set", split=split)
    assert back.format == name
    expected, found = by_picture(data), by_picture(back)
    assert found.keys() == expected.keys()
    for picture, drawn in expected.items():
        assert_same(found[picture], [kept for box in drawn if (kept := carried(box, name)) is not None])


def real_set(shared: Path, source: str) -> Dataset:
    """Return a real set; the samples of drone sets, which have no pictures, get blank ones of their cameras' sizes."""
    if source == "bccd":
        return read_dataset(shared / source, split="val").take_images(range(20))
    if source == "coco_tiny":
        return read_dataset(shared / source, split="val2017")
    data = read_dataset(shared / "format_samples" / source)
    size = (1280, 720) if source.startswith("CARPK") else (1916, 1078)
    count = len(data.images)
    columns = [np.full(count, side, np.int32) for side in size]
    names = tuple(f"{key}.png" for key in data.images.key)
    images = Images(data.images.key, names, columns[0], columns[1])
    return replace(data, images=images, pictures=PicturesInMemory((png(size),) * count), split="val")


def fitted(data: Dataset, formats: set[str]) -> Dataset:
    """Return the part that formats of fixed categories can carry: the most frequent ones, called as they call them."""
    if not formats & {"carpk", "visdrone"}:
        return data
    names = ("car",) if "carpk" in formats else VISDRONE_CATEGORIES
    table = data.ground_truth
    counts = np.bincount(table.category[table.category >= 0], minlength=len(data.categories))
    new_row = np.full(len(counts) + 1, -2, dtype=np.int32)
    for row, old in enumerate(np.argsort(-counts, kind="stable")[: len(names)]):
        new_row[old] = row
    new_row[-1] = -1
    category = new_row[table.category]
    kept = table.take(category != -2)
    changed = replace(kept, category=category[category != -2])
    return replace(data, categories=Categories.from_names(names), ground_truth=changed)


@pytest.mark.parametrize("first", ALL_FORMATS)
@pytest.mark.parametrize("source", ["bccd", "coco_tiny", "CARPK_devkit", "VisDrone2019-DET-val"])
def test_real_boxes_survive_every_pair_of_formats(shared: Path, tmp_path: Path, source: str, first: str) -> None:
    """From one format to any other, every real box keeps its place, its category and the flags that both carry."""
    data = real_set(shared, source)
    for second in ALL_FORMATS:
        now = fitted(data, {first, second})
        expected = by_picture(now)
        assert any(expected.values())
        for step, name in enumerate((first, second)):
            now = written(now, name, tmp_path / f"{second}-{step}_devkit")
            expected = {
                picture: [k for box in boxes if (k := carried(box, name))] for picture, boxes in expected.items()
            }
        found = by_picture(now)
        assert found.keys() == expected.keys()
        for picture, boxes in expected.items():
            # A half may be rounded either way, where a format before it kept fractions of the picture.
            within_px = 1.0 if second == "carpk" else 1e-6
            assert_same(regions_last(found[picture]), regions_last(boxes), within_px=within_px)


def regions_last(found: list[Box]) -> list[Box]:
    """Return boxes in the order that COCO brings them in: regions are in a list of their own."""
    return sorted(found, key=lambda box: box.category is None)
