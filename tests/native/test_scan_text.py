"""Values that are passed over are checked as JSON, wherever they stand; strings that are kept are checked as UTF-8."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from detbench.extension import native

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_native = native()

PREDICTION = b'{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5, "mask": %s}'

#: Lists are checked 64 bytes at a time, so each text is put at every place of such a block.
PLACES = 70


def accepts(value: bytes, path: Path) -> bool:
    """Return whether a results file with that value in a field that nobody reads is accepted."""
    path.write_bytes(b"[" + PREDICTION % value + b", " + PREDICTION % value + b"]")
    return _native.scan_predictions(path, 1) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("01", "-01", "1, 00", "-", "- 1", "--1", "1-", "+1", "1.", ".5", "1..5", "1.2.3", "0.5.", "1 2", "1  2"),
        *("1,", ",1", "1,,2", "1, ,2", "[1]2", "1[2]", "[1][2]", "[", "]", "[[1]", "[1]]", "1,]", "[,", "1.-2", "1,."),
        *("1e", "1e+", "1.e5", "nul", "truee", "NaN", "Infinity", "0x1", "1\x00", "\x0b1", "{}1", '"', '"\\', '"\n"'),
        *(
            '"\\x"',
            '"\\u12g4"',
            '"\\ud800"',
            '"\\udc00"',
            '"\\ud800\\u0041"',
            "{,}",
            '{"a"}',
            '{"a":}',
            '{"a":1,}',
            "{1:2}",
        ),
        *('{"a" 1}', "'a'", "/**/1", '{"a":1]', "[1}"),
    ],
)
def test_what_is_no_json_is_declined(text: str, tmp_path: Path) -> None:
    """Also behind numbers that are fine."""
    for before in range(PLACES):
        value = b"[" + b"7," * (before // 2) + b"7, " * (before % 2) + text.encode() + b"]"
        assert not accepts(value, tmp_path / "file.json"), value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0",
            "-0",
            "0.0",
            "-0.5",
            "10",
            "1.25",
            "12345678901234567890.12345678901234567890",
            "1e5",
            "1E-400",
            "1e999",
        ),
        *("[]", "[[]]", "[0,0.0, -0]", "[[1.5, 2], [3]]", "[ 1 , 2 ]", "[\n1,\n\t2\r]", "{}", '{"a": {"b": [{}, []]}}'),
        *(
            "true",
            "false",
            "null",
            '""',
            '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
            '"]}, {"',
            '"' + "a" * 99 + '"',
        ),
    ],
)
def test_json_is_passed_over(text: str, tmp_path: Path) -> None:
    """At every place, behind numbers and before them."""
    for before in range(PLACES):
        value = b"[" + b"7," * (before // 2) + b"7, " * (before % 2) + text.encode() + b", 0.5, [8]]"
        assert accepts(value, tmp_path / "file.json"), value


@pytest.mark.parametrize(
    "name",
    [
        *(b"\xff", b"\x80", b"\xc3", b"\xc3(", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xe2\x82", b"\xed\xa0\x80"),
        *(b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"a\tb"),
        *(b"\\ud800", b"\\udfff", b"\\ud800x", b"\\ud800\\ud800", b"\\u0000", b"\\u12", b"\\a", b"\x00", b"\x1f"),
    ],
)
def test_names_that_are_no_text_are_declined(name: bytes, tmp_path: Path) -> None:
    """As Python's decoder does, byte for byte."""
    assert names_in(name, tmp_path / "file.json") is None


@pytest.mark.parametrize(
    "name",
    [
        *("\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "\u65e5\u672c"),
        *(
            '"',
            "\\",
            "/",
            "\b\f\n\r\t",
            "\x1f",
            "",
            "plain",
            "plain \u00e9 and more, longer than sixteen bytes \U0001f600",
        ),
    ],
)
def test_names(name: str, tmp_path: Path) -> None:
    """As text and as escapes."""
    for ascii_only in (True, False):
        text = json.dumps(name, ensure_ascii=ascii_only)[1:-1].encode()
        assert names_in(text, tmp_path / "file.json") == (name, name)


def names_in(name: bytes, path: Path) -> tuple[str, str] | None:
    """Return how a picture and a category are called that are written so; None if the file is declined."""
    path.write_bytes(
        b'{"images": [{"id": 1, "width": 2, "height": 3, "file_name": "%s"}], "annotations": [], "categories": '
        b'[{"id": 1, "name": "%s"}]}' % (name, name)
    )
    found = _native.scan_ground_truth(path, 1)
    return None if found is None else (found["file_name"][0], found["category_name"][0])


def test_escaped_separators(judged: Callable[[bytes], tuple[bool, bool]]) -> None:
    r"""PHP writes ``\/``."""
    images = b'"images": [{"id": 1, "width": 2, "height": 3, "file_name": "a\\/b.jpg"}]'
    assert judged(b"{%s, " % images + b'"annotations": [], "categories": [{"id": 1, "name": "\\/"}]}') == (False, True)
