"""Run by test_resume.py: kills a conversion at every step it takes on the file system, and resumes it.

``python kill_everywhere.py SOURCE WORK STRIDE`` converts SOURCE undisturbed, then again and again with a SIGKILL at
the n-th file-system event, for every STRIDE-th n, each time followed by a resumed conversion, whose folder must be the
same. Does so into a new folder, then over an earlier conversion, and prints the number of kills of each.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import detbench
from detbench.data.formats import tfrecord  # noqa: F401  imported before the forks, so that each is fast

_EVENTS = frozenset({"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"})
_OPTIONS = {"format_name": "tfrecord", "shards": 3, "workers": 2}


def _forked(source: Path, out: Path, *, die_at: int = 0, **options: bool) -> bool:
    """Convert in a child process that kills itself at an event; return whether it lived to the end."""
    child = os.fork()
    if not child:
        seen = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in _EVENTS and str(out) in str(arguments[0]):
                seen += 1
                if seen == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        detbench.convert(source, out, **_OPTIONS, **options)  # type: ignore[arg-type]
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def main(source: Path, work: Path, stride: int) -> int:
    """Kill and resume until a conversion lives."""
    assert _forked(source, work / "whole")
    wanted = _bytes_of(work / "whole")
    for old in (False, True):
        step = kills = 0
        lived = False
        while not lived:
            step += stride
            out = work / "killed"
            shutil.rmtree(out, ignore_errors=True)
            if old:  # an earlier conversion, of other shards, that is being overwritten
                detbench.convert(source, out, format_name="tfrecord", shards=2)
                before = _bytes_of(out)
            lived = _forked(source, out, die_at=step, overwrite=old)
            shown = _bytes_of(out) if out.exists() else {}
            if not old:
                assert all(wanted[name] == raw for name, raw in shown.items()), f"half-written after step {step}"
            elif not lived and not (out / ".convert" / "manifest.json").exists() and "manifest.json" in shown:
                assert shown in (before, wanted), f"the old was touched before the new was complete, step {step}"
            kills += not lived
            if not lived:
                resumed = _forked(source, out, resume=True) or _forked(source, out, overwrite=True)
                assert resumed, f"not resumed after step {step}"
                if old and _bytes_of(out) == before:  # killed before the new conversion had begun
                    continue
            assert _bytes_of(out) == wanted, f"other bytes after step {step}"
            assert not (out / ".convert").exists()
        print(kills)  # noqa: T201  the parent reads it
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
