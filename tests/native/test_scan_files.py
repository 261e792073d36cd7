"""Which files the scanner takes, which it leaves to the general reader, and what reading them costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable

_native = native()

PREDICTION = {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}
IMAGE = {"id": 1, "file_name": "1.jpg", "width": 640, "height": 480}
ANNOTATION = {"id": 1, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 12.5, "iscrowd": 0}
CATEGORY = {"id": 2, "name": "cat"}
REAL = [
    "coco_tiny/annotations/instances_val2017.json",
    "coco_tiny/annotations/instances_train2017.json",
    "coco_val2014_100/instances_val2014_100.json",
    "metric_fixtures/coco100_bboxarea/gts/sampled_gts_bbox_area.json",
    "metric_fixtures/coco100_bboxarea/cocoapi_results.json",
    "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    "predictions/centernet_mbv3__coco_tiny_val.json",
    "predictions/yolox_nano__coco_tiny_val.json",
    "predictions/proposals_yolox_obj__coco_tiny_val.json",
]


def document(**changes: Any) -> dict[str, Any]:
    """Return a sound annotation file of one image, one annotation and one category, changed."""
    return {"images": [IMAGE], "annotations": [ANNOTATION], "categories": [CATEGORY]} | changes


def as_bytes(content: Any) -> bytes:
    """Return JSON's bytes, of bytes themselves."""
    return content if isinstance(content, bytes) else json.dumps(content).encode()


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_accepted(name: str, shared: Path, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Everything that is plain COCO in the data at hand."""
    content = (shared / name).read_bytes()
    assert any(judged(content))


@pytest.mark.parametrize(
    "content",
    [
        *([], [PREDICTION], b" [ ] \n", b"\n\r\t [\n" + as_bytes(PREDICTION) + b" \n, " + as_bytes(PREDICTION) + b"]"),
        [PREDICTION | {"segmentation": {"size": [480, 640], "counts": "abc\\\\"}, "more": [None, True, {"a": []}]}],
        [PREDICTION | {"image_id": -5, "category_id": 2**63 - 1}, PREDICTION | {"score": 1e300}],
        [PREDICTION | {"bbox": [-1e15, 0, -5, 1e-300]}],
        [{"score": 1, "x": 1, "bbox": [0, 0, 0, 0], "image_id": 0, "category_id": 0}, PREDICTION],
        *(document(), document(annotations=[]), document(info={"a": [[[]]]}, licenses=[], extra=12)),
        document(annotations=[{k: v for k, v in ANNOTATION.items() if k not in {"id", "area", "iscrowd"}}]),
        document(
            annotations=[ANNOTATION | {"area": None, "ignore": 1, "difficult": 1, "truncated": -1, "occluded": 2}]
        ),
        document(images=[IMAGE | {"file_name": "a\\b/\u00e9\U0001f600.jpg", "width": 640.0}]),
        document(images=[{"id": 1, "height": 1, "width": 10**7}]),
        document(categories=[CATEGORY, {"id": 1, "name": ""}, {"id": 2**62, "name": "cat"}]),
        document(annotations=[ANNOTATION | {"id": 2**62 + k} for k in range(5)]),
        dict(reversed(document().items())),
    ],
)
def test_plain_files_are_accepted(content: Any, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """In any order, with anything beside, with what may be missing missing."""
    text = as_bytes(content)
    is_list = text.strip()[:1] == b"["
    assert judged(text) == (is_list, not is_list)


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b" ",
            b"[",
            b"]",
            b"{",
            b"{}",
            b"null",
            b"1",
            b'"a"',
            b"[]]",
            b"[] x",
            b"[],",
            b"[\x00]",
            b"\xef\xbb\xbf[]",
        ),
        *(b"[,]", b"[{}]", b"[[]]", b"[1]", b"[null]", [PREDICTION, 1], as_bytes([PREDICTION])[:-1] + b",]", b"[]\x00"),
        *([{k: v for k, v in PREDICTION.items() if k != lacking}] for lacking in PREDICTION),
        *([PREDICTION | {"image_id": odd}] for odd in ("1", 1.0, 2**63, -(2**63) - 1, None, True, [1], 1e3)),
        *(
            [PREDICTION | {"bbox": odd}]
            for odd in ([1, 2, 3], [1, 2, 3, 4, 5], [], None, [1, 2, 3, "4"], [1, 2, 3, None])
        ),
        *([PREDICTION | {"bbox": odd}] for odd in ([1, 2, 3, 1e16], [[1, 2, 3, 4]], {"x": 1}, 5)),
        *([PREDICTION | {"score": odd}] for odd in (None, "0.5", True, [0.5], float("nan"), float("inf"))),
        as_bytes([PREDICTION]).replace(b"1,", b'1, "image_id": 1,', 1),
        as_bytes([PREDICTION]).replace(b'"image_id"', b'"image\\u005fid"'),
        as_bytes([PREDICTION | {"x": 0}]).replace(b'"x": 0', b'"x": "\\ud800"'),
        {"annotations": [PREDICTION]},
        *(document(**{lacking: 1}) for lacking in ("images", "annotations", "categories")),
        *(as_bytes(document()).replace(name, b'"other"') for name in (b'"images"', b'"annotations"', b'"categories"')),
        *(document(images=[IMAGE, IMAGE]), document(annotations=[ANNOTATION] * 2), document(categories=[CATEGORY] * 2)),
        document(annotations=[ANNOTATION | {"id": 2**62}] * 2),
        document(annotations=[ANNOTATION, {k: v for k, v in ANNOTATION.items() if k != "id"}]),
        *(
            document(annotations=[ANNOTATION | {"image_id": 7}]),
            document(annotations=[ANNOTATION | {"category_id": 7}]),
        ),
        *(document(images=[IMAGE | {"width": odd}]) for odd in (0, -1, 0.5, 640.5, None, "640", 10**7 + 1, 1e300)),
        *(document(images=[IMAGE | {"file_name": odd}]) for odd in (None, 1, "../a.jpg", "a:b", "a\x00b", ["a"])),
        *(document(annotations=[ANNOTATION | {"iscrowd": odd}]) for odd in (2, -1, None, "1", 0.5, 1.0, [])),
        *(document(annotations=[ANNOTATION | {"truncated": odd}]) for odd in (3, -2, None, "1", 0.5, 10)),
        *(document(annotations=[ANNOTATION | {"area": odd}]) for odd in ("1", True, [], float("nan"))),
        *(document(annotations=[ANNOTATION | {"bbox": odd}]) for odd in ([1, 2, 3, 1e16], [1, 2, 3], None)),
        *(document(categories=[CATEGORY | {"name": odd}]) for odd in (None, 1, ["a"])),
        *(document(ignored_regions=[]), as_bytes(document()) * 2, as_bytes(document()) + b"x"),
        as_bytes(document()).replace(b'"images"', b'"images": [], "images"'),
    ],
)
def test_unusual_files_are_declined(content: Any, judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """Whatever the general reader reports, refuses, or does something special with."""
    assert judged(as_bytes(content)) == (False, False)


def test_deep_nesting_is_declined(tmp_path: Path) -> None:
    """However deep a text goes, it costs neither a stack nor time; 64 levels are taken."""
    path = tmp_path / "deep.json"
    for depth, accepted in ((64, True), (65, False), (10**7, False)):
        path.write_bytes(as_bytes([PREDICTION | {"x": 0}]).replace(b'"x": 0', b'"x": ' + b"[" * depth + b"]" * depth))
        assert (_native.scan_predictions(path, 2) is not None) == accepted


def test_what_is_no_file_is_declined(tmp_path: Path) -> None:
    """No file, a folder, a pipe that nobody writes to."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "none.json", tmp_path, pipe, Path("/dev/null")):
        assert _native.scan_predictions(path, 1) is None
        assert _native.scan_ground_truth(path, 1) is None
        stream = _native.PredictionStream(path)
        assert stream.next() is None
        assert stream.unusual


def test_records_longer_than_pieces(judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    """A record may be as long as it likes, and hold what looks like the start of another."""
    trap = [PREDICTION | {"x": [PREDICTION, PREDICTION] * 20}, PREDICTION, PREDICTION | {"x": "y" * 5000}] * 3
    assert judged(as_bytes(trap)) == (True, False)
    text = as_bytes([PREDICTION | {"x": json.dumps([PREDICTION] * 30)}] * 5)
    assert judged(text) == (True, False)


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    """It is read or declined, and nothing worse happens: it is not mapped."""
    path = tmp_path / "changing.json"
    record = as_bytes(PREDICTION)
    whole = b"[" + b", ".join([record] * 40_000) + b"]"
    path.write_bytes(whole)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            os.truncate(path, len(whole) // 3)
            path.write_bytes(whole)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(60):
            found = _native.scan_predictions(path, 2, 1 << 14)
            assert found is None or len(found["score"]) == 40_000
    finally:
        done.set()
        changer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_is_the_columns_and_little_more(tmp_path: Path) -> None:
    """Three quarters of a million records are 42 MB of columns; their text, 75 MB, is never held."""
    path = tmp_path / "many.json"
    record = as_bytes(PREDICTION)
    path.write_bytes(b"[" + b", ".join([record] * 750_000) + b"]")
    measure = (
        "import sys, re; from detbench import _native; import numpy\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024\n"
        "before = peak()\n"
        "found = _native.scan_predictions(sys.argv[1], 2)\n"
        "print(len(found['score']), peak() - before)\n"
    )
    ran = subprocess.run([sys.executable, "-c", measure, path], capture_output=True, text=True, check=True)
    count, more_mb = ran.stdout.split()
    assert int(count) == 750_000
    assert float(more_mb) < 42 + 6


def test_a_stream_s_blocks(tmp_path: Path) -> None:
    """Blocks come in file order, none empty; one that goes wrong later says so."""
    path = tmp_path / "stream.json"
    records = [PREDICTION | {"image_id": k} for k in range(1000)]
    path.write_bytes(as_bytes(records))
    stream = _native.PredictionStream(path, 4096)
    blocks = list(iter(stream.next, None))
    assert len(blocks) > 10
    assert all(len(block["score"]) for block in blocks)
    assert np.concatenate([block["image_id"] for block in blocks]).tolist() == list(range(1000))
    assert not stream.unusual
    assert blocks[-1]["bytes"] == path.stat().st_size

    path.write_bytes(as_bytes(records)[:-2])
    stream = _native.PredictionStream(path, 4096)
    assert len(list(iter(stream.next, None))) > 10
    assert stream.unusual
