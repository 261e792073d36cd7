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
    # The safe path keeps the checkout off sys.path, here and in the processes that tests start: what is tested is
    # the wheel.
    session.run("pytest", *session.posargs, env={"DETBENCH_TEST_WHEEL": "1", "PYTHONSAFEPATH": "1"})


@nox.session
def demo(session: nox.Session) -> None:
    """Draw the built-in set, check, convert, verify; predict with a classical detector, score and report; time NMS."""
    install(session, ".")
    out = Path(session.posargs[0] if session.posargs else "demo-output")
    data, records, run = out / "parking", out / "records", out / "classical"
    session.run("detbench", "draw", "parking", "-o", str(data), "--overwrite")
    session.run("detbench", "check", str(data))
    session.run("detbench", "stats", str(data), "--split", "test")
    session.run("detbench", "show", str(data), "--split", "test", "-o", str(out / "pictures.html"))
    session.run("detbench", "convert", str(data), str(records), "--overwrite")
    session.run("detbench", "verify", str(records))
    found = out / "classical-found"
    session.run("detbench", "predict", "classical", str(data), "--split", "test", "-o", str(found), "--overwrite")
    session.run("detbench", "eval", str(records), str(found), "--split", "test", "-o", str(run))
    profile = out / "profile"
    session.run("detbench", "profile", "nms", "--boxes", "1000,10000", "-o", str(profile))
    session.log(f"open {run / 'report.html'}, {profile / 'profile.html'} and {out / 'pictures.html'}")


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
