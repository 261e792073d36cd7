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
    assert (done.returncode, done.stderr) == (0, "")
    assert [part["sequences"] for part in json.loads(done.stdout)["parts"]] == [2, 2]
    assert splits_of(out) == ("train", "val")
    assert len(read_dataset(out, split="val").ground_truth) == 12


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


def test_help(detbench: Command) -> None:
    """Each command's help has examples, a line each."""
    for command in ("split", "merge", "sample"):
        text = detbench(command, "--help").stdout
        assert "Examples" in text
        assert text.count(f"detbench {command}") >= 2
