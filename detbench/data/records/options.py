"""The options of a conversion that decide its bytes, and the command that stands for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT_SHARD_BYTES", "Options", "names_of", "parse_bytes"]

DEFAULT_SHARD_BYTES = 128 * 2**20

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_UNITS |= {"B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """What to take and how to store it; see :func:`detbench.convert`. The same options give the same bytes."""

    format: str | None = None
    splits: tuple[str, ...] = ()
    only_categories: tuple[str, ...] = ()
    only_images: bool = False
    limit: int | None = None
    per_category: int | None = None
    shards: int | None = None
    shard_bytes: int | None = None
    shuffle: int | None = None
    check_pictures: bool = True
    on_bad: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        """Refuse numbers and pairs that cannot mean anything. Raises UsageError."""
        for name in ("limit", "per_category", "shards", "shard_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
        if self.shards is not None and self.shard_bytes is not None:
            raise UsageError("say --shards or --shard-bytes, not both")
        if self.on_bad not in {"raise", "skip"}:
            raise UsageError(f"--on-bad must be raise or skip, not {self.on_bad!r}")

    def command(self) -> str:
        """Return the command line that asks for these options, without the paths of one machine."""
        words = ["detbench", "convert", "SOURCE", "OUT"]
        words += [f"--split {name}" for name in self.splits]
        if self.only_categories:
            words.append(f"--only-categories {','.join(self.only_categories)}")
        if self.only_images:
            words.append("--only-images")
        for name in ("format", "limit", "per_category", "shards", "shard_bytes", "shuffle"):
            if getattr(self, name) is not None:
                words.append(f"--{name.replace('_', '-')} {getattr(self, name)}")
        if not self.check_pictures:
            words.append("--no-check-pictures")
        if self.on_bad != "raise":
            words.append(f"--on-bad {self.on_bad}")
        return " ".join(words)


def names_of(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names, each once; a string is one name and not its letters.

    >>> names_of("train"), names_of(["train", "val", "train"])
    (('train',), ('train', 'val'))
    """
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def parse_bytes(text: str) -> int:
    """Return a size as bytes: ``128MiB``, ``500MB``, ``2G``, ``1000000``. Raises UsageError."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([A-Za-z]*)", text.strip())
    unit = match.group(2).upper() if match else ""
    if match is None or unit not in _UNITS:
        raise UsageError(f"{text!r} is not a size; write it like 128MiB, 500MB or 1000000")
    return int(float(match.group(1)) * _UNITS[unit])
