"""What a run consists of: the files that go into an archive, in words, and how long each may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.words import counted, printable

if TYPE_CHECKING:
    from detbench.detectors.checkpoints.record import RunRecord

__all__ = ["FILES", "MANIFEST", "README", "Kind", "readme"]

MANIFEST, README = "manifest.json", "README.txt"

_MIB = 2**20


class Kind(NamedTuple):
    """A file of a run: what it is, the most bytes it may have, and whether every run has it."""

    what: str
    most_bytes: int
    needed: bool = False


#: The files of a run that an archive may hold, and no others; ``tensorboard/`` stays behind: it is ``log.csv`` again.
FILES = {
    "recipe.toml": Kind("the recipe with every setting", _MIB, needed=True),
    "run.json": Kind("what the run is, how it was made, and the hashes of its files", 16 * _MIB, needed=True),
    "best.npz": Kind("the weights with the best score", 16 * 1024 * _MIB),
    "last.npz": Kind("the last weights and the state of training, to go on from", 64 * 1024 * _MIB),
    "evaluations.jsonl": Kind("the score at each evaluation", 64 * _MIB),
    "log.csv": Kind("losses, learning rate and speed while it was trained", 1024 * _MIB),
    "result.json": Kind("the best weights' score with intervals", 256 * _MIB),
    "draws.npz": Kind("the score in each resample, to compare runs by", 1024 * _MIB),
    "report.html": Kind("the score as a page", 256 * _MIB),
}


def readme(record: RunRecord, names: list[str]) -> str:
    """Return the text of an archive's ``README.txt``: what it is, and how it is used; ``names`` are its files."""
    best = "" if record.best is None else f", the best at step {record.best.step:,}: {_best(record)}"
    data = record.dataset
    trained_on = (
        f"Trained on {data.name}{f' ({data.split})' if data.split else ''}: {counted(data.images, 'image')} with "
        f"{counted(data.boxes, 'box', 'boxes')} of {counted(len(record.categories), 'category', 'categories')}."
    )
    lines = [
        f"A Faster R-CNN that detbench {record.detbench} trained: {record.recipe}",
        "",
        trained_on,
        f"{counted(record.step, 'step')}{best}.",
        "",
        "To use it:",
        "    detbench checkpoint info THIS_FILE",
        "    detbench checkpoint import THIS_FILE -o run",
        "    detbench predict run DATA -o predictions",
        "",
        "Files:",
        *(f"    {name:<18} {FILES[name].what}" for name in names),
        f"    {MANIFEST:<18} length and SHA-256 of each of them",
    ]
    return "\n".join(map(printable, lines)) + "\n"


def _best(record: RunRecord) -> str:
    return "" if record.best is None else f"{record.best.metric} {record.best.value:.4f}"
