"""The tables of the operating point and of errors, printed on 80 columns."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from detbench import evaluate
from detbench.report.error_tables import error_tables, operating_point_tables
from detbench.report.glossary import explain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.results import Result

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [300.0, 300.0, 50.0, 50.0]


def printed(result: Result) -> str:
    """Return both sorts of tables as a terminal of 80 columns shows them."""
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False)
    for table in [*operating_point_tables(result), *error_tables(result)]:
        console.print(table)
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return text


@pytest.mark.parametrize("options", [{}, {"errors": True}, {"errors": True, "score_threshold": 0.5, "worst": 0}])
@pytest.mark.parametrize(
    ("truth", "predictions", "said"),
    [
        ([], [(1, 1, BOX, 0.5)], "there is no score threshold"),
        ([(1, 1, BOX)], [], "0 predictions right, 0 wrong, 1 ground truth not found"),
        ([(1, 1, BOX)], [(1, 1, FAR, 0.5)], "1 ground truth not found"),
        ([(1, 1, BOX)], [(1, 1, BOX, 4.5), (1, 1, FAR, -2)], "1 prediction right, 0 wrong"),
    ],
)
def test_every_sort_of_nothing_is_printed(
    coco_pair: Pair, truth: list[Any], predictions: list[Any], said: str, options: dict[str, object]
) -> None:
    """Whatever is missing, tables come out, and an undefined number is a dash."""
    pair = coco_pair(truth, predictions, images=[1], categories=[1])
    result = evaluate(*pair, resamples=100, **options)  # type: ignore[arg-type]  # some of its keywords
    text = " ".join(printed(result).split())
    assert said in text or (not truth and "score_threshold" in options)
    assert "None" not in text
    assert "nan" not in text
    assert ("errors by kind" in text) == ("errors" in options)
    logits = any(row[3] == 4.5 for row in predictions)
    assert ("scores from -2 to 4.5 are no probabilities" in text) == (logits and "errors" in options)


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Markup, control characters and long names of categories and images stay inside their columns, as text."""
    truth = {
        "images": [{"id": 1, "file_name": "[red]a\x1b[2J" + "b" * 50 + ".jpg", "width": 100, "height": 100}],
        "categories": [{"id": k, "name": f"[red]{k}\x1b[2J" + "x" * 90} for k in (1, 2)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    (tmp_path / "dt.json").write_text(json.dumps([{"image_id": 1, "category_id": 2, "bbox": BOX, "score": 1}]))
    text = printed(evaluate(tmp_path / "gt.json", tmp_path / "dt.json", errors=True, score_threshold=0.5))
    assert "\x1b" not in text
    assert "[red]1" in text
    assert "bbb.jpg" in text


def test_every_number_has_words(shared: Path) -> None:
    """The glossary knows each number of the operating point, of errors and of a category, as itself."""
    gt = shared / "coco_tiny/annotations/instances_val2017.json"
    result = evaluate(gt, shared / "predictions/yolox_nano__coco_tiny_val.json", errors=True, intervals=False)
    assert result.errors is not None
    names = {*result.errors.tide.metrics, *result.errors.calibration.metrics, *result.per_category[0].metrics}
    unknown = explain("no such number", result.metrics)
    assert not [name for name in names if explain(name, result.metrics) == unknown]
    words = [explain(name, result.metrics).long for name in names]
    assert len(set(words)) == len(words)
