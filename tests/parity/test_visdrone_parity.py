"""VisDrone-DET's numbers are those of its toolkit, rewritten here from the rules of its MATLAB files.

``calcAccuracy.m``, ``dropObjectsInIgr.m``, ``evalRes.m``, ``compOas.m``, ``VOCap.m`` of
github.com/VisDrone/VisDrone2018-DET-toolkit: loops over pixels, boxes and images, nothing of detbench.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench import evaluate, read_dataset
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Predictions

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.evaluation.results import Result

Row = tuple[float, ...]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
LIMITS = (1, 10, 100, 500)
WIDTH, HEIGHT = 60, 50


def summed_area(regions: list[Row], width: int, height: int) -> np.ndarray:
    """Return the integral image (createIntImg) of the painted regions, from 1 in both directions as in MATLAB."""
    canvas = np.zeros((height + 1, width + 1))
    for region in regions:
        x, y, w, h = (max(1, int(value)) for value in region[:4])
        for row in range(y, min(height, y + h) + 1):
            for column in range(x, min(width, x + w) + 1):
                canvas[row, column] = 1
    return canvas.cumsum(axis=0).cumsum(axis=1)


def stays(box: Row, table: np.ndarray, width: int, height: int) -> bool:
    """Return whether less than half of a box lies inside the regions."""
    x, y, w, h = (max(1, math.floor(value + 0.5)) for value in box[:4])
    x, y = min(width, x), min(height, y)
    right, low = min(width, x + w), min(height, y + h)
    inside = table[y, x] + table[low, right] - table[y, right] - table[low, x]
    return bool(inside / (w * h) < 0.5)


def drop(truth: list[Row], found: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return what dropObjectsInIgr.m leaves: rows are x, y, w, h, score, category."""
    regions = [row for row in truth if row[5] == 0]
    objects = [row for row in truth if row[5] != 0]
    if not regions:
        return objects, found
    table = summed_area(regions, WIDTH, HEIGHT)
    return tuple([row for row in rows if stays(row, table, WIDTH, HEIGHT)] for rows in (objects, found))  # type: ignore[return-value]


def overlap(d: Row, g: Row, ignored: bool) -> float:
    """Return compOas.m's overlap: over the union, or over the detection where the ground truth is ignored."""
    w = min(d[0] + d[2], g[0] + g[2]) - max(d[0], g[0])
    h = min(d[1] + d[3], g[1] + g[3]) - max(d[1], g[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (d[2] * d[3] if ignored else d[2] * d[3] + g[2] * g[3] - w * h)


def matched(truth: list[Row], found: list[Row], threshold: float) -> list[tuple[float, int]]:
    """Return what evalRes.m says: (score, −1 ignored, 0 wrong, 1 right) of each detection, the highest score first."""
    truth = sorted(truth, key=lambda row: row[4] == 0)  # counted first, ignored last
    taken = [False] * len(truth)
    outcome = []
    for d in sorted(found, key=lambda row: -row[4]):
        best, at, kind = threshold, -1, 0
        for place, g in enumerate(truth):
            ignored = g[4] == 0
            if taken[place]:
                continue
            if kind != 0 and ignored:
                break
            share = overlap(d, g, ignored)
            if share < best:
                continue
            best, at, kind = share, place, -1 if ignored else 1
        if kind == 1:
            taken[at] = True
        outcome.append((d[4], kind))
    return outcome


def average_precision(recall: list[float], precision: list[float]) -> float:
    """Return VOCap.m's area."""
    r, p = [0.0, *recall, 1.0], [0.0, *precision, 0.0]
    for place in range(len(p) - 2, -1, -1):
        p[place] = max(p[place], p[place + 1])
    return sum((r[place] - r[place - 1]) * p[place] for place in range(1, len(r)) if r[place] != r[place - 1])


def toolkit(images: list[tuple[list[Row], list[Row]]]) -> dict[str, float]:
    """Return what calcAccuracy.m does of (truth, found) an image, the files' rows in falling order of score.

    Two things are otherwise, and data as VisDrone's cannot tell: recall's denominator is without ignored ground
    truth, and a category counts in an image that has some that is not ignored.
    """
    images = [drop(*image) for image in images]
    ap, ar = np.zeros((10, 10)), np.zeros((10, 10, 4))
    listed = [
        category
        for category in range(1, 11)
        for truth, _ in images
        if any(row[5] == category and row[4] == 1 for row in truth)
    ]
    for category in sorted(set(listed)):
        count = sum(row[5] == category and row[4] == 1 for truth, _ in images for row in truth)
        for t, threshold in enumerate(THRESHOLDS):
            for m, limit in enumerate(LIMITS):
                outcome = []
                for truth, found in images:
                    own = [row for row in found[:limit] if row[5] == category]
                    outcome += matched([row for row in truth if row[5] == category], own, threshold)
                outcome.sort(key=lambda pair: -pair[0])
                tp = np.cumsum([kind == 1 for _, kind in outcome])
                fp = np.cumsum([kind == 0 for _, kind in outcome])
                recall = tp / max(1, count)
                ar[category - 1, t, m] = recall.max() if len(recall) else 0
            precision = tp / np.maximum(1, tp + fp)
            ap[category - 1, t] = average_precision(recall.tolist(), precision.tolist())
    numbers = {}
    for name, categories in (("", sorted(set(listed))), ("_by_images", listed)):
        rows = [category - 1 for category in categories]
        numbers |= {f"AP{name}": ap[rows].mean(), f"AP50{name}": ap[rows, 0].mean(), f"AP75{name}": ap[rows, 5].mean()}
        numbers |= {f"AR{limit}{name}": ar[rows, :, m].mean() for m, limit in enumerate(LIMITS)}
    return {key: float(value) for key, value in numbers.items()}


def evaluated(folder: Path, images: list[tuple[list[Row], list[Row]]]) -> Result:
    """Write VisDrone's files and score them; the pictures are blank, for regions end where a picture does."""
    from PIL import Image

    split = folder / "VisDrone2019-DET-val"
    for name in ("annotations", "images"):
        (split / name).mkdir(parents=True)
    for number, (truth, _) in enumerate(images):
        lines = ["".join(f"{value:g}," for value in (*row, 0, 0)) for row in truth]
        (split / "annotations" / f"{number:03}.txt").write_text("\n".join(lines))
        Image.new("L", (WIDTH, HEIGHT)).save(split / "images" / f"{number:03}.jpg")
    dataset = read_dataset(split)
    rows = [(image, *row) for image, (_, found) in enumerate(images) for row in found]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 7)
    corner, size = columns[:, 1:3], columns[:, 3:5]
    predictions = Predictions.grouped(
        columns[:, 0].astype(np.int32),
        (columns[:, 6] - 1).astype(np.int32),
        np.concatenate([corner, corner + size], axis=1),
        columns[:, 5],
        size,
    )
    return evaluate(dataset, LoadedPredictions(predictions, "p", {}, "coco"), protocol="visdrone", intervals=False)


def random_images(seed: int, count: int = 5) -> list[tuple[list[Row], list[Row]]]:
    """Pictures of objects of four categories, some ignored, 'others', regions over a part; boxes leave the picture."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        truth: list[Row] = []
        for _ in range(rng.integers(1, 14)):
            kind = int(rng.choice([0, 1, 4, 4, 9, 11]))
            x, y, w, h = rng.integers(0, 45), rng.integers(0, 38), rng.integers(1, 25), rng.integers(1, 25)
            truth.append((x, y, w, h, float(kind not in {0, 11} and rng.random() < 0.85), kind))
        found: list[Row] = []
        for x, y, w, h, _, kind in truth:
            for _ in range(rng.integers(0, 4)):
                dx, dy, dw, dh = rng.integers(-4, 5, 4) * rng.choice([0.0, 0.5, 1.0])
                box = (float(x + dx), float(y + dy), float(max(0, w + dw)), float(max(0, h + dh)))
                found.append((*box, float(rng.integers(1, 8)) / 8, int(kind or 4)))
        images.append((truth, sorted(found, key=lambda row: -row[4])))
    return images


@pytest.mark.parametrize("seed", range(25))
def test_the_seven_numbers_and_their_plain_means(tmp_path: Path, seed: int) -> None:
    """Regions, ignored objects, others, ties in score, boxes over the edge and of no size: the toolkit's numbers."""
    images = random_images(seed)
    expected = toolkit(images)
    metrics = evaluated(tmp_path, images).metrics
    assert metrics == pytest.approx(expected, abs=1e-12)
    assert list(metrics) == list(expected)


def test_max_dets_cut_an_image_and_not_a_category(tmp_path: Path) -> None:
    """More than 500 boxes of several categories, 'others' among them: the rest of the image's list is cut."""
    rng = np.random.default_rng(3)
    truth: list[Row] = [(x, y, 5, 5, 1, kind) for x, y, kind in ((0, 0, 1), (10, 10, 4), (30, 30, 11), (40, 10, 5))]
    found: list[Row] = [(*rng.integers(0, 40, 2).tolist(), 5.0, 5.0, s, k) for s in rng.random(300) for k in (1, 4, 11)]
    images = [(truth, sorted([*found, *((*row[:4], 0.2, row[5]) for row in truth)], key=lambda row: -row[4]))]
    result = evaluated(tmp_path, images)
    assert result.metrics == pytest.approx(toolkit(images), abs=1e-12)
    cut = next(remark.message for remark in result.remarks if remark.code == "predictions-over-max-dets")
    assert "beyond the 500 highest scores of an image were left out" in cut


def test_real_regions(shared: Path) -> None:
    """A real file of 53 rows, 11 of them regions: what is predicted as annotated is found, regions excuse."""
    folder = shared / "format_samples" / "VisDrone2019-DET-val"
    dataset = read_dataset(folder)
    truth = dataset.ground_truth
    regions = np.flatnonzero(truth.category < 0)
    assert len(regions) == 11
    kept = truth.category >= 0
    perfect = Predictions(truth.image[kept], truth.category[kept], truth.box[kept], np.linspace(1, 0.5, kept.sum()))
    noisy = Predictions.grouped(
        np.concatenate([perfect.image, truth.image[regions]]),
        np.concatenate([perfect.category, np.full(11, 3, np.int32)]),
        np.concatenate([perfect.box, truth.box[regions] + 1.0]),
        np.concatenate([perfect.score, np.full(11, 2.0)]),
    )
    scores = {
        protocol: evaluate(
            dataset, LoadedPredictions(noisy, "p", {}, "coco"), protocol=protocol, intervals=False
        ).metrics
        for protocol in ("visdrone", "dense")
    }
    assert scores["visdrone"]["AP"] == pytest.approx(1.0)
    assert scores["visdrone"]["AP_by_images"] == pytest.approx(1.0)
    assert scores["dense"]["AP"] is not None
    assert scores["dense"]["AP"] < 0.99


def test_a_category_weighs_as_many_images_as_it_is_in(tmp_path: Path) -> None:
    """By hand: cars found in both images, the bus in one of them missed: 1/2 plain, 2/3 by images."""
    car, bus = (0, 0, 10, 10, 1, 4), (20, 20, 10, 10, 1, 9)
    images = [([car, bus], [(0, 0, 10, 10, 0.9, 4)]), ([car], [(0, 0, 10, 10, 0.8, 4)])]
    metrics = evaluated(tmp_path, images).metrics
    assert metrics["AP"] == pytest.approx(1 / 2)
    assert metrics["AP_by_images"] == pytest.approx(2 / 3)
    assert metrics["AR1_by_images"] == pytest.approx(2 / 3)


def test_ignored_objects_excuse_what_lies_in_them(tmp_path: Path) -> None:
    """By hand: two small boxes inside an object of score 0 are neither right nor wrong, the third is elsewhere."""
    truth: list[Row] = [(0, 0, 20, 20, 0, 4), (30, 30, 10, 10, 1, 4)]
    found = [(1, 1, 4, 4, 0.9, 4), (8, 8, 4, 4, 0.8, 4), (30, 30, 10, 10, 0.7, 4)]
    result = evaluated(tmp_path, [(truth, found)])
    assert result.metrics["AP"] == pytest.approx(1.0)
    others = next(category for category in result.per_category if category.name == "others")
    assert others.metrics["AP"] is None
    assert others.reasons["AP"] == "the protocol visdrone does not evaluate it"


def test_the_toolkit_s_raster_begins_a_pixel_early(tmp_path: Path) -> None:
    """By hand: a region at 10, 10 of 9 × 9 covers half of a box whose left half only touches it exactly."""
    region, car = (10, 10, 9, 9, 0, 0), (40, 40, 8, 8, 1, 4)
    # The region's pixels are 10 to 19 (from 1), the box's 2 to 9 to the right of 1, and so on to the right of 8.
    near, nearer = (0, 10, 20, 9, 0.9, 4), (1, 10, 20, 9, 0.9, 4)
    for box, dropped in ((near, True), (nearer, True), ((0, 10, 21, 9, 0.9, 4), False)):
        images = [([region, car], [box, (40, 40, 8, 8, 0.8, 4)])]
        folder = tmp_path / f"{box[0]}-{box[2]}"
        assert evaluated(folder, images).metrics["AP"] == pytest.approx(1.0 if dropped else 0.5)
        assert toolkit(images)["AP"] == pytest.approx(1.0 if dropped else 0.5)
