"""Grading a file in a process of its own, which is ended where a function does not answer."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from detbench.errors import DataError
from detbench.operators.course.grade import Grade, asked_of
from detbench.operators.course.pieces import Piece, piece_named
from detbench.operators.course.source import Found, Source, find, importable, read_source
from detbench.operators.registry import operator_named

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["grade_file"]

#: Importing a framework takes seconds, and much longer on a busy machine; so do the reference's own answers.
_PATIENCE_S = 60.0

#: What the process says.
_EVENTS = frozenset({"asked", "answered", "begun", "refused", "graded", "done"})


def grade_file(piece: str | Piece, path: Path, *, step: str | None = None, seconds: float = 10.0) -> list[Grade]:
    """Return the grade of each function of ``piece`` that a file has, and of those that it lacks.

    Parameters
    ----------
    piece
        As :func:`detbench.operators.course.pieces.piece_named` takes it.
    path
        A script or a notebook. Of a notebook, imports, definitions and names for plain values are run.
    step
        ``"loops"``, ``"numpy"`` or ``"tensorflow"``: only the function of this step.
    seconds
        What a single answer may take.

    Raises
    ------
    UsageError, DataError
        If there is no such piece, or the file cannot be read or run, or has no function of the piece.
    """
    chosen = piece if isinstance(piece, Piece) else piece_named(piece)
    source = read_source(path)
    found, missing = find(source, chosen, step)
    with _file_of(source) as file:
        grades = _graded(source, file, found, seconds)
    return grades + [_missing(chosen, operator, step) for operator in missing]


def _missing(piece: Piece, operator: str, step: str | None) -> Grade:
    name = piece.functions()[operator][0] + (f"_{step}" if step else "")
    title = operator_named(operator).title
    return Grade(operator=operator, title=title, function=name, step=step or "", status="missing")


@contextmanager
def _file_of(source: Source) -> Iterator[Path]:
    """Yield the file to run: the learner's own, or one with a notebook's definitions."""
    if source.path.suffix == ".py" and source.text == source.path.read_text(encoding="utf-8-sig"):
        yield source.path.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="detbench-") as folder:
        file = Path(folder) / f"{source.path.stem}.py"
        file.write_text(source.text, encoding="utf-8")
        yield file.resolve()


def _graded(source: Source, file: Path, found: list[Found], seconds: float) -> list[Grade]:
    grades: list[Grade] = []
    while len(grades) < len(found):
        grades += _run(source, file, found[len(grades) :], seconds)
    return grades


def _run(source: Source, file: Path, found: list[Found], seconds: float) -> list[Grade]:
    """Return the grades of the first functions, up to one that ends the process or has to be ended."""
    command = [sys.executable, "-P", "-m", "detbench.operators.course.child"]
    process = subprocess.Popen(  # noqa: S603  our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        return list(_grades(source, _events(process, file, source, found), found, seconds))
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _events(
    process: subprocess.Popen[str], file: Path, source: Source, found: list[Found]
) -> queue.Queue[dict[str, Any]]:
    """Ask the process for the grades, and return where its lines arrive; the last one says how it ended."""
    events: queue.Queue[dict[str, Any]] = queue.Queue()
    wanted = {
        "path": str(file),
        "importable": importable(source.path),
        "tensorflow": source.tensorflow,
        "functions": [(one.operator, one.name, one.step) for one in found],
    }
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process was started without pipes")
    process.stdin.write(json.dumps(wanted) + "\n")
    process.stdin.close()  # a function that asks for input is told that there is none
    lines = process.stdout

    def listen() -> None:
        for line in lines:
            with suppress(ValueError):  # the function may write anything anywhere, and only breaks its own grade
                event = json.loads(line)
                if isinstance(event, dict) and event.get("event") in _EVENTS:
                    events.put(event)
        events.put({"event": "ended", "status": process.wait()})

    threading.Thread(target=listen, daemon=True).start()
    return events


def _grades(source: Source, events: queue.Queue[dict[str, Any]], found: list[Found], seconds: float) -> Iterator[Grade]:
    """Yield grades as they arrive; the last one may say that the function did not answer, or ended the process."""
    left = iter(found)
    asked: dict[str, Any] = {}
    current, limit = found[0], _PATIENCE_S + seconds
    while True:
        try:
            event = events.get(timeout=limit)
        except queue.Empty:
            event = {"event": "silent"}
        kind = event["event"]
        if kind in {"ended", "silent"}:
            problem = f"It did not answer within {seconds:g} s." if kind == "silent" else _ended(event["status"])
            yield _stopped(source, current, asked, problem)
            return
        if kind == "refused":
            raise _refused(source, event)
        if kind == "done":
            return
        if kind == "graded":
            yield _placed(source, msgspec.convert(event["grade"], Grade))
        elif kind == "begun":
            current, asked = next(left), {}
        elif kind == "asked":
            asked |= event
        limit = seconds if kind == "asked" else _PATIENCE_S + seconds


def _refused(source: Source, event: dict[str, Any]) -> DataError:
    """Return why a file could not be run, with the line as the learner finds it."""
    line = event["record"].removeprefix("line ")
    where = source.where(int(line)) if line.isdigit() else event["record"]
    return DataError(event["problem"], file=source.path, record=where, remedy=event["remedy"])


def _ended(status: int) -> str:
    return f"It ends Python itself: {f'signal {-status}' if status < 0 else f'exit status {status}'}."


def _stopped(source: Source, found: Found, asked: dict[str, Any], problem: str) -> Grade:
    """Return the grade of a function that gave no answer. Raises DataError if it was not even asked."""
    if not asked:
        raise DataError("it does not come to its end", file=source.path, remedy="leave only functions in it")
    operator = operator_named(found.operator)
    return Grade(
        operator=found.operator,
        title=operator.title,
        function=found.name,
        step=found.step,
        status="wrong",
        cases=len(asked_of(operator, found.step)),
        problem=problem,
        case=asked["case"],
        inputs=asked["inputs"],
        settings=asked["settings"],
        numbers=[(label, text) for label, text in asked["numbers"]],
    )


def _placed(source: Source, grade: Grade) -> Grade:
    """Return the grade with its line as the learner finds it: in a notebook, by the cell."""
    if not grade.place:
        return grade
    return msgspec.structs.replace(grade, place=source.where(int(grade.place.removeprefix("line "))))
