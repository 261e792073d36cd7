"""Whether a table has the shape of its settings: known keys, allowed words, numbers that are numbers."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec

from detbench.words import brief, in_words, printable

__all__ = ["NONE", "Misfit", "kind_at", "shaped", "takes_text"]

#: How a recipe writes "no value", which TOML has no word for: only where a setting may be without one.
NONE = "none"

T = TypeVar("T", bound=msgspec.Struct)


class Misfit(Exception):  # noqa: N818  not an error yet: who calls knows the file, or the override
    """What is wrong with a table: the place in it (``run.steps``), the problem, and the remedy, which may be empty."""

    def __init__(self, place: str, problem: str, remedy: str = "") -> None:
        super().__init__(place, problem, remedy)
        self.place = place
        self.problem = problem
        self.remedy = remedy


class _Kind(NamedTuple):
    """What a setting holds: its type without the limits and without None, and whether None may stand there."""

    plain: Any
    may_be_none: bool


def _kind(annotation: Any) -> _Kind:
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        rest = [one for one in get_args(annotation) if one is not NoneType]
        return _Kind(_kind(rest[0]).plain, may_be_none=True)
    return _Kind(annotation, may_be_none=False)


def _is_table(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, msgspec.Struct)


def _kinds(table: type[msgspec.Struct]) -> dict[str, _Kind]:
    return {field.name: _kind(field.type) for field in msgspec.structs.fields(table)}


def kind_at(recipe: type[msgspec.Struct], keys: tuple[str, ...]) -> Any:
    """Return the type of the setting at ``keys``. Raises Misfit, with the nearest name, if there is none."""
    plain: Any = recipe
    for number, key in enumerate(keys):
        if not _is_table(plain):
            raise Misfit(".".join(keys[:number]), "is a setting and no table", "leave out what follows it")
        known = _kinds(plain)
        if key not in known:
            raise _unknown(key, tuple(known), ".".join(keys[:number]))
        plain = known[key].plain
    return plain


def takes_text(plain: Any) -> bool:
    """Return whether a setting of this type is a word or a text."""
    return plain is str or (get_origin(plain) is Literal and isinstance(get_args(plain)[0], str))


def shaped(table: Mapping[str, Any], kind: type[T]) -> T:
    """Return the settings that ``table`` holds, each with its default where it is absent.

    Raises
    ------
    Misfit
        If a key is unknown or missing, or a value has another kind or range than it should.
    """
    plain = _without_none(table, kind, ())
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        raise Misfit(place.rstrip("`").lstrip("."), _said(message)) from error


def _without_none(table: Mapping[str, Any], kind: type[msgspec.Struct], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return ``table`` with ``"none"`` made None where it may be; raise Misfit for keys and words that are unknown."""
    known = _kinds(kind)
    plain: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise _unknown(key, tuple(known), ".".join(keys))
        plain[key] = _value(value, known[key], (*keys, key))
    return plain


def _value(value: Any, kind: _Kind, keys: tuple[str, ...]) -> Any:
    place = ".".join(keys)
    if kind.may_be_none and value in (NONE, None):
        return None
    if _is_table(kind.plain):
        if not isinstance(value, Mapping):
            raise Misfit(place, "should be a table")
        return _without_none(value, kind.plain, keys)
    if get_origin(kind.plain) is tuple and isinstance(value, list) and _is_table(get_args(kind.plain)[0]):
        one = _Kind(get_args(kind.plain)[0], may_be_none=False)
        return [_value(entry, one, (*keys[:-1], f"{keys[-1]}[{i}]")) for i, entry in enumerate(value)]
    if get_origin(kind.plain) is Literal and value not in get_args(kind.plain):
        raise _not_allowed(value, get_args(kind.plain), place)
    _require_finite(value, place)
    return value


def _require_finite(value: Any, place: str) -> None:
    if isinstance(value, (list, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            _require_finite(entry, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Misfit(place, f"is {value}, and should be a number")


def _unknown(key: str, known: tuple[str, ...], place: str) -> Misfit:
    near = difflib.get_close_matches(key, known, n=1)
    where = f"[{place}]" if place else "a recipe"
    meant = f"did you mean {near[0]!r}? " if near else ""
    name = brief(printable(key), 60)
    return Misfit(place, f"has an unknown key {name!r}", f"{meant}the keys of {where} are {', '.join(known)}")


def _not_allowed(value: Any, allowed: tuple[Any, ...], place: str) -> Misfit:
    near = difflib.get_close_matches(str(value)[:100], [str(one) for one in allowed], n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    shown = brief(printable(repr(value)), 60)
    return Misfit(place, f"is {shown}", f"{meant}it can be {', '.join(map(repr, allowed))}")


def _said(message: str) -> str:
    """Return what msgspec says of a value, in words."""
    if limit := re.fullmatch(r"Expected `(int|float)` (>=|<=|<|>) (\S+)", message):
        kind = "a whole number" if limit[1] == "int" else "a number"
        wanted = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}[limit[2]]
        return f"should be {kind} {wanted} {float(limit[3]):g}"
    return in_words(message)
