"""Files that are nearly right: whatever the scanner accepts, the general reader accepts too, and reads the same."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parents[2] / "native" / "fuzz" / "corpus"

#: What mutations put in.
TOKENS = [
    *rb"""
        0 -0 -0.0 01 1. .5 - +1 1e5 1E-7 1e400 1e-400 5e-324 1e15 1000000000000001 42.0 9007199254740993
        9223372036854775807 9223372036854775808 -9223372036854775808 123456789012345678901234567890
        0.1234567890123456789012345 NaN Infinity -Infinity true false null "1" "" [] {} [[ ]] [ ] { } , : " \ / // /* '
        \u00e9 \ud83d\ude00 \ud83d \ude00 \u0000 \n \/ \x .. a:b a\\b
    """.split(),
    *(b" ", b"\n", b"\t", b"\r", b"\x00", b"\x0b", b"}, {", b"[" * 70 + b"]" * 70),
    *(b"\xff", b"\xc3\xa9", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf"),
]

#: What mutations put at the beginning of a record.
PAIRS = [
    *rb"""
        "id":3 "id":"3" "area":null "area":1e300 "iscrowd":1 "iscrowd":null "ignore":1 "ignore":0 "difficult":true
        "difficult":1 "truncated":2 "truncated":"no" "truncated":3 "occluded":-1 "occluded":0 "occluded":1.0
        "x":{"y":[1,{"z":[]}]} "x":[[1,2],{},[]] "ignored_regions":[] "image\u005fid":1 "\u0078":1 "x":"\ud83d\ude00"
        "x":1e999 "x":-0 "x":00 "x":[-] "x":[1.2.3] "score":1 "width":3 "x":"\ud83d" "x":tru "x":[1,] "x":[,1]
    """.split(),
    *(b'"x": [1,\n2]', b'"caf\xc3\xa9": 1', b'"x": "\xff"', b'"x": "\xed\xa0\x80"', b'"x": "\x01"', b'"x": [1, ]'),
]


def predictions(count: int) -> list[dict[str, Any]]:
    """Return results on three images."""
    return [
        {"image_id": 1 + k % 3, "category_id": 7, "bbox": [k + 0.25, 2.5, 30.125, 1e-3], "score": 0.9 / (k + 1)}
        for k in range(count)
    ]


def ground_truth(count: int) -> dict[str, Any]:
    """Return an annotation file of three images, with masks of both kinds and text beyond ASCII."""
    polygon = [[165.07, 41.06, 164.5, 44.79, -162.86, 48, 0, 0.5, 160.3, 50.83], [1, 2, 3, 4]]
    run_lengths = {"counts": [306, 385, 197], "size": [480, 612]}
    return {
        "info": {"year": 2017, "of": [True, False, None, "\u00e9\n"]},
        "images": [{"id": k, "file_name": f"a/{k}.jpg", "width": 640, "height": 480.0} for k in (1, 2, 3)],
        "annotations": [
            {
                "segmentation": run_lengths if k % 5 == 4 else polygon,
                "area": 12.5 * k,
                "iscrowd": int(k % 5 == 4),
                "image_id": 1 + k % 3,
                "bbox": [1.5 * k, 2, 3.25, 4],
                "category_id": 7 + k % 2,
                "id": 100 + k,
            }
            for k in range(count)
        ],
        "categories": [{"id": 8, "name": "caf\u00e9 \U0001f600", "supercategory": "x"}, {"id": 7, "name": "\\"}],
    }


def texts() -> list[bytes]:
    """Return sound files of several writers."""
    seeds: list[bytes] = []
    for document in (predictions(6), ground_truth(6), predictions(1), ground_truth(1)):
        seeds += [
            json.dumps(document).encode(),
            json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode(),
            json.dumps(document, indent=1, sort_keys=True).encode(),
        ]
    return seeds


def mutated(text: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return the text after one to three changes of the kinds that break readers."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + rng.choice((1, 2, 8, 60)))
        match rng.randrange(10):
            case 0:
                text = text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]
            case 1:
                text = text[:at] + text[end:]
            case 2 | 3:
                text = text[:at] + rng.choice(TOKENS) + text[end if rng.random() < 0.5 else at :]
            case 4:
                text = text[:end] + text[at:end] + text[end:]
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                text = text[:at] + other[start : start + rng.choice((5, 40))] + text[end:]
            case 6 | 7:
                text = in_a_value(text, rng)
            case _:
                text = in_a_record(text, rng)
    return text


def in_a_record(text: bytes, rng: random.Random) -> bytes:
    """Return the text with one more key and value where a record begins, or some."""
    starts = [k + 1 for k, byte in enumerate(text) if byte == ord("{")]
    if not starts:
        return text
    at = rng.choice(starts)
    return text[:at] + rng.choice(PAIRS) + b", " + text[at:]


def in_a_value(text: bytes, rng: random.Random) -> bytes:
    """Return the text with another token where a value begins."""
    starts = [k + 1 for k, byte in enumerate(text) if byte in b":[,"]
    if not starts:
        return text
    at = rng.choice(starts)
    end = min((k for k in (text.find(mark, at) for mark in (b",", b"]", b"}")) if k >= 0), default=at)
    return text[:at] + rng.choice(TOKENS) + text[end:]


@pytest.mark.parametrize("text", texts())
def test_files_as_writers_write_them_are_accepted(text: bytes, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Declining everything would be safe, and slow."""
    assert judged(text) == (text[:1] == b"[", text[:1] == b"{")


def judge_mutations(count: int, seed: int, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Judge ``count`` mutated files, of which enough are accepted for that to mean something."""
    rng = random.Random(seed)  # noqa: S311  repeatable, not secret
    seeds = texts()
    accepted = sum(any(judged(mutated(rng.choice(seeds), seeds, rng))) for _ in range(count))
    assert accepted > count // 20


def test_mutated_files(judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """A thousand files that are nearly right."""
    judge_mutations(1000, 0, judged)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_mutated_files(seed: int, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Many more of them."""
    judge_mutations(2500, seed, judged)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_corpus(path: Path, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """What the fuzz target starts from, and what it found once."""
    judged(path.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("document", [predictions(2), ground_truth(1)])
def test_cut_files_are_declined(document: Any, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Wherever a file is cut, it is no file."""
    text = json.dumps(document).encode()
    for length in range(len(text)):
        assert judged(text[:length]) == (False, False)
