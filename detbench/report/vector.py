"""A figure of matplotlib's as small SVG text whose colours are the page's.

Matplotlib lays a figure out; what it writes is then reduced to paths, markers and texts. Every element that wants a
look carries a class in its ``gid``; colours, fonts and line widths stand in ``templates/page.css``, so that one
figure serves light, dark and print. Inline styles are taken out: the page's content policy forbids them. The same
data gives the same bytes.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

__all__ = ["default_settings", "svg"]

_SVG = "{http://www.w3.org/2000/svg}"

#: What a gid that is a class begins with; matplotlib's own ids (``figure_1``, ``xtick_2``) do not.
_LOOKS = ("curve", "area", "grid", "tick", "axis", "mark")


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults, whatever the user's own settings are, and text as text."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.fonttype"] = "none"
        yield


def svg(figure: Figure, title: str) -> str:
    """Return the figure as one ``<svg>`` element, without prolog, ids, metadata, colours and styles.

    A marker becomes a ``<use>`` of the page's own element whose id is the last word of the marker's ``gid``: with
    ``mark m3`` it is drawn as ``#m3``.
    """
    buffer = io.StringIO()
    with default_settings():
        figure.patch.set_visible(False)
        for axes in figure.axes:
            axes.patch.set_visible(False)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314  matplotlib wrote it a line above
    body = "".join(_drawn(root, ""))
    return f'<svg viewBox="{root.get("viewBox")}" role="img" aria-label="{html.escape(title)}">{body}</svg>'


def _drawn(parent: ET.Element, look: str) -> list[str]:
    """Return the paths and texts under ``parent`` in drawing order; ``look`` is the nearest class above them."""
    parts = []
    for element in parent:
        name = element.get("id", "")
        inherited = name if name.startswith(_LOOKS) else look
        match element.tag.removeprefix(_SVG):
            case "g":
                parts.extend(_drawn(element, inherited))
            case "use" if inherited.startswith("mark"):
                x, y = (_short(element.get(name, "0")) for name in "xy")
                parts.append(f'<use class="{inherited}" href="#{inherited.split()[-1]}" x="{x}" y="{y}"/>')
            case "path" if inherited:
                parts.append(f'<path class="{inherited}" d="{_short(element.get("d", ""))}"/>')
            case "text":
                parts.append(_text(element, inherited))
    return parts


def _text(element: ET.Element, look: str) -> str:
    """Return a text at its place; what it says is escaped, how it is turned is kept."""
    anchor = re.search(r"text-anchor: (\w+)", element.get("style", ""))
    turned = element.get("transform", "")
    place = f' transform="{_short(turned)}"' if turned and not turned.startswith("rotate(-0 ") else ""
    return (
        f'<text class="{look}" x="{_short(element.get("x", "0"))}" y="{_short(element.get("y", "0"))}" '
        f'text-anchor="{anchor[1] if anchor else "start"}"{place}>{html.escape(element.text or "")}</text>'
    )


def _short(numbers: str) -> str:
    """Return path data or a transform on one line, every number with one decimal: a tenth of a pixel."""
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), " ".join(numbers.split()))
