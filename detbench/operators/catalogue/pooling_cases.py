"""The hard cases of RoI pooling: regions where rules differ, on maps small enough to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from detbench.operators.contract import Case

__all__ = ["align_cases", "common_cases"]

#: A map of 5 × 9 cells of 16 pixels: sides less 1 are powers of two, so that borders are met exactly.
_SHAPE = (1, 5, 9, 2)

_INSIDE = (36.0, 20.0, 101.0, 59.0)


def _case(
    name: str,
    region: Any,
    *traits: str,
    shape: tuple[int, int, int, int] = _SHAPE,
    image: Any = None,
    stride_px: float = 16.0,
    lowered: float = 0.0,
    **settings: Any,
) -> Case:
    rng = np.random.default_rng([7, *shape])
    table = np.array(region, dtype=np.float32).reshape(-1, 4)
    inputs = {
        "feature": rng.standard_normal(shape, dtype=np.float32) - np.float32(lowered),
        "region": table,
        "image": np.zeros(len(table), np.int32) if image is None else np.array(image, np.int32),
    }
    return Case(name, inputs, {"stride_px": stride_px, **settings}, rows=("region", "image"), traits=frozenset(traits))


def _drawn(count: int, seed: int, spread_px: float = 60.0) -> Any:
    """Return regions about the map: some leave it, a few are without area or inverted."""
    rng = np.random.default_rng(seed)
    centre, half = rng.uniform(-10, 1, (count, 2)) * (-14, -8), rng.normal(spread_px / 2, spread_px / 3, (count, 2))
    return np.concatenate([centre - half, centre + half], axis=1)


def common_cases(bins: str, few: tuple[int, int], least: int = 1) -> list[Case]:
    """Return the cases that every way of pooling has; ``bins`` is its parameter, ``few`` and ``least`` small values."""

    def case(name: str, region: Any, *traits: str, **more: Any) -> Case:
        return _case(name, region, *traits, **{bins: few} | more)

    def wide(channels: int) -> tuple[int, int, int, int]:
        return (1, 5, 9, channels)

    return [
        case("one region", _INSIDE),
        _case("the usual number of bins", _INSIDE),
        case("the whole map", [0, 0, 128, 64]),
        case("the whole picture", [0, 0, 144, 80]),
        case("inside one cell", [[34, 18, 44, 30], [49, 33, 51, 35]]),
        case("on borders of cells", [[16, 16, 64, 48], [32, 0, 128, 64]]),
        case("half a pixel off", [[16.5, 15.5, 63.5, 48.5], [31.5, 0.5, 96.5, 40.5]]),
        case("halves of a cell", [[8, 8, 40, 24], [24, 40, 56, 56], [-8, -24, 24, 8]]),
        case("several regions", _drawn(12, 3)),
        case("partly outside", [[-40, -20, 50, 30], [90, 40, 190, 130], [-30, -30, 180, 120]], "outside"),
        case(
            "outside on each side",
            [[-90, 10, -40, 50], [10, -90, 60, -40], [200, 10, 260, 50], [10, 150, 60, 200]],
            "outside",
        ),
        case("negative coordinates", [[-21, -13, 27, 19], [-7, 3, 41, 50]], "outside"),
        case("no area", [[40, 24, 40, 24], [40, 10, 40, 50], [10, 24, 90, 24]], "no area"),
        case("inverted", [[100, 50, 30, 20], [30, 50, 100, 20]], "no area"),
        case("a huge region", [-5000, -3000, 5100, 3100], "outside"),
        case(
            "several images, out of order",
            _drawn(7, 5),
            shape=(3, 5, 9, 2),
            image=[2, 0, 1, 2, 2, 0, 1],
        ),
        case("one channel", _drawn(3, 6), shape=wide(1)),
        case("three channels", _drawn(3, 7), shape=wide(3)),
        case("seventeen channels", _drawn(3, 8), shape=wide(17)),
        case("a hundred channels", _drawn(3, 9), shape=wide(100)),
        case("a map of one row", _drawn(4, 10), shape=(1, 1, 9, 2)),
        case("a map of one column", _drawn(4, 11), shape=(1, 9, 1, 2)),
        case("a map of one cell", _drawn(4, 12), shape=(1, 1, 1, 2)),
        case("the fewest bins", _drawn(4, 13), **{bins: (least, least)}),
        case("more bins across than down", _drawn(4, 14), **{bins: (2, 6)}),
        case("more bins down than across", _drawn(4, 15), **{bins: (6, 2)}),
        case("a stride of 1", _drawn(4, 16) / 16, stride_px=1.0),
        case("a stride of 10", _drawn(4, 17) / 1.6, stride_px=10.0),
        case("a stride of 7.5", _drawn(4, 19) * 0.47, stride_px=7.5),
        case("values below 0", _drawn(5, 18, 110), "outside", lowered=5.0),
        case("no regions", [], "empty"),
    ]


def align_cases() -> list[Case]:
    """Return the cases of RoIAlign."""
    few: dict[str, Any] = {"output_size": (2, 3)}
    tiny = [[40, 24, 42, 27], [40, 24, 40, 24], [60, 20, 63, 60]]
    return [
        *common_cases("output_size", (2, 3)),
        _case("one point a bin", _drawn(6, 20), sampling_ratio=1, **few),
        _case("three points a bin", _drawn(6, 21), sampling_ratio=3, **few),
        _case("five points a bin", _drawn(6, 23), sampling_ratio=5, **few),
        _case("as many points as cells", [[3, 5, 120, 66], [40, 20, 60, 31]], "adaptive sampling", sampling_ratio=0),
        _case(
            "as many points as cells, outside",
            [[-230, -110, 300, 190], [9, 13, 11, 17]],
            "adaptive sampling",
            "outside",
            sampling_ratio=0,
            **few,
        ),
        _case(
            "no area, as many points as cells",
            [[40, 24, 40, 24], [40, 10, 40, 50], [90, 50, 30, 20]],
            "adaptive sampling",
            "no area",
            sampling_ratio=0,
            **few,
        ),
        _case("exactly a cell outside", [[-16, -16, 0, 0], [144, 80, 160, 96]], output_size=(1, 1), sampling_ratio=1),
        _case("legacy", _INSIDE, "legacy", aligned=False, **few),
        _case("legacy, several regions", _drawn(8, 22), "legacy", aligned=False, **few),
        _case("legacy, smaller than a cell", tiny, "legacy", aligned=False, **few),
        _case("legacy, inverted", [[100, 50, 30, 20]], "legacy", "no area", aligned=False, **few),
        _case(
            "legacy, as many points as cells",
            [*tiny, [3, 5, 120, 66]],
            "legacy",
            "adaptive sampling",
            aligned=False,
            sampling_ratio=0,
            **few,
        ),
        _case("smaller than a cell", tiny, **few),
    ]
