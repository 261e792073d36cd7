"""A detector without a network: linear templates and a kernel machine on colour and gradient channels.

It is fitted in closed form, in seconds, on any dataset with pictures, and it sees no annotation when it predicts.
It ships so that there is something honest to score, and a baseline that a network should beat.
"""

from detbench.detectors.classical.channels import decode
from detbench.detectors.classical.detector import ClassicalDetector, Found
from detbench.detectors.classical.fitting import fit, steps_of
from detbench.detectors.classical.storage import load, save

__all__ = ["ClassicalDetector", "Found", "decode", "fit", "load", "save", "steps_of"]
