"""The package as it is installed: what importing it costs, what it carries, what it does without its native part."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import detbench
from detbench.extension import native

HEAVY = ("tensorflow", "keras", "pandas", "matplotlib", "torch", "jax")


def modules_after(code: str) -> set[str]:
    """Run ``code`` in a fresh process and return the top-level modules that it has imported."""
    script = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_detbench_imports_nothing_heavy() -> None:
    """``import detbench`` imports neither a framework, nor pandas, nor matplotlib, nor NumPy."""
    assert modules_after("import detbench").isdisjoint({*HEAVY, "numpy", "msgspec", "typer", "rich"})


def test_help_imports_nothing_heavy() -> None:
    """``detbench --help`` and every command's module import nothing that is slow to import."""
    code = (
        "import sys; sys.argv = ['detbench', '--help']\n"
        "from detbench.cli.app import main\ntry: main()\nexcept SystemExit: pass"
    )
    assert modules_after(code).isdisjoint({*HEAVY, "numpy", "msgspec", "PIL"})


def test_evaluating_imports_no_framework(shared: Path) -> None:
    """Scoring needs NumPy and msgspec, not TensorFlow, pandas or matplotlib."""
    pair = ("coco_tiny/annotations/instances_val2017.json", "predictions/yolox_nano__coco_tiny_val.json")
    paths = [str(shared / part) for part in pair]
    assert modules_after(f"import detbench; detbench.evaluate(*{paths!r}, intervals=False)").isdisjoint(HEAVY)


def test_public_names_resolve() -> None:
    """Everything in ``__all__`` is there, and nothing else pretends to be."""
    assert all(getattr(detbench, name) is not None for name in detbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'evaluates'"):
        detbench.evaluates  # noqa: B018  the access is the test


def test_version_is_the_packages() -> None:
    """``__version__`` is the installed distribution's."""
    assert detbench.__version__ == version("detbench")


@pytest.mark.skipif("DETBENCH_TEST_WHEEL" not in os.environ, reason="nox -s tests sets it: it installs the wheel")
def test_the_wheel_is_tested_not_the_checkout() -> None:
    """Under nox the package comes from site-packages, with the data that it carries."""
    assert "site-packages" in Path(detbench.__file__).parts
    assert (Path(detbench.__file__).parent / "datasets" / "voc2007.toml").is_file()
    assert (Path(detbench.__file__).parent / "py.typed").is_file()
    assert native() is not None, "the native part was not built: the tests of it would be skipped"


@pytest.mark.slow
def test_without_the_native_part_there_is_one_warning_and_the_same_numbers(shared: Path) -> None:
    """Without the extension every metric is equal to the last bit, and it is said once."""
    pair = ("coco_tiny/annotations/instances_val2017.json", "predictions/yolox_nano__coco_tiny_val.json")
    paths = [str(shared / part) for part in pair]
    score = f"print(detbench.evaluate(*{paths!r}, intervals=False).metrics)"
    block = "import sys; sys.modules['detbench._native'] = None\n"
    runs = [
        subprocess.run(
            [sys.executable, "-P", "-c", f"{prefix}import detbench\n{score}\n{score}"],
            capture_output=True,
            text=True,
            check=True,
        )
        for prefix in ("", block)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stderr == ""
    assert runs[1].stderr.count("without its native part") == 1
