"""Whether an answer of NMS or soft-NMS is one that the rule allows, and if not, which row is wrong and why.

Frameworks compute an IoU in another order of arithmetic, so a pair may fall on the other side of a threshold by
rounding, and then other rows follow from it. Such an answer is accepted: the rule is held up against the answer itself,
with thresholds that give by one part in a million. An overlap that is exactly the threshold, where float32 can tell, is
no rounding: it does not suppress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.operators.contract import Case, Verdict
from detbench.operators.reference.iou import iou
from detbench.operators.reference.nms import by_falling_score
from detbench.operators.reference.soft_nms import weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compare_kept", "compare_taken"]

#: How far rounding may move a threshold, and a decayed score, relative to it.
_ROUNDING, _DECAY_ROUNDING = 1e-6, 1e-5


def compare_kept(case: Case, expected: Any, got: Any) -> Verdict:
    """Return the verdict on the rows that were kept; ``error`` counts those that only one of the answers has."""
    row, problem = _rows(got, len(case.inputs["box"]), expected)
    if row is None or (problem is None and np.array_equal(row, expected)):
        return Verdict(0.0 if problem is None else np.inf, problem)
    problem = problem or _order_problem(case, row) or _overlap_problem(case, row)
    return Verdict(np.inf if problem else float(len(np.setxor1d(row, expected))), problem)


def compare_taken(case: Case, expected: Any, got: Any) -> Verdict:
    """Return the verdict on rows and decayed scores; ``error`` is the largest difference between scores."""
    if not isinstance(got, tuple | list) or len(got) != 2:  # noqa: PLR2004  rows and scores
        return Verdict(np.inf, "the answer should be a tuple of two arrays: rows, and their decayed scores")
    row, problem = _rows(got[0], len(case.inputs["box"]), expected[0])
    if row is None or problem is not None:
        return Verdict(np.inf, problem)
    try:
        score = np.asarray(got[1], dtype=np.float64)
    except (TypeError, ValueError):
        return Verdict(np.inf, "the scores do not convert to an array of numbers")
    if score.shape != row.shape:
        return Verdict(np.inf, f"there are {len(row)} rows, and the scores have the shape {score.shape}")
    theirs = np.asarray(expected[1], dtype=np.float64)
    if np.array_equal(row, expected[0]) and np.allclose(score, theirs, rtol=_DECAY_ROUNDING, atol=0):
        return Verdict(float(np.abs(score - theirs).max(initial=0.0)))
    problem, error = _replay(case, row, score)
    return Verdict(np.inf if problem else error, problem)


def _rows(got: Any, count: int, expected: NDArray[Any]) -> tuple[NDArray[Any] | None, str | None]:
    """Return ``got`` as rows of a table of ``count``, or None, and what is wrong with them as such."""
    try:
        row = np.asarray(got)
    except Exception:  # noqa: BLE001  converting what was returned may raise anything
        return None, "the answer does not convert to an array of rows"
    if row.dtype.kind == np.asarray(expected).dtype.kind and np.array_equal(row, expected):
        return row, None
    problem = None
    if row.dtype.kind == "b":
        problem = "the answer is a mask; the rows that are kept are wanted, by descending score"
    elif row.ndim != 1:
        problem = f"the answer has the shape {row.shape} and should be one column of rows"
    elif row.size and row.dtype.kind not in "iu":
        problem = f"the answer holds {row.dtype} and should hold rows, whole numbers"
    if problem:
        return None, problem
    row = row.astype(np.intp)
    return row, _impossible(row, count)


def _impossible(row: NDArray[np.intp], count: int) -> str | None:
    outside = np.flatnonzero((row < 0) | (row >= count))
    if len(outside):
        return f"there is a row {row[outside[0]]} at place {outside[0] + 1}, and there are {count} boxes"
    first = np.unique(row, return_index=True)[1]
    if len(first) < len(row):
        again = np.setdiff1d(np.arange(len(row)), first)[0]
        return f"row {row[again]} is there twice, again at place {again + 1}"
    return None


def _order_problem(case: Case, row: NDArray[np.intp]) -> str | None:
    """Return where the rows are not by descending score, or are more than the limit."""
    score, limit = case.inputs["score"], case.settings["limit"]
    rank = np.empty(len(score), dtype=np.intp)
    rank[by_falling_score(score)] = np.arange(len(score))
    late = np.flatnonzero(np.diff(rank[row]) < 0)
    if len(late):
        before, after = row[late[0]], row[late[0] + 1]
        if score[before] == score[after]:
            return f"row {after} comes after row {before} of the same score, {score[after]:.6g}: the lower row is first"
        return f"row {after} (score {score[after]:.6g}) comes after row {before} (score {score[before]:.6g})"
    if limit is not None and len(row) > limit:
        return f"{len(row)} rows are kept, and the limit is {limit}"
    return None


def _overlap_problem(case: Case, row: NDArray[np.intp]) -> str | None:
    """Follow the rule with the rows that were kept: nobody else may be missing, none of them too many."""
    box = case.inputs["box"].astype(np.float64)
    category = case.inputs.get("category", np.zeros(len(box), dtype=np.int32))
    threshold, limit = float(case.settings["iou_threshold"]), case.settings["limit"]
    left = by_falling_score(case.inputs["score"])
    most, whose = np.zeros(len(box)), np.full(len(box), -1)  # of each row: the largest IoU with one that was kept
    answered = np.zeros(len(box), dtype=bool)
    answered[row] = True

    def missing(rows: NDArray[np.intp], place: int) -> str | None:
        wrong = rows[~_may_be_dropped(most[rows], threshold)]
        if not len(wrong):
            return None
        largest = f" (largest IoU {most[wrong[0]]:.6g} with row {whose[wrong[0]]})" if most[wrong[0]] > 0 else ""
        what = f"nothing that was kept overlaps it by more than {threshold:.6g}"
        return f"row {wrong[0]} is missing at place {place + 1}: {what}{largest}"

    for place, one in enumerate(row):
        if most[one] > threshold * (1 + _ROUNDING):
            kept = f"it overlaps row {whose[one]}, which is kept before, by {most[one]:.6g}"
            return f"row {one} is kept at place {place + 1}, and {kept}: more than {threshold:.6g}"
        at = int(np.flatnonzero(left == one)[0])
        if problem := missing(left[:at], place):
            return problem
        left = left[at + 1 :]
        same = left[category[left] == category[one]]
        overlap = iou(box[one : one + 1], box[same])[0]
        more = overlap > most[same]
        most[same[more]], whose[same[more]] = overlap[more], one
        # What is dropped for certain needs no second look, unless the answer has it.
        left = left[(most[left] <= threshold * (1 + _ROUNDING)) | answered[left]]
    return missing(left, len(row)) if limit is None or len(row) < limit else None


def _may_be_dropped(overlap: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    exact = float(np.float32(threshold)) == threshold
    may: NDArray[np.bool_] = (overlap >= threshold * (1 - _ROUNDING)) & ~((overlap == threshold) & exact)
    return may


def _replay(case: Case, row: NDArray[np.intp], score: NDArray[np.float64]) -> tuple[str | None, float]:
    """Take the rows in the order of the answer: what is wrong with it, and how far its scores are off."""
    box, given = case.inputs["box"].astype(np.float64), case.inputs["score"].astype(np.float64)
    rules = case.settings
    decayed, left = given.copy(), np.ones(len(box), dtype=bool)
    lowest, error = float(rules["score_threshold"]), 0.0
    for place, one in enumerate(row):
        if decayed[one] < lowest * (1 - _DECAY_ROUNDING):
            return f"row {one} is taken at place {place + 1} with {decayed[one]:.6g}, below {lowest:.6g}", error
        best = int(np.argmax(np.where(left, decayed, -np.inf)))
        tie = best < one and decayed[best] == decayed[one] == given[one] == given[best]
        if tie or decayed[best] > decayed[one] * (1 + _DECAY_ROUNDING):
            why = "has the same score and is the lower row" if tie else f"has {decayed[best]:.6g} by then"
            return f"row {one} ({decayed[one]:.6g}) is taken at place {place + 1}, and row {best} {why}", error
        if not abs(score[place] - decayed[one]) <= _DECAY_ROUNDING * abs(decayed[one]):
            return f"the score of row {one}, at place {place + 1}, is {score[place]:.6g}, not {decayed[one]:.6g}", error
        error = max(error, abs(score[place] - decayed[one]))
        left[one] = False
        other = np.flatnonzero(left)
        overlap = iou(box[one : one + 1], box[other])[0]
        decayed[other] *= weight(overlap, rules["method"], rules["iou_threshold"], rules["sigma"])
    untouched = (decayed == given) & (given >= lowest)
    missing = np.flatnonzero(left & (untouched | (decayed > lowest * (1 + _DECAY_ROUNDING))))
    limit = rules["limit"]
    if limit is not None and len(row) > limit:
        return f"{len(row)} rows are taken, and the limit is {limit}", error
    if len(missing) and (limit is None or len(row) < limit):
        return f"row {missing[0]} is missing: its score is {decayed[missing[0]]:.6g}, not below {lowest:.6g}", error
    return None, error
