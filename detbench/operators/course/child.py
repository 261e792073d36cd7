"""The process in which a learner's file runs: ``python -m detbench.operators.course.child``, started by ``apart.py``.

It reads one line of JSON from standard input, and writes lines of JSON where standard output was. What the file itself
prints goes to standard error, or into its grade, so that nothing of it is taken for an answer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from detbench.errors import DataError
from detbench.operators.course.grade import examine
from detbench.operators.course.quiet import import_tensorflow
from detbench.operators.course.watch import Watch
from detbench.operators.course.words import plain, shown
from detbench.operators.implementations.yours import function_of
from detbench.operators.registry import operator_named

if TYPE_CHECKING:
    from detbench.operators.contract import Case

__all__ = ["main"]

#: A question of more numbers than this is told by its shapes alone.
_MOST_NUMBERS = 5_000


class _Reporting(Watch):
    """Says what is being asked, so that who waits knows what it waits for."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.last: Case | None = None

    def asked(self, case: Case) -> None:
        event: dict[str, Any] = {"event": "asked"}
        if case is not self.last:
            values = [*case.inputs.items(), *case.settings.items()]
            event["case"] = case.name
            small = sum(array.size for array in case.inputs.values()) <= _MOST_NUMBERS
            event["inputs"] = plain(dict(case.inputs)) if small else {}
            event["settings"] = plain(dict(case.settings))
            event["numbers"] = [(label, shown(value)) for label, value in values]
        self.last = case
        _write(self.out, event)

    def answered(self) -> None:
        _write(self.out, {"event": "answered"})


def _write(out: TextIO, event: dict[str, Any]) -> None:
    out.write(json.dumps(event) + "\n")
    out.flush()


def main() -> None:
    """Grade the functions that standard input names, one after another."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    wanted = json.loads(sys.stdin.readline())
    path = Path(wanted["path"])
    if wanted["tensorflow"]:
        import_tensorflow()
    sys.path[:0] = wanted["importable"]
    for operator, name, step in wanted["functions"]:
        _write(out, {"event": "begun"})
        try:
            function = function_of(path, name)
        except DataError as error:
            _write(out, {"event": "refused", "problem": error.problem, "record": error.record, "remedy": error.remedy})
            return
        found = examine(operator_named(operator), function, name, step, watch=_Reporting(out))
        _write(out, {"event": "graded", "grade": msgspec.to_builtins(found)})
    _write(out, {"event": "done"})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # the whole of it is no help to who has asked for it, or has raised it
        os._exit(130)
