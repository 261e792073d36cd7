"""TensorFlow, imported without what it says of the machine, which no setting of its own turns off."""

from __future__ import annotations

import importlib
import os

__all__ = ["import_tensorflow"]


def import_tensorflow() -> None:
    """Import TensorFlow, if it is there, with standard error led nowhere; whoever needs it is told where it is not."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        importlib.import_module("tensorflow")
    except ImportError:
        pass
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
