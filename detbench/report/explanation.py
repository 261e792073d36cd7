"""Several protocols side by side on a terminal, and the steps between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.evaluation.differences import NOTHING
from detbench.words import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from detbench.evaluation.explain import Explanation, PathOfSteps, Step

__all__ = ["path_table", "path_title", "score_table"]

#: What stands where a number is undefined.
_UNDEFINED = "–"

#: Settings as people call them.
_SETTINGS = {
    "iou_thresholds": "IoU thresholds",
    "iou_above": "IoU at the threshold",
    "inclusive_boxes": "border pixels",
    "matching": "matching",
    "areas": "largest area",
    "left_out_categories": "categories",
    "ignored_region_share": "ignored regions",
    "ignored_region_pixels": "regions' pixels",
    "max_dets_per": "maxDets of what",
    "max_dets": "maxDets",
    "ignore_difficult": "difficult",
    "ignore_marked": "marked 'ignore'",
    "marked_is_crowd": "marked as crowd",
    "ignore_crowd": "crowds",
    "id_zero_is_unmatched": "annotation id 0",
    "interpolation": "the curve",
}


def score_table(explanation: Explanation) -> Table:
    """Return a row a protocol: its headline number, that at IoU 0.5 and 0.75, and what they are made of."""
    table = _table()
    table.add_column("protocol", no_wrap=True)
    for head in ("number", "IoU .5", "IoU .75", "to be\nfound", "predictions\nthat count", "right", "ignored"):
        table.add_column(head, justify="right", no_wrap=True)
    for score in explanation.scores:
        metrics = score.metrics
        at_one = {tuple(score.iou_thresholds): metrics[score.headline]}
        named = [metrics.get(f"{score.headline}{100 * iou:g}", at_one.get((iou,))) for iou in (0.5, 0.75)]
        counts = (score.ground_truths, score.predictions - score.neither, score.right, score.neither)
        cells = [f"{score.headline} {_number(metrics[score.headline])}", *map(_number, named)]
        table.add_row(_text(score.protocol), *map(_text, cells), *(f"{count:,}" for count in counts))
    return table


def path_title(path: PathOfSteps) -> str:
    """Return a line or two: from where to where, by how much, and what had no part in it."""
    numbers = f"{_number(path.start_value)} to {_number(path.end_value)}, {_signed(path.difference)}"
    idle = ", ".join(_name(step) for step in path.steps if _changes_nothing(step))
    title = f"{path.start} to {path.end}: {numbers}"
    return printable(title) + (f"\nwithout effect here: {idle}" if idle else "")


def path_table(path: PathOfSteps) -> Table | None:
    """Return a row a step: the setting, its effect, the number after it, and why; None where none changes anything."""
    steps = [step for step in path.steps if not _changes_nothing(step)]
    if not steps:
        return None
    table = _table()
    table.add_column("setting", no_wrap=True)
    for head in ("effect", "number"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for step in steps:
        table.add_row(*map(_text, (_name(step), _signed(step.effect), _number(step.value), "; ".join(step.why))))
    return table


def _changes_nothing(step: Step) -> bool:
    return not step.effect and NOTHING in step.why


def _name(step: Step) -> str:
    return _SETTINGS.get(step.setting, step.setting)


def _number(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    if not value:
        return _UNDEFINED if value is None else "0"
    return f"{value:+.4f}"


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def _text(words: str) -> Text:
    """Return text that is no markup and moves no cursor."""
    from rich.text import Text

    return Text(printable(words))
