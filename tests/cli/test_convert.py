"""convert as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_XML = """<annotation><filename>{name}</filename><size><width>64</width><height>48</height><depth>3</depth></size>
<object><name>car</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>{x2}</xmax><ymax>30</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Make a VOC folder of three pictures in train, val and trainval; one box reaches over the edge."""
    root = tmp_path / "tiny"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for number, x2 in enumerate((30, 70, 30)):
        Image.new("RGB", (64, 48), (80 * number, 90, 90)).save(root / f"JPEGImages/{number}.jpg")
        (root / f"Annotations/{number}.xml").write_text(_XML.format(name=f"{number}.jpg", x2=x2))
    for split, names in {"train": "0\n1\n", "val": "2\n", "trainval": "0\n1\n2\n"}.items():
        (root / f"ImageSets/Main/{split}.txt").write_text(names)
    return root


def test_a_conversion_prints_its_accounts(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """The table says what came in and went out; what changed stands below, by reason; the rate is for people."""
    done = detbench("convert", voc, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert ["train", "2", "2", "2", "2", "0", "1"] in [line[:7] for line in words]
    assert "clipped  it reached over the picture's edge" in done.stdout
    assert "skipped  the split holds the images of other splits again" in done.stdout
    assert "images/s" in done.stderr
    assert done.stderr.count("\n") == 1
    assert all(len(line) <= 80 or str(tmp_path) in line for line in done.stdout.splitlines())


def test_json_is_the_receipt(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """--json prints what receipt.json holds."""
    done = detbench("convert", voc, tmp_path / "out", "--split", "train", "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert list(json.loads(done.stdout)["splits"]) == ["train"]


def test_every_option_is_taken(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """All options together do what each says."""
    options = "--format voc --split train --split val --only-categories car --only-images --limit 1 --per-category 5"
    more = "--shards 1 --shuffle 3 --workers 2 --on-bad skip --no-check-pictures --overwrite"
    done = detbench("convert", voc, tmp_path / "out", *options.split(), *more.split())
    assert done.returncode == 0, done.stderr
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert receipt["command"] == (
        "detbench convert SOURCE OUT --split train --split val --only-categories car --only-images "
        "--format voc --limit 1 --per-category 5 --shards 1 --shuffle 3 --no-check-pictures --on-bad skip"
    )
    assert {name: split["images_out"] for name, split in receipt["splits"].items()} == {"train": 1, "val": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only-categories", "lorry"], "there is no category 'lorry'; the categories are car"),
        (["--split", "nope"], "has no split 'nope'"),
        (["--shards", "0"], "--shards must be at least 1"),
        (["--shard-bytes", "huge"], "'huge' is not a size"),
        (["--format", "nope"], "there is no format 'nope'"),
    ],
)
def test_a_wrong_option_is_one_line(detbench: Run, voc: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    """What cannot mean anything is said in one line, with status 2, and nothing is written."""
    done = detbench("convert", voc, tmp_path / "out", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_broken_picture_is_named(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """The broken picture's path stands in the one line of the error."""
    picture = voc / "JPEGImages" / "1.jpg"
    picture.write_bytes(picture.read_bytes()[:-30])
    done = detbench("convert", voc, tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {picture}: does not decode")
    assert not (tmp_path / "out").exists()
    assert detbench("convert", voc, tmp_path / "out", "--on-bad", "skip").returncode == 0


def test_what_the_reader_leaves_out_is_counted(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """An image without an annotation and a broken annotation are in the table, the receipt and a warning each."""
    with (voc / "ImageSets/Main/train.txt").open("a") as lines:
        lines.write("gone\nlost\n")
    (voc / "Annotations/1.xml").write_text("<annotation>")
    done = detbench("convert", voc, tmp_path / "out", "--split", "train", "--on-bad", "skip")
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in done.stdout.splitlines()[:2]] == ["unreadable", "3"]
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert [line.split(":")[2].strip() for line in warnings] == ["1", "2"]
    assert all(len(line) <= 80 or str(tmp_path) in line for line in done.stdout.splitlines())
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    change = receipt["changes"]["annotation-missing"]
    assert (change["action"], change["unreadable"], change["images"]) == ("dropped", 2, 0)
    assert change["examples"][0] == {
        "where": "ImageSets/Main/train.txt, line 3",
        "detail": "the image 'gone' has no annotation Annotations/gone.xml",
    }
    assert receipt["changes"]["file-unreadable"]["examples"][0]["where"] == "Annotations/1.xml"
    assert receipt["splits"]["train"]["unreadable"] == 3
    assert str(tmp_path) not in json.dumps(receipt)


@pytest.mark.slow
def test_an_empty_split_is_loud_and_an_empty_conversion_an_error(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """A split whose pictures are all gone is warned of beside others; alone it is an error and nothing is written."""
    (voc / "JPEGImages/2.jpg").unlink()
    done = detbench("convert", voc, tmp_path / "out", "--on-bad", "skip")
    assert done.returncode == 0, done.stderr
    assert "warning: split val has 0 records, though the source has 1 image" in done.stderr
    assert "split val has 0 records" in detbench("verify", tmp_path / "out").stdout
    alone = detbench("convert", voc, tmp_path / "alone", "--split", "val", "--on-bad", "skip")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "no image is left to be stored" in alone.stderr
    assert not (tmp_path / "alone").exists()


@pytest.mark.slow
def test_the_source_is_looked_at_before_the_output(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """A source that is not there and a format that is none are said even where the output is occupied."""
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "mine.txt").touch()
    assert "there is no such file or folder" in detbench("convert", tmp_path / "nowhere", occupied).stderr
    assert "there is no format 'vox'" in detbench("convert", voc, occupied, "--format", "vox").stderr
    assert "is not empty" in detbench("convert", voc, occupied).stderr


def test_help_is_not_cut(detbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns every option's text is there in full, defaults included."""
    monkeypatch.setenv("COLUMNS", "80")
    text = " ".join(detbench("convert", "--help").stdout.replace("│", " ").split())
    for words in ("128MiB by default.", "by default all cores; same bytes.", "once the new"):
        assert words in text
    assert "…" not in text


def test_a_picture_without_the_right_to_read_is_named(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """A picture that is a folder, which nobody can read, is named."""
    picture = voc / "JPEGImages" / "1.jpg"
    picture.unlink()
    picture.mkdir()
    done = detbench("convert", voc, tmp_path / "out")
    assert done.returncode == 2
    assert "1.jpg" in done.stderr
    assert done.stderr.count("\n") == 1


def test_converting_needs_no_tensorflow(voc: Path, tmp_path: Path) -> None:
    """Neither TensorFlow, protobuf, pandas nor matplotlib is imported by a conversion."""
    code = (
        "import sys, detbench; detbench.convert(sys.argv[1], sys.argv[2]);"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'tensorflow', 'google.protobuf', 'keras', 'pandas', 'matplotlib'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, voc, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
