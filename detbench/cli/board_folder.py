"""The folder of a leaderboard: over nothing that it is made from, written by one process, without leftovers."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from detbench.data.tables import Dataset
    from detbench.evaluation.document import Document
    from detbench.evaluation.standings.document import Entry, Standings
    from detbench.timing.document import Profile

__all__ = ["KEPT", "held", "is_board", "require_free", "write_board"]

#: What has been evaluated is kept here.
KEPT = ".cache"

_MODELS = "models"
_STANDINGS = "standings.json"

#: What a model's folder holds: its result first, and what belongs to that.
_FILES = ("result.json", "draws.npz", "report.html")


def is_board(folder: Path) -> bool:
    """Return whether a folder holds a leaderboard, and nothing of a model."""
    from detbench.evaluation.submissions.folder import is_read

    try:
        return (folder / _STANDINGS).is_file() and not any(map(is_read, folder.iterdir()))
    except OSError:  # it may not be looked into: scoring it says so
        return False


def require_free(output: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError, before minutes are spent, if the leaderboard would go over what it is made from."""
    from detbench.evaluation.submissions.folder import is_read

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; say another folder with -o")
    if any(map(is_read, output.glob("*"))):
        raise UsageError(f"{output} holds a model, which would not be ranked; say another folder with -o")
    _require_no_link(output / _MODELS)
    target, *inner = (Path(os.path.realpath(path)) for path in (output, output / _MODELS, output / KEPT))
    for path in inputs:
        given = Path(os.path.realpath(path))  # which takes links in circles as they are
        if target == given or any(map(given.is_relative_to, inner)):
            raise UsageError(f"{output} would be written over what it comes from; say another folder with -o")


def _require_no_link(folder: Path) -> None:
    """Raise DataError for a link: where it leads is somebody's, and no leaderboard writes or removes there."""
    if folder.is_symlink():
        remedy = "remove it, or say another folder with -o"
        raise DataError("is a symbolic link, and a leaderboard writes through none", file=folder, remedy=remedy)


@contextlib.contextmanager
def held(output: Path) -> Iterator[None]:
    """Make the folder, and keep other leaderboards out of it while the block runs; after an error no empty one is left.

    The lock is on the folder itself, as the same models give the same files, and none beside them. File systems
    without such locks, as some across a network are, keep nobody out.

    Raises
    ------
    DataError
        If another process holds the folder, or it cannot be made.
    """
    from detbench.files import make_folder

    is_new = not output.exists()
    make_folder(output)
    descriptor = os.open(output, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "wait for it, or say another folder with -o"
            raise DataError("another leaderboard is being written here", file=output, remedy=remedy) from error
        except OSError:  # no locks here
            pass
        yield
    except BaseException:
        if is_new:
            with contextlib.suppress(OSError):
                output.rmdir()
        raise
    finally:
        os.close(descriptor)


def write_board(
    standings: Standings,
    results: Mapping[str, Document],
    places: Mapping[str, Path],
    output: Path,
    pictures: Dataset | None,
    profiles: Sequence[Profile],
) -> str:
    """Write the page, the tables, and a folder for each model, and say what was written.

    A model's folder has its result, its draws and, of the first, its page. What an earlier leaderboard left of models
    that are gone, or was killed at, is removed. The page shows ``pictures`` and ``profiles``.

    Raises
    ------
    DataError
        If something cannot be written; what was there stays then, whole.
    """
    from detbench.evaluation.drawn_file import DRAWS
    from detbench.evaluation.runs import RESULT
    from detbench.files import replacing, require_writable
    from detbench.report.standings_files import model_folders, rendered_standings, write_all

    before = _entries_before(output)
    rendered = rendered_standings(standings, results, pictures=pictures, profiles=profiles)
    folders = {entry: output / _MODELS / name for entry, name in model_folders(standings).items()}
    files: dict[Path, bytes | Path] = {}
    for entry in standings.entries:
        if entry.name in folders:
            _require_no_link(folder := folders[entry.name])
            files[folder / RESULT] = results[entry.name].to_json()
            if (draws := places[entry.source] / DRAWS).is_file():
                files[folder / DRAWS] = draws
    standing = rendered.pop(_STANDINGS)
    files |= {output / name: data for name, data in rendered.items()}
    require_writable(output / _STANDINGS)
    # It tells the next run what is to be removed, so it takes its place when that is done.
    with replacing(output / _STANDINGS) as file:
        file.write(standing)
        file.flush()
        written = write_all(files)
        _remove_parts(output, [_STANDINGS, *rendered], of=file.name)
        for folder in folders.values():
            _remove_parts(folder, _FILES)
        for name, gone in before.items():
            _remove_leftovers(output / _MODELS / name, gone, written)
    said = f"wrote {output / 'index.html'}, standings.json, .md, .tex and .csv"
    return said + (", and a folder for each model" if folders else "")


def _entries_before(output: Path) -> dict[str, Entry]:
    """Return the folder's name → the entry of the leaderboard that lies here; nothing where none can be read."""
    from detbench.evaluation.standings.document import read_standings
    from detbench.report.standings_files import model_folders

    file = output / _STANDINGS
    try:
        found = read_standings(file) if file.is_file() else None
    except DataError:
        return {}
    folders = model_folders(found) if found else {}
    return {folders[entry.name]: entry for entry in (found.entries if found else ()) if entry.name in folders}


def _remove_parts(folder: Path, names: Iterable[str], *, of: str = "") -> None:
    """Remove what runs that were killed left of files of these names, but not ``of``, which is being written."""
    from detbench.files import is_part_of

    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if str(path) != of and _is_plain(path) and any(is_part_of(path, name) for name in names):
                path.unlink()


def _remove_leftovers(folder: Path, entry: Entry, written: Iterable[Path]) -> None:
    """Remove from a model's folder what was not written now, if it is what a leaderboard with ``entry`` wrote.

    A folder that holds anything else, or the result of other predictions, is somebody's: it stays as it is.
    """
    from detbench.files import is_part_of

    with contextlib.suppress(OSError):  # the leaderboard itself is whole
        if folder.is_symlink() or not folder.is_dir():
            return
        new = {_key(path) for path in written}
        files = list(folder.iterdir())
        old = [path for path in files if path.name in _FILES and _is_plain(path) and _key(path) not in new]
        old += [path for path in files if _is_plain(path) and any(is_part_of(path, name) for name in _FILES)]
        stays = any(_key(path) in new for path in files)
        if not stays and (len(old) < len(files) or not _is_result_of(folder / _FILES[0], entry)):
            return
        for path in old:
            path.unlink()
        if not stays:
            folder.rmdir()


def _is_plain(path: Path) -> bool:
    """Return whether it is a file and no link: leaderboards write nothing else."""
    return path.is_file() and not path.is_symlink()


def _key(path: Path) -> tuple[str, str]:
    """Return what tells the files of models' folders apart where letters' case does not."""
    return path.parent.name.casefold(), path.name.casefold()


def _is_result_of(file: Path, entry: Entry) -> bool:
    from detbench.evaluation.results import Result

    try:
        found = Result.load(file).document
    except DataError:
        return False
    return found.predictions.fingerprint == entry.predictions and found.metrics == entry.metrics
