"""Two profiles side by side."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from detbench.errors import UsageError
from detbench.timing.comparison import MARGIN, _mann_whitney, compare
from detbench.timing.document import Machine, Measurement, Profile, TimedCase

MACHINE = Machine(cores=2, threads=2, blas="openblas 0.3", copy_bytes_per_s=16e9, operations_per_s=160e9)


def _case(name: str = "clustered", **changed: Any) -> TimedCase:
    case = TimedCase(
        operator="nms",
        group="nms",
        name=name,
        series="",
        size=10,
        settings={"iou_threshold": 0.5},
        shapes={"box": [10, 4]},
        bytes_moved=2_000,
        operations=4_000,
        counts="",
        bound_ms=1.0,
    )
    return msgspec.structs.replace(case, **changed)


def _profile(times: dict[str, list[float]], *, cases: tuple[TimedCase, ...] = (_case(),), **changed: Any) -> Profile:
    measurements = [
        Measurement(
            operator="nms",
            case=case.name,
            implementation=name,
            device="cpu",
            status="timed" if samples else "skipped",
            samples_ms=samples,
        )
        for case in cases
        for name, samples in times.items()
    ]
    facts: dict[str, Any] = {"detbench": "1", "environment": {"numpy": "2.4"}, "machine": MACHINE, "options": {}}
    return Profile(cases=list(cases), measurements=measurements, **(facts | changed))


def _times(median: float, count: int = 60, seed: int = 0) -> list[float]:
    """Return times with a floor and a tail."""
    return (median * (0.98 + np.random.default_rng(seed).exponential(0.03, count))).tolist()


def test_what_changed_is_told_from_what_did_not() -> None:
    """A fifth slower, a fifth faster, and the same again, each with a ratio that its interval holds."""
    old = _profile({"a": _times(1.0), "b": _times(2.0), "c": _times(3.0)})
    new = _profile({"a": _times(1.2, seed=1), "b": _times(1.6, seed=2), "c": _times(3.0, seed=3)})
    rows = {row.implementation: row for row in compare(old, new).rows}
    assert {name: row.verdict for name, row in rows.items()} == {"a": "slower", "b": "faster", "c": "not significant"}
    for name, ratio in (("a", 1.2), ("b", 0.8), ("c", 1.0)):
        row = rows[name]
        assert row.low is not None
        assert row.high is not None
        assert row.low < ratio < row.high
        assert row.ratio == pytest.approx(row.new_ms / row.old_ms)


def test_a_difference_within_the_margin_is_not_significant_however_many_samples() -> None:
    """Three percent are noise between processes, even where a thousand samples show them."""
    old, new = _profile({"a": _times(1.0, 1_000)}), _profile({"a": _times(1.03, 1_000, seed=1)})
    (row,) = compare(old, new).rows
    assert row.verdict == "not significant"
    assert row.low is not None
    assert 1.0 < row.low < 1 + MARGIN


def test_three_samples_never_make_a_difference() -> None:
    """Three against three can come about by chance in one of ten runs: no verdict, and no interval."""
    (row,) = compare(_profile({"a": [1.0, 1.1, 1.2]}), _profile({"a": [9.0, 9.1, 9.2]})).rows
    assert (row.verdict, row.low, row.high) == ("not significant", None, None)


def test_swapping_the_profiles_turns_every_verdict_round() -> None:
    """The p-value stays, faster becomes slower, and the ratio its inverse."""
    old, new = _profile({"a": _times(1.0)}), _profile({"a": _times(1.2, seed=1)})
    (there,), (back,) = compare(old, new).rows, compare(new, old).rows
    assert (there.verdict, back.verdict) == ("slower", "faster")
    assert there.p == back.p
    assert there.ratio == pytest.approx(1 / back.ratio)


def test_many_rows_of_the_same_code_are_rarely_significant() -> None:
    """Of 200 comparisons of 20 equal rows each, no more find anything than 5 % and chance explain."""
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        old, new = (_profile({str(row): rng.exponential(1.0, 30).tolist() for row in range(20)}) for _ in range(2))
        found += any(row.verdict != "not significant" for row in compare(old, new).rows)
    assert found <= 16  # 10, and two standard deviations of it


def test_the_test_is_mann_and_whitney_s() -> None:
    """The p-value is SciPy's, with ties and without."""
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(5)
    for a, b in ((rng.random(30), rng.random(25) + 0.1), (rng.integers(0, 5, 40), rng.integers(0, 4, 30))):
        expected = stats.mannwhitneyu(a, b, alternative="greater", method="asymptotic").pvalue
        assert _mann_whitney(a.astype(float), b.astype(float)) == pytest.approx(expected)


def test_what_differs_besides_the_code_is_named() -> None:
    """Versions, threads, a machine that is much slower, and other options are each named with both values."""
    slower = msgspec.structs.replace(MACHINE, threads=1, copy_bytes_per_s=8e9)
    old = _profile({"a": _times(1.0)}, options={"seed": 0})
    new = _profile(
        {"a": _times(1.0)},
        environment={"numpy": "2.5", "keras": "3"},
        machine=slower,
        options={"seed": 1},
        detbench="2",
    )
    found = {one.name: (one.old, one.new) for one in compare(old, new).differences}
    assert found == {
        "detbench": ("1", "2"),
        "numpy": ("2.4", "2.5"),
        "keras": ("not recorded", "3"),
        "threads": ("2", "1"),
        "copy bandwidth": ("16.0 GB/s", "8.0 GB/s"),
        "option seed": ("0", "1"),
    }
    assert compare(old, old).differences == []


def test_what_has_no_counterpart_is_listed_with_the_reason() -> None:
    """Only in one, skipped in one, or of another input: not compared, and said why."""
    other = _case("random", settings={"iou_threshold": 0.7})
    old = _profile({"a": _times(1.0), "b": _times(1.0), "d": []}, cases=(_case(), _case("random")))
    new = _profile({"a": _times(1.0), "b": [], "c": _times(1.0), "d": []}, cases=(_case(), other))
    comparison = compare(old, new)
    assert [(row.case, row.implementation) for row in comparison.rows] == [("clustered", "a")]
    assert {(one.case, one.implementation): one.reason for one in comparison.unpaired} == {
        ("clustered", "b"): "skipped in the new profile",
        ("clustered", "c"): "it is not in the old profile",
        ("random", "a"): "its input or its settings are not the same",
        ("random", "b"): "skipped in the new profile",
        ("random", "c"): "it is not in the old profile",
    }


def test_profiles_with_nothing_in_common_are_refused() -> None:
    """One sentence says that they were not of the same operators."""
    with pytest.raises(UsageError, match="nothing in common"):
        compare(_profile({"a": _times(1.0)}), _profile({"b": _times(1.0)}))
