"""Anchors: reference boxes and the grid of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import NEW_MEMORY, close
from detbench.operators.catalogue.drawing import boxes
from detbench.operators.contract import Case, Mistake, Operator, Work
from detbench.operators.reference.anchors import anchor_grid, reference_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.operators.contract import Wanted

__all__ = ["OPERATORS", "PYRAMID"]

#: Height and width of the maps of a 1,333 × 800 picture at strides 4, 8 and 16, canvas padded: the finest has 258,048
#: anchors, three a cell.
PYRAMID = ((4, 256, 336), (8, 128, 168), (16, 64, 84))

#: Luminoth's single map at stride 16 with fifteen anchors a cell.
_SINGLE = ((16, 38, 50), (16, 50, 68))


def _reference_cases() -> list[Case]:
    def case(
        name: str,
        base: float,
        scales: tuple[float, ...],
        ratios: tuple[float, ...],
        traits: frozenset[str] = frozenset(),
    ) -> Case:
        return Case(name, {}, {"base_size_px": base, "scales": scales, "ratios": ratios}, traits=traits)

    return [
        case("one square", 16, (1,), (1,)),
        case("another scale", 16, (2,), (1,)),
        case("higher than wide", 16, (1,), (4,)),
        case("wider than high", 16, (1,), (0.5,)),
        case("several ratios and scales", 16, (1, 2, 4), (0.5, 1)),
        case("the original's", 256, (0.25, 0.5, 1, 2), (0.5, 1, 2)),
        case("nothing is whole", 10.3, (2 ** (1 / 3), 0.7), (0.37, 1.9)),
        case("no scale", 16, (), (1,), frozenset({"empty"})),
    ]


def _sized(width: Any, height: Any) -> Any:
    """Return boxes of these sides around the origin."""
    return np.stack([-width / 2, -height / 2, width / 2, height / 2], axis=1).astype(np.float32)


def _combined(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> tuple[Any, Any]:
    """Return the side and the ratio of each reference box."""
    ratio, scale = np.meshgrid(np.asarray(ratios, float), np.asarray(scales, float), indexing="ij")
    return base_size_px * scale.ravel(), ratio.ravel()


def _area_grows(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> Any:
    side, ratio = _combined(base_size_px, scales, ratios)
    return _sized(side, side * ratio)


def _scaled_area(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> Any:
    return reference_boxes(base_size_px, np.sqrt(np.asarray(scales, float)).tolist(), ratios)


def _scales_outermost(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> Any:
    shape = (len(ratios), len(scales), 4)
    return reference_boxes(base_size_px, scales, ratios).reshape(shape).swapaxes(0, 1).reshape(-1, 4)


def _ratio_inverted(base_size_px: float, scales: Sequence[float], ratios: Sequence[float]) -> Any:
    return reference_boxes(base_size_px, scales, [1 / ratio for ratio in ratios])


_REFERENCE_MISTAKES = (
    Mistake(
        "ratio inverted",
        _ratio_inverted,
        "A ratio is height over width: with a ratio of 2 a box is twice as high as wide, not twice as wide as high.",
    ),
    Mistake(
        "scales outermost",
        _scales_outermost,
        "The boxes are right, their order is not: all scales of the first ratio come first, then those of the second.",
    ),
    Mistake(
        "area grows with the ratio",
        _area_grows,
        "A ratio must not change the area: multiply the height by √ratio and divide the width by √ratio.",
    ),
    Mistake(
        "scale of the area",
        _scaled_area,
        "A scale multiplies the side, not the area: at scale 2 a box has four times the area.",
    ),
    Mistake(
        "a pixel less",
        lambda base_size_px, scales, ratios: (
            reference_boxes(base_size_px, scales, ratios) + np.array([0.5, 0.5, -0.5, -0.5], np.float32)
        ),
        "Each side is a pixel too short: a box is continuous here and reaches from −w/2 to w/2, not to (w − 1)/2.",
    ),
    Mistake(
        "corner at the origin",
        lambda base_size_px, scales, ratios: (
            (box := reference_boxes(base_size_px, scales, ratios)) - box[:, [0, 1, 0, 1]]
        ),
        "The boxes begin at the origin; they should lie around it, from −w/2 to w/2.",
    ),
    Mistake(
        "whole pixels",
        lambda base_size_px, scales, ratios: np.round(reference_boxes(base_size_px, scales, ratios)),
        "The sides are rounded to whole pixels; keep the fractions.",
    ),
)


def _grid_cases() -> list[Case]:
    square, tall = [-8.0, -8, 8, 8], [-2.5, -10, 2.5, 10]

    def case(name: str, reference: Any, height: int, width: int, stride_px: float, *traits: str, **more: float) -> Case:
        settings = {"height": height, "width": width, "stride_px": stride_px, **more}
        return Case(name, {"reference": reference}, settings, ("reference",), frozenset(traits))

    return [
        case("one cell", boxes(square), 1, 1, 16),
        case("two cells side by side", boxes(square), 1, 2, 16),
        case("two cells one above the other", boxes(square), 2, 1, 16),
        case("two anchors", boxes(square, tall), 1, 2, 16),
        case("more columns than rows", boxes(square, tall), 2, 3, 8),
        case("corners of cells", boxes(tall), 2, 3, 16, centre=0.0),
        case("an odd stride", boxes(square, tall), 3, 2, 7),
        case("a fractional stride", boxes(tall), 2, 2, 10.25),
        case("fifteen anchors", boxes(*([-k, -2 * k, k, 2.0 * k] for k in range(1, 16))), 4, 5, 16),
        case("a long strip", boxes(square), 1, 40, 32),
        case("no cell", boxes(square), 0, 3, 16, "empty"),
        case("no anchor", boxes(), 2, 3, 16, "empty"),
    ]


def _laid(
    order: tuple[int, int, int, int], reference: Any, height: int, width: int, stride: float, centre: float
) -> Any:
    """Return the right anchors with their axes in another order."""
    grid = anchor_grid(reference, height, width, stride, centre).reshape(height, width, len(reference), 4)
    return grid.transpose(order).reshape(-1, 4)


def _turned(reference: Any, height: int, width: int, stride_px: float, centre: float = 0.5) -> Any:
    """Return the grid with x moved by the row and y by the column."""
    row, column = np.indices((height, width))
    shift = ((np.stack([row, column, row, column], axis=-1) + centre) * stride_px).astype(np.float32)
    return (shift[:, :, None] + reference).reshape(-1, 4)


_GRID_MISTAKES = (
    Mistake(
        "rows for columns",
        _turned,
        "Rows and columns are swapped: x grows with the column j, y with the row i.",
    ),
    Mistake(
        "column by column",
        lambda reference, height, width, stride_px, centre=0.5: _laid(
            (1, 0, 2, 3), reference, height, width, stride_px, centre
        ),
        "The anchors are right, but listed column by column; list them row by row, as the map lies in memory.",
    ),
    Mistake(
        "anchor by anchor",
        lambda reference, height, width, stride_px, centre=0.5: _laid(
            (2, 0, 1, 3), reference, height, width, stride_px, centre
        ),
        "The anchors are right, but listed shape by shape; all shapes of the first cell come first, then the second's.",
    ),
    Mistake(
        "corner instead of centre",
        lambda reference, height, width, stride_px, centre=0.5: anchor_grid(
            reference, height, width, stride_px, centre=0.0
        ),
        "Anchors lie at the corners of their cells; add `centre` to row and column, then multiply by the stride.",
    ),
    Mistake(
        "centre instead of corner",
        lambda reference, height, width, stride_px, centre=0.5: anchor_grid(
            reference, height, width, stride_px, centre=0.5
        ),
        "`centre` is not looked at: with 0 anchors lie at the corners of their cells, not in the middle.",
    ),
    Mistake(
        "centre in pixels",
        lambda reference, height, width, stride_px, centre=0.5: (
            anchor_grid(reference, height, width, stride_px, 0.0) + np.float32(centre)
        ),
        "`centre` is added in pixels; it counts cells: (j + centre) · stride, not j · stride + centre.",
    ),
    Mistake(
        "half a stride in whole pixels",
        lambda reference, height, width, stride_px, centre=0.5: (
            anchor_grid(reference, height, width, stride_px, 0.0) + np.float32(stride_px * centre // 1)
        ),
        "Half an odd stride is rounded down: divide with `/`, not with `//`.",
    ),
    Mistake(
        "no stride",
        lambda reference, height, width, stride_px, centre=0.5: anchor_grid(
            reference, height, width, 1, centre * stride_px
        ),
        "Anchors are a pixel apart; multiply row and column by the stride.",
    ),
)


def _timed_grid(wanted: Wanted) -> list[Case]:
    """Return the grids of a pyramid's maps and of a single map; their sizes are given, whatever is wanted of boxes."""
    del wanted
    return [
        Case(
            f"{height} × {width} cells, {len(scales) * 3} anchors each",
            {"reference": reference_boxes(base, scales, (0.5, 1, 2))},
            {"height": height, "width": width, "stride_px": stride, "centre": 0.5},
            size=height * width * len(scales) * 3,
            series=series,
        )
        for series, base, scales, maps in (
            ("a pyramid's maps, 3 anchors a cell", 32, (1,), PYRAMID[::-1]),
            ("a single map, 15 anchors a cell", 256, (0.125, 0.25, 0.5, 1, 2), _SINGLE),
        )
        for stride, height, width in maps
    ]


def _grid_work(case: Case, expected: Any) -> Work:
    reference = case.inputs["reference"]
    return Work(
        reference.nbytes + expected.nbytes,
        expected.size,
        "each anchor written once; an addition a coordinate",
        "NumPy makes an array of the shifts first, and adds in inner loops of a few numbers, the corners of one box; "
        f"{NEW_MEMORY}",
    )


OPERATORS = (
    Operator(
        "reference-boxes",
        "Reference boxes",
        "",
        reference_boxes,
        _reference_cases,
        close(1e-5, 1e-5, "box"),
        "largest difference, pixels",
        _REFERENCE_MISTAKES,
    ),
    Operator(
        "anchor-grid",
        "Anchor grid",
        "anchors",
        anchor_grid,
        _grid_cases,
        close(1e-6, 1e-3, "anchor"),
        "largest difference, pixels",
        _GRID_MISTAKES,
        _timed_grid,
        _grid_work,
    ),
)
