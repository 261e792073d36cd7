"""check, stats and show as a user runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_XML = """<annotation><filename>{name}</filename><size><width>64</width><height>48</height><depth>3</depth></size>
<object><name>{category}</name><bndbox><xmin>{x1}</xmin><ymin>5</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Return a VOC dataset of two pictures, one in train and one in test."""
    root = tmp_path / "tiny"
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for shade, split in enumerate(("train", "test")):
        Image.new("RGB", (64, 48), (80 * shade, 90, 90)).save(root / "JPEGImages" / f"{split}-1.jpg")
        xml = _XML.format(name=f"{split}-1.jpg", category="red [bold]car[/bold]", x1=5)
        (root / "Annotations" / f"{split}-1.xml").write_text(xml, encoding="utf-8")
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text(f"{split}-1\n", encoding="utf-8")
    return root


def test_sound_data_is_fine(detbench: Run, voc: Path) -> None:
    """Without findings the status is 0 and the last line says so."""
    done = detbench("check", voc)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "no findings"


def test_errors_set_the_status(detbench: Run, voc: Path) -> None:
    """An error makes the status 1; it stands under its code with file, record, what is seen and what to do."""
    (voc / "Annotations" / "test-1.xml").write_text(
        _XML.format(name="test-1.jpg", category="car", x1=50), encoding="utf-8"
    )
    done = detbench("check", voc)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = lines.index("error box-negative-size  1")
    assert lines[at + 1].strip() == "Annotations/test-1.xml, object 1 of image test-1"
    assert lines[at + 2].strip().startswith("is -20 by 25 px")
    assert lines[at + 3].strip() == "→ swap or correct the corners"
    assert lines[-1].startswith("1 error, 0 warnings")
    assert all(line == line.rstrip() and len(line) <= 100 for line in lines)


def test_warnings_leave_the_status(detbench: Run, voc: Path) -> None:
    """Warnings and notes alone are status 0; --split looks at one split."""
    (voc / "Annotations" / "test-1.xml").write_text(
        _XML.format(name="test-1.jpg", category="car", x1=30), encoding="utf-8"
    )
    assert "warning box-one-pixel  1" in detbench("check", voc).stdout
    done = detbench("check", voc, "--split", "train")
    assert (done.returncode, "box-one-pixel" in done.stdout) == (0, False)


def test_findings_as_json(detbench: Run, voc: Path) -> None:
    """--json prints every finding and the counts, and nothing else."""
    (voc / "JPEGImages" / "train-1.jpg").write_bytes(b"junk")
    done = detbench("check", voc, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["counts"]["error"] == 1
    assert report["findings"][0]["code"] == "picture-undecodable"
    assert report["findings"][0]["file"].endswith("train-1.jpg")
    assert detbench("check", voc, "--no-pictures").returncode == 0


def test_many_findings_are_cut_short(detbench: Run, voc: Path) -> None:
    """--limit-per-code shows the first and says how many there are."""
    for split in ("train", "test"):
        (voc / "JPEGImages" / f"{split}-1.jpg").write_bytes(b"junk")
    shown = detbench("check", voc, "--limit-per-code", 1).stdout
    assert "error picture-undecodable  2" in shown
    assert "… and 1 more; --json lists them all" in shown


def test_wrong_input_is_one_sentence(detbench: Run, voc: Path) -> None:
    """What is not there, or not known, is status 2 and one line without a traceback."""
    for arguments in ([voc / "nothing"], [voc, "--split", "no"], [voc, "--protocol", "coca"], [voc, "--format", "x"]):
        done = detbench("check", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_stats_for_people_and_programs(detbench: Run, voc: Path) -> None:
    """Stats prints a table in which names are text, and the same numbers as JSON."""
    shown = detbench("stats", voc).stdout
    assert "2 images, 2 boxes, 0 images without boxes" in shown
    assert "red [bold]car[/bold]" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    plain = json.loads(detbench("stats", voc, "--split", "test", "--json").stdout)
    assert (plain["images"], plain["split"], plain["categories"][0]["boxes"]) == (1, "test", 1)


@pytest.mark.slow
def test_show_writes_what_the_name_asks_for(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """A page, a sheet, or a folder; the result is named on standard error."""
    for name in ("page.html", "sheet.png", "folder"):
        done = detbench("show", voc, "-o", tmp_path / name)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"wrote {tmp_path / name} with 2 pictures\n"
    assert len(list((tmp_path / "folder").iterdir())) == 3
    assert detbench("show", voc, "--images", "test-1", "-o", tmp_path / "one.png").returncode == 0
    done = detbench("show", voc, "--category", "bus", "-o", tmp_path / "two.png")
    assert (done.returncode, (tmp_path / "two.png").exists()) == (2, False)
    assert "no category 'bus'; the nearest are 'red [bold]car[/bold]'" in done.stderr


def test_a_long_path_stays_in_one_piece(detbench: Run, voc: Path, tmp_path: Path) -> None:
    """Words are wrapped at the width of the terminal, but a path is never broken."""
    far = tmp_path / ("far-" * 30) / "away"
    far.parent.mkdir()
    voc.rename(far)
    (far / "Annotations" / "test-1.xml").write_text(
        _XML.format(name="test-1.jpg", category="car", x1=30), encoding="utf-8"
    )
    name = "x" * 120 + ".xml"
    (far / "Annotations" / name).write_text("<annotation>", encoding="utf-8")
    lines = detbench("check", far).stdout.splitlines()
    assert lines[0] == f"{far}  voc"
    assert any(f"Annotations/{name}" in line for line in lines)
    assert all(len(line) <= 100 for line in lines if name not in line and str(far) not in line)
