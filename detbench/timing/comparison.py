"""Two profiles side by side: what became faster, what slower, and what is not significant.

Two runs of the very same code differ by more than their samples tell: each process gets other addresses, other pages,
another neighbour on the machine. A test of "no difference at all" finds that, and calls it significant. So what is
tested here is whether the times differ by more than :data:`MARGIN`: Mann and Whitney's test (1947) of the new times,
divided by it, against the old, and the same the other way round. It looks at order alone, as times have no distribution
that could be named. All rows of a comparison are one family, corrected by Holm's method (1979).
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from detbench.errors import UsageError
from detbench.timing.samples import quantile, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detbench.timing.document import Measurement, Profile

__all__ = ["MARGIN", "Change", "Difference", "ProfileComparison", "Unpaired", "compare"]

#: Times that differ by less than this share are not told apart; docs/reference/profile.md says how often the same code
#: is then told from itself.
MARGIN = 0.1

#: A machine's measured rates may differ by this share between runs before it is said.
_RATE_MARGIN = 0.15

_ALPHA = 0.05

#: Options that change what is timed; what else differs, such as the allowance, does not.
_OPTIONS = ("boxes", "keep", "regions", "seed", "device")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the machine, the versions or the inputs that is not the same."""

    name: str
    old: str
    new: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One implementation on one case, in both profiles.

    ``ratio`` is the new median over the old one, with an interval of at least 95 %: None where there are fewer than 7
    samples. ``p`` is that of a difference of more than the margin, corrected for the number of rows.
    """

    operator: str
    case: str
    implementation: str
    device: str
    old_ms: float
    new_ms: float
    ratio: float
    low: float | None
    high: float | None
    p: float
    verdict: Literal["faster", "slower", "not significant"]


class Unpaired(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement that has no counterpart to be compared with, and why."""

    operator: str
    case: str
    implementation: str
    device: str
    reason: str


class ProfileComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two profiles side by side. Where ``differences`` is not empty, more than the code may have changed."""

    schema: str = "detbench.profile-comparison/1"
    margin: float = MARGIN
    differences: list[Difference]
    rows: list[Change]
    unpaired: list[Unpaired]


def compare(old: Profile, new: Profile) -> ProfileComparison:
    """Return what changed from one profile to another.

    Raises
    ------
    UsageError
        If there is nothing that was timed in both.
    """
    inputs = [{(case.operator, case.name): (case.settings, case.shapes) for case in one.cases} for one in (old, new)]
    before, after = ({_key(found): found for found in one.measurements} for one in (old, new))
    pairs: list[tuple[Measurement, Measurement]] = []
    unpaired: list[Unpaired] = []
    for key in dict.fromkeys((*before, *after)):
        reason = _unpaired(before.get(key), after.get(key))
        if reason is None and inputs[0].get(key[:2]) != inputs[1].get(key[:2]):
            reason = "its input or its settings are not the same"
        if reason is None:
            pairs.append((before[key], after[key]))
        elif reason:
            operator, case, implementation, device = key
            unpaired.append(
                Unpaired(operator=operator, case=case, implementation=implementation, device=device, reason=reason)
            )
    if not pairs:
        raise UsageError("the two profiles have nothing in common that was timed in both; profile the same operators")
    return ProfileComparison(differences=list(_differences(old, new)), rows=_rows(pairs), unpaired=unpaired)


def _key(found: Measurement) -> tuple[str, str, str, str]:
    return found.operator, found.case, found.implementation, found.device


def _unpaired(old: Measurement | None, new: Measurement | None) -> str | None:
    """Return why two measurements are not compared; None if they are, empty if neither has anything to say."""
    if not any(found is not None and found.samples_ms for found in (old, new)):
        return ""
    for found, which in ((old, "old"), (new, "new")):
        if found is None:
            return f"it is not in the {which} profile"
        if not found.samples_ms:
            return f"{found.status} in the {which} profile"
    return None


def _rows(pairs: Sequence[tuple[Measurement, Measurement]]) -> list[Change]:
    tested = [_p_value(old.samples_ms, new.samples_ms) for old, new in pairs]
    corrected = _holm([p for p, _ in tested])
    rows = []
    for (old, new), (_, slower), p in zip(pairs, tested, corrected, strict=True):
        change = ratio(new.samples_ms, old.samples_ms)
        operator, case, implementation, device = _key(new)
        rows.append(
            Change(
                operator=operator,
                case=case,
                implementation=implementation,
                device=device,
                old_ms=quantile(old.samples_ms, 0.5).value_ms,
                new_ms=quantile(new.samples_ms, 0.5).value_ms,
                ratio=change.value,
                low=change.low,
                high=change.high,
                p=p,
                verdict=("slower" if slower else "faster") if p < _ALPHA else "not significant",
            )
        )
    return rows


def _p_value(old_ms: Sequence[float], new_ms: Sequence[float]) -> tuple[float, bool]:
    """Return the p-value of "they differ by no more than the margin", and whether the new times are the longer ones."""
    slower = _mann_whitney(np.divide(new_ms, 1 + MARGIN), np.asarray(old_ms))
    faster = _mann_whitney(np.divide(old_ms, 1 + MARGIN), np.asarray(new_ms))
    return min(1.0, 2 * min(slower, faster)), slower < faster


def _mann_whitney(a: np.ndarray, b: np.ndarray) -> float:
    """Return the one-sided p-value of "a is not above b".

    By the normal approximation with ties and continuity: with the few samples where it is coarse (5 against 5: 0.0061
    instead of 0.0040) it errs on the side of caution, and exact tables need no ties.
    """
    together = np.concatenate([a, b])
    _, inverse, counts = np.unique(together, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    total, pairs = len(together), len(a) * len(b)
    above = float(rank[: len(a)].sum()) - len(a) * (len(a) + 1) / 2
    ties = float((counts**3 - counts).sum()) / (total * (total - 1)) if total > 1 else 0.0
    variance = pairs / 12 * (total + 1 - ties)
    if variance <= 0:
        return 1.0
    return 0.5 * erfc((above - pairs / 2 - 0.5) / sqrt(2 * variance))


def _holm(p: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, by Holm's step-down method."""
    corrected = [1.0] * len(p)
    largest = 0.0
    for place, row in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - place) * p[row]))
        corrected[row] = largest
    return corrected


def _differences(old: Profile, new: Profile) -> Iterator[Difference]:
    """Yield what differs between the runs besides the code that was timed."""
    if old.detbench != new.detbench:
        yield Difference(name="detbench", old=old.detbench, new=new.detbench)
    for name in dict.fromkeys((*old.environment, *new.environment)):
        was, now = (one.environment.get(name, "not recorded") for one in (old, new))
        if was != now:
            yield Difference(name=name, old=was, new=now)
    for name in ("cores", "threads", "blas"):
        was, now = (str(getattr(one.machine, name)) for one in (old, new))
        if was != now:
            yield Difference(name=name, old=was, new=now)
    for name, field, unit in (
        ("copy bandwidth", "copy_bytes_per_s", "GB/s"),
        ("matrix multiplication", "operations_per_s", "GFLOP/s"),
    ):
        before, after = (getattr(one.machine, field) / 1e9 for one in (old, new))
        if max(before, after) > (1 + _RATE_MARGIN) * min(before, after):
            yield Difference(name=name, old=f"{before:.1f} {unit}", new=f"{after:.1f} {unit}")
    for name in _OPTIONS:
        was, now = (str(one.options.get(name, "not recorded")) for one in (old, new))
        if was != now:
            yield Difference(name=f"option {name}", old=was, new=now)
