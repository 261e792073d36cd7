"""The page of metrics explains every number that a result can hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import detbench as suite
from detbench.evaluation.comparison import Contestant, Difference
from detbench.evaluation.metrics.tide import KINDS
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.evaluation.protocols import Protocol

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROOT = PAGE.parents[1]

#: What stands for what in the page's names.
PLACES = {
    "<k>": r"\d+",
    "<t>": r"\d\d(?:\.\d+)?",
    "<size>": "[sml]",
    "<kind>": f"(?:{'|'.join(KINDS)})",
    "<name>": "m?(?:AP|AR|recall)[0-9sml]*",
}

#: A protocol of one's own whose numbers have names that no built-in one has.
OWN = PROTOCOLS["coco"]._replace(name="own", title="own", iou_thresholds=(0.3, 0.5), max_dets=(None,))
OWN_VOC = OWN._replace(matching="voc", interpolation="all-point")


def _first_cells(section: str = "") -> list[str]:
    """Return the names in code in the first column of a section's tables, or of all."""
    text = PAGE.read_text(encoding="utf-8")
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = (line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub("<[a-z]+>", lambda place: PLACES[place[0]], name))


def _names(tree: Any) -> Iterator[str]:
    """Yield the names of all numbers that any part of a result has, wherever it has ``metrics``."""
    if isinstance(tree, dict):
        yield from tree.get("metrics", {})
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _names(branch)


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return every name that evaluations with everything on give, under each kind of protocol."""
    folder = tmp_path_factory.mktemp("metrics")
    truth = {
        "images": [{"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480} for key in (1, 2)],
        "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "van"}],
        "annotations": [
            {"id": key, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for key, (image, category, box) in enumerate(
                [(1, 1, [10, 10, 20, 20]), (1, 2, [90, 90, 50, 50]), (2, 1, [10, 10, 200, 200])], start=1
            )
        ],
    }
    results = [
        {"image_id": image, "category_id": category, "bbox": box, "score": score}
        for image, category, box, score in [(1, 1, [10, 10, 20, 20], 0.9), (2, 2, [12, 10, 200, 200], 0.4)]
    ]
    (folder / "gt.json").write_text(json.dumps(truth), encoding="utf-8")
    (folder / "dt.json").write_text(json.dumps(results), encoding="utf-8")
    protocols: list[str | Protocol] = [*PROTOCOLS, OWN, OWN_VOC]
    found: set[str] = set()
    for protocol in protocols:
        result = suite.evaluate(
            folder / "gt.json",
            folder / "dt.json",
            protocol=protocol,
            errors=True,
            count_threshold=0.5,
            proposals=folder / "dt.json",
            resamples=100,
        )
        flat = {name.removesuffix("/low").removesuffix("/high") for name in result.to_dict(flat=True)}
        found |= {*_names(result.to_dict()), *(name.rpartition("/")[2] for name in flat)}
    return found


def test_every_metric_is_explained(met: set[str]) -> None:
    """Each name is in the first column of a table, as it is or by a pattern."""
    patterns = [_pattern(name) for name in _first_cells()]
    assert [name for name in sorted(met) if not any(pattern.fullmatch(name) for pattern in patterns)] == []


@pytest.mark.parametrize(
    "section", ["Average precision and recall", "Operating point", "Errors by kind", "Calibration", "Proposals"]
)
def test_no_name_is_explained_that_is_not_there(section: str, met: set[str]) -> None:
    """What the tables name is met in some evaluation."""
    others = {*KINDS, "operating_point.best"}
    explained = [name.replace("<name>", "AP") for name in _first_cells(section) if name not in others]
    assert [name for name in explained if not any(map(_pattern(name).fullmatch, met))] == []


def test_what_a_comparison_says_is_explained() -> None:
    """The numbers of a comparison are fields of its parts."""
    fields = {*Contestant.__struct_fields__, *Difference.__struct_fields__}
    assert {"difference", "low", "high", "opposite", "p", "p_holm", "rank", "rank_interval", "best"} == {
        *_first_cells("Comparison")
    }
    assert {*_first_cells("Comparison")} <= fields


def test_the_code_is_where_the_page_says() -> None:
    """Every file that the page names is in the tree."""
    named = re.findall(r"`([\w/]+\.(?:py|cpp|hpp))`", PAGE.read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "detbench" / "evaluation")
    assert named
    assert [name for name in named if not any((root / name).is_file() for root in roots)] == []
