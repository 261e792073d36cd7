"""The documentation says what the code is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from detbench.data.predictions import FORMS
from detbench.data.records import manifest, receipt
from detbench.data.records.convert import convert
from detbench.detectors.checkpoints.contents import FILES
from detbench.detectors.checkpoints.record import BestScore, FileFacts, RunDataset, RunRecord
from detbench.evaluation import document, explain
from detbench.evaluation.parts import (
    bands,
    calibration,
    count_groups,
    counting,
    errors,
    operating_point,
    proposals,
    timing,
    worst,
)
from detbench.evaluation.protocols import PROTOCOLS, Area, Protocol
from detbench.timing import document as profile
from detbench.timing import prediction_times
from detbench.timing.comparison import ProfileComparison

if TYPE_CHECKING:
    import msgspec

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *DOCS.rglob("*.md")])


def _first_cells(page: str, section: str = "") -> set[str]:
    """Return the names in code in the first column of the tables under a heading (all of them without one)."""
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    if section:
        text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = (line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `"))
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize(
    ("section", "struct"),
    [
        ("The whole", document.Document),
        ("`dataset`", document.DatasetFacts),
        ("`predictions`", document.PredictionFacts),
        ("`per_category`", document.CategoryResult),
        ("`curves`", document.Curves),
        ("`remarks`", document.Remark),
        ("`operating_point`", operating_point.OperatingPoint),
        ("`errors`", errors.Errors),
        ("`errors.tide`", errors.Tide),
        ("`errors.confusion`", errors.Confusion),
        ("`errors.calibration`", calibration.Calibration),
        ("`errors.worst`", worst.Worst),
        ("A band", bands.Band),
        ("`proposals`", proposals.Proposals),
        ("`proposals.all`", proposals.ProposalCurves),
        ("`counting`", counting.Counting),
        ("`counting.threshold`", counting.CountThreshold),
        ("`counting.totals`", counting.CountTotals),
        ("`counting.hindsight`", counting.CountPoint),
        ("`counting.curve`", counting.CountCurve),
        ("`counting.by_category`", count_groups.CountGroup),
        ("`counting.per_image`", counting.CountsOfImages),
        ("`timing`", timing.Timing),
        ("`timing.stages`", timing.Latency),
    ],
)
def test_every_field_of_a_result_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """Each section of the result's page names exactly the fields of its part."""
    assert _first_cells("result.md", section) == set(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("section", "structs"),
    [
        ("`operating_point`", [operating_point.ScoreCurve, operating_point.CategoryPoint, operating_point.BestPoint]),
        ("`errors.tide`", [errors.Kinds]),
        ("`errors.confusion`", [errors.Cell]),
        ("`errors.calibration`", [calibration.Bin]),
        ("`errors.worst`", [worst.WorstImage, worst.Mistake, worst.Missed, worst.Object]),
    ],
)
def test_every_field_inside_a_part_is_documented(section: str, structs: list[type[msgspec.Struct]]) -> None:
    """The fields of what a part's lists hold stand in its section."""
    text = (DOCS / "reference" / "result.md").read_text(encoding="utf-8")
    text = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert not [name for struct in structs for name in struct.__struct_fields__ if f"`{name}`" not in text]


def test_every_setting_of_a_protocol_is_documented() -> None:
    """The protocol's section names every setting, and the sizes' fields stand beside ``areas``."""
    assert _first_cells("result.md", "`protocol`") == {*Protocol._fields, "fingerprint"}
    text = (DOCS / "reference" / "result.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in Area._fields)


@pytest.mark.parametrize(("section", "struct"), [("The manifest", manifest.Manifest), ("The receipt", receipt.Receipt)])
def test_every_field_of_a_conversion_s_papers_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """The manifest and the receipt have the fields that the records' page gives them."""
    assert _first_cells("records.md", section) == set(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("section", "struct"),
    [
        ("The whole", profile.Profile),
        ("`machine`", profile.Machine),
        ("`cases`", profile.TimedCase),
        ("`measurements`", profile.Measurement),
        ("`counterexample`", profile.Counterexample),
        ("The comparison", ProfileComparison),
    ],
)
def test_every_field_of_a_profile_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """Each section of the profile's page names exactly the fields of its part."""
    assert _first_cells("profile.md", section) == set(struct.__struct_fields__)


@pytest.mark.parametrize(
    ("section", "struct"),
    [
        ("The whole", prediction_times.PredictionTimes),
        ("`fps`", prediction_times.FramesPerSecond),
        ("A stage", prediction_times.StageTimes),
    ],
)
def test_every_field_of_a_timing_is_documented(section: str, struct: type[msgspec.Struct]) -> None:
    """Each section of the timing's page names exactly the fields of its part; the stages are all explained."""
    assert _first_cells("timing.md", section) == set(struct.__struct_fields__)
    assert _first_cells("timing.md", "What is inside the frames per second") == set(prediction_times.STAGES)


def test_every_field_of_a_run_is_documented() -> None:
    """The run folder's page has the record's fields, the folder's files, and what an archive may hold."""
    assert _first_cells("run-folder.md", "`run.json`") == set(RunRecord.__struct_fields__)
    text = (DOCS / "reference" / "run-folder.md").read_text(encoding="utf-8")
    inner = [*RunDataset.__struct_fields__, *BestScore.__struct_fields__, *FileFacts.__struct_fields__, *FILES]
    assert not [name for name in inner if f"`{name}`" not in text]


def test_every_feature_of_a_record_is_documented(tmp_path: Path) -> None:
    """A record that is written has exactly the features of the page's tables."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    convert(tmp_path / "truth.json", tmp_path / "records")
    (shard,) = (tmp_path / "records").glob("*.tfrecord")
    written = {name.decode() for name in re.findall(rb"image/[a-z0-9_/]+", shard.read_bytes())}
    assert written == {name for name in _first_cells("records.md") if name.startswith("image/")}


def test_every_form_and_protocol_is_documented() -> None:
    """What --predictions-format and --protocol take stands in the pages about them."""
    assert set(FORMS) <= _first_cells("predictions.md")
    page = (DOCS / "how-to" / "evaluate-predictions.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in PROTOCOLS)


@pytest.mark.parametrize("page", _PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """A relative link in a page is a file of the project."""
    path = ROOT / page
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    generated = {DOCS / "reference" / "cli.md"}
    for link in links:
        target = (path.parent / link).resolve()
        assert "://" in link or target in generated or target.exists(), link


def test_the_reference_of_the_command_line_has_every_command(tmp_path: Path) -> None:
    """The script that the docs session runs writes a section, a table and an example for each command."""
    from detbench.cli.app import app

    script = (DOCS / "make_cli_reference.py").read_text(encoding="utf-8")
    (tmp_path / "reference").mkdir()
    (tmp_path / "make_cli_reference.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, tmp_path / "make_cli_reference.py"], check=True, capture_output=True)
    text = (tmp_path / "reference" / "cli.md").read_text(encoding="utf-8")
    pattern = r"^## detbench ([\w -]+)\n(.*?)(?=^## |\Z)"
    sections: dict[str, Any] = dict(re.findall(pattern, text, re.DOTALL | re.MULTILINE))
    inner = {f"checkpoint {name}" for name in ("list", "info", "export", "import")}
    inner |= {"submit check"}
    assert set(sections) == {command.name for command in app.registered_commands} | inner
    for name, section in sections.items():
        assert re.search(rf"```console\ndetbench {name}\b", section)
        assert "| name | meaning | default |" in section


def test_every_protocol_s_settings_are_documented_as_they_are() -> None:
    """The protocols' page explains every setting, and its table gives each built-in protocol's values."""
    assert _first_cells("protocols.md", "The settings") == {*Protocol._fields, "base"}
    text = (DOCS / "reference" / "protocols.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    table = {cells[0].strip("`"): cells[1:] for cells in rows if len(cells) == len(PROTOCOLS) + 1}
    names = [name.strip("`") for name in table.pop("setting")]
    assert set(names) == set(PROTOCOLS)
    assert set(table) == {*Protocol._fields} - {"name", "title"}
    thresholds = "0.5 to 0.95 by 0.05"
    for setting, cells in table.items():
        written = [thresholds if cell == "the same" else cell.strip("`") for cell in cells]
        assert written == [_cell(getattr(PROTOCOLS[name], setting), thresholds) for name in names], setting


def _cell(value: object, thresholds: str) -> str:
    """Return a setting as the page writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == (None,):
        return "none" if value is None else "no limit"
    if isinstance(value, tuple) and value and isinstance(value[0], float) and len(value) > 1:
        assert value == PROTOCOLS["coco"].iou_thresholds
        return thresholds
    if isinstance(value, tuple):
        words = [(item.suffix or item.name) if isinstance(item, Area) else str(item) for item in value]
        return ", ".join(words) or "–"
    return str(value)


def test_every_field_of_an_explanation_is_documented() -> None:
    """The page names each field of what ``--explain --json`` prints."""
    text = (DOCS / "reference" / "protocols.md").read_text(encoding="utf-8").partition("## Why two numbers")[2]
    parts = (explain.Explanation, explain.ScoredProtocol, explain.PathOfSteps, explain.Step)
    assert {name for part in parts for name in part.__struct_fields__} - set(re.findall(r"`(\w+)`", text)) == set()
