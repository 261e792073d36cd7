"""Memory of large answers is used again, and never while somebody looks at it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from detbench.extension import native
from detbench.operators.native.answers import unfilled

FLOAT = np.dtype(np.float32)
LARGE = (2_000_000,)


@pytest.fixture(autouse=True)
def _built() -> None:
    if native() is None:
        pytest.skip("the native part is not built")


def test_answers_that_live_do_not_share_memory() -> None:
    """Each holds what was written, whatever was given back in between, also where a part of it is all that is left."""
    first, second = unfilled(LARGE, FLOAT), unfilled(LARGE, FLOAT)
    first[:], second[:] = 1, 2
    part = first[5:]
    del first
    third = unfilled(LARGE, FLOAT)
    third[:] = 3
    assert (part == 1).all()
    assert (second == 2).all()
    assert (third == 3).all()


def test_memory_given_back_is_used_again() -> None:
    """The next answer that fits lies where the last one lay."""
    first = unfilled((40_000_000,), FLOAT)
    at = first.ctypes.data
    first[:] = 1
    del first
    second = unfilled((5, 1_000_000), np.dtype(np.float64))
    assert second.ctypes.data == at
    assert second.shape == (5, 1_000_000)
    assert second.dtype == np.float64
    assert second.flags.c_contiguous
    assert second.flags.writeable


def test_threads_get_memory_of_their_own() -> None:
    """Many threads that take and give back at once find what they wrote."""
    wrong = []

    def work(number: int) -> None:
        for turn in range(20):
            answer = unfilled(LARGE, FLOAT)
            answer[:] = number * 100 + turn
            if not (answer == number * 100 + turn).all():
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_answer_that_no_memory_holds_is_refused() -> None:
    """A product of sides that overflows is an error, not a small block."""
    with pytest.raises((ValueError, MemoryError)):
        unfilled((2**40, 2**40), FLOAT)
