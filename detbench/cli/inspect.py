"""``detbench inspect``: what a path holds, and how detbench knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from detbench.data.formats.base import Format, Sighting
    from detbench.data.tables import Dataset

__all__ = ["inspect"]

_CATEGORIES_SHOWN = 12
_FINDINGS_SHOWN = 3
_FOLDERS_SHOWN = 2


def inspect(
    path: Annotated[Path, typer.Argument(help="A dataset's folder, or its annotation file.", show_default=False)],
    format_name: Annotated[str | None, typer.Option("--format", help="Read it as this format, whatever it is.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say which format a path is in and why, and what is there.

    Lists the splits with their images and boxes, the categories, where the
    pictures are, and what to do next. Records that cannot be read are counted
    and left out; detbench check says what is wrong with them.

    \b
    [bold]Examples[/bold]
    detbench inspect VOCdevkit/VOC2007
    detbench inspect annotations.json --json
    detbench inspect drone/ --format yolo
    """  # noqa: D301  a backspace is Click's mark for lines to keep
    from detbench.cli.console import print_json, stdout
    from detbench.data.formats import FORMAT_NAMES, get_format, recognise
    from detbench.data.formats.unrecognised import unrecognised

    named = get_format(format_name) if format_name is not None else None
    sightings = recognise(path)
    if not sightings and named is None:
        raise unrecognised(path, FORMAT_NAMES)
    chosen = named or get_format(sightings[0].format)
    facts = _facts(path, chosen, sightings, named=format_name is not None)
    if json:
        print_json(facts)
    else:
        _print_facts(facts, stdout())


def _facts(path: Path, chosen: Format, sightings: Sequence[Sighting], *, named: bool) -> dict[str, Any]:
    """Read everything, leniently, and return what was found."""
    from detbench.data.findings import Findings, Severity
    from detbench.data.formats import read_with_splits

    findings = Findings(strict=False)
    whole, parts = read_with_splits(path, format_name=chosen.name, findings=findings)
    splits = [{"name": n, "images": len(one.images), "boxes": len(one.ground_truth)} for n, one in parts.items()]
    own = next((s for s in sightings if s.format == chosen.name), None)
    counts = findings.counts()
    return {
        "path": str(path),
        "format": chosen.name,
        "title": chosen.title,
        "named_by_user": named,
        "certainty": own.certainty if own else None,
        "evidence": list(own.evidence) if own else [],
        "candidates": [
            {"format": s.format, "certainty": s.certainty, "evidence": list(s.evidence)}
            for s in sightings
            if s.format != chosen.name
        ],
        "images": len(whole.images),
        "boxes": len(whole.ground_truth),
        "splits": splits,
        "categories": _categories(whole),
        "pictures": _pictures(whole),
        "findings": {str(severity): counts[severity] for severity in Severity},
        "first_findings": [finding.to_dict() for finding in findings.items[:_FINDINGS_SHOWN]],
        "next": _next_commands(path, chosen.name if named else None, counts[Severity.ERROR]),
    }


def _categories(data: Dataset) -> list[dict[str, Any]]:
    import numpy as np

    category = data.ground_truth.category
    boxes = np.bincount(category[category >= 0], minlength=len(data.categories))
    return [
        {"id": key, "name": name, "boxes": int(count)}
        for key, name, count in zip(data.categories.source_id, data.categories.name, boxes, strict=True)
    ]


def _pictures(data: Dataset) -> dict[str, Any]:
    """Count the pictures that are files, that are in records, and that are missing, and name the files' folders."""
    from detbench.errors import DataError

    folders: set[str] = set()
    files = in_records = 0
    for row in range(len(data.images)):
        path = data.pictures.path(row)
        if path is not None:
            files += 1
            folders.add(str(path.parent))
            continue
        try:
            data.pictures.size_bytes(row)
        except DataError:
            continue
        in_records += 1
    missing = len(data.images) - files - in_records
    return {"files": files, "in_records": in_records, "missing": missing, "folders": sorted(folders)}


def _next_commands(path: Path, format_name: str | None, errors: int) -> list[str]:
    import shlex

    option = f" --format {format_name}" if format_name else ""
    place = shlex.quote(str(path))
    check = f"detbench check {place}{option}"
    return [check] if errors else [check, f"detbench convert {place} records/{option}"]


def _print_facts(facts: dict[str, Any], console: Console) -> None:
    from rich.text import Text

    from detbench.cli.console import printable
    from detbench.words import counted

    def line(text: str, style: str = "") -> None:
        console.print(Text(printable(text), style), soft_wrap=not console.is_terminal)

    line(f"{facts['path']}: {facts['title']} (--format {facts['format']})", "bold")
    for clause in facts["evidence"] or ["read so because --format says it; detbench would not have recognised it"]:
        line(f"  seen: {clause}" if facts["evidence"] else f"  {clause}")
    for other in facts["candidates"]:
        line(f"  less likely {other['format']}: {'; '.join(other['evidence'])}", "dim")
    line("")
    line(f"{counted(facts['images'], 'image')}, {counted(facts['boxes'], 'box', 'boxes')}")
    width = max((len(split["name"]) for split in facts["splits"]), default=0)
    for split in facts["splits"]:
        images, boxes = counted(split["images"], "image"), counted(split["boxes"], "box", "boxes")
        line(f"  {split['name']:<{width}}  {images:>16}  {boxes:>17}")
    line(_category_line(facts["categories"]))
    line(_picture_line(facts["pictures"]))
    _print_findings(facts, line)
    line("")
    line("next:", "bold")
    for command in facts["next"]:
        line(f"  {command}")


def _category_line(categories: list[dict[str, Any]]) -> str:
    shown = ", ".join(f"{c['name']} ({c['boxes']:,})" for c in categories[:_CATEGORIES_SHOWN])
    hidden = len(categories) - _CATEGORIES_SHOWN
    more = f" and {hidden:,} more; --json lists them all" if hidden > 0 else ""
    noun = "category" if len(categories) == 1 else "categories"
    return f"{len(categories):,} {noun}" + (f": {shown}{more}" if shown else "")


def _picture_line(pictures: dict[str, Any]) -> str:
    from detbench.words import counted

    parts = []
    if pictures["files"]:
        folders = pictures["folders"]
        hidden = len(folders) - _FOLDERS_SHOWN
        more = f" and {counted(hidden, 'more folder')}" if hidden > 0 else ""
        parts.append(f"{pictures['files']:,} in {(', ' if more else ' and ').join(folders[:_FOLDERS_SHOWN])}{more}")
    if pictures["in_records"]:
        parts.append(f"{pictures['in_records']:,} inside records")
    if pictures["missing"]:
        parts.append(f"{pictures['missing']:,} not found (scoring needs none, converting does)")
    return f"pictures: {', '.join(parts) or 'none'}"


def _print_findings(facts: dict[str, Any], line: Any) -> None:
    counts = {severity: count for severity, count in facts["findings"].items() if count}
    if not counts:
        return
    line("")
    line("while reading: " + ", ".join(f"{n:,} {s}{'' if n == 1 else 's'}" for s, n in counts.items()), "bold")
    for finding in facts["first_findings"]:
        place = ", ".join(part for part in (finding["file"], finding["record"]) if part)
        line(f"  {finding['severity']} {finding['code']}: {place}: {finding['message']}")
