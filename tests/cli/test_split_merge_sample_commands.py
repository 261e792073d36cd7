"""The commands that write datasets, as processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from detbench.data.formats import read_dataset, splits_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    """Return a devkit of four sequences of three pictures with two cars each."""
    data = tmp_path / "cars_devkit" / "data"
    for folder in ("Annotations", "Images"):
        (data / folder).mkdir(parents=True)
    for number in range(12):
        stem = f"site{number // 3}_{number:04d}"
        (data / "Annotations" / f"{stem}.txt").write_text(f"1 1 9 9 1\n{number} 2 15 8 1\n")
        Image.new("RGB", (32, 24), (number, 0, 0)).save(data / "Images" / f"{stem}.png")
    return data.parent


def test_split(devkit: Path, tmp_path: Path, detbench: Command) -> None:
    """A split in another format reads back with its parts."""
    out = tmp_path / "out"
    done = detbench("split", devkit, "-o", out, "--fractions", "train=0.5,val=0.5", "--to", "voc", "--json")
    assert done.returncode == 0
    assert done.stderr == "split by sequence: the names are of 4 sequences; --by random draws single images\n"
    assert [part["sequences"] for part in json.loads(done.stdout)["parts"]] == [2, 2]
    assert splits_of(out) == ("train", "val")
    assert len(read_dataset(out, split="val").ground_truth) == 12


@pytest.mark.slow
def test_sample_and_merge(devkit: Path, tmp_path: Path, detbench: Command) -> None:
    """Two samples merge to one set; what is there is refused with exit status 2, and replaced on request."""
    one, two, both = tmp_path / "one", tmp_path / "two", tmp_path / "both"
    for out, seed in ((one, 1), (two, 2)):
        assert detbench("sample", devkit, "-o", out, "--images", 5, "--seed", seed).returncode == 0
    merged = detbench("merge", one, two, "-o", both, "--to", "coco")
    assert merged.returncode == 0, merged.stderr
    assert "images share names" in merged.stderr
    assert len(read_dataset(both).images) == 10
    again = detbench("merge", one, two, "-o", both, "--to", "coco")
    assert again.returncode == 2
    assert again.stderr == f"error: {both}: is there already; write to an empty folder, or say --overwrite\n"
    assert detbench("merge", one, two, "-o", both, "--to", "coco", "--overwrite").returncode == 0


def test_what_is_left_out_is_said(tmp_path: Path, detbench: Command) -> None:
    """A note a part on standard error counts what the format cannot carry; standard output is the result alone."""
    rows = "".join(f"{number}.jpg,1,1,9,9,car,32,24,{number % 2}\n" for number in range(4))
    (tmp_path / "boxes.csv").write_text(f"image,xmin,ymin,xmax,ymax,category,width_px,height_px,ignore\n{rows}")
    options = ("--by", "random", "--fractions", "train=0.5,val=0.5", "--to", "yolo", "--json")
    done = detbench("split", tmp_path / "boxes.csv", "-o", tmp_path / "out", *options)
    assert done.returncode == 0
    json.loads(done.stdout)
    notes = done.stderr.splitlines()
    assert [note.partition(" not ")[0] for note in notes] == ["note: split train:", "note: split val:"]
    assert sum(int(note.partition("YOLO: ")[2].split()[0]) for note in notes if "ignored box" in note) == 2
    assert all(note.endswith("2 pictures that are missing") for note in notes)
    more = tmp_path / "more.csv"
    more.write_text((tmp_path / "boxes.csv").read_text().replace(".jpg", "b.jpg"))
    for command, arguments in (("sample", ("--images", 4)), ("merge", (more,))):
        done = detbench(command, tmp_path / "boxes.csv", *arguments, "-o", tmp_path / command, "--to", "yolo")
        assert (done.returncode, done.stderr.count("note: not carried over to YOLO: ")) == (0, 1), done.stderr


def test_help(detbench: Command) -> None:
    """Each command's help has examples, a line each."""
    for command in ("split", "merge", "sample"):
        text = detbench(command, "--help").stdout
        assert "Examples" in text
        assert text.count(f"detbench {command}") >= 2


def test_sets_without_sequences_are_split_at_random(tmp_path: Path, detbench: Command) -> None:
    """Left open, one sequence is drawn from at random, which is said; asked for, keeping it together is refused."""
    rows = "".join(f"{number}.jpg,1,1,9,9,car,32,24\n" for number in range(10))
    (tmp_path / "boxes.csv").write_text(f"image,xmin,ymin,xmax,ymax,category,width_px,height_px\n{rows}")
    done = detbench("split", tmp_path / "boxes.csv", "-o", tmp_path / "out", "--to", "COCO", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("split at random: the names are of 1 sequence, fewer than the 2 parts\n")
    told = json.loads(done.stdout)
    assert (told["format"], [part["images"] for part in told["parts"]]) == ("coco", [8, 2])
    refused = detbench("split", tmp_path / "boxes.csv", "-o", tmp_path / "no", "--by", "sequence")
    assert (refused.returncode, "has 1 sequence, fewer than the 2 parts" in refused.stderr) == (2, True)


@pytest.mark.slow
def test_a_misspelt_source_is_said_first(tmp_path: Path, detbench: Command) -> None:
    """A wrong source is the error, and not what else is wrong; a wrong format comes before that."""
    for command, options in (("split", ()), ("sample", ("--images", 1)), ("merge", (tmp_path / "b",))):
        done = detbench(command, tmp_path / "a", *options, "-o", tmp_path, "--to", "none")
        assert done.stderr == f"error: {tmp_path / 'a'}: there is no such file or folder\n"
        done = detbench(command, tmp_path / "a", *options, "-o", tmp_path, "--format", "none")
        assert done.stderr.startswith("error: there is no format 'none'; the formats are coco")
