"""The maker of submissions that the leaderboard's speed is measured with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard_speed import make

from detbench import evaluate
from detbench.evaluation.runs import written_run
from detbench.evaluation.standings.rank import standings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOX = [10.0, 10.0, 50.0, 50.0]


def test_submissions_are_ranked_in_the_order_they_were_made_in(
    coco_pair: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    """Each is somewhat worse than the one before: neighbours are tied, and the last is not the best."""
    pair = coco_pair([(image, 1, BOX) for image in range(80)], [(image, 1, BOX, 0.9) for image in range(60)])
    base, folder = tmp_path / "base", tmp_path / "runs"
    base.mkdir()
    folder.mkdir()
    result = evaluate(*pair, resamples=100)
    result.save(base / "result.json")
    result.save_draws(base / "draws.npz")
    make(base, folder, 40)
    found, _ = standings([written_run(place) for place in sorted(folder.iterdir())])
    assert [entry.name for entry in found.entries] == [f"submission {number:03d}" for number in range(40)]
    assert found.entries[1].tied_with_leader
    assert not found.entries[-1].tied_with_leader
    assert {entry.status for entry in found.entries} == {"ranked"}
