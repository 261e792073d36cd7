"""Commands that only look go on without the records that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

_XML = (
    "<annotation><filename>{name}.jpg</filename><size><width>64</width><height>48</height></size><object><name>car"
    "</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a VOC set of three images, two of whose XML files are cut."""
    folder = tmp_path / "set" / "Annotations"
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.xml").write_text(_XML.format(name=name)[: None if name == "c" else 30])
    return folder.parent


@pytest.mark.parametrize(("command", "options"), [("stats", ()), ("show", ("-o", "page.html"))])
def test_what_cannot_be_read_is_one_line(
    detbench: Run, broken: Path, tmp_path: Path, command: str, options: tuple[str, ...]
) -> None:
    """The first broken record is named and all are counted, in one line on standard error; the rest is shown."""
    done = detbench(command, broken, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = done.stderr.splitlines()[0]
    assert first.startswith("warning: left out 2 records that cannot be read, the first: ")
    assert str(broken / "Annotations" / "a.xml") in first
    if command == "stats":
        assert "1 image, 1 box, " in done.stdout
    else:
        assert "note: 1 of 1 picture are missing" not in done.stderr
        assert "1 of 1 picture is missing" in done.stderr


def test_a_set_that_is_all_broken_is_an_error(detbench: Run, broken: Path) -> None:
    """Where nothing is left the first trouble is the error."""
    (broken / "Annotations" / "c.xml").write_text("<annotation>")
    done = detbench("stats", broken)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {broken / 'Annotations' / 'a.xml'}")
