"""Files of Keras are read by layer and variable, and lead nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detbench.detectors.weights.h5 import read_h5, read_keras
from detbench.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*__array__ implementation:DeprecationWarning")

h5py = pytest.importorskip("h5py")


@pytest.fixture(scope="module")
def model() -> Any:
    """Make a network of three layers with weights that are all different."""
    keras = pytest.importorskip("keras")
    layers = [keras.layers.Conv2D(4, 3, name="a"), keras.layers.BatchNormalization(name="b", trainable=False)]
    made = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.DepthwiseConv2D(3, name="c")], name="net")
    rng = np.random.default_rng(0)
    made.set_weights([rng.random(weight.shape, np.float32) for weight in made.get_weights()])
    return made


def test_the_later_format(model: Any, tmp_path: Path) -> None:
    """``.weights.h5`` and ``.keras`` number a layer's variables; a frozen layer's too, in the order of the layer."""
    model.save_weights(tmp_path / "w.weights.h5")
    model.save(tmp_path / "w.keras")
    wanted = {f"{layer.name}/{i}": w for layer in model.layers for i, w in enumerate(layer.get_weights())}
    for arrays in (read_h5(tmp_path / "w.weights.h5"), read_keras(tmp_path / "w.keras")):
        assert arrays.keys() == wanted.keys()
        assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


@pytest.mark.filterwarnings("ignore")
def test_the_earlier_format(model: Any, tmp_path: Path) -> None:
    """``.h5`` names a layer's variables."""
    model.save(tmp_path / "w.h5")
    arrays = read_h5(tmp_path / "w.h5")
    assert {"a/kernel", "b/moving_variance", "c/bias"} <= arrays.keys()
    assert np.array_equal(arrays["b/moving_variance"], model.get_layer("b").get_weights()[3])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_cut(model: Any, tmp_path: Path, share: float) -> None:
    """A file that was cut is refused, named."""
    for name, read in (("w.weights.h5", read_h5), ("w.keras", read_keras)):
        path = tmp_path / name
        (model.save_weights if read is read_h5 else model.save)(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(DataError, match=name):
            read(path)


def test_nothing_of_another_file(tmp_path: Path) -> None:
    """Links to other files, data that lies in others, and virtual data sets are not followed."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["layers/a/vars/0"] = np.ones(3)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["layers/a/vars/0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "layers/a/vars/0")
        file["layers/b/vars"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "layers/a/vars")
    assert read_h5(tmp_path / "link.h5") == {}
    with h5py.File(tmp_path / "named.h5", "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "layers/a")
    with pytest.raises(DataError, match="a is not in it"):
        read_h5(tmp_path / "named.h5")
    (tmp_path / "secret").write_bytes(b"0123456789abcdef")
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("layers/a/vars/0", (2,), "f8", external=[(str(tmp_path / "secret"), 0, 16)])
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "layers/a/vars/0", shape=(3,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("layers/a/vars/0", layout)
    for name in ("raw.h5", "virtual.h5"):
        with pytest.raises(DataError, match="no array of numbers in this file"):
            read_h5(tmp_path / name)


def test_much_of_little(tmp_path: Path) -> None:
    """A small file that says to hold terabytes is refused before any of them are there."""
    with h5py.File(tmp_path / "never.h5", "w") as file:
        file.create_dataset("layers/a/vars/0", (2**20, 2**20), "f4")
    with h5py.File(tmp_path / "packed.h5", "w") as file:
        file.create_dataset("layers/a/vars/0", data=np.zeros(10**6, "f4"), compression="gzip")
    for name in ("never.h5", "packed.h5"):
        with pytest.raises(DataError, match="far longer"):
            read_h5(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "b.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", b"\0" * 10**6)
    with pytest.raises(DataError, match="far longer"):
        read_keras(tmp_path / "b.keras")


def test_nested_without_end(tmp_path: Path) -> None:
    """A path of thousands of groups is refused at once: following it would take minutes."""
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(2_000):
            group = group.create_group("a")
    with pytest.raises(DataError, match="nested deeper"):
        read_h5(tmp_path / "deep.h5")


def test_objects_are_no_numbers(tmp_path: Path) -> None:
    """Texts and references are refused."""
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["layers/a/vars/0"] = ["text"]
    with pytest.raises(DataError, match="no array of numbers"):
        read_h5(tmp_path / "t.h5")


def test_what_is_none(tmp_path: Path) -> None:
    """Files that are not there, folders, texts and empty archives are refused, named."""
    (tmp_path / "text.h5").write_text("text")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w"):
        pass
    for path, read in (
        (tmp_path / "none.h5", read_h5),
        (tmp_path, read_h5),
        (tmp_path / "text.h5", read_h5),
        (tmp_path / "none.keras", read_keras),
        (tmp_path / "text.h5", read_keras),
        (tmp_path / "empty.keras", read_keras),
    ):
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.file == str(path)
