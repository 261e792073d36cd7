"""All operators, and all that can run them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.operators.contract import Implementation, Operator

__all__ = ["GROUPS", "implementations_of", "operator_named", "operators"]

#: What ``detbench profile`` can be asked for, in the order of a page.
GROUPS = ("nms", "roi-pooling", "iou", "anchors")

_CATALOGUE = ("anchors", "box_coding", "heads", "iou", "levels", "losses", "nms", "proposals", "roi_pooling", "targets")
_IMPLEMENTATIONS = ("numpy", "native", "tensorflow", "keras", "peers")


@cache
def operators() -> dict[str, Operator]:
    """Return every operator by its name."""
    modules = [import_module(f"detbench.operators.catalogue.{name}") for name in _CATALOGUE]
    return {operator.name: operator for module in modules for operator in module.OPERATORS}


def operator_named(name: str) -> Operator:
    """Return the operator of this name. Raises UsageError with the names that there are."""
    if name not in operators():
        raise UsageError(f"there is no operator {name!r}; there are {', '.join(operators())}")
    return operators()[name]


@cache
def implementations_of(operator: str) -> dict[str, Implementation]:
    """Return what comes with detbench that runs an operator, by name, the reference first."""
    modules = [import_module(f"detbench.operators.implementations.{name}") for name in _IMPLEMENTATIONS]
    return {found.name: found for module in modules for found in module.IMPLEMENTATIONS if found.operator == operator}
