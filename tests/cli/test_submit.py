"""``detbench submit check`` through its own door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]


def _submission(coco_pair: Pair, folder: Path) -> Path:
    _, predictions = coco_pair([(1, 1, BOX)], [(1, 1, BOX, 0.9), (1, 1, BOX, 0.8)])
    place = folder / "sub"
    place.mkdir()
    predictions.rename(place / "predictions.json")
    return place


def test_findings_are_grouped_and_fit_the_line(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """The worst first, each with what to do; what nobody must have leaves the exit status 0."""
    folder = _submission(coco_pair, tmp_path)
    done = detbench("submit", "check", folder, "-g", tmp_path / "gt.json", env_columns=80)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "sub  2 predictions"
    assert [line for line in lines if line.startswith(("error", "warning", "note"))] == [
        "warning card-missing  1",
        "note proposals-missing  1",
        "note timing-missing  1",
    ]
    assert lines[-1] == "0 errors, 1 warning, 2 notes"
    assert max(map(len, lines)) <= 80


def test_errors_exit_1_and_json_holds_them(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """Each finding has its code, severity, file, message and remedy; the card is told as it was read."""
    folder = _submission(coco_pair, tmp_path)
    (folder / "model.toml").write_text('name = "<script>"\nauthors = ["a"]')
    (folder / "predictions.json").write_text('[{"image_id": 9, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 1}]')
    done = detbench("submit", "check", folder, "--ground-truth", tmp_path / "gt.json", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert found["card"]["name"] == "<script>"
    assert found["counts"] == {"error": 1, "warning": 0, "note": 5}
    first = found["findings"][0]
    assert (first["code"], first["severity"]) == ("predictions-unusable", "error")
    assert first["file"] == str(folder / "predictions.json")
    assert "that the ground truth lacks: 9" in first["message"]
    assert detbench("submit", "check", folder, "-g", tmp_path / "gt.json", "--unknown", "drop").returncode == 1


def test_a_card_that_is_no_file_is_not_passed_over(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """A folder or a dangling link called model.toml: a finding here, a broken row of a leaderboard, no report."""
    folder, truth = _submission(coco_pair, tmp_path), tmp_path / "gt.json"
    assert detbench("eval", truth, folder, "-o", tmp_path / "run", "--resamples", 100).returncode == 0
    for place in (folder, tmp_path / "run"):
        (place / "model.toml").mkdir()
    done = detbench("submit", "check", folder, "-g", truth)
    assert done.returncode == 1
    assert "error card-malformed" in done.stdout
    assert "is a folder" in done.stdout
    (tmp_path / "subs").mkdir()
    folder.rename(tmp_path / "subs/model")
    done = detbench("leaderboard", tmp_path / "subs", "-g", truth, "-o", tmp_path / "board")
    assert done.returncode == 2
    assert "error: model: model.toml: is a folder; write model.toml as a text file, or remove it\n" in done.stderr
    card = tmp_path / "run/model.toml"
    for said in ("is a folder", "is no file"):
        done = detbench("report", tmp_path / "run", "--format", "md", "-o", tmp_path / "out")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert f"{card}: {said}" in done.stderr
        if card.is_dir():
            card.rmdir()
            card.symlink_to("nowhere")


def test_what_is_no_folder_is_bad_input(detbench: Run, coco_pair: Pair, tmp_path: Path) -> None:
    """One sentence and exit 2: nothing there, a file, a split without ground truth, ground truth that is none."""
    folder = _submission(coco_pair, tmp_path)
    for arguments, said in (
        ([tmp_path / "nothing"], "nothing: there is no such file or folder"),
        ([folder / "predictions.json"], "is a file; give the folder that is to be submitted"),
        ([folder, "--split", "test"], "give --ground-truth too"),
        ([folder, "-g", folder / "predictions.json"], "predictions.json"),
    ):
        done = detbench("submit", "check", *arguments)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""
