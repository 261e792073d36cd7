"""A protocol of one's own: TOML there and back, its names, and what is said of a file that is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detbench import evaluate
from detbench.evaluation.protocol_files import protocol_toml, read_protocol
from detbench.evaluation.protocols import PROTOCOLS, Area, Protocol, protocol_named

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]
    Pair = Callable[..., tuple[Path, Path]]

BOX = [10.0, 10.0, 50.0, 50.0]
_EVERYTHING = Area("all", "", 0.0, 1e10)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_is_printed_reads_back(detbench: Run, tmp_path: Path, name: str) -> None:
    """``detbench protocols NAME`` is a file that ``detbench protocols`` reads to the same fingerprint and settings."""
    printed = detbench("protocols", name)
    assert printed.returncode == 0
    (tmp_path / "mine.toml").write_text(printed.stdout, encoding="utf-8")
    assert read_protocol(tmp_path / "mine.toml")._replace(name=name, title=PROTOCOLS[name].title) == PROTOCOLS[name]
    assert protocol_named(str(tmp_path / "mine.toml")).fingerprint() == PROTOCOLS[name].fingerprint()


_words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_protocols = st.builds(
    Protocol,
    name=_words.filter(lambda name: name.lower() not in PROTOCOLS),
    title=_words,
    matching=st.sampled_from(["coco", "voc"]),
    iou_thresholds=st.lists(st.floats(0.001, 1.0), min_size=1, max_size=16, unique_by=lambda t: round(100 * t, 2)).map(
        lambda values: tuple(sorted(values))
    ),
    areas=st.sampled_from([(_EVERYTHING,), (_EVERYTHING, Area("tiny", "t", 0.0, 99.5), Area("ü", "Q1", 5.0, 1e9))]),
    max_dets=st.sampled_from([(None,), (1, 10, 300), (5, None)]),
    interpolation=st.sampled_from(["101-point", "11-point", "all-point"]),
    iou_above=st.booleans(),
    inclusive_boxes=st.booleans(),
    ignore_difficult=st.booleans(),
    ignore_marked=st.booleans(),
    id_zero_is_unmatched=st.booleans(),
    max_dets_per=st.sampled_from(["category", "image"]),
    ignore_crowd=st.booleans(),
    marked_is_crowd=st.booleans(),
    ignored_region_share=st.sampled_from([None, 0.5, 1.0]),
    ignored_region_pixels=st.sampled_from(["exact", "whole"]),
    left_out_categories=st.lists(st.text(max_size=9), max_size=3).map(tuple),
    mean_by_images=st.booleans(),
)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_built_in_protocol_is_printed_edited_and_read(tmp_path: Path, name: str) -> None:
    """As the help says: print one into a file, change a setting; it is called as the file is."""
    (tmp_path / "mine.toml").write_text(protocol_toml(PROTOCOLS[name]), encoding="utf-8")
    same = read_protocol(tmp_path / "mine.toml")
    assert same.fingerprint() == PROTOCOLS[name].fingerprint()
    text = protocol_toml(PROTOCOLS[name]).replace("inclusive_boxes = false", "inclusive_boxes = true")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    mine = read_protocol(tmp_path / "mine.toml")
    assert (mine.name, mine.title, mine.inclusive_boxes) == ("mine", "mine", True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(protocol=_protocols)
def test_every_protocol_survives_its_file(tmp_path: Path, protocol: Protocol) -> None:
    """Any settings, quotes and control characters in names included, come back to the last bit."""
    (tmp_path / "p.toml").write_text(protocol_toml(protocol), encoding="utf-8", newline="")
    again = read_protocol(tmp_path / "p.toml")
    assert again == protocol
    assert again.fingerprint() == protocol.fingerprint()


def test_changes_to_a_built_in_protocol(tmp_path: Path) -> None:
    """``base`` gives what the file does not say; the name is the file's; a fingerprint tells the two apart."""
    path = tmp_path / "many.toml"
    path.write_text('base = "coco"\nmax_dets = [1, 10, 300]\nignore_difficult = true\n')
    protocol = read_protocol(path)
    expected = PROTOCOLS["coco"]._replace(name="many", title="many", max_dets=(1, 10, 300), ignore_difficult=True)
    assert protocol == expected
    assert protocol.fingerprint() != PROTOCOLS["coco"].fingerprint()
    path.write_text('base = "visdrone"\nignored_region_share = "none"\nmax_dets = [500, "none"]\n')
    assert read_protocol(path).ignored_region_share is None
    assert read_protocol(path).max_dets == (500, None)


def test_steps_are_coco_s_thresholds_to_the_last_bit(tmp_path: Path) -> None:
    """0.5 to 0.95 by 0.05 is COCO's list, and any steps are NumPy's linspace."""
    path = tmp_path / "p.toml"
    for start, stop, step in ((0.5, 0.95, 0.05), (0.1, 0.9, 0.1), (0.25, 0.75, 0.02), (0.3, 0.3, 0.1)):
        path.write_text(f'base = "voc2012"\niou_thresholds = {{ start = {start}, stop = {stop}, step = {step} }}\n')
        count = round((stop - start) / step) + 1
        assert read_protocol(path).iou_thresholds == tuple(np.linspace(start, stop, count).tolist())
    path.write_text('base = "coco"\niou_thresholds = { start = 0.5, stop = 0.95, step = 0.05 }\n')
    assert read_protocol(path).fingerprint() == PROTOCOLS["coco"].fingerprint()


def _range(name: str, suffix: str, low_px: float, high_px: float) -> str:
    """Return a range of areas as TOML."""
    return f'{{ name = "{name}", suffix = "{suffix}", low_px = {low_px}, high_px = {high_px} }}'


_ALL = _range("all", "", 0, 1e10)
NAMES = {
    "one low threshold": (
        'base = "coco"\niou_thresholds = [0.3]\nmax_dets = [300]',
        "AP AP30 APs APm APl AR300 ARs ARm ARl",
    ),
    "odd thresholds, no limit": (
        f'base = "coco"\niou_thresholds = [0.05, 0.333, 1.0]\nmax_dets = ["none"]\nareas = [{_ALL}]',
        "AP AP05 AP33.3 AP100 AR",
    ),
    "many thresholds": (
        'base = "coco"\niou_thresholds = { start = 0.3, stop = 0.9, step = 0.05 }\nmax_dets = [5]',
        "AP AP30 AP50 AP75 APs APm APl AR5 ARs ARm ARl",
    ),
    "VOC with sizes": (
        f'base = "voc2012"\niou_thresholds = [0.3, 0.5]\nareas = [{_ALL}, {_range("tiny", "_tiny", 0, 64)}]',
        "mAP mAP30 mAP50 mAP_tiny recall recall_tiny",
    ),
    "VOC by images": ('base = "voc2012"\nmean_by_images = true', "mAP recall mAP_by_images recall_by_images"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_metrics_are_named_after_thresholds_and_limits(coco_pair: Pair, tmp_path: Path, kind: str) -> None:
    """Odd thresholds and maxDets give names that say them; every number of a perfect prediction is 1."""
    text, names = NAMES[kind]
    (tmp_path / "mine.toml").write_text(text)
    files = coco_pair([(1, 1, [0, 0, 8, 8])], [(1, 1, [0, 0, 8, 8], 0.5)])
    result = evaluate(*files, protocol=tmp_path / "mine.toml")
    assert " ".join(result.metrics) == names
    defined = [value for value in result.metrics.values() if value is not None]
    assert defined == pytest.approx([1.0] * len(defined))
    assert set(result.reasons) == {name for name, value in result.metrics.items() if value is None}


@pytest.mark.parametrize(("setting", "recall"), [("ignore_crowd = true", 1.0), ("ignore_crowd = false", 0.5)])
def test_a_crowd_may_have_to_be_found(coco_pair: Pair, tmp_path: Path, setting: str, recall: float) -> None:
    """A crowd that must be found is an object: missed by small boxes inside it, which are then wrong."""
    truth = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [200, 200, 99, 99], "area": 9801, "iscrowd": 1},
    ]
    found = [(1, 1, [210, 210, 9, 9], 0.95), (1, 1, BOX, 0.9)]
    (tmp_path / "mine.toml").write_text(f'base = "coco"\n{setting}\n')
    result = evaluate(*coco_pair(truth, found), protocol=str(tmp_path / "mine.toml"), intervals=False)
    assert result.metrics["AR100"] == pytest.approx(recall)
    assert result.metrics["AP50"] == pytest.approx(1.0 if recall == 1 else (51 / 101) * 0.5)


BROKEN = {
    "no TOML": ("base = coco", "is not TOML"),
    "nested too deeply": (f"areas = {'[' * 5000}", "is not TOML"),
    "unknown key": ('base = "coco"\niou_threshold = [0.5]', "unknown key 'iou_threshold'"),
    "no base and a key missing": ('matching = "coco"', "has no 'iou_thresholds'"),
    "unknown base": ('base = "coca"', "base: there is no protocol 'coca'"),
    "base of another kind": ("base = 7", "base: should be a string, not a whole number"),
    "matching": ('base = "coco"\nmatching = "best"', "matching: is 'best'; it may be coco, voc"),
    "a flag of another kind": (
        'base = "coco"\niou_above = 1',
        "iou_above: should be true or false, not a whole number",
    ),
    "thresholds of another kind": (
        'base = "coco"\niou_thresholds = 0.5',
        "iou_thresholds: should be a list, not a num",
    ),
    "a threshold of another kind": (
        'base = "coco"\niou_thresholds = [true]',
        "iou_thresholds: should be a number, not",
    ),
    "no thresholds": ('base = "coco"\niou_thresholds = []', "iou_thresholds: is empty"),
    "thresholds descend": ('base = "coco"\niou_thresholds = [0.5, 0.4]', "iou_thresholds: should ascend, and 0.4"),
    "a threshold twice": ('base = "coco"\niou_thresholds = [0.5, 0.5]', "iou_thresholds: should ascend"),
    "a threshold of 0": ('base = "coco"\niou_thresholds = [0.0, 0.5]', "iou_thresholds: has 0; a threshold is above 0"),
    "a threshold above 1": ('base = "coco"\niou_thresholds = [0.5, 50]', "iou_thresholds: has 50"),
    "no number": ('base = "coco"\niou_thresholds = [nan]', "iou_thresholds: is nan; give a finite number"),
    "steps that miss": (
        'base = "coco"\niou_thresholds = { start = 0.5, stop = 0.95, step = 0.1 }',
        "does not reach 0.95 from 0.5 by steps of 0.1",
    ),
    "steps without a stop": ('base = "coco"\niou_thresholds = { start = 0.5, step = 0.1 }', "has no 'stop'"),
    "steps down": ('base = "coco"\niou_thresholds = { start = 0.5, stop = 0.4, step = 0.1 }', "goes from 0.5 to 0.4"),
    "steps without end": ('base = "coco"\niou_thresholds = { start = 0.1, stop = 1, step = 1e-9 }', "64 is the most"),
    "too many bits": (
        'base = "coco"\niou_thresholds = { start = 0.1, stop = 0.9, step = 0.05 }',
        "iou_thresholds and areas: 17 thresholds times 4 ranges make 68; 64 is the most",
    ),
    "limits of another kind": ('base = "coco"\nmax_dets = [1.5]', "max_dets: should be whole numbers"),
    "limits descend": ('base = "coco"\nmax_dets = [100, 10]', "max_dets: should ascend, and 10 stands after 100"),
    "a limit of 0": ('base = "coco"\nmax_dets = [0]', "max_dets: has 0; give numbers from 1"),
    "no limit first": ('base = "coco"\nmax_dets = ["none", 5]', 'max_dets: has "none" before its end'),
    "no limits": ('base = "coco"\nmax_dets = []', "max_dets: has 0 numbers"),
    "no areas": ('base = "coco"\nareas = []', "areas: is empty"),
    "the first area is not everything": (
        'base = "coco"\nareas = [{ name = "all", suffix = "", low_px = 1, high_px = 1e10 }]',
        "areas 1: does not hold everything",
    ),
    "an area's key": (
        'base = "coco"\nareas = [{ name = "all", suffix = "", low = 1, high_px = 1 }]',
        "areas 1: has an unknown key 'low'",
    ),
    "an area without a name": ('base = "coco"\nareas = [{ suffix = "" }]', "areas 1: has no 'name'"),
    "an area upside down": (
        f'base = "coco"\nareas = [{_ALL}, {_range("a", "a", 9, 1)}]',
        "areas 2: goes from 9 to 1 square pixels",
    ),
    "a suffix twice": (
        f'base = "coco"\nareas = [{_ALL}, {_range("a", "a", 0, 1)}, {_range("b", "a", 1, 2)}]',
        "areas 3: has the suffix 'a' of another range",
    ),
    "a suffix that is no word": (
        f'base = "coco"\nareas = [{_ALL}, {_range("a", "/a", 0, 1)}]',
        "areas 2: has the suffix '/a'",
    ),
    "a suffix that is a threshold's": (
        f'base = "coco"\nareas = [{_ALL}, {_range("a", "50", 0, 1)}]',
        "areas: two metrics would be called AP50",
    ),
    "a share": ('base = "coco"\nignored_region_share = 1.5', "ignored_region_share: is 1.5"),
    "categories of another kind": ('base = "coco"\nleft_out_categories = "others"', "left_out_categories: should be a"),
    "a name of two lines": ('base = "coco"\nname = "a\\nb"', "name: is 'a b'; give one line"),
    "a built-in protocol's name": ('base = "coco"\nname = "voc2012"', "name: is 'voc2012', and the settings are not"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Each kind of slip gives exit status 2 and one line with the file and the key, through the command line."""
    from detbench.cli.app import main

    text, said = BROKEN[kind]
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setattr(sys, "argv", ["detbench", "protocols", str(tmp_path / "mine.toml")])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith(f"error: {tmp_path / 'mine.toml'}")
    assert printed.err.count("\n") == 1
    assert said in printed.err


def test_eval_refuses_a_broken_file_before_it_reads_anything(detbench: Run, tmp_path: Path) -> None:
    """A real process: the protocol's error comes first, whatever the other files are."""
    (tmp_path / "mine.toml").write_text('base = "coco"\nmax_det = [100]\n')
    for protocol, said in (("mine.toml", "unknown key 'max_det'"), ("absent.toml", "cannot be read")):
        done = detbench("eval", "no.json", "no.json", "--protocol", tmp_path / protocol)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert protocol in done.stderr
        assert done.stderr.count("\n") == 1


def test_protocols_are_listed(detbench: Run) -> None:
    """Without a name a table of all; an unknown name lists them."""
    table = detbench("protocols", env_columns=80)
    assert table.returncode == 0
    assert all(name in table.stdout for name in PROTOCOLS)
    assert max(map(len, table.stdout.splitlines())) <= 80
    unknown = detbench("protocols", "cocoa")
    assert unknown.returncode == 2
    assert "visdrone" in unknown.stderr


def test_protocols_are_light() -> None:
    """The module stands on the path where every import counts."""
    import subprocess

    code = "import sys; import detbench.evaluation.protocols; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "msgspec", "dataclasses", "pathlib", "tomllib"} & set(loaded)
