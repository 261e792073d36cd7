"""Errors by kind are tidecv's, on real detectors' predictions; ``record_tidecv.py`` recorded its numbers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detbench import read_dataset, read_predictions
from detbench.evaluation.matching import match
from detbench.evaluation.metrics import curves
from detbench.evaluation.metrics.tide import FALSE_POSITIVES, FIXES, KINDS, Analysis, analyse, improvement
from detbench.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
TIDECV = json.loads((HERE / "tidecv.json").read_text())

#: tidecv's names.
SHORT = {
    "classification": "Cls",
    "localisation": "Loc",
    "both": "Both",
    "duplicate": "Dupe",
    "background": "Bkg",
    "missed": "Miss",
    "false_positives": "FalsePos",
    "false_negatives": "FalseNeg",
}


def recorder() -> ModuleType:
    """Return the script that recorded tidecv's numbers: what it did to the files is done again here."""
    spec = importlib.util.spec_from_file_location("record_tidecv", HERE / "record_tidecv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def analysed(shared: Path, folder: Path, name: str, form: str) -> Analysis:
    """Return the errors of a pair of files in the form that was recorded."""
    script = recorder()
    truth, predictions = (json.loads((shared / path).read_text()) for path in script.PAIRS[name])
    if form == "plain":
        script.plain(truth, predictions)
    (folder / "gt.json").write_text(json.dumps(truth))
    (folder / "dt.json").write_text(json.dumps(predictions))
    dataset = read_dataset(folder / "gt.json")
    loaded = read_predictions(folder / "dt.json", dataset)
    return analyse(match(dataset, loaded.predictions, PROTOCOLS["coco"]))


def counts(analysis: Analysis) -> dict[str, int]:
    """Return how many errors there are of each kind, by tidecv's names."""
    found = [int((analysis.kind == number).sum()) for number in range(len(FALSE_POSITIVES))]
    return {SHORT[kind]: count for kind, count in zip(KINDS, [*found, int(analysis.missed().sum())], strict=True)}


@pytest.mark.parametrize("name", TIDECV)
def test_kinds_and_average_precisions_are_tidecv_s(
    shared: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without crowds and ties, all counts and each category's AP before and after each of the eight fixes are equal.

    At tidecv's recall levels, j / 100: j · 0.01 moves one or two categories. tidecv says 0 where nothing is left.
    """
    recorded = TIDECV[name]["plain"]
    monkeypatch.setitem(curves.LEVELS, "101-point", np.arange(101) / 100)
    analysis = analysed(shared, tmp_path, name, "plain")
    assert counts(analysis) == recorded["count"]
    gain = improvement(analysis, None)
    known = ~np.isnan(gain.average_precision)
    before = gain.average_precision[known]
    assert known.sum() == len(recorded["category_AP"]["none"])
    assert 100 * before == pytest.approx(recorded["category_AP"]["none"], abs=1e-9)
    for number, fix in enumerate(FIXES):
        after = before + gain.delta[known, number]
        assert 100 * after == pytest.approx(recorded["category_AP"][SHORT[fix]], abs=1e-9), fix


@pytest.mark.parametrize(("name", "form"), [("centernet", "plain"), ("centernet", "given"), ("yolox_nano", "given")])
def test_gains_are_tidecv_s(shared: Path, tmp_path: Path, name: str, form: str) -> None:
    """Where every category has ground truth and predictions, ΔAP is tidecv's.

    To 2e-4 points without crowds and ties, but for false negatives, which COCO's levels move by 0.011. As the files
    are, tidecv also fixes predictions on crowds, which it does not count, and puts the wrong first among equals.
    """
    recorded, within = TIDECV[name][form], {"plain": 2e-4, "given": 0.3}[form]
    gain = improvement(analysed(shared, tmp_path, name, form), None)
    assert 100 * gain.mean_before() == pytest.approx(recorded["AP"], abs=1e-4)
    for fix, value in zip(FIXES, gain.mean(), strict=True):
        if (name, fix) != ("yolox_nano", "false_negatives"):  # a category without predictions leaves tidecv's mean
            allowed = 0.02 if fix == "false_negatives" else within
            assert 100 * value == pytest.approx(recorded["dAP"][SHORT[fix]], abs=allowed), fix


def test_predictions_on_crowds_are_no_errors(shared: Path, tmp_path: Path) -> None:
    """As the files are, tidecv's counts are larger by exactly the predictions that it does not count."""
    for name in TIDECV:
        folder = tmp_path / name
        folder.mkdir()
        analysis, recorded = analysed(shared, folder, name, "given"), TIDECV[name]["given"]["count"]
        mine: dict[str, Any] = counts(analysis)
        extra = {kind: recorded[kind] - mine[kind] for kind in ("Cls", "Loc", "Both", "Dupe", "Bkg")}
        assert min(extra.values()) >= 0
        assert sum(extra.values()) == int((~analysis.counts).sum()), name
