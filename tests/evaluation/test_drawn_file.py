"""``draws.npz``: what is written is read, and nothing else is."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from detbench import Result, evaluate
from detbench.errors import DataError
from detbench.evaluation.drawn_file import read_drawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
FAR = [200.0, 200.0, 50.0, 50.0]


@pytest.fixture
def result(coco_pair: Pair) -> Result:
    """Return a result of two categories on four images, one of them without ground truth."""
    pair = coco_pair(
        [(1, 1, BOX), (2, 1, BOX), (3, 2, BOX)],
        [(1, 1, BOX, 0.9), (2, 1, FAR, 0.8), (3, 2, BOX, 0.7)],
        images=[1, 2, 3, 4],
    )
    return evaluate(*pair, resamples=100, seed=5)


@pytest.fixture
def saved(result: Result, tmp_path: Path) -> Path:
    """Return the path of its draws."""
    result.save_draws(tmp_path / "draws.npz")
    return tmp_path / "draws.npz"


def test_draws_survive_their_file_to_the_bit(result: Result, saved: Path) -> None:
    """Every value, NaN too, and every count is read as it was written."""
    found, given = read_drawn(saved, result.document), result.drawn
    assert given
    assert (found.resamples, found.seed) == (100, 5)
    assert (
        found.metric_images
        == given.metric_images
        == dict.fromkeys(found.metrics, 3)
        | {name: count for name, count in given.metric_images.items() if name[-1] in "sml"}
    )
    assert found.category_images.tolist() == [2, 1]
    for one, other in ((found.metrics, given.metrics), (found.per_category, given.per_category)):
        assert list(one) == list(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    assert np.isnan(found.per_category["AP"]).any()
    assert list(found.per_category) == ["AP", "AP50"]


def test_the_same_draws_are_the_same_bytes(result: Result, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever they are written; NumPy reads them, without pickles."""
    before = saved.read_bytes()
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    result.save_draws(saved)
    assert saved.read_bytes() == before
    with np.load(saved, allow_pickle=False) as arrays:
        assert result.drawn
        np.testing.assert_array_equal(arrays["metrics"][0], result.drawn.metrics["AP"])
        np.testing.assert_array_equal(arrays["category/AP"], result.drawn.per_category["AP"])
        assert msgspec.json.decode(arrays["about.json"])["schema"] == "detbench.draws/1"


def test_draws_of_proposals_are_kept_too(coco_pair: Pair, tmp_path: Path) -> None:
    """With predictions and alone, to the bit; in one image, or without ground truth, they are what they are."""
    for truth in ([(1, 1, BOX), (2, 1, BOX), (3, 1, FAR)], [(1, 1, BOX)], []):
        gt, dt = coco_pair(truth, [(1, 1, BOX, 0.9), (2, 1, FAR, 0.8)], images=[1, 2, 3, 4], categories=[1])
        for predictions in (dt, None):
            found = evaluate(gt, predictions, proposals=dt, proposal_counts=[1, 2], resamples=100)
            found.save_draws(tmp_path / "draws.npz")
            read = read_drawn(tmp_path / "draws.npz", found.document)
            assert found.drawn
            assert [name for name in read.metrics if name.startswith("proposal")] == [
                f"proposal_{measure}@{count}" for count in (1, 2) for measure in ("AR", "recall50", "recall70")
            ]
            assert read.metric_images["proposal_AR@1"] == len({image for image, _, _ in truth})
            for name, values in read.metrics.items():
                np.testing.assert_array_equal(values, found.drawn.metrics[name])
            assert np.isnan(read.metrics["proposal_AR@1"]).all() == (not truth)


def test_one_threshold_has_one_ap(coco_pair: Pair, tmp_path: Path) -> None:
    """Under VOC, where a category's AP and AP50 are one number, it is kept once."""
    result = evaluate(*coco_pair([(1, 1, BOX), (2, 1, BOX)], [(1, 1, BOX, 0.9)]), protocol="voc2007", resamples=100)
    result.save_draws(tmp_path / "draws.npz")
    assert list(read_drawn(tmp_path / "draws.npz", result.document).per_category) == ["AP"]


def test_a_run_without_intervals_removes_old_draws(result: Result, saved: Path) -> None:
    """The draws of an earlier run do not stay beside a result that has none."""
    Result(result.document).save_draws(saved)
    assert not saved.exists()
    with pytest.raises(DataError, match="without --no-intervals"):
        read_drawn(saved, result.document)


@pytest.mark.parametrize(
    "fields", [{"metrics": {"AP": 0.25}}, {"interval_method": "another seed"}, {"per_category": []}, {"protocol": {}}]
)
def test_draws_of_another_result_are_refused(result: Result, saved: Path, fields: dict[str, object]) -> None:
    """Draws go with the result that they were computed with: other numbers, seed or protocol do not fit."""
    other = msgspec.structs.replace(result.document, **fields)
    with pytest.raises(DataError, match=r"draws\.npz: holds the draws of another result"):
        read_drawn(saved, other)


def test_a_name_may_change(result: Result, saved: Path) -> None:
    """Calling the model something else in result.json takes nothing away."""
    assert read_drawn(saved, msgspec.structs.replace(result.document, name="mine")).metrics


def rewritten(path: Path, name: str, data: bytes | None, *, how: int = zipfile.ZIP_STORED) -> None:
    """Write the archive again with one member changed, or left out."""
    with zipfile.ZipFile(path) as archive:
        members = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in members.items():
            if entry != name:
                archive.writestr(entry, content)
            elif data is not None:
                archive.writestr(entry, data, how)


def npy(values: np.ndarray, *, pickles: bool = False) -> bytes:  # type: ignore[type-arg]
    """Return an array in NumPy's format."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values, allow_pickle=pickles)
    return buffer.getvalue()


def test_what_eval_did_not_write_is_refused(result: Result, saved: Path) -> None:
    """Cut anywhere, compressed, pickled, of another shape or kind, infinite, a head that lies: one clear error."""
    whole = saved.read_bytes()
    size = 112 + 16  # resamples, and a jackknife's draws, by sixteens
    good = np.zeros((12, size))
    cases = {
        "cannot be read": None,
        "is compressed": npy(good),
        "12 rows of 128": npy(np.zeros((12, size - 1))),
        "12 rows": npy(good.astype(np.float32)),
        "12 rows of": npy(np.array([None] * 3), pickles=True),
        "rows of 128": npy(good) + b"0",
        "of 128": npy(good).replace(b"(12, 128)", b"(99, 128)"),
        "holds a number that no metric": npy(np.full((12, size), np.inf)),
        "number that no metric can be": npy(np.full((12, size), 1e300)),  # whose square is infinite
    }
    for said, data in cases.items():
        saved.write_bytes(whole)
        how = zipfile.ZIP_DEFLATED if said == "is compressed" else zipfile.ZIP_STORED
        rewritten(saved, "metrics.npy", data, how=how)
        with pytest.raises(DataError, match=said):
            read_drawn(saved, result.document)
    about = {"schema": "detbench.draws/2"}
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        told = msgspec.json.decode(archive.read("about.json"))
    for change, said in (
        (about, "this version reads"),
        ({"resamples": -1}, "description"),
        ({"resamples": 1000}, "12 rows of 1,024"),
        ({"metrics": ["AP"]}, "differ in number"),
        ({"category_images": [1, 2, 3]}, "differ in number"),
        ({"metrics": ["ZZ", *told["metrics"][1:]]}, "not those of the result"),
        ({"metrics": ["AP", "AP", *told["metrics"][2:]]}, "not those of the result"),
        ({"per_category": ["ZZ"]}, "not those of the result"),
        ({"per_category": []}, "not those of the result"),
    ):
        saved.write_bytes(whole)
        rewritten(saved, "about.json", msgspec.json.encode(told | change))
        with pytest.raises(DataError, match=said):
            read_drawn(saved, result.document)


def test_a_file_that_is_cut_or_changed_is_refused(result: Result, saved: Path) -> None:
    """No cut and no flipped bit is a traceback, and a flipped bit in the values is found by its checksum."""
    whole = saved.read_bytes()
    for length in range(0, len(whole), 997):
        saved.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"draws\.npz"):
            read_all(saved, result)
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        saved.write_bytes(data)
        try:
            read_all(saved, result)
        except DataError:
            found += 1
    assert found > 250  # what is left is in times and attributes of the archive, which nobody reads


def read_all(path: Path, result: Result) -> None:
    """Read every member."""
    drawn = read_drawn(path, result.document)
    for name in drawn.per_category:
        drawn.per_category[name]
