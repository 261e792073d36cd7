"""A fitted classical detector as one ``.npz`` file: arrays and names, no pickles."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.classical.channels import CHANNELS
from detbench.detectors.classical.detector import ClassicalDetector
from detbench.detectors.classical.refine import Refiner
from detbench.detectors.classical.templates import WINDOW, Templates
from detbench.errors import DataError
from detbench.files import read_bytes, replacing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SCHEMA", "load", "save"]

SCHEMA = "detbench.classical/1"

#: A file in a ZIP carries a time; this one says nothing.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def save(detector: ClassicalDetector, path: Path) -> None:
    """Write ``detector`` to ``path``, whole or not at all, the same bytes for the same detector. Raises DataError."""
    settings = {
        "schema": SCHEMA,
        "categories": list(detector.category_names),
        "refiners": len(detector.refiners),
        "window": WINDOW,
        "channels": CHANNELS,
    }
    arrays = {"settings": np.frombuffer(json.dumps(settings, sort_keys=True).encode(), dtype=np.uint8)}
    parts: list[tuple[str, Templates | Refiner]] = [("templates", detector.templates)]
    parts += [(f"refiner{i}", refiner) for i, refiner in enumerate(detector.refiners)]
    for prefix, part in parts:
        arrays |= {f"{prefix}.{column.name}": getattr(part, column.name) for column in fields(part)}
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _NO_TIME), data.getvalue())


def load(path: Path) -> ClassicalDetector:
    """Read a detector. Raises DataError if ``path`` holds none of this version."""
    data = read_bytes(path)
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise DataError(
            "is not a classical detector: it is no .npz file", file=path, remedy="make one with --save-model"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            settings = json.loads(bytes(arrays["settings"]))
            if (settings["schema"], settings["window"], settings["channels"]) != (SCHEMA, WINDOW, CHANNELS):
                raise DataError(f"is of another version than {SCHEMA}", file=path, remedy="fit it again")
            templates = Templates(**{c.name: arrays[f"templates.{c.name}"] for c in fields(Templates)})
            refiners = tuple(
                Refiner(**{c.name: arrays[f"refiner{i}.{c.name}"] for c in fields(Refiner)})
                for i in range(int(settings["refiners"]))
            )
            return ClassicalDetector(tuple(map(str, settings["categories"])), templates, refiners)
    except (ValueError, KeyError, TypeError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"is not a classical detector ({error})", file=path, remedy="make one with --save-model"
        ) from error
