"""What the notebooks draw with: a picture with known boxes, and boxes over it."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from PIL import Image

from detbench.data.synthetic.parking import draw

__all__ = ["COLOURS", "boxes", "grid", "opinions", "parking", "plane"]

#: Blue, orange and green that differ for everybody, a grey, and white for what lies on a dark picture.
COLOURS = {"blue": "#0072b2", "orange": "#d55e00", "green": "#009e73", "grey": "#888888", "white": "#ffffff"}

#: The part of the built-in picture that is shown: left, top, width, height.
_PART_PX = (200, 120, 320, 240)


@cache
def parking():
    """Return a piece of the first picture of *parking*, uint8 ``[240, 320, 3]``, and its vehicles, float32 ``[N, 4]``.

    Vehicles of which less than half lies in this piece are left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        truth = draw(Path(folder), images=1, splits=["train"])["train"]
        whole = np.asarray(Image.open(next(Path(folder).glob("*.jpg"))).convert("RGB"))
    x, y, width, height = _PART_PX
    moved = truth.ground_truth.box - [x, y, x, y]
    cut = np.clip(moved, 0, [width, height, width, height])
    area, left = (np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (moved, cut))
    return whole[y : y + height, x : x + width], cut[left > area / 2].astype(np.float32)


def opinions(box, each, spread, seed=2):
    """Return ``each`` boxes around every box as a detector has them, and their scores: the nearer, the higher."""
    shift = np.random.default_rng(seed).normal(0, spread, (each, *box.shape))
    moved = box + shift * np.tile(box[:, 2:] - box[:, :2], 2)
    return moved.reshape(-1, 4).astype(np.float32), (1 - np.abs(shift).mean(axis=2)).ravel().astype(np.float32)


def plane(width_px, height_px, *, columns=1, picture=None, titles=()):
    """Return a figure's axes, as large as a picture, y downwards; ``picture`` lies under what is drawn."""
    figure, axes = plt.subplots(1, columns, figsize=(5.5 * columns, 5.5 * height_px / width_px + 0.4), squeeze=False)
    for number, axis in enumerate(axes[0]):
        axis.set(xlim=(0, width_px), ylim=(height_px, 0), aspect="equal")
        if picture is not None:
            axis.imshow(picture, extent=(0, width_px, height_px, 0), alpha=0.75)
        if titles:
            axis.set_title(titles[number], fontsize=10)
    figure.tight_layout()
    return axes[0][0] if columns == 1 else axes[0]


def boxes(axis, box, colour="blue", *, label="", width=1.5, alpha=1.0, legend="upper right"):
    """Draw boxes ``x1 y1 x2 y2``; the label stands once in the legend, which lies where ``legend`` says."""
    for number, (x1, y1, x2, y2) in enumerate(np.asarray(box)):
        side = {"edgecolor": COLOURS[colour], "facecolor": "none", "linewidth": width, "alpha": alpha}
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, label=label if not number else "", **side))
    if label:
        axis.legend(loc=legend, fontsize=8)


def grid(axis, height, width, stride_px):
    """Draw the cells of a feature map over the picture."""
    for x in range(width + 1):
        axis.axvline(x * stride_px, color=COLOURS["grey"], linewidth=0.4)
    for y in range(height + 1):
        axis.axhline(y * stride_px, color=COLOURS["grey"], linewidth=0.4)
