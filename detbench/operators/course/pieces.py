"""The pieces of the course, in their order, and the names by which a person may call them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from detbench.errors import UsageError
from detbench.operators.registry import operators

__all__ = ["PIECES", "STEPS", "Piece", "names", "piece_named"]

#: The ways in which the course writes each operator, slowest first; a function's name may end in one of them.
STEPS = ("loops", "numpy", "tensorflow")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the course: some operators to be written.

    Parameters
    ----------
    number, name, title
        Its place; ``"generate-anchors"``; what it gives, in a clause. A single operator has the number 0.
    operators
        What has to be written. A file with one of them and not the others is not done.
    optional
        What may be written too, or instead where ``operators`` is empty: then one of them has to be.
    also
        Other names for it.
    """

    number: int
    name: str
    title: str
    operators: tuple[str, ...]
    optional: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def functions(self) -> dict[str, tuple[str, ...]]:
        """Return each operator with the names of functions that may be it, without steps, the usual one first."""
        found: dict[str, tuple[str, ...]] = {
            operator: (operator.replace("-", "_"),) for operator in (*self.operators, *self.optional)
        }
        if self.number and len(self.operators) == 1:
            (only,) = self.operators
            found[only] = tuple(dict.fromkeys((*found[only], self.name.replace("-", "_"))))
        return found


PIECES = (
    Piece(
        1,
        "generate-anchors",
        "boxes of all sizes and shapes on every cell of a feature map",
        ("reference-boxes", "anchor-grid"),
        also=("anchors",),
    ),
    Piece(
        2,
        "centre-and-size",
        "a box as its centre and its sides, and back",
        ("centre-and-size",),
        ("corners",),
        ("centre",),
    ),
    Piece(3, "encode", "what a network should answer to turn an anchor into a box", ("encode",)),
    Piece(4, "decode", "the box that a network's answer means", ("decode",)),
    Piece(5, "rpn-head", "a score and four numbers for every anchor", ("rpn-head",), also=("rpn",)),
    Piece(6, "keep-top-n", "the boxes with the highest scores", ("keep-top-n",), also=("top-n",)),
    Piece(
        7,
        "filter-proposals",
        "boxes inside the picture that are not too small",
        ("filter-boxes",),
        ("clip-boxes",),
        ("filter",),
    ),
    Piece(8, "change-order", "x1 y1 x2 y2 as TensorFlow wants it", ("change-order",), also=("order",)),
    Piece(9, "apply-nms", "one box where many say the same", ("nms",)),
    Piece(
        10, "normalize-boxes", "boxes in the coordinates of crop_and_resize", ("normalize-boxes",), also=("normalize",)
    ),
    Piece(
        11,
        "roi-pooling",
        "features of one size from boxes of any size",
        (),
        ("crop-max-pool", "roi-align"),
        ("roi", "pooling"),
    ),
    Piece(12, "rcnn-head", "a category and a better box for every region", ("box-head",), also=("r-cnn-head", "head")),
    Piece(13, "rpn-targets", "which anchors are objects, and which are not", ("assign-anchors",), also=("targets",)),
    Piece(14, "sampling", "as many anchors as a step learns from", ("sample-balanced",)),
    Piece(
        15,
        "losses",
        "how wrong the network is, as numbers with a slope",
        ("smooth-l1", "cross-entropy", "rpn-loss"),
        also=("loss",),
    ),
)


def names() -> list[str]:
    """Return every name that :func:`piece_named` knows, those of pieces first."""
    known = [name for piece in PIECES for name in (piece.name, *piece.also)]
    return list(dict.fromkeys([*known, *operators()]))


def piece_named(name: str) -> Piece:
    """Return the piece of this number or name, or any one operator as a piece. Raises UsageError with what is near.

    Examples
    --------
    >>> piece_named("anchors").operators, piece_named("3").name, piece_named("soft_nms").operators
    (('reference-boxes', 'anchor-grid'), 'encode', ('soft-nms',))
    """
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    for piece in PIECES:
        if plain in {piece.name, *piece.also} or (plain.isascii() and plain.isdigit() and int(plain) == piece.number):
            return piece
    if plain in operators():
        return Piece(0, plain, operators()[plain].title, (plain,))
    if plain in {str(len(PIECES) + 1), "together"}:
        raise UsageError(f"piece {len(PIECES) + 1}, together, has nothing to write: it puts the others in a row")
    near = difflib.get_close_matches(plain, names(), n=3)
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"there is no piece {name!r}; {meant}detbench grade --list shows what there is")
