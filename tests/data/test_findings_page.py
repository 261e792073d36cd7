"""The page of findings says what the catalogue says."""

from __future__ import annotations

import re
from pathlib import Path

from detbench.data.findings import CATALOGUE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "findings.md"


def test_the_page_lists_the_catalogue() -> None:
    """Every code stands on the page once, in the catalogue's order, with its severity and its remedy."""
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(code, str(severity), remedy) for code, (severity, remedy) in CATALOGUE.items()]
