"""Times, ratios and rates in words: the same in a table, in a sentence and on a terminal."""

from __future__ import annotations

from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from detbench.timing.samples import Quantile
from detbench.words import brief

if TYPE_CHECKING:
    from detbench.timing.document import Machine, TimedCase
    from detbench.timing.samples import Ratio

__all__ = [
    "NOTHING",
    "beyond_bound",
    "case_words",
    "counted_work",
    "ends",
    "error_words",
    "group_title",
    "in_bytes",
    "in_operations",
    "interval",
    "listed",
    "machine_rows",
    "milliseconds",
    "name_of",
    "ratio_words",
    "significant",
    "size_unit",
    "times",
]

#: What stands where there is no number.
NOTHING = "–"

#: A name longer than this is cut in a sentence; a table shows it whole.
_LONGEST_NAME = 40

_DIGITS = 3

#: Decimals are cut here: a picosecond is no time that anybody measures.
_MOST_DECIMALS = 6

#: Who takes more than so many times the bound owes a reason.
_FAR = 4

_GROUPS = {
    "nms": "Non-maximum suppression",
    "roi-pooling": "RoI pooling",
    "iou": "Overlap of boxes",
    "anchors": "Anchors and box coding",
}

#: Traits of cases, as :mod:`detbench.operators.catalogue` calls them → what such cases are of.
_TRAITS = {
    "adaptive sampling": "as many sampling points as cells",
    "empty": "nothing to work on",
    "far": "boxes far from the origin",
    "flipped corners": "corners the wrong way round",
    "float64": "float64 inputs",
    "ignored": "ignored objects",
    "legacy": "regions that are not aligned",
    "limit": "a limit of how many are kept",
    "limit 0": "a limit of 0",
    "no area": "boxes without area",
    "not finite": "NaN and infinity",
    "outside": "boxes outside the picture",
    "padding": "rows that are padding",
    "score ties": "equal scores",
    "threshold equality": "values exactly on a threshold",
    "tiny": "tiny boxes",
}

#: The name of an input → what is counted by the size of a case that has it.
_UNITS = {
    "region": "regions",
    "anchor": "anchors",
    "box": "boxes",
    "a": "boxes",
    "delta": "boxes",
    "reference": "anchors",
}


def significant(value: float) -> str:
    """Return a number with three significant digits.

    Examples
    --------
    >>> [significant(value) for value in (0.012345, 9.996, 64, 4385.2)]
    ['0.0123', '10.0', '64.0', '4,385']
    """
    if not isfinite(value):
        return NOTHING
    rounded = float(f"{value:.{_DIGITS}g}")
    if rounded == 0:
        return "0"
    decimals = _DIGITS - 1 - floor(log10(abs(rounded)))
    if decimals > _MOST_DECIMALS:
        return f"{value:.1e}"
    return f"{rounded if decimals >= 0 else value:,.{max(decimals, 0)}f}"


def milliseconds(value: float | None) -> str:
    """Return a time for a column of milliseconds; a dash where there is none."""
    return NOTHING if value is None else significant(value)


def times(value: float | None) -> str:
    """Return a factor: ``9.43×``."""
    return NOTHING if value is None else f"{significant(value)}×"


def interval(found: Quantile | Ratio | None) -> str:
    """Return the ends of an interval; an end that the samples do not tell is a dash; empty without any."""
    low, high = _ends(found)
    return "" if low is None and high is None else f"[{milliseconds(low)}, {milliseconds(high)}]"


def ends(found: Quantile | None) -> str:
    """Return an interval for a narrow column; empty where it is open."""
    low, high = _ends(found)
    return "" if low is None or high is None else f"{milliseconds(low)}–{milliseconds(high)}"


def _ends(found: Quantile | Ratio | None) -> tuple[float | None, float | None]:
    if found is None:
        return None, None
    return (found.low_ms, found.high_ms) if isinstance(found, Quantile) else (found.low, found.high)


def ratio_words(found: Ratio) -> str:
    """Return a ratio with its interval, where it has one."""
    return " ".join(filter(None, (significant(found.value), interval(found))))


def error_words(error: float | None) -> str:
    """Return an error: ``exact`` for none, one decimal for small ones."""
    if error is None or not isfinite(error):
        return NOTHING
    if error == 0:
        return "exact"
    return f"{error:,.0f}" if error == int(error) else f"{error:.1e}"


def name_of(name: str) -> str:
    """Return an implementation's name for a sentence."""
    return brief(name, _LONGEST_NAME)


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def group_title(group: str) -> str:
    """Return what a group of operators is called above its section."""
    return _GROUPS.get(group, group)


def case_words(trait: str) -> str:
    """Return what the cases of a trait are of; a trait that nobody but an implementation knows is its own words.

    Examples
    --------
    >>> case_words("no area"), case_words("of my own")
    ('boxes without area', 'of my own')
    """
    return _TRAITS.get(trait, trait)


def size_unit(case: TimedCase) -> str:
    """Return what the size of a case counts."""
    return next((unit for name, unit in _UNITS.items() if name in case.shapes), "rows")


def in_bytes(count: float) -> str:
    """Return a number of bytes in the largest decimal unit that leaves a whole one.

    Examples
    --------
    >>> in_bytes(51_380_224), in_bytes(16.8e9)
    ('51.4 MB', '16.8 GB')
    """
    return _scaled(count, ("B", "kB", "MB", "GB", "TB"))


def in_operations(count: float) -> str:
    """Return a number of operations in words."""
    return _scaled(count, ("", "thousand", "million", "billion", "trillion")).strip()


def _scaled(count: float, units: tuple[str, ...]) -> str:
    step = 0
    while step < len(units) - 1 and float(f"{count:.3g}") >= 1_000:  # noqa: PLR2004  a decimal prefix
        count, step = count / 1_000, step + 1
    number = f"{count:.0f}" if step == 0 else significant(count)
    return f"{number} {units[step]}"


def beyond_bound(case: TimedCase, times_bound: float | None) -> str:
    """Return why the fastest takes so many times the bound, in a sentence; empty where it is near or nothing is told.

    Examples
    --------
    >>> from detbench.timing.document import TimedCase
    >>> case = TimedCase(
    ...     operator="nms", group="nms", name="a", series="", size=1, settings={}, shapes={}, bytes_moved=1,
    ...     operations=1, counts="", bound_ms=1.0, beyond="each box waits for those before it",
    ... )
    >>> beyond_bound(case, 9.704), beyond_bound(case, 3.2)
    ('9.70 times the bound of its counted work: each box waits for those before it.', '')
    """
    if times_bound is None or times_bound <= _FAR or not case.beyond:
        return ""
    return f"{significant(times_bound)} times the bound of its counted work: {case.beyond}."


def counted_work(case: TimedCase, machine: Machine) -> str:
    """Return what was counted of a case, and the time that bounds it, in a sentence or two; empty for nothing."""
    if case.bound_ms <= 0:
        return ""
    work = [in_bytes(case.bytes_moved) + " moved"] if case.bytes_moved else []
    if case.operations:
        work.append(in_operations(case.operations) + " operations")
    moving = case.bytes_moved / machine.copy_bytes_per_s >= case.operations / machine.operations_per_s
    slower = "copying" if moving else "computing"
    what = f" ({case.counts})" if case.counts else ""
    return (
        f"Counted: {listed(work)}{what}. At this machine's rates, {slower} bounds it: {significant(case.bound_ms)} ms."
    )


def machine_rows(machine: Machine) -> list[tuple[str, str]]:
    """Return what is known of the machine, by name."""
    return [
        ("cores", str(machine.cores)),
        ("threads used", str(machine.threads)),
        ("matrix products by", machine.blas),
        ("copies (read and written)", f"{in_bytes(machine.copy_bytes_per_s)}/s"),
        ("operations", f"{in_operations(machine.operations_per_s)}/s"),
    ]
