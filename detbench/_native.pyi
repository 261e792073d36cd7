"""Types of the native part; what each function does is said at its twin."""

import numpy as np
from numpy.typing import NDArray

LANES: int

def match(
    *,
    truth_box: NDArray[np.float64],
    truth_area: NDArray[np.float64],
    truth_ignored: NDArray[np.uint64],
    truth_crowd: NDArray[np.uint8],
    truth_void: NDArray[np.uint8],
    box: NDArray[np.float64],
    area: NDArray[np.float64],
    outside: NDArray[np.uint64],
    groups: NDArray[np.int64],
    thresholds: NDArray[np.float64],
    area_count: int,
    iou_above: bool,
    inclusive: bool,
    best_only: bool,
    threads: int,
    found: NDArray[np.uint64],
    not_counted: NDArray[np.uint64],
    partner: NDArray[np.int32],
) -> None: ...

class Resampler:
    def __init__(
        self,
        *,
        image: NDArray[np.int32],
        rank: NDArray[np.int32],
        found: NDArray[np.uint64],
        not_counted: NDArray[np.uint64],
        offsets: NDArray[np.int64],
        truth_image: NDArray[np.int32],
        truth_ignored: NDArray[np.uint64],
        truth_offsets: NDArray[np.int64],
        bit_count: int,
        levels: NDArray[np.float64],
        interpolation: int,
        max_dets: NDArray[np.int32],
    ) -> None: ...
    def block(
        self, *, weight: NDArray[np.uint8], average_precision: NDArray[np.float64], recall: NDArray[np.float64]
    ) -> None: ...

def weighted_sums(per_image: NDArray[np.float64], weight: NDArray[np.uint8], out: NDArray[np.float64]) -> None: ...
def pairwise_iou(
    a: NDArray[np.float64],
    area_a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_b: NDArray[np.float64],
    crowd_b: NDArray[np.uint8],
    inclusive: bool,
    out: NDArray[np.float64],
) -> None: ...
