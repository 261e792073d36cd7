"""``detbench eval --stream``: predictions that are read block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detbench.cli.console import say
from detbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.evaluation.results import Result

__all__ = ["evaluate_stream"]


def evaluate_stream(
    ground_truth: Path,
    predictions: Path | None,
    *,
    predictions_format: str | None,
    refused: dict[str, bool],
    **options: Any,
) -> Result:
    """Evaluate a file of predictions in a stream; ``refused`` maps options to whether they were given.

    Raises DataError, and UsageError if an option needs all the boxes at once.
    """
    if predictions is None:
        raise UsageError("--stream reads predictions: give some")
    if given := [name for name, is_given in refused.items() if is_given]:
        raise UsageError(f"{', '.join(given)} and --stream do not go together: a stream keeps no boxes; leave one out")

    from detbench.evaluation import results
    from detbench.evaluation.streaming import Evaluator

    folder, name = None, options["name"]
    if predictions.is_dir():
        from detbench.evaluation.prediction_folder import prediction_folder

        if (folder := prediction_folder(predictions)) is not None:
            predictions, name = folder.required(), name or folder.name
    evaluator = Evaluator(ground_truth, **options | {"name": name or predictions.stem})
    evaluator.add_file(predictions, predictions_format=predictions_format)
    result = evaluator.result()
    if folder is None:
        return result
    if folder.proposals is not None:
        say(f"note: {folder.proposals} is not read: a stream keeps no boxes")
    return results.Result.of(results.Completed(folder.added_to(result.document), result.drawn))
