"""pycocotools talks on standard output, and loops silence or read it there; so does this."""

from __future__ import annotations

__all__ = ["say"]


def say(text: str) -> None:
    """Print one line."""
    print(text)  # noqa: T201  pycocotools prints
