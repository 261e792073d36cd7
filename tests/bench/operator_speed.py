"""How fast the operators are beside TensorFlow's and other libraries', from one run of ``detbench profile all``.

``python tests/bench/operator_speed.py [--profile DIR] [--write docs/benchmarks.md]`` runs the command, or reads what it
wrote before, and makes a table of it: each operator at the largest size at which a peer was timed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Failed, run, write_section

if TYPE_CHECKING:
    from detbench.report.profile_rows import CaseRows, OperatorRows, Row
    from detbench.timing.document import Profile

_COMMAND = ("profile", "all", "-o")

#: What comes from here: the reference, C++, and the operators in ``keras.ops``. All others are peers.
_NATIVE, _OURS = "native", ("numpy", "native", "keras-")


def main() -> None:
    """Profile, or read a profile; print or write the section."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--profile", type=Path, metavar="DIR", help="what detbench profile all -o wrote")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page to put the section into")
    chosen = parser.parse_args()
    if chosen.profile is not None:
        text = section(chosen.profile)
    else:
        with tempfile.TemporaryDirectory() as folder:
            try:
                run((sys.executable, "-P", "-m", "detbench", *_COMMAND, folder))
            except Failed as error:
                sys.exit(f"detbench profile all: {error}")
            text = section(Path(folder))
    if chosen.write is None:
        sys.stdout.write(f"{text}\n")
    else:
        write_section(chosen.write, "operators", text)


def section(folder: Path) -> str:
    """Return the section that a profile in ``folder`` makes."""
    from detbench.report.profile_rows import operator_rows
    from detbench.timing.files import read_profile

    profile = read_profile(folder)
    heads = ("operator", "at", "fastest, ms", "native, ms", "fastest peer, ms", "peer / ours", "error", "× bound")
    rows = [_cells(one.name, _chosen(one)) for one in operator_rows(profile) if one.largest.timed]
    table = [heads, ("---",) * len(heads), *rows]
    return "\n".join([_HEAD.format(where=_where(profile)), *(f"| {' | '.join(cells)} |" for cells in table)])


_HEAD = """## Operators

{where}

Each operator at the largest size at which a peer was timed, or else at its largest; medians of implementations that ran
by turns and answered as the reference does. A peer is TensorFlow's own operator or another library's. “Peer / ours” is
its median over the native operator's, or, where there is none, over the fastest of the reference and the operators in
`keras.ops`, with an interval of at least 95 %. Error and distance from the bound of the counted work are those of the
fastest; the command's page says of each what was counted, and why the bound is far where it is.

```
detbench profile all -o profile
python tests/bench/operator_speed.py --profile profile
```
"""


def _where(profile: Profile) -> str:
    facts, machine = profile.environment, profile.machine
    rates = f"{machine.copy_bytes_per_s / 1e9:.1f} GB/s copied, {machine.operations_per_s / 1e9:.0f} GFLOP/s multiplied"
    names = ("tensorflow", "keras", "torchvision", "cv2", "ensemble_boxes", "pycocotools")
    versions = ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
    where = f"{machine.cores} cores, {facts.get('processor') or 'processor unknown'}, Python {facts.get('python', '?')}"
    return f"{where}; {rates}.\n{versions}."


def _chosen(one: OperatorRows) -> CaseRows:
    """Return the largest case on which a peer was timed, or else the one that a page shows first."""
    with_peer = [case for case in one.cases if _peer(case)]
    return max(with_peer, key=lambda case: case.case.size, default=one.largest)


def _peer(case: CaseRows) -> Row | None:
    return next((row for row in case.timed if not row.label.startswith(_OURS)), None)


def _cells(name: str, case: CaseRows) -> tuple[str, ...]:
    from detbench.report.profile_words import error_words, ratio_words, times
    from detbench.timing.samples import ratio

    timed, peer = case.timed, _peer(case)
    best = timed[0]
    native = next((row for row in timed if row.label == _NATIVE), None)
    own = native or next((row for row in timed if row.label.startswith(_OURS)), None)
    over = ratio(peer.measurement.samples_ms, own.measurement.samples_ms) if peer and own else None
    return (
        f"`{name}`",
        case.title,
        _named(best),
        _named(native, with_name=False),
        _named(peer),
        "–" if over is None else ratio_words(over),
        error_words(best.measurement.error),
        times(best.times_bound),
    )


def _named(row: Row | None, *, with_name: bool = True) -> str:
    from detbench.report.profile_words import milliseconds

    if row is None:
        return "–"
    return f"{f'`{row.label}` ' if with_name else ''}{milliseconds(row.median_ms)}"


if __name__ == "__main__":
    main()
