"""The project's own leaderboard is what its submissions give: it is made again and compared."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.evaluation.submissions.check import check_submission
from detbench.evaluation.submissions.folder import folders_in

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "reports"
PAGE = REPORTS / "parking"
COMMITTED = ["index.html", *(f"standings.{ending}" for ending in ("json", "md", "tex", "csv"))]

#: What differs from machine to machine and is told.
ENVIRONMENT = re.compile(rb"<caption>Environment</caption>.*?</table>", re.DOTALL)


@pytest.fixture(scope="module")
def board(detbench: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the leaderboard, made from the submissions that are committed by the recipe's own command."""
    made = tmp_path_factory.mktemp("reports") / "parking"
    recipe = (REPORTS / "make.py").read_text(encoding="utf-8")
    assert 'LEADERBOARD = ("leaderboard", SUBMISSIONS, "--ground-truth", TRUTH, "--count", "--output")' in recipe
    truth = REPORTS / "parking_test.json"
    done = detbench("leaderboard", REPORTS / "submissions", "--ground-truth", truth, "--count", "--output", made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("name", COMMITTED[1:])
def test_the_tables_are_what_the_submissions_give(board: Path, name: str) -> None:
    """Every number, to the byte, on any machine; ``python reports/make.py`` makes them again."""
    assert (PAGE / name).read_bytes() == (board / name).read_bytes()


def test_the_pages_are_what_the_submissions_give(board: Path) -> None:
    """The page, and that of each model, but for the table of the environment; figures with the pinned matplotlib."""
    pin = re.search(r"^matplotlib==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    if pin is None or pin[1] != version("matplotlib"):
        pytest.skip("figures are those of the matplotlib in constraints.txt")
    pages = sorted(path.relative_to(board) for path in board.rglob("*.html"))
    assert pages == sorted(path.relative_to(PAGE) for path in PAGE.rglob("*.html"))
    for page in pages:
        ours, made = (ENVIRONMENT.sub(b"", (place / page).read_bytes()) for place in (PAGE, board))
        if ours != made:  # a difference of two pages takes minutes to print, and nobody reads it
            pytest.fail(f"{page} has changed: python reports/make.py")


def test_what_is_committed_is_small_whole_and_of_no_machine() -> None:
    """No submission has a finding that is graver than a note; all are less than 1 MB; no file names a home."""
    files = [path for path in (REPORTS / "submissions").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for folder in folders_in(REPORTS / "submissions"):
        assert {str(found.severity) for found in check_submission(folder).findings} <= {"note"}
    pages = [path for path in PAGE.rglob("*") if path.name in {*COMMITTED, "report.html"}]
    for path in [*files, *pages]:
        assert not re.search(rb'"/(work|home|root|tmp|Users)/', path.read_bytes()), path


def test_the_table_of_real_detectors_is_what_the_command_gives(detbench: Run, shared: Path, tmp_path: Path) -> None:
    """Two detectors and proposals on COCO's pictures, as the page shows them, to the letter."""
    given = {
        "yolox_nano/predictions.json": "yolox_nano__coco_tiny_val.json",
        "yolox_nano/proposals.json": "proposals_yolox_obj__coco_tiny_val.json",
        "centernet_mbv3/predictions.json": "centernet_mbv3__coco_tiny_val.json",
        "yolox_proposals/proposals.json": "proposals_yolox_obj__coco_tiny_val.json",
    }
    for place, file in given.items():
        (tmp_path / "submissions" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "submissions" / place).write_bytes((shared / "predictions" / file).read_bytes())
    truth = shared / "coco_tiny"
    done = detbench(
        "leaderboard", tmp_path / "submissions", "-g", truth, "--split", "val2017", "-o", tmp_path / "board"
    )
    assert done.returncode == 0, done.stderr
    page = (REPORTS / "README.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- coco_tiny: standings.md as it was written -->\n")[2].partition("<!-- end -->")[0]
    assert shown == (tmp_path / "board/standings.md").read_text(encoding="utf-8")
