"""Predictions: what detectors write, in six forms, joined to the dataset that they are of.

The readers of the forms are imported when one is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detbench.data.predictions.loaded import LoadedPredictions

if TYPE_CHECKING:
    from detbench.data.predictions.forms import FORMS as FORMS
    from detbench.data.predictions.read import read_predictions as read_predictions

__all__ = ["FORMS", "LoadedPredictions", "read_predictions"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use (PEP 562)."""
    if name == "FORMS":
        from detbench.data.predictions.forms import FORMS

        return FORMS
    if name == "read_predictions":
        from detbench.data.predictions.read import read_predictions

        return read_predictions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
