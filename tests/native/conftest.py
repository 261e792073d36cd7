"""The scanner beside the general readers: whatever it accepts is what they make of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.data.findings import Findings
from detbench.data.formats import coco
from detbench.data.formats.coco_json import read_document
from detbench.data.predictions import coco_results
from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = dict[str, Any]

_native = native()

#: Threads and piece lengths in bytes, the last so short that every record straddles borders, and those for long files.
VARIANTS = [(1, 1 << 19), (2, 1 << 19), (1, 97), (2, 61), (5, 13), (3, 1)]
LONG_VARIANTS = [(1, 1 << 19), (2, 1 << 19), (1, 971), (2, 6151), (5, 1301)]
LONG_BYTES = 50_000


@pytest.fixture(autouse=True)
def _needs_native() -> None:
    if _native is None:
        pytest.skip("the native part was not built")


@pytest.fixture
def judged(tmp_path: Path) -> Callable[[bytes], tuple[bool, bool]]:
    """Hold what the scanner makes of a text against the general readers; return what it accepted.

    The two answers are for predictions and for ground truth.
    """
    path = tmp_path / "file.json"

    def judge(text: bytes) -> tuple[bool, bool]:
        path.write_bytes(text)
        return judge_predictions(path) is not None, judge_ground_truth(path) is not None

    return judge


def judge_predictions(path: Path) -> Columns | None:
    """Return the scanner's columns of a results file, equal to the general reader's, or None where it declines."""
    found = _same_in_all_ways(_native.scan_predictions, path)
    stream = _native.PredictionStream(path, 50)
    blocks = list(iter(stream.next, None))
    assert stream.unusual == (found is None)
    if found is None:
        return None
    for name in ("image_id", "category_id", "xywh", "score"):
        parts = [block[name] for block in blocks]
        assert_same(np.concatenate(parts) if parts else found[name][:0], found[name], name)
    raw = coco_results.read(path)
    raw.check_finite()
    assert all(type(key) is int for key in (*raw.image, *raw.category))
    assert found["image_id"].tolist() == list(raw.image)
    assert found["category_id"].tolist() == list(raw.category)
    assert raw.size_px is not None
    assert_same(found["xywh"][:, 2:], raw.size_px, "size")
    assert_same(np.hstack([found["xywh"][:, :2], found["xywh"][:, 2:] + found["xywh"][:, :2]]), raw.box, "box")
    assert_same(found["score"], raw.score, "score")
    assert found["bytes"] == path.stat().st_size
    return found


def judge_ground_truth(path: Path) -> Columns | None:
    """Return the scanner's columns of an annotation file, equal to the general reader's, or None."""
    found = _same_in_all_ways(_native.scan_ground_truth, path)
    if found is None:
        return None
    findings = Findings(strict=False)
    dataset = coco._read(path, None, findings)
    assert not findings.items
    document = read_document(path, findings)
    assert not findings.items
    assert found["file_name"] == [record.file_name for record in document.images]
    assert found["image_id"].tolist() == list(dataset.images.key)
    assert_same(found["width_px"], dataset.images.width_px, "width")
    assert_same(found["height_px"], dataset.images.height_px, "height")
    by_id = np.argsort(found["category_id"])
    assert found["category_id"][by_id].tolist() == list(dataset.categories.source_id)
    assert [found["category_name"][row] for row in by_id] == list(dataset.categories.name)
    _judge_annotations(found, dataset, by_id)
    assert found["bytes"] == path.stat().st_size
    return found


def _judge_annotations(found: Columns, dataset: coco.Dataset, by_id: np.ndarray) -> None:
    table = dataset.ground_truth
    row_of_image = {key: row for row, key in enumerate(dataset.images.key)}
    row_of_category = {int(found["category_id"][row]): rank for rank, row in enumerate(by_id)}
    image = np.array([row_of_image[key] for key in found["of_image"].tolist()], dtype=np.int32)
    category = np.array([row_of_category[key] for key in found["of_category"].tolist()], dtype=np.int32)
    order = np.argsort(image, kind="stable")
    xywh = found["xywh"][order]
    assert_same(image[order], table.image, "image")
    assert_same(category[order], table.category, "category")
    assert_same(np.hstack([xywh[:, :2], xywh[:, 2:] + xywh[:, :2]]), table.box, "box")
    assert_same(xywh[:, 2:], table.size_px, "size")
    assert_same(found["area"][order], table.area_px, "area")
    for name in ("crowd", "ignore", "difficult"):
        assert_same(found[name][order].astype(bool), getattr(table, name), name)
    for name in ("truncated", "occluded"):
        assert_same(found[name][order], getattr(table, name), name)
    assert (found["annotation_id"][order].tolist() if len(found["annotation_id"]) else []) == list(table.source_id)


def _same_in_all_ways(scan: Callable[..., Columns | None], path: Path) -> Columns | None:
    variants = VARIANTS if path.stat().st_size < LONG_BYTES else LONG_VARIANTS
    first, *others = (scan(path, threads, piece_bytes) for threads, piece_bytes in variants)
    for other, variant in zip(others, variants[1:], strict=True):
        assert (other is None) == (first is None), variant
        for name in first or ():
            assert_same(other[name], first[name], f"{name} {variant}")
    return first


def assert_same(left: Any, right: Any, what: str) -> None:
    """Assert equality to the last bit: -0.0 is not 0.0, and NaN is NaN."""
    if isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, what
        assert left.shape == right.shape, what
        assert left.tobytes() == right.tobytes() or _same_numbers(left, right), what
    else:
        assert left == right, what


def _same_numbers(left: np.ndarray, right: np.ndarray) -> bool:
    """Return whether two columns differ at most in which NaN they hold."""
    return bool(np.array_equal(left, right, equal_nan=True) and (np.signbit(left) == np.signbit(right)).all())
