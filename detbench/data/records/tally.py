"""What a conversion changed or left out, counted by reason, with its first examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["REASONS", "Count", "Example", "Reason", "Tally"]

#: So many examples of each reason are kept.
EXAMPLES = 5


class Reason(msgspec.Struct, frozen=True):
    """What happened (``dropped``, ``skipped``, ``clipped``, ``changed`` or ``noted``) and why, as a clause."""

    action: str
    why: str


#: Every reason there is. The codes are those of ``detbench check`` where it finds the same thing.
REASONS: dict[str, Reason] = {
    "file-unreadable": Reason("dropped", "its annotation file cannot be read"),
    "record-corrupt": Reason("dropped", "the source's record is damaged"),
    "record-malformed": Reason("dropped", "the source's record is not what its format says"),
    "annotation-missing": Reason("dropped", "it is listed, and has no annotation"),
    "picture-missing": Reason("dropped", "it is listed, and has no picture"),
    "image-unknown": Reason("dropped", "its image is not in the source"),
    "category-unknown": Reason("dropped", "its category is not in the source"),
    "image-id-duplicate": Reason("dropped", "an image with its id is there already"),
    "annotation-id-duplicate": Reason("noted", "annotations share an id; all of them are taken"),
    "category-id-duplicate": Reason("noted", "categories share an id; the first one's name counts"),
    "box-not-finite": Reason("dropped", "a corner is NaN or infinite"),
    "box-negative-size": Reason("dropped", "its right edge is left of its left one, or its bottom above its top"),
    "box-zero-area": Reason("dropped", "it has no area: nothing can match it"),
    "box-fully-outside": Reason("dropped", "it lies outside the picture"),
    "box-outside-image": Reason("clipped", "it reached over the picture's edge"),
    "category-not-kept": Reason("dropped", "--only-categories does not name its category"),
    "image-without-kept-boxes": Reason("dropped", "--only-images wants at least one kept box"),
    "image-over-per-category": Reason("dropped", "--per-category was reached for one of its categories"),
    "image-over-limit": Reason("dropped", "--limit was reached"),
    "split-is-a-union": Reason("skipped", "the split holds the images of other splits again"),
    "picture-unreadable": Reason("dropped", "the picture is missing or cannot be read"),
    "picture-undecodable": Reason("dropped", "the picture cannot be decoded"),
    "picture-reencoded": Reason("changed", "it was neither JPEG nor PNG and is stored as PNG"),
    "picture-size-mismatch": Reason("changed", "the picture has another size than the source says; its own counts"),
    "picture-exif-rotation": Reason("noted", "EXIF turns the picture; it is stored as it is, its boxes untouched"),
}


class Example(msgspec.Struct, frozen=True):
    """One case: which image and box, and what was seen."""

    where: str
    detail: str


class Count(msgspec.Struct):
    """How many images and boxes a reason met. A dropped image counts with its boxes.

    ``unreadable`` counts what the reader reported: it is not among the images and boxes that came in.
    """

    images: int = 0
    boxes: int = 0
    unreadable: int = 0
    examples: list[Example] = msgspec.field(default_factory=list)


class Tally(msgspec.Struct):
    """Counts by reason."""

    counts: dict[str, Count] = msgspec.field(default_factory=dict)

    def note(
        self, reason: str, where: str, detail: str = "", *, images: int = 0, boxes: int = 0, unreadable: int = 0
    ) -> None:
        """Count one case of a reason in :data:`REASONS`."""
        count = self.counts.setdefault(reason, Count())
        count.images += images
        count.boxes += boxes
        count.unreadable += unreadable
        if len(count.examples) < EXAMPLES:
            count.examples.append(Example(where, detail))

    def add(self, other: Tally) -> None:
        """Count what ``other`` counted, after what is counted here."""
        for reason, theirs in other.counts.items():
            ours = self.counts.setdefault(reason, Count())
            ours.images += theirs.images
            ours.boxes += theirs.boxes
            ours.unreadable += theirs.unreadable
            ours.examples.extend(theirs.examples[: EXAMPLES - len(ours.examples)])

    def unreadable(self) -> int:
        """Return how much the reader reported that is not in the records."""
        return sum(count.unreadable for reason, count in self.counts.items() if REASONS[reason].action == "dropped")

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        """Return all of them, in their order."""
        total = cls()
        for tally in tallies:
            total.add(tally)
        return total
