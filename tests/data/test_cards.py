"""Cards of known datasets are complete, consistent with the readers, and strict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.data.cards import card, cards, read_card
from detbench.data.formats import FORMAT_NAMES
from detbench.data.formats.uavdt import CATEGORIES as UAVDT_CATEGORIES
from detbench.data.formats.visdrone import CATEGORIES as VISDRONE_CATEGORIES
from detbench.data.synthetic import parking
from detbench.errors import DataError, UsageError
from detbench.files import shared_folder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("carpk", "coco2017", "parking", "pucpr_plus", "uavdt", "visdrone_det", "voc2007", "voc2012")


def test_names() -> None:
    """There is a card for each of the datasets, by name."""
    assert tuple(one.name for one in cards()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_whole(name: str) -> None:
    """Each card names a reader, distinct categories and splits, and published numbers on splits that it has."""
    one = card(name)
    assert one.format in FORMAT_NAMES
    assert len(set(one.categories)) == len(one.categories) > 0
    splits = [split.name for split in one.splits]
    assert len(set(splits)) == len(splits) > 0
    assert {result.split for result in one.published} <= set(splits)
    assert all((split.difficult or 0) <= (split.boxes or 0) for split in one.splits)
    assert json.loads(json.dumps(one.to_dict(), allow_nan=False))["name"] == name


def test_sums() -> None:
    """VOC's trainval is its train and its val."""
    for name in ("voc2007", "voc2012"):
        by_name = {split.name: split for split in card(name).splits}
        for key in ("images", "boxes", "difficult"):
            train, val, both = (getattr(by_name[split], key) for split in ("train", "val", "trainval"))
            assert train + val == both


def test_readers_agree() -> None:
    """The cards' categories are the readers' own."""
    assert card("visdrone_det").categories == VISDRONE_CATEGORIES
    assert card("uavdt").categories == UAVDT_CATEGORIES
    assert card("parking").categories == tuple(parking.CATEGORY_NAMES)
    assert [split.name for split in card("parking").splits] == list(parking.SPLITS)
    assert sum(split.images or 0 for split in card("parking").splits) == parking.DEFAULT_IMAGES


def test_unknown_name() -> None:
    """A card that is not there is refused, with those that are."""
    with pytest.raises(UsageError, match=r"there is no card '\.\./x'; the cards are carpk, coco2017"):
        card("../x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text + "\ncolour = 1\n", "published 3: has an unknown key 'colour'"),
        (lambda text: "lisence = 'x'\n" + text, "has an unknown key 'lisence'; the keys are name, title"),
        (lambda text: text.replace("images = 2501", "images = 'many'"), r"is no card .*\$.splits\[0\].images"),
        (lambda text: text.replace("images = 2501", "picures = 2501"), "splits 1: has an unknown key 'picures'"),
        (lambda text: text.replace('format = "voc"', ""), "missing required field `format`"),
        (lambda text: "name = 'x'\n" + text, "has a key 'name'"),
        (lambda _text: "= =", "is not TOML"),
        (lambda _text: "", "missing required field"),
    ],
)
def test_strict(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    """A card with an unknown, a missing or a wrong key is refused."""
    path = tmp_path / "odd.toml"
    path.write_text(change((shared_folder("datasets") / "voc2007.toml").read_text("utf-8")), "utf-8")
    with pytest.raises(DataError, match=said):
        read_card(path)


def test_command(detbench: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The command lists all cards, shows one in full, and prints JSON; an unknown name ends in 2."""
    table = detbench("datasets").stdout
    assert all(name in table for name in NAMES)
    one = detbench("datasets", "carpk").stdout
    for fact in ("lafi.github.io", "CARPK_devkit/data/", "989", "13.72", "Hsieh"):
        assert fact in one
    assert len(json.loads(detbench("datasets", "--json").stdout)) == len(NAMES)
    assert detbench("datasets", "nosuch").returncode == 2
