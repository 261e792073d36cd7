"""``detbench checkpoint``: trained runs, listed, looked into, and moved as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detbench.cli.console import print_json, say, stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.detectors.checkpoints.inventory import Details, Found
    from detbench.detectors.checkpoints.record import RunRecord

__all__ = ["checkpoint"]

checkpoint = typer.Typer(
    help="List trained runs, look into them, and move them as one file.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")]

_MEGABYTE = 1_000_000

_MARKS = {"right": "right", "changed": "WRONG", "missing": "MISSING", "unhashed": "–"}


@checkpoint.command("list")
def list_runs(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with runs in it, at any depth.")] = Path(),
    json: JsonOption = False,
) -> None:
    """List the runs below a folder: recipe, data, steps, best score, status, size.

    \b
    [bold]Examples[/bold]
    detbench checkpoint list
    detbench checkpoint list runs --json | jq '.[].record.best.value'
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.detectors.checkpoints.inventory import find_runs
    from detbench.report.terminal import plain_table, plain_text

    found = find_runs(folder)
    if json:
        import msgspec

        print_json(msgspec.to_builtins(found))
        return
    if not found:
        say(f"there is no run in {folder}")
        return
    table = plain_table()
    for head in ("run", "recipe", "dataset", "step", "best", "status", "size"):
        table.add_column(head, justify="right" if head in {"step", "size"} else "left", overflow="fold")
    for run in found:
        table.add_row(*map(plain_text, _row(run, folder)))
    stdout().print(table)
    for run in found:
        if run.problem:
            say(f"warning: {run.problem}")


def _row(run: Found, folder: Path) -> list[str]:
    name = Path(run.path).relative_to(folder).as_posix()
    record = run.record
    if record is None:
        return [name, "–", "–", "–", "–", "unreadable", _size(run.bytes)]
    return [name, record.recipe, _dataset(record), f"{record.step:,}", _best(record), record.status, _size(run.bytes)]


def _dataset(record: RunRecord) -> str:
    return f"{record.dataset.name}{f' ({record.dataset.split})' if record.dataset.split else ''}"


def _best(record: RunRecord) -> str:
    return "–" if record.best is None else f"{record.best.metric} {record.best.value:.4f}"


def _size(length_bytes: int) -> str:
    return f"{length_bytes / 1e6:,.1f} MB" if length_bytes >= _MEGABYTE else f"{length_bytes / 1e3:,.1f} kB"


@checkpoint.command()
def info(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or an archive.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Show everything that is known of a run or an archive, and check the hash of every file.

    Exit status 1: a file is missing, or is not what the run wrote.

    \b
    [bold]Examples[/bold]
    detbench checkpoint info run
    detbench checkpoint info run.zip --json
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.app import EXIT_FINDINGS
    from detbench.detectors.checkpoints.inventory import details

    found = details(run)
    if json:
        print_json(found.to_dict())
    else:
        _print_details(found)
    if found.wrong:
        say(f"error: not what the run wrote: {', '.join(found.wrong)}")
        raise typer.Exit(EXIT_FINDINGS)


def _print_details(found: Details) -> None:
    from detbench.report.terminal import plain_table, plain_text

    console, facts = stdout(), plain_table()
    facts.show_header = False
    facts.add_column("")
    facts.add_column("", overflow="fold")
    for name, value in _facts(found.record):
        facts.add_row(plain_text(name), plain_text(value))
    console.print(plain_text(f"{found.path}: {'a run' if found.kind == 'run' else 'an archive of a run'}"))
    console.print()
    console.print(facts)
    console.print()
    files = plain_table()
    for head in ("file", "size", "hash", "SHA-256"):
        files.add_column(head, justify="right" if head == "size" else "left", overflow="fold", no_wrap=head == "file")
    for file in found.files:
        files.add_row(*map(plain_text, (file.name, _size(file.bytes), _MARKS[file.state], file.sha256 or "–")))
    console.print(files)


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    from detbench.words import counted

    data = record.dataset
    yield "recipe", record.recipe
    yield "status", f"{record.status}, {counted(record.step, 'step')}"
    yield "best", "none yet" if record.best is None else f"{_best(record)} at step {record.best.step:,}"
    yield "dataset", f"{_dataset(record)}: {counted(data.images, 'image')}, {counted(data.boxes, 'box', 'boxes')}"
    yield "fingerprint", data.fingerprint
    yield counted(len(record.categories), "category", "categories"), ", ".join(record.categories)
    yield "parameters", f"{record.parameters:,}"
    yield "seed", str(record.seed)
    yield "command", record.command
    yield "detbench", record.detbench
    yield from sorted(record.environment.items())


@checkpoint.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; by default RUN.zip.", show_default=False),
    ] = None,
    with_state: Annotated[
        bool,
        typer.Option("--with-state", help="Take the state to go on from too: several times the size."),
    ] = False,
) -> None:
    """Write a run to one archive: recipe, record, best weights, scores, log.

    The same run gives the same bytes.

    \b
    [bold]Examples[/bold]
    detbench checkpoint export run -o run.zip
    detbench checkpoint export run --with-state -o all.zip
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.detectors.checkpoints.archive import export_run

    target = output or Path(f"{run.resolve().name}.zip")
    names = export_run(run, target, with_state=with_state)
    say(f"wrote {target}, {_size(target.stat().st_size)}: {', '.join(names)}")


@checkpoint.command("import")
def import_(
    archive: Annotated[
        Path, typer.Argument(metavar="ARCHIVE", help="An archive that export wrote.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder to make; by default the archive's stem.", show_default=False),
    ] = None,
) -> None:
    """Unpack an archive into a new folder, after every hash was checked.

    Archives from anywhere are safe to import: only files that a run has are
    taken, under their own names, and none of them holds code.

    \b
    [bold]Examples[/bold]
    detbench checkpoint import run.zip -o run
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.detectors.checkpoints.archive import import_run

    folder = output or Path(archive.stem)
    found = import_run(archive, folder)
    say(f"wrote {folder}: {found.record.recipe}, trained on {_dataset(found.record)}, best {_best(found.record)}")
