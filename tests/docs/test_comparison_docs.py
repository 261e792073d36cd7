"""The comparison's reference names what a comparison has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation import comparison

if TYPE_CHECKING:
    import msgspec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "comparison.md"


@pytest.mark.parametrize(
    ("section", "struct"),
    [
        ("The whole", comparison.Comparison),
        ("`models`", comparison.Contestant),
        ("`per_category`", comparison.CategoryDifference),
        ("A difference", comparison.Difference),
    ],
)
def test_every_field_of_a_comparison_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """Each section names exactly the fields of its part."""
    part = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(struct.__struct_fields__)
