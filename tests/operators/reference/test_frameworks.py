"""The references against TensorFlow and Keras, where these have the same operator."""

from __future__ import annotations

import numpy as np
import pytest

from detbench.operators.catalogue.drawing import boxes, drawn, normal
from detbench.operators.reference.box_coding import decode, encode, normalize_boxes
from detbench.operators.reference.heads import rpn_head
from detbench.operators.reference.iou import ciou, iou
from detbench.operators.reference.losses import binary_cross_entropy, cross_entropy, smooth_l1

pytestmark = pytest.mark.slow

EXTREME = np.array([0, 1, -1, 30, -30, 1000, -1000], np.float32)


def test_cross_entropies_are_tensorflows() -> None:
    """Both cross-entropies, extremes included."""
    tf = pytest.importorskip("tensorflow")
    logit = np.concatenate([EXTREME, EXTREME, normal(1, 50)])
    label = np.concatenate([np.ones(7), np.zeros(7), np.arange(50) % 2]).astype(np.float32)
    theirs = tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logit).numpy()
    np.testing.assert_allclose(binary_cross_entropy(logit, label), theirs, rtol=1e-5, atol=1e-7)
    rows, category = np.stack([EXTREME, EXTREME[::-1]]), np.array([6, 2], np.int32)
    theirs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=category, logits=rows).numpy()
    np.testing.assert_allclose(cross_entropy(rows, category), theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("beta", [1 / 9, 1.0, 3.0])
def test_smooth_l1_is_hubers_loss_over_beta(beta: float) -> None:
    """Huber's loss has a slope of beta beyond it, smooth L1 a slope of 1."""
    keras = pytest.importorskip("keras")
    prediction, target = normal(2, 60, 1), normal(3, 60, 1)
    huber = keras.ops.convert_to_numpy(keras.losses.Huber(delta=beta, reduction="none")(target, prediction))
    np.testing.assert_allclose(smooth_l1(prediction, target, beta)[:, 0] * beta, huber, rtol=1e-4, atol=1e-6)


def test_overlaps_are_keras() -> None:
    """IoU within Keras' epsilon; its complete IoU too, of boxes row by row."""
    keras = pytest.importorskip("keras")
    a, b = drawn(95, 20), drawn(96, 20)
    theirs = keras.ops.convert_to_numpy(keras.utils.bounding_boxes.compute_iou(a, b, "xyxy"))
    np.testing.assert_allclose(iou(a, b), theirs, rtol=0, atol=1e-5)
    theirs = keras.ops.convert_to_numpy(keras.utils.bounding_boxes.compute_ciou(a, b, "xyxy"))
    np.testing.assert_allclose(np.diagonal(ciou(a, b)), theirs, rtol=0, atol=1e-5)


def test_deltas_are_keras() -> None:
    """Encoding and decoding, with variances."""
    keras = pytest.importorskip("keras")
    box, anchor, variances = drawn(97, 30), drawn(98, 30), (0.1, 0.1, 0.2, 0.2)
    theirs = keras.utils.bounding_boxes.encode_box_to_deltas(anchor, box, "xyxy", "xyxy", "center_xywh", variances)
    ours = encode(box, anchor, variances)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-4, atol=1e-5)
    again = keras.utils.bounding_boxes.decode_deltas_to_boxes(anchor, ours, "xyxy", "xyxy", "center_xywh", variances)
    np.testing.assert_allclose(decode(ours, anchor, variances), keras.ops.convert_to_numpy(again), rtol=1e-4, atol=1e-3)


def test_normalised_boxes_crop_whole_pixels() -> None:
    """``crop_and_resize`` of a normalised box with as many samples as pixels returns those pixels."""
    tf = pytest.importorskip("tensorflow")
    picture = normal(4, 1, 9, 13, 1)
    box = normalize_boxes(boxes([3, 2, 7, 8]), 9, 13)
    crop = tf.image.crop_and_resize(picture, box, np.zeros(1, np.int32), (7, 5)).numpy()
    np.testing.assert_allclose(crop[0], picture[0, 2:9, 3:8], rtol=0, atol=1e-5)


def test_the_rpn_head_is_tensorflows_convolutions() -> None:
    """Three convolutions by TensorFlow answer the same, in the same order."""
    tf = pytest.importorskip("tensorflow")
    feature, kernel, bias = normal(5, 6, 7, 4), normal(6, 3, 3, 4, 8), normal(7, 8)
    score_kernel, score_bias, delta_kernel, delta_bias = (
        normal(8, 8, 3),
        normal(9, 3),
        normal(10, 8, 12),
        normal(11, 12),
    )
    hidden = tf.nn.relu(tf.nn.conv2d(feature[None], kernel, 1, "SAME") + bias)
    score = (tf.nn.conv2d(hidden, score_kernel[None, None], 1, "SAME") + score_bias).numpy()
    delta = (tf.nn.conv2d(hidden, delta_kernel[None, None], 1, "SAME") + delta_bias).numpy()
    ours = rpn_head(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias)
    np.testing.assert_allclose(ours[0], score.reshape(-1), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(ours[1], delta.reshape(-1, 4), rtol=1e-4, atol=1e-3)
