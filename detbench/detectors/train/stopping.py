"""Ctrl-C and a polite kill: heard at once, heeded after the step."""

from __future__ import annotations

import contextlib
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Stop", "stop_asked_for"]


@dataclass(slots=True)
class Stop:
    """Whether somebody asked for an end, and by which signal."""

    asked: bool = False
    by: str = ""


@contextlib.contextmanager
def stop_asked_for() -> Iterator[Stop]:
    """Yield what SIGINT and SIGTERM are noted in, within the block; a second SIGINT raises KeyboardInterrupt."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # only there can signals be had
        yield stop
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked, stop.by = True, signal.Signals(number).name

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
