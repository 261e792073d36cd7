"""``detbench checkpoint``: runs are listed, looked into, and moved as one file that is safe to open."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import stat
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detbench.detectors.checkpoints.arrays import read_arrays
from detbench.detectors.checkpoints.run_folder import BestScore, RunDataset, RunFolder, RunRecord, open_run
from detbench.npz import npz_member

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]

RECORD = RunRecord(
    detbench="0.1.0",
    recipe="parking_mobilenet",
    command="detbench train-baseline parking_mobilenet --data parking -o run",
    categories=["car", "van"],
    category_ids=[1, 7],
    dataset=RunDataset(name="parking", fingerprint="0" * 64, split="train", images=3, boxes=9),
    parameters=1_234_567,
    seed=0,
    environment={"python": "3.12.1", "backend": "tensorflow"},
    status="running",
    step=0,
    best=None,
    files={},
)


def make_run(path: Path, *, value: float = 0.875, step: int = 40) -> RunFolder:
    """Write a run of ``step`` steps with every file that training leaves."""
    run = RunFolder(path)
    weights = {"model/head/kernel": np.full((4, 4), value, np.float32)}
    with run.claim():
        record = run.save_recipe(RECORD, 'title = "x"\n')
        best = BestScore(step=step - 10, metric="AP50", value=value)
        record = run.save(msgspec.structs.replace(record, best=best), "best", weights, {"step": step - 10})
        record = msgspec.structs.replace(record, step=step, status="finished")
        run.save(record, "last", weights | {"optimizer/m": np.zeros(9)}, {"step": step})
    run.log.write_text("step,loss\n1,0.5\n")
    run.evaluations.write_text('{"step": 30, "AP50": 0.875}\n')
    run.tensorboard.mkdir()
    (run.tensorboard / "events").write_bytes(bytes(100))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return a finished run."""
    return make_run(tmp_path / "run")


@pytest.fixture
def archive(detbench: Command, run: RunFolder, tmp_path: Path) -> Path:
    """Return the archive of the run."""
    done = detbench("checkpoint", "export", run.path, "-o", tmp_path / "run.zip")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return tmp_path / "run.zip"


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_survives_its_archive(detbench: Command, run: RunFolder, archive: Path, tmp_path: Path) -> None:
    """Without the state to go on from, unless it is asked for; hashes hold, and nothing else is in the folder."""
    done = detbench("checkpoint", "import", archive, "-o", tmp_path / "deep" / "er" / "again")
    assert (done.returncode, done.stdout) == (0, "")
    assert "parking_mobilenet, trained on parking (train), best AP50 0.8750" in done.stderr
    found, given = _contents(tmp_path / "deep" / "er" / "again"), _contents(run.path)
    assert sorted(found) == ["best.npz", "evaluations.jsonl", "log.csv", "recipe.toml", "run.json"]
    assert all(found[name] == given[name] for name in found if name != "run.json")
    opened = open_run(tmp_path / "deep" / "er" / "again")
    assert sorted(opened.record.files) == ["best.npz", "recipe.toml"]
    assert msgspec.structs.replace(opened.record, files={}) == msgspec.structs.replace(run.read_record(), files={})

    assert detbench("checkpoint", "export", run.path, "--with-state", "-o", tmp_path / "all.zip").returncode == 0
    assert detbench("checkpoint", "import", "all.zip", cwd=tmp_path).returncode == 0
    assert read_arrays(open_run(tmp_path / "all").files["last.npz"])[1] == {"step": 40}
    assert (tmp_path / "all" / "run.json").read_bytes() == run.record.read_bytes()


def test_an_archive_is_the_same_bytes_every_time(detbench: Command, archive: Path, tmp_path: Path) -> None:
    """Exported again, or exported from what was imported."""
    os.utime(tmp_path / "run" / "log.csv", (0, 0))
    (tmp_path / "run" / "log.csv").chmod(0o600)
    detbench("checkpoint", "import", archive, "-o", tmp_path / "other name")
    for source in ("run", "other name"):
        done = detbench("checkpoint", "export", tmp_path / source, "-o", tmp_path / "again.zip")
        assert done.returncode == 0
        assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_an_archive_speaks_for_itself(archive: Path) -> None:
    """Any program opens it; its first words say what it is, and its manifest has every hash."""
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        readme = opened.read("README.txt").decode()
        manifest = json.loads(opened.read("manifest.json"))
        for name, facts in manifest["files"].items():
            data = opened.read(name)
            assert facts == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert names[0] == "manifest.json"
    assert names[1:] == sorted(names[1:]) == list(manifest["files"])
    assert "Trained on parking (train): 3 images with 9 boxes of 2 categories." in readme
    assert "40 steps, the best at step 30: AP50 0.8750." in readme


def test_runs_are_listed(detbench: Command, tmp_path: Path) -> None:
    """At any depth, by path; folders that hold no run, and another tool's run.json, are passed over."""
    make_run(tmp_path / "b" / "one", value=0.5, step=20)
    make_run(tmp_path / "a")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "run.json").write_text('{"tool": "another"}')
    broken = make_run(tmp_path / "d")
    broken.record.write_text("{")
    done = detbench("checkpoint", "list", tmp_path, env_columns=120)
    assert done.returncode == 0
    lines = [re.sub(r"\d\.\d kB", "N kB", " ".join(line.split())) for line in done.stdout.splitlines()]
    assert lines[0] == "run recipe dataset step best status size"
    assert lines[2] == "a parking_mobilenet parking (train) 40 AP50 0.8750 finished N kB"
    assert lines[3] == "b/one parking_mobilenet parking (train) 20 AP50 0.5000 finished N kB"
    assert lines[4] == "d – – – – unreadable N kB"
    assert len(lines) == 5
    assert f"warning: {broken.record}: is not a run's record" in done.stderr

    found = json.loads(detbench("checkpoint", "list", "--json", cwd=tmp_path).stdout)
    assert [one["path"] for one in found] == ["a", "b/one", "d"]
    assert [one["record"] and one["record"]["best"]["value"] for one in found] == [0.875, 0.5, None]
    assert found[0]["bytes"] == sum(map(len, _contents(tmp_path / "a").values()))


def test_an_empty_folder_has_no_runs(detbench: Command, tmp_path: Path) -> None:
    """Which is said; a folder that is not there is an error."""
    done = detbench("checkpoint", "list", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"there is no run in {tmp_path}\n")
    assert json.loads(detbench("checkpoint", "list", tmp_path, "--json").stdout) == []
    done = detbench("checkpoint", "list", tmp_path / "none")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.slow
def test_info_says_everything(detbench: Command, run: RunFolder, archive: Path) -> None:
    """Of a run and of its archive: recipe, data, categories, parameters, environment, files with their hashes."""
    for place in (run.path, archive):
        done = detbench("checkpoint", "info", place, env_columns=140)
        assert (done.returncode, done.stderr) == (0, "")
        for words in (
            "parking_mobilenet",
            "finished, 40 steps",
            "AP50 0.8750 at step 30",
            "parking (train): 3 images, 9 boxes",
            "car, van",
            "1,234,567",
            "tensorflow",
            hashlib.sha256(run.best.read_bytes()).hexdigest(),
        ):
            assert words in done.stdout
        found = json.loads(detbench("checkpoint", "info", place, "--json").stdout)
        assert found["record"]["categories"] == ["car", "van"]
        states = {file["name"]: file["state"] for file in found["files"]}
        assert states["best.npz"] == states["recipe.toml"] == "right"
        assert states["log.csv"] == ("unhashed" if place == run.path else "right")


def test_info_finds_what_is_wrong(detbench: Command, run: RunFolder) -> None:
    """A file that was changed, and one that is gone: exit status 1, also with --json."""
    run.best.write_bytes(run.best.read_bytes().replace(b"head", b"dead"))
    run.recipe.unlink()
    for options in ([], ["--json"]):
        done = detbench("checkpoint", "info", run.path, *options)
        assert done.returncode == 1
        assert done.stderr == "error: not what the run wrote: best.npz, recipe.toml\n"
    states = {file["name"]: file["state"] for file in json.loads(done.stdout)["files"]}
    assert (states["best.npz"], states["recipe.toml"], states["last.npz"]) == ("changed", "missing", "right")
    done = detbench("checkpoint", "export", run.path, "-o", run.path.with_name("x.zip"))
    assert done.returncode == 2
    assert not run.path.with_name("x.zip").exists()


def test_a_flipped_byte_in_an_archive_is_found(detbench: Command, archive: Path, tmp_path: Path) -> None:
    """By info, which names the file, and by import, which leaves nothing."""
    data = archive.read_bytes()
    place = data.index(b"\x93NUMPY") + 140
    archive.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    done = detbench("checkpoint", "info", archive)
    assert (done.returncode, done.stderr) == (1, "error: not what the run wrote: best.npz\n")
    done = detbench("checkpoint", "import", archive, "-o", tmp_path / "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the SHA-256 of best.npz is wrong" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.zip"]


def test_a_cut_archive_is_one_sentence(archive: Path, tmp_path: Path) -> None:
    """Wherever it was cut, for info and import alike; no folder appears."""
    from detbench.detectors.checkpoints.archive import check_archive, import_run
    from detbench.errors import DataError

    data, cut = archive.read_bytes(), tmp_path / "cut.zip"
    for length in [*range(0, len(data), 37), len(data) - 1]:
        cut.write_bytes(data[:length])
        for read in (check_archive, lambda path: import_run(path, tmp_path / "new")):
            with pytest.raises(DataError, match=r"cut\.zip: is not a whole archive of a run"):
                read(cut)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.zip", "run", "run.zip"]


def _rewritten(archive: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write the archive again with other members, its manifest made to fit them: what an attacker would do.

    ``change`` gets name → bytes, or name → (entry, bytes).
    """
    with zipfile.ZipFile(archive) as opened:
        members: dict[str, Any] = {name: opened.read(name) for name in opened.namelist()}
    change(members)
    if (manifest := members.pop("manifest.json", None)) == b"fit":
        plain = {n: data[1] if isinstance(data, tuple) else data for n, data in members.items()}
        files = {n: {"sha256": hashlib.sha256(d).hexdigest(), "bytes": len(d)} for n, d in plain.items()}
        manifest = json.dumps({"schema": "detbench.run-archive/1", "files": files}).encode()
    target = archive.with_name("hostile.zip")
    with zipfile.ZipFile(target, "w") as written:
        for name, data in ({} if manifest is None else {"manifest.json": manifest}).items() | members.items():
            entry, content = data if isinstance(data, tuple) else (npz_member(name, len(data)), data)
            written.writestr(entry, content)
    return target


def _link(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = npz_member(name, 11)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, b"/etc/passwd"


def _packed(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = npz_member(name, 10**6)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry, bytes(10**6)


def _other_weights(members: dict[str, Any]) -> None:
    members["best.npz"] += b"x"


_FIT = {"manifest.json": b"fit"}

_HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a way out": (lambda m: m.update({"../evil": b"x"} | _FIT), "it holds '../evil', which no run has"),
    "an absolute name": (lambda m: m.update({"/etc/evil": b"x"} | _FIT), "it holds '/etc/evil', which no run has"),
    "a drive": (lambda m: m.update({"C:\\evil": b"x"} | _FIT), "which no run has"),
    "another file": (lambda m: m.update({"run.py": b"x"} | _FIT), "it holds 'run.py', which no run has"),
    "another case": (lambda m: m.update({"Best.npz": b"x"} | _FIT), "it holds 'Best.npz', which no run has"),
    "a folder": (lambda m: m.update({"tensorboard/": b""} | _FIT), "it holds 'tensorboard/', which no run has"),
    "a link": (lambda m: m.update({"log.csv": _link("log.csv")} | _FIT), "log.csv is no plain file"),
    "a packed file": (lambda m: m.update({"log.csv": _packed("log.csv")} | _FIT), "log.csv is compressed"),
    "too long a file": (
        lambda m: m.update({"recipe.toml": bytes(2**21)} | _FIT),
        "recipe.toml is 2,097,152 bytes long",
    ),
    "no manifest": (lambda m: m.pop("manifest.json"), "it has no manifest.json"),
    "no record": (lambda m: (m.pop("run.json"), m.update(_FIT)), "it has no run.json"),
    "another schema": (lambda m: m.update({"manifest.json": b'{"schema": "x"}'}), "it has the schema 'x'"),
    "a broken manifest": (lambda m: m.update({"manifest.json": b"{"}), "its manifest.json cannot be read"),
    "a file left out of the manifest": (
        lambda m: m.update({"report.html": b"x"}),
        "'report.html' is in the archive or",
    ),
    "other weights": (_other_weights, "best.npz is not as long as manifest.json says"),
    "other weights, and a manifest that fits": (
        lambda m: (_other_weights(m), m.update(_FIT)),
        "best.npz is not what the run wrote: its SHA-256 is another than in run.json",
    ),
    "a record of files that are not there": (
        lambda m: (m.pop("best.npz"), m.update(_FIT)),
        "best.npz is missing, and run.json speaks of it",
    ),
    "a record that leads out": (
        lambda m: m.update({"run.json": m["run.json"].replace(b'"best.npz"', b'"../best.npz"')} | _FIT),
        "speaks of the file '../best.npz', which no run has",
    ),
    "a broken record": (lambda m: m.update({"run.json": b"{"} | _FIT), "is not a run's record"),
}


@pytest.mark.parametrize("case", _HOSTILE)
def test_a_hostile_archive_is_refused(detbench: Command, archive: Path, tmp_path: Path, case: str) -> None:
    """One sentence that names the archive; no file and no folder appears anywhere."""
    change, problem = _HOSTILE[case]
    hostile = _rewritten(archive, change)
    before = sorted(p.name for p in tmp_path.iterdir())
    done = detbench("checkpoint", "import", hostile, "-o", tmp_path / "new")
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert "hostile.zip" in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_name_that_is_there_twice_is_refused(detbench: Command, archive: Path, tmp_path: Path) -> None:
    """Whichever of the two would have been taken."""
    with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("best.npz", b"x")
    done = detbench("checkpoint", "import", archive, "-o", tmp_path / "new")
    assert done.returncode == 2
    assert "it holds best.npz twice" in done.stderr


def test_what_is_there_is_not_written_over(detbench: Command, run: RunFolder, archive: Path, tmp_path: Path) -> None:
    """An import never; an export replaces an archive, but no file of the run itself."""
    before = _contents(run.path)
    for there in (run.path, archive):
        done = detbench("checkpoint", "import", archive, "-o", there)
        assert (done.returncode, done.stderr) == (2, f"error: {there} is there already; say another folder with -o\n")
    done = detbench("checkpoint", "export", run.path, "-o", run.path / "best.npz")
    assert done.returncode == 2
    assert "lies in the run itself" in done.stderr
    assert _contents(run.path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "run.zip"]


@pytest.mark.slow
def test_what_is_no_run_is_said(detbench: Command, tmp_path: Path) -> None:
    """A folder without a run, a file of another kind, nothing at all; a run without weights."""
    (tmp_path / "x.zip").write_text("hello")
    os.mkfifo(tmp_path / "pipe.zip")
    for arguments, problem in (
        (("info", tmp_path), "holds no run"),
        (("export", tmp_path, "-o", tmp_path / "y.zip"), "holds no run"),
        (("info", tmp_path / "x.zip"), "is not a whole archive of a run: File is not a zip file"),
        (("import", tmp_path / "x.zip", "-o", tmp_path / "new"), "is not a whole archive of a run"),
        (("info", tmp_path / "none"), "there is no such file or folder"),
        (("info", tmp_path / "pipe.zip"), "is a pipe or a device"),
        (("import", tmp_path / "pipe.zip", "-o", tmp_path / "new"), "is a pipe or a device"),
    ):
        done = detbench("checkpoint", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert problem in done.stderr
    run = RunFolder(tmp_path / "young")
    with run.claim():
        run.save_recipe(RECORD, "")
    done = detbench("checkpoint", "export", run.path, "-o", tmp_path / "y.zip")
    assert (done.returncode, done.stderr) == (2, f"error: {run.path} has no best weights yet\n")
    assert not (tmp_path / "y.zip").exists()


@pytest.mark.parametrize("what", ["export", "import"])
def test_a_full_disk_is_one_sentence(run: RunFolder, archive: Path, tmp_path: Path, what: str) -> None:
    """And leaves nothing half-written."""
    source, target = (run.path, tmp_path / "new.zip") if what == "export" else (archive, tmp_path / "new")
    before = sorted(p.name for p in tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-P", "-m", "detbench", "checkpoint", what, source, "-o", target],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {target}: cannot be written (File too large)")
    assert done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before
