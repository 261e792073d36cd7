"""What a reader of the numbers should know: remarks, and the reasons why a number is undefined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.findings import Findings
from detbench.data.formats import get_format
from detbench.data.tables import Predictions
from detbench.evaluation.document import Remark
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.regions import inside_regions
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from detbench.data.formats.base import Format
    from detbench.data.tables import Dataset
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.metrics.curves import Accumulated
    from detbench.evaluation.protocols import Area, Protocol
    from detbench.evaluation.tally import Tally

__all__ = ["about_split", "gravest_first", "reasons", "reasons_of_category", "remarks"]

#: So many images or fewer make an interval too narrow to lean on.
FEW_IMAGES = 30

#: An interval of fewer objects than this says nothing.
FEW_OBJECTS = 10

#: Splits are looked for where at least this share of the images is without predictions.
LARGE_PART = 0.25

_ANY_AREA_PX = 1e10


def reasons(metrics: Mapping[str, float | None], curves: Accumulated, protocol: Protocol) -> dict[str, str]:
    """Return why each undefined metric is undefined."""
    anything = curves.truth_count.size and curves.truth_count[:, 0].any()
    area_of = {summary.name: protocol.areas[summary.area] for summary in summaries(protocol)} if anything else {}
    return {name: _no_truth(area_of.get(name), protocol) for name, value in metrics.items() if value is None}


def _no_truth(area: Area | None, protocol: Protocol) -> str:
    if area is None or area == protocol.areas[0]:
        return "there is no ground truth to be found"
    return f"no ground truth to be found is {area.name} ({_range(area)} square pixels)"


def reasons_of_category(
    category: str, metrics: Mapping[str, float | None], protocol: Protocol, ground_truths: int, ignored: int
) -> dict[str, str]:
    """Return why each undefined number of a category is undefined.

    ``ground_truths`` counts those that must be found, ``ignored`` the others.
    """
    why = {
        f"{kind}{area.suffix}": _no_truth(area, protocol) for area in protocol.areas[1:] for kind in ("AP", "recall")
    }
    if category in protocol.left_out_categories:
        why = dict.fromkeys(metrics, f"the protocol {protocol.name} does not evaluate it")
    elif ignored and not ground_truths:
        why = dict.fromkeys(metrics, "all its ground truths are crowd, difficult or ignored")
    elif not ground_truths:
        why = dict.fromkeys(metrics, "it has no ground truth")
    return {name: why[name] for name, value in metrics.items() if value is None}


def _range(area: Area) -> str:
    """Return a range of areas in words; COCO's largest area stands for any."""
    return f"from {area.low_px:,.0f}" if area.high_px >= _ANY_AREA_PX else f"{area.low_px:,.0f} to {area.high_px:,.0f}"


def remarks(
    dataset: Dataset,
    counts: Tally,
    dropped: Mapping[str, int],
    matches: Matches,
    curves: Accumulated,
    *,
    intervals: bool,
) -> list[Remark]:
    """Return what is worth saying about these numbers, in no order; of the predictions only what was counted."""
    checks: tuple[Callable[[], list[Remark]], ...] = (
        lambda: _about_predictions(dataset, counts, dropped),
        lambda: _about_limits(dataset, counts, matches),
        lambda: _about_regions(dataset, counts, matches.protocol),
        lambda: _about_ground_truth(dataset, matches),
        lambda: [*_about_size(dataset), *_about_objects(matches, curves)] if intervals else [],
    )
    return [remark for check in checks for remark in check()]


#: A result that comes from anybody may hold any other word.
_GRAVITY = {"error": 0, "warning": 1, "note": 2}


def gravest_first(found: Iterable[Remark]) -> list[Remark]:
    """Return remarks by severity; equally severe ones keep their order."""
    return sorted(found, key=lambda remark: _GRAVITY.get(remark.severity, len(_GRAVITY)))


def _about_predictions(dataset: Dataset, counts: Tally, dropped: Mapping[str, int]) -> list[Remark]:
    found = [
        _remark("predictions-dropped", "warning", f"left out: {counted(count, 'prediction')}, {reason}")
        for reason, count in dropped.items()
    ]
    if not counts.predictions:
        text = "there are no predictions: every number that is defined is 0"
        found.append(_remark("no-predictions", "warning", text))
        return found
    if counts.proposals:
        found.append(
            _remark(
                "proposals-left-out",
                "warning",
                f"{counts.proposals:,} boxes have no category and take no part in these numbers",
            )
        )
    without = len(dataset.images) - counts.images
    if without:
        text = f"{without:,} of {counted(len(dataset.images), 'image')} without any prediction; they count"
        found.append(_remark("images-without-predictions", "note", text))
    return found


def _about_limits(dataset: Dataset, counts: Tally, matches: Matches) -> list[Remark]:
    protocol = matches.protocol
    limit = protocol.max_dets[-1]
    if limit is None:
        return []
    found = []
    truth, per_image = dataset.ground_truth, protocol.max_dets_per == "image"
    rows = matches.task.truth_row
    groups = truth.image[rows].astype(np.int64)
    if not per_image:
        groups = groups * len(dataset.categories) + truth.category[rows]
    objects = np.unique(groups, return_counts=True)[1]
    over = int(np.count_nonzero(objects > limit))
    if over:
        many = f"more than {limit} objects"
        where = (
            f"{counted(over, 'image has', 'images have')} {many}"
            if per_image
            else f"in {counted(over, 'case')} an image has {many} of one category"
        )
        text = (
            f"{where} (up to {objects.max():,}): with maxDets {limit} recall cannot reach 1; use a protocol with a "
            "larger maxDets"
        )
        found.append(_remark("objects-over-max-dets", "warning", text))
    cut = counts.taking_part - len(matches.found)
    if cut:
        of = "of an image" if per_image else "of an image and category"
        text = f"{cut:,} predictions beyond the {limit} highest scores {of} were left out"
        found.append(_remark("predictions-over-max-dets", "note", text))
    return found


def _about_regions(dataset: Dataset, counts: Tally, protocol: Protocol) -> list[Remark]:
    count = int(np.count_nonzero(dataset.ground_truth.category < 0))
    if not count:
        return []
    regions, share = counted(count, "ignored region"), protocol.ignored_region_share
    if share is None:
        text = (
            f"{regions} of no category {'is' if count == 1 else 'are'} not honoured by the protocol {protocol.name}: "
            "what is found there counts as wrong; visdrone honours them, and so does a protocol of your own with "
            "ignored_region_share"
        )
        return [_remark("regions-not-honoured", "warning", text)]
    truths = int(np.count_nonzero(inside_regions(dataset, Predictions.none(), protocol)[0]))
    text = (
        f"{counted(counts.inside_regions, 'prediction')} and {counted(truths, 'ground truth')} with {share:.0%} of "
        f"their area or more inside {regions} were left out before anything else"
    )
    return [_remark("regions-honoured", "note", text)]


def _about_ground_truth(dataset: Dataset, matches: Matches) -> list[Remark]:
    truth, protocol = dataset.ground_truth, matches.protocol
    found = []
    not_evaluated = sorted(set(protocol.left_out_categories) & set(dataset.categories.name))
    if not_evaluated:
        text = f"the protocol {protocol.name} does not evaluate {', '.join(not_evaluated)}"
        found.append(_remark("categories-left-out", "note", text))
    difficult = int(np.count_nonzero(truth.difficult))
    if difficult and not protocol.ignore_difficult:
        text = f"{difficult:,} difficult ground truths count like any other under the protocol {protocol.name}"
        found.append(_remark("difficult-counted", "note", text))
    if not protocol.ignore_marked and (marked := int(np.count_nonzero(truth.ignore & ~truth.crowd))):
        text = f"{marked:,} ground truths are marked 'ignore', which {protocol.name} overwrites with 'iscrowd'"
        found.append(_remark("ignore-overwritten", "warning", text))
    if len(protocol.areas) > 1 and (missing := int(np.count_nonzero(np.isnan(truth.area_px)))):
        text = f"no area is given for {counted(missing, 'ground truth')}; the box's decides what is small or large"
        found.append(_remark("area-missing", "note", text))
    found += _about_sizes(dataset, protocol)
    with_truth = len(np.unique(truth.category[truth.category >= 0]))
    if with_truth < len(dataset.categories):
        without = len(dataset.categories) - with_truth
        categories = counted(len(dataset.categories), "category", "categories")
        text = f"{without:,} of {categories} without ground truth; no mean contains them"
        found.append(_remark("categories-without-ground-truth", "note", text))
    return found


def _about_sizes(dataset: Dataset, protocol: Protocol) -> list[Remark]:
    """Return warnings of ground truth that cannot be found or does not count because of the size it says it has."""
    truth, whole = dataset.ground_truth, protocol.areas[0]
    found = []
    if inverted := int(np.count_nonzero((truth.size_px < 0).any(axis=1))):
        text = (
            f"{counted(inverted, 'ground truth')} with a negative width or height: nothing can match, and each counts "
            "as missed; write the lower corner first"
        )
        found.append(_remark("ground-truth-inside-out", "warning", text))
    beyond = np.count_nonzero((truth.area_px < whole.low_px) | (truth.area_px > whole.high_px))
    if beyond:
        text = (
            f"{counted(int(beyond), 'ground truth')} with an area outside {whole.low_px:g} to {whole.high_px:g} square "
            f"pixels, all that the protocol {protocol.name} looks at: to find it or not counts for nothing"
        )
        found.append(_remark("area-beyond-all", "warning", text))
    return found


def _about_size(dataset: Dataset) -> list[Remark]:
    if not 0 < len(dataset.images) <= FEW_IMAGES:
        return []
    text = (
        f"with {counted(len(dataset.images), 'image')} ({FEW_IMAGES} or fewer) the intervals are too narrow to lean on"
    )
    return [_remark("few-images", "warning", text)]


def _about_objects(matches: Matches, curves: Accumulated) -> list[Remark]:
    """Return a warning for each range of areas whose numbers rest on few objects."""
    protocol = matches.protocol
    totals = curves.truth_count.sum(axis=0)
    found = []
    for area, total in enumerate(totals.tolist()):
        if not 0 < total < FEW_OBJECTS:
            continue
        names = [summary.name for summary in summaries(protocol) if summary.area == area]
        who = "every number rests" if area == 0 else f"{' and '.join(names)} rest"
        text = f"{who} on {counted(total, 'ground truth')}: an interval of so few means nothing"
        found.append(_remark("few-objects", "warning", text))
        if area == 0:
            break
    return found


def about_split(dataset: Dataset, predictions: Predictions, path: Path, format_name: str | None) -> list[Remark]:
    """Return a warning if all splits of ``path`` were read and the predictions lie on the images of only one.

    Looked for only where many images are without predictions: a format that cannot tell its splits from what was
    read is read once more.
    """
    with_predictions = predictions.images()
    without = len(dataset.images) - len(with_predictions)
    if dataset.split is not None or not len(predictions) or without < LARGE_PART * len(dataset.images):
        return []
    chosen = get_format(format_name or dataset.format)
    names = chosen.splits(path)
    if len(names) < 2:  # noqa: PLR2004  one split is the whole
        return []
    members = _members(dataset, path, chosen, names)
    holding = [name for name, rows in members.items() if np.isin(with_predictions, rows).all()]
    if not holding:
        return []
    name = min(holding, key=lambda split: len(members[split]))
    text = (
        f"all predictions lie in {name}, and {without:,} of {counted(len(dataset.images), 'image')} of all splits have "
        f"none, each of whose objects counts as missed: say --split {name}"
    )
    return [_remark("split-not-said", "warning", text)] if len(members[name]) < len(dataset.images) else []


def _members(dataset: Dataset, path: Path, chosen: Format, names: tuple[str, ...]) -> Mapping[str, Sequence[int]]:
    """Return split → rows of ``dataset``'s images."""
    if chosen.members is not None:
        return chosen.members(path, dataset, Findings(strict=False))
    row_of = dataset.images.row_of_key()
    parts = {name: chosen.read(path, name, Findings(strict=False)).images.key for name in names}
    return {name: [row_of[key] for key in keys if key in row_of] for name, keys in parts.items()}


def _remark(code: str, severity: str, message: str) -> Remark:
    return Remark(code=code, severity=severity, message=message)
