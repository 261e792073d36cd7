"""A small model of each kind and a batch for it, for the tests and for the processes that they start."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detbench.detectors.recipes.settings import (
    AnchorSettings,
    DetectionSettings,
    HeadSettings,
    ModelSettings,
    RpnSettings,
)

HEIGHT, WIDTH, CATEGORIES = 64, 96, 2

#: One map, with sizes enough that nothing is at random: more anchors and regions are sampled than there are.
C4 = ModelSettings(
    backbone="small",
    neck="c4",
    stride_px=8,
    weights="none",
    frozen_stages=0,
    normalization="batch",
    anchors=AnchorSettings(sizes_px=((16.0, 30.0),), ratios=(0.7, 1.4)),
    rpn=RpnSettings(
        channels=16,
        sampled=48,
        pre_nms_train=100,
        post_nms_train=24,
        pre_nms_test=80,
        post_nms_test=16,
    ),
    head=HeadSettings(width=24, sampled=16, output_size=(4, 4)),
    detections=DetectionSettings(min_score=0.2, limit=12, candidates=30),
)

FPN = msgspec.structs.replace(
    C4,
    neck="fpn",
    fpn_levels=(3, 6),
    fpn_channels=16,
    anchors=AnchorSettings(sizes_px=((12.0,), (24.0,), (48.0,), (96.0,)), ratios=(0.7, 1.4)),
)


def changed(settings: ModelSettings, **tables: Any) -> ModelSettings:
    """Return settings with other values; a dict is laid over the table of its name."""
    new = {
        name: msgspec.structs.replace(getattr(settings, name), **value) if isinstance(value, dict) else value
        for name, value in tables.items()
    }
    return msgspec.structs.replace(settings, **new)


def batch(count: int = 2, seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return pictures with bright boxes on a dark ground, all but the first smaller than the canvas, a box ignored."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 60, (count, HEIGHT, WIDTH, 3)).astype(np.uint8)
    size_px = np.full((count, 2), [HEIGHT, WIDTH], np.float32)
    size_px[1:] = [HEIGHT - 14, WIDTH - 20]
    box = np.zeros((count, 6, 4), np.float32)
    category, state = np.full((count, 6), -1, np.int32), np.zeros((count, 6), np.int32)
    for picture in range(count):
        for number in range(4):
            side = random.uniform(14, 28, 2)
            corner = random.uniform(0, size_px[picture, ::-1] - side)
            box[picture, number] = [*corner, *(corner + side)]
            state[picture, number] = 1 if number < 3 else -1
            category[picture, number] = number % CATEGORIES if number < 3 else -1
            x1, y1, x2, y2 = box[picture, number].astype(int)
            image[picture, y1:y2, x1:x2, number % 3] = 220
    y = {"box": box, "category": category, "state": state, "seed": np.arange(7, 7 + count, dtype=np.int32)}
    return {"image": image, "size_px": size_px}, y
