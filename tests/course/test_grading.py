"""Grading a function from a notebook: what a learner reads."""

from __future__ import annotations

import ast
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench.errors import UsageError
from detbench.operators.course import grade, steps
from detbench.operators.course.pieces import PIECES, Piece, names, piece_named
from detbench.operators.course.source import find, read_source
from detbench.operators.course.stubs import stub
from detbench.operators.registry import operator_named

if TYPE_CHECKING:
    from pathlib import Path


def change_order(box: Any) -> Any:
    """Do what should be done."""
    return box[:, [1, 0, 3, 2]]


def test_a_right_function_says_so_and_its_time() -> None:
    """The words stand in the object's repr, as a notebook shows it."""
    found = grade("change-order", change_order)
    assert found.right
    assert repr(found).startswith(f"change_order is right on all {len(operator_named('change-order').cases())} cases.")
    assert found.times is not None
    assert [row.name for row in found.times.rows][:2] == ["yours", "the reference"]  # and a framework's, once imported
    assert all(row.ms > 0 for row in found.times.rows)


@pytest.mark.parametrize("answer", [list, np.ndarray.tolist, np.float64], ids=["rows", "lists", "another float"])
def test_answers_may_be_lists(answer: Any) -> None:
    """What converts to the right array is right: loops end in lists."""
    found = grade("change-order", lambda box: answer(change_order(box)) if len(box) else np.zeros((0, 4)), time=False)
    assert found.right, found


def test_a_wrong_function_is_shown_its_smallest_mistake() -> None:
    """One row is enough where one row is wrong."""
    found = grade("change-order", lambda box: box.copy(), time=False)
    assert found.status == "wrong"
    assert np.shape(found.inputs["box"]) == (1, 4)
    assert np.shape(found.expected) == np.shape(found.got) == (1, 4)
    text = repr(found)
    assert "yours" in text
    assert max(map(len, text.splitlines())) <= 79


def test_nothing_written_is_no_mistake() -> None:
    """A function that returns None is not written yet."""

    def clip_boxes(box: Any, height_px: float, width_px: float) -> None:
        del box, height_px, width_px

    found = grade("clip-boxes", clip_boxes)
    assert found.status == "unwritten"
    assert repr(found) == "clip_boxes is not written yet: it returns None."


def test_what_it_raises_has_its_line() -> None:
    """The line is the learner's, not the one in NumPy where it ended."""

    def decode(delta: Any, reference: Any, variances: Any = (1, 1, 1, 1), max_log_ratio: float = 4.0) -> Any:
        del variances, max_log_ratio
        return np.concatenate([delta, reference[:, :1, None]])

    found = grade("decode", decode)
    assert found.line == "return np.concatenate([delta, reference[:, :1, None]])"
    assert f"{found.place}: {found.line}" in repr(found)


def test_what_it_prints_is_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands under the grade, and a flood is cut."""

    def loud(box: Any) -> Any:
        for number in range(10_000):
            print(number)  # noqa: T201  that is what it is about
        return box

    found = grade("change-order", loud)
    assert capsys.readouterr().out == ""
    assert found.printed.startswith("0\n1\n")
    assert len(repr(found).splitlines()) < 40


def test_a_known_mistake_has_a_hint() -> None:
    """Every mistake of the catalogue that belongs to the course is told so."""

    def plus_one(box: Any) -> Any:
        size = box[:, 2:] - box[:, :2] + 1
        return np.concatenate([box[:, :2] + size / 2, size], axis=1)

    assert "Hint: " in repr(grade("centre-and-size", plus_one, time=False))


def test_two_mistakes_at_once_have_the_hint_of_the_one_that_explains_most() -> None:
    """No known mistake answers all cases so; one explains at least half of what is wrong."""

    def change_order(box: Any) -> Any:
        return box.copy() if len(box) else np.zeros(3)

    found = grade("change-order", change_order, time=False)
    wrong = len(operator_named("change-order").cases())
    assert f"(That would explain {wrong - 1} of the {wrong} cases that are wrong.)" in " ".join(repr(found).split())


def test_a_mistake_that_would_be_wrong_where_the_function_is_right_is_not_named() -> None:
    """Who changes nothing changes nothing anywhere, not on boxes left of the picture alone."""
    found = grade("change-order", lambda box: box.copy() if (box < 0).any() else change_order(box), time=False)
    assert found.status == "wrong"
    assert found.hint == ""


def test_the_case_that_is_shown_is_one_that_the_hint_explains() -> None:
    """Of two mistakes the first case may be the other one's."""
    exact = operator_named("assign-anchors").reference
    tie = next(one for one in operator_named("assign-anchors").mistakes if one.name == "one best anchor")

    def assign_anchors(low_quality: bool = True, **given: Any) -> Any:
        return (tie.function if low_quality else exact)(**given)

    found = grade("assign-anchors", assign_anchors, time=False)
    assert found.hint.startswith(tie.hint)
    assert "that are wrong.)" in found.hint
    assert found.settings.get("low_quality", True)
    assert len(found.inputs["anchor"]) > 1


def test_each_array_of_an_answer_has_its_name() -> None:
    """Of two columns a person sees which is which."""

    def assign_anchors(**given: Any) -> Any:
        label, match = operator_named("assign-anchors").reference(**given)
        return label, match - 1

    text = repr(grade("assign-anchors", assign_anchors, time=False))
    assert "expected label  [1]\n  expected match  [0]\n  yours label     [1]\n  yours match     [-1]" in text


def test_what_it_printed_is_what_it_printed_of_the_case_that_is_shown() -> None:
    """Hundreds of questions are asked until it is found."""

    def loud(box: Any) -> Any:
        print(box.tolist())  # noqa: T201  that is what it is about
        return box[:, [1, 0, 3, 2]] if len(box) < 2 else box + 0

    found = grade("change-order", loud, time=False)
    assert found.printed == f"{found.inputs['box']}\n"


def test_what_raises_is_shown_though_the_hint_is_about_other_cases() -> None:
    """The line at which it raises helps more; the hint says that it is about something else."""

    def change_order(box: Any) -> Any:
        return box[:, [1, 0, 3, 4]] if len(box) == 1 else box.copy() if len(box) else np.zeros(3)

    found = grade("change-order", change_order, time=False)
    assert found.problem.startswith("It raises IndexError")
    assert found.hint.startswith("Nothing has changed")
    assert "That is about other cases" in found.hint


def test_dividing_by_the_stride_alone_is_told_of_axes_of_one_cell() -> None:
    """The rule as it reads, region / stride from end to end, is wrong on such maps and nowhere else."""

    def crop_max_pool(feature: Any, region: Any, image: Any, stride_px: float, crop_size: Any = (14, 14)) -> Any:
        high, wide = crop_size
        pooled = np.zeros((len(region), high // 2, wide // 2, feature.shape[3]), np.float32)
        for number, (x1, y1, x2, y2) in enumerate(region / stride_px):
            crop = [
                [_between(feature[image[number]], y, x) for x in np.linspace(x1, x2, wide)]
                for y in np.linspace(y1, y2, high)
            ]
            pairs = np.array(crop)[: high // 2 * 2, : wide // 2 * 2].reshape(high // 2, 2, wide // 2, 2, -1)
            pooled[number] = pairs.max(axis=(1, 3))
        return pooled

    found = grade("roi-pooling", crop_max_pool, time=False)
    assert "a map of one" in found.case
    assert found.hint.startswith("Divided by the stride alone")


def _between(feature: Any, y: float, x: float) -> Any:
    """Return the value at a point between cells, 0 outside."""
    height, width, channels = feature.shape
    if not (0 <= y <= height - 1 and 0 <= x <= width - 1):
        return np.zeros(channels)
    top, left = int(y), int(x)
    rows = feature[[top, min(top + 1, height - 1)]] * np.array([1 - y + top, y - top])[:, None, None]
    return rows.sum(axis=0)[[left, min(left + 1, width - 1)]].T @ [1 - x + left, x - left]


@pytest.mark.parametrize("name", names())
def test_the_first_lines_say_all_by_themselves(name: str) -> None:
    """Every parameter is described, none by pointing at another function, and no markup of a reference is shown."""
    text = stub(piece_named(name))
    assert ":`" not in text
    for function in ast.parse(text).body[1:]:
        assert isinstance(function, ast.FunctionDef)
        described = ast.get_docstring(function) or ""
        assert "As in " not in described
        assert "Parameters are those" not in described
        if len(function.args.args) > 1:
            listed = described.partition("Parameters\n---")[2].partition("Returns\n---")[0]
            for one in function.args.args:
                assert re.search(rf"^([\w, ]+, )?{one.arg}\b(, [\w, ]+)?$", listed, re.MULTILINE), one.arg


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.name)
def test_what_people_get_wrong_is_told_on_a_screen(piece: Piece) -> None:
    """Every known mistake in every function of the course: numbers and hint, in 79 columns and some thirty lines."""
    for name in (*piece.operators, *piece.optional):
        operator = operator_named(name)
        for mistake in operator.mistakes:
            lines = repr(grade(name, mistake.function, time=False)).splitlines()
            assert " is wrong on the case " in lines[0]
            assert "Hint: " in "".join(lines[-4:])
            assert max(map(len, lines)) <= 79, mistake.name
            assert len(lines) <= 48, mistake.name


def test_the_name_says_the_part() -> None:
    """Where a piece has several functions, the name decides, without its step."""

    def corners_numpy(centre_size: Any) -> Any:
        return centre_size[:, [0, 1, 0, 1]] + centre_size[:, [2, 3, 2, 3]] * [-0.5, -0.5, 0.5, 0.5]

    found = grade("centre-and-size", corners_numpy)
    assert (found.operator, found.step, found.right) == ("corners", "numpy", True)
    with pytest.raises(UsageError, match=r'say grade\("reference-boxes" or "anchor-grid", …\)'):
        grade("anchors", change_order)


def test_steps_are_timed_beside_each_other() -> None:
    """What is not written yet is taken from the solution; what is wrong is said."""

    def change_order_loops(box: Any) -> None:
        """Do nothing."""

    def change_order_numpy(box: Any) -> Any:
        return change_order(box)

    def change_order_tensorflow(box: Any) -> Any:
        return box + 0

    solution = ModuleType("solution")
    solution.change_order_loops = lambda box: [change_order(row[None])[0] for row in box] or np.zeros((0, 4))  # type: ignore[attr-defined]
    found = steps("change-order", [change_order_loops, change_order_numpy, change_order_tensorflow], solution)
    assert not found.right
    assert found.times is not None
    assert [row.name for row in found.times.rows][:2] == ["loops, the solution", "NumPy, yours"]
    assert repr(found).startswith("change_order_tensorflow is wrong")
    with pytest.raises(UsageError, match="does not say its step"):
        steps("change-order", [change_order])


def test_every_name_is_a_piece() -> None:
    """Numbers, names, other names and operators; with blanks and underscores too."""
    assert all(piece_named(name) for name in names())
    assert piece_named("Apply NMS") == piece_named("apply_nms") == piece_named("9")
    assert piece_named("anchors").operators == ("reference-boxes", "anchor-grid")
    assert piece_named("nms").operators == ("nms",)
    with pytest.raises(UsageError, match="piece 16, together, has nothing to write"):
        piece_named("16")
    for wrong in ("0", "17", "²", "", "nms2"):
        with pytest.raises(UsageError, match="there is no piece"):
            piece_named(wrong)


def test_a_function_without_steps_counts_for_each_step(tmp_path: Path) -> None:
    """Of two functions of a piece, one may be written in steps and the other not."""
    file = tmp_path / "my.py"
    file.write_text("def reference_boxes(): pass\ndef anchor_grid(): pass\ndef anchor_grid_numpy(): pass\n")
    found, missing = find(read_source(file), piece_named("anchors"), "numpy")
    assert [(one.name, one.step) for one in found] == [("reference_boxes", ""), ("anchor_grid_numpy", "numpy")]
    assert missing == []
    found, missing = find(read_source(file), piece_named("anchors"), "loops")
    assert [one.name for one in found] == ["reference_boxes", "anchor_grid"]


def test_a_script_of_cells_is_read_as_a_notebook(tmp_path: Path) -> None:
    """Only what it defines is taken, on its own lines."""
    file = tmp_path / "cells.py"
    file.write_text(
        '# %%\nimport os\nprint("no")\n# %%\n@os.path.join\ndef encode(): pass\nLIMIT = 3\nx = f()\nx[0] = 1\n'
    )
    source = read_source(file)
    assert source.names == ("encode", "LIMIT")
    assert source.text.splitlines() == [
        "",
        "import os",
        "",
        "",
        "@os.path.join",
        "def encode(): pass",
        "LIMIT = 3",
        "",
        "",
    ]
    found, missing = find(source, piece_named("encode"))
    assert [one.name for one in found] == ["encode"]
    assert missing == []
