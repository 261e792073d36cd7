"""The options that several commands of scores take: each is described once, and means the same in all of them."""

from __future__ import annotations

import copy
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from detbench.cli.choices import complete_form, complete_format, complete_protocol
from detbench.errors import UsageError

__all__ = [
    "COUNTING",
    "INTERVALS",
    "READING",
    "AllowMixedOption",
    "CountOption",
    "CountThresholdOption",
    "FormatOption",
    "IfEvaluating",
    "Join",
    "JoinOption",
    "MetricOption",
    "PicturesOption",
    "PredictionsFormatOption",
    "ProfileOption",
    "ProtocolOption",
    "ResamplesOption",
    "SeedOption",
    "SplitOption",
    "Unknown",
    "UnknownOption",
    "given_options",
]


class Unknown(StrEnum):
    """What to do with predictions on images or of categories that the ground truth does not have."""

    error = "error"
    drop = "drop"


class Join(StrEnum):
    """How predictions find their image."""

    id = "id"
    stem = "stem"


#: Panels of the help.
READING = "Reading files"
INTERVALS = "Intervals"
COUNTING = "Counting"
_ONLY_EVALUATING = "Only with --ground-truth"

_PROTOCOL = typer.Option(
    "--protocol",
    "-p",
    help="How to score: coco, coco_strict, voc2007, voc2012, dense, visdrone, or a TOML file of your own.",
    autocompletion=complete_protocol,
)
_SPLIT = typer.Option(help="Which split of the ground truth.")
_FORMAT = typer.Option(
    "--format",
    help="The ground truth's format, if not recognised.",
    autocompletion=complete_format,
    rich_help_panel=READING,
)
_PREDICTIONS_FORMAT = typer.Option(
    "--predictions-format",
    help="The predictions' form, if not recognised.",
    autocompletion=complete_form,
    rich_help_panel=READING,
)
_UNKNOWN = typer.Option(
    help="Predictions on unknown images or categories: an error, or dropped and counted.", rich_help_panel=READING
)
_JOIN = typer.Option(help="Find an image by its id, or by its file name without the ending.", rich_help_panel=READING)
_RESAMPLES = typer.Option(
    min=100, max=100_000, metavar="N", help="How many times images are drawn.", rich_help_panel=INTERVALS
)
_SEED = typer.Option(min=0, metavar="N", help="Another seed draws other images.", rich_help_panel=INTERVALS)
_COUNT = typer.Option(
    "--count/--no-count",
    help="Count objects; done unasked for carpk, visdrone and uavdt, and where a threshold is said.",
    show_default=False,
    rich_help_panel=COUNTING,
)
_COUNT_THRESHOLD = typer.Option(
    metavar="SCORE", help="Count predictions with this score or more.", rich_help_panel=COUNTING
)

ProtocolOption = Annotated[str, _PROTOCOL]
SplitOption = Annotated[str | None, _SPLIT]
FormatOption = Annotated[str | None, _FORMAT]
PredictionsFormatOption = Annotated[str | None, _PREDICTIONS_FORMAT]
UnknownOption = Annotated[Unknown, _UNKNOWN]
JoinOption = Annotated[Join, _JOIN]
ResamplesOption = Annotated[int, _RESAMPLES]
SeedOption = Annotated[int, _SEED]
CountOption = Annotated[bool | None, _COUNT]
CountThresholdOption = Annotated[float | None, _COUNT_THRESHOLD]

MetricOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="What ranks; by default the protocol's first number.")
]
AllowMixedOption = Annotated[
    bool,
    typer.Option(
        "--allow-mixed", help="Set results on other data, or under another protocol, apart, and do not refuse them."
    ),
]
PicturesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DATA", help="Show the worst mistakes in pictures of this dataset, which was measured on; up to 4 MB."
    ),
]
ProfileOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--profile",
        metavar="PROFILE",
        help="Show how fast operators are by themselves: what detbench profile -o wrote (again for more).",
        show_default=False,
    ),
]


def _if_evaluating(option: Any, default: str | bool = True) -> Any:
    """Return an option as commands have it that evaluate where they are asked to; what is not said is None there."""
    moved = copy.copy(option)
    moved.rich_help_panel, moved.show_default = _ONLY_EVALUATING, default
    return moved


class IfEvaluating:
    """The options of commands that take results, and evaluate predictions where ground truth is given."""

    Protocol = Annotated[str | None, _if_evaluating(_PROTOCOL, "coco")]
    Split = Annotated[str | None, _if_evaluating(_SPLIT)]
    Format = Annotated[str | None, _if_evaluating(_FORMAT)]
    PredictionsFormat = Annotated[str | None, _if_evaluating(_PREDICTIONS_FORMAT)]
    Unknown = Annotated[Unknown | None, _if_evaluating(_UNKNOWN, "error")]
    Join = Annotated[Join | None, _if_evaluating(_JOIN, "id")]
    Resamples = Annotated[int | None, _if_evaluating(_RESAMPLES, "1000")]
    Seed = Annotated[int | None, _if_evaluating(_SEED, "0")]
    Count = Annotated[bool | None, _if_evaluating(_COUNT, default=False)]
    CountThreshold = Annotated[float | None, _if_evaluating(_COUNT_THRESHOLD)]
    Workers = Annotated[
        int | None, _if_evaluating(typer.Option(min=1, metavar="N", help="Processes that evaluate."), "one a core")
    ]


def given_options(ground_truth: Path | None, **options: Any) -> dict[str, Any]:
    """Return the options that were given, as ``detbench.evaluate`` takes them. Raises UsageError without ground truth.

    A choice is given as its value, None for what was not said.
    """
    given = {name: getattr(value, "value", value) for name, value in options.items() if value is not None}
    if given and ground_truth is None:
        named = ", ".join(f"--{name.removesuffix('_name').replace('_', '-')}" for name in given)
        raise UsageError(f"{named} is for evaluating predictions: give --ground-truth too, or leave it out")
    return given
