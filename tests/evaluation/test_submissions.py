"""A submission's folder: its card is bounded, nothing outside is read, and what it lacks is said."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from detbench import evaluate, read_dataset
from detbench.errors import DataError
from detbench.evaluation.prediction_folder import prediction_folder
from detbench.evaluation.submissions.check import check_submission
from detbench.evaluation.submissions.folder import folders_in, submission
from detbench.evaluation.submissions.model_card import read_model_card

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
CARD = """
name = "YOLOX-nano"
authors = ["Zheng Ge", "Songtao Liu"]
link = "https://example.org/yolox?size=nano"
parameters = 910_000
training_data = ["COCO train2017"]
notes = '''
Two
lines.'''
"""


@pytest.fixture
def folder(coco_pair: Pair, tmp_path: Path) -> Path:
    """Return a submission of one good prediction, with a card; its ground truth lies beside it as ``gt.json``."""
    _, predictions = coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9)])
    place = tmp_path / "sub"
    place.mkdir()
    predictions.rename(place / "predictions.json")
    (place / "model.toml").write_text(CARD)
    return place


def _codes(folder: Path, truth: Path | None = None) -> list[str]:
    report = check_submission(folder, read_dataset(truth) if truth else None)
    return [finding.code for finding in report.findings]


def test_a_card_says_what_stands_in_it(tmp_path: Path) -> None:
    """Every key is read; a name alone is enough."""
    (tmp_path / "model.toml").write_text(CARD)
    card = read_model_card(tmp_path / "model.toml")
    assert (card.name, card.authors, card.parameters) == ("YOLOX-nano", ["Zheng Ge", "Songtao Liu"], 910_000)
    assert (card.link, card.training_data) == ("https://example.org/yolox?size=nano", ["COCO train2017"])
    assert card.notes == "Two\nlines."
    (tmp_path / "model.toml").write_text('name = "<script>alert(1)</script>"')
    assert read_model_card(tmp_path / "model.toml").name == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'has no name; say what the model is called: name = "..."'),
        ('name = "a"\nautor = ["b"]', "has an unknown key 'autor'; write authors"),
        ('name = "a"\n"training-data" = []', "has an unknown key 'training-data'; write training_data"),
        ('name = "a"\nzzz = 1', "has an unknown key 'zzz'; the keys are name, authors, link"),
        ("name = 3", 'name: should be one line of 1 to 200 characters in quotes; write it as in name = "YOLOX-nano"'),
        ('name = ""', "name: should be one line of 1 to 200 characters in quotes"),
        ('name = "a"\nauthors = "b"', "authors: should be a list of at most 100 names; write it as in authors = ["),
        ('name = "a"\nauthors = ["b", 1]', "authors[1]: should be one line of 1 to 200 characters in quotes"),
        ('name = "a"\nnotes = 2020-01-01', "notes: should be text of at most 5,000 characters in quotes"),
        ('name = "a"\nparameters = -1', "parameters: "),
        ('name = "a"\nparameters = 1.5', "parameters: should be a whole number"),
        ('name = "a"\nparameters = 10_000_000_000_000_000', "parameters: "),
        ('name = "a"\nlink = "javascript:alert(1)"', "link: is no link: 'javascript:alert(1)'; give one that begins"),
        ('name = "a"\nlink = "https:///nowhere"', "link: is no link"),
        ('name = "a"\nlink = "https://[1"', "link: is no link"),
        ('name = "a"\nlink = "https://a b"', "link: is no link"),
        ('name = "a"\nlink = "https://a:99999999/"', "link: is no link"),
        ('name = "a"\nlink = "https://a:b/"', "link: is no link"),
        ('name = "a\\nb"', "name: is 'a�b'; give one line of letters that can be seen"),
        ('name = "\\u202Egnp.exe"', "name: is '�gnp.exe'"),
        ('name = " "', "name: is blank"),
        (f'name = "{"a" * 201}"', "name: "),
        (f'name = "a"\nnotes = "{"n" * 5001}"', "notes: "),
        ("name = ", 'is not TOML: invalid value; write lines such as name = "...", each key once'),
        ('name = "a"\n\n= 3', "line 3: is not TOML: invalid statement; write lines"),
        ('name = "a"\nname = "b"\nlink = "c"', "line 2: has a key twice; write lines such as"),
        (f'name = "a"\nnotes = {"[" * 9999}', "line 2: has lists in lists in lists; no key needs them"),
        (f'name = "a"\nparameters = 1{"0" * 5000}', "line 2: has a number of thousands of digits; parameters is the"),
        (f"#{' ' * 70_000}", "more than the 65,536 bytes"),
    ],
)
def test_what_a_card_may_not_say_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    """Unknown keys name the nearest one, values are bounded, links are http, and the key is named."""
    (tmp_path / "model.toml").write_text(text)
    with pytest.raises(DataError) as raised:
        read_model_card(tmp_path / "model.toml")
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path / 'model.toml'}")
    assert len(str(raised.value)) < 500
    assert not re.search(r"sys\.|recursion|>=|Expected|of length", str(raised.value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("predictions.json", '[{"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50], "score": 0.9}]'),
        ("predictions.csv", "image,category,x1,y1,x2,y2,score\n1,1,10,10,60,60,0.9\n"),
        ("predictions/1.txt", "category 1 0.9 10 10 60 60\n".replace("category 1", "0")),
        ("predictions.txt", ""),
    ],
)
def test_predictions_come_in_any_form(folder: Path, name: str, text: str) -> None:
    """A file with the form's ending or a folder of files; with a card beside it ``evaluate`` takes the folder too."""
    (folder / "predictions.json").unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    found = submission(folder).given
    assert found is not None
    assert found.predictions == folder / name.partition("/")[0]
    marked = prediction_folder(folder)
    assert marked is not None
    assert marked.predictions == found.predictions


def test_a_folder_of_predictions_alone_is_evaluated(folder: Path) -> None:
    """``detbench eval`` takes a folder with nothing but predictions.json in it; a folder of txt stays what it was."""
    (folder / "model.toml").unlink()
    result = evaluate(folder.parent / "gt.json", folder)
    assert (result.name, result.metrics["AP50"]) == ("sub", pytest.approx(0.5049505))
    (folder / "predictions.json").unlink()
    (folder / "1.txt").write_text("0 0.5 0.5 0.1 0.1 0.9\n")
    assert prediction_folder(folder) is None


def test_a_folder_of_proposals_alone_is_scored(folder: Path) -> None:
    """Their recall is all there is, and the check says so; what needs predictions refuses the folder."""
    truth = folder.parent / "gt.json"
    (folder / "predictions.json").rename(folder / "proposals.json")
    found = submission(folder).given
    assert found is not None
    assert (found.predictions, found.proposals) == (None, folder / "proposals.json")
    result = evaluate(truth, folder, resamples=100)
    assert (result.name, result.metrics["proposal_recall50@100"]) == ("sub", 0.5)
    assert "AP" not in result.metrics
    assert _codes(folder, truth) == ["proposals-alone", "timing-missing"]
    with pytest.raises(DataError, match="holds proposals alone, and no predictions"):
        evaluate(truth, truth.with_name("none.json"), tune_on=truth, tune_predictions=folder)
    (folder / "predict.json").write_text('{"schema": "detbench.predict/1"}')
    with pytest.raises(DataError, match="is a folder of detbench predict without predictions"):
        submission(folder)


def test_two_forms_of_predictions_are_one_too_many(folder: Path) -> None:
    """Which of them is meant is not guessed."""
    (folder / "predictions.csv").write_text("image,category,x1,y1,x2,y2,score\n")
    with pytest.raises(DataError, match=r"has predictions\.json and predictions\.csv, and which"):
        submission(folder)
    assert "file-unreadable" in _codes(folder)


def test_a_whole_submission_lacks_proposals_and_times_only(folder: Path) -> None:
    """They are notes: nobody must have them."""
    assert _codes(folder, folder.parent / "gt.json") == ["proposals-missing", "timing-missing"]
    report = check_submission(folder)
    assert (report.predictions, report.proposals, report.card and report.card.name) == (1, None, "YOLOX-nano")


def test_what_is_missing_is_said(folder: Path) -> None:
    """No card is a warning, a card that says little gives a note a key, no predictions are an error."""
    (folder / "model.toml").write_text('name = "a"\nparameters = 0')
    report = check_submission(folder)
    records = [finding.record for finding in report.findings if finding.code == "card-incomplete"]
    assert records == ["authors", "link", "training_data"]
    (folder / "model.toml").unlink()
    assert _codes(folder)[0] == "card-missing"
    (folder / "predictions.json").unlink()
    assert _codes(folder) == ["predictions-missing", "card-missing"]


def test_predictions_are_held_against_the_ground_truth(folder: Path) -> None:
    """Ids that it lacks are an error where it is given; without it broken files are found all the same."""
    (folder / "predictions.json").write_text('[{"image_id": 7, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 1}]')
    assert "predictions-unusable" not in _codes(folder)
    assert _codes(folder, folder.parent / "gt.json")[0] == "predictions-unusable"
    (folder / "predictions.json").write_text('[{"image_id": 7, "category_id"')
    assert _codes(folder)[0] == "predictions-unusable"
    (folder / "predictions.json").write_text("[]")
    assert _codes(folder, folder.parent / "gt.json")[0] == "predictions-none"


def test_files_of_another_run_are_told(folder: Path) -> None:
    """A file that is not what ``detbench predict`` wrote, and predictions on another dataset, are warnings."""
    about = {
        "schema": "detbench.predict/1",
        "data": {"fingerprint": "0" * 64},
        "files": {"predictions.json": {"sha256": "0" * 64}},
    }
    (folder / "predict.json").write_text(json.dumps(about))
    codes = _codes(folder, folder.parent / "gt.json")
    assert codes[:2] == ["predictions-changed", "ground-truth-differs"]
    (folder / "predict.json").write_text("{}")
    assert _codes(folder)[0] == "file-unreadable"


def test_a_result_counts_and_must_be_whole(folder: Path) -> None:
    """A folder of ``detbench eval -o`` needs no predictions; one whose numbers were changed is refused."""
    result = evaluate(folder.parent / "gt.json", folder / "predictions.json", resamples=100)
    result.save(folder / "result.json")
    result.save_draws(folder / "draws.npz")
    (folder / "predictions.json").unlink()
    assert _codes(folder, folder.parent / "gt.json") == []
    found = submission(folder)
    assert (found.given, found.result) == (None, folder / "result.json")
    text = (folder / "result.json").read_text()
    (folder / "result.json").write_text(text.replace('"AP50": 0.5', '"AP50": 0.9', 1))
    assert _codes(folder) == ["result-unusable"]


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
@pytest.mark.parametrize("name", ["predictions.json", "model.toml", "timing.json", "proposals/1.txt", "result.json"])
def test_nothing_outside_is_read(folder: Path, name: str) -> None:
    """Links that lead out, in circles or nowhere, and pipes, are findings and are never opened."""
    secret = folder.parent / "secret.json"
    secret.write_text("[]")
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    for make, code in (
        (lambda: file.symlink_to(secret), "link-outside"),
        (lambda: file.symlink_to(file.name), "file-unreadable"),
        (lambda: file.symlink_to("nowhere"), "file-unreadable"),
        (lambda: os.mkfifo(file), "file-unreadable"),
    ):
        make()
        assert code in _codes(folder)
        with pytest.raises(DataError, match=r"symbolic link that leads|is a pipe or a device"):
            submission(folder)
        file.unlink()
    (folder / "model-inside.toml").write_text(CARD)
    (folder / "model.toml").unlink(missing_ok=True)
    (folder / "model.toml").symlink_to("model-inside.toml")
    assert "link-outside" not in _codes(folder)


def test_folders_are_found_by_name(tmp_path: Path) -> None:
    """Hidden folders and files are no submissions, links to nowhere are broken ones; without any it is an error."""
    with pytest.raises(DataError, match="holds no folders of models; give the folder that holds one folder for each"):
        folders_in(tmp_path)
    (tmp_path / "predictions.json").write_text("[]")
    with pytest.raises(DataError, match="it is a submission itself"):
        folders_in(tmp_path)
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "c").symlink_to("c")
    assert [path.name for path in folders_in(tmp_path)] == ["a", "b", "c"]
    with pytest.raises(DataError, match="leads nowhere"):
        submission(tmp_path / "c")
    with pytest.raises(DataError, match="cannot be read"):
        folders_in(tmp_path / "predictions.json")
