"""``detbench eval --explain``: the same predictions under several protocols, and why the numbers differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["explain_and_print"]


def explain_and_print(
    ground_truth: Path,
    predictions: Path,
    *,
    protocol: str,
    split: str | None,
    format_name: str | None,
    predictions_format: str | None,
    unknown: Literal["error", "drop"],
    join: Literal["id", "stem"],
    name: str | None,
    as_json: bool,
) -> None:
    """Print ``protocol`` and the built-in ones side by side, and the steps from it to each of them."""
    from detbench.cli.console import print_json, stdout
    from detbench.data.formats import read_dataset
    from detbench.data.predictions import read_predictions
    from detbench.evaluation.explain import explain, protocols_to_compare
    from detbench.evaluation.protocols import protocol_named
    from detbench.report.explanation import path_table, path_title, score_table

    rules = protocol_named(protocol)
    dataset = read_dataset(ground_truth, split=split, format_name=format_name)
    if predictions.is_dir():
        from detbench.evaluation.prediction_folder import prediction_folder

        if (folder := prediction_folder(predictions)) is not None:
            predictions, name = folder.required(), name or folder.name
    loaded = read_predictions(predictions, dataset, format_name=predictions_format, unknown=unknown, join=join)
    explanation = explain(dataset, loaded, protocols_to_compare(dataset, rules), name=name)
    if as_json:
        print_json(explanation.to_dict())
        return
    console = stdout()
    console.print(score_table(explanation))
    for path in explanation.paths:
        console.print()
        console.print(path_title(path), markup=False)
        if (table := path_table(path)) is not None:
            console.print(table)
