"""The page of the architecture speaks of what is in the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = re.split(r"^## ", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]

#: The section in which stands what is not built yet.
TO_COME = "Where the next ones go"

#: Title → the folders that the section is about, which stand in it as code.
WINGS = {title: re.findall(r"`(\w+)/?`", title) for title in (section.partition("\n")[0] for section in SECTIONS)}


@pytest.mark.parametrize("section", SECTIONS, ids=list(WINGS))
def test_what_a_section_names_is_in_its_wing(section: str) -> None:
    """Each file and folder in code is in one of the folders of the title; without any, on the ground floor."""
    title, _, text = section.partition("\n")
    homes = [home for wing in WINGS[title] for home in (ROOT / "detbench" / wing, ROOT / wing) if home.is_dir()]
    named = re.findall(r"`([\w/]+(?:\.(?:py|cpp|hpp)|/))`", text)
    if title == TO_COME:
        named = [name for name in named if name.startswith(("evaluation/", "data/"))]
    places = [found.as_posix() for home in homes or [ROOT / "detbench"] for found in home.rglob("*")]
    assert [name for name in named if not any(f"{place}/".endswith(f"/{name.strip('/')}/") for place in places)] == []


def test_every_wing_has_a_section() -> None:
    """A package of detbench, and the native part, is in the title of a section."""
    packages = {path.parent.name for path in (ROOT / "detbench").glob("*/__init__.py")}
    assert {wing for wings in WINGS.values() for wing in wings} == packages | {"native"}
