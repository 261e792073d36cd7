"""Does a cheaper decode find the same broken JPEGs as a full one? Behind docs/decisions/0006-picture-check.md.

``python tests/bench/picture_check.py FOLDER`` takes JPEGs from a folder, as they are and re-encoded as progressive,
damages each in six ways six times, and counts which ways of decoding notice.
"""

from __future__ import annotations

import argparse
import io
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import simplejpeg
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

_EIGHTH = {"min_factor": 8, "min_height": 1, "min_width": 1}

WAYS: dict[str, Callable[[bytes], object]] = {
    "strict, RGB, full size": lambda data: simplejpeg.decode_jpeg(data, "RGB"),
    "strict, grey, full size": lambda data: simplejpeg.decode_jpeg(data, "GRAY"),
    "strict, RGB, 1/8": lambda data: simplejpeg.decode_jpeg(data, "RGB", **_EIGHTH),
    "strict, grey, 1/8": lambda data: simplejpeg.decode_jpeg(data, "GRAY", **_EIGHTH),
    "Pillow's load()": lambda data: Image.open(io.BytesIO(data)).load(),
}


def _overwritten(data: bytes, place: int, new: bytes) -> bytes:
    return (data[:place] + new + data[place + len(new) :])[: len(data)]


#: Way of damage → function of the file and a random generator. Headers stay: a broken one is found by every way.
DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut anywhere": lambda data, r: data[: r.randrange(200, len(data) - 1)],
    "cut in the last 64 bytes": lambda data, r: data[: -r.randrange(1, 64)],
    "one bit flipped": lambda data, r: _flipped(data, r.randrange(700, len(data) - 2), r.randrange(8)),
    "one byte overwritten": lambda data, r: _overwritten(data, r.randrange(700, len(data) - 2), r.randbytes(1)),
    "4 KiB of zeros": lambda data, r: _overwritten(data, r.randrange(700, len(data) - 2), bytes(4096)),
    "512 bytes of junk": lambda data, r: _overwritten(data, r.randrange(700, len(data) - 2), r.randbytes(512)),
}


def _flipped(data: bytes, place: int, bit: int) -> bytes:
    return _overwritten(data, place, bytes([data[place] ^ 1 << bit]))


def notices(way: Callable[[bytes], object], data: bytes) -> bool:
    """Return whether a way of decoding refuses a picture."""
    try:
        way(data)
    except (ValueError, OSError, SyntaxError):
        return True
    return False


def _forms(file: Path) -> dict[str, bytes]:
    progressive = io.BytesIO()
    Image.open(file).convert("RGB").save(progressive, "JPEG", quality=85, progressive=True)
    return {"as found": file.read_bytes(), "progressive": progressive.getvalue()}


def main() -> None:
    """Damage, decode, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=36)
    options = parser.parse_args()
    generator = random.Random(1)  # noqa: S311
    found = sorted(options.folder.rglob("*.jpg"))
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for file in found[:: max(1, len(found) // options.files)][: options.files]:
        for form, data in _forms(file).items():
            for damage, spoil in DAMAGES.items():
                for _ in range(6):
                    spoilt = spoil(data, generator)
                    seen = {name: notices(way, spoilt) for name, way in WAYS.items()}
                    count = counts[f"{form}, {damage}"]
                    count["files"] += 1
                    count.update(name for name, noticed in seen.items() if noticed)
                    strict = {noticed for name, noticed in seen.items() if name.startswith("strict")}
                    count["the strict ways differ"] += len(strict) > 1
    columns = ["files", *WAYS, "the strict ways differ"]
    print("| damage | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")  # noqa: T201
    for damage, count in counts.items():
        print(f"| {damage} | " + " | ".join(str(count[name]) for name in columns) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
