"""What a run leaves in its folder: predictions, proposals, times, and what was run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

import detbench
from detbench.data.predictions.write import writer_for
from detbench.detectors.predict.record import RECORD, DataFacts, FileFacts, ModelFacts, PredictRecord
from detbench.environment import environment
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.files import replacing, sha256_of
from detbench.timing.files import encoded
from detbench.timing.machine import processor, thread_settings, usable_threads
from detbench.timing.prediction_times import TIMING, PredictionTimes, frames_per_second, stage_times

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.detectors.adapters.contract import Facts
    from detbench.detectors.predict.run import Predicted
    from detbench.detectors.predict.sources import Source

__all__ = ["PREDICTIONS", "PROPOSALS", "times_of", "write_run"]

#: What the files are called; Arrow's have its suffix.
PREDICTIONS, PROPOSALS = "predictions.json", "proposals.json"

_CLOCK = "time.perf_counter_ns"


def times_of(predicted: Predicted, facts: Facts, model: str) -> PredictionTimes:
    """Return the times of a run as a document."""
    stages = stage_times(predicted.samples_ms)
    return PredictionTimes(
        detbench=detbench.__version__,
        environment=environment(facts.packages),
        model=model,
        adapter=facts.adapter,
        device=facts.device,
        processor=processor(),
        threads=usable_threads(),
        thread_settings=thread_settings(),
        clock=_CLOCK,
        batch_size=facts.batch_size,
        images=predicted.timed_images,
        warm_up=predicted.warm_up,
        samples_left_out=predicted.samples_left_out,
        fps=frames_per_second(stages["total"]),
        stages=stages,
    )


def write_run(
    folder: Path,
    predicted: Predicted,
    facts: Facts,
    source: Source,
    *,
    model: str,
    options: dict[str, Any],
    with_proposals: bool = False,
    arrow: bool = False,
) -> PredictionTimes:
    """Write a run's documents into a folder that is there, ``predict.json`` last; return the times.

    Raises
    ------
    DataError
        If a file cannot be written.
    UsageError
        If ``arrow`` is asked for and pyarrow is not installed.
    """
    times = times_of(predicted, facts, model)
    place = folder / (PREDICTIONS.replace(".json", ".arrow") if arrow else PREDICTIONS)
    writer_for(place)(predicted.predictions, predicted.dataset, place)
    if with_proposals:
        writer_for(folder / PROPOSALS)(predicted.proposals, predicted.dataset, folder / PROPOSALS)
    with replacing(folder / TIMING) as file:
        file.write(encoded(times))
    written = sorted(path for path in folder.rglob("*") if path.is_file())
    record = PredictRecord(
        detbench=detbench.__version__,
        model=ModelFacts(
            name=model,
            adapter=facts.adapter,
            device=facts.device,
            batch_size=facts.batch_size,
            files=_files_of(facts),
            settings=facts.settings,
        ),
        data=_data_facts(source, predicted),
        categories=list(predicted.dataset.categories.name),
        category_ids=list(predicted.dataset.categories.source_id),
        options=options,
        predictions=len(predicted.predictions),
        proposals=len(predicted.proposals) if with_proposals else None,
        left_out=predicted.left_out,
        environment=environment(facts.packages),
        files={path.relative_to(folder).as_posix(): _file_facts(path) for path in written},
    )
    with replacing(folder / RECORD) as file:
        file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return times


def _data_facts(source: Source, predicted: Predicted) -> DataFacts:
    dataset = predicted.dataset
    return DataFacts(
        name=dataset.name,
        kind=source.kind,
        format=dataset.format,
        split=dataset.split,
        images=len(dataset.images),
        fingerprint=None if source.dataset is None else dataset_fingerprint(dataset),
    )


def _files_of(facts: Facts) -> dict[str, FileFacts]:
    """Return a model's files by name; by their places under the first one's folder, where they have folders."""
    if not facts.files:
        return {}
    base = min((file.parent for file in facts.files), key=lambda folder: len(folder.parts))
    return {
        file.relative_to(base).as_posix() if file.is_relative_to(base) else file.name: _file_facts(file)
        for file in facts.files
    }


def _file_facts(path: Path) -> FileFacts:
    return FileFacts(sha256=sha256_of(path), bytes=path.stat().st_size)
