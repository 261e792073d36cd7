"""The reference page of recipes is the settings'."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_made_of_the_settings() -> None:
    """The committed page is what the script makes: run docs/make_recipe_reference.py after a change."""
    script = DOCS / "make_recipe_reference.py"
    if not script.is_file():
        pytest.skip("needs the checkout's docs")
    made = runpy.run_path(str(script))["page"]()
    assert (DOCS / "reference" / "recipes.md").read_text(encoding="utf-8") == made
    for key in ("`train_canvas_px`", "`[model.rpn]`", "`[[aims_at]]`", "`lpn_theta_px`", "`checkpoint_every`"):
        assert key in made
