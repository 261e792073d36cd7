"""A model's categories and a dataset's, by name."""

from __future__ import annotations

import pytest

from detbench.data.tables import Categories
from detbench.detectors.adapters.naming import COCO
from detbench.detectors.predict.joining import as_categories, rows_in
from detbench.errors import UsageError

KNOWN = Categories.from_names(["couch", "car", "dog"])


def test_names_find_their_rows_in_any_order() -> None:
    """And names that are None are the dataset's own."""
    assert rows_in(["dog", "car"], KNOWN, "error").tolist() == [2, 1]
    assert rows_in(None, KNOWN, "error").tolist() == [0, 1, 2]


def test_vocs_spelling_is_coco_s_unless_both_are_there() -> None:
    """A sofa is a couch; to a model that knows both it is not."""
    assert rows_in(["sofa"], KNOWN, "error").tolist() == [0]
    assert rows_in(["tv"], Categories.from_names(["tvmonitor"]), "error").tolist() == [0]
    assert rows_in(["sofa", "couch"], KNOWN, "drop").tolist() == [-1, 0]


def test_what_the_dataset_lacks_is_an_error_or_left_out() -> None:
    """If it lacks all of them, nothing would be left: that is an error in any case."""
    with pytest.raises(UsageError, match=r"'boat' is not among the dataset's: couch, car, dog; say --unknown drop"):
        rows_in(["car", "boat"], KNOWN, "error")
    assert rows_in(["car", "boat"], KNOWN, "drop").tolist() == [1, -1]
    with pytest.raises(UsageError, match=r"'boat' and 1 other are not among .* --categories FILE"):
        rows_in(["boat", "ship"], KNOWN, "drop")


def test_coco_s_categories_have_coco_s_ids() -> None:
    """Others are numbered from 1."""
    assert as_categories(COCO.names).source_id == COCO.ids
    beside_the_gaps = {"fire hydrant": 11, "stop sign": 13, "zebra": 24, "backpack": 27, "umbrella": 28, "handbag": 31}
    beside_the_gaps |= {"bottle": 44, "wine glass": 46, "potted plant": 64, "bed": 65, "dining table": 67, "toilet": 70}
    beside_the_gaps |= {"tv": 72, "refrigerator": 82, "book": 84, "toothbrush": 90}
    assert dict(zip(COCO.names, COCO.ids, strict=True)).items() >= beside_the_gaps.items()
    assert as_categories(["a", "b"]).source_id == (1, 2)
