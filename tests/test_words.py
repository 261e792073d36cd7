"""Words for people: names from data files as they may be printed, and types as they are called."""

from __future__ import annotations

import msgspec
import pytest

from detbench.words import brief, in_words, printable, unbroken


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("größe 猫 😀", "größe 猫 😀"),
        ("\x1b[2Jcar", "\ufffd[2Jcar"),
        ("a\nb\tc\x00", "a\ufffdb\ufffdc\ufffd"),
        ("\u202ecar", "\ufffdcar"),
        ("\ud800", "\ufffd"),
        ("\u0645\u06cc\u200c\u062e\u00a0!", "\u0645\u06cc\u200c\u062e\u00a0!"),
    ],
)
def test_names_move_no_cursor(name: str, shown: str) -> None:
    """Escapes, line ends and marks that turn the writing round are replaced; letters and joiners stay."""
    assert printable(name) == shown


def test_halves_of_pairs_are_replaced() -> None:
    """What is no UTF-8 becomes so, and all else stays."""
    assert unbroken("a\udcffb\ud83d 😀").encode() == "a\ufffdb\ufffd 😀".encode()


@pytest.mark.parametrize(("name", "shown"), [("car", "car"), ("a\n b", "a  b"), ("x" * 10**6, "x" * 9 + "…"), ("", "")])
def test_long_names_are_cut(name: str, shown: str) -> None:
    """A name of any length takes a few characters of one line."""
    assert brief(name, 10) == shown


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (float, b'"x"', "should be a number, not a string"),
        (int | str, b"1.5", "should be a whole number or a string, not a number"),
        (tuple[float, float], b"[1]", "should be a list of 2"),
        (list[int], b"{}", "should be an array, not an object"),
        (int, b"null", "should be a whole number, not null"),
        (float, b"1e999", "is too large a number"),
    ],
)
def test_types_are_said_in_words(kind: type, data: bytes, said: str) -> None:
    """What msgspec says about a value is said as a person would."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(data, type=kind)
    assert in_words(str(caught.value)) == said
