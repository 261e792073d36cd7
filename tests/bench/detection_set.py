"""Draws a ground truth and a detector's output of COCO's or Objects365's size and statistics, always the same.

``python tests/bench/detection_set.py small|coco|o365 FOLDER`` writes ``gt.json`` and ``dt.json``.

Like the real ones: image ids with holes, annotations in no order, categories of very different frequency that keep
company, sizes from 3 to 600 pixels of which two fifths are small, one in a hundred a crowd, polygons of realistic
length. The detector finds large objects more often than small ones and good categories more often than bad; it is
sometimes wrong about the category, finds things twice, and fills up with false alarms; its boxes are float32, a
fifth of its scores have three decimals, so that many tie, and it keeps an image's hundred best.

Ground truth is drawn at once, detections a thousand images at a time, each thousand from a generator of its own, so
that memory stays at the ground truth and one block.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["SPECS", "Boxes", "Scene", "Spec", "detections", "draw", "draw_scene"]


@dataclass(frozen=True, slots=True)
class Spec:
    """The size of a set. ``truths`` and ``detections`` are means an image, before the cuts at 80 and 100."""

    images: int
    categories: int
    truths: float
    detections: float
    seed: int


SPECS = {
    "small": Spec(images=500, categories=80, truths=7.35, detections=90, seed=21),
    "coco": Spec(images=5_000, categories=80, truths=7.35, detections=95, seed=22),
    "o365": Spec(images=50_000, categories=365, truths=12.0, detections=110, seed=23),
}

#: Sizes of pictures, as they come in COCO.
_SIZES_PX = np.array([(640, 480), (500, 427), (480, 640), (427, 375), (612, 640), (640, 426), (640, 480)], float)

_LARGEST_IMAGE_ID = 581_929
_MOST_TRUTHS = 80
_MOST_DETECTIONS = 100
_EMPTY_IMAGES = 0.01
_CROWDS = 0.0105

#: Categories that an image prefers; the first is drawn more often than the others.
_PREFERRED = 5

#: Part of what a set is: another length would draw other detections.
_BLOCK_IMAGES = 1_000

#: Records that are written at a time.
_BLOCK_RECORDS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of images and categories by row: int64 ``[N]`` twice, float64 ``[N, 4]`` x, y, width, height."""

    image: NDArray[np.int64]
    category: NDArray[np.int64]
    box: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.image)

    def take(self, rows: NDArray[Any] | slice) -> Boxes:
        """Return the boxes at ``rows``."""
        return Boxes(self.image[rows], self.category[rows], self.box[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Images, categories and ground truth, the latter grouped by image.

    ``frequency`` and ``quality`` are float64 ``[K]``: how often a category is, and how well it is detected, 0 to 1.
    ``prefers`` is int64 ``[I, 5]``.
    """

    spec: Spec
    image_id: NDArray[np.int64]
    size_px: NDArray[np.float64]
    category_id: NDArray[np.int64]
    frequency: NDArray[np.float64]
    quality: NDArray[np.float64]
    prefers: NDArray[np.int64]
    truth: Boxes
    crowd: NDArray[np.bool_]


def draw(name: str, folder: Path) -> None:
    """Write ``gt.json``, ``dt.json`` and ``facts.json``, the counts, of the set called ``name`` into ``folder``."""
    scene = draw_scene(SPECS[name])
    with (folder / "gt.json").open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {{"description": "synthetic {name}"}}, "licenses": [], "images": ')
        _write_list(file, _image_records(scene))
        file.write(', "annotations": ')
        _write_list(file, _annotation_records(scene))
        file.write(f', "categories": {json.dumps(_category_records(scene))}}}')
    with (folder / "dt.json").open("w", encoding="utf-8") as file:
        count = _write_list(file, _detection_records(scene))
    facts = {"images": scene.spec.images, "categories": scene.spec.categories}
    facts |= {"ground_truths": len(scene.truth), "crowds": int(scene.crowd.sum()), "detections": count}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def draw_scene(spec: Spec) -> Scene:
    """Draw images, categories and ground truth."""
    rng = np.random.default_rng(spec.seed)
    size_px = _SIZES_PX[rng.integers(0, len(_SIZES_PX), spec.images)]
    ids = rng.permutation(np.sort(rng.choice(_LARGEST_IMAGE_ID, spec.images, replace=False)) + 1)
    category_id = np.sort(rng.choice(int(spec.categories * 1.125), spec.categories, replace=False)) + 1
    frequency = 1 / (np.arange(spec.categories) + 1.5) ** 1.05  # a long tail, as Zipf's
    frequency = rng.permutation(frequency / frequency.sum())
    prefers = rng.choice(spec.categories, (spec.images, _PREFERRED), p=frequency)
    count = np.round(rng.lognormal(np.log(spec.truths) - 0.35, 0.85, spec.images)).astype(np.int64)
    count[rng.random(spec.images) < _EMPTY_IMAGES] = 0
    image = np.repeat(np.arange(spec.images), np.minimum(count, _MOST_TRUTHS))
    kind = np.where(rng.random(len(image)) < 0.4, 0, rng.integers(0, _PREFERRED, len(image)))
    box = _placed(rng, size_px[image], middle_px=45, spread=1.0, stretch=0.45, smallest_px=3.0, within=0.98).round(2)
    box[:, 2:] = np.maximum(box[:, 2:], 1.0)
    return Scene(
        spec=spec,
        image_id=ids,
        size_px=size_px,
        category_id=category_id,
        frequency=frequency,
        quality=rng.beta(5, 2, spec.categories),
        prefers=prefers,
        truth=Boxes(image, prefers[image, kind], box),
        crowd=rng.random(len(image)) < _CROWDS,
    )


def _placed(
    rng: np.random.Generator,
    size_px: NDArray[np.float64],
    *,
    middle_px: float,
    spread: float,
    stretch: float,
    smallest_px: float,
    within: float,
) -> NDArray[np.float64]:
    """Return boxes anywhere in pictures: sides log-normal around ``middle_px``, at most ``within`` of the picture."""
    count = len(size_px)
    side = np.exp(rng.normal(np.log(middle_px), spread, count)).clip(smallest_px, 600)
    aspect = np.exp(rng.normal(0, stretch, count))
    sides = np.minimum(np.stack([side * np.sqrt(aspect), side / np.sqrt(aspect)], axis=1), size_px * within)
    return np.hstack([rng.random((count, 2)) * (size_px - sides), sides])


def detections(scene: Scene) -> Iterator[tuple[Boxes, NDArray[np.float64]]]:
    """Yield what a detector finds, with scores float64 ``[N]``, by image and falling score, a block at a time."""
    bounds = np.searchsorted(scene.truth.image, np.arange(scene.spec.images + 1))
    for first in range(0, scene.spec.images, _BLOCK_IMAGES):
        images = np.arange(first, min(first + _BLOCK_IMAGES, scene.spec.images))
        rows = slice(bounds[images[0]], bounds[images[-1] + 1])
        rng = np.random.default_rng((scene.spec.seed, first))
        right, right_score, seen = _found(scene, rows, rng)
        again, again_score = _found_twice(seen, rng)
        have = np.bincount(np.concatenate([right.image, again.image]) - first, minlength=len(images))
        false, false_score = _false_alarms(scene, images, have, rng)
        boxes = _joined([right, again, false])
        yield _best(boxes, _as_written(np.concatenate([right_score, again_score, false_score]), rng))


def _found(scene: Scene, rows: slice, rng: np.random.Generator) -> tuple[Boxes, NDArray[np.float64], Boxes]:
    """Return what is found of the ground truth at ``rows``, its scores, and the ground truth that was found."""
    truth = scene.truth.take(rows)
    quality = scene.quality[truth.category]
    area = truth.box[:, 2] * truth.box[:, 3]
    chance = 0.93 / (1 + np.exp(-0.9 * (np.log(area + 1) - np.log(400))))
    chance = np.where(scene.crowd[rows], 0.8, chance) * (0.5 + 0.5 * quality)
    seen = rng.random(len(truth)) < chance
    truth, quality = truth.take(seen), quality[seen]
    close = rng.beta(6, 1.7, len(truth)) * (0.6 + 0.4 * quality)
    score = np.clip(rng.beta(4, 2, len(truth)) * 0.35 + 0.65 * close, 0.001, 0.9999)
    mistaken = rng.random(len(truth)) < 0.04
    other = rng.choice(scene.spec.categories, len(truth), p=scene.frequency)
    category = np.where(mistaken, other, truth.category)
    return Boxes(truth.image, category, _jittered(truth.box, (1 - close) * 0.35, rng)), score, truth


def _found_twice(seen: Boxes, rng: np.random.Generator) -> tuple[Boxes, NDArray[np.float64]]:
    """Return second, looser boxes for some of the ground truth that was found."""
    again = seen.take(rng.integers(0, max(len(seen), 1), int(len(seen) * 0.9)))
    box = _jittered(again.box, rng.uniform(0.1, 0.45, len(again)), rng)
    return Boxes(again.image, again.category, box), rng.beta(1.2, 7, len(again))


def _false_alarms(
    scene: Scene, images: NDArray[np.int64], have: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Boxes, NDArray[np.float64]]:
    """Return boxes that fill images up: about half of them of categories that the image has indeed."""
    wanted = np.clip(np.round(rng.normal(scene.spec.detections, 18, len(images))), 5, 220).astype(np.int64)
    image = np.repeat(images, np.maximum(wanted - have, 0))
    count = len(image)
    company = scene.prefers[image, rng.integers(0, _PREFERRED, count)]
    anything = rng.choice(scene.spec.categories, count, p=scene.frequency)
    category = np.where(rng.random(count) < 0.55, company, anything)
    box = _placed(rng, scene.size_px[image], middle_px=50, spread=1.0, stretch=0.5, smallest_px=2.0, within=1.0)
    return Boxes(image, category, box), rng.beta(0.9, 9, count)


def _jittered(box: NDArray[np.float64], amount: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return boxes moved by about half of ``amount`` times their sides, and scaled by its exponential."""
    sides = box[:, 2:]
    scale = np.exp(rng.normal(0, 1, sides.shape) * amount[:, None])
    centre = box[:, :2] + sides / 2 + rng.normal(0, 1, sides.shape) * amount[:, None] * 0.5 * sides
    return np.hstack([centre - sides * scale / 2, sides * scale])


def _as_written(score: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return scores as detectors write them: float32, and some of three decimals, which tie."""
    single = score.astype(np.float32).astype(np.float64)
    return np.where(rng.random(len(score)) < 0.2, single.round(3), single)


def _joined(parts: list[Boxes]) -> Boxes:
    return Boxes(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("image", "category", "box")))


def _best(boxes: Boxes, score: NDArray[np.float64]) -> tuple[Boxes, NDArray[np.float64]]:
    """Return each image's best hundred, by image and falling score, their boxes float32."""
    order = np.lexsort((-score, boxes.image))
    image = boxes.image[order]
    rank = np.arange(len(order)) - np.searchsorted(image, image)
    order = order[rank < _MOST_DETECTIONS]
    best = boxes.take(order)
    box = np.hstack([best.box[:, :2], np.maximum(best.box[:, 2:], 0.5)]).astype(np.float32).astype(np.float64)
    return Boxes(best.image, best.category, box), score[order]


def _write_list(file: TextIO, records: Iterable[dict[str, Any]]) -> int:
    """Write records as a JSON list, some thousands at a time; return how many there were."""
    there, count = iter(records), 0
    file.write("[")
    while block := list(islice(there, _BLOCK_RECORDS)):
        file.write((", " if count else "") + json.dumps(block)[1:-1])
        count += len(block)
    file.write("]")
    return count


def _image_records(scene: Scene) -> Iterator[dict[str, Any]]:
    for key, (width, height) in zip(scene.image_id.tolist(), scene.size_px.astype(int).tolist(), strict=True):
        name = f"{key:012d}.jpg"
        yield {
            "license": 4,
            "file_name": name,
            "coco_url": f"https://images.example/val2017/{name}",
            "height": height,
            "width": width,
            "date_captured": "2013-11-14 17:02:52",
            "flickr_url": f"https://pictures.example/6116/{key}_z.jpg",
            "id": key,
        }


def _category_records(scene: Scene) -> list[dict[str, Any]]:
    return [
        {"supercategory": f"group {row % 12}", "id": key, "name": f"category {row}"}
        for row, key in enumerate(scene.category_id.tolist())
    ]


def _annotation_records(scene: Scene) -> Iterator[dict[str, Any]]:
    """Yield the ground truth in no order, with ids in none either; a crowd has a mask, anything else a polygon."""
    rng = np.random.default_rng((scene.spec.seed, scene.spec.images))
    truth, count = scene.truth, len(scene.truth)
    key = rng.permutation(2 * count)[:count] + 100
    area = (truth.box[:, 2] * truth.box[:, 3] * rng.uniform(0.45, 0.95, count)).round(4)
    corners = rng.integers(8, 34, count)
    for row in rng.permutation(count).tolist():
        if scene.crowd[row]:
            size = scene.size_px[truth.image[row], ::-1].astype(int).tolist()
            outline: Any = {"counts": rng.integers(1, 400, 30).tolist(), "size": size}
        else:
            outline = [_polygon(truth.box[row], int(corners[row]))]
        yield {
            "segmentation": outline,
            "area": float(area[row]),
            "iscrowd": int(scene.crowd[row]),
            "image_id": int(scene.image_id[truth.image[row]]),
            "bbox": truth.box[row].tolist(),
            "category_id": int(scene.category_id[truth.category[row]]),
            "id": int(key[row]),
        }


def _polygon(box: NDArray[np.float64], corners: int) -> list[float]:
    """Return an ellipse in the box, of so many corners."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points: list[float] = (box[:2] + box[2:] / 2 * (1 + circle)).round(2).ravel().tolist()
    return points


def _detection_records(scene: Scene) -> Iterator[dict[str, Any]]:
    for found, score in detections(scene):
        images, categories = scene.image_id[found.image].tolist(), scene.category_id[found.category].tolist()
        for image, category, box, value in zip(images, categories, found.box.tolist(), score.tolist(), strict=True):
            yield {"image_id": image, "category_id": category, "bbox": box, "score": value}


if __name__ == "__main__":
    draw(sys.argv[1], Path(sys.argv[2]))
