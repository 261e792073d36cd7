"""Numbers of all shapes are the doubles that Python makes of them."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_native = native()

RECORD = '{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": %s}'


def read(texts: list[str], path: Path) -> list[float] | None:
    """Return what the scanner makes of the numbers, each a score; None if it declines the file."""
    path.write_text(f"[{', '.join(RECORD % text for text in texts)}]")
    found = _native.scan_predictions(path, 2)
    return None if found is None else found["score"].tolist()


def any_doubles(rng: np.random.Generator, count: int) -> Iterator[float]:
    """Yield doubles of any bits, without infinities and NaN."""
    values = rng.integers(0, 2**64, count, dtype=np.uint64).view(np.float64)
    return (float(value) for value in values[np.isfinite(values)])


def digits(rng: np.random.Generator, count: int) -> str:
    """Return a string of digits."""
    return "".join(map(str, rng.integers(0, 10, count)))


def between(value: float) -> str:
    """Return the number just between a double and the next, all its digits: a tie."""
    numerator, denominator = value.as_integer_ratio()
    other, divisor = math.nextafter(value, math.inf).as_integer_ratio()
    tie = numerator * divisor + other * denominator
    places = (2 * denominator * divisor).bit_length()
    text = str(tie * 10**places // (2 * denominator * divisor)).zfill(places + 1)
    return f"{text[:-places]}.{text[-places:].rstrip('0') or '0'}"


def shapes(rng: np.random.Generator) -> list[str]:
    """Return numbers as writers write them, and as none would."""
    unit = rng.random(20_000)
    texts = [repr(value) for value in any_doubles(rng, 20_000)]
    texts += [f"{value:.{places}e}" for value in any_doubles(rng, 2_000) for places in (0, 5, 16, 17, 18, 19, 20, 30)]
    texts += [repr(float(value)) for value in unit]
    texts += [repr(float(value)) for value in (unit * 1000).astype(np.float32)]
    texts += [f"{value:.{places}f}" for value in unit[:2_000] * 640 for places in (1, 2, 4, 8, 12, 16, 17, 18, 19, 25)]
    texts += [f"{rng.integers(1, 10)}{digits(rng, k)}.{digits(rng, n)}" for k in range(25) for n in range(1, 40)]
    texts += [f"0.{'0' * k}{digits(rng, n)}1" for k in range(30) for n in range(1, 25)]
    texts += [f"{rng.integers(1, 10)}{digits(rng, k)}e{n}" for k in range(30) for n in range(-300, 250, 7)]
    texts += [between(value) for value in unit[:500] * 10.0 ** rng.integers(-6, 18, 500)]
    texts += [f"-{text}" for text in texts[::5] if text[0] != "-"]
    return [text for text in texts if is_plain(text)]


def is_plain(text: str) -> bool:
    """Return whether the scanner has to take a number: it neither vanishes nor overflows."""
    value = float(text)
    return math.isfinite(value) and (value != 0 or text.strip("-0.") == "")


@pytest.mark.parametrize("seed", range(2))
def test_numbers_are_python_s(seed: int, tmp_path: Path) -> None:
    """A hundred thousand numbers, to the last bit."""
    texts = shapes(np.random.default_rng(seed))
    assert len(texts) > 100_000
    assert read(texts, tmp_path / "numbers.json") == [float(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        *("0", "0.0", "-0.0", "-0e3", "0e5", "0.0e-5", "5e-324", "2.2250738585072014e-308", "2.2250738585072011e-308"),
        *("1.7976931348623157e308", "9007199254740993", "9007199254740993.0", "9007199254740993.0000000000000000001"),
        *("0.500000000000000166533453693773481063544750213623046875", "1e22", "1e23", "8.5e22", "1E+2", "1e-2"),
        *("12345678.9", "123456789.1", "1.7976931348623158e308", "0." + "0" * 20 + "1234567890123456789012345"),
    ],
)
def test_one_number(text: str, tmp_path: Path) -> None:
    """Zeros with their signs, the ends of the range, ties, and what is famous for being rounded wrongly."""
    found = read([text], tmp_path / "number.json")
    assert found is not None
    assert struct.pack("d", found[0]) == struct.pack("d", float(text))


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "+1", ".5", "1.", "-.5", "01", "00", "-01", "01.5", "1e", "1e+", "1.e5", "0x10", "1_000", "1,5"),
        *("NaN", "Infinity", "-Infinity", "nan", "1e309", "-1e309", "1e99999999999999999999", "-0", "1 2", "1..2"),
        *("1.2.3", "--1", "1-", "1e5.0", "true", "null", '"1"', "[1]", "\uff11"),
    ],
)
def test_what_is_no_number_is_declined(text: str, tmp_path: Path) -> None:
    """Also what overflows, and a bare minus zero, whose sign readers disagree on."""
    assert read([text], tmp_path / "number.json") is None
    assert read(["0.5"] * 40 + [text, "0.5"], tmp_path / "number.json") is None
