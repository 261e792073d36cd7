"""Input: from a dataset's pictures to batches of one shape."""

from detbench.detectors.input.batch import CANVAS_GREY, Batch, split
from detbench.detectors.input.test_input import TestInput
from detbench.detectors.input.training_input import TrainingInput

__all__ = ["CANVAS_GREY", "Batch", "TestInput", "TrainingInput", "split"]
