"""Numbers with their nouns, the same way in every sentence."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Examples
    --------
    >>> counted(1, "box", "boxes"), counted(1200, "image")
    ('1 box', '1,200 images')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
