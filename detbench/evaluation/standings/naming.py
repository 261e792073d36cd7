"""Names of their own for models that come from anybody: no two are called the same, whatever they are called."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from detbench.words import NAMELESS, unbroken

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["told_apart"]


def told_apart(names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Return a name for each: its own; where several have it, with the folder's; where that is not enough, numbered.

    >>> told_apart(["yolox", "run", "run"], ["a", "b", "c"]), told_apart(["run", "run", ""], ["a", "a", "a"])
    (['yolox', 'run (b)', 'run (c)'], ['run (a)', 'run (a) 2', 'a'])
    """
    said = (next(filter(str.strip, given), NAMELESS) for given in zip(names, folders, strict=True))
    own = [unbroken(name) for name in said]
    often = Counter(own)
    found: dict[str, None] = {}
    for name, folder in zip(own, folders, strict=True):
        longer = f"{name} ({unbroken(folder)})" if often[name] > 1 else name
        candidate, number = longer, 1
        while candidate in found:
            number += 1
            candidate = f"{longer} {number}"
        found[candidate] = None
    return list(found)
