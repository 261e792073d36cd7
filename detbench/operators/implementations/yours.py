"""Anybody's implementations: a function in a file, ``path/to/file.py:my_nms``, or an entry point of a package.

Their code runs in this process, with the rights of whoever runs it.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench.errors import DataError, UsageError
from detbench.operators.contract import Implementation, called
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

__all__ = ["GROUP", "EntryPoint", "entry_points", "function_of", "is_place", "load"]

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


def load(place: str, operators: Sequence[str], otherwise: str | None = None) -> Implementation:
    """Return the implementation that ``FILE.py:FUNCTION`` is.

    Parameters
    ----------
    place
        The file, a colon, the function's name.
    operators
        The operators that may be meant: the longest name that the function's ends with, underscores aside, as
        ``my_nms`` does with ``nms``.
    otherwise
        The operator that is meant where the function's name ends with none.

    Raises
    ------
    DataError, UsageError
        If there is no such file, it raises when it is imported, there is no such function in it, or nothing says which
        operator it is.
    """
    path, name = _split(place)
    function = function_of(path, name)
    plain = name.lower().replace("_", "")
    meant = [one for one in operators if plain.endswith(one.replace("-", ""))]
    operator = max(meant, key=len, default=otherwise)
    if operator is None:
        raise UsageError(
            f"{place} may be any operator: let the function's name end with one, as my_{operators[0].replace('-', '_')}"
            " does, or profile that operator alone"
        )
    return Implementation(f"{path.name}:{name}", operator, called(function))


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
    except (Exception, SystemExit) as error:
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
    """An implementation that an installed package lists; nothing of it is imported before it is loaded."""

    operator: str
    implementation: str
    point: metadata.EntryPoint

    @property
    def origin(self) -> str:
        """The package, or where it points to."""
        return self.point.dist.name if self.point.dist else self.point.value

    def load(self) -> tuple[Implementation, str]:
        """Return the implementation, and why it cannot be run: empty where it can."""
        absent = Implementation(self.implementation, self.operator, called(_nothing))
        try:
            found = self.point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  a package that is broken is no reason to stop
            return absent, f"its package raises {raised(error)}"
        if isinstance(found, Implementation):
            wrong = (found.name, found.operator) != (self.implementation, self.operator)
            return (absent, f"{self.point.value} calls itself {found.operator}.{found.name}") if wrong else (found, "")
        if not callable(found):
            return absent, f"{self.point.value} is neither a function nor an Implementation"
        return Implementation(self.implementation, self.operator, called(found)), ""


def _nothing(**_: Any) -> None:
    """Stand where nothing could be loaded."""


def entry_points(operator: str) -> list[EntryPoint]:
    """Return the implementations of an operator that installed packages list, by name."""
    found = [(*point.name.partition(".")[::2], point) for point in metadata.entry_points(group=GROUP)]
    return [EntryPoint(of, name, point) for of, name, point in sorted(found, key=lambda one: one[:2]) if of == operator]
