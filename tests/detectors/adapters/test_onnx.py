"""ONNX files through their adapters: told apart by what they are, and their numbers brought into the picture."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench.detectors.adapters.contract import ModelError, Picture, Wanted
from detbench.detectors.adapters.naming import COCO, Naming
from detbench.detectors.adapters.opening import open_model
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detbench.detectors.adapters.contract import Adapter, Detections

#: Of a canvas of 64 × 64: 8 × 8, 4 × 4 and 2 × 2 cells.
CELLS = 84

NAMES = {"names": "{0: 'cat', 1: 'dog'}"}


def picture(width: int, height: int) -> Picture:
    """Return a picture whose red is the column, green the row, blue 200."""
    pixels = np.full((height, width, 3), 200, dtype=np.uint8)
    pixels[..., 0] = np.arange(width)[None]
    pixels[..., 1] = np.arange(height)[:, None]
    return Picture(pixels, (width, height))


def found_in(adapter: Adapter, *pictures: Picture) -> list[Detections]:
    """Return what an adapter finds."""
    batch = adapter.prepare(pictures)
    return adapter.finish(adapter.forward(batch), batch)


def raw_maps(batch: int = 1) -> np.ndarray:
    """Return YOLOX's output with two things in it: cell (2, 3) of stride 8, cell (1, 0) of stride 16."""
    maps = np.zeros((batch, CELLS, 7), dtype=np.float32)
    maps[:, 3 * 8 + 2] = [0.5, 0.25, np.log(2), np.log(1), 0.8, 0.1, 0.9]
    maps[:, 64 + 1] = [0.5, 0.5, 0, 0, 0.5, 0.5, 0.001]
    return maps


def test_yolox_is_decoded_and_scaled_back(onnx_file: Callable[..., Path]) -> None:
    """A centre is (offset + cell) · stride, a size exp · stride, a score objectness · category's; by hand."""
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output": raw_maps()}, NAMES)
    adapter = open_model(str(path), Wanted(proposals=5))
    assert (adapter.facts.adapter, list(adapter.categories or ())) == ("yolox", ["cat", "dog"])
    (found,) = found_in(adapter, picture(128, 96))  # on the canvas at half its size
    # Cell (2, 3): centre 20, 26; size 16 × 8. Cell (1, 0) of stride 16: centre 24, 8; size 16.
    np.testing.assert_allclose(found.box, [[24, 44, 56, 60], [32, 0, 64, 32], [24, 44, 56, 60]], atol=1e-4)
    np.testing.assert_allclose(found.score, [0.72, 0.25, 0.08], atol=1e-6)
    assert found.category.tolist() == [1, 0, 0]
    np.testing.assert_allclose(found.proposal[:2], [[24, 44, 56, 60], [32, 0, 64, 32]], atol=1e-4)
    np.testing.assert_allclose(found.proposal_score[:2], [0.8, 0.5], atol=1e-6)
    assert len(found.proposal) == 5


def test_yolox_sees_blue_first_on_grey(onnx_file: Callable[..., Path]) -> None:
    """The picture lies at the upper left, BGR from 0 to 255; the rest of the canvas is 114."""
    adapter = open_model(str(onnx_file({"images": (1, 3, 64, 64)}, {"output": raw_maps()}, NAMES)), Wanted())
    (canvas,), _ = adapter.prepare([picture(64, 32)])
    assert (canvas[0, :32] == 200).all()
    assert (canvas[1, :32, 0] == np.arange(32)).all()
    assert (canvas[2, 0] == np.arange(64)).all()
    assert (canvas[:, 32:] == 114).all()


def test_a_fixed_batch_is_filled_up(onnx_file: Callable[..., Path]) -> None:
    """A file that takes two at a time gives of one picture what it gives of it beside another."""
    path = onnx_file({"images": (2, 3, 64, 64)}, {"output": raw_maps(2)}, NAMES)
    adapter = open_model(str(path), Wanted())
    assert adapter.facts.batch_size == 2
    alone = found_in(adapter, picture(128, 96))
    both = found_in(adapter, picture(128, 96), picture(64, 64))
    assert (len(alone), len(both)) == (1, 2)
    np.testing.assert_array_equal(alone[0].box, both[0].box)
    with pytest.raises(UsageError, match="takes 2 at a time"):
        open_model(str(path), Wanted(batch_size=3))


def test_maps_that_are_decoded_already_are_not_yolox_s(onnx_file: Callable[..., Path]) -> None:
    """The same shapes with centres in pixels are refused, with inputs and outputs, and not decoded twice."""
    maps = raw_maps()
    maps[..., :2] = 30.0
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output": maps}, NAMES)
    with pytest.raises(
        DataError, match=r"is for no adapter .* images \[1, 3, 64, 64\], its output output \[1, 84, 7\]"
    ):
        open_model(str(path), Wanted())
    with pytest.raises(DataError, match="does not fit the adapter yolox"):
        open_model(str(path), Wanted(), adapter="yolox")


def yolov8_output() -> np.ndarray:
    """Return one dog of 20 × 10 about (32, 30), the same again less surely, and a cat that reaches over the edge."""
    cells = np.zeros((1, 6, CELLS), dtype=np.float32)
    cells[0, :, 0] = [32, 30, 20, 10, 0.2, 0.9]
    cells[0, :, 1] = [32, 30, 20, 11, 0.0, 0.6]
    cells[0, :, 2] = [60, 32, 20, 8, 0.5, 0.0]
    return cells


def test_yolov8_lies_in_the_middle(onnx_file: Callable[..., Path]) -> None:
    """Boxes lose the margins, are scaled, suppressed by category and cut at the edges."""
    adapter = open_model(str(onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, NAMES)), Wanted())
    assert adapter.facts.adapter == "yolov8"
    (found,) = found_in(adapter, picture(128, 64))  # 64 × 32 on the canvas, 16 px from its top
    np.testing.assert_allclose(found.box[0], [44, 18, 84, 38])
    np.testing.assert_allclose(found.score, [0.9, 0.5, 0.2], atol=1e-6)
    np.testing.assert_allclose(found.box[1], [100, 24, 128, 40])
    assert found.category.tolist() == [1, 0, 0]
    (canvas,), _ = adapter.prepare([picture(64, 32)])
    np.testing.assert_allclose(canvas[:, :16], 114 / 255, rtol=1e-6)
    np.testing.assert_allclose(canvas[0, 16], np.arange(64) / 255, atol=1e-6)


def test_scores_that_are_no_numbers_are_told_and_not_left_out(onnx_file: Callable[..., Path]) -> None:
    """A comparison with NaN is false: without a look at it the picture would be one with nothing in it."""
    outputs = {
        "scores": np.array([np.nan, 0.9], dtype=np.float32),
        "boxes": np.array([[1, 2, 3, 4], [5, 6, 70, 8]], dtype=np.float32),
        "labels": np.array([1, 2], dtype=np.int64),
    }
    path = onnx_file({"image": (3, "height", "width")}, outputs)
    with pytest.raises(ModelError, match="gives a score that is nan"):
        found_in(open_model(str(path), Wanted(naming=Naming.of(["cat", "dog"]))), picture(60, 40))


def test_min_score_leaves_lower_ones_out(onnx_file: Callable[..., Path]) -> None:
    """What is below is not there."""
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, NAMES)
    (found,) = found_in(open_model(str(path), Wanted(min_score=0.45)), picture(128, 64))
    assert np.round(found.score, 2).tolist() == [0.9, 0.5]


def test_torchvision_counts_from_one(onnx_file: Callable[..., Path]) -> None:
    """Outputs go by name, in whatever order; label 1 is the first name; with COCO's names labels are COCO's ids."""
    outputs = {
        "scores": np.array([0.4, 0.9], dtype=np.float32),
        "boxes": np.array([[1, 2, 3, 4], [5, 6, 70, 8]], dtype=np.float32),
        "labels": np.array([1, 2], dtype=np.int64),
    }
    path = onnx_file({"image": (3, "height", "width")}, outputs)
    adapter = open_model(str(path), Wanted(naming=Naming.of(["cat", "dog"])))
    assert adapter.facts.adapter == "torchvision"
    assert any("RGB from 0 to 1" in note for note in adapter.facts.notes)
    (found,) = found_in(adapter, picture(60, 40))
    assert found.box.tolist() == [[5, 6, 60, 8], [1, 2, 3, 4]]
    assert found.category.tolist() == [1, 0]
    canvas, _ = adapter.prepare([picture(60, 40)])
    assert canvas.shape == (3, 40, 60)
    np.testing.assert_allclose(canvas[0, 0], np.arange(60) / 255, atol=1e-6)
    outputs["labels"] = np.array([90, 13], dtype=np.int64)
    adapter = open_model(str(onnx_file({"image": (3, "height", "width")}, outputs)), Wanted(naming=COCO))
    (found,) = found_in(adapter, picture(60, 40))
    assert [COCO.names[row] for row in found.category] == ["stop sign", "toothbrush"]


def queries() -> dict[str, np.ndarray]:
    """Return what a DETR gives: one query that is a dog, one that is nothing."""
    logits = np.array([[[0.0, 3.0, 0.0], [0.0, 0.0, 9.0]]], dtype=np.float32)
    return {"logits": logits, "pred_boxes": np.array([[[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.1]]], np.float32)}


def test_detr_and_rtdetr_are_not_guessed(onnx_file: Callable[..., Path]) -> None:
    """They look alike: the user says which."""
    path = onnx_file({"pixel_values": (1, 3, 64, 64)}, queries(), NAMES)
    with pytest.raises(DataError, match=r"could be for detr or rtdetr: .* say which with --adapter"):
        open_model(str(path), Wanted())
    (found,) = found_in(open_model(str(path), Wanted(), adapter="detr"), picture(100, 50))
    np.testing.assert_allclose(found.box, [[40, 15, 60, 35], [0, 2.5, 30, 7.5]], atol=1e-4)
    np.testing.assert_allclose(found.score[0], np.exp(3) / (np.exp(3) + 2), rtol=1e-6)
    assert found.category.tolist() == [1, 0]


def test_rtdetr_scores_every_logit(onnx_file: Callable[..., Path]) -> None:
    """Each pair of query and category is a candidate, by the logistic function of its logit."""
    outputs = queries() | {"logits": np.array([[[0.0, 3.0], [-2.0, 1.0]]], dtype=np.float32)}
    path = onnx_file({"images": (1, 3, "h", "w")}, outputs, NAMES)
    (found,) = found_in(open_model(str(path), Wanted(), adapter="rtdetr"), picture(100, 50))
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp([-3.0, -1.0, 0.0, 2.0])), rtol=1e-6)
    assert found.category.tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(found.box[1], [0, 2.5, 30, 7.5], atol=1e-4)


def test_a_mask_is_given_where_it_is_asked_for(onnx_file: Callable[..., Path]) -> None:
    """DETR's exports have a second input for the mask of padding: all of it is picture."""
    path = onnx_file({"pixel_values": (1, 3, "h", "w"), "pixel_mask": (1, "h", "w")}, queries(), NAMES)
    adapter = open_model(str(path), Wanted(), adapter="detr")
    canvas, _ = adapter.prepare([picture(100, 50)])
    assert canvas.shape == (1, 3, 666, 1333)
    assert len(found_in(adapter, picture(100, 50))[0].box) == 2


@pytest.mark.parametrize(
    ("metadata", "naming", "words"),
    [
        ({}, None, "does not name its 2 categories; say --categories"),
        ({"names": "['cat']"}, None, "tells 2 categories apart, and it has 1 names"),
        (NAMES, Naming.of(["a", "b", "c"]), "tells 2 categories apart, and --categories has 3 names"),
        ({"names": "__import__('os').getcwd()"}, None, "does not name its 2 categories"),
    ],
)
def test_names_that_do_not_fit_are_said(
    onnx_file: Callable[..., Path], metadata: dict[str, str], naming: Naming | None, words: str
) -> None:
    """One sentence; and what stands in the metadata is never run."""
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, metadata)
    with pytest.raises(DataError, match=words):
        open_model(str(path), Wanted(naming=naming))


def test_eighty_categories_are_taken_for_coco_s_and_it_is_said(onnx_file: Callable[..., Path]) -> None:
    """A note tells of it."""
    cells = np.zeros((1, 84, CELLS + 252), dtype=np.float32)  # of a canvas of 128 × 128
    adapter = open_model(str(onnx_file({"images": (1, 3, 128, 128)}, {"output0": cells})), Wanted())
    assert list(adapter.categories or ()) == list(COCO.names)
    assert any("taken for COCO's" in note for note in adapter.facts.notes)
    assert (len(COCO.ids), COCO.ids[0], COCO.ids[-1]) == (80, 1, 90)


@pytest.mark.parametrize("kept", [0, 10, 300])
def test_a_cut_file_is_one_sentence(onnx_file: Callable[..., Path], kept: int) -> None:
    """Whatever is left of it."""
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, NAMES)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"model\.onnx: is not an ONNX model that can be run"):
        open_model(str(path), Wanted())


def test_what_nobody_knows_is_listed(onnx_file: Callable[..., Path]) -> None:
    """Inputs and outputs are named with their shapes, and the way out is a function."""
    path = onnx_file({"a": (1, 9), "b": ("n", 4)}, {"c": np.zeros((2, 3), np.float32)})
    with pytest.raises(
        DataError, match=r"its input is a \[1, 9\], b \[\?, 4\], its output c \[2, 3\]; write a function"
    ):
        open_model(str(path), Wanted())
    with pytest.raises(UsageError, match="there is no adapter 'yolo'; for ONNX files there are yolox, yolov8"):
        open_model(str(path), Wanted(), adapter="yolo")


def test_a_gpu_that_is_not_there_is_said(onnx_file: Callable[..., Path]) -> None:
    """It is not run on something else in silence."""
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime can use a GPU")
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, NAMES)
    with pytest.raises(UsageError, match="cannot use a GPU"):
        open_model(str(path), Wanted(device="gpu"))


def test_the_extra_is_named_where_onnxruntime_is_missing(
    onnx_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing packages are one sentence with the remedy."""
    path = onnx_file({"images": (1, 3, 64, 64)}, {"output0": yolov8_output()}, NAMES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"pip install 'detbench\[onnx\]'"):
        open_model(str(path), Wanted())
