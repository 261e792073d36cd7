"""The stages of an evaluation under pytest-benchmark, on the smallest set: reading, matching, curves, intervals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from detection_set import draw

import detbench
from detbench.data.predictions import LoadedPredictions, arrow_ipc
from detbench.evaluation.matching import match
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.tables import Dataset


class Small(NamedTuple):
    """The smallest set: where it is, how many detections it has, and its tables."""

    folder: Path
    detections: int
    dataset: Dataset
    loaded: LoadedPredictions


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Draw it, and pack its predictions."""
    folder = tmp_path_factory.mktemp("small")
    draw("small", folder)
    dataset = detbench.read_dataset(folder / "gt.json")
    loaded = detbench.read_predictions(folder / "dt.json", dataset)
    arrow_ipc.write(loaded.predictions, dataset, folder / "dt.arrow")
    return Small(folder, json.loads((folder / "facts.json").read_text())["detections"], dataset, loaded)


def test_read_ground_truth(benchmark, small: Small) -> None:  # noqa: ANN001
    """Read a COCO annotation file."""
    dataset = benchmark(lambda: detbench.read_dataset(small.folder / "gt.json"))
    assert len(dataset.images) == 500


@pytest.mark.parametrize("name", ["dt.json", "dt.arrow"])
def test_read_predictions(benchmark, small: Small, name: str) -> None:  # noqa: ANN001
    """Read predictions and join them to their images, from JSON and from Arrow."""
    loaded = benchmark(lambda: detbench.read_predictions(small.folder / name, small.dataset))
    assert len(loaded.predictions) == small.detections


def test_match(benchmark, small: Small) -> None:  # noqa: ANN001
    """Order and match, at ten thresholds in four ranges of area."""
    matches = benchmark(lambda: match(small.dataset, small.loaded.predictions, PROTOCOLS["coco"]))
    assert matches.found.any()


def test_accumulate(benchmark, small: Small) -> None:  # noqa: ANN001
    """Turn matches into curves."""
    matches = match(small.dataset, small.loaded.predictions, PROTOCOLS["coco"])
    curves = benchmark(lambda: accumulate(matches))
    assert curves.precision.shape == (10, 101, 80, 4)


@pytest.mark.parametrize("intervals", [False, True])
def test_evaluate(benchmark, small: Small, intervals: bool) -> None:  # noqa: ANN001
    """Make a whole result of tables, without and with intervals: the difference is the bootstrap."""
    result = benchmark(lambda: detbench.evaluate(small.dataset, small.loaded, intervals=intervals))
    assert result.metrics["AP"] == pytest.approx(0.32, abs=0.05)
    assert bool(result.intervals) is intervals


def test_proposals(benchmark, small: Small) -> None:  # noqa: ANN001
    """Recall of the detections as proposals, for any number of them."""
    result = benchmark(lambda: detbench.evaluate(small.dataset, proposals=small.loaded, intervals=False))
    assert result.metrics["proposal_AR@100"] > 0.2


def test_files_to_numbers(benchmark, small: Small) -> None:  # noqa: ANN001
    """From two files to the twelve numbers, in a process that is running already."""
    files = small.folder / "gt.json", small.folder / "dt.json"
    metrics = benchmark(lambda: detbench.evaluate(*files, intervals=False).metrics)
    assert len(metrics) == 12
