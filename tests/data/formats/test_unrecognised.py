"""What is said of a path in which no format was recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from detbench.data.formats import read_dataset, splits_of
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

CORNERS = "car 1 2 30 40\ntraffic_light 5 6 7.5 8 difficult\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("", "", r"set: is empty; name the folder that holds the dataset"),
        ("dt.json", '[{"image_id": 1, "bbox": [1, 2, 3, 4]', "no known dataset format"),
        ("a.png", None, "holds pictures but no annotations"),
        ("train/a.png", None, "holds pictures but no annotations"),
        (".convert/state.json", "{}", "holds an unfinished conversion; finish it with detbench convert --resume"),
        ("truth/a.txt", CORNERS, "lines of name x1 y1 x2 y2, a layout that is not read; write it as VOC XML or"),
        ("found/a.txt", "car 0.9 1 2 30 40\n", "no known dataset format was recognised here; say --format"),
        ("notes.txt", "hello\n", "no known dataset format was recognised here; say --format"),
    ],
)
def test_a_folder_is_called_what_it_is(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    """An empty folder, pictures alone, an unfinished conversion and a foreign layout each have a sentence."""
    place = tmp_path / "set"
    file = place / name
    (file.parent if name else place).mkdir(parents=True)
    if name and text is None:
        Image.new("RGB", (8, 8)).save(file)
    elif name:
        file.write_text(text or "", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_dataset(place)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "dt.json",
            ' [{"score": 0.5, "bbox": [1, 2, 3, 4], "image_id": 1}]',
            "these are predictions .a list of results",
        ),
        ("gt.json", "\x1f\x8b\x08", "no known dataset format was recognised here; say --format"),
        ("page.json", "<html>", "is HTML or XML, not JSON"),
        ("a.txt", CORNERS, "lines of name x1 y1 x2 y2, a layout that is not read"),
        ("none.json", " ", "is empty; restore it from its source"),
    ],
)
def test_a_file_is_called_what_it_is(tmp_path: Path, name: str, text: str, said: str) -> None:
    """Predictions, a page that says why a download failed, a foreign layout and nothing each have a sentence."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_dataset(tmp_path / name)


def test_a_format_is_named_in_any_case_and_looked_up_first(tmp_path: Path) -> None:
    """COCO is coco; a format that there is none of is said before the path that is not there."""
    (tmp_path / "gt.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert splits_of(tmp_path / "gt.json", format_name="COCO") == ()
    with pytest.raises(UsageError, match="there is no format 'cocoo'"):
        read_dataset(tmp_path / "none", format_name="cocoo")
