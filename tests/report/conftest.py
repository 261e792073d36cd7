"""Results to report on: one made up, one that pycocotools measured on real files."""

from __future__ import annotations

import contextlib
import io
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.document import CategoryResult, Curves, DatasetFacts, Document, PredictionFacts, Remark
from detbench.evaluation.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_RECALL = [round(0.01 * step, 2) for step in range(101)]
_COCO_NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def _curve(height: float) -> list[float]:
    """Return a curve that falls from ``height`` to 0 somewhere before full recall."""
    return [round(max(0.0, height * (1 - (recall / 0.9) ** 3)), 6) for recall in _RECALL]


def _category(place: int, name: str) -> CategoryResult:
    ap = 0.2 + 0.6 * abs(math.sin(place + 1))
    return CategoryResult(
        name=name,
        ground_truths=3 + 17 * place % 101,
        ignored=place % 3,
        predictions=40 + place,
        metrics={"AP": ap, "AP50": min(1.0, ap * 1.4), "AP75": ap * 0.9, "recall": min(1.0, ap * 1.2)},
        intervals={"AP": (ap * 0.8, min(1.0, ap * 1.1))},
        reasons={},
    )


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """Return a maker of results: ``make_result(names=("car",), name="mine")``; other keywords replace fields."""

    def make(names: tuple[str, ...] = ("car", "person", "bus"), **changes: Any) -> Result:
        categories = [_category(place, name) for place, name in enumerate(names)]
        metrics: dict[str, float | None] = {name: 0.3 + 0.04 * place for place, name in enumerate(_COCO_NAMES)}
        document = Document(
            detbench="0.1.0",
            name="a-detector",
            protocol={
                "name": "coco",
                "iou_thresholds": [0.5, 0.8999999999999999, 0.95],
                "max_dets": [1, None],
                "on": True,
            },
            dataset=DatasetFacts(
                name="streets",
                format="coco",
                split="val",
                fingerprint="1f" * 32,
                images=80,
                ground_truths=sum(category.ground_truths for category in categories),
                categories=len(names),
            ),
            predictions=PredictionFacts(
                source="a-detector.json", fingerprint="2e" * 32, predictions=900, images=79, dropped=0
            ),
            environment={"python": "3.11.9", "numpy": "2.3.4", "native": "yes"},
            metrics=metrics,
            intervals={name: (0.28 + 0.04 * place, 0.33 + 0.04 * place) for place, name in enumerate(_COCO_NAMES)},
            interval_method="95 %, percentile bootstrap over images, 1000 resamples, seed 0",
            reasons={},
            per_category=categories,
            curves=Curves(
                recall=_RECALL,
                mean={f"{0.5 + 0.05 * step:.2f}": _curve(0.95 - 0.08 * step) for step in range(10)},
                by_category=[_curve(0.9 - 0.1 * (place % 8)) for place in range(len(names))],
            ),
            remarks=[Remark(code="box-zero-area", severity="warning", message="2 boxes have no area")],
        )
        return Result(msgspec.structs.replace(document, **changes))

    return make


@pytest.fixture
def empty_result(make_result: Callable[..., Result]) -> Result:
    """Return a result without any ground truth: every number is undefined."""
    reason = "no ground truth of any category"
    nothing = CategoryResult(
        name="car",
        ground_truths=0,
        ignored=0,
        predictions=0,
        metrics={"AP": None},
        intervals={},
        reasons={"AP": reason},
    )
    return make_result(
        names=("car",),
        metrics=dict.fromkeys(_COCO_NAMES),
        reasons=dict.fromkeys(_COCO_NAMES, reason),
        intervals={},
        interval_method="",
        per_category=[nothing],
        curves=Curves(recall=_RECALL, mean={}, by_category=[None]),
        remarks=[],
    )


@pytest.fixture(scope="session")
def real_result(shared: Path) -> Result:
    """Return YOLOX-nano on 80 real COCO images as pycocotools measures it."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    return _measured(truth, shared / "predictions" / "yolox_nano__coco_tiny_val.json")


def _measured(truth: Path, predictions: Path) -> Result:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO(str(truth))
        found = known.loadRes(str(predictions))
        run = evaluation.COCOeval(known, found, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][:, :, :, 0, 2]  # shape (thresholds, recall levels, categories)
    recall = run.eval["recall"][0, :, 0, 2]
    stats = dict(zip(_COCO_NAMES, map(float, run.stats), strict=True))
    present = precision[0, 0] > -1
    categories = []
    for column, number in enumerate(run.params.catIds):
        boxes = known.loadAnns(known.getAnnIds(catIds=[number]))
        numbers = {
            "AP": float(precision[:, :, column].mean()),
            "AP50": float(precision[0, :, column].mean()),
            "AP75": float(precision[5, :, column].mean()),
            "recall": float(recall[column]),
        }
        defined = bool(present[column])
        categories.append(
            CategoryResult(
                name=known.cats[number]["name"],
                ground_truths=sum(not box["iscrowd"] for box in boxes),
                ignored=sum(box["iscrowd"] for box in boxes),
                predictions=len(found.getAnnIds(catIds=[number])),
                metrics=dict(numbers) if defined else dict.fromkeys(numbers),
                intervals={},
                reasons={} if defined else dict.fromkeys(numbers, "no ground truth of this category"),
            )
        )
    mean = precision[:, :, present].mean(axis=2)
    document = Document(
        detbench="0.1.0",
        name=predictions.stem,
        protocol={"name": "coco"},
        dataset=DatasetFacts(
            name="coco_tiny",
            format="coco",
            split="val2017",
            fingerprint="0" * 64,
            images=len(known.imgs),
            ground_truths=sum(category.ground_truths for category in categories),
            categories=len(categories),
        ),
        predictions=PredictionFacts(
            source=predictions.name,
            fingerprint="0" * 64,
            predictions=len(found.anns),
            images=len({box["image_id"] for box in found.anns.values()}),
            dropped=0,
        ),
        environment={"pycocotools": "the oracle"},
        metrics=dict(stats),
        intervals={},
        interval_method="",
        reasons={},
        per_category=categories,
        curves=Curves(
            recall=[round(float(level), 6) for level in run.params.recThrs],
            mean={f"{t:.2f}": mean[i].round(6).tolist() for i, t in enumerate(run.params.iouThrs)},
            by_category=[precision[0, :, c].round(6).tolist() if present[c] else None for c in range(len(present))],
        ),
        remarks=[],
    )
    return Result(document)
