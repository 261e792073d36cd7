"""How pages are filled: what every template may rely on, and the style and script that a page may run."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detbench.words import brief, counted, named

__all__ = ["Inline", "embedded", "inline", "page_environment"]

#: What must not stand inside a script element, and how JSON says the same; it leaves DEL and what follows as they are.
_IN_SCRIPT = str.maketrans({code: f"\\u{code:04x}" for code in (*map(ord, "<>&\u2028\u2029"), *range(0x7F, 0xA0))})

#: Characters that must not stand in HTML: all controls but tabs and the ends of lines.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

#: A name longer than this is cut where it stands among other words.
_MOST_OF_A_NAME = 60


@dataclass(frozen=True, slots=True)
class Inline:
    """A style sheet or a script that stands in the page, and what the content policy calls it."""

    text: Markup
    hash: str


def inline(*names: str) -> Inline:
    """Return files of the templates, one after another, that go into the page as they are, with the policy's hash."""
    folder = files("detbench.report").joinpath("templates")
    text = "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    return Inline(Markup(text), f"sha256-{base64.b64encode(digest).decode()}")  # noqa: S704  our own files


def embedded(document: object) -> Markup:
    """Return a document as JSON that can stand in a script element."""
    return Markup(msgspec.json.encode(document).decode().translate(_IN_SCRIPT))  # noqa: S704  escaped by _IN_SCRIPT


def page_environment() -> Environment:
    """Return an environment for our templates: all text is escaped, and a name that is missing is an error."""
    environment = Environment(
        loader=PackageLoader("detbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sentence"] = _sentence
    environment.filters["percent"] = _percent
    environment.filters["counted"] = counted
    environment.filters["brief"] = lambda name, limit=_MOST_OF_A_NAME: brief(name, limit)
    environment.filters["named"] = lambda name, limit=_MOST_OF_A_NAME: named(name, limit)
    return environment


def _seen(value: object) -> object:
    """Return what a template shows without control characters, which HTML does not allow."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", value) if type(value) is str else value


def _percent(share: float) -> str:
    """Return a share as a length in a drawing, cut to the drawing."""
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}%"


def _sentence(clause: str) -> str:
    """Return a clause with a capital letter and a full stop."""
    return clause[:1].upper() + clause[1:] + ("" if clause.endswith((".", "!", "?")) else ".")
