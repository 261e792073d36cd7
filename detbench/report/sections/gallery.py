"""What the worst mistakes look like: pieces of the pictures with what is there and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.errors import DataError
from detbench.report.canvas import picture_of
from detbench.report.crops import MAX_BYTES, Crop, Drawn, crop
from detbench.report.sections.keys import Key, Listed, key_of, left_out, listed, marked
from detbench.report.sections.worst_cases import KINDS, Case, worst_cases
from detbench.words import counted, named, printable, unbroken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.data.tables import Dataset
    from detbench.evaluation.parts.errors import Errors
    from detbench.report.sections.model import Model

__all__ = ["MOST_OF_A_MODEL", "Album", "GalleryView", "Group", "Shot", "gallery"]

#: So many crops of a model at most, and so many bytes of all, in the page.
MOST_OF_A_MODEL = 24
_MAX_PAGE_BYTES = 4_000_000

#: What base64 makes of a byte, and the words beside a crop.
_CROP_PAGE_BYTES = MAX_BYTES * 4 // 3 + 1_200

_MAX_NAME = 60

#: A smaller IoU would be printed as 0.00.
_LEAST_IOU = 0.005

#: What a kind of :data:`KINDS` is called: by the kinds of errors that it is made of, and in plain words.
_TITLES = {
    "missed": "Missed",
    "false alarm": "Background: false alarms",
    "badly placed": "Localisation: badly placed",
    "wrong category": "Classification, or both: of the wrong category",
    "found twice": "Duplicate: found twice",
}

#: What a kind of :data:`KINDS` is, in a sentence.
_MEANINGS = {
    "missed": "Objects that no accepted box found, though one with a lower score may: the largest of each category.",
    "false alarm": "Boxes that overlap an object hardly or not at all: the surest of each category.",
    "badly placed": "Boxes too far beside an object of their category, whatever else they lie on: the surest of each.",
    "wrong category": "Boxes on an object of another category, some badly placed too: the surest of each category.",
    "found twice": "Boxes on an object that a surer box has found already: the surest of each category.",
}


class Shot(NamedTuple):
    """One mistake: its crop, or why there is none, what went wrong in words, and in which image."""

    crop: Crop | None
    problem: str
    category: str
    taken_for: str
    facts: str
    image: str
    alt: str


class Group(NamedTuple):
    """The mistakes of a kind."""

    kind: str
    title: str
    meaning: str
    shots: list[Shot]


class Album(NamedTuple):
    """One model's mistakes."""

    key: Key
    total: str
    groups: list[Group]


class GalleryView(NamedTuple):
    """What the section shows; without ``at_hand`` pictures it says how to get them."""

    at_hand: bool
    albums: list[Album]
    most: int
    without: Listed | None
    left_out: str


def gallery(models: Sequence[Model], pictures: Dataset | None) -> GalleryView | None:
    """Return what the section shows, or None where no model that is drawn has had its errors looked into.

    ``pictures`` is the dataset that the results were measured on, None where it is not at hand.
    """
    having = [(model, found) for model in marked(models) if (found := model.result.errors) is not None]
    if not having:
        return None
    most = min(MOST_OF_A_MODEL, _MAX_PAGE_BYTES // (len(having) * _CROP_PAGE_BYTES))
    cases = [worst_cases(found.worst, most, found.threshold) for _, found in having] if pictures is not None else []
    shots = _Shots(pictures, [case for of_model in cases for case in of_model]) if pictures is not None else None
    return GalleryView(
        at_hand=pictures is not None,
        albums=[
            Album(key_of(model), _total(found, len(of_model)), list(_groups(of_model, shots)))
            for (model, found), of_model in zip(having, cases, strict=False)
            if shots is not None
        ],
        most=most,
        without=listed([model for model in models if model.result.errors is None]),
        left_out=left_out(models),
    )


def _total(found: Errors, shown: int) -> str:
    """Return how many of a model's mistakes are shown."""
    return f"{shown} of {counted(sum(found.tide.kinds.at_operating_point.values()), 'mistake')}"


def _groups(cases: Sequence[Case], shots: _Shots) -> Iterator[Group]:
    for kind in KINDS:
        if of_kind := [shots.of(case) for case in cases if case.kind == kind]:
            yield Group(kind, _TITLES[kind], _MEANINGS[kind], of_kind)


class _Shots:
    """The crops of cases; each picture is decoded once, whoever's mistakes are on it."""

    def __init__(self, dataset: Dataset, cases: Sequence[Case]) -> None:
        rows = {unbroken(key) if isinstance(key, str) else key: row for row, key in enumerate(dataset.images.key)}
        self._made: dict[Case, Crop | str] = {}
        by_image: dict[int | str, list[Case]] = {}
        for case in cases:
            by_image.setdefault(case.image, []).append(case)
        for image, on_it in by_image.items():
            row = rows.get(image)
            try:
                picture = picture_of(dataset, row) if row is not None else None
            except DataError as error:
                self._made |= dict.fromkeys(on_it, error.problem)
                continue
            for case in on_it:
                self._made[case] = crop(picture, list(_boxes(case))) if picture else "the dataset has no such image"

    def of(self, case: Case) -> Shot:
        """Return a case as it is shown."""
        made = self._made[case]
        name = _name(case.file_name or str(case.image))
        category = _name(case.category)
        other = _name(case.truth.category) if case.truth and case.truth.category != case.category else ""
        return Shot(
            crop=made if isinstance(made, Crop) else None,
            problem=made if isinstance(made, str) else "",
            category=category,
            taken_for=other if case.kind == "wrong category" else "",
            facts=_facts(case),
            image=name,
            alt=f"{category}, {case.kind}, in {name}",
        )


def _boxes(case: Case) -> Iterator[Drawn]:
    if case.truth is not None:
        yield Drawn(case.truth.box, "truth", "truth")
    if case.found is not None:
        yield Drawn(case.found, "found", f"{case.score:.2f}")


def _facts(case: Case) -> str:
    """Return score and overlap, or the size of an object that was missed."""
    if case.found is None:
        if case.truth is None:
            return ""
        x1, y1, x2, y2 = case.truth.box
        return f"{x2 - x1:,.0f} × {y2 - y1:,.0f} px"
    return f"score {case.score:.2f}, {_overlap(case.iou)}"


def _overlap(iou: float | None) -> str:
    """Return how far a box lies on an object; what would be printed as 0.00 is said, for 0 it is not."""
    if iou is None:
        return "overlaps nothing"
    return f"IoU {iou:.2f}" if iou >= _LEAST_IOU else "barely touches an object"


def _name(name: str) -> str:
    return named(printable(name), _MAX_NAME)
