"""The loop: pictures through a model, every stage timed, and tables of what was found."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.tables import Dataset, Predictions
from detbench.detectors.adapters.classical import ClassicalAdapter
from detbench.detectors.adapters.contract import Adapter, Detections, ModelError, Wanted
from detbench.detectors.predict.checking import check
from detbench.detectors.predict.joining import LEFT_OUT, Unknown, as_categories, rows_in
from detbench.detectors.predict.sources import DatasetSource, Frame, Source
from detbench.errors import DataError, UsageError, is_lack_of_memory
from detbench.timing.clock import set_aside, timed
from detbench.timing.prediction_times import STAGES, Stage
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from detbench.data.tables import Key
    from detbench.detectors.classical import ClassicalDetector

__all__ = ["WARM_UP", "Predicted", "predict", "run"]

#: Batches that are run before time is taken: the first ones allocate, compile and warm caches.
WARM_UP = 3


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What a run came to.

    ``dataset`` – what the rows are of; of pictures without annotations, one without ground truth. ``proposals`` – with
    category −1. ``samples_ms`` – by stage, one of each batch, a picture's share of it; those of batches that were not
    full are left out, ``samples_left_out`` of them. ``left_out`` – predictions of categories that the dataset lacks.
    """

    dataset: Dataset
    predictions: Predictions
    proposals: Predictions
    samples_ms: dict[Stage, list[float]]
    timed_images: int
    samples_left_out: int
    warm_up: int
    left_out: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """Grows by a picture at a time."""

    frames: list[tuple[Key, str, int, int]] = field(default_factory=list)
    detections: list[Detections] = field(default_factory=list)
    samples_ms: list[tuple[int, dict[Stage, float]]] = field(default_factory=list)


def run(
    adapter: Adapter,
    source: Source,
    *,
    model: str = "",
    unknown: Unknown = "error",
    warm_up: int = WARM_UP,
    each: Callable[[Frame, Detections], None] = lambda _frame, _found: None,
    advance: Callable[[int], None] = lambda _n: None,
) -> Predicted:
    """Run a model over pictures.

    Parameters
    ----------
    adapter, source
        From :func:`detbench.detectors.adapters.opening.open_model` and :func:`.sources.open_source`.
    model
        What to call the model in messages; the adapter's name if not given.
    unknown
        What to do with predictions of a category that the dataset lacks: ``"error"``, or ``"drop"`` and count them.
    warm_up
        How often the first batch is run before time is taken; its predictions are those of the timed run.
    each
        Called with every picture and what was found in it, between the stages and not timed.
    advance
        Called with how many pictures more are done.

    Raises
    ------
    DataError
        If a picture does not decode, or the model fails on it or gives what are no boxes: it names both.
    UsageError
        If the dataset lacks a category of the model's; if there are no names for the model's categories.
    """
    known = source.dataset.categories if source.dataset is not None else None
    if known is not None and adapter.categories:
        rows_in(adapter.categories, known, unknown)
    name, found = model or adapter.facts.adapter, _Found()
    set_aside()
    try:
        for batch in _batches(source.frames(adapter.facts.reduction), adapter.facts.batch_size):
            for _ in range(0 if found.frames else warm_up):
                _pass(adapter, batch, name)
            detections, times_ms = _pass(adapter, batch, name)
            if known is None:
                _require_names(adapter, detections, name)
            else:
                _require_rows(adapter, detections, len(known), name, batch)
            found.samples_ms.append((len(batch), times_ms))
            for frame, one in zip(batch, detections, strict=True):
                found.frames.append((frame.key, frame.file_name, *frame.picture.size_px))
                found.detections.append(one)
                each(frame, one)
            advance(len(batch))
    finally:
        gc.unfreeze()
    if not found.frames:
        raise DataError("has no pictures", file=source.name)
    return _tables(adapter, source, found, unknown, warm_up)


def predict(
    detector: ClassicalDetector, dataset: Dataset, *, advance: Callable[[int], None] = lambda _n: None
) -> Predictions:
    """Return what the classical ``detector`` finds in the pictures of ``dataset``; annotations are not looked at.

    Categories are joined by name.

    Raises
    ------
    UsageError
        If the detector knows a category that the dataset lacks.
    DataError
        If a picture is missing or does not decode.
    """
    adapter = ClassicalAdapter(detector, Wanted())
    return run(adapter, DatasetSource(dataset), warm_up=0, advance=advance).predictions


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _pass(adapter: Adapter, batch: list[Frame], model: str) -> tuple[list[Detections], dict[Stage, float]]:
    """Return what is found in a batch, and a picture's share of each stage's time. Raises DataError."""
    try:
        prepared, before_ms = timed(adapter.prepare, [frame.picture for frame in batch])
        raw, forward_ms = timed(adapter.forward, prepared)
        detections, after_ms = timed(adapter.finish, raw, prepared)
        for one in detections:
            check(one)
    except ModelError as error:
        more = f" and {counted(len(batch) - 1, 'other')}" if len(batch) > 1 else ""
        raise DataError(f"{error}", file=model, record=f"on the picture {batch[0].where}{more}") from error
    except Exception as error:
        if not is_lack_of_memory(error):
            raise
        many = f"batches of {len(batch)}" if len(batch) > 1 else "one picture at a time"
        raise DataError(f"needs more memory than there is, for {many}", file=model) from error
    spent_ms = (sum(frame.decode_ms for frame in batch), before_ms, forward_ms, after_ms)
    shares: dict[Stage, float] = {stage: ms / len(batch) for stage, ms in zip(STAGES[:-1], spent_ms, strict=True)}
    return detections[: len(batch)], shares


def _require_names(adapter: Adapter, detections: Sequence[Detections], model: str) -> None:
    """Raise UsageError if a model gives rows of categories, and there is no dataset that they could be rows of."""
    if adapter.categories is None and any(len(one.category) for one in detections):
        raise UsageError(
            f"{model} gives categories by number, and pictures without annotations do not name them; say --categories"
        )


def _require_rows(
    adapter: Adapter, detections: Sequence[Detections], count: int, model: str, batch: Sequence[Frame]
) -> None:
    """Raise DataError if rows are the dataset's own and one is not there."""
    if adapter.categories is not None:
        return
    for frame, one in zip(batch, detections, strict=True):
        if len(one.category) and (largest := int(one.category.max())) >= count:
            raise DataError(
                f"gives category {largest}, and the dataset's {count} go from 0 to {count - 1}",
                file=model,
                record=f"on the picture {frame.where}",
                remedy="say --categories with the model's own, one a line",
            )


def _tables(adapter: Adapter, source: Source, found: _Found, unknown: Unknown, warm_up: int) -> Predicted:
    names = adapter.categories
    dataset = source.as_dataset(found.frames, as_categories(names or ()))
    rows = rows_in(names, dataset.categories, unknown) if names or source.dataset else np.zeros(0, np.int32)
    image = np.repeat(np.arange(len(found.frames), dtype=np.int32), [len(one.score) for one in found.detections])
    category = rows[_joined(found, "category", np.int64)].astype(np.int32)
    kept = np.flatnonzero(category != LEFT_OUT)
    box, score = _joined(found, "box"), _joined(found, "score")
    size = max(count for count, _ in found.samples_ms)
    full = [times_ms for count, times_ms in found.samples_ms if count == size]
    return Predicted(
        dataset=dataset,
        predictions=Predictions(image[kept], category[kept], box[kept], score[kept]),
        proposals=_proposals(found),
        samples_ms={stage: [times_ms[stage] for times_ms in full] for stage in STAGES[:-1]},
        timed_images=size * len(full),
        samples_left_out=len(found.samples_ms) - len(full),
        warm_up=warm_up,
        left_out=len(category) - len(kept),
        notes=_notes(source, found),
    )


def _proposals(found: _Found) -> Predictions:
    image = np.repeat(
        np.arange(len(found.frames), dtype=np.int32), [len(one.proposal_score) for one in found.detections]
    )
    none = np.full(len(image), LEFT_OUT, dtype=np.int32)
    return Predictions(image, none, _joined(found, "proposal"), _joined(found, "proposal_score"))


def _joined(found: _Found, column: str, dtype: type[np.generic] = np.float64) -> NDArray[Any]:
    return np.concatenate([getattr(one, column) for one in found.detections]).astype(dtype)


def _notes(source: Source, found: _Found) -> tuple[str, ...]:
    """Return what a person should know of the pictures."""
    if source.dataset is None:
        missing = source.count - len(found.frames)
        of = f"{source.count:,} that the video's header speaks of"
        return (f"{counted(len(found.frames), 'frame')} could be decoded of the {of}",) if missing > 0 else ()
    images = source.dataset.images
    said = zip(images.width_px.tolist(), images.height_px.tolist(), strict=True)
    other = [
        name
        for (_, name, width, height), size in zip(found.frames, said, strict=True)
        if min(size) > 0 and size != (width, height)
    ]
    if not other:
        return ()
    many = counted(len(other), "picture is", "pictures are")
    return (f"{many} of another size than the annotations say, the first {other[0]}: boxes are in pixels of the file",)
