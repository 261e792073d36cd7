"""Pictures with their boxes, to be looked at: a folder of them, a contact sheet, a page."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detbench import __version__
from detbench.data.pictures import PICTURE_SUFFIXES
from detbench.errors import DataError, UsageError
from detbench.files import replacing, write_text
from detbench.report.canvas import canvas_of
from detbench.report.contact_sheet import contact_sheet
from detbench.report.drawing import draw_marks
from detbench.report.legend import LINE_NAMES, caption, counts_of, facts
from detbench.report.templating import inline, page_environment
from detbench.words import unbroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.Image import Image as Picture

    from detbench.report.selection import Selection

__all__ = ["render_page", "show"]

#: The longer side of a drawn picture, on the disk and in the page.
_SIDE_PX = 1280

_JPEG: dict[str, Any] = {"format": "JPEG", "quality": 88, "subsampling": 0}
_PAGES = frozenset({".html", ".htm"})
_NOT_A_FOLDER = (PICTURE_SUFFIXES | {".pdf", ".svg"}) - {".png"}


@dataclass(frozen=True, slots=True)
class _Card:
    """One picture of the page."""

    number: int
    name: str
    size: str
    counts: str
    problem: str
    picture: Picture

    def data_uri(self) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(_encoded(self.picture, **_JPEG)).decode()}"


def show(selection: Selection, out: Path, *, advance: Callable[[int], None] = lambda _n: None) -> list[Path]:
    """Draw a selection and write it: ``.html`` a page, ``.png`` a contact sheet, else a folder with both kinds.

    A folder gets one JPEG an image and ``contact.png``; a page holds its pictures. ``advance`` is told of every
    picture that was drawn. Returns the files written.

    Raises
    ------
    UsageError
        If ``out`` ends in something else, or is a file where a folder is meant.
    DataError
        If a file cannot be written. A picture that cannot be read is drawn as a grey canvas that says why.
    """
    suffix = out.suffix.lower()
    if suffix in _PAGES:
        write_text(out, unbroken(render_page(selection, advance=advance)))
        return [out]
    if suffix == ".png":
        _require_other(out, selection)
        return [_write(out, _encoded(contact_sheet(selection, advance=advance), format="PNG", optimize=True))]
    if suffix in _NOT_A_FOLDER or out.is_file():
        raise UsageError(f"{out} is no place to write to; name a folder, or a file that ends in .html or .png")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder cannot be made ({error.strerror or error})", file=out) from error
    written = []
    for card in _cards(selection):
        written.append(_write(out / _file_name(card), _encoded(card.picture, **_JPEG)))
        advance(1)
    return [*written, _write(out / "contact.png", _encoded(contact_sheet(selection), format="PNG", optimize=True))]


def _require_other(out: Path, selection: Selection) -> None:
    """Raise UsageError if ``out`` is one of the dataset's own pictures."""
    pictures = selection.dataset.pictures
    own = (pictures.path(row) for row in range(len(selection.dataset.images))) if out.exists() else ()
    if any(path is not None and path.name == out.name and path.exists() and path.samefile(out) for path in own):
        raise UsageError(f"{out} is one of the dataset's own pictures; say another name with -o")


def render_page(selection: Selection, *, advance: Callable[[int], None] = lambda _n: None) -> str:
    """Return a page that holds its pictures: no network, no script, light and dark."""
    colours, keys, predicted = selection.colours(), selection.keys(), selection.predicted()
    dataset = selection.dataset

    def cards() -> Iterator[_Card]:
        for card in _cards(selection):
            yield card
            advance(1)

    template = page_environment().get_template("show.html.j2")
    return template.render(
        version=__version__,
        style=inline("show.css"),
        name=dataset.name,
        split=dataset.split or "",
        facts=facts(selection),
        categories=[
            (
                keys[category],
                selection.name_of(category),
                "rgb({},{},{})".format(*colours[category]),
                counts_of(count, predicted[category] if selection.predictions is not None else None),
            )
            for category, count in selection.shown_categories()
        ],
        lines=[(line, LINE_NAMES[line], count) for line, count in selection.lines().items()],
        cards=cards(),
    )


def _cards(selection: Selection) -> Iterator[_Card]:
    colours, keys = selection.colours(), selection.keys()
    images = selection.dataset.images
    for number, row in enumerate(selection.rows, start=1):
        canvas = canvas_of(selection.dataset, row, (_SIDE_PX, _SIDE_PX))
        draw_marks(canvas.picture, selection.marks(row, canvas.scale, colours, keys))
        width, height = (round(side / canvas.scale) for side in canvas.picture.size)
        size = f"{width} × {height} px" if canvas.size_known else "size unknown"
        name = images.file_name[row] or str(images.key[row])
        counts = caption(selection, row)
        yield _Card(number, name, size, counts, canvas.problem, canvas.picture)


def _file_name(card: _Card) -> str:
    """Return a name for a drawn picture that no other has, whatever the picture itself was called."""
    stem = re.sub(r"[^\w.-]+", "_", Path(card.name).stem)[:80].strip("._")
    return f"{card.number:03}_{stem or 'image'}.jpg"


def _encoded(picture: Picture, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, **options)
    return target.getvalue()


def _write(path: Path, data: bytes) -> Path:
    with replacing(path) as file:
        file.write(data)
    return path
