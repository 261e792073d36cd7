"""The first lines of a piece: functions with the reference's parameters, and nothing in them."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING

from detbench.operators.registry import operator_named

if TYPE_CHECKING:
    from detbench.operators.course.pieces import Piece

__all__ = ["stub"]


def stub(piece: Piece) -> str:
    """Return Python that defines the functions of ``piece`` with their descriptions, to be filled in.

    Examples
    --------
    >>> from detbench.operators.course.pieces import piece_named
    >>> print(stub(piece_named("change-order")))  # doctest: +ELLIPSIS
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def change_order(box):
    ...
    """
    parts = [_function(operator) for operator in (*piece.operators, *piece.optional)]
    return "import numpy as np\n\n\n" + "\n\n".join(parts)


def _function(operator: str) -> str:
    reference = operator_named(operator).reference
    form = inspect.signature(reference)
    parameters = [one.replace(annotation=inspect.Parameter.empty) for one in form.parameters.values()]
    bare = form.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    words = (inspect.getdoc(reference) or "").partition("\nExamples\n---")[0].rstrip()
    text = f'"""{words}\n"""' if "\n" in words else f'"""{words}"""'
    return f"def {operator.replace('-', '_')}{bare}:\n{textwrap.indent(text, '    ')}\n"
