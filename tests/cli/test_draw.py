"""``detbench draw`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

OPTIONS = ("--images", 15, "--size", "320x240", "--workers", 1)


@pytest.fixture(scope="module")
def drawn(detbench: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small set in COCO's format."""
    folder = tmp_path_factory.mktemp("drawn") / "parking"
    done = detbench("draw", "parking", "-o", folder, *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "train" in done.stdout
    return folder


def all_bytes(folder: Path) -> dict[Path, bytes]:
    """Return every file's bytes by its path in ``folder``."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_draw_writes_three_splits_that_can_be_read(drawn: Path, detbench: Run) -> None:
    """The COCO files hold the images, and detbench's own check finds no error in them."""
    for split in ("train", "val", "test"):
        document = json.loads((drawn / "annotations" / f"instances_{split}.json").read_bytes())
        assert len(document["images"]) == 5
        assert [category["name"] for category in document["categories"]] == ["car", "van", "truck"]
    checked = detbench("check", drawn)
    assert checked.returncode == 0, checked.stdout


def test_drawing_twice_gives_the_same_files(drawn: Path, detbench: Run, tmp_path: Path) -> None:
    """Another process with two workers writes the same bytes."""
    again = tmp_path / "again"
    assert detbench("draw", "parking", "-o", again, *OPTIONS[:-1], 2).returncode == 0
    assert all_bytes(again) == all_bytes(drawn)


def test_a_folder_that_holds_something_is_kept_unless_told_otherwise(detbench: Run, tmp_path: Path) -> None:
    """Without --overwrite the folder stays as it is; with it a dataset is replaced as a whole, and counted as JSON."""
    folder, options = tmp_path / "set", ("--images", 6, "--size", "200x160", "--workers", 1)
    assert detbench("draw", "parking", "-o", folder, *options).returncode == 0
    before = all_bytes(folder)
    refused = detbench("draw", "parking", "-o", folder, *options, "--seed", 1)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    assert all_bytes(folder) == before
    done = detbench("draw", "parking", "-o", folder, *options, "--seed", 1, "--overwrite", "--json")
    assert done.returncode == 0, done.stderr
    assert [(part["split"], part["images"]) for part in json.loads(done.stdout)["parts"]] == [
        ("train", 5),
        ("val", 1),
        ("test", 0),
    ]
    assert "note: test is empty: " in done.stderr
    assert set(all_bytes(folder)) == set(before)
    assert all_bytes(folder) != before


def test_one_split_in_another_format(detbench: Run, tmp_path: Path) -> None:
    """--split and --to do what they say."""
    done = detbench("draw", "parking", "-o", tmp_path / "voc", "--split", "val", "--to", "voc", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "voc").rglob("*.xml"))) == 5
    assert [path.name for path in (tmp_path / "voc").rglob("val.txt")] == ["val.txt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("draw", "harbour", "-o", "x"), "no built-in dataset 'harbour'"),
        (("draw", "parking", "-o", "x", "--size", "640"), "--size is '640'"),
        (("draw", "parking", "-o", "x", "--split", "trian"), "no split 'trian'"),
        (("draw", "parking", "-o", "x", "--to", "docx"), "no format 'docx'"),
        (("draw", "parking", "-o", "x", "--to", "uavdt"), "not written"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    detbench: Run, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Exit status 2, the sentence on standard error, no traceback, and no file."""
    done = detbench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
