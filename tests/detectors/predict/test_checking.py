"""What a model found, looked at before it is believed."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.detectors.adapters.contract import Detections, ModelError
from detbench.detectors.predict.checking import check


def test_what_is_of_fewer_pictures_than_were_given_is_refused() -> None:
    """An ONNX file may say that it takes five and answer for one; more than were given are a batch filled up."""
    found = Detections(np.array([[0.0, 0, 9, 9]]), np.array([0.5]), np.zeros(1, np.int32))
    check([found], 1)
    check([found, found], 1)
    with pytest.raises(ModelError, match="in 1 of 5 pictures"):
        check([found], 5)
