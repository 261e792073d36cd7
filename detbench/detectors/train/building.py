"""What a run is built of: pictures, a model with its first weights, an optimizer, what makes a step."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import keras

from detbench.detectors.faster_rcnn.model import build_model
from detbench.detectors.input.training_input import TrainingInput
from detbench.detectors.train.optimizer import Optimizer
from detbench.detectors.weights.load import load_backbone_weights
from detbench.environment import environment
from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.input.readers import ReaderName
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.watch import Watch

__all__ = ["How", "built", "facts_of", "pictures_of", "pretrained"]


@dataclass(frozen=True, slots=True)
class How:
    """How a run is made, beside its recipe.

    ``weights`` – ``imagenet``, ``none`` or a file; None: what the recipe says. ``reader`` – None: TensorFlow's where
    that is the backend. ``name`` and ``command`` go into the record.
    """

    resume: bool = False
    weights: str | None = None
    reader: ReaderName | None = None
    name: str = "baseline"
    command: str = ""

    def reader_on(self, devices: Devices) -> ReaderName:
        """Return what reads the pictures. TensorFlow keeps off the GPU where it does nothing else."""
        reader = self.reader or ("tfdata" if devices.backend == "tensorflow" else "plain")
        if reader == "tfdata" and devices.backend != "tensorflow":
            if find_spec("tensorflow") is None:
                raise UsageError("the reader tfdata needs TensorFlow, which is not installed; say --reader plain")
            import tensorflow as tf

            tf.config.set_visible_devices([], "GPU")
        return reader


def pictures_of(recipe: Recipe, train_set: Dataset, devices: Devices) -> TrainingInput:
    """Return what this process trains on. Raises UsageError if the devices cannot share a batch evenly, DataError."""
    devices.require_divides(recipe.run.batch_size)
    return TrainingInput(
        train_set,
        recipe.input,
        batch_size=recipe.run.batch_size,
        seed=recipe.run.seed,
        process=devices.process,
        process_count=devices.process_count,
    )


def built(recipe: Recipe, category_count: int, devices: Devices) -> tuple[Any, Optimizer]:
    """Return the model and its optimizer, on the devices."""
    mixed = recipe.run.precision == "mixed"
    policy = ("mixed_float16" if devices.kind == "gpu" else "mixed_bfloat16") if mixed else "float32"
    keras.mixed_precision.set_dtype_policy(policy)
    with devices.scope():
        model = build_model(recipe.model, category_count, recipe.run.seed)
        scaling = policy == "mixed_float16"
        return model, Optimizer(recipe.optimizer, model.trainable_variables, loss_scaling=scaling)


def pretrained(model: Any, recipe: Recipe, how: How, watch: Watch) -> str:
    """Give the backbone the weights it begins with, and return where they come from."""
    loaded = load_backbone_weights(model.pretrained, recipe.model, how.weights or recipe.model.weights)
    watch.say(f"weights: {loaded}")
    return str(loaded)


def facts_of(devices: Devices, recipe: Recipe) -> dict[str, str]:
    """Return versions, backend and devices in plain words."""
    facts = {name: str(fact) for name, fact in environment(("numpy", "keras", devices.backend)).items()}
    facts |= {"backend": devices.backend, "devices": ", ".join(devices.names), "precision": recipe.run.precision}
    if devices.process_count > 1:
        facts["processes"] = str(devices.process_count)
    return facts | {"cores": str(os.cpu_count() or 0)}
