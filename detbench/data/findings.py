"""Findings: what is odd in data, each with a code, a severity, a place and a remedy.

Readers report what they cannot read; ``detbench check`` reports what can be read but will hurt. A reader is
given a :class:`Findings`; a strict one turns the first error into a :class:`~detbench.errors.DataError`, a
lenient one keeps it and the reader goes on without that record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CATALOGUE", "Finding", "Findings", "Severity", "gravest_first"]


class Severity(StrEnum):
    """How bad: an ERROR makes numbers wrong or stops a reader, a WARNING may, a NOTE is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


#: Every code there is, with its severity and what to do about it in general.
CATALOGUE: dict[str, tuple[Severity, str]] = {
    # what a reader cannot read
    "file-unreadable": (Severity.ERROR, "restore the file from its source"),
    "record-malformed": (Severity.ERROR, "correct the record, or leave it out"),
    "box-not-finite": (Severity.ERROR, "correct the numbers, or remove the box"),
    "category-unknown": (Severity.ERROR, "add the category, or remove its boxes"),
    "image-unknown": (Severity.ERROR, "add the image, or remove its boxes"),
    "annotation-missing": (Severity.ERROR, "add the annotation file, or take the image out of the split"),
    "picture-missing": (Severity.ERROR, "add the picture, or remove the annotation"),
    "annotation-orphan": (Severity.WARNING, "add the picture, or remove the annotation"),
    # ids and names
    "image-id-duplicate": (Severity.ERROR, "give every image an id of its own"),
    "annotation-id-duplicate": (Severity.ERROR, "give every annotation an id of its own"),
    "annotation-id-zero": (Severity.NOTE, "pycocotools counts a match of id 0 as a false positive; detbench does not"),
    "category-id-duplicate": (Severity.ERROR, "give every category an id of its own"),
    "category-name-duplicate": (Severity.WARNING, "join the categories, or name them apart"),
    "category-without-boxes": (Severity.NOTE, "its AP is undefined and stays out of the mean"),
    "file-name-differs": (Severity.NOTE, "detbench goes by the annotation file's own name"),
    # boxes
    "box-zero-area": (Severity.WARNING, "remove the box: nothing can match it"),
    "box-one-pixel": (Severity.WARNING, "draw the box anew, or remove it: it is probably a slip of the annotator"),
    "box-negative-size": (Severity.ERROR, "swap or correct the corners"),
    "box-outside-image": (Severity.WARNING, "clip the box to the image"),
    "box-fully-outside": (Severity.ERROR, "correct the box, or check that it belongs to this picture"),
    "box-duplicate": (Severity.WARNING, "remove one of the two equal boxes"),
    "box-format-xyxy": (Severity.ERROR, "write x, y, width, height: these look like x1, y1, x2, y2"),
    "box-format-xywh": (Severity.ERROR, "write both corners: these look like x, y, width, height"),
    "box-zero-based-voc": (
        Severity.WARNING,
        "VOC counts pixels from 1: add 1 to the boxes, or say --format for another layout",
    ),
    "box-from-polygon": (Severity.NOTE, "the polygon's bounding box is used"),
    "area-missing": (Severity.NOTE, "the box's area is used instead"),
    # pictures
    "picture-undecodable": (Severity.ERROR, "restore the picture from its source"),
    "picture-truncated": (Severity.ERROR, "restore the picture from its source"),
    "picture-size-mismatch": (Severity.ERROR, "correct the size, and check that the boxes fit the picture as stored"),
    "picture-exif-rotation": (Severity.WARNING, "store the pixels upright and drop the tag, then check the boxes"),
    "picture-format-differs": (Severity.NOTE, "the file's name ends in another format than its bytes have"),
    "picture-mode-unusual": (Severity.NOTE, "convert to 8-bit RGB before training"),
    "picture-orphan": (Severity.NOTE, "name it in a split, or leave it: nothing reads it"),
    "picture-in-two-splits": (Severity.ERROR, "keep it in one split: scores on the other are too good"),
    "picture-duplicate": (Severity.WARNING, "keep one of the equal pictures"),
    # records
    "record-corrupt": (Severity.ERROR, "restore the shard from a copy, or convert again"),
    "shard-missing": (Severity.ERROR, "restore the file from a copy, or convert again"),
    "shard-differs": (Severity.ERROR, "restore the file from a copy, or convert again"),
    "shard-unlisted": (Severity.WARNING, "move the file away: readers that take every shard take it too"),
    "conversion-unfinished": (Severity.ERROR, "finish it: detbench convert --resume"),
    # what a protocol does with it
    "split-empty": (Severity.WARNING, "check the split's list"),
    "image-without-boxes": (Severity.NOTE, "it counts: every box predicted on it is a false positive"),
    "ignore-region": (Severity.NOTE, "predictions there are neither right nor wrong, where the protocol honours it"),
    "objects-over-max-dets": (
        Severity.WARNING,
        "use a protocol with a larger maxDets: recall cannot reach 1 under this one",
    ),
    # submissions of models
    "predictions-missing": (Severity.ERROR, "add predictions.json, or another form that detbench eval reads"),
    "predictions-unusable": (Severity.ERROR, "write the predictions again, for this ground truth"),
    "predictions-changed": (Severity.WARNING, "predict again: scores and times may be of two runs"),
    "predictions-none": (Severity.WARNING, "check the detector's score threshold: nothing is found"),
    "ground-truth-differs": (Severity.WARNING, "predict on the ground truth that is scored"),
    "result-unusable": (Severity.ERROR, "write it again with detbench eval -o"),
    "card-missing": (Severity.WARNING, "add a model.toml that says name, authors, link, parameters, training_data"),
    "card-malformed": (Severity.ERROR, "correct model.toml"),
    "card-incomplete": (Severity.NOTE, "say it in model.toml"),
    "proposals-alone": (Severity.NOTE, "add predictions.json, if the model has predictions, to have it ranked by them"),
    "proposals-missing": (Severity.NOTE, "add proposals.json, if the model makes proposals, to have their recall"),
    "timing-missing": (Severity.NOTE, "write the folder with detbench predict, which measures it"),
    "link-outside": (Severity.ERROR, "put the file itself there"),
    # what a writer leaves out
    "not-carried": (Severity.NOTE, "keep the source, or write COCO, which carries the most"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One odd thing. ``file`` as the user would open it, ``record`` where in it, ``message`` what is seen."""

    code: str
    file: str
    record: str
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Fill in the catalogue's remedy, and refuse a code that the catalogue lacks."""
        if not self.remedy:
            object.__setattr__(self, "remedy", CATALOGUE[self.code][1])

    @property
    def severity(self) -> Severity:
        """The catalogue's severity of this code."""
        return CATALOGUE[self.code][0]

    def to_dict(self) -> dict[str, str]:
        """Return the finding as plain strings, for JSON."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.file,
            "record": self.record,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(slots=True)
class Findings:
    """A collector that readers report to.

    ``strict`` raises on the first finding of severity ERROR; otherwise everything is kept in ``items``, in the
    order in which it was found.
    """

    strict: bool = True
    items: list[Finding] = field(default_factory=list)

    def report(self, code: str, *, file: object, record: str = "", message: str, remedy: str = "") -> None:
        """Keep one finding. Raises DataError if it is an error and the collector is strict."""
        finding = Finding(code, str(file), record, message, remedy)
        if self.strict and finding.severity is Severity.ERROR:
            raise DataError(message, file=file, record=record, remedy=finding.remedy)
        self.items.append(finding)

    def by_code(self) -> dict[str, list[Finding]]:
        """Return code → its findings, in the order of each code's first."""
        codes: dict[str, list[Finding]] = {}
        for finding in self.items:
            codes.setdefault(finding.code, []).append(finding)
        return codes

    def counts(self) -> dict[Severity, int]:
        """Return how many findings there are of each severity."""
        counted = Counter(finding.severity for finding in self.items)
        return {severity: counted[severity] for severity in Severity}


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, each once, by severity and the catalogue's order; equals as they stand."""
    severities, codes = list(Severity), list(CATALOGUE)
    return sorted(dict.fromkeys(findings), key=lambda f: (severities.index(f.severity), codes.index(f.code)))
