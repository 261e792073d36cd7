"""Arrays in a file: what is written is read, the same content is the same bytes, anything else is refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.detectors.checkpoints.arrays import read_about, read_arrays, write_arrays
from detbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

ARRAYS: dict[str, Any] = {
    "model/head/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "model/half": np.array([1.5, -2, np.inf, np.nan], dtype=np.float16),
    "optimizer/step": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 5)),
    "mask": np.array([True, False]),
    "bytes": np.arange(3, dtype=np.uint8),
    "big endian": np.array([1, 2], dtype=">u4"),
    "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
}
ABOUT = {"step": 7, "names": ["ä", "b"], "loss": 0.1}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return the path of a file of these arrays."""
    write_arrays(tmp_path / "a.npz", ARRAYS, ABOUT)
    return tmp_path / "a.npz"


def test_what_was_written_is_read(saved: Path) -> None:
    """Names in order, kinds, shapes, every bit; arrays that may be written to, in this machine's byte order."""
    arrays, about = read_arrays(saved)
    assert about == ABOUT == read_about(saved)
    assert list(arrays) == sorted(ARRAYS)
    for name, array in arrays.items():
        given = ARRAYS[name]
        assert array.dtype == given.dtype.newbyteorder("=")
        assert array.shape == given.shape
        np.testing.assert_array_equal(array, given)
        assert array.flags.writeable
        assert array.flags.c_contiguous


def test_numpy_reads_it(saved: Path) -> None:
    """Without pickles, and what goes with the arrays as bytes."""
    with np.load(saved, allow_pickle=False) as arrays:
        for name, given in ARRAYS.items():
            np.testing.assert_array_equal(arrays[name], given)
        assert json.loads(arrays["about.json"])["about"] == ABOUT


def test_the_same_content_is_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    """In whatever order it was given, at whatever time."""
    again = {name: ARRAYS[name] for name in reversed(ARRAYS)}
    write_arrays(tmp_path / "b.npz", again, dict(reversed(ABOUT.items())))
    assert (tmp_path / "b.npz").read_bytes() == saved.read_bytes()


def test_bfloat16_is_kept_as_float32(tmp_path: Path) -> None:
    """Each of its values is one of float32's."""
    brief = pytest.importorskip("ml_dtypes").bfloat16
    given = np.array([1.0, 3.140625, -1e30], dtype=brief)
    write_arrays(tmp_path / "a.npz", {"x": given}, {})
    found = read_arrays(tmp_path / "a.npz")[0]["x"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.astype(brief), given)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"x": np.array([{}], dtype=object)}, "the array x is of object, and only numbers are written"),
        ({"x": np.array(["a"])}, "only numbers are written"),
        ({"../x": np.zeros(1)}, "an array cannot be called '../x': it leads out of a folder"),
        ({"/x": np.zeros(1)}, "it leads out of a folder"),
        ({"": np.zeros(1)}, "it does not end in"),
        ({"a\\b": np.zeros(1)}, "a character that no name here has"),
        ({"x" * 500: np.zeros(1)}, "it is too long"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, arrays: dict[str, Any], problem: str) -> None:
    """And leaves nothing."""
    with pytest.raises(DataError) as caught:
        write_arrays(tmp_path / "a.npz", arrays, {})
    assert problem in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="JSON"):
        write_arrays(tmp_path / "a.npz", {}, {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_file_cut_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    """After every byte."""
    data, cut = saved.read_bytes(), tmp_path / "cut.npz"
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(DataError, match="is not a whole file of arrays"):
            read_arrays(cut)


@pytest.mark.slow
def test_a_byte_flipped_anywhere_changes_no_number(saved: Path, tmp_path: Path) -> None:
    """It is refused; but for bytes that mean nothing, a date say, with which the content is what it was."""
    data, flipped = saved.read_bytes(), tmp_path / "flipped.npz"
    whole = read_arrays(saved)
    expected = {name: (array.dtype, array.shape, array.tobytes()) for name, array in whole[0].items()}
    refused = 0
    for place in range(len(data)):
        for bit in (0x01, 0x80):
            flipped.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
            try:
                arrays, about = read_arrays(flipped)
            except DataError:
                refused += 1
                continue
            assert about == whole[1]
            assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()} == expected
    # A seventh of this small file is dates, versions and attributes.
    assert refused > 1.6 * len(data)


def _npz(path: Path, members: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        names = [name.removesuffix(".npy") for name in members if name != "about.json"]
        about = json.dumps({"schema": "detbench.arrays/1", "about": {}, "arrays": names}).encode()
        for name, data in ({"about.json": about} | members).items():
            archive.writestr(name, data)
    return path


def _npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    data = io.BytesIO()
    np.lib.format.write_array(data, array, allow_pickle=allow_pickle)
    return data.getvalue()


def _head(words: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + words.encode().ljust(117) + b"\n"


_HOSTILE = {
    "an object array": ({"x.npy": _npy(np.array([{}], dtype=object), allow_pickle=True)}, "x.npy is no array"),
    "text": ({"x.npy": _npy(np.array(["a"]))}, "x.npy is no array of numbers"),
    "no array": ({"x.npy": b"PK\x03\x04" * 50}, "x.npy is no array of numbers"),
    "no head": ({"x.npy": b"\x93NUMPY\x01\x00\xff\xff"}, "x.npy is no array of numbers"),
    "code in the head": ({"x.npy": _head("{'descr': __import__('os')}")}, "x.npy is no array of numbers"),
    "a huge shape": (
        {"x.npy": _head("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999), }")},
        "x.npy is not as long as its shape",
    ),
    "a long number": (
        {"x.npy": _head(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 50},), }}")},
        "x.npy is not as long as its shape",
    ),
    "a way out": ({"../x.npy": _npy(np.zeros(1))}, "it leads out of a folder"),
    "an absolute name": ({"/x.npy": _npy(np.zeros(1))}, "it leads out of a folder"),
    "another file": ({"x.py": b"print()"}, "it does not end in .npy"),
    "no table": ({"about.json": b"[]"}, "about.json is not of the schema 'detbench.arrays/1'"),
    "another schema": ({"about.json": b'{"schema": "x", "about": {}}'}, "about.json is not of the schema"),
    "arrays that are not listed": (
        {"about.json": b'{"schema": "detbench.arrays/1", "about": {}, "arrays": []}', "x.npy": _npy(np.zeros(1))},
        "its arrays are not those that about.json lists",
    ),
    "no JSON": ({"about.json": b"{"}, "is not a whole file of arrays"),
    "NaN": ({"about.json": b'{"x": NaN}'}, "about.json has NaN"),
    "depth": ({"about.json": b"[" * 100_000}, "about.json is nested too deeply"),
}


@pytest.mark.parametrize("case", _HOSTILE)
def test_what_others_write_is_refused(tmp_path: Path, case: str) -> None:
    """One sentence that names the file; nothing is run, and no memory is asked for that the file does not fill."""
    members, problem = _HOSTILE[case]
    with pytest.raises(DataError) as caught:
        read_arrays(_npz(tmp_path / "x.npz", members))
    assert problem in str(caught.value)
    assert "x.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_grows_when_it_is_read_is_refused(tmp_path: Path) -> None:
    """Compressed members, members that lie over each other, and the same name twice."""
    zeros = _npy(np.zeros(100_000))
    with pytest.raises(DataError, match="is compressed"):
        read_arrays(_npz(tmp_path / "bomb.npz", {"x.npy": zeros}, compression=zipfile.ZIP_DEFLATED))
    over = _npz(tmp_path / "over.npz", {"x.npy": zeros})
    with zipfile.ZipFile(over, "a") as archive:
        for name in ("y.npy", "z.npy"):
            info = zipfile.ZipInfo(name)
            info.header_offset, info.CRC = archive.getinfo("x.npy").header_offset, archive.getinfo("x.npy").CRC
            info.file_size = info.compress_size = len(zeros)
            archive.filelist.append(info)
            archive.NameToInfo[name] = info
        archive._didModify = True
    with pytest.raises(DataError, match="its members are longer than the file"):
        read_arrays(over)
    with zipfile.ZipFile(tmp_path / "twice.npz", "w") as archive:
        archive.writestr("about.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("about.json", b"{}")
    with pytest.raises(DataError, match=r"about\.json is there twice"):
        read_arrays(tmp_path / "twice.npz")


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    """A file that is not there, a folder, a file of another kind, a folder that is not there."""
    for name, problem in (("none.npz", "No such file"), (".", "Is a directory")):
        with pytest.raises(DataError, match=f"cannot be read .{problem}"):
            read_arrays(tmp_path / name)
    (tmp_path / "x.npz").write_text("hello")
    with pytest.raises(DataError, match="is not a whole file of arrays: File is not a zip file"):
        read_arrays(tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"cannot be written \(No such file"):
        write_arrays(tmp_path / "none" / "x.npz", {}, {})


_LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from detbench.detectors.checkpoints.arrays import write_arrays
from detbench.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write_arrays(Path(sys.argv[1]), {f"x{i}": np.ones(1000) for i in range(4)}, {})
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 100, 10_000, 32_500])
def test_a_full_disk_leaves_what_was_there(saved: Path, limit: int) -> None:
    """Wherever it fills up: in a head, in an array, in the archive's directory."""
    before = saved.read_bytes()
    done = subprocess.run(
        [sys.executable, "-P", "-c", _LIMITED, saved, str(limit)], capture_output=True, text=True, check=False
    )
    said = f"{saved}: cannot be written (File too large); nothing was left half-written\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]
