"""Record what tidecv says of the shared data; its numbers lie beside this file as ``tidecv.json``.

tidecv is no dependency of the project. In an environment of its own::

    python -m venv venv && venv/bin/pip install tidecv==1.0.1
    venv/bin/python tests/parity/record_tidecv.py ../shared/data > tests/parity/tidecv.json

Each pair of files is recorded twice. ``given`` is the pair as it is. ``plain`` is without crowds, and each score is
replaced by its rank: tidecv orders equal scores otherwise when it fixes errors than when it does not, and it calls
predictions errors that it does not count.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAIRS = {
    "yolox_nano": ("coco_tiny/annotations/instances_val2017.json", "predictions/yolox_nano__coco_tiny_val.json"),
    "centernet": ("coco_tiny/annotations/instances_val2017.json", "predictions/centernet_mbv3__coco_tiny_val.json"),
    "coco_api_demo": (
        "coco_val2014_100/instances_val2014_100.json",
        "coco_val2014_100/instances_val2014_fakebbox100_results.json",
    ),
}


def plain(truth: dict[str, Any], predictions: list[dict[str, Any]]) -> None:
    """Leave the crowds out, and give every prediction a score of its own: equal ones by image id, then as given."""
    truth["annotations"] = [row for row in truth["annotations"] if not row["iscrowd"]]
    order = sorted(range(len(predictions)), key=lambda i: (-predictions[i]["score"], predictions[i]["image_id"], i))
    for rank, row in enumerate(order):
        predictions[row]["score"] = 1 - (rank + 1) / (len(order) + 1)


def numbers(truth: dict[str, Any], predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """Run tidecv; return AP, each kind's count and ΔAP, and APs before and after each fix by category id."""
    from tidecv import TIDE, Data

    gt, dt = Data("ground truth", max_dets=100), Data("predictions")
    for image in truth["images"]:
        gt.add_image(image["id"], image["file_name"])
    for row in truth["annotations"]:
        add = gt.add_ignore_region if row["iscrowd"] else gt.add_ground_truth
        add(row["image_id"], row["category_id"], row["bbox"], None)
    for row in predictions:
        dt.add_detection(row["image_id"], row["category_id"], row["score"], row["bbox"], None)
    run = TIDE().evaluate(gt, dt, mode=TIDE.BOX)
    main, special = run.fix_main_errors(), run.fix_special_errors()
    false_positives, false_negatives = TIDE._special_error_types
    fixed = {
        "none": run.ap_data,
        **{kind.short_name: run.fix_errors(lambda error, kind=kind: isinstance(error, kind)) for kind in main},
        "FalsePos": run.fix_errors(transform=false_positives.fix),
        "FalseNeg": run.fix_errors(false_neg_dict=run.false_negatives),
    }
    with_truth = sorted({row["category_id"] for row in truth["annotations"] if not row["iscrowd"]})
    assert set(special) == {false_positives, false_negatives}
    return {
        "AP": run.ap,
        "count": {kind.short_name: count for kind, count in run.count_errors().items()},
        "dAP": {kind.short_name: value for kind, value in (main | special).items()},
        "category_AP": {name: [data.objs[k].get_ap() for k in with_truth] for name, data in fixed.items()},
    }


def main() -> None:
    """Print the numbers of every pair as JSON."""
    found: dict[str, Any] = {}
    for name, paths in PAIRS.items():
        for form in ("given", "plain"):
            truth, predictions = (json.loads((Path(sys.argv[1]) / path).read_text()) for path in paths)
            if form == "plain":
                plain(truth, predictions)
            found.setdefault(name, {})[form] = numbers(truth, predictions)
        del found[name]["given"]["category_AP"]  # equal scores decide it
    lines = (f'"{name}": {json.dumps(numbers)}' for name, numbers in found.items())
    sys.stdout.write("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
