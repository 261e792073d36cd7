"""The standings' reference names what standings have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.standings import document

if TYPE_CHECKING:
    import msgspec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "standings.md"


@pytest.mark.parametrize(
    ("section", "struct"),
    [
        ("The whole", document.Standings),
        ("`entries`", document.Entry),
        ("`card`", document.ModelCard),
        ("`speed`", document.Speed),
    ],
)
def test_every_field_of_standings_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """Each section names exactly the fields of its part."""
    part = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(struct.__struct_fields__)
