"""What the native part scored straight from files, as the tables that the general readers and matching make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.data.formats.scanning import name_of
from detbench.data.pictures import LaterPictures
from detbench.data.predictions import LoadedPredictions
from detbench.data.tables import Categories, Dataset, GroundTruth, Images, Predictions
from detbench.evaluation.fast import may_be_coco
from detbench.evaluation.matching import Matches
from detbench.evaluation.metrics.curves import Accumulated
from detbench.evaluation.scored import Scored
from detbench.evaluation.tasks import MatchingTask
from detbench.extension import native

if TYPE_CHECKING:
    from detbench.data.pictures import FolderPictures
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.fast import FastScores

__all__ = ["curves_of", "dataset_of", "matches_of", "predictions_of", "read_ground_truth", "unpack"]


def unpack(fast: FastScores, draws: Draws | None) -> Scored:
    """Return all that was scored."""
    return Scored(dataset_of(fast), predictions_of(fast), matches_of(fast), curves_of(fast), draws)


def read_ground_truth(path: Path | str) -> Dataset | None:
    """Return the ground truth of a COCO file; None where the general reader has to read it."""
    module = native()
    if module is None or not may_be_coco(str(path)):
        return None
    scores = module.read_ground_truth(os.fsencode(path), os.cpu_count() or 1)
    return None if scores is None else _dataset(Path(path), scores)


def dataset_of(fast: FastScores) -> Dataset:
    """Return the ground truth."""
    return _dataset(Path(fast.ground_truth), fast.scores)


def _dataset(path: Path, scores: Any) -> Dataset:
    """Return the tables of ground truth; its pictures are looked for when one is asked for."""
    columns = scores.image_columns()
    columns["file_name"] = tuple(name.replace("\\", "/") for name in columns["file_name"])
    images = Images(**columns)
    return Dataset(
        name_of(path),
        "coco",
        path,
        None,
        Categories(**scores.category_columns()),
        images,
        GroundTruth(**scores.ground_truth_columns()),
        LaterPictures(lambda: _pictures(path, images)),
        (str(path),) * len(images),
    )


def _pictures(file: Path, images: Images) -> FolderPictures:
    # Reading annotation files takes much that a native reader has done already.
    from detbench.data.formats.coco import pictures_of_file

    return pictures_of_file(file, images)


def predictions_of(fast: FastScores) -> LoadedPredictions:
    """Return the predictions."""
    return LoadedPredictions(Predictions(**fast.scores.prediction_columns()), str(Path(fast.predictions)), {}, "coco")


def matches_of(fast: FastScores) -> Matches:
    """Return who took whom."""
    scores = fast.scores
    task = MatchingTask(**scores.task_columns())
    return Matches(fast.protocol, task, scores.image_count, scores.category_count, **scores.match_columns())


def curves_of(fast: FastScores) -> Accumulated:
    """Return the curves; the arrays are the native part's own and cannot be written to."""
    return Accumulated(**fast.scores.curve_columns())
