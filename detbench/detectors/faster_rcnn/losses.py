"""What the two stages are trained to say, and what it costs when they do not.

Every loss is of one picture, ``[B]``: their mean is the batch's, so it does not matter how a batch is shared out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras import ops

from detbench.detectors.faster_rcnn.random import uniform
from detbench.operators.keras.box_coding import centre_and_size, decode, encode
from detbench.operators.keras.gather import best_rows, rows
from detbench.operators.keras.losses import binary_cross_entropy, giou_loss, head_loss, rpn_loss
from detbench.operators.keras.sampling import sample_balanced
from detbench.operators.keras.targets import assign_anchors, assign_regions

if TYPE_CHECKING:
    from detbench.detectors.recipes.settings import HeadSettings, RpnSettings

__all__ = ["SampledRegions", "head_losses", "rpn_losses", "sample_regions", "spatial_weight"]

#: Streams of random numbers: which anchors and which regions are sampled is drawn apart.
_ANCHORS, _REGIONS = 0, 1

_UNIT_BOX = (0.0, 0.0, 1.0, 1.0)


def rpn_losses(
    logit: Any, delta: Any, anchor: Any, inside: Any, y: dict[str, Any], settings: RpnSettings
) -> tuple[Any, Any]:
    """Return the losses of objectness and boxes of the RPN, float32 ``[B]`` each (Ren et al. 2015, equation 1).

    Parameters
    ----------
    logit, delta
        ``[B, N]`` and ``[B, N, 4]``.
    anchor, inside
        float32 ``[N, 4]``, and which of them stand in the picture, bool ``[B, N]``; the others are left out.
    y
        The truths of a batch: ``box``, ``state`` and ``seed``.
    settings
        ``sampled`` anchors of a picture count, of which at most ``positive_share`` are positive.
    """
    label, match = assign_anchors(anchor, y["box"], y["state"], settings.positive_at, settings.negative_below)
    label = ops.where(inside, label, -1)
    drawn = uniform(y["seed"], label.shape[1], _ANCHORS)
    label = sample_balanced(label, drawn, settings.sampled, settings.positive_share)
    target = encode(rows(y["box"], ops.maximum(match, 0)), anchor)
    objectness, regression = rpn_loss(logit, delta, label, target, settings.smooth_l1_beta)
    if settings.loss == "lpn":
        objectness = _regularized_objectness(logit, label, anchor, y, settings.lpn_theta_px)
    return objectness, regression


class SampledRegions(NamedTuple):
    """The regions of each picture that the second stage is trained on; S is static.

    ``region`` – ``[B, S, 4]`` in pixels. ``label`` – int32 ``[B, S]``: ``category + 1``, 0 background, −1 none.
    ``truth`` – ``[B, S, 4]``: the box that each belongs to; anything where ``label`` is not above 0.
    """

    region: Any
    label: Any
    truth: Any


def sample_regions(proposal: Any, valid: Any, y: dict[str, Any], settings: HeadSettings) -> SampledRegions:
    """Return the regions that the second stage is trained on: of the proposals and of the objects themselves.

    Parameters
    ----------
    proposal, valid
        ``[B, P, 4]`` and bool ``[B, P]``.
    y
        The truths of a batch: ``box``, ``category``, ``state`` and ``seed``, of M boxes a picture.
    settings
        ``sampled`` regions at most, of which at most ``positive_share`` are positive; all ``P + M`` if they are fewer.
    """
    is_object = y["state"] == 1
    region = ops.stop_gradient(ops.concatenate([proposal, y["box"]], axis=1))
    valid = ops.concatenate([valid, is_object], axis=1)
    label, match = assign_regions(
        region, y["box"], y["state"], y["category"], settings.positive_at, settings.negative_from
    )
    label = ops.where(valid, label, -1)
    count = label.shape[1]
    label = sample_balanced(label, uniform(y["seed"], count, _REGIONS), settings.sampled, settings.positive_share)
    chosen = best_rows(ops.cast(label > 0, "float32"), label >= 0, min(settings.sampled, count))
    truth = rows(y["box"], ops.maximum(rows(match, chosen), 0))
    return SampledRegions(rows(region, chosen), rows(label, chosen), truth)


def head_losses(logit: Any, delta: Any, sampled: SampledRegions, settings: HeadSettings) -> tuple[Any, Any]:
    """Return the losses of categories and boxes of the second stage, float32 ``[B]`` each (Girshick 2015, equation 1).

    ``logit`` is ``[B, S, K + 1]`` and ``delta`` ``[B, S, K, 4]``, or ``[B, S, 1, 4]`` of a head that is agnostic of
    categories. With ``box_loss = "giou"`` the deltas are decoded and the boxes compared (Rezatofighi et al. 2019), the
    sum over positives divided by the number sampled like that of the smooth L1 loss.
    """
    region, label, truth = sampled
    if settings.class_agnostic:
        delta = ops.repeat(delta, logit.shape[2] - 1, axis=2)
    target = encode(truth, region, settings.variances)
    entropy, regression = head_loss(logit, delta, label, target, settings.smooth_l1_beta)
    if settings.box_loss == "giou":
        own = ops.repeat(ops.maximum(label - 1, 0)[..., None, None], 4, axis=-1)
        own_delta = ops.take_along_axis(delta, own, axis=-2)[..., 0, :]
        positive = (label > 0)[..., None]
        unit = ops.convert_to_tensor(_UNIT_BOX, "float32")
        box = decode(ops.where(positive, own_delta, 0.0), ops.where(positive, region, unit), settings.variances)
        loss = giou_loss(box, ops.where(positive, truth, unit))
        count = ops.maximum(ops.sum(ops.cast(label >= 0, "float32"), axis=-1), 1.0)
        regression = ops.sum(ops.where(label > 0, loss, 0.0), axis=-1) / count
    return entropy, regression


def spatial_weight(anchor: Any, positive: Any, truth: Any, state: Any, theta_px: float) -> Any:
    """Return how much each positive anchor weighs for the layout around it, float32 ``[B, N]``; 0 for other anchors.

    The score of an anchor with centre ``c`` is the sum over the picture's objects of
    ``exp(−|c − c_j|² / (2 θ²))``, so an anchor amid many objects weighs more than a lonely one. It is divided by its
    mean over the picture's positives.

    Parameters
    ----------
    anchor, positive
        ``[N, 4]`` and bool ``[B, N]``.
    truth, state
        ``[B, M, 4]`` and int32 ``[B, M]``.
    theta_px
        Width of the Gaussians, one standard deviation.
    """
    centre, theirs = centre_and_size(anchor)[:, :2], centre_and_size(truth)[..., :2]
    # |c - t|² as a product of matrices: N × M differences in two coordinates are never held
    squared = (
        ops.sum(centre * centre, axis=-1)[None, :, None]
        - 2.0 * ops.matmul(centre[None], ops.transpose(theirs, (0, 2, 1)))
        + ops.sum(theirs * theirs, axis=-1)[:, None]
    )
    near = ops.exp(-ops.maximum(squared, 0.0) / (2.0 * theta_px**2))
    score = ops.sum(ops.where((state == 1)[:, None], near, 0.0), axis=-1)
    score = ops.where(positive, score, 0.0)
    count = ops.sum(ops.cast(positive, "float32"), axis=-1, keepdims=True)
    return ops.divide_no_nan(score * count, ops.sum(score, axis=-1, keepdims=True))


def _regularized_objectness(logit: Any, label: Any, anchor: Any, y: dict[str, Any], theta_px: float) -> Any:
    """Return an objectness loss that heeds the layout, ``[B]``, after layout proposal networks (Hsieh et al. 2017).

    The mean over sampled positives of each one's entropy times its :func:`spatial_weight`, plus the mean over sampled
    negatives. That regular surroundings are to count is the paper's; the formula is not copied from it: see
    ``docs/reference/faster-rcnn.md``.
    """
    positive, negative = label > 0, label == 0
    entropy = binary_cross_entropy(ops.where(label >= 0, logit, 0.0), positive)
    weight = spatial_weight(anchor, positive, y["box"], y["state"], theta_px)
    return _mean_where(positive, entropy * weight) + _mean_where(negative, entropy)


def _mean_where(counts: Any, number: Any) -> Any:
    """Return the mean over axis 1 of those that count, 0 where none does."""
    total = ops.sum(ops.where(counts, number, 0.0), axis=1)
    return total / ops.maximum(ops.sum(ops.cast(counts, "float32"), axis=1), 1.0)
