"""An ONNX file that is open: what goes in, what comes out, what it says of itself."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.detectors.adapters.contract import ModelError
from detbench.errors import DataError, UsageError
from detbench.files import require_utf8_name
from detbench.words import brief, raised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["OnnxSession", "Tensor", "open_session"]

#: onnxruntime's names of element types → NumPy's.
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

#: onnxruntime's level of messages at which it is silent but for what ends the process.
_SILENT = 4

#: A longer list of names in a file's metadata is no list of names.
_MOST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output: its sides are None where the file leaves them open."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any] | None

    def __str__(self) -> str:
        """Return the name and the shape as a person writes them, ``images [1, 3, 416, 416]``."""
        sides = ", ".join("?" if side is None else str(side) for side in self.shape)
        return f"{brief(self.name, 60)} [{sides}]"


@dataclass(frozen=True, slots=True, eq=False)
class OnnxSession:
    """A model of onnxruntime."""

    path: Path
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]
    device: str
    session: Any

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the outputs, in their order. Raises ModelError, with what onnxruntime says."""
        try:
            found: list[NDArray[Any]] = self.session.run(None, dict(feeds))
        except Exception as error:
            raise ModelError(f"fails in onnxruntime ({raised(error)})") from error
        return found

    def described(self) -> str:
        """Return inputs and outputs in a clause."""
        inputs, outputs = (", ".join(map(str, many)) or "nothing" for many in (self.inputs, self.outputs))
        return f"its input is {inputs}, its output {outputs}"

    def names(self) -> tuple[str, ...] | None:
        """Return the names of categories in the metadata, as Ultralytics writes them; None where there are none."""
        text = self.metadata.get("names", "")
        if not text or len(text) > _MOST_TEXT:
            return None
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        listed = [found[key] for key in sorted(found)] if _is_numbered(found) else found
        whole = isinstance(listed, (list, tuple)) and all(isinstance(one, str) for one in listed)
        return tuple(listed) if whole and listed and len(set(listed)) == len(listed) else None


def _is_numbered(found: Any) -> bool:
    """Whether it is a dict with the keys 0, 1, 2 …."""
    return isinstance(found, dict) and set(found) == set(range(len(found)))


def open_session(path: Path, device: str) -> OnnxSession:
    """Open an ONNX file on ``auto``, ``cpu`` or ``gpu``.

    Raises
    ------
    DataError
        If onnxruntime cannot read it.
    UsageError
        If onnxruntime is not installed, or has no such device.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("ONNX models need onnxruntime: pip install 'detbench[onnx]'") from error
    require_utf8_name(path)
    providers = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        raise DataError(
            f"is not an ONNX model that can be run ({raised(error)})", file=path, remedy="export or download it again"
        ) from error
    used = session.get_providers()[0]
    if device == "gpu" and used != _CUDA:
        raise UsageError("onnxruntime could not use the GPU for this model; say --device cpu")
    return OnnxSession(
        path,
        tuple(map(_tensor, session.get_inputs())),
        tuple(map(_tensor, session.get_outputs())),
        dict(session.get_modelmeta().custom_metadata_map),
        "gpu" if used == _CUDA else "cpu",
        session,
    )


def _providers(device: str, available: list[str]) -> list[str]:
    if device == "gpu" and _CUDA not in available:
        raise UsageError("this onnxruntime cannot use a GPU; install onnxruntime-gpu, or say --device cpu")
    return [_CUDA, _CPU] if device != "cpu" and _CUDA in available else [_CPU]


def _tensor(argument: Any) -> Tensor:
    sides = tuple(side if isinstance(side, int) and side > 0 else None for side in argument.shape or ())
    kind = _TYPES.get(argument.type)
    return Tensor(argument.name, sides, None if kind is None else np.dtype(kind))
