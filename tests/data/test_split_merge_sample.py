"""Datasets are split, merged and sampled: seeded, whole, and never over what is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.formats import read_dataset, splits_of
from detbench.data.merge import merge, plan_merge
from detbench.data.output import new_folder, writer_of
from detbench.data.sample import sample_images, sample_per_category
from detbench.data.split import parse_fractions, sequence_of, split_dataset
from detbench.data.tables import Categories
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.data.tables import Dataset


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a VisDrone split from (stem → categories of its boxes)."""

    def make(name: str, pictures: dict[str, list[int]]) -> Path:
        folder = tmp_path / name
        for part in ("annotations", "images"):
            (folder / part).mkdir(parents=True)
        for stem, categories in pictures.items():
            lines = "".join(f"{row},1,5,5,1,{category},0,0\n" for row, category in enumerate(categories))
            (folder / "annotations" / f"{stem}.txt").write_text(lines)
            Image.new("RGB", (20, 10), (len(stem), len(lines) % 256, len(name))).save(folder / "images" / f"{stem}.png")
        return folder

    return make


@pytest.fixture
def films(make_set: Callable[..., Path]) -> Dataset:
    """Return a set of ten films of three to twelve frames, with a box or two a frame."""
    frames = {f"film{film}_{frame:03d}": [4] * (1 + film % 2) for film in range(10) for frame in range(3 + film)}
    return read_dataset(make_set("films", frames), format_name="visdrone")


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("20161029_NTU_00012.png", "20161029_NTU_#"),
        ("M0101/img000001.jpg", "M0101/img#"),
        ("665_Rainy", "#_Rainy"),
        ("DJI_0005-0166.JPG", "DJI_0005-#"),
        ("000000000139.jpg", "#"),
        ("cover", "cover"),
        ("a\\b1.png", "a/b#"),
    ],
)
def test_sequence_of(name: str, sequence: str) -> None:
    """A sequence is a name without its ending and its last run of digits."""
    assert sequence_of(name) == sequence


def test_sequences_stay_whole(films: Dataset) -> None:
    """No sequence is in two parts, no image is lost, and images and boxes are near the fractions."""
    parts = split_dataset(films, {"train": 0.7, "val": 0.3}, seed=1)
    keys = [key for part in parts.values() for key in part.dataset.images.key]
    assert sorted(map(str, keys)) == sorted(map(str, films.images.key))
    seen = [{sequence_of(str(key)) for key in part.dataset.images.key} for part in parts.values()]
    assert not seen[0] & seen[1]
    assert [part.sequences for part in parts.values()] == [len(one) for one in seen]
    assert abs(len(parts["val"].dataset.images) / len(films.images) - 0.3) < 0.1
    assert abs(len(parts["val"].dataset.ground_truth) / len(films.ground_truth) - 0.3) < 0.1
    assert parts["val"].dataset.split == "val"


def test_seed(films: Dataset) -> None:
    """The same seed is the same split; some other seed is another."""
    fractions = {"train": 0.5, "val": 0.5}

    def keys(seed: int) -> tuple[object, ...]:
        return split_dataset(films, fractions, seed=seed)["val"].dataset.images.key

    assert keys(3) == keys(3)
    assert len({keys(seed) for seed in range(8)}) > 1


def test_no_part_is_empty(make_set: Callable[..., Path]) -> None:
    """With as many sequences as parts each part gets one, however small its share."""
    dataset = read_dataset(make_set("two", {"a_1": [4], "a_2": [4], "b_1": []}), format_name="visdrone")
    parts = split_dataset(dataset, {"train": 0.99, "val": 0.01})
    assert [len(part.dataset.images) for part in parts.values()] == [2, 1]
    with pytest.raises(DataError, match="has 2 sequences, fewer than the 3 parts; say --by random"):
        split_dataset(dataset, {"a": 0.4, "b": 0.3, "c": 0.3})


@pytest.mark.parametrize(
    ("fractions", "sizes"), [((0.8, 0.2), (60, 15)), ((0.5, 0.25, 0.25), (37, 19, 19)), ((0.999, 0.001), (74, 1))]
)
def test_random(films: Dataset, fractions: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    """A random split has the nearest whole numbers of images, at least one, and every image once."""
    parts = split_dataset(films, {f"p{n}": share for n, share in enumerate(fractions)}, by="random", seed=2)
    assert sorted(len(part.dataset.images) for part in parts.values()) == sorted(sizes)
    keys = [key for part in parts.values() for key in part.dataset.images.key]
    assert len(set(keys)) == len(films.images) == 75


@pytest.mark.parametrize(
    "text", ["", "train", "train=0.8", "train=2", "a=0.5,a=0.5", "a/b=1", "..=1", "a=nan", "a=-1,b=2"]
)
def test_bad_fractions(text: str) -> None:
    """What is no table of fractions that add up to 1 is refused."""
    with pytest.raises(UsageError):
        parse_fractions(text)


def test_fractions() -> None:
    """Names and shares are read, blanks aside."""
    assert parse_fractions("train=0.7, val=0.2,test-dev=0.1") == {"train": 0.7, "val": 0.2, "test-dev": 0.1}


def test_sample_images(films: Dataset) -> None:
    """The number asked for is drawn, in the source's order, with all their boxes."""
    drawn = sample_images(films, 10, seed=4)
    rows = [films.images.key.index(key) for key in drawn.images.key]
    assert rows == sorted(rows)
    assert len(set(rows)) == 10
    assert (
        drawn.images.key == sample_images(films, 10, seed=4).images.key != sample_images(films, 10, seed=5).images.key
    )
    assert drawn.pictures.read(3) == films.pictures.read(rows[3])
    with pytest.raises(DataError, match="has 75 images, fewer than 76"):
        sample_images(films, 76)


def test_sample_per_category(make_set: Callable[..., Path]) -> None:
    """Every category is on as many images as asked, or on all that show it; empty images are not drawn."""
    pictures = {f"c{n}": [4] for n in range(20)} | {"both": [4, 9], "bus": [9], "none": [], "region": [0]}
    dataset = read_dataset(make_set("mixed", pictures), format_name="visdrone")
    drawn = sample_per_category(dataset, 3, seed=1)
    table = drawn.ground_truth
    assert len(np.unique(table.image[table.category == 8])) == 2
    assert len(np.unique(table.image[table.category == 3])) in {3, 4}
    assert not {"none", "region"} & set(drawn.images.key)


def test_merge(make_set: Callable[..., Path]) -> None:
    """Images and boxes of both follow one another; each box stays on its image."""
    one = read_dataset(make_set("one", {"a": [4], "b": [1, 4]}), format_name="visdrone")
    two = read_dataset(make_set("two", {"c": [9], "d": []}), format_name="visdrone")
    both = merge([one, two], plan_merge([one, two]), name="both")
    assert both.images.key == ("a", "b", "c", "d")
    assert both.ground_truth.image.tolist() == [0, 1, 1, 2]
    assert both.ground_truth.category.tolist() == [3, 0, 3, 8]
    assert both.ground_truth.size_px.shape == (4, 2)
    assert both.pictures.read(2) == two.pictures.read(0)


def test_merge_same_names(make_set: Callable[..., Path]) -> None:
    """Where images share a name all get their dataset's before their own; equal datasets' names are an error."""
    one = read_dataset(make_set("one", {"a": [4]}), format_name="visdrone")
    two = read_dataset(make_set("two", {"a": [4], "b": []}), format_name="visdrone")
    plan = plan_merge([one, two])
    both = merge([one, two], plan, name="both")
    assert both.images.key == ("one_a", "two_a", "two_b")
    assert both.images.file_name == ("one_a.png", "two_a.png", "two_b.png")
    with pytest.raises(DataError, match="both are called 'one'; rename one of the folders"):
        plan_merge([one, one])


def test_merge_categories(make_set: Callable[..., Path]) -> None:
    """Other categories are refused by name, or united; a region of no category stays one."""
    one = read_dataset(make_set("one", {"a": [1, 0]}), format_name="visdrone")
    two = read_dataset(make_set("two", {"b": [1]}), format_name="visdrone")
    ones = replace(one, categories=Categories(("walker", *one.categories.name[1:]), one.categories.source_id))
    with pytest.raises(
        DataError, match=r"the categories differ: 'walker' only in .*one; 'pedestrian' only in .*two; say --categories"
    ):
        plan_merge([ones, two])
    both = merge([ones, two], plan_merge([ones, two], categories="union"), name="both")
    assert both.categories.name == (*ones.categories.name, "pedestrian")
    assert both.categories.source_id == tuple(range(1, 13))
    names = [both.categories.name[row] if row >= 0 else None for row in both.ground_truth.category]
    assert names == ["walker", None, "pedestrian"]


def test_new_folder(tmp_path: Path, make_set: Callable[..., Path]) -> None:
    """A folder appears whole, under its name, or what was there stays."""
    source = make_set("source", {"a": [4]})
    out = tmp_path / "out"

    def fail_half_way() -> None:
        with new_folder(out, sources=[source]) as folder:
            (folder / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert not out.exists()
    with new_folder(out, sources=[source]) as folder:
        assert folder.name == "out"
        writer_of("visdrone")(read_dataset(source, format_name="visdrone"), folder)
    with (
        pytest.raises(DataError, match="is there already; write to an empty folder, or say --overwrite"),
        new_folder(out, sources=[source]),
    ):
        pass
    with pytest.raises(RuntimeError), new_folder(out, sources=[source], overwrite=True) as folder:
        raise RuntimeError
    assert (out / "annotations" / "a.txt").is_file()
    with new_folder(out, sources=[source], overwrite=True) as folder:
        (folder / "new").write_text("")
    assert [path.name for path in out.iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_overwrite_spares(tmp_path: Path, make_set: Callable[..., Path]) -> None:
    """What is read, what it is in, and what is no dataset is not overwritten."""
    source = make_set("source", {"a": [4]})
    other = tmp_path / "home"
    other.mkdir()
    (other / "letters").write_text("dear")
    for place, said in ((source, "holds what is read"), (tmp_path, "holds what is read"), (other, "is no dataset")):
        with pytest.raises(DataError, match=said), new_folder(place, sources=[source], overwrite=True):
            pass
    assert (other / "letters").is_file()


@pytest.mark.parametrize("target", ["carpk", "visdrone", "voc", "coco", "yolo", "csv"])
def test_parts_in_every_format(tmp_path: Path, films: Dataset, target: str) -> None:
    """Parts written one after the other to one folder, in any format, read back with all boxes and pictures."""
    parts = split_dataset(films, {"train": 0.5, "val": 0.5})
    for part in parts.values():
        writer_of(target)(part.dataset, tmp_path / "parts_devkit")
    assert splits_of(tmp_path / "parts_devkit", format_name=target) == ("train", "val")
    for name, part in parts.items():
        back = read_dataset(tmp_path / "parts_devkit", split=name, format_name=target)
        assert len(back.images) == len(part.dataset.images)
        assert len(back.ground_truth) == len(part.dataset.ground_truth)
        assert all(back.pictures.path(row) for row in range(len(back.images)))


def test_read_only_format() -> None:
    """A format that is only read cannot be written."""
    with pytest.raises(UsageError, match="uavdt can be read, not written; say --to with one of"):
        writer_of("uavdt")
