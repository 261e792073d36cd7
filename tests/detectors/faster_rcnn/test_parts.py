"""Single parts of the model against the NumPy operators: pooling on a pyramid, the losses by choice, what is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import C4, CATEGORIES, FPN, batch, changed

from detbench import operators as reference

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from detbench.detectors.faster_rcnn.losses import SampledRegions, head_losses, rpn_losses  # noqa: E402
from detbench.detectors.faster_rcnn.model import build_model  # noqa: E402
from detbench.detectors.faster_rcnn.roi_head import detections  # noqa: E402
from detbench.detectors.faster_rcnn.rpn import propose  # noqa: E402

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs the TensorFlow backend", allow_module_level=True)

REGIONS = 40


def some_regions(random: np.random.Generator, largest_px: float) -> Any:
    """Return regions ``[2, REGIONS, 4]``."""
    corner = random.uniform(0, 50, (2, REGIONS, 2))
    return np.concatenate([corner, corner + random.uniform(8, largest_px, corner.shape)], axis=-1).astype(np.float32)


def test_a_region_is_pooled_from_the_level_of_its_size() -> None:
    """Of levels 3 to 6 the first three are pooled from; training and testing propose as many as the recipe says."""
    model, random = build_model(FPN, CATEGORIES, seed=1), np.random.default_rng(0)
    x, _ = batch()
    outputs = {training: model(x, training=training) for training in (True, False)}
    assert outputs[True]["proposal"].shape[1] == FPN.rpn.post_nms_train
    assert outputs[False]["proposal"].shape[1] == FPN.rpn.post_nms_test
    maps, region = outputs[False]["maps"], some_regions(random, 1500.0)
    level = reference.assign_levels(region.reshape(-1, 4), 3, 5).reshape(2, REGIONS)
    assert set(np.unique(level)) == {3, 4, 5}
    pooled = np.empty((2, REGIONS, *FPN.head.output_size, FPN.fpn_channels), np.float32)
    for picture, row in np.ndindex(level.shape):
        own = level[picture, row]
        pooled[picture, row] = reference.roi_align(
            maps[own - 3].numpy(), region[picture, row][None], np.array([picture], np.int32), 2.0**own,
            FPN.head.output_size, FPN.head.sampling_ratio,
        )[0]  # fmt: skip
    logit, delta = model.regions(maps, region, training=False)
    expected = model.region_head(pooled.reshape(-1, *pooled.shape[2:]))
    np.testing.assert_allclose(logit, expected[0].numpy().reshape(logit.shape), atol=1e-5)
    np.testing.assert_allclose(delta, expected[1].numpy().reshape(delta.shape), atol=1e-5)


@pytest.mark.parametrize("sizes", [(400,), (300, 100)])
def test_proposals_are_those_of_the_references(sizes: tuple[int, ...]) -> None:
    """The best of each level, cut to the picture; boxes suppress those of their own level alone."""
    settings, random = (
        changed(C4, rpn={"pre_nms_test": 30, "post_nms_test": 40, "nms_iou": 0.4}).rpn,
        np.random.default_rng(4),
    )
    corner = random.uniform(0, 80, (400, 2))
    anchor = np.concatenate([corner, corner + random.uniform(20, 30, corner.shape)], axis=1).astype(np.float32)
    logit = random.normal(size=(1, 400)).astype(np.float32)
    delta = (0.1 * random.normal(size=(1, 400, 4))).astype(np.float32)
    size_px = np.array([[60, 90]], np.float32)
    box, score, valid = propose(tf.constant(logit), tf.constant(delta), anchor, sizes, size_px, settings, False)
    inside = ((anchor[:, :2] + anchor[:, 2:]) / 2 < size_px[0, ::-1]).all(axis=1)
    decoded = reference.clip_boxes(reference.decode(delta[0], anchor), 60, 90)
    level = np.repeat(np.arange(len(sizes)), sizes).astype(np.int32)
    best = [np.flatnonzero(inside & (level == each)) for each in range(len(sizes))]
    rows = np.concatenate([rows[np.argsort(-logit[0][rows], kind="stable")[:30]] for rows in best])
    kept = rows[reference.batched_nms(decoded[rows], logit[0][rows], level[rows], settings.nms_iou, 40)]
    assert int(valid.numpy().sum()) == len(kept) > 10
    np.testing.assert_allclose(box[0][: len(kept)], decoded[kept], atol=1e-3)
    np.testing.assert_allclose(score[0][: len(kept)], 1 / (1 + np.exp(-logit[0][kept])), atol=1e-5)
    assert not score[0][len(kept) :].numpy().any()


@pytest.mark.parametrize("agnostic", [False, True])
def test_the_giou_loss_is_of_decoded_boxes(agnostic: bool) -> None:
    """The sum over positives, each with the deltas of its category, over the number sampled; the entropy as ever."""
    settings = changed(C4, head={"box_loss": "giou", "class_agnostic": agnostic}).head
    random = np.random.default_rng(1)
    region = some_regions(random, 40.0)
    truth = (region + random.uniform(-6, 6, region.shape)).astype(np.float32)
    label = random.integers(-1, CATEGORIES + 1, (2, REGIONS)).astype(np.int32)
    truth[label < 1] = np.nan  # anything
    logit = random.normal(size=(2, REGIONS, CATEGORIES + 1)).astype(np.float32)
    delta = random.normal(size=(2, REGIONS, 1 if agnostic else CATEGORIES, 4)).astype(np.float32)
    entropy, box = head_losses(*map(tf.constant, (logit, delta)), SampledRegions(region, label, truth), settings)
    for picture in range(2):
        sampled, positive = label[picture] >= 0, label[picture] > 0
        own = delta[picture][positive, 0 if agnostic else label[picture][positive] - 1]
        decoded = reference.decode(own, region[picture][positive], settings.variances)
        loss = reference.giou_loss(decoded, truth[picture][positive]).sum() / sampled.sum()
        assert float(box[picture]) == pytest.approx(loss, rel=1e-4)
        expected = reference.cross_entropy(logit[picture][sampled], label[picture][sampled]).mean()
        assert float(entropy[picture]) == pytest.approx(expected, rel=1e-4)


def test_the_loss_after_layout_proposal_networks() -> None:
    """Positives weigh by the objects around them, and are averaged apart from negatives."""
    settings = changed(C4, rpn={"loss": "lpn", "lpn_theta_px": 25.0, "sampled": 4000, "positive_share": 1.0}).rpn
    _, y = batch()
    random = np.random.default_rng(2)
    corner = random.uniform(0, 70, (500, 2))
    objects = y["box"][y["state"] == 1]
    near = np.repeat(objects, 8, axis=0) + random.uniform(-3, 3, (8 * len(objects), 4))
    anchor = np.concatenate([near, np.concatenate([corner, corner + 20], axis=1)]).astype(np.float32)
    inside = random.random((2, len(anchor))) < 0.9
    logit = random.normal(size=(2, len(anchor))).astype(np.float32)
    delta = np.zeros((2, len(anchor), 4), np.float32)
    objectness, _ = rpn_losses(*map(tf.constant, (logit, delta, anchor, inside)), y, settings)
    for picture in range(2):
        real = y["state"][picture] != 0
        box, state = y["box"][picture][real], y["state"][picture][real]
        label, _ = reference.assign_anchors(anchor, box, state, settings.positive_at, settings.negative_below)
        positive, negative = (inside[picture] & (label == kind) for kind in (1, 0))
        assert positive.sum() > 5
        apart = (anchor[:, None, :2] + anchor[:, None, 2:] - box[:, :2] - box[:, 2:])[:, state == 1] / 2
        weight = np.exp(-(apart**2).sum(axis=-1) / (2 * 25.0**2)).sum(axis=1)
        entropy = reference.binary_cross_entropy(logit[picture].astype(np.float64), positive)
        loss = (entropy * weight)[positive].sum() / weight[positive].sum() + entropy[negative].mean()
        assert float(objectness[picture]) == pytest.approx(loss, rel=1e-3)


@pytest.mark.parametrize("agnostic", [False, True])
def test_what_is_said_is_what_the_references_say(agnostic: bool) -> None:
    """Scores, boxes cut to the picture, suppression within a category, the best first."""
    settings = changed(C4, head={"class_agnostic": agnostic}, detections={"limit": 25, "candidates": 60})
    random = np.random.default_rng(3)
    region, size_px = some_regions(random, 30.0), np.array([[64, 96], [50, 70]], np.float32)
    logit = 3 * random.normal(size=(2, REGIONS, CATEGORIES + 1)).astype(np.float32)
    delta = random.normal(size=(2, REGIONS, 1 if agnostic else CATEGORIES, 4)).astype(np.float32)
    valid = random.random((2, REGIONS)) < 0.8
    box, score, category, found = (
        part.numpy()
        for part in detections(*map(tf.constant, (logit, delta, region, valid, size_px)), settings.head,
                               settings.detections)
    )  # fmt: skip
    for picture in range(2):
        share = np.exp(logit[picture].astype(np.float64))
        share = (share / share.sum(axis=1, keepdims=True))[:, 1:]
        enough = (share >= settings.detections.min_score) & valid[picture][:, None]
        owner, kind = np.nonzero(enough)
        best = np.argsort(-share[enough], kind="stable")[: settings.detections.candidates]
        owner, kind = owner[best], kind[best].astype(np.int32)
        own = delta[picture][owner, 0 if agnostic else kind]
        decoded = reference.decode(own, region[picture][owner], settings.head.variances)
        decoded = reference.clip_boxes(decoded, *size_px[picture])
        likely = share[owner, kind].astype(np.float32)
        kept = reference.batched_nms(decoded, likely, kind, settings.detections.nms_iou, settings.detections.limit)
        assert 2 < len(kept) < len(best)
        here = found[picture]
        assert here.sum() == len(kept)
        np.testing.assert_array_equal(category[picture][here], kind[kept])
        np.testing.assert_allclose(score[picture][here], likely[kept], atol=1e-6)
        np.testing.assert_allclose(box[picture][here], decoded[kept], atol=1e-3)
        assert (category[picture][~here] == -1).all()
        assert not box[picture][~here].any()
