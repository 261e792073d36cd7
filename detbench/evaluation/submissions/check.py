"""What a submission lacks, and what in it is broken, as findings: before it is sent, not when it is ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.data.findings import Finding, Findings, gravest_first
from detbench.data.input import require_file_or_folder
from detbench.data.predictions import read_predictions
from detbench.data.predictions.forms import recognise_form
from detbench.data.predictions.read import read_raw
from detbench.errors import DataError
from detbench.evaluation.drawn_file import DRAWS, read_drawn
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.evaluation.prediction_folder import CARD, RECORD, gathered
from detbench.evaluation.results import Result
from detbench.evaluation.runs import RESULT
from detbench.evaluation.submissions.folder import flaws_of, is_read
from detbench.evaluation.submissions.model_card import card_in
from detbench.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.data.predictions.join import Join, Unknown
    from detbench.data.tables import Dataset
    from detbench.evaluation.prediction_folder import PredictionFolder
    from detbench.evaluation.standings.document import ModelCard

__all__ = ["SubmissionReport", "check_submission"]

#: What a card need not say and readers of a leaderboard miss.
_WISHED = ("authors", "link", "parameters", "training_data")


@dataclass(frozen=True, slots=True)
class SubmissionReport:
    """What was found in a folder, the most severe first.

    ``card`` is None where there is none that can be read; ``predictions`` and ``proposals`` are how many there are,
    None where they are not there or could not be read.
    """

    path: Path
    card: ModelCard | None
    predictions: int | None
    proposals: int | None
    findings: tuple[Finding, ...]

    def by_code(self) -> dict[str, list[Finding]]:
        """Return code → its findings, the most severe code first."""
        return Findings(items=list(self.findings)).by_code()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain lists, strings and numbers, for JSON."""
        counts = Findings(items=list(self.findings)).counts()
        return {
            "path": str(self.path),
            "card": msgspec.to_builtins(self.card),
            "predictions": self.predictions,
            "proposals": self.proposals,
            "counts": {str(severity): count for severity, count in counts.items()},
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_submission(
    folder: Path, truth: Dataset | None = None, *, unknown: Unknown = "error", join: Join = "id"
) -> SubmissionReport:
    """Look at everything in a submission's folder.

    Parameters
    ----------
    folder
        What is to be submitted.
    truth
        The ground truth that it will be scored on: predictions are joined to its images and categories, by ``join``
        and with ``unknown`` as :func:`detbench.evaluate` takes them. Without it they are read and no more.

    Raises
    ------
    DataError
        If ``folder`` is no folder, or cannot be listed. What is wrong inside is a finding.
    """
    require_file_or_folder(folder)
    if not folder.is_dir():
        raise DataError("is a file", file=folder, remedy="give the folder that is to be submitted")
    check = _Check(folder, truth, unknown, join)
    card, given = check.card(), None
    if check.is_safe:
        given = check.folder()
        check.result()
    predictions, proposals = (check.read(given, place) for place in ("predictions", "proposals"))
    return SubmissionReport(folder, card, predictions, proposals, tuple(gravest_first(check.findings.items)))


class _Check:
    """One folder that is looked at; each method reports what it finds."""

    def __init__(self, folder: Path, truth: Dataset | None, unknown: Unknown, join: Join) -> None:
        self._root, self._truth, self._unknown, self._join = folder, truth, unknown, join
        self.findings = Findings(strict=False)
        flaws = list(flaws_of(folder))
        for flaw in flaws:
            self.findings.report(flaw.code, file=flaw.file, message=flaw.problem, remedy=flaw.remedy)
        self._unsafe = {flaw.file.name for flaw in flaws}
        self.is_safe = self._unsafe <= {CARD}

    def card(self) -> ModelCard | None:
        """Return what the makers say."""
        file = self._root / CARD
        if CARD in self._unsafe:
            return None
        try:
            card = card_in(self._root)
        except DataError as error:
            self._report("card-malformed", error)
            return None
        if card is None:
            self.findings.report("card-missing", file=file, message="nothing is said of the model")
            return None
        for key in _WISHED:
            if getattr(card, key) in (None, []):
                message = f"does not say the model's {key.replace('_', ' ')}"
                self.findings.report("card-incomplete", file=file, record=key, message=message)
        return card

    def folder(self) -> PredictionFolder | None:
        """Return the predictions, proposals and times that are there, None where they cannot be told."""
        if not any(is_read(path) and path.stem in {"predictions", "proposals"} for path in self._root.iterdir()):
            if not (self._root / RESULT).is_file():
                self.findings.report("predictions-missing", file=self._root, message="there is nothing to score")
            return None
        try:
            given = gathered(self._root)
        except DataError as error:
            self._report("file-unreadable", error)
            return None
        for name in given.changed:
            message = "was changed since detbench predict wrote it"
            self.findings.report("predictions-changed", file=self._root / name, message=message)
        if self._truth and given.fingerprint not in {None, dataset_fingerprint(self._truth)}:
            message = "was predicted on other images or annotations than the ground truth's"
            self.findings.report("ground-truth-differs", file=self._root / RECORD, message=message)
        if given.predictions is None:
            message = "there are proposals and no predictions: their recall is all that is measured"
            self.findings.report("proposals-alone", file=self._root, message=message)
        if given.proposals is None:
            self.findings.report("proposals-missing", file=self._root, message="there are no proposals")
        if given.timing is None:
            self.findings.report("timing-missing", file=self._root, message="there are no times")
        return given

    def result(self) -> None:
        """Look at a result, if there is one."""
        file = self._root / RESULT
        if not file.is_file():
            return
        try:
            document = Result.load(file).document
            read_drawn(file.with_name(DRAWS), document)
        except DataError as error:
            self._report("result-unusable", error)
            return
        if self._truth and document.dataset.fingerprint != dataset_fingerprint(self._truth):
            message = "is a result on other images or annotations than the ground truth's"
            self.findings.report("ground-truth-differs", file=file, message=message)

    def read(self, given: PredictionFolder | None, what: str) -> int | None:
        """Read predictions or proposals as an evaluation will, and return how many there are."""
        place: Path | None = getattr(given, what, None)
        if place is None or (self._truth is None and place.is_dir()):
            return None  # what the lines of a folder's files mean depends on the ground truth's categories
        agnostic = what == "proposals"
        try:
            if self._truth is None:
                raw = read_raw(place, recognise_form(place, ()), (), class_agnostic=agnostic)
                raw.check_finite()
                count = len(raw.score)
            else:
                read = read_predictions(
                    place, self._truth, unknown=self._unknown, join=self._join, class_agnostic=agnostic
                )
                count = len(read.predictions)
        except DataError as error:
            self._report("predictions-unusable", error)
            return None
        if not count:
            self.findings.report("predictions-none", file=place, message=f"holds {counted(0, what[:-1])}")
        return count

    def _report(self, code: str, error: DataError) -> None:
        file = error.file or self._root
        self.findings.report(code, file=file, record=error.record, message=error.problem, remedy=error.remedy)
