"""The model as a whole, on TensorFlow: what it loses, what changes that and what does not, and that it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import C4, CATEGORIES, FPN, HEIGHT, WIDTH, batch, changed

from detbench import operators as reference
from detbench.detectors.recipes.settings import AnchorSettings, ModelSettings
from detbench.errors import UsageError

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from detbench.detectors.faster_rcnn.losses import sample_regions, spatial_weight  # noqa: E402
from detbench.detectors.faster_rcnn.model import FasterRCNN, build_model  # noqa: E402

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs the TensorFlow backend", allow_module_level=True)

LOSSES = ["rpn_objectness", "rpn_box", "head_category", "head_box"]
RESNET = changed(
    C4,
    backbone="resnet50",
    stride_px=16,
    normalization="frozen",
    frozen_stages=2,
    head={"kind": "conv5", "output_size": (4, 4), "sampled": 6},
)


@pytest.fixture(scope="module")
def models() -> dict[str, FasterRCNN]:
    """Return a model of one map and one of a pyramid; statistics are kept, so that pictures are apart."""
    return {
        name: build_model(changed(settings, normalization="frozen"), CATEGORIES, seed=1)
        for name, settings in {"c4": C4, "fpn": FPN}.items()
    }


def losses(model: FasterRCNN, x: Any, y: Any) -> dict[str, float]:
    """Return the losses as numbers."""
    x, y = tf.nest.map_structure(tf.constant, (x, y))
    return {name: float(loss) for name, loss in model.losses_of(x, y, model(x, training=True)).items()}


def part(tensors: dict[str, Any], rows: slice) -> dict[str, Any]:
    """Return some pictures of a batch."""
    return {name: array[rows] for name, array in tensors.items()}


@pytest.mark.parametrize("kind", ["c4", "fpn"])
def test_losses_are_those_of_the_references(kind: str, models: dict[str, FasterRCNN]) -> None:
    """From the same outputs the NumPy operators make the same four numbers."""
    model, (x, y) = models[kind], batch()
    settings = model.settings
    outputs = model(tf.nest.map_structure(tf.constant, x), training=True)
    said = {name: float(loss) for name, loss in model.losses_of(x, y, outputs).items()}
    anchor, _ = model.anchors(outputs["maps"])
    sampled = sample_regions(outputs["proposal"], outputs["proposal_valid"], y, settings.head)
    logit, delta = model.regions(outputs["maps"], sampled.region, training=True)
    twin: dict[str, list[float]] = {name: [] for name in LOSSES}
    for row in range(2):
        real = y["state"][row] != 0
        box, state, category = y["box"][row][real], y["state"][row][real], y["category"][row][real]
        label, match = reference.assign_anchors(anchor, box, state, 0.7, 0.3)
        centre = (anchor[:, :2] + anchor[:, 2:]) / 2
        label[(centre >= x["size_px"][row, ::-1]).any(axis=1)] = -1
        drawn = random_numbers(y["seed"][row], len(label), 0)
        label = reference.sample_balanced(label, drawn, settings.rpn.sampled, settings.rpn.positive_share)
        target = reference.encode(box[np.maximum(match, 0)], anchor)
        pair = reference.rpn_loss(
            outputs["rpn_logit"][row].numpy(), outputs["rpn_delta"][row].numpy(), label, target,
            settings.rpn.smooth_l1_beta,
        )  # fmt: skip
        twin["rpn_objectness"].append(pair[0])
        twin["rpn_box"].append(pair[1])
        region = np.concatenate([outputs["proposal"][row].numpy(), y["box"][row]])
        valid = np.concatenate([outputs["proposal_valid"][row].numpy(), y["state"][row] == 1])
        label, match = reference.assign_regions(region, box, state, category, 0.5, 0.0)
        label[~valid] = -1
        drawn = random_numbers(y["seed"][row], len(label), 1)
        label = reference.sample_balanced(label, drawn, settings.head.sampled, settings.head.positive_share)
        chosen = np.lexsort((np.arange(len(label)), -(label > 0).astype(int), label < 0))[: settings.head.sampled]
        np.testing.assert_array_equal(sampled.label[row], label[chosen])
        counts = label[chosen] >= 0
        np.testing.assert_array_equal(sampled.region[row].numpy()[counts], region[chosen][counts])
        own, ours = np.maximum(match[chosen], 0), region[chosen]
        with np.errstate(all="ignore"):
            target = reference.encode(box[own], ours, settings.head.variances)
        pair = reference.head_loss(logit[row].numpy(), delta[row].numpy(), label[chosen], target, 1.0)
        twin["head_category"].append(pair[0])
        twin["head_box"].append(pair[1])
    assert said["rpn_box"] > 0
    assert said["head_box"] > 0
    assert said == pytest.approx({name: np.mean(values) for name, values in twin.items()}, rel=1e-4, abs=1e-6)


def random_numbers(seed: int, count: int, stream: int) -> Any:
    """Return what the model draws for a picture (held to its twin in ``test_backends``)."""
    from detbench.detectors.faster_rcnn.random import uniform

    return uniform(np.array([seed], np.int32), count, stream)[0].numpy()


@pytest.mark.parametrize("kind", ["c4", "fpn"])
def test_a_batch_loses_the_mean_of_its_pictures(kind: str, models: dict[str, FasterRCNN]) -> None:
    """So it does not matter how a batch is shared out among devices."""
    x, y = batch()
    alone = [losses(models[kind], part(x, rows), part(y, rows)) for rows in (slice(1), slice(1, 2))]
    together = losses(models[kind], x, y)
    assert together == pytest.approx({name: (alone[0][name] + alone[1][name]) / 2 for name in LOSSES}, rel=1e-4)


def test_padding_of_truths_and_of_the_canvas_changes_nothing(models: dict[str, FasterRCNN]) -> None:
    """More rows of padding, whatever they say, and what is painted beyond the picture's reach: the same losses."""
    x, y = batch()
    before = losses(models["c4"], x, y)
    longer = {
        "box": np.pad(y["box"], ((0, 0), (0, 5), (0, 0)), constant_values=9.0),
        "category": np.pad(y["category"], ((0, 0), (0, 5)), constant_values=1),
        "state": np.pad(y["state"], ((0, 0), (0, 5))),
        "seed": y["seed"],
    }
    settings = models["c4"].settings  # sampling draws by row: with all rows sampled the draw does not matter
    everything = changed(settings, head={"sampled": 64}, rpn={"sampled": 2000, "positive_share": 1.0})
    model = build_model(everything, CATEGORIES, seed=1)
    before = losses(model, x, y)
    assert losses(model, x, longer) == pytest.approx(before, rel=1e-5)
    moved = y | {"box": np.where(y["state"][..., None] == 0, 50.0, y["box"]).astype(np.float32)}
    assert losses(model, x, moved) == pytest.approx(before, rel=1e-5)
    shorter = y | {"state": np.where(y["state"] == -1, 0, y["state"]).astype(np.int32)}
    assert losses(model, x, shorter)["rpn_objectness"] != pytest.approx(before["rpn_objectness"], rel=1e-5)


def test_nothing_is_said_of_the_canvas_beyond_the_picture(models: dict[str, FasterRCNN]) -> None:
    """Proposals and boxes lie in the picture."""
    x, _ = batch()
    for model in models.values():
        found = model.detect(x)
        assert found.proposal.shape[1] == model.settings.rpn.post_nms_test
        size = np.tile(x["size_px"][:, ::-1], 2)[:, None]
        assert found.proposal_valid.numpy().any()
        assert (found.proposal.numpy() <= size).all()
        assert (found.box.numpy() <= size).all()
        assert found.valid.numpy().any()
        assert (found.category.numpy()[~found.valid.numpy()] == -1).all()


@pytest.mark.slow
def test_a_compiled_step_is_the_step(models: dict[str, FasterRCNN]) -> None:
    """XLA loses as much as a graph does."""
    model, (x, y) = models["c4"], tf.nest.map_structure(tf.constant, batch())

    def step() -> Any:
        with tf.GradientTape() as tape:
            found = model.losses_of(x, y, model(x, training=True))
            loss = tf.add_n(list(found.values()))
        variables = [variable.value for variable in model.trainable_variables]
        return found, tf.linalg.global_norm(tape.gradient(loss, variables))

    plain, norm = tf.function(step)()
    compiled, compiled_norm = tf.function(step, jit_compile=True)()
    for name in LOSSES:
        assert float(compiled[name]) == pytest.approx(float(plain[name]), rel=1e-4), name
    assert float(compiled_norm) == pytest.approx(float(norm), rel=1e-3)


@pytest.mark.slow
def test_it_learns_a_picture_by_heart() -> None:
    """After some steps on one batch it finds every object in it and nothing else of note."""
    settings = changed(C4, normalization="batch", head={"width": 64, "sampled": 32}, detections={"min_score": 0.5})
    model = build_model(settings, CATEGORIES, seed=0)
    x, y = batch()
    model.compile(optimizer=keras.optimizers.Adam(2e-3, clipnorm=5.0))
    course = [float(model.train_on_batch(x, y)) for _ in range(70)]
    assert np.mean(course[-5:]) < 0.3 * course[0]
    for layer in model.backbone.layers:  # the statistics of this batch, at once
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(x, training=True)
    found = model.detect(x)
    for row in range(2):
        valid = found.valid[row].numpy()
        real = y["state"][row] == 1
        pair = reference.iou(y["box"][row][real], found.box[row].numpy()[valid])
        best = pair.argmax(axis=1)
        assert pair.max(axis=1).min() > 0.5
        np.testing.assert_array_equal(found.category[row].numpy()[valid][best], y["category"][row][real])


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(RESNET, id="resnet-conv5"),
        pytest.param(changed(C4, head={"pooling": "crop_max"}), id="crop-max"),
        pytest.param(changed(C4, head={"box_loss": "giou", "class_agnostic": True}), id="giou-agnostic"),
        pytest.param(changed(C4, rpn={"loss": "lpn"}, normalization="group"), id="lpn-group"),
        pytest.param(
            changed(C4, backbone="mobilenet_v1", alpha=0.25, stride_px=16, normalization="frozen"), id="mobilenet-v1"
        ),
        pytest.param(
            changed(FPN, backbone="mobilenet_v2", alpha=0.35, normalization="frozen", frozen_stages=2),
            id="mobilenet-v2",
        ),
    ],
)
@pytest.mark.slow
def test_every_kind_of_model_trains_and_detects(settings: ModelSettings) -> None:
    """One step moves what is trained and leaves what is frozen; names of variables are unique."""
    model = build_model(settings, CATEGORIES, seed=0)
    paths = [variable.path for variable in model.variables]
    assert len(set(paths)) == len(paths)
    before = {variable.path: variable.numpy() for variable in model.variables}
    x, y = batch()
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True)
    assert np.isfinite(model.train_on_batch(x, y))
    moved = {v.path for v in model.variables if not np.array_equal(before[v.path], v.numpy())}
    trained = {variable.path for variable in model.trainable_variables}
    if settings.normalization != "batch":
        assert moved <= trained
    kernels = {path for path in trained if path.endswith("kernel")}
    assert kernels <= moved, kernels - moved
    if settings.frozen_stages:
        assert not any(path.startswith(("conv1_", "Conv1/", "block_1_", "conv2_block1")) for path in moved)
        assert moved & {path for path in paths if path.startswith(("conv4_", "block_5", "conv5_"))}
    assert model.detect(x).box.shape == (2, settings.detections.limit, 4)


@pytest.mark.slow
def test_half_precision_keeps_boxes_whole() -> None:
    """In mixed bfloat16 the losses are near those of float32, and what a head says is float32."""
    x, y = batch()
    expected = losses(build_model(FPN, CATEGORIES, seed=1), x, y)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_model(FPN, CATEGORIES, seed=1)
        assert model.backbone.outputs[0].dtype == "bfloat16"
        outputs = model(x, training=True)
        assert outputs["rpn_logit"].dtype == outputs["proposal"].dtype == tf.float32
        said = losses(model, x, y)
    finally:
        keras.config.set_dtype_policy(before)
    assert said == pytest.approx(expected, rel=0.1, abs=0.02)


def test_weights_and_names_are_the_same_each_time() -> None:
    """Two models of a seed are equal, variable by variable; of another seed they are not."""
    first, second, other = (build_model(FPN, CATEGORIES, seed) for seed in (5, 5, 6))
    assert [v.path for v in first.variables] == [v.path for v in second.variables]
    for one, two in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)
    kernels = [(a, b) for a, b in zip(first.variables, other.variables, strict=True) if a.path.endswith("kernel")]
    assert all(not np.array_equal(a.numpy(), b.numpy()) for a, b in kernels)


def test_a_canvas_of_another_shape_may_follow(models: dict[str, FasterRCNN]) -> None:
    """Anchors are laid out for the shape that comes."""
    x, _ = batch()
    for model in models.values():
        larger = {"image": np.pad(x["image"], ((0, 0), (0, 64), (0, 32), (0, 0))), "size_px": x["size_px"]}
        assert model(larger, training=False)["rpn_logit"].shape[1] > model(x, training=False)["rpn_logit"].shape[1]


def test_an_anchor_amid_objects_weighs_more() -> None:
    """The weight of the layout is the sum of Gaussians over the picture's objects, with a mean of 1."""
    truth = np.array([[[0, 0, 20, 20], [30, 0, 50, 20], [300, 0, 320, 20], [40, 0, 60, 20]]], np.float32)
    state = np.array([[1, 1, 1, 0]], np.int32)
    anchor = truth[0, :3]
    positive = np.array([[True, True, True]])
    weight = spatial_weight(anchor, positive, truth, state, 30.0).numpy()[0]
    centre = np.array([10.0, 40.0, 310.0])
    score = np.exp(-((centre[:, None] - centre) ** 2) / (2 * 30.0**2)).sum(axis=1)
    assert weight == pytest.approx(score / score.mean(), rel=1e-4)
    assert weight[0] > 1.2 * weight[2]
    assert not spatial_weight(anchor, ~positive, truth, state, 30.0).numpy().any()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (changed(C4, backbone="mobilenet_v2", normalization="group"), "normalization"),
        (changed(C4, head={"kind": "conv5"}), "conv5"),
        (changed(FPN, fpn_levels=(5, 3)), "fpn_levels"),
        (changed(FPN, head={"pooling": "crop_max"}), "crop_max"),
        (changed(FPN, anchors=AnchorSettings(sizes_px=((16.0,),))), "sizes_px"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: ModelSettings, word: str) -> None:
    """One sentence says which setting to change."""
    with pytest.raises(UsageError, match=word):
        build_model(settings, CATEGORIES, seed=0)


@pytest.mark.slow
def test_mobilenet_v2_has_torchvisions_grid() -> None:
    """Stride 2 uses the pixels above and to the left, variances get 1e-5, and only the classifier is missing.

    The backbone takes the pictures alone, not in a list of one, or Keras warns, which is an error here.
    """
    model = build_model(changed(C4, backbone="mobilenet_v2", stride_px=32), CATEGORIES, seed=0)
    layers = {layer.name: layer for layer in model.pretrained.layers}
    assert layers["block_1_pad"].padding == layers["Conv1_pad"].padding == ((1, 0), (1, 0))
    assert layers["Conv1"].padding == "valid"
    assert {la.epsilon for la in layers.values() if isinstance(la, keras.layers.BatchNormalization)} == {1e-5}
    assert len(model.pretrained.weights) == 260  # and two of the classifier
    assert model.pretrained.outputs[0].shape[-1] == 1280
    map_ = model.backbone(np.zeros((1, HEIGHT, WIDTH, 3), np.uint8))
    assert map_.shape[1:3] == (2, 3)
