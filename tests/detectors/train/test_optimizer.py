"""The optimizer against PyTorch's own, which the published baselines were trained with."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from detbench.detectors.recipes.settings import OptimizerSettings
from detbench.detectors.train.optimizer import Optimizer

torch = pytest.importorskip("torch")

RATES = (0.1, 0.05, 0.2)


class Weights:
    """A kernel and a bias with gradients that are drawn, the same for everybody."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.start = [rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)]
        self.gradients = [[rng.normal(size=one.shape).astype(np.float32) for one in self.start] for _ in RATES]
        with keras.name_scope("layer"):
            names = ("kernel", "bias")
            self.variables = [keras.Variable(one, name=name) for one, name in zip(self.start, names, strict=True)]

    def ours(self, optimizer: Optimizer) -> tuple[list[np.ndarray], list[float]]:
        """Return the weights after all steps, and the norms of the gradients."""
        values = [keras.ops.convert_to_tensor(one) for one in self.start]
        slots = {name: keras.ops.convert_to_tensor(slot) for name, slot in optimizer.slots.items()}
        norms = []
        for rate, gradients in zip(RATES, self.gradients, strict=True):
            given = [keras.ops.convert_to_tensor(one) for one in gradients]
            values, slots, norm = optimizer.update(values, given, slots, rate)
            norms.append(float(norm))
        return [keras.ops.convert_to_numpy(one) for one in values], norms

    def theirs(self, make: object, clip: float | None) -> list[np.ndarray]:
        """Return the weights after all steps of a PyTorch optimizer that decays the kernel alone."""
        kernel, bias = (torch.tensor(one, requires_grad=True) for one in self.start)
        optimizer = make([{"params": [kernel]}, {"params": [bias], "weight_decay": 0.0}])  # type: ignore[operator]
        for rate, gradients in zip(RATES, self.gradients, strict=True):
            for parameter, gradient in zip((kernel, bias), gradients, strict=True):
                parameter.grad = torch.tensor(gradient)
            if clip is not None:
                torch.nn.utils.clip_grad_norm_([kernel, bias], clip)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        return [one.detach().numpy() for one in (kernel, bias)]


@pytest.mark.slow
@pytest.mark.parametrize("clip", [None, 1.0, 1e6])
def test_sgd_is_pytorchs(clip: float | None) -> None:
    """Momentum, decay within the gradient, clipping by the norm of all of them."""
    weights = Weights()
    settings = OptimizerSettings(kind="sgd", momentum=0.9, weight_decay=0.01, clip_norm=clip)
    found, norms = weights.ours(Optimizer(settings, weights.variables))
    expected = weights.theirs(lambda groups: torch.optim.SGD(groups, lr=1.0, momentum=0.9, weight_decay=0.01), clip)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-6, atol=1e-6)
    flat = [np.concatenate([one.ravel() for one in gradients]) for gradients in weights.gradients]
    assert norms == pytest.approx([float(np.linalg.norm(one)) for one in flat], rel=1e-6)


def test_adamw_is_pytorchs() -> None:
    """Decay apart from the gradient, both means corrected for their beginning."""
    weights = Weights()
    settings = OptimizerSettings(kind="adamw", weight_decay=0.1, clip_norm=None)
    found, _ = weights.ours(Optimizer(settings, weights.variables))
    expected = weights.theirs(lambda groups: torch.optim.AdamW(groups, lr=1.0, weight_decay=0.1), None)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


def test_a_scaled_loss_changes_nothing_but_what_is_not_finite() -> None:
    """Gradients of the scaled loss give the same weights; infinite ones give none, and halve the scale."""
    weights = Weights()
    settings = OptimizerSettings(kind="sgd", weight_decay=0.0, clip_norm=1.0)
    plain, scaled = (Optimizer(settings, weights.variables, loss_scaling=scaling) for scaling in (False, True))
    tensor = keras.ops.convert_to_tensor
    values = [tensor(one) for one in weights.start]
    slots = {name: tensor(slot) for name, slot in scaled.slots.items()}
    scale = float(scaled.scaled(tensor(1.0), slots))
    large = [tensor(one * scale) for one in weights.gradients[0]]
    mine, kept, _ = scaled.update(values, large, slots, 0.1)
    theirs, _, _ = plain.update(
        values, [tensor(one) for one in weights.gradients[0]], {n: tensor(s) for n, s in plain.slots.items()}, 0.1
    )
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other), rtol=1e-6)
    assert float(kept["sound_steps"]) == 1
    broken = [tensor(np.full_like(one, np.inf)) for one in weights.start]
    same, lowered, _ = scaled.update(values, broken, slots, 0.1)
    assert float(lowered["loss_scale"]) == scale / 2
    for one, other in zip(same, weights.start, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), other)
    momentum = next(name for name in lowered if name.startswith("momentum/"))
    assert not keras.ops.convert_to_numpy(lowered[momentum]).any()
