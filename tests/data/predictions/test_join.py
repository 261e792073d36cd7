"""Predictions that are on other images, or of other categories, are refused in words that help."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.data.formats import read_dataset
from detbench.data.predictions import read_predictions
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from detbench.data.tables import Dataset, Key


@pytest.fixture
def results(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes COCO results of one prediction for each (image, category)."""

    def write(images: Sequence[Key], categories: Sequence[Key] | None = None) -> Path:
        path = tmp_path / "results.json"
        pairs = zip(images, categories or [1] * len(images), strict=True)
        records = [{"image_id": i, "category_id": c, "bbox": [0, 0, 1, 1], "score": 0.5} for i, c in pairs]
        path.write_text(json.dumps(records))
        return path

    return write


def refusal(path: Path, dataset: Dataset, **options: str) -> str:
    """Return the text of the error that reading ends in."""
    with pytest.raises(DataError) as caught:
        read_predictions(path, dataset, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_counts(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """An unknown image id is counted, the first five are named, and how many did match."""
    text = refusal(results([1, 100, 100, 101, 102, 103, 104, 105]), make_dataset([1, 2, 3]))
    assert "results.json, record [1]: 7 of 8 predictions are on 6 images that the ground truth lacks" in text
    assert "100, 101, 102, 103, 104, …" in text
    assert "; by id 1 of 7 images match; " in text
    assert "--unknown drop" in text


def test_stem(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """File names where ids should be are recognised, and joined on request."""
    dataset = make_dataset([5, 6], file_names=["val/a.jpg", "val/b.jpg"])
    path = results(["b.png", "a"])
    assert refusal(path, dataset).endswith("2 of 2 match as file stems: say --join stem")
    assert read_predictions(path, dataset, join="stem").predictions.image.tolist() == [0, 1]
    assert read_predictions(path, dataset, join="stem").predictions.score.tolist() == [0.5, 0.5]


def test_leading_zeros(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """A number is the stem with the same digits, whatever the zeros before them."""
    dataset = make_dataset(["000000000139", "000000000285"])
    assert "2 of 2 match as file stems: say --join stem" in refusal(results([139, 285]), dataset)
    assert read_predictions(results([285]), dataset, join="stem").predictions.image.tolist() == [1]


def test_strings_for_numbers(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Ids written as strings where the ground truth has numbers are recognised."""
    dataset = make_dataset([139, 285], file_names=["x.jpg", "y.jpg"])
    assert "2 of 2 match as numbers: write image_id as the ground truth does" in refusal(
        results(["139", "285"]), dataset
    )
    dataset = make_dataset(["139", "285"], file_names=["x.jpg", "y.jpg"])
    assert "2 of 2 match as strings" in refusal(results([139, 285]), dataset)


def test_off_by_one(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Ids counted from 0 instead of 1 are recognised."""
    assert "all of them match with +1" in refusal(results([0, 1, 2]), make_dataset([1, 2, 3]))
    assert "all of them match with -1" in refusal(results([1, 2, 3]), make_dataset([0, 1, 2]))


def test_ambiguous_stem(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """A stem that fits two pictures is refused; with its folder it fits one."""
    dataset = make_dataset([5, 6], file_names=["train/1.jpg", "val/1.jpg"])
    assert "'1' could be 'train/1.jpg' and 'val/1.jpg'" in refusal(results(["1"]), dataset, join="stem")
    assert read_predictions(results(["val/1"]), dataset, join="stem").predictions.image.tolist() == [1]


def test_drop(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Dropping counts each prediction once, by its first reason, and keeps the others' order."""
    path = results([1, 9, 1, 9, 2], [1, 1, 8, 8, 2])
    loaded = read_predictions(path, make_dataset([1, 2]), unknown="drop")
    assert loaded.dropped == {"image unknown": 2, "category unknown": 1}
    assert loaded.predictions.category.tolist() == [0, 1]


def test_nothing_known(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """A file none of whose images are known is refused even where unknown ones may be dropped."""
    assert "2 of 2 predictions" in refusal(results([8, 9]), make_dataset([1, 2]), unknown="drop")
    assert "2 of 2 predictions are of 1 category" in refusal(
        results([1, 2], [7, 7]), make_dataset([1, 2]), unknown="drop"
    )


def test_category_ids_of_another_type(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Category ids that are strings where the ground truth has numbers are recognised."""
    text = refusal(results([1, 1], ["1", "2"]), make_dataset([1]))
    assert text.endswith("2 of 2 match as numbers: write category_id as the ground truth does")


def test_unknown_category(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """An unknown category is counted and named beside those that there are."""
    text = refusal(results([1, 1, 1], [1, 8, 9]), make_dataset([1]))
    assert "2 of 3 predictions are of 2 categories that the ground truth lacks: 8, 9" in text
    assert "1 'car', 2 'person'" in text
    assert text.endswith("--unknown drop")


def test_category_positions(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Positions from 0 where ids should be are recognised; so is another case."""
    dataset = make_dataset([1], ["a", "b", "c"], ids=[1, 2, 90])
    text = refusal(results([1, 1, 1], [0, 1, 2]), dataset)
    assert (
        "0 to 2 look like positions among the 3 categories; write category_id as the ground truth does, 1 for 'a'"
        in text
    )
    assert "differ in case or blanks only" in refusal(results([1], ["A "]), dataset)


def test_hostile_names(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Names with line breaks and huge names do not break the message."""
    text = refusal(results(["../../etc/passwd\n\x1b[31m", "x" * 10_000, 10**30]), make_dataset([1, 2]))
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 1000


def test_contiguous_category_ids(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """Positions from 1 where COCO's ids have holes, and ids one too high, are recognised; dropping is not offered."""
    dataset = make_dataset([1], ["a", "b", "c"], ids=[1, 3, 90])
    text = refusal(results([1, 1, 1], [1, 2, 3]), dataset)
    assert "1 to 3 look like positions, counted from 1, among the 3 categories, whose ids go up to 90" in text
    assert "drop" not in text
    text = refusal(results([1, 1, 1], [1, 2, 3]), make_dataset([1], ["a", "b", "c"], ids=[0, 1, 2]))
    assert "all of them match with -1, as if counted from 1" in text
    assert "drop" not in text
    assert "look like" not in refusal(results([1, 1], [1, 7]), dataset)


def test_another_split(results: Callable[..., Path], shared: Path) -> None:
    """Images that are not in the split that was read may be in another, and the message names it."""
    dataset = read_dataset(shared / "coco_tiny", split="train2017")
    text = refusal(results([dataset.images.key[0], 10**9]), dataset)
    assert "80 images of train2017 were read; the others may be in another split" in text
    assert "--split with one of val2017" in text


def test_stems_are_offered_only_where_they_gain(
    tmp_path: Path, make_dataset: Callable[..., Dataset], results: Callable[..., Path]
) -> None:
    """Names that match as they stand are no reason to join by stem."""
    path = tmp_path / "dt.csv"
    path.write_text("image,xmin,ymin,xmax,ymax,category,score\na.jpg,0,0,1,1,car,0.5\nz.jpg,0,0,1,1,car,0.5\n")
    dataset = make_dataset(["a.jpg", "b.jpg"], file_names=["a.jpg", "b.jpg"])
    assert "--join stem" not in refusal(path, dataset)
    assert "--join stem" in refusal(results(["a.jpg", "b"]), dataset)


def test_voc_results_go_by_stem(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    """VOC result files name stems; ground truth whose ids have endings is joined without a word, if they are unique."""
    (tmp_path / "comp4_det_test_car.txt").write_text("a 0.9 1 1 5 5\nb 0.8 1 1 5 5\n")
    names = ["pictures/a.jpg", "pictures/b.jpg"]
    dataset = make_dataset(names, file_names=names)
    assert read_predictions(tmp_path, dataset).predictions.image.tolist() == [0, 1]
    assert "'a'" in refusal(tmp_path, make_dataset(["x/a.jpg", "y/a.jpg"], file_names=["x/a.jpg", "y/a.jpg"]))


def test_a_folder_of_one_json(results: Callable[..., Path], make_dataset: Callable[..., Dataset]) -> None:
    """A folder that holds a results file is refused with the file to give."""
    path = results([1])
    assert f"give the file itself, {path}" in refusal(path.parent, make_dataset([1]))


def test_ids_of_another_kind_are_not_looked_for_in_another_split(results: Callable[..., Path], shared: Path) -> None:
    """Numbers against file names are another set: the error names no split of this one."""
    text = refusal(results([532481, 184324]), read_dataset(shared / "bccd", split="test"))
    assert "may be in another split" not in text
    assert "check that both are of the same set" in text
