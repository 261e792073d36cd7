"""Protocols as TOML: one's own, written from scratch or as changes to a built-in one, and any of them printed.

The keys are :class:`~detbench.evaluation.protocols.Protocol`'s settings. Three things are written otherwise, for TOML
has no null and people like short files: ``base`` names a built-in protocol whose settings hold where the file has
none; ``"none"`` stands for no limit and for no share; thresholds may be ``{ start, stop, step }``.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from detbench.errors import DataError
from detbench.evaluation.metrics.naming import summaries
from detbench.evaluation.protocols import PROTOCOLS, Area, Protocol
from detbench.files import read_text
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["protocol_toml", "read_protocol"]

#: A protocol is a page, not a book.
_MOST_BYTES = 2**20

#: Thresholds times areas are bits of one word.
_MOST_BITS = 64

#: Every maxDets is a column of every category's table.
_MOST_LIMITS = 32

_LONGEST_LINE = 200
_NONE = "none"
_SUFFIX = re.compile(r"[A-Za-z0-9_]{1,12}")

#: Steps that end this far from the stop, in steps, end at it.
_ROUNDING = 1e-6

#: The first range of areas must hold everything: COCO's ends at 1e5².
_EVERYTHING_PX = 1e10

_REQUIRED = tuple(name for name in Protocol._fields if name not in {"name", "title", *Protocol._field_defaults})


def read_protocol(path: Path) -> Protocol:
    """Return the protocol in a TOML file; without a ``name`` it is called as the file is.

    Raises
    ------
    DataError
        If the file is no TOML, a key is unknown or missing, or a value cannot be; names file and key.
    """
    table = _table(path)
    settings = {name: _READERS[name](_At(path, name), table[name]) for name in Protocol._fields if name in table}
    base = _base(path, table)
    missing = [name for name in _REQUIRED if name not in settings]
    if base is None and missing:
        raise DataError(f"has no {missing[0]!r}", file=path, remedy='give it, or say base = "coco" or another protocol')
    own = {"name": path.stem, "title": settings.get("name", path.stem)}
    protocol = base._replace(**own | settings) if base else Protocol(**own | settings)
    _check_whole(path, protocol)
    return protocol


def protocol_toml(protocol: Protocol) -> str:
    """Return a protocol as TOML with every setting, which :func:`read_protocol` reads to the same fingerprint.

    The name and title of a built-in protocol are comments, for they are not those of settings that were edited.
    """
    plain = protocol.to_dict()
    areas = plain.pop("areas")
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    if protocol == PROTOCOLS.get(protocol.name):
        lines = [f"# {line}" if line.startswith(("name =", "title =")) else line for line in lines]
        lines.insert(0, "# Without a name of its own a protocol is called as its file is.")
    for area in areas:
        lines += ["", "[[areas]]", *(f"{name} = {_toml(value)}" for name, value in area.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Return a value as TOML writes it; its strings' escapes are JSON's, and it has one more to escape."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if value is None:
        return f'"{_NONE}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


class _At:
    """A place in a file: says what is wrong there."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key

    def error(self, problem: str, remedy: str = "") -> DataError:
        return DataError(problem, file=self.path, record=self.key, remedy=remedy)

    def inner(self, part: str) -> _At:
        return _At(self.path, f"{self.key} {part}")


def _table(path: Path) -> dict[str, Any]:
    """Return the file's table, all of whose keys are known."""
    try:
        table = tomllib.loads(read_text(path, limit_bytes=_MOST_BYTES))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DataError(f"is not TOML ({brief(str(error), 200)})", file=path) from error
    _known(_At(path, ""), table, ("base", *Protocol._fields))
    return table


def _known(at: _At, table: dict[str, Any], keys: tuple[str, ...]) -> None:
    unknown = [key for key in table if key not in keys]
    if unknown:
        raise at.error(f"has an unknown key {brief(unknown[0], 60)!r}", f"the keys are {', '.join(keys)}")


def _base(path: Path, table: dict[str, Any]) -> Protocol | None:
    if "base" not in table:
        return None
    at = _At(path, "base")
    name = _string(at, table["base"])
    if name not in PROTOCOLS:
        raise at.error(f"there is no protocol {brief(name, 60)!r}", f"the built-in ones are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a string", list: "a list"}
    return kinds.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _of_kind(at: _At, value: Any, kind: type, called: str) -> Any:
    """Return the value. Raises DataError if it is of another kind; true is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise at.error(f"should be {called}, not {_kind(value)}")
    return value


def _string(at: _At, value: Any) -> str:
    text: str = _of_kind(at, value, str, "a string")
    return text


def _number(at: _At, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise at.error(f"should be a number, not {_kind(value)}")
    if not math.isfinite(value):
        raise at.error(f"is {value}", "give a finite number")
    return float(value)


def _list(at: _At, value: Any) -> list[Any]:
    values: list[Any] = _of_kind(at, value, list, "a list")
    return values


def _flag(at: _At, value: Any) -> bool:
    return bool(_of_kind(at, value, bool, "true or false"))


def _line(at: _At, value: Any) -> str:
    text = _string(at, value)
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_LINE:
        raise at.error(f"is {brief(text, 40)!r}", f"give one line of 1 to {_LONGEST_LINE} characters")
    return text


def _choice(name: str) -> Callable[[_At, Any], str]:
    """Return a reader of a setting that is one of a few words."""
    words: tuple[str, ...] = get_args(get_type_hints(Protocol)[name])

    def read(at: _At, value: Any) -> str:
        word = _string(at, value)
        if word not in words:
            raise at.error(f"is {brief(word, 40)!r}", f"it may be {', '.join(words)}")
        return word

    return read


def _ascending(at: _At, values: list[Any]) -> None:
    for before, after in pairwise(values):
        if after <= before:
            raise at.error(f"should ascend, and {after:g} stands after {before:g}")


def _thresholds(at: _At, value: Any) -> tuple[float, ...]:
    values = _steps(at, value) if isinstance(value, dict) else [_number(at, item) for item in _list(at, value)]
    outside = [item for item in values if not 0 < item <= 1]
    if not values:
        raise at.error("is empty", "give one threshold at least")
    if outside:
        raise at.error(f"has {outside[0]:g}", "a threshold is above 0 and at most 1")
    _ascending(at, values)
    return tuple(values)


def _steps(at: _At, table: dict[str, Any]) -> list[float]:
    """Return NumPy's linspace from start to stop, to the last bit: .5 to .95 by .05 are COCO's own values."""
    keys = ("start", "stop", "step")
    _known(at, table, keys)
    missing = [key for key in keys if key not in table]
    if missing:
        raise at.error(f"has no {missing[0]!r}", "give start, stop and step, or a list")
    start, stop, step = (_number(at.inner(key), table[key]) for key in keys)
    if not (0 < start <= stop <= 1 and step > 0):
        raise at.error(f"goes from {start:g} to {stop:g} by {step:g}", "go up within 0 to 1 by a step above 0")
    count = (stop - start) / step
    if abs(count - round(count)) > _ROUNDING:
        raise at.error(f"does not reach {stop:g} from {start:g} by steps of {step:g}", "choose a step that does")
    count = round(count)
    if count >= _MOST_BITS:
        raise at.error(f"has {count + 1:,} thresholds", f"{_MOST_BITS} is the most")
    return [*(start + number * ((stop - start) / count) for number in range(count)), stop]


def _limits(at: _At, value: Any) -> tuple[int | None, ...]:
    given = _list(at, value)
    limits = [None if item == _NONE else _limit(at, item) for item in given]
    if not 0 < len(limits) <= _MOST_LIMITS:
        raise at.error(f"has {counted(len(limits), 'number')}", f"give 1 to {_MOST_LIMITS}")
    if None in limits[:-1]:
        raise at.error(f'has "{_NONE}" before its end', "no limit is the last and largest")
    _ascending(at, [limit for limit in limits if limit is not None])
    return tuple(limits)


def _limit(at: _At, value: Any) -> int:
    number: int = _of_kind(at, value, int, f'whole numbers, or "{_NONE}" in the last place')
    if not 0 < number < 2**31:
        raise at.error(f"has {brief(str(number), 40)}", "give numbers from 1 to 2,147,483,647")
    return number


def _areas(at: _At, value: Any) -> tuple[Area, ...]:
    areas = tuple(_area(at.inner(str(place)), item) for place, item in enumerate(_list(at, value), start=1))
    if not areas:
        raise at.error("is empty", "give one range at least, which holds everything")
    first = areas[0]
    if first.low_px > 0 or first.high_px < _EVERYTHING_PX or first.suffix:
        raise at.inner("1").error(
            "does not hold everything", 'the first range goes from 0 to 1e10 or more and has the suffix ""'
        )
    for place, area in enumerate(areas[1:], start=2):
        if not _SUFFIX.fullmatch(area.suffix):
            raise at.inner(str(place)).error(
                f"has the suffix {brief(area.suffix, 40)!r}",
                "give 1 to 12 letters and digits, which end a metric's name",
            )
        for key in ("name", "suffix"):
            if any(getattr(other, key) == getattr(area, key) for other in areas[: place - 1]):
                raise at.inner(str(place)).error(f"has the {key} {getattr(area, key)!r} of another range")
    return areas


def _area(at: _At, value: Any) -> Area:
    table: dict[str, Any] = _of_kind(at, value, dict, "a table")
    _known(at, table, Area._fields)
    missing = [key for key in Area._fields if key not in table]
    if missing:
        raise at.error(f"has no {missing[0]!r}", f"a range has {', '.join(Area._fields)}")
    low, high = (_number(at.inner(key), table[key]) for key in ("low_px", "high_px"))
    if not 0 <= low < high:
        raise at.error(f"goes from {low:g} to {high:g} square pixels", "low_px is 0 or more, and below high_px")
    return Area(_line(at.inner("name"), table["name"]), _string(at.inner("suffix"), table["suffix"]), low, high)


def _share(at: _At, value: Any) -> float | None:
    if value == _NONE:
        return None
    share = _number(at, value)
    if not 0 < share <= 1:
        raise at.error(f"is {share:g}", f'give a share above 0 and at most 1, or "{_NONE}"')
    return share


def _names(at: _At, value: Any) -> tuple[str, ...]:
    return tuple(_string(at, item) for item in _list(at, value))


_OWN: dict[str, Callable[[_At, Any], Any]] = {
    "name": _line,
    "title": _line,
    "iou_thresholds": _thresholds,
    "areas": _areas,
    "max_dets": _limits,
    "ignored_region_share": _share,
    "left_out_categories": _names,
}

#: How each setting is read: those with a form of their own, words out of a few, and flags.
_READERS: dict[str, Callable[[_At, Any], Any]] = {
    name: _OWN.get(name) or (_choice(name) if get_origin(hint) is Literal else _flag)
    for name, hint in get_type_hints(Protocol).items()
}


def _check_whole(path: Path, protocol: Protocol) -> None:
    """Raise DataError for settings that are right alone and cannot be together."""
    bits = len(protocol.iou_thresholds) * len(protocol.areas)
    if bits > _MOST_BITS:
        raise DataError(
            f"{counted(len(protocol.iou_thresholds), 'threshold')} times {counted(len(protocol.areas), 'range')} make "
            f"{bits}",
            file=path,
            record="iou_thresholds and areas",
            remedy=f"{_MOST_BITS} is the most",
        )
    names = [summary.name for summary in summaries(protocol)]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise DataError(
            f"two metrics would be called {twice[0]}", file=path, record="areas", remedy="choose other suffixes"
        )
    built_in = PROTOCOLS.get(protocol.name.lower())
    if built_in and built_in.fingerprint() != protocol.fingerprint():
        raise DataError(
            f"is {protocol.name!r}, and the settings are not those of the built-in protocol {built_in.name}",
            file=path,
            record="name",
            remedy="give it a name of its own",
        )
