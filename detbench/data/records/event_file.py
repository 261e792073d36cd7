"""TensorBoard's scalars without TensorFlow: an event file is a TFRecord file of Event messages.

Event { double wall_time 1, int64 step 2, string file_version 3, Summary summary 5 }; Summary { repeated Value 1 };
Value { string tag 1, float simple_value 2 }. Sources: TensorFlow, ``tensorflow/core/util/event.proto`` and
``tensorflow/core/framework/summary.proto``.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

from detbench.data.records.framing import framed, frames
from detbench.data.records.wire import sized, varint
from detbench.files import make_folder, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["EventFile"]

#: TensorBoard takes any file with ``tfevents`` in its name.
_NAME = "events.out.tfevents.0.detbench"

_DOUBLE, _INT, _STRING, _MESSAGE = 0x09, 0x10, 0x1A, 0x2A  # the tags of Event's fields 1, 2, 3 and 5
_TAG, _FLOAT = 0x0A, 0x15  # those of Value's fields 1 and 2
_WALL_TIME_BYTES = 9


class EventFile:
    """Scalars by step, appended to one file of a folder.

    Parameters
    ----------
    folder
        Where TensorBoard looks; made where there is none.
    after_step
        What is there of later steps is dropped: a run that goes on from a checkpoint makes these steps again.
    """

    def __init__(self, folder: Path, *, after_step: int = 0) -> None:
        make_folder(folder)
        path = folder / _NAME
        kept = [_version(), *(payload for payload in _payloads(path) if 0 <= _step_of(payload) <= after_step)]
        with replacing(path) as file:
            file.write(_framed(*kept))
        self._file = path.open("ab")

    def add(self, step: int, scalars: Mapping[str, float], *, wall_time_s: float | None = None) -> None:
        """Append the scalars of a step, one message for all; without a time, now."""
        values = b"".join(
            sized(_TAG, sized(_TAG, name.encode()) + bytes((_FLOAT,)) + struct.pack("<f", value))
            for name, value in scalars.items()
        )
        begin = _event(step, time.time() if wall_time_s is None else wall_time_s)
        self._file.write(_framed(begin + sized(_MESSAGE, values)))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _event(step: int, wall_time_s: float) -> bytes:
    return bytes((_DOUBLE,)) + struct.pack("<d", wall_time_s) + bytes((_INT,)) + varint(step)


def _version() -> bytes:
    """Return the message that every event file begins with."""
    return bytes((_DOUBLE,)) + struct.pack("<d", 0.0) + sized(_STRING, b"brain.Event:2")


def _framed(*payloads: bytes) -> bytes:
    return b"".join(framed((payload, b"", b"") for payload in payloads))


def _payloads(path: Path) -> list[bytes]:
    return [frame.payload for frame in frames(path) if not frame.problem] if path.is_file() else []


def _step_of(payload: bytes) -> int:
    """Return the step of a message as :func:`_event` begins it; −1 where it has none."""
    if payload[_WALL_TIME_BYTES : _WALL_TIME_BYTES + 1] != bytes((_INT,)):
        return -1
    step = 0
    for place, byte in enumerate(payload[_WALL_TIME_BYTES + 1 :]):
        step |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004  the last byte of a varint lacks the highest bit
            break
    return step
