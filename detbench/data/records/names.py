"""How TFRecord files are named: by an ending, or by a shard's number, ``train.record-00000-of-00002``."""

from __future__ import annotations

import re

__all__ = ["RECORD_ENDINGS", "is_record_name", "split_name"]

RECORD_ENDINGS = (".tfrecord", ".tfrecords", ".record", ".records", ".tfrec")

_SHARD = re.compile(r"(?P<before>.*?)[-_.]?\d+-of-\d+(?P<after>.*)", re.DOTALL)


def is_record_name(name: str) -> bool:
    """Return whether a file of this name is meant to be a TFRecord file, whatever it holds.

    >>> is_record_name("train.record-00000-of-00002"), is_record_name("page-1-of-2.pdf")
    (True, False)
    """
    shard = _SHARD.fullmatch(name)
    return name.endswith(RECORD_ENDINGS) or (shard is not None and not shard["after"])


def split_name(name: str) -> str | None:
    """Return the split in a file's name; None if it names no records.

    >>> split_name("train-00000-of-00004.tfrecord"), split_name("notes.txt")
    ('train', None)
    """
    shard = _SHARD.fullmatch(name)
    if shard:
        name = shard["before"] + shard["after"]
    ending = next((ending for ending in RECORD_ENDINGS if name.endswith(ending)), "")
    if not ending and not shard:
        return None
    return name.removesuffix(ending) or "all"
