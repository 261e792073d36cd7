"""Memory that is too small is one sentence, whatever framework ran out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.detectors.recipes.read import read_recipe
from detbench.detectors.train.broken import TooLarge, memory_told

if TYPE_CHECKING:
    from collections.abc import Callable

#: A petabyte, which no machine gives.
_MUCH = 2**48

_ASKED: dict[str, Callable[[Any], Any]] = {
    "numpy": lambda numpy: numpy.ones(_MUCH, np.float32),
    "tensorflow": lambda tf: tf.random.stateless_uniform([_MUCH], seed=[1, 2]),
    "torch": lambda torch: torch.empty(_MUCH),
    "jax": lambda jax: jax.numpy.zeros(_MUCH, np.int8).block_until_ready(),
}


@pytest.mark.slow
@pytest.mark.parametrize("framework", _ASKED)
def test_too_little_memory_is_said(framework: str) -> None:
    """What to make smaller is named."""
    module = pytest.importorskip(framework)
    recipe = read_recipe("voc07_r50_c4", ["run.batch_size=12"])
    with (
        pytest.raises(TooLarge, match="steps of 12 pictures of 800 × 1024 px; say a smaller --batch-size"),
        memory_told(recipe),
    ):
        _ASKED[framework](module)


def test_other_errors_stay_what_they_are() -> None:
    """A bug is not told as a lack of memory."""
    with pytest.raises(ZeroDivisionError), memory_told(read_recipe("voc07_r50_c4")):
        _ = 1 / 0
