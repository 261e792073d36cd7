"""The order of pictures and their random numbers are functions of the seed and the place."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detbench.detectors.input.order import Order, random_words, uniforms


@given(st.integers(1, 60), st.integers(0, 2**70), st.integers(0, 9))
def test_every_epoch_has_every_picture_once(count: int, seed: int, epoch: int) -> None:
    """Every epoch has every picture once."""
    order = Order(count, seed)
    places = [order.at(epoch * count + place) for place in range(count)]
    assert sorted(place.row for place in places) == list(range(count))
    assert [(place.epoch, place.place) for place in places] == [(epoch, place) for place in range(count)]


def test_epochs_and_seeds_differ() -> None:
    """Epochs and seeds differ."""
    orders = {tuple(Order(50, seed).at(epoch * 50 + k).row for k in range(50)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4


def test_the_order_of_a_seed_is_written_down() -> None:
    """A run that is resumed under another version of NumPy goes on in the same order."""
    assert [Order(10, 7).at(position).row for position in range(20)] == ORDER_OF_7
    assert random_words(7, 1, 2, 2).tolist() == WORDS_OF_7


def test_the_words_of_places_share_nothing() -> None:
    """The words of places share nothing."""
    words = [word for epoch in range(4) for place in range(50) for word in random_words(3, epoch, place, 9).tolist()]
    assert len(set(words)) == len(words)


def test_uniforms_are_even() -> None:
    """Uniforms are even."""
    values = uniforms(random_words(0, 0, 0, 20_000))
    assert values.min() >= 0
    assert values.max() < 1
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert abs(counts - 2000).max() < 200


ORDER_OF_7 = [8, 4, 1, 6, 3, 2, 7, 5, 9, 0, 3, 9, 1, 6, 2, 5, 4, 8, 0, 7]
WORDS_OF_7 = [1919616196465665499, 12784999905616687494]
