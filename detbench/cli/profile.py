"""``detbench profile``: how fast an operator is, in every implementation that answers as the reference does."""

from __future__ import annotations

import os
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.choices import complete_implementation, complete_subject
from detbench.cli.console import print_json, print_json_text, printable, progress, say, stderr_held, stdout, stdout_kept
from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detbench.operators.contract import Wanted
    from detbench.operators.profiling.plan import Task
    from detbench.operators.profiling.profile import Run
    from detbench.timing.document import Profile

__all__ = ["profile"]

#: Panels of the help.
_OF_SIZES = "Sizes"
_INSTEAD = "Instead of profiling"

_PAGE = "profile.html"

#: The exit status where something that was asked for by name answers wrongly or cannot run.
_FINDINGS = 1


class Device(StrEnum):
    """Where to run."""

    cpu = "cpu"
    gpu = "gpu"


def profile(  # noqa: PLR0913  one parameter for each option
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBJECT",
            help="nms, roi-pooling, iou, anchors, or all; or one operator, such as roi-align.",
            autocompletion=complete_subject,
            show_default=False,
        ),
    ] = None,
    impl: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Run only this implementation (again for more). FILE.py:FUNCTION is yours and runs beside the others.",
            autocompletion=complete_implementation,
            show_default=False,
        ),
    ] = None,
    boxes: Annotated[
        str, typer.Option(metavar="N,...", help="Numbers of boxes.", rich_help_panel=_OF_SIZES)
    ] = "1000,10000,50000",
    keep: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000_000,
            metavar="N",
            help="How many boxes NMS keeps at most.",
            rich_help_panel=_OF_SIZES,
        ),
    ] = 2000,
    regions: Annotated[
        str, typer.Option(metavar="N,...", help="Numbers of regions to pool.", rich_help_panel=_OF_SIZES)
    ] = "300,1000,2000",
    device: Annotated[Device, typer.Option(help="Where to run what can run on either.")] = Device.cpu,
    seconds: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=600,
            metavar="S",
            help="How long to sample each implementation on each case; one call may take 4 times as long.",
        ),
    ] = 0.15,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Another seed draws other inputs and turns.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the profile as JSON instead of tables.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A folder for profile.json and profile.html."),
    ] = None,
    list_only: Annotated[
        bool,
        typer.Option(
            "--list", help="Say which implementations there are and which can run here.", rich_help_panel=_INSTEAD
        ),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="OLD NEW",
            help="Compare two profiles that -o wrote.",
            show_default=False,
            rich_help_panel=_INSTEAD,
        ),
    ] = None,
) -> None:
    """Time operators of Faster R-CNN: ours, the frameworks', other libraries', and yours.

    An implementation is timed once it has answered the hard cases and the
    very input as the reference does; one that does not is refused, with the
    smallest input found on which it is wrong. All run by turns.

    FILE.py:FUNCTION is of the operator that the function's name ends with
    (my_nms: nms), or else of the first of SUBJECT. It takes and returns what
    the reference does, and runs in this process, with your rights. Only
    operators that you give functions for are profiled then.

    \b
    [bold]Examples[/bold]
    detbench profile all -o profile           # profile.json, profile.html
    detbench profile nms --boxes 1000,5000 --keep 300
    detbench profile nms --impl kernels.py:my_nms
    detbench profile roi-align --impl native --impl numpy --json
    detbench profile iou --list
    detbench profile --compare before after   # faster, slower, or chance

    Exit status: 1 where an implementation that was named is refused, or cannot
    run at all. Ctrl-C ends early; with -o, what was measured by then is
    written.
    """  # noqa: D301  Click's mark for "keep these lines" is a backspace
    if compare is not None:
        _require_alone("--compare", SUBJECT=subject, impl=impl, list=list_only, output=output)
        _compare(*compare, as_json=as_json)
    elif list_only:
        _require_alone("--list", impl=impl, output=output)
        _list(subject or "all", device.value, as_json=as_json)
    elif subject is None:
        raise UsageError("say what to profile: nms, roi-pooling, iou, anchors, or all; or one operator's name")
    else:
        if isnan(seconds):
            raise UsageError("--seconds takes a number")
        wanted = _wanted(boxes, keep, regions, seed)
        if output is not None:
            _require_writable(output)
        run = _prepared(subject, impl or [], wanted, device.value, seconds)
        _measure_and_tell(run, output, as_json=as_json)


def _measure_and_tell(run: Run, output: Path | None, *, as_json: bool) -> None:
    """Profile, write, print; exit with 1 if something that was asked for by name is refused or could not run."""
    try:
        _measure(run)
    except KeyboardInterrupt:
        say(f"stopped while this ran: {run.now}")
        if output is not None and run.done:
            _save(run.profile(), output)
        raise
    found = run.profile()
    if output is not None:
        _save(found, output)
    if as_json:
        from detbench.timing.files import encoded

        print_json_text(encoded(found).decode())
    else:
        _show(found)
    refused, not_run = run.refused(), run.not_run()
    for one in refused:
        say(f"refused: {one.operator}, {one.implementation}: {one.reason}")
    for one in not_run:
        say(f"not run: {one.operator}, {one.implementation}: {one.reason}")
    if refused or not_run:
        raise typer.Exit(_FINDINGS)


def _require_alone(option: str, **others: object) -> None:
    """Raise UsageError if options were given that mean nothing beside this one."""
    if given := [name if name.isupper() else f"--{name}" for name, value in others.items() if value]:
        raise UsageError(f"{option} profiles nothing; leave out {', '.join(given)}")


def _wanted(boxes: str, keep: int, regions: str, seed: int) -> Wanted:
    from detbench.operators.contract import Wanted

    return Wanted(_sizes("--boxes", boxes), keep, _sizes("--regions", regions), seed)


def _sizes(option: str, text: str) -> tuple[int, ...]:
    """Return the numbers of a list with commas, ascending. Raises UsageError."""
    parts = [part.strip().replace("_", "") for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part[:9]) <= 10_000_000 for part in parts):  # noqa: PLR2004  a slip of the hand
        raise UsageError(f"{option} takes whole numbers above 0 with commas between, not {text!r:.60}")
    return tuple(sorted({int(part) for part in parts}))


def _require_writable(folder: Path) -> None:
    """Raise, before minutes are spent, if the results cannot be written."""
    from detbench.files import make_folder, require_writable
    from detbench.timing.files import PROFILE

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; say another folder with -o")
    make_folder(folder)
    for name in (PROFILE, _PAGE):
        require_writable(folder / name)


def _prepared(subject: str, names: Sequence[str], wanted: Wanted, device: str, seconds: float) -> Run:
    """Return what is to be run."""
    from detbench.operators.profiling.gpu import require_gpu
    from detbench.operators.profiling.plan import plan
    from detbench.operators.profiling.profile import Run
    from detbench.operators.profiling.turns import Allowance

    with stdout_kept():  # a file of the user's may print when it is imported
        tasks = plan(subject, names)
    if any("tensorflow" in one.implementation.requires for task in tasks for one in task.candidates):
        _import_tensorflow()
    machine = require_gpu() if device == "gpu" else None
    options = {"subject": subject, "implementations": list(names)}
    return Run(tasks, wanted, device, Allowance(seconds), machine, options)


def _import_tensorflow() -> None:
    """Import TensorFlow without what it says of itself at every start, which no setting of its own turns off."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if find_spec("tensorflow") is not None:
        with stderr_held():
            import_module("tensorflow").constant(0)


def _measure(run: Run) -> None:
    """Measure case after case. The bar is drawn between cases alone: a thread that draws would be timed too."""
    with progress("the machine", len(run), "cases", redraw=False) as bar, stdout_kept():
        run.on_check = bar.describe
        for _ in run.steps():
            bar(1)


def _save(found: Profile, folder: Path) -> None:
    from detbench.files import replacing
    from detbench.report.profile_page import write_profile_page
    from detbench.timing.files import PROFILE, encoded

    with replacing(folder / PROFILE) as file:
        file.write(encoded(found))
    write_profile_page(found, folder / _PAGE)
    say(f"wrote {folder / PROFILE} and {_PAGE}")


def _show(found: Profile) -> None:
    from detbench.report.profile_tables import profile_tables

    console = stdout()
    for part in profile_tables(found):
        console.print(part)


def _compare(old: Path, new: Path, *, as_json: bool) -> None:
    from detbench.timing.comparison import compare
    from detbench.timing.files import encoded, read_profile

    found = compare(read_profile(old), read_profile(new))
    for one in found.differences:
        say(f"warning: not the same in both: {one.name}, {one.old} and {one.new}")
    if as_json:
        print_json_text(encoded(found).decode())
        return
    from detbench.report.profile_tables import compare_profile_tables

    console = stdout()
    for part in compare_profile_tables(found):
        console.print(part)


def _list(subject: str, device: str, *, as_json: bool) -> None:
    """Print who runs what, where it comes from, and whether it can run here; at the end, whose names say nothing."""
    from detbench.operators.implementations.yours import misnamed
    from detbench.operators.profiling.plan import ALL, plan, timed_operators

    with stdout_kept():
        rows = [row for task in plan(subject) for row in _listed(task, device)]
    for point, problem in misnamed([one.name for one in timed_operators(ALL)]):
        rows.append(_listing(point.operator, point.implementation, point.origin, problem))
    if as_json:
        print_json(rows)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for name in ("operator", "implementation", "from", "here"):
        table.add_column(name, overflow="fold")
    before = ""
    for row in rows:
        shown = {**row, "operator": "" if row["operator"] == before else row["operator"], "here": row["here"] or "yes"}
        table.add_row(*(Text(printable(text)) for text in shown.values()))
        before = row["operator"]
    stdout().print(table)


def _listed(task: Task, device: str) -> list[dict[str, str]]:
    from detbench.operators.profiling.plan import why_not

    return [
        _listing(task.operator.name, one.implementation.name, one.origin, reason[1] if reason else "")
        for one in task.candidates
        for reason in (why_not(one, None, device),)
    ]


def _listing(operator: str, implementation: str, origin: str, problem: str) -> dict[str, str]:
    return {"operator": operator, "implementation": implementation, "from": origin, "here": problem}
