"""The native operators."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from detbench.extension import native
from detbench.operators.contract import Implementation, called

if TYPE_CHECKING:
    from detbench.operators.contract import Bound, Case

__all__ = ["IMPLEMENTATIONS"]

#: Operator → the module of ``detbench.operators.native`` that has it.
_HOMES = {
    "nms": "nms",
    "batched-nms": "nms",
    "soft-nms": "nms",
    "iou": "iou",
    "giou": "iou",
    "diou": "iou",
    "ciou": "iou",
    "roi-align": "roi_pooling",
    "roi-max-pool": "roi_pooling",
    "crop-and-resize": "roi_pooling",
    "crop-max-pool": "roi_pooling",
}


def _implementation(operator: str, module: str) -> Implementation:
    def bind(case: Case, device: str) -> Bound:
        home = import_module(f"detbench.operators.native.{module}")
        return called(getattr(home, operator.replace("-", "_")))(case, device)

    return Implementation("native", operator, bind, cannot=lambda _: None if native() else "it was not built")


IMPLEMENTATIONS = tuple(_implementation(operator, module) for operator, module in _HOMES.items())
