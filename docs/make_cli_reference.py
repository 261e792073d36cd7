"""Write ``docs/reference/cli.md``: every command with its options and examples, from the command line itself."""

# ruff: noqa: INP001  a script, not a package

from __future__ import annotations

import inspect
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo

from detbench.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = Path(__file__).parent / "reference" / "cli.md"

HEAD = """# The command line

Every command takes `--help`. Results go to standard output, everything else to standard error; colour and progress
bars appear on terminals only. The exit status is 0 where all is well, 1 where a check found errors, 2 where the
input or the command line cannot be used; then one sentence names the file, the record and the remedy.
"""


def main() -> None:
    """Write the page."""
    sections = [command_section(name, function) for name, function in sorted(commands().items())]
    TARGET.write_text("\n".join([HEAD, *sections]), encoding="utf-8")


def commands() -> dict[str, Callable[..., Any]]:
    """Return every command by what is typed: ``eval``, ``checkpoint list``."""
    found = [("", app), *((f"{group.name} ", group.typer_instance) for group in app.registered_groups)]
    return {
        prefix + (command.name or command.callback.__name__): command.callback
        for prefix, of in found
        if of is not None
        for command in of.registered_commands
        if command.callback is not None
    }


def command_section(name: str, function: Callable[..., Any]) -> str:
    """Return one command's section: its usage, what it does, its examples, its arguments and options."""
    hints = get_type_hints(function, include_extras=True)
    arguments: list[tuple[str, str]] = []
    panels: dict[str, list[str]] = {"": []}
    for parameter in inspect.signature(function).parameters.values():
        kind, info = annotated(hints[parameter.name])
        meaning = f"{cell(info.help or '')} | {default_of(parameter, info)} |"
        if isinstance(info, ArgumentInfo):
            arguments.append((info.metavar or parameter.name.upper(), meaning))
        else:
            panel = info.rich_help_panel if isinstance(info.rich_help_panel, str) else ""
            panels.setdefault(panel, []).append(f"| {spellings(parameter.name, kind, info)} | {meaning}")
    needed = [shown if meaning.endswith("| required |") else f"[{shown}]" for shown, meaning in arguments]
    usage = " ".join(["detbench", name, *needed, *(["[OPTIONS]"] if any(panels.values()) else [])])
    panels[""] = [*(f"| `{shown}` | {meaning}" for shown, meaning in arguments), *panels[""]]
    parts = [f"## detbench {name}", f"```text\n{usage}\n```", help_text(inspect.getdoc(function) or "")]
    return "\n\n".join([*parts, *(table_of(panel, rows) for panel, rows in panels.items() if rows)]) + "\n"


def table_of(panel: str, rows: list[str]) -> str:
    """Return a table, under the name of its panel of the help if it has one."""
    table = "\n".join(["| name | meaning | default |", "|---|---|---|", *rows])
    return f"**{panel}**\n\n{table}" if panel else table


def annotated(hint: Any) -> tuple[Any, Any]:
    """Return the type and Typer's description of an ``Annotated`` parameter; ``X | None`` counts as X."""
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{hint} is not annotated with typer.Option or typer.Argument")
    kind, info = get_args(hint)[:2]
    return next((part for part in get_args(kind) if type(None) in get_args(kind)), kind), info


def spellings(name: str, kind: Any, info: Any) -> str:
    """Return an option's spellings, the negative one too, and what it takes."""
    plain = name.replace("_", "-")
    # Inside Annotated, Typer finds the first spelling where a default would stand.
    declared = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]
    given = declared or ([f"--{plain}", f"--no-{plain}"] if kind is bool else [f"--{plain}"])
    shown = ", ".join(f"`{spelling}`" for word in given for spelling in word.split("/"))
    return shown if kind is bool else f"{shown} *{cell(info.metavar or takes(kind))}*"


def takes(kind: Any) -> str:
    """Return what an option takes, in a word."""
    if get_origin(kind) is list:
        return f"{takes(get_args(kind)[0])}, repeatable"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(member.value) for member in kind)
    return {int: "number", float: "number", Path: "path"}.get(kind, "text")


def default_of(parameter: inspect.Parameter, info: Any) -> str:
    """Return the default as text: empty where there is none, ``required`` where a value must be given."""
    if isinstance(info.show_default, str):
        return f"`{cell(info.show_default)}`"
    value = getattr(parameter.default, "value", parameter.default)
    if value is inspect.Parameter.empty:
        return "required"
    if value is None or value is False or value == "" or callable(value):
        return ""
    return "on" if value is True else f"`{cell(str(value))}`"


def help_text(text: str) -> str:
    """Return a docstring as Markdown: what follows "Examples" is a block of code, Rich's markup becomes Markdown's."""
    words, _, examples = re.sub(r" *\x08 *\n?", "", text).partition("[bold]Examples[/bold]")
    prose = words.replace("[bold]", "**").replace("[/bold]", "**").replace("<", "&lt;").strip()
    code = inspect.cleandoc(examples.strip("\n"))
    return f"{prose}\n\n```console\n{code}\n```" if code else prose


def cell(text: str) -> str:
    """Return text that a table's cell can hold."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
