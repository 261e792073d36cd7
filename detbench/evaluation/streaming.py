"""Scores of predictions that are handed over image by image: memory holds ground truth and matches, and no boxes.

The numbers are those of :func:`~detbench.evaluation.evaluate.evaluate`, to the last bit: an image's matches depend on
its own boxes alone. What depends on the boxes of all images is left out: errors, counts and proposals, and the look for
slips in how predictions were written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detbench.data.input import require_file_or_folder
from detbench.data.predictions import LoadedPredictions
from detbench.data.predictions.blocks import read_blocks
from detbench.data.predictions.forms import recognise_form
from detbench.data.predictions.join import join_categories, join_images
from detbench.data.predictions.raw import CodedKeys
from detbench.data.tables import Dataset, Predictions
from detbench.errors import DataError, UsageError
from detbench.evaluation.assemble import Seen, Wanted, assemble_matches, prediction_facts
from detbench.evaluation.document import Remark
from detbench.evaluation.drawn_parts import drawn_values
from detbench.evaluation.draws import Draws
from detbench.evaluation.fingerprints import PredictionsDigest
from detbench.evaluation.matching_parts import MatchesInParts
from detbench.evaluation.metrics.curves import accumulate
from detbench.evaluation.parts.operating_point import threshold_rule
from detbench.evaluation.protocols import Protocol, protocol_named
from detbench.evaluation.results import Completed, Result
from detbench.evaluation.scored import Scored
from detbench.evaluation.tally import tally
from detbench.evaluation.unpacking import read_ground_truth
from detbench.evaluation.whole_images import NONE, Rows, WholeImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from detbench.data.predictions.raw import RawPredictions
    from detbench.data.tables import Key

__all__ = ["Evaluator"]

#: Predictions that are matched together: enough to keep all cores busy.
_ROWS = 131_072

_IMAGE_UNKNOWN, _CATEGORY_UNKNOWN = "image unknown", "category unknown"


class Evaluator:
    """Scores predictions that are handed over image by image.

    >>> evaluator = Evaluator("gt.json", protocol="coco")  # doctest: +SKIP
    >>> for image_id, boxes, labels, scores in model:  # doctest: +SKIP
    ...     evaluator.add(image_id, category=labels, box=boxes, score=scores)
    >>> evaluator.result().metrics["AP"]  # doctest: +SKIP

    Parameters
    ----------
    ground_truth
        A dataset's folder or annotation file in any format that can be read, or a dataset already read.
    protocol, split, format_name, intervals, resamples, seed, score_threshold
        See :func:`~detbench.evaluation.evaluate.evaluate`.
    name
        What to call the predictions in the result.
    unknown
        What becomes of predictions on an image, or of a category, that the ground truth lacks: ``"error"``, or
        ``"drop"``, counted.
    box_format
        ``"corners"``: ``x1 y1 x2 y2``; ``"xywh"``: ``x y width height``, as COCO has them. In pixels, from 0.

    Raises
    ------
    DataError
        If the ground truth cannot be read.
    UsageError
        If there is no such protocol, format or split.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing a user may choose
        self,
        ground_truth: Dataset | Path | str,
        *,
        protocol: Protocol | Path | str = "coco",
        split: str | None = None,
        format_name: str | None = None,
        name: str = "predictions",
        unknown: Literal["error", "drop"] = "error",
        box_format: Literal["corners", "xywh"] = "corners",
        intervals: bool = True,
        resamples: int = 1000,
        seed: int = 0,
        score_threshold: float | Path | str | None = None,
    ) -> None:
        if unknown not in {"error", "drop"}:
            raise UsageError(f"unknown takes error or drop, not {unknown!r:.60}")
        if box_format not in {"corners", "xywh"}:
            raise UsageError(f"box_format takes corners or xywh, not {box_format!r:.60}")
        self._protocol = protocol if isinstance(protocol, Protocol) else protocol_named(str(protocol))
        self._wanted = Wanted(name=name, rule=threshold_rule(score_threshold))
        self._resampling = (resamples, seed) if intervals else None
        self._drop, self._xywh = unknown == "drop", box_format == "xywh"
        self._source = name
        self._result: Result | None = None

        self.dataset = _ground_truth(ground_truth, split, format_name)
        categories = self.dataset.categories
        self._image_row = self.dataset.images.row_of_key()
        self._category_row: dict[Key, int] = {name: row for row, name in enumerate(categories.name)}
        self._category_row |= categories.row_of_source_id()
        self._rows = WholeImages(len(self.dataset.images))
        self._matches = MatchesInParts(self.dataset, self._protocol)
        self._digest = PredictionsDigest(self.dataset)
        self._counts = tally(self.dataset, Predictions.none(), self._protocol)
        self._dropped = {_IMAGE_UNKNOWN: 0, _CATEGORY_UNKNOWN: 0}

    def add(
        self,
        image: Key,
        *,
        category: Sequence[Key] | NDArray[Any],
        box: ArrayLike,
        score: ArrayLike,
    ) -> None:
        """Hand over all the predictions of one image.

        Parameters
        ----------
        image
            Its key: COCO's id, a VOC stem, a CSV's file name.
        category
            ``[N]``: the ground truth's ids of the categories (COCO's ``category_id``), or their names.
        box
            ``[N, 4]`` numbers, as ``box_format`` says.
        score
            ``[N]`` numbers, the higher the surer.

        Raises
        ------
        DataError
            If the image was handed over before, the image or a category is unknown, the columns differ in length, or
            a number is not finite.
        """
        self._require_open()
        where = f"image {image!r:.80}"
        named = category.tolist() if isinstance(category, np.ndarray) else list(category)
        corners, size_px = self._corners(_numbers(box, (len(named), 4), "box", where))
        scores = _numbers(score, (len(named),), "score", where)
        row = self._image_row.get(image, NONE)
        of_category = np.array([self._category_row.get(key, NONE) for key in named], dtype=np.int32)
        if row == NONE:
            self._lose(_IMAGE_UNKNOWN, len(named), DataError("the ground truth has no such image", file=where))
            return
        if not self._rows.begin(row):
            text = f"{where} was handed over before"
            raise DataError(text, remedy="hand over all predictions of an image at once")
        known = of_category != NONE
        if not known.all():
            stranger = f"the ground truth has no category {named[int(np.argmin(known))]!r:.80}"
            self._lose(_CATEGORY_UNKNOWN, int(np.count_nonzero(~known)), DataError(stranger, file=where))
        rows = Rows(np.full(len(named), row, np.int32), of_category, corners, scores, size_px)
        self._rows.add(rows.part(known))
        self._rows.close()
        self._match_if_many()

    def add_file(self, path: Path | str, *, predictions_format: str | None = None) -> None:
        """Hand over the predictions of a file of COCO results or an Arrow file, which is read block by block.

        Raises
        ------
        DataError
            If the file cannot be read, an image or category is unknown, or an image comes back after another one.
        UsageError
            If the file is of another form.
        """
        self._require_open()
        place = Path(path)
        require_file_or_folder(place)
        self._source = str(path)
        form = predictions_format or recognise_form(place, self.dataset.categories.name)
        for raw in read_blocks(place, form):
            raw.check_finite()
            self._add_block(raw)
            self._match_if_many()
        self._rows.close()

    def _add_block(self, raw: RawPredictions) -> None:
        image = CodedKeys.of(raw.image).spread(self._image_row, NONE)
        category = CodedKeys.of(raw.category).spread(self._category_row, NONE)
        lost, nameless = image == NONE, (category == NONE) & (image != NONE)
        if not self._drop and (lost.any() or nameless.any()):
            join_images(raw, self.dataset, join="id", unknown="error")  # which says what could be meant
            join_categories(raw, self.dataset, unknown="error")
        self._dropped[_IMAGE_UNKNOWN] += int(np.count_nonzero(lost))
        self._dropped[_CATEGORY_UNKNOWN] += int(np.count_nonzero(nameless))
        known = np.flatnonzero(~lost & ~nameless)
        size_px = raw.box[:, 2:] - raw.box[:, :2] if raw.size_px is None else raw.size_px
        rows = Rows(image, category, raw.box, raw.score, size_px)
        again = self._rows.add(rows if len(known) == len(image) else rows.part(known))
        if again != NONE:
            file, record = raw.place(int(known[again]))
            text = f"image {self.dataset.images.key[image[known[again]]]!r:.80} comes back after another image"
            remedy = "leave --stream out, or write all predictions of an image together"
            raise DataError(text, file=file, record=record, remedy=remedy)

    def _require_open(self) -> None:
        if self._result is not None:
            raise UsageError("the result was asked for already, and nothing can be added to it")

    def _match_if_many(self) -> None:
        if len(self._rows) >= _ROWS:
            self._match()

    def result(self) -> Result:
        """Return the result; after it nothing can be added."""
        if self._result is None:
            self._rows.close()
            self._match()
            self._result = Result.of(self._completed())
        return self._result

    def _lose(self, reason: str, count: int, problem: DataError) -> None:
        """Count predictions that are dropped. Raises ``problem`` where none may be."""
        if not self._drop:
            raise DataError(problem.problem, file=problem.file, remedy="say unknown='drop' to leave such ones out")
        self._dropped[reason] += count

    def _corners(self, box: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return boxes as corners, and their widths and heights."""
        if not self._xywh:
            return box, box[:, 2:] - box[:, :2]
        return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1), box[:, 2:]

    def _match(self) -> None:
        """Match what is complete, and let its boxes go."""
        table = self._rows.take()
        self._matches.add(table)
        self._digest.add(table)
        self._counts += tally(self.dataset, table, self._protocol)

    def _completed(self) -> Completed:
        dataset, images = self.dataset, len(self.dataset.images)
        matches = self._matches.matches()
        draws = None
        if images and self._resampling is not None:
            resamples, seed = self._resampling
            draws = Draws(images, resamples=resamples, seed=seed)
        dropped = {reason: count for reason, count in self._dropped.items() if count}
        gone = LoadedPredictions(Predictions.none(), self._source, dropped, "stream")
        scored = Scored(dataset, gone, matches, accumulate(matches), draws)
        facts = prediction_facts(gone, self._counts, self._digest.hexdigest())
        document = assemble_matches(scored, self._wanted, Seen(facts, self._counts, dropped, [_NOT_LOOKED_AT]))
        return Completed(document, drawn_values(scored, document))


_NOT_LOOKED_AT = Remark(
    code="boxes-not-looked-at",
    severity="note",
    message="predictions came in a stream: their boxes were not looked at for slips in how they were written",
)


def _ground_truth(given: Dataset | Path | str, split: str | None, format_name: str | None) -> Dataset:
    from detbench.data.formats import read_dataset

    if isinstance(given, Dataset):
        return given
    scanned = read_ground_truth(given) if split is None and format_name in {None, "coco"} else None
    return scanned or read_dataset(given, split=split, format_name=format_name)


def _numbers(given: ArrayLike, shape: tuple[int, ...], what: str, where: str) -> NDArray[np.float64]:
    """Return finite float64 of this shape. Raises DataError."""
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"its column {what} is no table of numbers ({error})", file=where) from error
    if not values.size and not shape[0]:
        return np.zeros(shape)
    if values.shape != shape:
        raise DataError(f"its column {what} has the shape {values.shape}, and {shape} is needed", file=where)
    if not np.isfinite(values).all():
        raise DataError(f"its column {what} has a number that is not finite", file=where)
    return values
