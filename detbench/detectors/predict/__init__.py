"""Anybody's model over anybody's pictures: predictions, proposals and times.

:func:`run` is the whole of it in one call; :func:`predict` is the classical detector over a dataset.
"""

from detbench.detectors.predict.run import Predicted, predict, run

__all__ = ["Predicted", "predict", "run"]
