"""Files of tensors are read without PyTorch, and nothing in them is run."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detbench.detectors.weights.pth import read_pth
from detbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = np.arange(6, dtype="<f4")


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value) if abs(value) < 2**31 else b"\x8a\x08" + struct.pack("<q", value)


def _tuple(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def _tensor(
    shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 6, kind: str = "FloatStorage"
) -> bytes:
    """Return the pickle of ``{"w": tensor}`` as PyTorch writes it."""
    place = _text("0") + _text("cpu") + _number(count)
    storage = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + place + b"tQ"
    arguments = storage + _number(offset) + _tuple(shape) + _tuple(stride) + b"\x89ccollections\nOrderedDict\n)R"
    made = b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"
    return b"\x80\x02}" + _text("w") + made + b"s."


def _archive(path: Path, pickled: bytes, data: bytes = VALUES.tobytes(), kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", data)
    return path


def test_a_stride_that_is_never_gone(tmp_path: Path) -> None:
    """An axis with one element may have any stride, one that is no machine's word too."""
    arrays = read_pth(_archive(tmp_path / "a.pth", _tensor((1, 6), (2**62, 1))))
    assert np.array_equal(arrays["w"], VALUES.reshape(1, 6))


def test_a_tensor(tmp_path: Path) -> None:
    """A tensor has its shape, its values and its name."""
    arrays = read_pth(_archive(tmp_path / "a.pth", _tensor((2, 3), (3, 1))))
    assert list(arrays) == ["w"]
    assert np.array_equal(arrays["w"], VALUES.reshape(2, 3))


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "wanted"),
    [
        ((3, 2), (1, 3), 0, VALUES.reshape(2, 3).T),
        ((2,), (2,), 1, VALUES[[1, 3]]),
        ((), (), 5, VALUES[5]),
        ((0, 3), (3, 1), 0, np.zeros((0, 3), np.float32)),
    ],
)
def test_strides(tmp_path: Path, shape: Any, stride: Any, offset: int, wanted: Any) -> None:
    """A tensor may start anywhere in its storage, and be transposed, thin, single or empty."""
    array = read_pth(_archive(tmp_path / "a.pth", _tensor(shape, stride, offset)))["w"]
    assert np.array_equal(array, wanted)
    assert array.shape == wanted.shape


@pytest.mark.parametrize(
    ("shape", "stride", "offset"),
    [
        ((7,), (1,), 0),
        ((6,), (1,), 1),
        ((2, 3), (4, 1), 0),
        ((2,), (-1,), 3),
        ((2,), (1,), -1),
        ((-2,), (1,), 0),
        ((2**62, 2**62), (0, 0), 0),
        ((100,), (0,), 0),
        ((2,), (2**62,), 0),
        ((2,), (1, 1), 0),
        ((1,) * 9, (1,) * 9, 0),
    ],
)
def test_nothing_outside_a_storage_is_read(tmp_path: Path, shape: Any, stride: Any, offset: int) -> None:
    """A shape that leads outside the storage, or makes much of little, is refused."""
    with pytest.raises(DataError, match=r"a\.pth: is no .*'w'"):
        read_pth(_archive(tmp_path / "a.pth", _tensor(shape, stride, offset)))


@pytest.mark.parametrize("count", [5, 7, 2**61])
def test_a_storage_of_another_length(tmp_path: Path, count: int) -> None:
    """A storage that is shorter or longer than it says is refused."""
    with pytest.raises(DataError, match="was cut or changed"):
        read_pth(_archive(tmp_path / "a.pth", _tensor((2,), (1,), count=count)))


class _Runs:
    """What would write a file if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("wrapped", [False, True])
def test_nothing_is_run(tmp_path: Path, protocol: int, wrapped: bool) -> None:
    """A pickle that would run something is refused, in either format, and does not run it."""
    made = tmp_path / "made"
    hostile = pickle.dumps({"w": _Runs(made)}, protocol)
    path = tmp_path / "a.pth"
    if wrapped:
        _archive(path, hostile)
    else:
        start = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
        path.write_bytes(b"".join(pickle.dumps(one, 2) for one in start) + hostile + pickle.dumps([], 2))
    with pytest.raises(DataError, match="is no"):
        read_pth(path)
    assert not made.exists()
    pickle.loads(hostile)  # noqa: S301  it would have
    assert made.exists()


@pytest.mark.parametrize(
    ("pickled", "said"),
    [
        (b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00truetR.", "posix.system"),
        (b"\x80\x02cbuiltins\neval\n.", "holds a Global"),
        (pickle.dumps([1, 2], 2), "holds a list"),
        (pickle.dumps({}, 2), "holds no tensor"),
        (pickle.dumps({"epoch": 3}, 2), "holds no tensor"),
        (b"\x80\x02" + b"}" * 10, "no end|cut"),
        (b"\x80\x02}r\xff\xff\xff\xff.", "holds no tensor"),
        (b"\x80\x02a.", "cut or damaged"),
        (b"\x80\x02t.", "cut or damaged"),
        (b"\x80\x02(.", "cut or damaged"),
        (b"\x80\x02h\x07.", "cut or damaged"),
        (b"", "cut|no end"),
        (b"\xff", "cut or damaged"),
        (_tensor((2,), (1,), kind="ComplexDoubleStorage"), "no storage of a kind"),
        (_tensor((2,), (1,)).replace(b"storage", b"garbage"), "no storage of a kind"),
        (_tensor((2,), (1,)).replace(b"_rebuild_tensor_v2", b"_rebuild_qtensor"), "_rebuild_qtensor"),
    ],
)
def test_what_is_no_file_of_tensors(tmp_path: Path, pickled: bytes, said: str) -> None:
    """Anything but tensors is refused, and named."""
    with pytest.raises(DataError, match=said):
        read_pth(_archive(tmp_path / "a.pth", pickled))


def test_nested_without_end(tmp_path: Path) -> None:
    """A dictionary that holds itself, and a hundred levels of dictionaries of dictionaries, are left quickly."""
    itself = b"\x80\x02}q\x00" + _text("a") + b"h\x00s."
    with pytest.raises(DataError, match="holds no tensor"):
        read_pth(_archive(tmp_path / "a.pth", itself))
    inner: dict[str, Any] = {}
    for _ in range(100):
        inner = {str(i): inner for i in range(50)}
    with pytest.raises(DataError, match="holds no tensor"):
        read_pth(_archive(tmp_path / "b.pth", pickle.dumps(inner, 2)))


def test_a_compressed_archive(tmp_path: Path) -> None:
    """An archive whose members are compressed, and might be a thousand times longer, is refused unread."""
    path = _archive(tmp_path / "a.pth", _tensor((1,), (1,)), b"\0" * 10**6, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="compressed"):
        read_pth(path)


def test_a_missing_member_and_two_pickles(tmp_path: Path) -> None:
    """A storage that is not there, and pickles that are there twice, are refused."""
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", _tensor((1,), (1,)))
    with pytest.raises(DataError, match="no member 'a/data/0'"):
        read_pth(tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth", "a") as archive:
        archive.writestr("b/data.pkl", _tensor((1,), (1,)))
    with pytest.raises(DataError, match=r"2 members data\.pkl"):
        read_pth(tmp_path / "a.pth")


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there, or a folder, is named."""
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_pth(path)


def _legacy_bytes() -> bytes:
    said = _tensor((2, 3), (3, 1)).replace(_number(6) + b"tQ", _number(6) + b"NtQ")
    start = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    begin = b"".join(pickle.dumps(one, 2) for one in start)
    return begin + said + pickle.dumps(["0"], 2) + struct.pack("<q", 6) + VALUES.tobytes()


def _zip_bytes() -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        archive.writestr("archive/data.pkl", _tensor((2, 3), (3, 1)))
        archive.writestr("archive/data/0", VALUES.tobytes())
    return room.getvalue()


@pytest.mark.parametrize("made", [_legacy_bytes, _zip_bytes])
def test_cut_anywhere(tmp_path: Path, made: Callable[[], bytes]) -> None:
    """A file that was cut after any of its bytes is refused."""
    whole, path = made(), tmp_path / "a.pth"
    path.write_bytes(whole)
    assert np.array_equal(read_pth(path)["w"], VALUES.reshape(2, 3))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            read_pth(path)


@pytest.mark.parametrize("made", [_legacy_bytes, _zip_bytes])
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_changed_anywhere(tmp_path: Path, made: Callable[[], bytes], data: st.DataObject) -> None:
    """A file with changed bytes is read or refused, and nothing else happens."""
    changed = bytearray(made())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        changed[place] = value
    path = tmp_path / "a.pth"
    path.write_bytes(changed)
    try:
        arrays = read_pth(path)
    except DataError:
        return
    assert all(array.nbytes <= len(changed) for array in arrays.values())


@pytest.mark.parametrize("zipped", [True, False])
def test_equal_to_torch(tmp_path: Path, zipped: bool) -> None:
    """Tensors of every kind, shared, transposed, nested and parameters are those that PyTorch loads."""
    torch = pytest.importorskip("torch")
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    kinds = ("float16", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool")
    state: dict[str, Any] = {
        "base": base,
        "shared": base[1:3, ::2],
        "turned": base.T,
        "parameter": torch.nn.Parameter(torch.ones(3)),
        **{kind: torch.tensor([0, 1, 2]).to(getattr(torch, kind)) for kind in kinds},
        "empty": torch.zeros(0, 3),
    }
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    module(torch.ones(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    saved = {"state_dict": module.state_dict(), "more": state, "epoch": 3, "optimizer": optimizer.state_dict()}
    torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    arrays = read_pth(tmp_path / "a.pth")
    wanted = {f"state_dict.{k}": v for k, v in module.state_dict().items()} | {f"more.{k}": v for k, v in state.items()}
    assert wanted.keys() <= arrays.keys()
    for name, tensor in wanted.items():
        as_numpy = tensor.detach().to(torch.float32 if tensor.dtype == torch.bfloat16 else tensor.dtype).numpy()
        assert arrays[name].dtype == as_numpy.dtype, name
        assert np.array_equal(arrays[name], as_numpy), name
