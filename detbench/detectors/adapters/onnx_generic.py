"""Which adapter an ONNX file is for: told by its inputs and outputs, or asked for; never guessed between two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from detbench.detectors.adapters.contract import ModelError
from detbench.detectors.adapters.onnx_detr import DetrAdapter, RtDetrAdapter
from detbench.detectors.adapters.onnx_session import open_session
from detbench.detectors.adapters.onnx_torchvision import TorchvisionAdapter
from detbench.detectors.adapters.onnx_yolov8 import Yolov8Adapter
from detbench.detectors.adapters.onnx_yolox import YoloxAdapter
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from detbench.detectors.adapters.contract import Adapter, Wanted
    from detbench.detectors.adapters.onnx_session import OnnxSession

__all__ = ["ONNX_ADAPTERS", "open_onnx"]


class _Kind(Protocol):
    """An adapter's class: it says whether a file is for it, and opens it."""

    def fits(self, session: OnnxSession, /) -> bool: ...

    def __call__(self, session: OnnxSession, wanted: Wanted, /) -> Any: ...


#: Name → adapter, as ``--adapter`` takes them.
ONNX_ADAPTERS: dict[str, _Kind] = {
    "yolox": YoloxAdapter,
    "yolov8": Yolov8Adapter,
    "torchvision": TorchvisionAdapter,
    "detr": DetrAdapter,
    "rtdetr": RtDetrAdapter,
}


def open_onnx(path: Path, wanted: Wanted, adapter: str | None) -> Adapter:
    """Return the adapter of an ONNX file: the one that is asked for, or the one that it can only be.

    Raises
    ------
    DataError
        If the file is no ONNX model, or no adapter takes it, or two do.
    UsageError
        If there is no such adapter, or the model cannot do what is asked for.
    """
    if adapter is not None and adapter not in ONNX_ADAPTERS:
        raise UsageError(f"there is no adapter {adapter!r}; for ONNX files there are {', '.join(ONNX_ADAPTERS)}")
    session = open_session(path, wanted.device)
    try:
        name = adapter or _recognised(session)
        opened: Adapter = ONNX_ADAPTERS[name](session, wanted)
    except ModelError as error:
        raise DataError(str(error), file=path) from error
    return opened


def _recognised(session: OnnxSession) -> str:
    """Return the name of the one adapter that a file is for. Raises DataError."""
    found = [name for name, kind in ONNX_ADAPTERS.items() if kind.fits(session)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"could be for {' or '.join(found)}: {session.described()}",
            file=session.path,
            remedy="say which with --adapter",
        )
    raise DataError(
        f"is for no adapter that detbench has ({', '.join(ONNX_ADAPTERS)}): {session.described()}",
        file=session.path,
        remedy="write a function that runs it and returns boxes, scores, categories, and give FILE.py:FUNCTION",
    )
