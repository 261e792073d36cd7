"""Anybody's implementations: a function in a file, ``path/to/file.py:my_nms``, or an entry point of a package.

Their code runs in this process, with the rights of whoever runs it.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections import Counter
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.errors import DataError, UsageError
from detbench.operators.contract import Implementation, called
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from detbench.operators.contract import Case, Operator

__all__ = [
    "GROUP",
    "EntryPoint",
    "entry_points",
    "function_of",
    "is_place",
    "load",
    "meant_by",
    "misnamed",
    "of_another_form",
]

#: Where packages list their implementations: ``"OPERATOR.NAME" = "module:attribute"``.
GROUP = "detbench.operators"

#: What begins the name of a module that was loaded from a file: no import can mean it by accident.
_PRIVATE = "_detbench_yours_"


def is_place(name: str) -> bool:
    """Whether a name is a file's and not an implementation's.

    Examples
    --------
    >>> is_place("native"), is_place("my.py:my_nms"), is_place("folder/my.py")
    (False, True, True)
    """
    return ".py:" in name or name.endswith(".py") or "/" in name or "\\" in name


def meant_by(place: str, operators: Iterable[str]) -> str | None:
    """Return the operator that a function is named for: the longest that its name ends with, underscores aside.

    Examples
    --------
    >>> meant_by("my.py:my_soft_nms", ["nms", "soft-nms"]), meant_by("my.py:fast", ["nms"])
    ('soft-nms', None)
    """
    plain = place.rpartition(":")[2].lower().replace("_", "")
    return max((one for one in operators if plain.endswith(one.replace("-", ""))), key=len, default=None)


def load(place: str, operator: Operator) -> Implementation:
    """Return the implementation of an operator that ``FILE.py:FUNCTION`` is.

    Raises
    ------
    DataError, UsageError
        If there is no such file, it raises when it is imported, there is no such function in it, or the function does
        not take what the operator does.
    """
    path, name = _split(place)
    function = function_of(path, name)
    if problem := of_another_form(operator, function, name, operator.cases()):
        raise DataError(problem.removesuffix("."), file=path)
    return Implementation(f"{path.name}:{name}", operator.name, called(function))


def of_another_form(operator: Operator, function: Callable[..., Any], name: str, cases: Sequence[Case]) -> str:
    """Return in a sentence what is wrong with a function's parameters; nothing if it can be called on all cases."""
    try:
        form = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    given = [{**case.inputs, **case.settings} for case in cases]
    reference = inspect.signature(operator.reference).parameters
    wanted = [key for key in reference if any(key in each for each in given)]
    try:
        form.bind(**dict.fromkeys(wanted))
    except TypeError:
        takes = ", ".join(form.parameters) or "nothing"
        return f"{name} must take {', '.join(wanted)}, by these names; it takes {takes}."
    bare = [key for key, one in form.parameters.items() if key in wanted and one.default is inspect.Parameter.empty]
    without = [key for key in bare if not all(key in each for each in given)]
    if not without:
        return ""
    needed = f"{without[0]} needs a default" if len(without) == 1 else f"{', '.join(without)} need defaults"
    return f"{needed}: {', '.join(f'{key}={reference[key].default!r}' for key in without)}."


def _split(place: str) -> tuple[Path, str]:
    path, _, name = place.rpartition(":")
    if not path or not name.isidentifier():
        path, name = place.removesuffix(":"), ""
    if not path.endswith(".py"):
        raise UsageError(f"{place} is no implementation's name and no Python file; give FILE.py:FUNCTION")
    return Path(path), name


def function_of(path: Path, name: str) -> Callable[..., Any]:
    """Run a Python file as a module of its own, its neighbours importable, and return its function ``name``.

    Raises
    ------
    DataError
        If the file cannot be read or raises, or has no such function; with the functions that it has.
    """
    if not path.is_file():
        raise DataError("there is no such file", file=path, remedy="give FILE.py:FUNCTION")
    module = _run(path)
    found = getattr(module, name, None) if name else None
    if found is not None and callable(found):
        return found  # type: ignore[no-any-return]
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    functions = [key for key in own if callable(getattr(module, key)) and not key.startswith("_")]
    has = f"it has {', '.join(functions)}" if functions else "it has no function at all"
    if found is not None:
        raise DataError(f"{name} is no function but {type(found).__name__}; {has}", file=path)
    said = f"has no function {name!r}" if name else "does not say which function"
    raise DataError(f"{said}; {has}", file=path, remedy=f"give {path}:FUNCTION")


def _run(path: Path) -> ModuleType:
    """Return the file as a module. What it raises, or that it wants to exit, becomes one sentence."""
    whole = path.resolve()
    name = f"{_PRIVATE}{whole.stem}_{abs(hash(whole)):x}"
    spec = spec_from_file_location(name, whole)
    if spec is None or spec.loader is None:
        raise DataError("is not a file of Python code", file=path, remedy="give FILE.py:FUNCTION")
    module = module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and pickle look their module up
    try:
        with _beside(whole.parent):
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: the run is not the file's to end
        del sys.modules[name]
        kind, _, said = raised(error).partition(": ")
        raise DataError(
            f"raises {kind} when it is imported: {said or 'no message'}",
            file=path,
            record=_line(error, whole),
            remedy="mend it first; python FILE.py shows the whole of it",
        ) from error
    return module


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, and write nothing into its folder, not even compiled code."""
    was = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.dont_write_bytecode = was
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))


def _line(error: BaseException, path: Path) -> str:
    """Return the last line of the file that an error passed, or that it is about."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"line {error.lineno}"
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f"line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """An implementation that an installed package lists; nothing of it is imported before it is loaded.

    ``implementation`` is what it is called here: what the package calls it, after the package's name where that is
    taken.
    """

    operator: str
    implementation: str
    point: metadata.EntryPoint

    @property
    def origin(self) -> str:
        """The package, or where it points to."""
        return _origin(self.point)

    def load(self, operator: Operator) -> tuple[Implementation, str]:
        """Return the implementation, and why it cannot be run: empty where it can."""
        absent = Implementation(self.implementation, self.operator, called(_nothing))
        try:
            found = self.point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  a package that is broken is no reason to stop
            return absent, f"its package raises {raised(error)}"
        if isinstance(found, Implementation):
            if (found.operator, found.name) != _parts(self.point):
                return absent, f"{self.point.value} calls itself {found.operator}.{found.name}"
            return replace(found, name=self.implementation), ""
        if not callable(found):
            return absent, f"{self.point.value} is neither a function nor an Implementation"
        problem = of_another_form(operator, found, self.point.value, operator.cases()).removesuffix(".")
        return (absent, problem) if problem else (replace(absent, bind=called(found)), "")


def _nothing(**_: Any) -> None:
    """Stand where nothing could be loaded."""


def _origin(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _parts(point: metadata.EntryPoint) -> tuple[str, str]:
    """Return the operator and the implementation that a name says."""
    operator, _, name = point.name.partition(".")
    return operator, name


def entry_points(operator: str, taken: Iterable[str] = ()) -> list[EntryPoint]:
    """Return the implementations of an operator that installed packages list, by name.

    One that is called as one of ``taken`` is, or as another package's, has its package's name before its own.
    """
    points = [
        point for point in metadata.entry_points(group=GROUP) if _parts(point)[0] == operator and _parts(point)[1]
    ]
    listed = Counter(_parts(point)[1] for point in points)
    used = {*taken, *(name for name, count in listed.items() if count > 1)}
    found = []
    for point in sorted(points, key=lambda one: (one.name, _origin(one))):
        name = _parts(point)[1]
        while name in used:
            name = f"{_origin(point)}.{name}"
        used.add(name)
        found.append(EntryPoint(operator, name, point))
    return found


def misnamed(operators: Sequence[str]) -> list[tuple[EntryPoint, str]]:
    """Return what packages list under a name that says none of ``operators``, and what is wrong with the name."""
    found = []
    for point in sorted(metadata.entry_points(group=GROUP), key=lambda one: (one.name, _origin(one))):
        operator, name = _parts(point)
        if not operator or not name:
            plain = (operator or name).strip(".") or "mine"
            problem = (
                f"its name {point.name!r} should be an operator's, a dot, and its own, as {operators[0]}.{plain} is"
            )
            found.append((EntryPoint("", point.name, point), problem))
        elif operator not in operators:
            found.append((EntryPoint(operator, name, point), f"no operator that is timed is called {operator!r}"))
    return found
