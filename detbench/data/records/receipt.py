"""The receipt of a conversion: what came in, what went out, and every box and image that did not, by reason.

It knows no paths, no times and no machine: the same input and options give the same bytes. The schema is documented
in ``docs/reference/records.md``.
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

import detbench
from detbench.data.records.options import Options  # noqa: TC001  msgspec resolves it
from detbench.data.records.reading import unread
from detbench.data.records.tally import REASONS, Example, Tally
from detbench.errors import DataError
from detbench.files import read_bytes, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from detbench.data.findings import Findings
    from detbench.data.records.plan import Plan, SplitPlan
    from detbench.data.records.shards import ShardFacts

__all__ = [
    "RECEIPT_NAME",
    "RECEIPT_SCHEMA",
    "Change",
    "Receipt",
    "SplitFacts",
    "make_receipt",
    "read_receipt",
    "refuse_empty",
]

RECEIPT_NAME = "receipt.json"
RECEIPT_SCHEMA = "detbench.receipt/1"

#: The libraries whose versions can change a byte or a verdict.
_LIBRARIES = ("google-crc32c", "numpy", "pillow", "simplejpeg")


class SourceFacts(msgspec.Struct, frozen=True):
    """What was converted. ``file_sha256`` is None where the source is a folder; ``plan`` covers what was read of it."""

    name: str
    format: str
    file_sha256: str | None
    plan: str


class SplitFacts(msgspec.Struct, frozen=True):
    """One split's accounts: what the source has, what the records hold.

    ``boxes_in`` counts all annotations, ``boxes_out`` those of a category, ``regions_out`` those of none.
    ``pictures_sha256_sum`` is the sum of the SHA-256 of every picture read, modulo 2^256: it stands for all of them,
    whatever their order; None where the pictures were not checked. ``unreadable`` counts what the reader left out, be
    it an image or a box: it is in none of the other counts.
    """

    images_in: int
    images_out: int
    boxes_in: int
    boxes_out: int
    regions_out: int
    shards: int
    picture_bytes: int
    record_bytes: int
    pictures_sha256_sum: str | None
    unreadable: int = 0

    @property
    def lost(self) -> bool:
        """Whether nothing went out, though something is there in the source."""
        return not self.images_out and bool(self.images_in or self.unreadable)


class Change(msgspec.Struct, frozen=True):
    """What happened for one reason, to how many images and boxes, with the first examples.

    ``unreadable`` counts what the reader left out: it is not among the images and boxes that came in.
    """

    action: str
    why: str
    images: int
    boxes: int
    examples: tuple[Example, ...]
    unreadable: int = 0


class Receipt(msgspec.Struct, frozen=True):
    """What a conversion did. ``reader_findings`` counts all that the reader reported, by code, mere notes included."""

    schema: str
    detbench: str
    command: str
    options: Options
    versions: dict[str, str]
    source: SourceFacts
    splits: dict[str, SplitFacts]
    changes: dict[str, Change]
    reader_findings: dict[str, int]

    def to_json(self) -> bytes:
        """Return indented JSON, the same bytes for the same receipt."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as plain dictionaries, lists, strings and numbers."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @property
    def images(self) -> int:
        """How many images went out."""
        return sum(split.images_out for split in self.splits.values())

    @property
    def record_bytes(self) -> int:
        """How many bytes the shards have together."""
        return sum(split.record_bytes for split in self.splits.values())


def make_receipt(
    plan: Plan, source: Path, shards: Sequence[ShardFacts], findings: Mapping[str | None, Findings]
) -> Receipt:
    """Return the receipt of a plan whose shards are written; ``findings`` are the reader's, by split."""
    left_out = {split.name: unread(findings.get(split.dataset.split), source) for split in plan.splits}
    tally = Tally.sum([*left_out.values(), plan.tally, *(facts.tally for facts in shards)])
    checked = plan.options.check_pictures
    return Receipt(
        schema=RECEIPT_SCHEMA,
        detbench=detbench.__version__,
        command=plan.options.command(),
        options=plan.options,
        versions={name: version(name) for name in _LIBRARIES},
        source=SourceFacts(
            plan.name,
            plan.splits[0].dataset.format,
            sha256_of(source) if source.is_file() else None,
            plan.fingerprint,
        ),
        splits={
            split.name: _split_facts(split, shards, left_out[split.name].unreadable(), checked=checked)
            for split in plan.splits
        },
        changes={
            reason: Change(known.action, known.why, count.images, count.boxes, tuple(count.examples), count.unreadable)
            for reason, known in REASONS.items()
            if (count := tally.counts.get(reason)) is not None
        },
        reader_findings=dict(sorted(Counter(f.code for own in findings.values() for f in own.items).items())),
    )


def _split_facts(split: SplitPlan, shards: Sequence[ShardFacts], unreadable: int, *, checked: bool) -> SplitFacts:
    own = [facts for facts in shards if facts.split == split.name]
    return SplitFacts(
        images_in=split.images_in,
        images_out=sum(facts.records for facts in own),
        boxes_in=split.boxes_in,
        boxes_out=sum(facts.boxes for facts in own),
        regions_out=sum(facts.regions for facts in own),
        shards=len(own),
        picture_bytes=sum(facts.input_bytes for facts in own),
        record_bytes=sum(facts.length_bytes for facts in own),
        pictures_sha256_sum=f"{sum(int(facts.input_sum, 16) for facts in own) % 2**256:064x}" if checked else None,
        unreadable=unreadable,
    )


def refuse_empty(receipt: Receipt, source: Path) -> None:
    """Raise DataError if not one image went out, though the source has some: such records train nothing."""
    if receipt.images or not any(split.lost for split in receipt.splits.values()):
        return
    reasons = [
        f"{change.why} ({max(change.images, change.unreadable):,}, first {change.examples[0].where})"
        for change in receipt.changes.values()
        if change.action == "dropped" and change.images + change.unreadable
    ]
    raise DataError(
        f"no image is left to be stored: {'; '.join(reasons)}", file=source, remedy="correct the source or the options"
    )


def read_receipt(path: Path) -> Receipt:
    """Read a receipt. Raises DataError if ``path`` holds none."""
    try:
        return msgspec.json.decode(read_bytes(path), type=Receipt)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"is not a detbench receipt ({error})", file=path) from error
