"""Non-maximum suppression and its relatives: what an implementation of them is held to, and timed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.catalogue.comparison import close
from detbench.operators.catalogue.nms_cases import batched_cases, matrix_cases, nms_cases, soft_cases
from detbench.operators.catalogue.nms_decay_mistakes import MATRIX_MISTAKES, SOFT_MISTAKES
from detbench.operators.catalogue.nms_mistakes import BATCHED_MISTAKES, NMS_MISTAKES
from detbench.operators.catalogue.nms_verdicts import compare_kept, compare_taken
from detbench.operators.contract import Case, Operator, Wanted, Work
from detbench.operators.inputs import clustered_boxes, distinct_scores, random_boxes
from detbench.operators.reference.matrix_nms import matrix_nms
from detbench.operators.reference.nms import batched_nms, by_falling_score, nms
from detbench.operators.reference.soft_nms import soft_nms

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OPERATORS"]

#: Boxes around one object, from a sparse picture to a dense one.
_PER_OBJECT = (5, 20, 100)

#: As many as COCO has; boxes around one object of a category.
_CATEGORIES, _PER_CATEGORY_OBJECT = 80, 20

#: Minima, maxima, sums and products of one IoU, its division, and the comparison with the threshold; and of a decay.
_IOU_OPERATIONS, _DECAY_OPERATIONS = 13, 4

#: Soft and matrix NMS look at every pair: more boxes than this are not timed.
_MOST_PAIRED = 1_000


def _timed_nms(wanted: Wanted) -> list[Case]:
    settings = {"iou_threshold": 0.7, "limit": wanted.keep}
    cases = []
    for count in wanted.boxes:
        inputs = {f"{each} boxes an object": clustered_boxes(count, each, wanted.seed) for each in _PER_OBJECT}
        inputs["random boxes"] = random_boxes(count, wanted.seed)
        cases += [
            Case(
                f"{count:,}, {series}",
                {"box": box, "score": score},
                settings,
                ("box", "score"),
                size=count,
                series=series,
            )
            for series, (box, score) in inputs.items()
        ]
    return cases


def _timed_batched(wanted: Wanted) -> list[Case]:
    series = f"{_CATEGORIES} categories"
    return [
        Case(
            f"{count:,}, {series}",
            _of_categories(count, wanted.seed),
            {"iou_threshold": 0.5, "limit": wanted.keep},
            ("box", "score", "category"),
            size=count,
            series=series,
        )
        for count in wanted.boxes
    ]


def _of_categories(count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Return boxes around objects of each category, in no order."""
    each = np.bincount(np.arange(count) % _CATEGORIES, minlength=_CATEGORIES)
    drawn = [clustered_boxes(int(n), _PER_CATEGORY_OBJECT, seed + 1_000 * c) for c, n in enumerate(each) if n]
    category = np.repeat(np.arange(_CATEGORIES, dtype=np.int32), each)
    mixed = np.random.default_rng([seed, count]).permutation(count)
    score = distinct_scores(np.concatenate([score for _, score in drawn]).astype(np.float64)[mixed])
    return {"box": np.concatenate([box for box, _ in drawn])[mixed], "score": score, "category": category[mixed]}


def _timed_soft(wanted: Wanted) -> list[Case]:
    rules = {"iou_threshold": 0.3, "sigma": 0.5, "score_threshold": 0.001, "limit": None}
    return [
        Case(f"{name}, {method}", inputs, {"method": method, **rules}, ("box", "score"), size=count, series=method)
        for name, count, inputs in _few(wanted)
        for method in ("gaussian", "linear")
    ]


def _timed_matrix(wanted: Wanted) -> list[Case]:
    return [
        Case(
            f"{name}, {kernel}",
            {**inputs, "category": np.zeros(count, dtype=np.int32)},
            {"kernel": kernel, "sigma": 2.0},
            ("box", "score", "category"),
            size=count,
            series=kernel,
        )
        for name, count, inputs in _few(wanted)
        for kernel in ("gaussian", "linear")
    ]


def _few(wanted: Wanted) -> list[tuple[str, int, dict[str, NDArray[Any]]]]:
    counts = sorted({min(count, _MOST_PAIRED) for count in wanted.boxes})
    return [
        (
            f"{count:,}, 20 boxes an object",
            count,
            dict(zip(("box", "score"), clustered_boxes(count, 20, wanted.seed), strict=True)),
        )
        for count in counts
    ]


def _suppression_work(case: Case, expected: NDArray[np.intp]) -> Work:
    """Count what greedy suppression cannot do without.

    A grid over the kept boxes comes near this count of tests, but not near the time that they take at the rate of a
    matrix product.
    """
    box, score = case.inputs["box"], case.inputs["score"]
    count, kept, limit = len(score), len(expected), case.settings["limit"]
    looked_at = count
    if limit is not None and kept >= limit and kept:
        looked_at = int(np.flatnonzero(by_falling_score(score) == expected[-1])[0]) + 1
    tests = looked_at - kept + _overlapping(box[expected], case.inputs.get("category", np.zeros(count))[expected])
    return Work(
        _bytes_in(case) + 8 * kept,
        count + round(looked_at * np.log2(max(looked_at, 2))) + _IOU_OPERATIONS * tests,
        "boxes and scores read once, rows written; a look at every score, log2 comparisons to order those down to the "
        f"last kept, and {_IOU_OPERATIONS} operations for the IoU of each dropped box with one that drops it and of "
        "each two kept ones that overlap at all",
        "each box waits for the verdict on those before it, and boxes are read in the order of their scores, at random "
        "places in memory, while the bound's rates are those of streams and of matrix products; whom to test a box "
        "with must be found first",
    )


def _soft_work(case: Case, expected: tuple[NDArray[np.intp], NDArray[Any]]) -> Work:
    row = expected[0]
    pairs = _overlapping(case.inputs["box"][row], np.zeros(len(row)))
    return Work(
        _bytes_in(case) + 8 * len(row) + expected[1].nbytes,
        round(len(row) * np.log2(max(len(row), 2))) + (_IOU_OPERATIONS + _DECAY_OPERATIONS) * pairs,
        "boxes and scores read once, rows and scores written; log2 comparisons to order what is taken, and "
        f"{_IOU_OPERATIONS + _DECAY_OPERATIONS} operations for each two taken boxes that overlap",
        "boxes are taken one after another, and for each the highest of all scores that are left is looked for and the "
        "IoU with all that are left computed, of which only those that are not 0 are counted; an exponential takes as "
        "long as dozens of operations",
    )


def _matrix_work(case: Case, expected: NDArray[Any]) -> Work:
    count = len(expected)
    pairs = _overlapping(case.inputs["box"], case.inputs["category"])
    return Work(
        _bytes_in(case) + expected.nbytes,
        round(count * np.log2(max(count, 2))) + (_IOU_OPERATIONS + _DECAY_OPERATIONS) * pairs,
        "boxes and scores read once, scores written; log2 comparisons to order the boxes, and "
        f"{_IOU_OPERATIONS + _DECAY_OPERATIONS} operations for each two of a category that overlap",
        "whether two boxes overlap is known once they were compared: all pairs are, and only those that overlap are "
        "counted; no score can be decayed before the largest IoU of all above it is known; an exponential takes as "
        "long as dozens of operations",
    )


def _bytes_in(case: Case) -> int:
    return sum(array.nbytes for array in case.inputs.values())


def _overlapping(box: NDArray[Any], category: NDArray[Any]) -> int:
    """Return how many pairs of boxes of the same category have a point in common."""
    found = 0
    for i in range(len(box)):
        one, rest = box[i], box[i + 1 :]
        apart = (rest[:, 0] >= one[2]) | (rest[:, 2] <= one[0]) | (rest[:, 1] >= one[3]) | (rest[:, 3] <= one[1])
        found += int(np.count_nonzero(~apart & (category[i + 1 :] == category[i])))
    return found


OPERATORS = (
    Operator(
        name="nms",
        title="NMS",
        group="nms",
        reference=nms,
        cases=nms_cases,
        compare=compare_kept,
        error_unit="rows",
        mistakes=NMS_MISTAKES,
        timed=_timed_nms,
        work=_suppression_work,
    ),
    Operator(
        name="batched-nms",
        title="Batched NMS",
        group="nms",
        reference=batched_nms,
        cases=batched_cases,
        compare=compare_kept,
        error_unit="rows",
        mistakes=BATCHED_MISTAKES,
        timed=_timed_batched,
        work=_suppression_work,
    ),
    Operator(
        name="soft-nms",
        title="Soft-NMS",
        group="nms",
        reference=soft_nms,
        cases=soft_cases,
        compare=compare_taken,
        error_unit="largest difference",
        mistakes=SOFT_MISTAKES,
        timed=_timed_soft,
        work=_soft_work,
    ),
    Operator(
        name="matrix-nms",
        title="Matrix NMS",
        group="nms",
        reference=matrix_nms,
        cases=matrix_cases,
        compare=close(1e-5, 1e-6, "score"),
        error_unit="largest difference",
        mistakes=MATRIX_MISTAKES,
        timed=_timed_matrix,
        work=_matrix_work,
    ),
)
