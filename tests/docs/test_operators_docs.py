"""The page of the operators speaks of all of them, and of all that others do otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from detbench.operators.registry import implementations_of, operators

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "operators.md").read_text(encoding="utf-8")
RULES, OTHERWISE = PAGE.split("## What others do otherwise")


def rows(table: str) -> list[list[str]]:
    """Return the cells of the rows of a table."""
    return [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]


def test_every_operator_has_its_rule() -> None:
    """The first table names each operator once, and nothing else."""
    named = [name for row in rows(RULES) for name in re.findall(r"`([^`]+)`", row[0])]
    assert sorted(named) == sorted(operators())


def test_what_others_do_otherwise_is_all_there() -> None:
    """Each implementation's traits stand in the second table beside its operator, and no others do."""
    said = {
        (operator, name, trait)
        for row in rows(OTHERWISE)
        for name in re.findall(r"`([^`]+)`", row[0])
        for operator in re.findall(r"`([^`]+)`", row[1])
        for trait in re.findall(r"(?:^|; )([^:;]+): ", row[2].strip())
    }
    true = {
        (operator, one.name, trait)
        for operator in operators()
        for one in implementations_of(operator).values()
        for trait in one.differs
    }
    assert said == true
