"""A learner's file: a script, or a notebook, of which the definitions are taken and nothing else is run."""

from __future__ import annotations

import ast
import difflib
import json
import re
import sys
import warnings
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DataError
from detbench.operators.course.pieces import STEPS, Piece
from detbench.operators.registry import operators

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Found", "Source", "find", "importable", "overlooked", "read_source"]

#: What the notebooks import from their own folder; a copy that lies elsewhere is graded without.
_OF_THE_COURSE = {"solutions", "pictures"}

#: How like another a name is that is taken for misspelt: encod_tensorflow for encode_tensorflow, not encode_row.
_NEAR = 0.9

#: What is taken of a notebook: pictures, timings and calls of the grader are not run again.
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Source:
    """Python that defines functions.

    Parameters
    ----------
    path
        The file, as the learner named it.
    text
        What is run: the file, or a notebook's definitions, each on the line that it has in the cells put together.
    names
        What stands at the top level of it.
    cells
        The first line of each code cell, and the cell's number; empty for a script.
    """

    path: Path
    text: str
    names: tuple[str, ...]
    cells: tuple[tuple[int, int], ...] = ()

    @property
    def tensorflow(self) -> bool:
        """Whether it imports TensorFlow or Keras by itself."""
        return re.search(r"^\s*(import|from)\s+(tensorflow|keras)\b", self.text, re.MULTILINE) is not None

    def where(self, line: int) -> str:
        """Return a line as the learner finds it: ``"line 12"``, ``"cell 3, line 2"``."""
        inside = [(begin, number) for begin, number in self.cells if begin <= line]
        return f"cell {inside[-1][1]}, line {line - inside[-1][0] + 1}" if inside else f"line {line}"


@dataclass(frozen=True, slots=True)
class Found:
    """A function of a piece that a file has; ``step`` is empty where its name does not say one."""

    operator: str
    name: str
    step: str = ""


def read_source(path: Path) -> Source:
    """Return what a file defines. Raises DataError: it cannot be read, or it is not Python."""
    if path.is_dir():
        raise DataError("is a folder", file=path, remedy="name the file with your function")
    if path.suffix not in {".py", ".ipynb"}:
        raise DataError("is neither a .py file nor a notebook", file=path, remedy="save your function as .py")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError("there is no such file", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise DataError("is not text in UTF-8", file=path, remedy="save it as UTF-8") from None
    if path.suffix == ".py":
        paired = "\n# %%" in text
        return _source(path, text, (), definitions_only=paired)
    joined, cells = _cells(path, text)
    return _source(path, joined, cells, definitions_only=True)


def _cells(path: Path, text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a notebook's code cells in a row, without magics, and where each begins."""
    try:
        codes = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise DataError("is not a notebook in version 4", file=path, remedy="save it again from Jupyter") from None
    lines: list[str] = []
    begins: list[tuple[int, int]] = []
    for number, code in enumerate(codes, start=1):
        begins.append((len(lines) + 1, number))
        if code.startswith("%%"):
            continue
        lines += ["pass" if line.startswith(("%", "!", "?")) else line for line in code.split("\n")]
    return "\n".join(lines) + "\n", tuple(begins)


def _source(path: Path, text: str, cells: tuple[tuple[int, int], ...], *, definitions_only: bool) -> Source:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is not what is graded
            tree = ast.parse(text)
    except SyntaxError as error:
        where = Source(path, text, (), cells).where(error.lineno or 1)
        raise DataError(f"Python cannot read this: {error.msg}", file=path, record=where) from None
    except ValueError as error:
        raise DataError(f"Python cannot read this: {error}", file=path) from None
    except (RecursionError, MemoryError):
        raise DataError("Python cannot read this: it is nested too deeply", file=path) from None
    away = {one for one in _OF_THE_COURSE if PathFinder.find_spec(one, [*importable(path), *sys.path]) is None}
    taken = [node for node in tree.body if _defines(node) and not away & _modules(node)]
    body = taken if definitions_only else tree.body
    names = tuple(dict.fromkeys(name for node in body for name in _names(node)))
    return Source(path, _only(text, body) if definitions_only else text, names, cells)


def _defines(node: ast.stmt) -> bool:
    """Whether a statement of a notebook is taken: imports, definitions, and names for plain values."""
    if isinstance(node, ast.Assign):
        try:
            ast.literal_eval(node.value)
        except (ValueError, TypeError):
            return False
        return all(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, _DEFINITIONS)


def importable(path: Path) -> list[str]:
    """Return where a file's neighbours are imported from: its folder, and above the package that the folder is."""
    folder = above = path.resolve().parent
    while (above / "__init__.py").is_file():
        above = above.parent
    return [str(one) for one in dict.fromkeys((folder, above))]


def _modules(node: ast.stmt) -> set[str]:
    """Return the modules, without what is in them, that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    return {one.name.partition(".")[0] for one in node.names} if isinstance(node, ast.Import) else set()


def _only(text: str, body: list[ast.stmt]) -> str:
    """Return ``text`` with the lines of all other statements empty."""
    lines = text.split("\n")
    kept = [""] * len(lines)
    for node in body:
        begin = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
        kept[begin : node.end_lineno] = lines[begin : node.end_lineno]
    return "\n".join(kept)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [one.asname or one.name for one in node.names]
    if isinstance(node, ast.Assign):
        return [one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def find(source: Source, piece: Piece, step: str | None = None) -> tuple[list[Found], list[str]]:
    """Return the functions of ``piece`` that the file has, and the operators that it lacks.

    A function is called as its operator, or as that and a step: ``encode``, ``encode_loops``. If a step is asked for, a
    function of that name counts, or else one whose name says no step: not all are written in steps.
    Raises DataError where there is none of them, with the names that are near.
    """
    found: list[Found] = []
    for operator, bases in piece.functions().items():
        there = []
        for ending in [step, ""] if step else ["", *STEPS]:
            wanted = [f"{base}_{ending}" if ending else base for base in bases]
            there += [Found(operator, name, ending) for name in wanted if name in source.names][:1]
        found += there[:1] if step else there
    if not found:
        raise DataError(_nothing(source, piece, step), file=source.path)
    has = {one.operator for one in found}
    return found, [operator for operator in piece.operators if operator not in has]


def overlooked(source: Source, piece: Piece) -> list[tuple[str, str]]:
    """Return names in a file that are nearly those of functions of ``piece``, each with the name that is looked for.

    A name is near where a letter or two are other ones. That of another operator is none (decode, encode), and a
    function that the file has is not looked for again.
    """
    bases = [base for known in piece.functions().values() for base in known]
    wanted = _in_steps(bases)
    others = _in_steps(one.replace("-", "_") for one in operators())
    near = {
        name: difflib.get_close_matches(name, wanted - {*source.names}, n=1, cutoff=_NEAR)
        for name in source.names
        if name not in wanted | others
    }
    return [(name, meant[0]) for name, meant in near.items() if meant]


def _in_steps(bases: Iterable[str]) -> set[str]:
    """Return names of functions without a step and with each."""
    return {f"{base}_{ending}" if ending else base for base in bases for ending in ("", *STEPS)}


def _nothing(source: Source, piece: Piece, step: str | None) -> str:
    usual = [names[0] + (f"_{step}" if step else "") for names in piece.functions().values()]
    text = f"there is no function {' or '.join(usual)}"
    ending = "" if step else ", nor one of these with _loops, _numpy or _tensorflow behind it"
    near = [name for wanted in usual for name in difflib.get_close_matches(wanted, source.names, n=2, cutoff=0.5)]
    if near:
        return f"{text}{ending}; is it {' or '.join(dict.fromkeys(near))}? Then give it that name"
    has = ", ".join(source.names[:8])
    return f"{text}{ending}; it defines {has or 'nothing'}"
