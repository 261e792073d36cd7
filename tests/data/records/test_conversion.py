"""The conversion: what goes in comes out, or stands in the receipt."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import detbench
from detbench.data.findings import CATALOGUE, Severity
from detbench.data.records.framing import frames
from detbench.data.records.manifest import read_manifest
from detbench.data.records.tally import REASONS
from detbench.data.tables import Categories
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from detbench.data.records.receipt import Receipt
    from detbench.data.tables import Dataset


def _files(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def _back(folder: Path, split: str | None = None) -> Dataset:
    return detbench.read_dataset(folder, format_name="tfrecord", split=split)


def _balanced(receipt: Receipt) -> bool:
    """Return whether every image and box that came in went out or was dropped for a reason."""
    dropped = [change for change in receipt.changes.values() if change.action == "dropped"]
    facts = receipt.splits.values()
    images = sum(split.images_in - split.images_out for split in facts) == sum(change.images for change in dropped)
    out = sum(split.boxes_out + split.regions_out for split in facts)
    return images and sum(split.boxes_in for split in facts) - out == sum(change.boxes for change in dropped)


@pytest.mark.parametrize("options", [{}, {"shards": 5}, {"shuffle": 7}, {"check_pictures": False}])
def test_any_number_of_workers_gives_the_same_bytes(dataset: Dataset, tmp_path: Path, options: dict[str, int]) -> None:
    """One, two and three workers write byte-identical folders."""
    for workers in (1, 2, 3):
        detbench.convert(dataset, tmp_path / str(workers), workers=workers, **options)
    assert _files(tmp_path / "1") == _files(tmp_path / "2") == _files(tmp_path / "3")


def test_nothing_hidden_is_left(dataset: Dataset, tmp_path: Path) -> None:
    """A finished folder holds shards, label maps, manifest and receipt, and nothing else."""
    detbench.convert(dataset, tmp_path / "out", shards=2)
    assert sorted(_files(tmp_path / "out")) == [
        "all-00000-of-00002.tfrecord",
        "all-00001-of-00002.tfrecord",
        "label_map.json",
        "label_map.pbtxt",
        "manifest.json",
        "receipt.json",
    ]


def test_shards_have_about_equal_bytes(dataset: Dataset, tmp_path: Path) -> None:
    """No two shards differ by more than two pictures, whatever their number."""
    largest = max(dataset.pictures.size_bytes(row) for row in range(12))
    detbench.convert(dataset, tmp_path / "out", shards=4)
    lengths = [shard.length_bytes for shard in read_manifest(tmp_path / "out" / "manifest.json").shards()]
    assert len(lengths) == 4
    assert max(lengths) - min(lengths) <= 2 * (largest + 2000)


def test_shard_bytes_decide_their_number(dataset: Dataset, tmp_path: Path) -> None:
    """A size of shard gives as many as the pictures need, and never an empty one."""
    total = sum(dataset.pictures.size_bytes(row) for row in range(12))
    receipt = detbench.convert(dataset, tmp_path / "out", shard_bytes=total // 3 + 1)
    assert receipt.splits["all"].shards == 3
    assert detbench.convert(dataset, tmp_path / "many", shards=99).splits["all"].shards == 12


def test_the_manifest_tells_the_truth(dataset: Dataset, tmp_path: Path) -> None:
    """The manifest has every file's length and SHA-256, and the numbers of images and boxes."""
    detbench.convert(dataset, tmp_path / "out", shards=3)
    manifest = read_manifest(tmp_path / "out" / "manifest.json")
    assert manifest.hashes() == {n: h for n, h in _files(tmp_path / "out").items() if n != "manifest.json"}
    assert [(split.images, split.boxes) for split in manifest.splits] == [(12, 18)]
    assert all((tmp_path / "out" / s.file).stat().st_size == s.length_bytes for s in manifest.shards())


def test_a_shuffle_is_a_permutation_that_its_seed_decides(dataset: Dataset, tmp_path: Path) -> None:
    """A seed gives one order of the same images; another seed another; none keeps the source's."""
    orders = {}
    for seed in (None, 1, 2):
        detbench.convert(dataset, tmp_path / str(seed), shuffle=seed)
        orders[seed] = _back(tmp_path / str(seed)).images.key
    assert orders[None] == dataset.images.key
    assert orders[1] != orders[2]
    assert set(orders[1]) == set(orders[2]) == set(orders[None])


def test_every_bad_box_is_counted_by_reason(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """Boxes that are empty, swapped, outside or not numbers are dropped; one over the edge is clipped."""
    boxes = {
        "box-zero-area": (5, 5, 5, 9),
        "box-negative-size": (9, 5, 5, 9),
        "box-fully-outside": (70, 5, 80, 9),
        "box-not-finite": (math.nan, 5, 80, 9),
        "box-outside-image": (-3, 40, 10, 60),
    }
    made = make_dataset({"a": [(0, box) for box in boxes.values()] + [(1, (1, 2, 3, 4))], "b": []})
    receipt = detbench.convert(made, tmp_path / "out")
    assert {reason: change.boxes for reason, change in receipt.changes.items()} == dict.fromkeys(boxes, 1)
    assert receipt.changes["box-zero-area"].examples[0].where == "image a, box 1"
    assert _back(tmp_path / "out").ground_truth.box.tolist() == [[0, 40, 10, 48], [1, 2, 3, 4]]
    assert _balanced(receipt)


def test_labels_are_the_sources_ids_where_they_can_be(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """COCO's ids keep their holes; names without ids, strings and zeros are numbered from 1."""
    for ids, labels in (((90, 3), [90, 3]), (("x", "y"), [1, 2]), ((0, 1), [1, 2]), ((4, 4), [1, 2])):
        made = make_dataset({"a": [(0, (1, 2, 3, 4)), (1, (1, 2, 3, 4))]}, categories=Categories(("car", "bus"), ids))
        out = tmp_path / str(ids)
        detbench.convert(made, out)
        label_map = json.loads((out / "label_map.json").read_text())
        assert [entry["label"] for entry in label_map["categories"]] == labels
        assert _back(out).categories == made.categories


def test_a_label_map_is_sorted_and_quoted(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """The pbtxt lists the labels in order, and a quote or a line break in a name cannot break it."""
    made = make_dataset({"a": []}, categories=Categories(('say "hi"\n', "b\\c"), (2, 1)))
    detbench.convert(made, tmp_path / "out")
    assert (tmp_path / "out" / "label_map.pbtxt").read_text() == (
        'item {\n  id: 1\n  name: "b\\\\c"\n}\nitem {\n  id: 2\n  name: "say \\"hi\\"\\012"\n}\n'
    )


def test_pictures_are_stored_byte_for_byte_or_as_png(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """JPEG and PNG of any kind stay as they are; a BMP becomes a PNG of the same pixels, and that is said."""
    kept = {
        "rgb": picture(1),
        "grey": picture(2, mode="L"),
        "cmyk": picture(3, mode="CMYK"),
        "progressive": picture(4, progressive=True),
        "png": picture(5, "PNG", "RGBA"),
    }
    made = make_dataset({key: [] for key in (*kept, "bmp")}, pictures=kept | {"bmp": picture(6, "BMP")})
    receipt = detbench.convert(made, tmp_path / "out")
    back = _back(tmp_path / "out")
    assert [back.pictures.read(row) for row in range(5)] == list(kept.values())
    (tmp_path / "bmp.png").write_bytes(back.pictures.read(5))
    with Image.open(tmp_path / "bmp.png") as png, Image.open(made.pictures.path(5) or "") as bmp:
        assert png.format == "PNG"
        np.testing.assert_array_equal(np.asarray(png), np.asarray(bmp))
    assert receipt.changes["picture-reencoded"].images == 1


def test_what_a_picture_says_differently_is_noted(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """A size that differs from the source's is corrected; an EXIF rotation is noted and nothing turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture(1, exif=exif)
    made = make_dataset({"a": [(0, (1, 2, 3, 4))]}, pictures={"a": turned}, size=(48, 64))
    receipt = detbench.convert(made, tmp_path / "out")
    assert set(receipt.changes) == {"picture-exif-rotation", "picture-size-mismatch"}
    back = _back(tmp_path / "out")
    assert (back.images.width_px[0], back.images.height_px[0]) == (64, 48)
    assert back.pictures.read(0) == turned


@pytest.mark.parametrize("damage", ["cut", "junk", "missing", "zeros"])
def test_a_broken_picture_stops_or_is_skipped(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path, damage: str
) -> None:
    """A picture that is cut, overwritten, no picture or absent is named; with skip it is counted, with its boxes."""
    whole = picture(1)
    zeros = whole[:-400] + bytes(300) + whole[-100:]
    raw = {"cut": whole[:-200], "junk": b"junk", "zeros": zeros}.get(damage, whole)
    made = make_dataset({"a": [(0, (1, 2, 3, 4))], "b": [(0, (1, 2, 3, 4))]}, pictures={"b": raw})
    if damage == "missing":
        (made.pictures.path(1) or tmp_path).unlink()
    with pytest.raises(DataError, match=r"b\.jpg"):
        detbench.convert(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    receipt = detbench.convert(made, tmp_path / "out", on_bad="skip")
    reason = "picture-unreadable" if damage == "missing" else "picture-undecodable"
    assert (receipt.changes[reason].images, receipt.changes[reason].boxes) == (1, 1)
    assert _balanced(receipt)
    assert _back(tmp_path / "out").images.key == ("a",)


def test_without_the_check_a_cut_picture_passes(
    make_dataset: Callable[..., Dataset], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    """With check_pictures off a picture's header is read and no more."""
    made = make_dataset({"a": []}, pictures={"a": picture(1)[:-200]})
    assert detbench.convert(made, tmp_path / "out", check_pictures=False).images == 1


def test_an_uncheckable_run_claims_no_hashes(dataset: Dataset, tmp_path: Path) -> None:
    """Pictures that were not looked at have no SHA-256, neither in their records nor in the receipt's sum."""
    for check, found in ((True, True), (False, False)):
        out = tmp_path / str(check)
        receipt = detbench.convert(dataset, out, check_pictures=check)
        payloads = [frame.payload for shard in out.glob("*.tfrecord") for frame in frames(shard)]
        assert len(payloads) == 12
        assert {b"image/key/sha256" in payload for payload in payloads} == {found}
        assert (receipt.splits["all"].pictures_sha256_sum is not None) == found
        plain = json.loads((out / "receipt.json").read_text())
        assert (plain["splits"]["all"]["pictures_sha256_sum"] is not None) == found


def test_a_lone_name_is_one_name(dataset: Dataset, tmp_path: Path) -> None:
    """A string where names are asked for is one name, not its letters."""
    assert detbench.convert(dataset, tmp_path / "a", only_categories="bus").options.only_categories == ("bus",)
    detbench.convert(dataset, tmp_path / "b", shards=2)
    assert list(detbench.convert(tmp_path / "a", tmp_path / "c").splits) == ["all"]
    (tmp_path / "a" / "manifest.json").unlink()
    assert list(detbench.convert(tmp_path / "a", tmp_path / "d", splits="all").splits) == ["all"]


def test_nothing_left_to_store_is_an_error(dataset: Dataset, tmp_path: Path) -> None:
    """If each picture is missing, or the options leave no image, nothing is written and the reasons are named."""
    with pytest.raises(DataError, match="no image is left to be stored: --only-images wants"):
        detbench.convert(dataset.take_images([0, 4, 8]), tmp_path / "out", only_images=True)
    for row in range(12):
        Path(dataset.pictures.path(row) or "").unlink()
    with pytest.raises(DataError, match=r"missing or cannot be read \(12, first image im0\)"):
        detbench.convert(dataset, tmp_path / "out", on_bad="skip")
    assert not (tmp_path / "out").exists()


def test_a_damaged_record_of_the_source_is_accounted_for(dataset: Dataset, tmp_path: Path) -> None:
    """A flipped byte costs one record, which the receipt counts, names and places, wherever the source lies."""
    detbench.convert(dataset, tmp_path / "in")
    (shard,) = (tmp_path / "in").glob("*.tfrecord")
    raw = bytearray(shard.read_bytes())
    raw[500] ^= 1
    shard.write_bytes(raw)
    with pytest.raises(DataError, match="wrong payload checksum"):
        detbench.convert(tmp_path / "in", tmp_path / "out")
    receipt = detbench.convert(tmp_path / "in", tmp_path / "out", on_bad="skip")
    change = receipt.changes["record-corrupt"]
    assert (change.action, change.unreadable, change.images) == ("dropped", 1, 0)
    assert change.examples[0].where == f"{shard.name}, record 1 at byte 0"
    assert (receipt.splits["all"].unreadable, receipt.images) == (1, 11)
    assert str(tmp_path) not in (tmp_path / "out" / "receipt.json").read_text()
    assert _balanced(receipt)


def test_all_that_a_reader_can_leave_out_has_a_reason() -> None:
    """Every error that a format's reader reports has a reason of its own in the receipt."""
    folder = Path(detbench.__file__).parent / "data" / "formats"
    words = set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', "".join(file.read_text() for file in folder.glob("*.py"))))
    errors = {code for code in words & set(CATALOGUE) if CATALOGUE[code][0] is Severity.ERROR}
    assert "annotation-missing" in errors
    assert errors <= set(REASONS)


def test_only_categories_drops_boxes_and_keeps_images(dataset: Dataset, tmp_path: Path) -> None:
    """Boxes of other categories go, and are counted; all images stay, unless only_images."""
    receipt = detbench.convert(dataset, tmp_path / "all", only_categories=["bus"])
    assert receipt.images == 12
    assert receipt.changes["category-not-kept"].boxes == 6
    assert _balanced(receipt)
    assert _back(tmp_path / "all").categories.name == ("bus",)
    fewer = detbench.convert(dataset, tmp_path / "some", only_categories=["bus"], only_images=True)
    assert fewer.images == 6
    assert _balanced(fewer)
    with pytest.raises(UsageError, match="no category 'lorry'; the categories are car, bus"):
        detbench.convert(dataset, tmp_path / "none", only_categories=["lorry"])


def test_limits_keep_the_first_images(dataset: Dataset, tmp_path: Path) -> None:
    """A limit keeps the first N; per_category the first N of each category, images without boxes being one."""
    receipt = detbench.convert(dataset, tmp_path / "limit", limit=5)
    assert _back(tmp_path / "limit").images.key == dataset.images.key[:5]
    assert _balanced(receipt)
    receipt = detbench.convert(dataset, tmp_path / "per", per_category=1)
    assert _back(tmp_path / "per").images.key == ("im0", "im1", "im2")
    assert _balanced(receipt)


def test_an_empty_dataset_converts_to_an_empty_shard(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    """No images make one shard of no bytes, which is read back."""
    assert detbench.convert(make_dataset({}), tmp_path / "out").images == 0
    assert len(_back(tmp_path / "out").images) == 0


def test_a_split_that_repeats_others_is_left_out(dataset: Dataset, tmp_path: Path) -> None:
    """A trainval is skipped, and that is said, unless it is asked for."""
    from dataclasses import replace

    source = tmp_path / "source"
    halves = {"train": range(6), "val": range(6, 12), "trainval": range(12)}
    from detbench.data.records.options import Options
    from detbench.data.records.plan import make_plan

    splits = [replace(dataset.take_images(list(rows)), split=name) for name, rows in halves.items()]
    plan = make_plan(splits, Options())
    assert [split.name for split in plan.splits] == ["train", "val"]
    assert plan.tally.counts["split-is-a-union"].images == 12
    assert [s.name for s in make_plan(splits, Options(splits=("trainval", "train"))).splits] == list(halves)
    assert not source.exists()


def test_splits_with_other_categories_share_one_label_map(make_dataset: Callable[..., Dataset]) -> None:
    """Categories are joined by name over the splits, in order of first appearance."""
    from detbench.data.records.selection import on_common_categories

    tables = {"train": ("car", "bus"), "val": ("bus", "van")}
    splits = [
        make_dataset(
            {"a": [(0, (1, 2, 3, 4)), (-1, (1, 2, 3, 4))]}, split=name, categories=Categories.from_names(names)
        )
        for name, names in tables.items()
    ]
    train, val = on_common_categories(splits)
    assert train.categories == val.categories == Categories.from_names(["car", "bus", "van"])
    assert val.ground_truth.category.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shards": 2, "shard_bytes": 5}, "not both"),
        ({"limit": 0}, "--limit must be at least 1"),
        ({"workers": 0}, "--workers must be at least 1"),
        ({"shard_bytes": "12 parsecs"}, "is not a size"),
        ({"resume": True, "overwrite": True}, "not both"),
        ({"on_bad": "ignore"}, "raise or skip"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    dataset: Dataset, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    """Contradictions and zeros are one clear sentence, before anything is written."""
    with pytest.raises(UsageError, match=words):
        detbench.convert(dataset, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_the_receipt_knows_no_machine(dataset: Dataset, tmp_path: Path) -> None:
    """No path and no time stands in the receipt, and its command can be typed again."""
    receipt = detbench.convert(dataset, tmp_path / "out", limit=3, shuffle=4, on_bad="skip")
    assert str(tmp_path) not in (tmp_path / "out" / "receipt.json").read_text()
    assert receipt.command == "detbench convert SOURCE OUT --limit 3 --shuffle 4 --on-bad skip"


def test_sides_survive_to_the_bit(tmp_path: Path) -> None:
    """COCO's w is read back as it was, where (x + w) − x is another number."""
    x, w = 33.3, 0.1
    assert (x + w) - x != w
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x, 1.0, w, 9.0], "area": 0.9, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [60.0, 1.0, 9.0, 9.0], "area": 81, "iscrowd": 0},
        ],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    detbench.convert(tmp_path / "gt.json", tmp_path / "out")
    back = detbench.read_dataset(tmp_path / "out").ground_truth
    assert back.size_px.tolist() == [[w, 9.0], [4.0, 9.0]], "the second box is clipped, and so is its side"


@pytest.mark.parametrize(
    ("bbox", "kept"),
    [
        ([-3.0, 5.0, 10.0, 9.0], [0.0, 5.0, 7.0, 14.0]),
        ([5.0, -3.0, 9.0, 10.0], [5.0, 0.0, 14.0, 7.0]),
        ([60.0, 5.0, 10.0, 9.0], [60.0, 5.0, 64.0, 14.0]),
        ([5.0, 40.0, 9.0, 10.0], [5.0, 40.0, 14.0, 48.0]),
    ],
)
def test_a_box_over_any_edge_is_clipped_and_counted(tmp_path: Path, bbox: list[float], kept: list[float]) -> None:
    """Whichever edge a box crosses, it is cut there, and the receipt says so."""
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": bbox, "area": 90, "iscrowd": 0}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    receipt = detbench.convert(tmp_path / "gt.json", tmp_path / "out")
    assert receipt.changes["box-outside-image"].boxes == 1
    assert detbench.read_dataset(tmp_path / "out").ground_truth.box.tolist() == [kept]
