"""The operating point and what goes wrong, on a terminal: tables that fit 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.report.glossary import explain
from detbench.report.tables import UNDEFINED, number
from detbench.report.terminal import plain_table, plain_text
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Group
    from rich.table import Table

    from detbench.evaluation.parts.calibration import Bin
    from detbench.evaluation.parts.errors import Errors, Tide
    from detbench.evaluation.parts.worst import Worst
    from detbench.evaluation.results import Result

__all__ = ["error_tables", "operating_point_tables"]

#: How many rows are shown of lists that a result holds in full.
_CONFUSIONS, _IMAGES, _OF_A_KIND = 10, 5, 2

#: The room for a name.
_NAME, _IMAGE = 16, 24


def operating_point_tables(result: Result) -> Iterator[Group]:
    """Yield the operating point, if the result has one: what was chosen and how, and the three rates."""
    point = result.operating_point
    if point is None:
        return
    reached = (
        "there is no score threshold" if point.threshold is None else f"at a score of {point.threshold:.4g} or more"
    )
    found = (
        f"{counted(point.true_positives, 'prediction')} right, {point.false_positives:,} wrong, "
        f"{counted(point.false_negatives, 'ground truth')} not found"
    )
    table = plain_table()
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if point.intervals:
        table.add_column("interval", no_wrap=True)
    table.add_column("what it is")
    for name, value in point.metrics.items():
        words = explain(name + "@op", {}).short if value is not None else f"undefined: {point.reasons.get(name, '')}"
        interval = [_interval(point.intervals.get(name))] if point.intervals else []
        table.add_row(*map(plain_text, [name, number(value), *interval, words]))
    yield _under(f"operating point: {reached}, at IoU {point.iou:g}: {found} (threshold: {point.chosen})", table)


def error_tables(result: Result) -> Iterator[Group]:
    """Yield what goes wrong, if the result says so: kinds, confusions, calibration, the worst images and mistakes."""
    errors = result.errors
    if errors is None:
        return
    yield _kinds(errors.tide)
    yield from _confusions(errors, [category.name for category in result.per_category])
    yield from _calibration(errors)
    yield from _worst(errors.worst)


def _kinds(tide: Tide) -> Group:
    table = plain_table()
    table.add_column("kind", no_wrap=True)
    for head in ("errors", "at the\npoint", "dAP"):
        table.add_column(head, justify="right", no_wrap=True)
    if tide.intervals:
        table.add_column("interval", no_wrap=True)
    table.add_column("what it is")
    counts, at_point = tide.kinds.counts, tide.kinds.at_operating_point
    for name in (name for name in tide.metrics if name.startswith("dAP_")):
        kind = name.removeprefix("dAP_")
        both = [f"{counts[kind]:,}", f"{at_point[kind]:,}"] if kind in counts else ["", ""]
        interval = [_interval(tide.intervals.get(name))] if tide.intervals else []
        cells = [kind.replace("_", " "), *both, number(tide.metrics[name]), *interval, explain(name, {}).short]
        table.add_row(*map(plain_text, cells))
    return _under(f"errors by kind, and what AP at IoU {tide.foreground_iou:g} would gain without them", table)


def _confusions(errors: Errors, names: Sequence[str]) -> Iterator[Group]:
    cells = [
        (cell.count, cell.ground_truth, cell.predicted)
        for cell in errors.confusion.cells
        if cell.ground_truth is not None and cell.predicted is not None and cell.ground_truth != cell.predicted
    ]
    if not cells:
        return
    truths: dict[int | None, int] = {}
    for cell in errors.confusion.cells:
        truths[cell.ground_truth] = truths.get(cell.ground_truth, 0) + cell.count
    cells.sort(key=lambda cell: (-cell[0], *cell[1:]))
    left_out = f"; the first {_CONFUSIONS} of {len(cells):,}" if len(cells) > _CONFUSIONS else ""
    table = plain_table()
    table.add_column("ground truth", no_wrap=True)
    table.add_column("predicted as", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("of its ground truths", justify="right", no_wrap=True)
    for count, truth, predicted in cells[:_CONFUSIONS]:
        share = f"{100 * count / truths[truth]:.0f} %"
        table.add_row(*map(plain_text, [_name(names[truth]), _name(names[predicted]), f"{count:,}", share]))
    yield _under(f"categories taken for others, at the operating point{left_out}", table)


def _calibration(errors: Errors) -> Iterator[Group]:
    calibration = errors.calibration
    said = []
    for name, value in calibration.metrics.items():
        interval = _interval(calibration.intervals.get(name))
        said.append(f"{name} {number(value)}{' ' + interval if interval else ''}")
    reasons = dict.fromkeys(calibration.reasons.values())
    table = plain_table()
    for head in ("score", "predictions", "mean score", "precision"):
        table.add_column(head, justify="right", no_wrap=True)
    if any(b.interval for b in calibration.equal_width):
        table.add_column("interval", no_wrap=True)
    for b in calibration.equal_width:
        table.add_row(*map(plain_text, _bin(b)[: len(table.columns)]))
    yield _under("; ".join(["calibration: " + ", ".join(said), *reasons]), table)


def _bin(b: Bin) -> list[str]:
    return [f"{b.low:.1f} to {b.high:.1f}", f"{b.count:,}", number(b.score), number(b.precision), _interval(b.interval)]


def _worst(worst: Worst) -> Iterator[Group]:
    images = plain_table()
    images.add_column("image", no_wrap=True)
    for head in ("missed", "false positives", "ground truths"):
        images.add_column(head, justify="right", no_wrap=True)
    for each in worst.images[:_IMAGES]:
        name = _image(each.image, each.file_name)
        counts = (each.missed, each.false_positives, each.ground_truths)
        images.add_row(*map(plain_text, [name, *(f"{count:,}" for count in counts)]))
    if worst.images:
        yield _under("images with the most errors at the operating point", images)
    rows = list(_mistakes(worst))
    if not rows:
        return
    mistakes = plain_table()
    for head in ("kind", "score", "predicted", "IoU", "ground truth", "image"):
        mistakes.add_column(head, justify="right" if head in {"score", "IoU"} else "left", no_wrap=True)
    for row in rows:
        mistakes.add_row(*map(plain_text, row))
    yield _under("false positives of the highest score of each kind, and the largest objects missed", mistakes)


def _mistakes(worst: Worst) -> Iterator[list[str]]:
    for kind, found in worst.false_positives.items():
        for each in found[:_OF_A_KIND]:
            about = _name(each.ground_truth.category) if each.ground_truth else UNDEFINED
            image = _image(each.image, each.file_name)
            yield [kind, number(each.score), _name(each.category), f"{each.iou:.2f}", about, image]
    for lost in worst.missed[:_OF_A_KIND]:
        yield ["missed", "", "", "", _name(lost.category), _image(lost.image, lost.file_name)]


def _under(title: str, table: Table) -> Group:
    """Return a table under one sentence, which has the whole width of the console."""
    from rich.console import Group

    return Group(plain_text(title), table)


def _interval(ends: Iterable[float] | None) -> str:
    return "" if ends is None else "[{:.3f}, {:.3f}]".format(*ends)


def _name(name: str) -> str:
    return brief(name, _NAME)


def _image(key: int | str, file_name: str) -> str:
    """Return an image's file name, its key where it has none; the end of a long one, which tells images apart."""
    name = file_name or str(key)
    return name if len(name) <= _IMAGE else "…" + name[1 - _IMAGE :]
