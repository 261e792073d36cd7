"""The folder of standings: a page, a page a model, and the same table for other programs, all from one result."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

from detbench.evaluation.results import Result
from detbench.files import make_folder, replacing_all, require_writable
from detbench.report.exports.csv_text import csv_text
from detbench.report.exports.latex import latex
from detbench.report.exports.markdown import markdown
from detbench.report.pages import render_report
from detbench.report.sections.model import MOST_DRAWN
from detbench.report.standings_page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Standings
    from detbench.timing.document import Profile

__all__ = ["FORMATS", "PAGE", "folder_names", "model_folders", "rendered_standings", "write_all"]

#: What a folder of standings may hold beside ``standings.json``.
FORMATS = ("html", "md", "tex", "csv")

PAGE = "index.html"

_TEXTS: dict[str, Callable[[Standings], str]] = {"md": markdown, "tex": latex, "csv": csv_text}

#: Names that Windows keeps for devices, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

_LONGEST = 60


def write_all(files: Mapping[Path, bytes | Path]) -> list[Path]:
    """Write files, each bytes or the copy of another file, and none where one of them cannot be written.

    They take their places when all of them are written: a full disk leaves what was there. The page comes last: what
    it leads to is there before it. Raises DataError.
    """
    made: list[Path] = []
    try:
        for path in files:
            made += [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
            make_folder(path.parent)
            require_writable(path)
        with replacing_all() as opened:
            for path, data in sorted(files.items(), key=lambda item: item[0].name == PAGE):
                with opened(path, durable=isinstance(data, bytes)) as file:
                    _put(data, file)
    except BaseException:
        for folder in sorted(made, reverse=True):  # the inner ones first
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    return list(files)


def _put(data: bytes | Path, file: IO[bytes]) -> None:
    if isinstance(data, bytes):
        file.write(data)
    else:
        with data.open("rb") as given:
            shutil.copyfileobj(given, file)


def rendered_standings(
    standings: Standings,
    results: Mapping[str, Document],
    *,
    formats: Collection[str] = FORMATS,
    pictures: Dataset | None = None,
    profiles: Sequence[Profile] = (),
) -> dict[str, bytes]:
    """Return what a folder of standings holds, as paths in it with their bytes.

    ``results`` are by the entries' names. With ``html`` among the ``formats`` each model that figures draw has a page
    of its own, ``models/<folder>/report.html``, that the leaderboard leads to. Both show the worst mistakes in
    ``pictures``, those of the dataset that was measured on; the leaderboard also the operators' timings in
    ``profiles``.
    """
    files: dict[str, bytes] = {}
    if "html" in formats:
        folders = model_folders(standings)
        pages = {entry.name: f"models/{folders[entry.name]}/report.html" for entry in standings.alike()[:MOST_DRAWN]}
        files[PAGE] = render_page(standings, results, pages=pages, pictures=pictures, profiles=profiles).encode()
        files |= {
            page: render_report(Result(results[name]), pictures=pictures, board=f"../../{PAGE}").encode()
            for name, page in pages.items()
        }
    files["standings.json"] = standings.to_json()
    for ending, text in _TEXTS.items():
        if ending in formats:
            files[f"standings.{ending}"] = text(standings).encode()
    return files


def model_folders(standings: Standings) -> dict[str, str]:
    """Return a folder's name for each model that has a result, by the entry's name."""
    return folder_names(entry.name for entry in standings.entries if entry.status != "broken")


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """Return a folder's name for each name: letters, digits, dots and dashes that every system takes, no two alike.

    >>> folder_names(["YOLOX nano", "../x", "X", "CON", "מכונית"])
    {'YOLOX nano': 'YOLOX-nano', '../x': 'x', 'X': 'X-2', 'CON': 'CON_', 'מכונית': 'model'}
    """
    taken: set[str] = set()
    numbers: dict[str, int] = {}  # thousands may come to the same, and need not be counted from the start each
    found = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_LONGEST].strip(".-") or "model"
        if _DEVICES.fullmatch(plain):
            plain = f"{plain.partition('.')[0]}_"
        free, place = plain, numbers.get(plain.casefold(), 1)
        while free.casefold() in taken:
            place += 1
            free = f"{plain}-{place}"
        numbers[plain.casefold()] = place
        taken.add(free.casefold())
        found[name] = free
    return found
