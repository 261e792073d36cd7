"""Types of the native part; what each function does is said at its twin."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

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
def order(
    *,
    truth_category: NDArray[np.int32],
    truth_image: NDArray[np.int32],
    category: NDArray[np.int32],
    image: NDArray[np.int32],
    score: NDArray[np.float64],
    category_count: int,
    image_count: int,
    limit: int,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]: ...
def accumulate(
    *,
    score: NDArray[np.float64],
    rank: NDArray[np.int32],
    found: NDArray[np.uint64],
    not_counted: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    truth_ignored: NDArray[np.uint64],
    truth_offsets: NDArray[np.int64],
    max_dets: NDArray[np.int32],
    interpolation: str,
    threads: int,
    precision: NDArray[np.float64],
    average_precision: NDArray[np.float64],
    recall: NDArray[np.float64],
    truth_count: NDArray[np.int64],
) -> None: ...

class Scores:
    """What :func:`score_files` found; the columns are named as the fields of detbench's tables."""

    @property
    def image_count(self) -> int: ...
    @property
    def category_count(self) -> int: ...
    @property
    def ground_truth_count(self) -> int: ...
    @property
    def prediction_count(self) -> int: ...
    def mean_precision(self, first: int, last: int, area: int) -> float | None: ...
    def mean_recall(self, first: int, last: int, area: int, max_dets: int) -> float | None: ...
    def image_columns(self) -> dict[str, Any]: ...
    def category_columns(self) -> dict[str, Any]: ...
    def ground_truth_columns(self) -> dict[str, Any]: ...
    def prediction_columns(self) -> dict[str, Any]: ...
    def task_columns(self) -> dict[str, Any]: ...
    def match_columns(self) -> dict[str, Any]: ...
    def curve_columns(self) -> dict[str, Any]: ...

def score_files(
    ground_truth: bytes,
    predictions: bytes,
    *,
    thresholds: Sequence[float],
    areas: Sequence[tuple[float, float]],
    max_dets: Sequence[int | None],
    interpolation: str,
    best_only: bool,
    iou_above: bool,
    inclusive: bool,
    ignore_difficult: bool,
    ignore_marked: bool,
    id_zero_is_unmatched: bool,
    threads: int,
) -> Scores | None: ...
def read_ground_truth(path: bytes, threads: int) -> Scores | None: ...
def nms(
    box: NDArray[np.floating[Any]],
    score: NDArray[np.floating[Any]],
    category: NDArray[np.int32] | None,
    iou_threshold: float,
    limit: int,
) -> NDArray[np.int64]: ...
def soft_nms(
    box: NDArray[np.floating[Any]],
    score: NDArray[np.floating[Any]],
    gaussian: bool,
    iou_threshold: float,
    sigma: float,
    score_threshold: float,
    limit: int,
) -> tuple[NDArray[np.int64], NDArray[Any]]: ...
def pairwise_iou(
    a: NDArray[np.float64],
    area_a: NDArray[np.float64],
    b: NDArray[np.float64],
    area_b: NDArray[np.float64],
    crowd_b: NDArray[np.uint8],
    inclusive: bool,
    out: NDArray[np.float64],
) -> None: ...
def unfilled(shape: Sequence[int], wide: bool) -> NDArray[np.floating]: ...
def box_overlaps(
    name: str,
    a: NDArray[np.floating],
    angle_a: NDArray[np.floating],
    b: NDArray[np.floating],
    angle_b: NDArray[np.floating],
    threads: int,
    out: NDArray[np.floating],
) -> None: ...
def roi_align(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    points: int,
    aligned: bool,
    threads: int,
    out: NDArray[np.floating],
) -> None: ...
def roi_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    threads: int,
    out: NDArray[np.floating],
) -> None: ...
def crop_and_resize(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    threads: int,
    out: NDArray[np.floating],
) -> None: ...
def crop_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    points_down: int,
    points_across: int,
    threads: int,
    out: NDArray[np.floating],
) -> None: ...
def scan_predictions(path: str | PathLike[str], threads: int, piece_bytes: int = ...) -> dict[str, Any] | None: ...
def scan_ground_truth(path: str | PathLike[str], threads: int, piece_bytes: int = ...) -> dict[str, Any] | None: ...

class PredictionStream:
    def __init__(self, path: str | PathLike[str], piece_bytes: int = ...) -> None: ...
    def next(self) -> dict[str, Any] | None: ...
    @property
    def unusual(self) -> bool: ...

def overlaps(
    *,
    truth_box: NDArray[np.float64],
    truth_area: NDArray[np.float64],
    truth_row: NDArray[np.int32],
    truth_offsets: NDArray[np.int64],
    box: NDArray[np.float64],
    area: NDArray[np.float64],
    row: NDArray[np.int32],
    offsets: NDArray[np.int64],
    at_least: float,
    inclusive: bool,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]: ...
