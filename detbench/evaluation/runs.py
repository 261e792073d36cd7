"""Runs that are to be compared: found, named, and refused where they were not measured alike."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

import numpy as np

from detbench.errors import DataError, UsageError
from detbench.evaluation.document import Remark
from detbench.evaluation.drawn_file import DRAWS, read_drawn
from detbench.evaluation.evaluate import evaluate
from detbench.evaluation.intervals import Drawn
from detbench.evaluation.results import Result
from detbench.words import brief, unbroken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.protocols import Protocol

__all__ = [
    "NO_DRAWS",
    "Mismatch",
    "Options",
    "Run",
    "evaluated_runs",
    "folder_of",
    "mismatch",
    "remarks_on",
    "require_alike",
    "written_run",
    "written_runs",
]

#: What a run folder holds.
RESULT = "result.json"

#: So many digits of a fingerprint are enough to tell two apart in print.
_BRIEF = 12

_LONGEST_LIST = 300

#: What is said of a result and holds for every model on the same ground truth.
_ABOUT_TRUTH = ("few-images", "few-objects")


class Options(TypedDict, total=False):
    """What :func:`~detbench.evaluation.evaluate.evaluate` takes of what is the same for all models."""

    protocol: Protocol | Path | str
    split: str | None
    format_name: str | None
    predictions_format: str | None
    unknown: Literal["error", "drop"]
    join: Literal["id", "stem"]
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A model's result and its draws, or NO_DRAWS; ``source`` is what the user called it by."""

    name: str
    source: str
    document: Document
    drawn: Drawn


#: What a run has that was evaluated without intervals.
NO_DRAWS = Drawn(
    resamples=0, seed=0, metrics={}, per_category={}, metric_images={}, category_images=np.zeros(0, dtype=np.int64)
)


def written_runs(given: Sequence[Result | Path | str]) -> list[Run]:
    """Return the runs in folders or ``result.json`` files, and results with their draws.

    Raises DataError if one cannot be read or has no draws.
    """
    return _named([written_run(run) for run in given])


def evaluated_runs(given: Sequence[Path | str], ground_truth: Dataset | Path | str, options: Options) -> list[Run]:
    """Evaluate predictions on the same ground truth. Raises DataError and UsageError."""
    truth = _kept(ground_truth, options)
    return _named([_evaluated(path, truth, **options) for path in given])


def _kept(ground_truth: Dataset | Path | str, options: Options) -> Dataset | Path | str:
    """Return ground truth that is read once; a COCO file as it is: reading it again with each file takes less."""
    from detbench.data.formats import read_dataset
    from detbench.data.tables import Dataset

    if isinstance(ground_truth, Dataset) or Path(ground_truth).suffix.lower() == ".json":
        return ground_truth
    return read_dataset(ground_truth, split=options.get("split"), format_name=options.get("format_name"))


def _evaluated(path: Path | str, ground_truth: Dataset | Path | str, **options: Unpack[Options]) -> Run:
    result = evaluate(ground_truth, path, **options)
    if result.drawn is None:
        raise DataError("there are no images, so nothing can be compared", file=result.dataset.name)
    return Run(result.name, str(path), result.document, result.drawn)


def written_run(given: Result | Path | str, *, draws_needed: bool = True) -> Run:
    """Return the run in a folder or beside a ``result.json``, or a result with its draws.

    Raises DataError if it cannot be read, or has no draws and ``draws_needed``; without, it has NO_DRAWS then.
    """
    if isinstance(given, Result):
        if given.drawn is None and draws_needed:
            raise UsageError(
                f"the result {given.name!r:.60} has no draws: evaluate it with intervals, or name its folder"
            )
        return Run(given.name, given.name, given.document, given.drawn or NO_DRAWS)
    path = Path(given)
    file = path / RESULT if path.is_dir() else path
    document = Result.load(file).document
    draws = file.with_name(DRAWS)
    drawn = read_drawn(draws, document) if draws_needed or draws.exists() else NO_DRAWS
    return Run(document.name, str(given), document, drawn)


def _named(runs: list[Run]) -> list[Run]:
    """Return the runs under names of their own: where two are called the same, by their folder or path."""
    names = [run.name for run in runs]
    for other in (lambda run: folder_of(run.source), lambda run: run.source):
        often = Counter(names)
        names = [other(run) if often[name] > 1 else name for name, run in zip(names, runs, strict=True)]
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"{name!r:.200} is given {count} times; give each model once, under a name of its own")
    return [Run(unbroken(name), run.source, run.document, run.drawn) for name, run in zip(names, runs, strict=True)]


def folder_of(source: str) -> str:
    """Return the name of the folder that a run lies in, as the user wrote it: links are not followed."""
    path = Path(source)
    return Path(os.path.abspath(path.parent if path.name == RESULT else path)).name  # noqa: PTH100  follows no link


def require_alike(runs: Sequence[Run]) -> None:
    """Raise DataError, naming both, if a run was not measured as the first one was."""
    first = runs[0]
    for run in runs[1:]:
        if found := mismatch(run, first):
            text = f"was measured {found.words}, and {first.source} {found.reference}"
            raise DataError(text, file=run.source, remedy=f"give runs {found.wanted}")


class Mismatch(NamedTuple):
    """How a run was measured otherwise: ``words`` say how it was, ``reference`` how another, ``wanted`` what helps."""

    words: str
    reference: str
    wanted: str


def mismatch(run: Run, first: Run) -> Mismatch | None:
    """Return the first thing in which a run was not measured as another was; a run without draws has no seed."""
    conditions = zip(_conditions(run), _conditions(first), strict=False)
    for condition, reference in conditions:
        if condition.key != reference.key:
            return Mismatch(condition.words, reference.words, condition.wanted)
    return None


class _Condition(NamedTuple):
    """What must be alike: ``key`` tells two apart, ``words`` say what it was, ``wanted`` what it should be."""

    key: object
    words: str
    wanted: str


def _conditions(run: Run) -> list[_Condition]:
    data, protocol = run.document.dataset, run.document.protocol
    print_of = str(protocol.get("fingerprint"))
    split = f", split {data.split}" if data.split else ""
    about = f"on {data.name}{split} ({data.fingerprint[:_BRIEF]})"
    measured = [
        _Condition((data.fingerprint, data.images), about, "on the same images and ground truth"),
        _Condition(print_of, f"under the protocol {protocol['name']} ({print_of[:_BRIEF]})", "under the same protocol"),
    ]
    if not run.drawn.resamples:
        return measured
    return [
        *measured,
        _Condition(run.drawn.seed, f"with the seed {run.drawn.seed}", "with the same --seed"),
        _Condition(run.drawn.resamples, f"with {run.drawn.resamples:,} resamples", "with the same --resamples"),
    ]


def remarks_on(runs: Sequence[Run]) -> list[Remark]:
    """Return what to know before quoting a comparison of these runs."""
    versions = sorted({run.document.detbench for run in runs})
    found = [remark for remark in runs[0].document.remarks if remark.code in _ABOUT_TRUTH]
    if len(versions) > 1:
        text = f"the runs are of different versions of detbench: {', '.join(versions)}; evaluate all with one"
        found.insert(0, Remark(code="versions-differ", severity="warning", message=text))
    dropped = {run.document.predictions.dropped for run in runs}
    if len(dropped) > 1:
        counts = ", ".join(f"{run.name} {run.document.predictions.dropped:,}" for run in runs)
        text = f"not all models had as many predictions left out: {brief(counts, _LONGEST_LIST)}"
        found.insert(0, Remark(code="predictions-dropped", severity="warning", message=text))
    return found
