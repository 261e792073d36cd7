"""What a changed setting changed: who takes part, who is right, what must be found; counted, and put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset, Predictions
    from detbench.evaluation.matching import Matches
    from detbench.evaluation.protocols import Protocol

__all__ = ["NOTHING", "Outcome", "sentences"]

#: What is said of a setting that no prediction and no ground truth here depends on.
NOTHING = "here it changes nothing"

#: What becomes of a prediction at the lowest IoU threshold. Out: it takes no part.
_FATES = ("out", "wrong", "right", "neither")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What matching made of every prediction (N) and every ground truth (G) of the tables, at the lowest threshold.

    Attributes
    ----------
    protocol, matches
        The rules and what they gave.
    fate
        int8 ``[N]``: an index of ``out, wrong, right, neither``.
    must
        bool ``[G]``: ground truth that must be found.
    image
        int32 ``[N]``: the predictions' images.
    """

    protocol: Protocol
    matches: Matches
    fate: NDArray[np.int8]
    must: NDArray[np.bool_]
    image: NDArray[np.int32]

    @classmethod
    def of(cls, dataset: Dataset, predictions: Predictions, matches: Matches) -> Outcome:
        """Return the outcome of matches."""
        task, bit = matches.task, np.uint64(1)
        fate = np.full(len(predictions), _FATES.index("out"), dtype=np.int8)
        neither = matches.not_counted & bit != 0
        right = (matches.found & bit != 0) & ~neither
        fate[task.row] = np.where(
            neither, _FATES.index("neither"), np.where(right, _FATES.index("right"), _FATES.index("wrong"))
        )
        must = np.zeros(len(dataset.ground_truth), dtype=np.bool_)
        must[task.truth_row] = task.truth_ignored & bit == 0
        return cls(matches.protocol, matches, fate, must, predictions.image)

    def count(self, fate: str) -> int:
        """Return how many predictions have a fate."""
        return int(np.count_nonzero(self.fate == _FATES.index(fate)))

    def right_at(self, threshold: int) -> int:
        """Return how many predictions are right at a threshold, by its place in the protocol's list."""
        flag = np.uint64(1) << self.matches.bit(0, threshold)
        return int(np.count_nonzero(self.matches.found & ~self.matches.not_counted & flag))


def sentences(setting: str, before: Outcome, after: Outcome) -> list[str]:
    """Return, in words, what a setting is now, and what became of predictions and ground truth by it."""
    said = [_RULES[setting](after.protocol)]
    if setting == "interpolation":
        return [*said, "the matches are the same, only the curve is summed up otherwise"]
    if setting == "iou_thresholds":
        return [*said, *_at_thresholds(before, after)]
    found = [*_taking_part(before, after), *_to_be_found(before, after), *_moves(setting, before, after)]
    return [*said, *(found or [NOTHING])]


def _at_thresholds(before: Outcome, after: Outcome) -> list[str]:
    """Return how many predictions are right at the lowest and the highest threshold of either protocol."""
    numbers = {
        threshold: outcome.right_at(place)
        for outcome in (before, after)
        for place, threshold in _ends(outcome.protocol.iou_thresholds)
    }
    parts = [f"{count:,} at {threshold:g}" for threshold, count in sorted(numbers.items())]
    return [f"predictions that are right by IoU threshold: {', '.join(parts)}"]


def _ends(thresholds: tuple[float, ...]) -> list[tuple[int, float]]:
    places = dict.fromkeys((0, len(thresholds) - 1))
    return [(place, thresholds[place]) for place in places]


def _taking_part(before: Outcome, after: Outcome) -> list[str]:
    was, now = before.fate != 0, after.fate != 0
    said = []
    for mask, verb in ((was & ~now, "left out"), (now & ~was, "taken in")):
        number = int(np.count_nonzero(mask))
        if number:
            right = int(np.count_nonzero((before if verb == "left out" else after).fate[mask] == _FATES.index("right")))
            images = counted(len(np.unique(before.image[mask])), "image")
            said.append(f"{counted(number, 'prediction')} in {images} {_are(number)} {verb}, {right:,} of them right")
    return said


def _to_be_found(before: Outcome, after: Outcome) -> list[str]:
    spared = int(np.count_nonzero(before.must & ~after.must))
    wanted = int(np.count_nonzero(after.must & ~before.must))
    said = [f"{counted(spared, 'ground truth')} need not be found any more"] if spared else []
    return [*said, f"{counted(wanted, 'ground truth')} must be found now"] if wanted else said


def _moves(setting: str, before: Outcome, after: Outcome) -> list[str]:
    """Return what became of predictions that take part before and after."""
    said = []
    for old in _FATES[1:]:
        for new in _FATES[1:]:
            mask = (before.fate == _FATES.index(old)) & (after.fate == _FATES.index(new))
            number = int(np.count_nonzero(mask)) if old != new else 0
            if number:
                became = f"{_are(number)} {_FATE_WORDS[new]}"
                if setting == "matching" and after.protocol.matching == "voc" and (old, new) == ("right", "wrong"):
                    # Right before, so something is near enough; wrong now, so the nearest of all is taken.
                    became = "is a duplicate" if number == 1 else "are duplicates"
                was = "was" if number == 1 else "were"
                said.append(f"{counted(number, 'prediction')} that {was} {_FATE_WORDS[old]} {became}")
    return said


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


_FATE_WORDS = {"wrong": "wrong", "right": "right", "neither": "neither right nor wrong"}


def _thresholds(protocol: Protocol) -> str:
    ends = [f"{threshold:g}" for _, threshold in _ends(protocol.iou_thresholds)]
    if len(ends) == 1:
        return f"only at IoU {ends[0]}"
    return f"mean over {len(protocol.iou_thresholds)} IoU thresholds, {ends[0]} to {ends[-1]}"


def _max_dets(protocol: Protocol) -> str:
    limit = protocol.max_dets[-1]
    of = "of one category " if protocol.max_dets_per == "category" else ""
    return f"no limit of predictions {of}an image" if limit is None else f"at most {limit:,} predictions {of}an image"


def _regions(protocol: Protocol) -> str:
    share = protocol.ignored_region_share
    if share is None:
        return "ignored regions are not honoured"
    return f"what lies {share:.0%} or more inside ignored regions takes no part"


def _either(yes: str, no: str, setting: str) -> Callable[[Protocol], str]:
    return lambda protocol: yes if getattr(protocol, setting) else no


_LEVELS = {
    "101-point": "the mean of precision at 101 recall levels",
    "11-point": "the mean of precision at 11 recall levels",
    "all-point": "the area under the whole curve",
}

#: What a setting says, in words.
_RULES: dict[str, Callable[[Protocol], str]] = {
    "iou_thresholds": _thresholds,
    "iou_above": _either("the IoU must exceed the threshold", "an IoU equal to the threshold is enough", "iou_above"),
    "inclusive_boxes": _either(
        "a box includes both border pixels: each side is one pixel longer", "boxes are continuous", "inclusive_boxes"
    ),
    "matching": lambda protocol: (
        "a prediction looks only at the ground truth of greatest IoU, even if it is taken"
        if protocol.matching == "voc"
        else "a prediction takes the ground truth of greatest IoU that is free"
    ),
    "areas": lambda protocol: f"areas up to {protocol.areas[0].high_px:,.0f} square pixels count",
    "left_out_categories": lambda protocol: (
        f"not evaluated: {', '.join(protocol.left_out_categories)}"
        if protocol.left_out_categories
        else "every category is evaluated"
    ),
    "ignored_region_share": _regions,
    "ignored_region_pixels": lambda protocol: (
        "ignored regions are counted in whole pixels, as on the VisDrone toolkit's raster"
        if protocol.ignored_region_pixels == "whole"
        else "ignored regions are measured exactly"
    ),
    "max_dets_per": _max_dets,
    "max_dets": _max_dets,
    "ignore_difficult": _either(
        "difficult ground truth need not be found", "difficult ground truth must be found", "ignore_difficult"
    ),
    "ignore_marked": _either(
        "ground truth marked 'ignore' need not be found", "'ignore' marks are not honoured", "ignore_marked"
    ),
    "marked_is_crowd": _either(
        "ground truth marked 'ignore' may be taken by any number of predictions, by the share of each inside it",
        "ground truth marked 'ignore' is taken once, by IoU",
        "marked_is_crowd",
    ),
    "ignore_crowd": _either(
        "a crowd need not be found, and may be taken by any number of predictions",
        "a crowd must be found like an object",
        "ignore_crowd",
    ),
    "id_zero_is_unmatched": _either(
        "a match with annotation id 0 counts as wrong", "a match with annotation id 0 counts", "id_zero_is_unmatched"
    ),
    "interpolation": lambda protocol: f"average precision is {_LEVELS[protocol.interpolation]}",
}
