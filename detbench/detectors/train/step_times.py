"""Where the time of a step goes: waiting for pictures, forward, backward, and the operators of Faster R-CNN in it.

Everything is measured on the recipe's own shapes and pictures, by turns: in every round each part runs once, in an
order that is drawn anew, so what disturbs the machine falls on all of them. The operators are compiled alone and run on
the very tensors of a step; within the step a compiler may overlap or fuse them, so their shares are an estimate.
"""

from __future__ import annotations

from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from keras import ops

from detbench import __version__
from detbench.detectors.faster_rcnn.losses import sample_regions
from detbench.detectors.faster_rcnn.roi_head import pool
from detbench.detectors.faster_rcnn.rpn import propose
from detbench.detectors.input.batch import split
from detbench.detectors.train.alone import compiled, gradient_of, waited
from detbench.detectors.train.building import built, facts_of, pictures_of
from detbench.detectors.train.steppers import stepper_for
from detbench.errors import UsageError
from detbench.operators.keras.targets import assign_anchors
from detbench.timing.clock import timed, undisturbed
from detbench.timing.samples import quantile

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.tables import Dataset
    from detbench.detectors.input.batch import Batch
    from detbench.detectors.input.readers import ReaderName
    from detbench.detectors.input.training_input import TrainingInput
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.building import How
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.steppers import Stepper

__all__ = ["OPERATORS", "Part", "StepTimes", "profile"]

#: Rounds: 7 are the fewest of which two medians can be compared. The first calls are not sampled.
_ROUNDS, _WARM_UP = 11, 2

#: Batches that are read alone: after the first few the reader no longer lives on what it had ready.
_BATCHES, _READY = 16, 8

#: Parts of a step that are operators.
OPERATORS = ("proposals and NMS", "target assignment", "RoI pooling")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a step: its samples in the order they were taken."""

    name: str
    samples_ms: list[float]

    @property
    def median_ms(self) -> float:
        """The median."""
        return quantile(self.samples_ms, 0.5).value_ms


class StepTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--profile`` finds.

    ``parts`` – ``step``: forward, backward and update, on a batch that is there; ``forward``: the losses alone; the
    operators, RoI pooling with its gradient. ``wait_ms`` – how long training waited for each batch.
    ``input_images_per_s`` – what the reader gives when nothing else runs; ``used_images_per_s`` – what training takes
    when it never waits.
    """

    schema: str = "detbench.step-times/1"
    detbench: str = __version__
    recipe: str
    environment: dict[str, str]
    batch_size: int
    canvas_px: tuple[int, int]
    parts: list[Part]
    wait_ms: list[float]
    input_images_per_s: float

    def median_ms(self, name: str) -> float:
        """Return the median of a part."""
        return next(part.median_ms for part in self.parts if part.name == name)

    @property
    def used_images_per_s(self) -> float:
        """What training takes when it never waits."""
        return 1e3 * self.batch_size / self.median_ms("step")

    def rows(self) -> list[tuple[str, float, float]]:
        """Return (what, milliseconds, share of a step) of every part, the waiting first."""
        step = self.median_ms("step")
        wait = quantile(self.wait_ms, 0.5).value_ms
        forward = self.median_ms("forward")
        times = [
            ("waiting for input", wait),
            ("forward", forward),
            ("backward and update", step - forward),
            *((name, self.median_ms(name)) for name in OPERATORS),
        ]
        return [(name, time_ms, time_ms / (step + wait)) for name, time_ms in times]


def profile(recipe: Recipe, train_set: Dataset, devices: Devices, how: How) -> StepTimes:
    """Measure a step of a recipe. Nothing is trained: the learning rate is 0.

    Raises
    ------
    UsageError
        If there are several devices.
    DataError
        If the dataset cannot be trained on.
    """
    if devices.count > 1:
        raise UsageError("--profile takes the time of one device; say one with --device")
    pictures, reader = pictures_of(recipe, train_set, devices), how.reader_on(devices)
    model, optimizer = built(recipe, len(train_set.categories), devices)
    stepper = stepper_for(model, optimizer, devices, xla=recipe.run.xla)
    batch = pictures.batch(0)
    calls: dict[str, Callable[[], Any]] = {
        "step": lambda: stepper(batch, 0.0),
        "forward": lambda: stepper.losses(batch),
        **_operators(model, batch, xla=recipe.run.xla),
    }
    samples = _by_turns(calls)
    return StepTimes(
        recipe=how.name,
        environment=facts_of(devices, recipe) | {"reader": reader},
        batch_size=recipe.run.batch_size,
        canvas_px=recipe.input.train_canvas_px,
        parts=[Part(name=part, samples_ms=times) for part, times in samples.items()],
        wait_ms=_waits(pictures, reader, stepper),
        input_images_per_s=_input_alone(pictures, reader),
    )


def _by_turns(calls: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Return times in milliseconds of each call, taken by turns."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    rng = np.random.default_rng(0)
    for call in calls.values():
        for _ in range(_WARM_UP):
            waited(call())
    with undisturbed():
        for _ in range(_ROUNDS):
            for name in rng.permutation(list(calls)):
                samples[name].append(timed(lambda call=calls[name]: waited(call()))[1])
    return samples


def _operators(model: Any, batch: Batch, *, xla: bool) -> dict[str, Callable[[], Any]]:
    """Return the operators of a step, each ready to run on the tensors that it meets in it."""
    settings = model.settings
    x, y = ({name: ops.convert_to_tensor(value) for name, value in part.items()} for part in split(batch))
    outputs = model(x, training=True)
    maps = [ops.stop_gradient(map_) for map_ in outputs["maps"]]
    logit, delta, proposal = (ops.stop_gradient(outputs[name]) for name in ("rpn_logit", "rpn_delta", "proposal"))
    valid = outputs["proposal_valid"]
    anchor, level_sizes = model.anchors(maps)
    region = ops.stop_gradient(sample_regions(proposal, valid, y, settings.head).region)
    low, count = model.levels[0], sum(level <= 5 for level in model.levels)  # noqa: PLR2004  the coarsest of a backbone

    def proposals(logit: Any, delta: Any, size_px: Any) -> Any:
        return propose(logit, delta, anchor, level_sizes, size_px, settings.rpn, True)

    def targets(proposal: Any, valid: Any, y: Any) -> Any:
        rpn = settings.rpn
        anchors = ops.convert_to_tensor(anchor)
        matched = assign_anchors(anchors, y["box"], y["state"], rpn.positive_at, rpn.negative_below)
        return [*matched, *sample_regions(proposal, valid, y, settings.head)]

    def pooled(maps: Any, region: Any) -> Any:
        return gradient_of(lambda maps: pool(maps, region, model.strides_px[:count], low, settings.head))(maps)

    of_proposals, of_targets, of_pooling = (compiled(one, xla=xla) for one in (proposals, targets, pooled))
    return {
        OPERATORS[0]: lambda: of_proposals(logit, delta, x["size_px"]),
        OPERATORS[1]: lambda: of_targets(proposal, valid, y),
        OPERATORS[2]: lambda: of_pooling(maps[:count], region),
    }


def _waits(pictures: TrainingInput, reader: ReaderName, stepper: Stepper) -> list[float]:
    """Return how long a training loop waits for each batch, in milliseconds, after the first few."""
    batches = pictures.batches(0, reader=reader)
    waits = []
    for _ in range(_READY + _ROUNDS):
        batch, took_ms = timed(next, batches)
        waits.append(took_ms)
        stepper(batch, 0.0)
    getattr(batches, "close", lambda: None)()
    return waits[_READY:]


def _input_alone(pictures: TrainingInput, reader: ReaderName) -> float:
    """Return images per second of the reader when nothing else runs."""
    batches = pictures.batches(0, reader=reader)
    for _ in islice(batches, _READY):
        pass
    begin = perf_counter()
    for _ in islice(batches, _BATCHES):
        pass
    seconds = perf_counter() - begin
    getattr(batches, "close", lambda: None)()
    return _BATCHES * pictures.local_batch_size / seconds
