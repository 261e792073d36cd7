"""Laws that scores obey, whatever the numbers are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detbench.data.pictures import FolderPictures
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Categories, Dataset, GroundTruth, GroundTruthBuilder, Images, Predictions
from detbench.evaluation.evaluate import evaluate

seeds = st.integers(0, 2**32 - 1)
protocols = st.sampled_from(["coco", "voc2007", "voc2012"])


def scene(seed: int, images: int = 6, categories: int = 2) -> tuple[Dataset, Predictions]:
    """Return a small dataset with predictions near its ground truth, some missed, some false."""
    rng = np.random.default_rng(seed)
    builder = GroundTruthBuilder()
    rows: list[tuple[int, int, list[float], float]] = []
    for image in range(images):
        for _ in range(rng.integers(0, 5)):
            corner, side = rng.uniform(0, 300, 2), rng.uniform(5, 120, 2)
            box = np.concatenate([corner, corner + side])
            category = int(rng.integers(categories))
            builder.add(image, category, tuple(box), crowd=bool(rng.random() < 0.1))
            near = range(rng.integers(0, 3))
            rows += [(image, category, list(box + rng.normal(0, 4, 4)), float(rng.random())) for _ in near]
    table = (
        np.array([row[0] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        np.array([row[3] for row in rows], np.float64),
    )
    return dataset_of(builder.build(), images, categories), Predictions.grouped(*table)


def dataset_of(truth: GroundTruth, images: int, categories: int) -> Dataset:
    """Return a dataset of unnamed pictures."""
    keys = tuple(range(1, images + 1))
    names = tuple(f"{key}.jpg" for key in keys)
    size = np.full(images, 500, np.int32)
    return Dataset(
        "scene",
        "coco",
        Path("scene"),
        None,
        Categories.from_names(f"c{k}" for k in range(categories)),
        Images(keys, names, size, size),
        truth,
        FolderPictures((None,) * images, names),
    )


def metrics(dataset: Dataset, predictions: Predictions, protocol: str) -> dict[str, float | None]:
    """Score without intervals."""
    loaded = LoadedPredictions(predictions=predictions, source="p", dropped={}, format="coco")
    return evaluate(dataset, loaded, protocol=protocol, intervals=False).metrics


@settings(max_examples=40, deadline=None)
@given(seed=seeds, protocol=protocols)
def test_permuting_images_changes_nothing(seed: int, protocol: str) -> None:
    """The order of the images in the file does not matter."""
    dataset, predictions = scene(seed)
    order = np.random.default_rng(seed).permutation(len(dataset.images))
    place = np.argsort(order).astype(np.int32)
    moved = Predictions.grouped(
        place[predictions.image], predictions.category, predictions.box, predictions.score, predictions.size_px
    )
    assert metrics(dataset.take_images(order), moved, protocol) == metrics(dataset, predictions, protocol)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, protocol=protocols)
def test_rescaling_scores_changes_nothing(seed: int, protocol: str) -> None:
    """Only the order of the scores matters."""
    dataset, predictions = scene(seed)
    halved = Predictions(
        predictions.image, predictions.category, predictions.box, predictions.score * 0.5 - 3, predictions.size_px
    )
    assume(len(np.unique(halved.score)) == len(np.unique(predictions.score)))
    assert metrics(dataset, halved, protocol) == metrics(dataset, predictions, protocol)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, factor=st.sampled_from([0.25, 2.0, 16.0]))
def test_scaling_every_box_scales_nothing_but_pixels(seed: int, factor: float) -> None:
    """Under VOC, which has no area ranges, all boxes times a power of two give the same numbers."""
    dataset, predictions = scene(seed)
    truth = dataset.ground_truth
    scaled_truth = GroundTruth(
        truth.image,
        truth.category,
        truth.box * factor,
        truth.area_px,
        truth.crowd,
        truth.ignore,
        truth.difficult,
        truth.truncated,
        truth.occluded,
    )
    scaled = Predictions(predictions.image, predictions.category, predictions.box * factor, predictions.score)
    before = metrics(dataset, predictions, "voc2012")
    assert metrics(dataset_of(scaled_truth, len(dataset.images), 2), scaled, "voc2012") == before


@settings(max_examples=40, deadline=None)
@given(seed=seeds, protocol=protocols, score=st.floats(0, 1))
def test_a_false_positive_never_raises_ap(seed: int, protocol: str, score: float) -> None:
    """One more prediction where nothing is cannot help."""
    dataset, predictions = scene(seed)
    assume(len(dataset.ground_truth))
    far = np.array([[4000.0, 4000.0, 4100.0, 4100.0]])
    more = Predictions.grouped(
        np.append(predictions.image, 0).astype(np.int32),
        np.append(predictions.category, 0).astype(np.int32),
        np.concatenate([predictions.box, far]),
        np.append(predictions.score, score),
    )
    name = "AP" if protocol == "coco" else "mAP"
    before, after = metrics(dataset, predictions, protocol)[name], metrics(dataset, more, protocol)[name]
    assume(before is not None)
    assert before is not None
    assert after is not None
    assert after <= before + 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=seeds, protocol=protocols)
def test_ground_truth_predicted_as_it_is_scores_one(seed: int, protocol: str) -> None:
    """Predictions that are the ground truth have AP and recall 1 wherever something is to be found."""
    dataset, _ = scene(seed)
    truth = dataset.ground_truth
    kept = ~truth.crowd
    assume(kept.any())
    perfect = Predictions(truth.image[kept], truth.category[kept], truth.box[kept], np.linspace(1, 0.5, kept.sum()))
    for name, value in metrics(dataset, perfect, protocol).items():
        if name not in {"AR1", "AR10"} and value is not None:
            assert value == pytest.approx(1.0), name
