"""detbench: datasets to TFRecords, detectors to numbers that can be trusted.

Everything public is reached from here; what it needs is imported when it is asked for, so that
``import detbench`` costs a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detbench.data.formats import read_dataset as read_dataset
    from detbench.data.predictions import read_predictions as read_predictions
    from detbench.data.records.convert import convert as convert
    from detbench.evaluation.compare import compare as compare
    from detbench.evaluation.evaluate import evaluate as evaluate
    from detbench.evaluation.results import Result as Result
    from detbench.evaluation.streaming import Evaluator as Evaluator

__all__ = ["Evaluator", "Result", "__version__", "compare", "convert", "evaluate", "read_dataset", "read_predictions"]

__version__ = "0.1.0"

_HOME = {
    "Evaluator": "detbench.evaluation.streaming",
    "Result": "detbench.evaluation.results",
    "compare": "detbench.evaluation.compare",
    "convert": "detbench.data.records.convert",
    "evaluate": "detbench.evaluation.evaluate",
    "read_dataset": "detbench.data.formats",
    "read_predictions": "detbench.data.predictions",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'detbench' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, imported yet or not."""
    return sorted(__all__)
