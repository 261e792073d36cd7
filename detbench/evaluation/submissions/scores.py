"""Submissions become runs: what has a result is read, what has none is evaluated, in parallel, each once.

What was evaluated is kept in a folder by the SHA-256 of all that its result depends on, so that a run that was ended
goes on where it was, and models that were added are all that the next run evaluates.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from detbench import __version__
from detbench.errors import DataError, DetbenchError
from detbench.evaluation.document import SCHEMA
from detbench.evaluation.drawn_file import DRAWS, read_drawn
from detbench.evaluation.evaluate import evaluate
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.evaluation.prediction_folder import RECORD, TIMING, gathered
from detbench.evaluation.results import Completed, Result
from detbench.evaluation.runs import RESULT, Run
from detbench.evaluation.submissions.folder import Submission, submission
from detbench.evaluation.submissions.workers import done_in_processes
from detbench.files import make_folder, require_writable, sha256_of
from detbench.words import brief, unbroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.intervals import Drawn
    from detbench.evaluation.protocols import Protocol
    from detbench.evaluation.standings.document import ModelCard

    #: Opens a progress bar of a known length; what it yields is told how many more are done.
    Watch = Callable[[int], AbstractContextManager[Callable[[int], object]]]
    #: Reads a result and its draws.
    Load = Callable[[Path], tuple[Document, Drawn]]

__all__ = ["Scores", "Terms", "scores"]

#: A reason is a sentence.
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is the same for all that are evaluated; see :func:`detbench.evaluate`."""

    ground_truth: Path
    protocol: Protocol
    split: str | None = None
    format_name: str | None = None
    unknown: Literal["error", "drop"] = "error"
    join: Literal["id", "stem"] = "id"
    resamples: int = 1000
    seed: int = 0
    count: bool | None = None
    count_threshold: float | None = None


class Scores(NamedTuple):
    """Runs in the folders' order with the folders of their results.

    By the folder's name: what is said of the models, and why one could not be scored.
    """

    runs: list[Run]
    places: list[Path]
    cards: dict[str, ModelCard]
    broken: dict[str, str]


class _Job(NamedTuple):
    """One evaluation: what is in ``folder`` goes to ``place``."""

    folder: Path
    place: Path
    terms: Terms


def scores(folders: Sequence[Path], terms: Terms | None, *, kept: Path, workers: int, watch: Watch) -> Scores:
    """Return the runs of submissions' folders.

    Parameters
    ----------
    folders
        Each a submission, or what was meant to be one.
    terms
        What predictions are evaluated on, and how; None takes written results alone. With terms a folder's predictions
        are evaluated even where a result lies beside them, which may be of other ones.
    kept
        The folder of what has been evaluated; it is made.
    workers
        How many processes evaluate. The numbers do not depend on it.
    watch
        Opens a progress bar for as many evaluations as have to be done.

    Raises
    ------
    DataError
        If the ground truth cannot be read, or nothing can be kept. What is wrong with a submission stands in
        ``broken``, one sentence without its path.
    """
    read: dict[str, Submission] = {}
    broken: dict[str, str] = {}
    for source, folder in _by_source(folders).items():
        try:
            read[source] = submission(folder)
        except (DetbenchError, OSError) as error:
            broken[source] = _reason(error, folder)
    places: dict[str, Path] = {}
    load = functools.cache(_loaded)  # what is kept is read once; what could not be read is tried again when it is made
    if terms and any(found.given for found in read.values()):
        name_of = _named(terms)
        for source, found in read.items():
            try:
                if found.given:
                    places[source] = kept / name_of(found)
            except (DetbenchError, OSError) as error:
                broken[source] = _reason(error, found.folder)
        broken |= _evaluated(read, places, terms, workers, watch, load)
    runs: list[Run] = []
    for source, found in read.items():
        if source not in broken:
            try:
                runs.append(_run(source, found, places.get(source), load))
            except (DetbenchError, OSError) as error:
                broken[source] = _reason(error, found.folder)
    cards = {source: found.card for source, found in read.items() if found.card}
    return Scores(runs, [places.get(run.source, read[run.source].folder) for run in runs], cards, broken)


def _by_source(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the folders by their names, as text, each once: names that are none are alike as text."""
    found: dict[str, Path] = {}
    for folder in folders:
        name = text = unbroken(folder.name)
        while name in found:
            name = f"{text} ({len(found) + 1})"
        found[name] = folder
    return found


def _reason(error: Exception | str, folder: Path) -> str:
    """Return what is wrong, without the path of the folder: standings hold none."""
    text = str(error).replace(f"{folder}/", "").replace(f"{folder}: ", "").replace(str(folder), folder.name)
    return brief(unbroken(text), _LONGEST_REASON)


def _loaded(file: Path) -> tuple[Document, Drawn]:
    """Return a result and the draws that lie beside it. Raises DataError."""
    document = Result.load(file).document
    return document, read_drawn(file.with_name(DRAWS), document)


def _run(source: str, found: Submission, place: Path | None, load: Load) -> Run:
    """Return a submission's run, from where it is kept or as it was given. Raises DataError."""
    file = place / RESULT if place else found.result
    if file is None:
        raise DataError("has no result", file=found.folder, remedy="give the ground truth, to have it evaluated")
    document, drawn = load(file)
    name = found.card.name if found.card else (source if place else document.name)
    document = msgspec.structs.replace(document, name=name)
    return Run(name, source, document, drawn)


def _evaluated(
    read: Mapping[str, Submission], places: Mapping[str, Path], terms: Terms, workers: int, watch: Watch, load: Load
) -> dict[str, str]:
    """Evaluate what is not kept yet, the same predictions once; return why it was not possible, by source.

    Raises DataError if nothing can be kept.
    """
    jobs: dict[Path, _Job] = {}
    for source, place in places.items():
        if place not in jobs and not _is_whole(place, load):
            jobs[place] = _Job(read[source].folder, place, terms)
    if not jobs:
        return {}
    kept = next(iter(jobs)).parent
    make_folder(kept)
    require_writable(kept / RESULT)  # one sentence now, not one from each of them after minutes
    with watch(len(jobs)) as done:
        reasons = done_in_processes(_evaluate, list(jobs.values()), workers=workers, done=done)
    wrong = {place: text for place, text in zip(jobs, reasons, strict=True) if text}
    return {source: _reason(wrong[place], jobs[place].folder) for source, place in places.items() if place in wrong}


def _is_whole(place: Path, load: Load) -> bool:
    """Return whether a result with its draws is kept there; what is cut, or of another version, is made again."""
    try:
        load(place / RESULT)
    except DetbenchError:
        return False
    return True


def _evaluate(job: _Job) -> None:
    """Evaluate a submission and keep its result, its draws first. Raises DataError and UsageError."""
    terms, found = job.terms, gathered(job.folder)
    result = evaluate(
        _truth(terms),
        found.predictions,
        protocol=terms.protocol,
        unknown=terms.unknown,
        join=terms.join,
        name=found.name,
        resamples=terms.resamples,
        seed=terms.seed,
        errors=True,
        proposals=found.proposals,
        count=terms.count if found.predictions else None,
        count_threshold=terms.count_threshold if found.predictions else None,
    )
    if result.drawn is None:
        raise DataError("there are no images, so nothing can be compared", file=result.dataset.name)
    whole = Result.of(Completed(found.added_to(result.document), result.drawn))
    make_folder(job.place)
    for rest in job.place.glob(".*.part"):  # of a run that was killed
        rest.unlink(missing_ok=True)
    whole.save_draws(job.place / DRAWS)
    whole.save(job.place / RESULT)


@functools.lru_cache(maxsize=1)
def _truth(terms: Terms) -> Dataset:
    """Return the ground truth, which a process reads once."""
    from detbench.data.formats import read_dataset

    return read_dataset(terms.ground_truth, split=terms.split, format_name=terms.format_name)


def _named(terms: Terms) -> Callable[[Submission], str]:
    """Return what names results that are kept: by the SHA-256 of the terms and of the bytes of a submission's files.

    Reads the ground truth, for its fingerprint. Raises DataError.
    """
    dataset = _truth(terms)
    about: dict[str, Any] = asdict(terms) | {
        "ground_truth": [dataset_fingerprint(dataset), dataset.name, dataset.format, dataset.split],
        "protocol": [terms.protocol.fingerprint(), terms.protocol.to_dict()],
        "versions": [__version__, SCHEMA],
    }
    header = json.dumps(about, sort_keys=True).encode()

    def name_of(found: Submission) -> str:
        files = [[file.relative_to(found.folder).as_posix(), sha256_of(file)] for file in _files(found)]
        return hashlib.sha256(header + json.dumps(files).encode()).hexdigest()

    return name_of


def _files(found: Submission) -> Iterator[Path]:
    """Yield the files that a result depends on, by kind and name."""
    given = found.given
    places = [given.predictions, given.proposals] if given else []
    for place in filter(None, places):
        yield from sorted(file for file in place.iterdir() if file.is_file()) if place.is_dir() else [place]
    yield from (file for name in (TIMING, RECORD) if (file := found.folder / name).is_file())
