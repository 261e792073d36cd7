"""Predictions: what detectors write, in six forms, joined to the dataset that they are of."""

from detbench.data.predictions.forms import FORMS
from detbench.data.predictions.read import LoadedPredictions, read_predictions

__all__ = ["FORMS", "LoadedPredictions", "read_predictions"]
