"""How pages are filled: what every template may rely on, and the style and script that a page may run."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["Inline", "inline", "page_environment"]


@dataclass(frozen=True, slots=True)
class Inline:
    """A style sheet or a script that stands in the page, and what the content policy calls it."""

    text: Markup
    hash: str


def inline(name: str) -> Inline:
    """Return a file of the templates that goes into the page as it is, with its hash for the policy."""
    text = files("detbench.report").joinpath("templates", name).read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode()).digest()
    return Inline(Markup(text), f"sha256-{base64.b64encode(digest).decode()}")  # noqa: S704  our own file


def page_environment() -> Environment:
    """Return an environment for our templates: all text is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader("detbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
