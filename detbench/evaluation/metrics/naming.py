"""The names people quote, and what each is a mean of: COCO's twelve, VOC's mAP. Needs no NumPy to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from detbench.evaluation.protocols import Protocol

__all__ = ["Summary", "named_thresholds", "recall_name", "summaries"]

#: Thresholds that have a name of their own among many, as COCO prints them.
_NAMED_THRESHOLDS = ("50", "75")

#: So few thresholds all have one.
_FEW_THRESHOLDS = 3

_EVERYTHING = slice(None)


class Summary(NamedTuple):
    """A named mean over categories: of average precision, or of recall at one maxDets, in one area range.

    ``by_images`` weights a category by the images that have ground truth of it to be found.
    """

    name: str
    of_recall: bool
    thresholds: slice
    area: int
    max_dets: int
    by_images: bool = False


def summaries(protocol: Protocol) -> list[Summary]:
    """Return the protocol's headline numbers, in the order in which they are printed.

    COCO: AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl. Pascal VOC: mAP, and the mean recall. Where the
    protocol means by images, all of them again, as ``AP_by_images`` and so on.
    """
    named = _voc_summaries(protocol) if protocol.matching == "voc" else _coco_summaries(protocol)
    if not protocol.mean_by_images:
        return named
    return [*named, *(one._replace(name=f"{one.name}_by_images", by_images=True) for one in named)]


def _coco_summaries(protocol: Protocol) -> list[Summary]:
    last = len(protocol.max_dets) - 1
    sizes = list(enumerate(protocol.areas))[1:]
    return [
        Summary("AP", False, _EVERYTHING, 0, last),
        *(Summary(f"AP{suffix}", False, slice(t, t + 1), 0, last) for t, suffix in named_thresholds(protocol)),
        *(Summary(f"AP{area.suffix}", False, _EVERYTHING, number, last) for number, area in sizes),
        *(Summary(recall_name(limit), True, _EVERYTHING, 0, number) for number, limit in enumerate(protocol.max_dets)),
        *(Summary(f"AR{area.suffix}", True, _EVERYTHING, number, last) for number, area in sizes),
    ]


def _voc_summaries(protocol: Protocol) -> list[Summary]:
    last = len(protocol.max_dets) - 1
    sizes = list(enumerate(protocol.areas))[1:]
    thresholds = named_thresholds(protocol) if len(protocol.iou_thresholds) > 1 else []
    return [
        Summary("mAP", False, _EVERYTHING, 0, last),
        *(Summary(f"mAP{suffix}", False, slice(t, t + 1), 0, last) for t, suffix in thresholds),
        *(Summary(f"mAP{area.suffix}", False, _EVERYTHING, number, last) for number, area in sizes),
        Summary("recall", True, _EVERYTHING, 0, last),
        *(Summary(f"recall{area.suffix}", True, _EVERYTHING, number, last) for number, area in sizes),
    ]


def recall_name(limit: int | None) -> str:
    """Return the name of the mean recall with so many predictions an image and category, None for all."""
    return "AR" if limit is None else f"AR{limit}"


def named_thresholds(protocol: Protocol) -> list[tuple[int, str]]:
    """Return the rows of the IoU thresholds that have a suffix of their own, with it: 0.5 is "50".

    All of a few; of many the lowest, 0.5 and 0.75.
    """
    percents = list(map(_percent, protocol.iou_thresholds))
    named = {percents[0], *_NAMED_THRESHOLDS} if len(percents) > _FEW_THRESHOLDS else {*percents}
    return [(row, percent) for row, percent in enumerate(percents) if percent in named]


def _percent(threshold: float) -> str:
    """Return a threshold in percent, with two digits before the point: "50" for 0.5, "05" for 0.05, "33.3"."""
    whole, point, rest = f"{100 * threshold:.8g}".partition(".")
    return f"{whole:0>2}{point}{rest}"
