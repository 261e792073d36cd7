"""What tests of commands share: a dataset and a recipe that train in seconds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

RECIPE = """
title = "Small enough for a test"
dataset = "parking"
command = "detbench train-baseline"
hardware = "any"
[input]
train_canvas_px = [64, 96]
test_canvas_px = [64, 96]
flip_vertical = 0.5
max_truths = 150
[model]
backbone = "small"
neck = "c4"
stride_px = 8
weights = "none"
frozen_stages = 0
normalization = "group"
[model.anchors]
sizes_px = [[8, 12]]
[model.rpn]
channels = 16
sampled = 32
pre_nms_train = 100
post_nms_train = 30
pre_nms_test = 100
post_nms_test = 30
[model.head]
width = 32
output_size = [3, 3]
sampled = 16
[model.detections]
limit = 20
candidates = 100
[optimizer]
learning_rate = 0.02
warmup_steps = 3
[run]
steps = 12
batch_size = 2
[evaluation]
metric = "AP50"
every = 5
checkpoint_every = 2
"""


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory, detbench: Run) -> Path:
    """Return a folder with a small dataset, ``data``, and the recipe, ``tiny.toml``."""
    folder = tmp_path_factory.mktemp("parking")
    done = detbench("draw", "parking", "-o", folder / "data", "--images", 8, "--size", "240x160")
    assert done.returncode == 0, done.stderr
    (folder / "tiny.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="session")
def train(tiny_data: Path, detbench: Run) -> Run:
    """Return what trains by the small recipe: ``train(run, *options)``."""

    def run(output: Path, *options: object, recipe: Path | None = None) -> subprocess.CompletedProcess[str]:
        return detbench(
            "train-baseline", recipe or tiny_data / "tiny.toml", "--data", tiny_data / "data", "-o", output, *options
        )

    return run
