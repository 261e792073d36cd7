"""Ground truth and predictions in, a result out: the one function that the command line and people call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detbench.errors import UsageError
from detbench.evaluation.options import CountOptions, ProposalOptions, Reading
from detbench.evaluation.protocols import Protocol, protocol_named
from detbench.evaluation.results import Completed, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Literal

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset
    from detbench.evaluation.draws import Draws
    from detbench.evaluation.fast import FastScores
    from detbench.evaluation.parts.operating_point import ThresholdRule
    from detbench.evaluation.prediction_folder import PredictionFolder
    from detbench.evaluation.scored import Scored

__all__ = ["evaluate"]


def evaluate(  # noqa: PLR0913  one keyword for each thing a user may choose
    ground_truth: Dataset | Path | str,
    predictions: LoadedPredictions | Path | str | None = None,
    *,
    protocol: Protocol | Path | str = "coco",
    split: str | None = None,
    format_name: str | None = None,
    predictions_format: str | None = None,
    unknown: Literal["error", "drop"] = "error",
    join: Literal["id", "stem"] = "id",
    name: str | None = None,
    intervals: bool = True,
    resamples: int = 1000,
    seed: int = 0,
    score_threshold: float | Path | str | None = None,
    errors: bool = False,
    worst: int = 20,
    proposals: LoadedPredictions | Path | str | None = None,
    proposals_format: str | None = None,
    proposal_counts: Sequence[int] = (),
    count: bool | None = None,
    count_threshold: float | None = None,
    tune_on: Dataset | Path | str | None = None,
    tune_predictions: LoadedPredictions | Path | str | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Result:
    """Score predictions against ground truth.

    Parameters
    ----------
    ground_truth
        A dataset's folder or annotation file in any format that can be read, or a dataset already read.
    predictions
        A predictions file or folder in any form that can be read, or predictions already read for this dataset.
        A folder that ``detbench predict`` wrote is taken whole: its proposals, unless ``proposals`` are given, and
        its times. None where only ``proposals`` are to be scored.
    protocol
        A protocol, its name (``coco``, ``coco_strict``, ``voc2007``, ``voc2012``, ``dense``, ``visdrone``) or the path
        of a TOML file that holds one.
    split, format_name, predictions_format
        Which split to read, and what the files are where that cannot be recognised.
    unknown, join
        What to do with predictions on unknown images or categories, and how images are joined; see
        :func:`detbench.data.predictions.read_predictions`.
    name
        What to call the predictions in the result; by default the file's stem, or the name of the folder that
        ``detbench predict`` wrote.
    intervals, resamples, seed
        Whether to compute 95 % bootstrap intervals, from how many resamples, from which seed.
    score_threshold
        The operating point: a score, or the result of another run whose threshold is taken; by default that of the
        best F1 on these predictions, in hindsight.
    errors, worst
        Whether to look at what goes wrong (errors by kind, confusion matrix, calibration, worst images and mistakes),
        and how many images, and mistakes of a kind, to list.
    proposals, proposals_format, proposal_counts
        Proposals to compute recall of, whatever their category, as files or read with ``class_agnostic``; and the
        numbers of them an image, up to 2,000, that get metrics of their own: by default 100, 300 and 1,000.
    count, count_threshold, tune_on, tune_predictions
        Whether to count objects: None does it for the formats of counting sets (carpk, visdrone, uavdt). The score
        from which a prediction counts: given, or that of the least MAE on other images, a split of the dataset, a
        dataset or its path, with their predictions unless ``predictions`` has them. Without a threshold there are no
        metrics of counts.
    meanwhile
        Called while the native part reads the files, which needs no Python: to import what will be needed then.

    Raises
    ------
    DataError
        If a file cannot be read; names the file, the record and the remedy.
    UsageError
        If there is no such protocol, format or split, or options contradict each other.
    """
    rules = protocol if isinstance(protocol, Protocol) else protocol_named(str(protocol))

    rule = _threshold_rule(score_threshold) if score_threshold is not None else None

    if (other := _prediction_folder(tune_predictions)) is not None:
        tune_predictions = other.required()
    count_options = CountOptions(count, count_threshold, tune_on, tune_predictions).checked()
    if (folder := _prediction_folder(predictions)) is not None:
        predictions, name = folder.predictions, name or folder.name
        proposals = folder.proposals if proposals is None else proposals
    proposal_options = ProposalOptions(proposals, proposals_format, proposal_counts).checked()
    reading = Reading(format_name, predictions_format, unknown, join)

    def complete(scored: Scored) -> Completed:
        from detbench.evaluation.assemble import Wanted, assemble
        from detbench.evaluation.drawn_parts import drawn_values
        from detbench.evaluation.parts_wanted import counting_wanted, scored_proposals

        recall = scored_proposals(scored.dataset, proposal_options, rules, reading, scored.draws)
        wanted = Wanted(
            name=name,
            rule=rule or _threshold_rule(None),
            listed_errors=worst if errors else None,
            proposals=recall,
            counting=counting_wanted(scored.dataset, scored.loaded, count_options, rules, reading),
        )
        document = assemble(scored, wanted, source=ground_truth, format_name=format_name)
        document = document if folder is None else folder.added_to(document)
        return Completed(document, drawn_values(scored, document, recall))

    resampling = (resamples, seed) if intervals else None
    plain = split is None and join == "id" and {format_name, predictions_format} <= {None, "coco"}
    if plain and (fast := _score_files(ground_truth, predictions, rules, meanwhile)):
        if count_options.asked or proposals is not None:
            return Result.of(complete(_unpacked(fast, resampling)))
        return Result(lambda: complete(_unpacked(fast, resampling)), metrics=fast.metrics)
    dataset = _ground_truth(ground_truth, split, format_name)
    if predictions is None:
        if count_options.asked:
            raise UsageError("proposals are not counted: give predictions too, or leave the options of counting out")
        alone = _proposals_alone(dataset, proposal_options, rules, reading, resampling, name)
        return Result.of(alone if folder is None else alone._replace(document=folder.added_to(alone.document)))
    loaded = _predictions(predictions, dataset, predictions_format, unknown, join)
    return Result.of(complete(_scored(dataset, loaded, rules, resampling)))


def _prediction_folder(given: object) -> PredictionFolder | None:
    """Return the folder of ``detbench predict`` that was given, None if anything else was."""
    import os
    from pathlib import Path

    if not isinstance(given, str | os.PathLike) or not Path(given).is_dir():
        return None
    from detbench.evaluation.prediction_folder import prediction_folder

    return prediction_folder(Path(given))


def _threshold_rule(given: float | Path | str | None) -> ThresholdRule:
    from detbench.evaluation.parts.operating_point import threshold_rule

    return threshold_rule(given)


def _proposals_alone(
    dataset: Dataset,
    options: ProposalOptions,
    protocol: Protocol,
    reading: Reading,
    resampling: tuple[int, int] | None,
    name: str | None,
) -> Completed:
    from detbench.evaluation.assemble import assemble_proposals
    from detbench.evaluation.drawn_parts import drawn_of_proposals
    from detbench.evaluation.parts_wanted import scored_proposals

    draws = _draws(len(dataset.images), resampling)
    recall = scored_proposals(dataset, options, protocol, reading, draws)
    if recall is None:
        raise UsageError("there is nothing to score: give predictions, or --proposals")
    document = assemble_proposals(dataset, recall, protocol, draws, name=name)
    return Completed(document, drawn_of_proposals(recall, draws))


def _score_files(
    ground_truth: object, predictions: object, protocol: Protocol, meanwhile: Callable[[], object] | None
) -> FastScores | None:
    """Return the scores of two files that the native part can read, or None."""
    import os

    from detbench.evaluation.fast import score_files

    if isinstance(ground_truth, str | os.PathLike) and isinstance(predictions, str | os.PathLike):
        return score_files(ground_truth, predictions, protocol, meanwhile)
    return None


def _unpacked(fast: FastScores, resampling: tuple[int, int] | None) -> Scored:
    from detbench.evaluation.unpacking import unpack

    return unpack(fast, _draws(fast.scores.image_count, resampling))


def _scored(
    dataset: Dataset, loaded: LoadedPredictions, protocol: Protocol, resampling: tuple[int, int] | None
) -> Scored:
    from detbench.evaluation.scored import score

    return score(dataset, loaded, protocol, _draws(len(dataset.images), resampling))


def _draws(image_count: int, resampling: tuple[int, int] | None) -> Draws | None:
    """Return the draws of so many images; None without images, or where no intervals are wanted."""
    from detbench.evaluation.draws import Draws

    if not image_count or resampling is None:
        return None
    resamples, seed = resampling
    return Draws(image_count, resamples=resamples, seed=seed)


def _ground_truth(given: Dataset | Path | str, split: str | None, format_name: str | None) -> Dataset:
    from detbench.data.formats import read_dataset
    from detbench.data.tables import Dataset

    return given if isinstance(given, Dataset) else read_dataset(given, split=split, format_name=format_name)


def _predictions(
    given: LoadedPredictions | Path | str,
    dataset: Dataset,
    form: str | None,
    unknown: Literal["error", "drop"],
    join: Literal["id", "stem"],
) -> LoadedPredictions:
    from pathlib import Path

    from detbench.data.predictions import LoadedPredictions, read_predictions

    if isinstance(given, LoadedPredictions):
        return given
    return read_predictions(Path(given), dataset, format_name=form, unknown=unknown, join=join)
