"""What ``--help`` says fits a terminal of 80 columns, and names what is there."""

from __future__ import annotations

import inspect
import re

import pytest
from typer.main import get_command

from detbench.cli.app import app
from detbench.data.predictions import FORMS
from detbench.evaluation.protocols import PROTOCOLS

COMMANDS = {str(command.name): command.callback for command in app.registered_commands} | {
    f"{group.name} {command.name or command.callback.__name__}": command.callback
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
}

#: The help's frame takes a column on each side.
WIDTH = 78


def _options(command: str) -> set[str]:
    found = get_command(app)
    for word in command.split():
        found = found.commands[word]  # type: ignore[attr-defined]
    return {spelling for one in found.params for spelling in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_fit_and_have_options_that_exist(command: str) -> None:
    """An example is not wrapped, is of the command, and what begins with a dash is one of its options."""
    text = inspect.getdoc(COMMANDS[command]) or ""
    examples = [line.strip() for line in text.partition("Examples")[2].splitlines() if line.strip()[:9] == "detbench "]
    assert examples
    for line in examples:
        assert len(line) <= WIDTH, line
        words = re.split(r"[#|>]", line)[0].split()
        assert " ".join(words[1:]).startswith(command)
        assert {word for word in words if word.startswith("-")} <= _options(command), line


def test_what_eval_takes_is_listed() -> None:
    """--protocol names every built-in protocol, and the predictions' forms stand beside PREDICTIONS."""
    helps = {one.name: one.help for one in get_command(app).commands["eval"].params}  # type: ignore[attr-defined]
    assert [name for name in PROTOCOLS if name not in re.findall(r"\w+", helps["protocol"])] == []
    assert [form for form in FORMS if form.lower() not in helps["predictions"].lower()] == []


@pytest.mark.parametrize("other", ["compare", "leaderboard", "submit check", "pack", "report"])
def test_an_option_means_the_same_in_every_command_that_scores(other: str) -> None:
    """What eval calls --split, --join or --seed is described alike elsewhere, with the default that eval has."""
    scores, command = get_command(app), get_command(app)
    scores = scores.commands["eval"]  # type: ignore[attr-defined]
    for word in other.split():
        command = command.commands[word]  # type: ignore[attr-defined]
    ours = {one.name: one for one in command.params if one.name not in {"output", "as_json", "no_per_category"}}
    theirs = {one.name: one for one in scores.params if one.param_type_name == "option"}
    shared = ours.keys() & theirs.keys()
    assert other == "report" or {"split", "format_name", "unknown", "join"} <= shared
    for name in shared:
        assert ours[name].help == theirs[name].help, name
        shown = ours[name].show_default if isinstance(ours[name].show_default, str) else ours[name].default
        assert str(getattr(shown, "value", shown)) == str(getattr(theirs[name].default, "value", theirs[name].default))
