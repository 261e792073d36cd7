"""Broken and hostile annotation files end in a dataset or in one clear error, whatever their format."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, read_with_splits, recognise
from detbench.data.output import writer_of
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError, DetbenchError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("coco", "voc", "carpk", "visdrone", "yolo", "csv", "uavdt")
MUTATIONS = 80

#: Two seconds are what a person waits; a slow machine is given more.
SLOWEST_S = 8.0

JUNK = (
    *(b"\0\0", b"\xff\xfe", b"\xc3\x28", b"\r\n", b"\r", b"\x0b", b"\x85", b"\x1a", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b"\x1b[31m\x1b]0;x\x07", b"<script>alert(1)</script>", b"a\nb", b"a/b/c", b"x" * 5000, b"'", b'"', b";", b","),
    *(b"../../etc/passwd", b"/etc/passwd", b"..", b"C:\\x", b"%s", b"&lol;", b'<!DOCTYPE a [<!ENTITY b "c">]>'),
    *(b"1e999", b"-1e308", b"1e300", b"9" * 400, b"nan", b"-inf", b"1_000", b"-1", b"2147483648", b"true", b"null"),
    *(
        b"{" * 3000,
        b"[" * 3000,
        b"<a>" * 20000,
        b"*&a",
        b"&a [*a]",
        b"!!python/object:os.system",
        b"- - - ",
        b"\\ud800",
    ),
)


def dataset(folder: Path, rows: range, split: str) -> Dataset:
    """Return a split with two boxes and a region an image."""
    builder = GroundTruthBuilder()
    paths = []
    for place, row in enumerate(rows):
        builder.add(place, 0, (1, 2, 20, 25), truncated=0, occluded=1, difficult=place == 1, area_px=100.0)
        builder.add(place, 0, (3, 4, 12, 22), crowd=place == 0)
        builder.add(place, -1, (0, 0, 9, 9), ignore=True)
        paths.append(folder / f"seq_{row}.jpg")
        Image.new("RGB", (40, 30), (row, 0, 0)).save(paths[-1])
    names = tuple(path.name for path in paths)
    sides = np.full(len(names), 40, np.int32), np.full(len(names), 30, np.int32)
    images = Images(names, names, *sides)
    pictures = FolderPictures(tuple(paths), names)
    return Dataset("seed", "none", folder, split, Categories.from_names(["car"]), images, builder.build(), pictures)


def sound_set(folder: Path, name: str) -> Path:
    """Write a sound dataset of two splits."""
    target = folder / "in" / "set_devkit"
    if name == "uavdt":
        for split, sequence in (("train", "M0101"), ("test", "M0202")):
            for part in ("GT", f"M_attr/{split}"):
                (target / part).mkdir(parents=True, exist_ok=True)
            (target / "GT" / f"{sequence}_gt_whole.txt").write_text("1,1,1,2,10,12,1,1,1\n3,1,4,4,8,8,3,4,3\n")
            (target / "GT" / f"{sequence}_gt_ignore.txt").write_text("1,1,0,0,5,5,1,1,-1\n")
            (target / "M_attr" / split / f"{sequence}_attr.txt").write_text("1,0,0\n")
        return target
    (folder / "pictures").mkdir()
    for split, rows in (("train", range(2)), ("val", range(2, 4))):
        writer_of(name)(dataset(folder / "pictures", rows, split), target)
    return target


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return a file's bytes with a few of them flipped, cut, copied, or replaced by junk."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        start = rng.randrange(len(data) + 1)
        stop = min(len(data), start + rng.choice((1, 2, 5, 20, 100, len(data))))
        words = list(re.finditer(rb"[\w.\-/]+", data)) or [re.match(b"", b"")]
        word = rng.choice(words)
        assert word is not None
        data = rng.choice(
            (
                data[:start]
                + bytes(byte ^ 1 << rng.randrange(8) for byte in data[start : start + 1])
                + data[start + 1 :],
                data[:start],
                data[:stop] + data[start:stop] * rng.choice((1, 30)) + data[stop:],
                data[:start] + rng.choice(JUNK) + data[start:],
                data[:start] + data[stop:],
                data[: word.start()] + rng.choice(JUNK) + data[word.end() :],
                data.replace(b"\n", b"\r\n"),
            )
        )[:200_000]
    return data


def read_every_way(path: Path, name: str | None) -> Dataset | None:
    """Read as a user may: recognised, strictly, leniently, split by split; return what the lenient reading gives."""
    found = None
    for read in (
        lambda: recognise(path),
        lambda: read_dataset(path, format_name=name),
        lambda: read_with_splits(path, format_name=name, findings=Findings(strict=False))[0],
    ):
        started, said = time.process_time(), "fine"
        try:
            found = read()
        except DetbenchError as error:
            found, said = None, str(error)
        assert time.process_time() - started < SLOWEST_S
        assert 0 < len(said) <= 1100
    return found if isinstance(found, Dataset) else None


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_files_end_in_a_dataset_or_one_error(tmp_path: Path, name: str) -> None:
    """Nothing but a DetbenchError comes out, in time, every number can be used, and no file outside is touched."""
    place = sound_set(tmp_path, name)
    sound = {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file() and path.suffix != ".jpg"}
    rng = random.Random(f"hostile {name}")  # noqa: S311  no secret: the same every time
    before = sorted(tmp_path.rglob("*"))
    read = 0
    for number in range(MUTATIONS):
        chosen = rng.sample(sorted(sound), k=rng.choice((1, 1, 2)))
        for path in chosen:
            path.write_bytes(mutated(sound[path], rng))
        data = read_every_way(place, name if number % 3 else None)
        if data is not None:
            read += 1
            assert np.isfinite(data.ground_truth.box).all()
            assert len(data.annotation_files) == len(data.images)
            there = [found for row in range(len(data.images)) if (found := data.pictures.path(row))]
            assert all(found.is_relative_to(place) and ".." not in found.parts for found in there)
        for path in chosen:
            path.write_bytes(sound[path])
    assert sorted(tmp_path.rglob("*")) == before
    assert read > 0


@pytest.mark.parametrize("name", ["voc", "carpk"])
@pytest.mark.parametrize("line", ["x" * 5000, "../../etc/passwd", "/etc/passwd", "a\0b", "\x1b[31mred"])
def test_a_list_may_name_what_no_file_can_be_called(tmp_path: Path, name: str, line: str) -> None:
    """A name too long, leading out or of control characters is one error, and is left out by a lenient reader."""
    place = sound_set(tmp_path, name)
    [listing] = place.rglob("train.txt")
    listing.write_text(f"seq_0\n{line}\n")
    with pytest.raises(DataError, match=r"train\.txt, line 2: "):
        read_dataset(place, split="train", format_name=name)
    lenient = Findings(strict=False)
    assert read_dataset(place, split="train", format_name=name, findings=lenient).images.key == ("seq_0",)
    assert len(lenient.items) == 1


#: What stands before the first corner of the first box in each format's files.
FIRST_CORNER = {
    "coco": r'("bbox": \[\s*)1(?:\.0)?(?=,)',
    "voc": r"(<xmin>)2(?=<)",
    "carpk": r"^()1(?= )",
    "visdrone": r"^()1(?=,)",
    "csv": r"(jpg,)1(?=,)",
    "uavdt": r"^(1,1,)1(?=,)",
}


@pytest.mark.parametrize("number", ["1e999", "1e300", "-1e308", "NaN"])
@pytest.mark.parametrize("name", FIRST_CORNER)
def test_numbers_without_end_are_no_boxes(tmp_path: Path, name: str, number: str) -> None:
    """A coordinate that is not finite, or whose sums and areas would not be, is reported and left out."""
    place = sound_set(tmp_path, name)
    for path in (path for path in place.rglob("*") if path.is_file() and path.suffix != ".jpg"):
        text = re.sub(FIRST_CORNER[name], rf"\g<1>{number}", path.read_text(), flags=re.MULTILINE)
        path.write_text(text)
    lenient = Findings(strict=False)
    data = read_dataset(place, format_name=name, findings=lenient)
    assert {finding.code for finding in lenient.items} == {"box-not-finite"}
    for target in ("coco", "csv"):
        writer_of(target)(replace(data, split=None), tmp_path / target)


def test_a_data_yaml_is_not_parsed_for_ever(tmp_path: Path) -> None:
    """A data.yaml of more than a quarter of a megabyte is refused unread, and one a little smaller ends in time."""
    place = sound_set(tmp_path, "yolo")
    for text, said in (("names: " + "[" * 100_000, "is not YAML"), ("names: [a]\n" + "# x\n" * 100_000, "bytes long")):
        (place / "data.yaml").write_text(text)
        started = time.process_time()
        with pytest.raises(DataError, match=said):
            read_dataset(place, format_name="yolo")
        assert time.process_time() - started < SLOWEST_S


def test_every_reader_is_tried() -> None:
    """The formats mutated here are those that can be read from files of text."""
    assert {get_format(name).name for name in FORMATS} == set(FORMATS)
