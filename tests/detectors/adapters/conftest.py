"""ONNX files made on the spot: constant outputs, written in the protobuf's own wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Sides = tuple[int | str, ...]

_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int64): 7}


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _field(number: int, value: int | bytes | str) -> bytes:
    """Return a field of a message: a number, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value_info(name: str, kind: int, shape: Sides) -> bytes:
    sides = b"".join(_field(1, _field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, sides)))


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_field(1, side) for side in array.shape)
    return dims + _field(2, _TYPES[array.dtype]) + _field(8, name) + _field(9, array.tobytes())


def encoded(
    inputs: Mapping[str, Sides], outputs: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Return an ONNX model with float inputs, which it does not look at, and outputs that are always these."""
    graph = b""
    for name in outputs:
        graph += _field(1, _field(1, f"{name}.kept") + _field(2, name) + _field(4, "Identity"))
    graph += _field(2, "constant")
    for name, array in outputs.items():
        graph += _field(5, _tensor(f"{name}.kept", array))
    for name, shape in inputs.items():
        graph += _field(11, _value_info(name, 1, shape))
    for name, array in outputs.items():
        graph += _field(12, _value_info(name, _TYPES[array.dtype], array.shape))
    model = _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))
    for key, value in (metadata or {}).items():
        model += _field(14, _field(1, key) + _field(2, value))
    return model


@pytest.fixture
def onnx_file(tmp_path: Path) -> Callable[..., Path]:
    """Write an ONNX file: ``onnx_file({"images": (1, 3, 64, 64)}, {"output": array}, {"names": "..."})``."""
    pytest.importorskip("onnxruntime")

    def write(
        inputs: Mapping[str, Sides], outputs: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
    ) -> Path:
        path = tmp_path / "model.onnx"
        path.write_bytes(encoded(inputs, outputs, metadata))
        return path

    return write
