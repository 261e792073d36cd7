"""Weights into a backbone: from ImageNet, from a file, or none; and how many of its tensors found theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from detbench.data.input import require_file_or_folder
from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.weights import mapping
from detbench.detectors.weights.h5 import read_h5, read_keras
from detbench.detectors.weights.pth import read_pth
from detbench.detectors.weights.sources import imagenet_file
from detbench.errors import DataError, UsageError
from detbench.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detbench.detectors.recipes.settings import ModelSettings

__all__ = ["Loaded", "load_backbone_weights", "read_weights"]

#: With fewer tensors than this share the file is one of another network.
_FEWEST = 0.5
_NAMED = 5


class Loaded(NamedTuple):
    """How many of a backbone's ``total`` tensors found theirs in ``source``, and which, by path, did not."""

    matched: int
    total: int
    source: str
    unmatched: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as a sentence without its full stop."""
        if self.source == "none":
            return f"random weights: {counted(self.total, 'tensor')}"
        return f"{self.matched:,} of {counted(self.total, 'tensor')} from {self.source}"


_READERS: dict[str, tuple[mapping.Origin, Callable[[Path], dict[str, NDArray[Any]]]]] = {
    ".pth": ("torchvision", read_pth),
    ".pt": ("torchvision", read_pth),
    ".h5": ("keras", read_h5),
    ".hdf5": ("keras", read_h5),
    ".keras": ("keras", read_keras),
    ".npz": ("own", lambda path: read_arrays(path)[0]),
}


def read_weights(path: Path) -> tuple[mapping.Origin, dict[str, NDArray[Any]]]:
    """Return whose weights a file holds, which its ending says, and its arrays by name.

    Raises
    ------
    UsageError
        If the ending is none of those that are read.
    DataError
        If the file is not what its ending says.
    """
    if path.suffix.lower() not in _READERS:
        raise UsageError(f"{path}: weights are read from files that end in {', '.join(_READERS)}")
    require_file_or_folder(path)
    origin, read = _READERS[path.suffix.lower()]
    return origin, read(path)


def load_backbone_weights(backbone: keras.Model, settings: ModelSettings, source: str | Path) -> Loaded:
    """Give a backbone its weights.

    Parameters
    ----------
    backbone
        The network from the picture to the last layer that is used: ``FasterRCNN.pretrained``.
    settings
        What it was built from.
    source
        ``"imagenet"``, ``"none"`` or a file that ends in ``.pth``, ``.h5``, ``.weights.h5``, ``.keras`` or, of ours,
        ``.npz``.

    Raises
    ------
    UsageError
        If there are no such weights, or they fit another network only.
    DataError
        If the file cannot be read, a tensor has another shape, or most have no counterpart: nothing was loaded then.
    """
    variables = _variables(backbone)
    if source == "none":
        return Loaded(0, len(variables), "none", tuple(variables))
    path = imagenet_file(settings) if source == "imagenet" else Path(source)
    ending = _READERS.get(path.suffix.lower())
    if ending:  # before a large file is read
        mapping.refuse_foreign(settings, ending[0])
    origin, arrays = read_weights(path)
    values = _values(variables, origin, arrays)
    unmatched = tuple(sorted(variables.keys() - values.keys()))
    _require_fit(path, variables, values, unmatched)
    if origin == "keras" and settings.backbone == "mobilenet_v2":
        values = mapping.keras_mobilenet_v2_as_torchvision(values)
    for name, value in values.items():
        variables[name].variable.assign(value)
    said = f"ImageNet ({path.name})" if source == "imagenet" else str(path)
    return Loaded(len(values), len(variables), said, unmatched)


class _Slot(NamedTuple):
    """A variable, which of its layer's it is, and whether that is a depthwise convolution."""

    variable: Any
    number: int
    depthwise: bool


def _variables(backbone: keras.Model) -> dict[str, _Slot]:
    """Return the variables of a backbone by path, but for counters and the like."""
    return {
        variable.path: _Slot(variable, number, isinstance(layer, keras.layers.DepthwiseConv2D))
        for layer in backbone.layers
        for number, variable in enumerate(layer.weights)
    }


def _values(
    variables: dict[str, _Slot], origin: mapping.Origin, arrays: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of the variables that have one, by path."""
    if origin == "torchvision":
        arrays = mapping.without_prefix(arrays, "features.0.0.weight")
    found: dict[str, NDArray[Any] | None] = {}
    for path, slot in variables.items():
        if origin == "own":
            found[path] = mapping.from_own(path, arrays)
        elif origin == "keras":
            found[path] = mapping.from_keras(path, slot.number, arrays)
        else:
            found[path] = mapping.from_torchvision(path, slot.depthwise, arrays)
    return {path: value for path, value in found.items() if value is not None}


def _require_fit(
    path: Path, variables: dict[str, _Slot], values: dict[str, NDArray[Any]], unmatched: tuple[str, ...]
) -> None:
    """Raise DataError if these are weights of another network."""
    if len(values) < _FEWEST * len(variables):
        missing = ", ".join(unmatched[:_NAMED])
        raise DataError(
            f"has {len(values):,} of the backbone's {counted(len(variables), 'tensor')}; not {missing}"
            + (", …" if len(unmatched) > _NAMED else ""),
            file=path,
            remedy="give weights of this backbone",
        )
    for name, value in values.items():
        shape = tuple(variables[name].variable.shape)
        if value.shape != shape:
            raise DataError(
                f"has {_sides(value.shape)} for {name}, which is {_sides(shape)} in this backbone",
                file=path,
                remedy="give weights of this backbone and this alpha",
            )
        if not np.isfinite(value).all():
            raise DataError(f"has a number that is none in {name}", file=path, remedy="take another copy")


def _sides(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
