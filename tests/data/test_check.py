"""Every trap is set once and found; what is sound is let be."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from detbench.data.check.context import Context
from detbench.data.check.looks import content_digest
from detbench.data.check.run import CHECKS, check_datasets, check_path
from detbench.data.findings import CATALOGUE, Finding
from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Boxes = dict[int, list[tuple[float, float, float, float]]]

SIZE = (64, 48)


def picture(path: Path, *, shade: int = 0, size: tuple[int, int] = SIZE, mode: str = "RGB", **options: Any) -> Path:
    """Write a picture that no other shade equals."""
    values = np.random.default_rng(shade).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path, **options)
    return path


def dataset(
    paths: Sequence[Path | None],
    boxes: Boxes | None = None,
    *,
    split: str | None = None,
    format_name: str = "voc",
    size: tuple[int, int] = SIZE,
    names: Sequence[str] = ("car",),
    **flags: bool,
) -> Dataset:
    """Return a dataset of these pictures, one box in the middle of each unless others are given."""
    count = len(paths)
    builder = GroundTruthBuilder()
    for image in range(count):
        for box in [(10.0, 10.0, 30.0, 30.0)] if boxes is None else boxes.get(image, []):
            builder.add(image, 0, box, **flags)  # type: ignore[arg-type]
    keys = tuple(path.stem if path else f"missing-{row}" for row, path in enumerate(paths))
    files = tuple(path.name if path else f"missing-{row}.jpg" for row, path in enumerate(paths))
    width, height = np.full(count, size[0], np.int32), np.full(count, size[1], np.int32)
    return Dataset(
        "trap",
        format_name,
        Path("trap"),
        split,
        Categories.from_names(names),
        Images(keys, files, width, height),
        builder.build(),
        FolderPictures(tuple(paths), files),
    )


def found(*datasets: Dataset, **options: Any) -> list[Finding]:
    """Return what a check finds."""
    return list(check_datasets(datasets, **options).findings)


def codes(*datasets: Dataset, **options: Any) -> set[str]:
    """Return the codes of what a check finds."""
    return {finding.code for finding in found(*datasets, **options)}


def with_boxes(tmp_path: Path, *boxes: tuple[float, float, float, float], **options: Any) -> list[Finding]:
    """Return what is found in one image with these boxes."""
    return found(dataset([picture(tmp_path / "a.png")], {0: list(boxes)}, **options))


def test_sound_data_has_no_findings(tmp_path: Path) -> None:
    """Sound pictures with sound boxes are let be, in any number of splits."""
    train = dataset([picture(tmp_path / f"{i}.jpg", shade=i) for i in range(3)], split="train")
    test = dataset([picture(tmp_path / f"{i}.png", shade=i) for i in range(3, 6)], split="test")
    assert found(train, test) == []


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ((10, 10, 9, 30), "box-negative-size"),
        ((10, 30, 20, 10), "box-negative-size"),
        ((10, 10, 10, 30), "box-zero-area"),
        ((10, 30, 40, 30), "box-zero-area"),
        ((-2, 10, 20, 20), "box-outside-image"),
        ((10, 10, 66, 20), "box-outside-image"),
        ((64, 10, 80, 20), "box-fully-outside"),
        ((-9, -9, 0, 0), "box-fully-outside"),
    ],
)
def test_broken_boxes(tmp_path: Path, box: tuple[float, float, float, float], code: str) -> None:
    """A box that is inside out, empty or outside is named by its picture and its number, and by nothing else."""
    [finding] = with_boxes(tmp_path, (5, 5, 20, 20), box, format_name="csv")
    assert (finding.code, finding.record) == (code, "object 2 of image a")
    assert finding.file == str(tmp_path / "a.png")


@pytest.mark.parametrize("box", [(0, 0, 64, 48), (0, 0, 64.4, 48.4), (-0.3, 0, 1, 1), (63, 47, 64, 48)])
def test_boxes_on_the_border_are_sound(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    """A box may fill its image, and rounding may carry it less than half a pixel beyond."""
    assert with_boxes(tmp_path, box, format_name="csv") == []


def test_a_voc_point_is_one_pixel(tmp_path: Path) -> None:
    """A VOC box with equal corners is one pixel wide once read, and still a slip."""
    [finding] = with_boxes(tmp_path, (10, 10, 11, 11))
    assert finding.code == "box-one-pixel"
    assert finding.message.startswith("xmin equals xmax (11), ymin equals ymax (11): 1 × 1 px after reading")
    [thin] = with_boxes(tmp_path, (10, 10, 11, 30))
    assert thin.message.startswith("xmin equals xmax (11): 1 × 20 px after reading")


def test_equal_boxes(tmp_path: Path) -> None:
    """The second of two equal boxes is named, with the first; −0 equals 0."""
    [finding] = with_boxes(tmp_path, (0.0, 0, 20, 20), (5, 5, 20, 20), (-0.0, 0, 20, 20))
    assert (finding.code, finding.record) == ("box-duplicate", "object 3 of image a")
    assert "equals object 1: car" in finding.message


def test_annotation_ids_name_boxes(tmp_path: Path) -> None:
    """A box with an id of its own is named by it."""
    builder = GroundTruthBuilder()
    builder.add(0, 0, (10, 10, 5, 5), source_id=991)
    data = dataclasses.replace(dataset([picture(tmp_path / "a.png")]), ground_truth=builder.build())
    assert found(data)[0].record == "annotation 991 of image a"


def test_boxes_are_named_in_the_file_to_correct(tmp_path: Path) -> None:
    """A finding about a box names the annotation file, not the picture, where there is one."""
    data = dataset([picture(tmp_path / "a.png")], {0: [(10, 10, 5, 5)]}, format_name="csv")
    [finding] = found(dataclasses.replace(data, annotation_files=("boxes/a.txt",)))
    assert (finding.file, finding.record) == ("boxes/a.txt", "object 1 of image a")


CORNERS = [(4.0 * i, 3.0 * i, 4.0 * i + 12, 3.0 * i + 9) for i in range(1, 12)]


def test_corners_given_as_sizes(tmp_path: Path) -> None:
    """COCO boxes that are really corners are reported once, not one by one."""
    read = [(x1, y1, x1 + x2, y1 + y2) for x1, y1, x2, y2 in CORNERS]
    [finding] = with_boxes(tmp_path, *read, format_name="coco")
    assert finding.code == "box-format-xyxy"
    assert "of 11 boxes leave their image" in finding.message


def test_sizes_given_as_corners(tmp_path: Path) -> None:
    """CSV boxes that are really x, y, width, height are reported once, not one by one."""
    read = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in CORNERS]
    [finding] = with_boxes(tmp_path, *read, format_name="csv")
    assert finding.code == "box-format-xywh"


@pytest.mark.parametrize("format_name", ["coco", "csv", "voc", "visdrone"])
def test_large_true_boxes_are_no_other_convention(tmp_path: Path, format_name: str) -> None:
    """Boxes that nearly fill their image fit either way, and are believed."""
    boxes = [(1.0 + i, 1.0 + i, 60.0 - i, 46.0 - i) for i in range(5)]
    assert with_boxes(tmp_path, *boxes, format_name=format_name) == []


@pytest.mark.parametrize(
    ("boxes", "sure"),
    [
        ([(-1, 3, 20, 20), (-1, 9, 30, 30), (5, -1, 30, 30)], "surely counted from 0"),
        ([(-1, 3, 20, 20)], "probably counted from 0"),
        ([(-1, 3, 20, 20), (-1, 9, 30, 30), (5, 5, 64, 30)], "some files probably"),
        ([(-1, 3, 64, 20)], "perhaps written by several tools"),
    ],
)
def test_zero_based_voc(tmp_path: Path, boxes: list[tuple[float, float, float, float]], sure: str) -> None:
    """A VOC min of 0 is reported once, with how sure it is, and not as a box outside its image."""
    [finding] = with_boxes(tmp_path, *boxes)
    assert finding.code == "box-zero-based-voc"
    assert sure in finding.message


def test_the_same_picture_in_two_splits(tmp_path: Path) -> None:
    """A copy under another name is found by content, though its EXIF is gone."""
    exif = Image.Exif()
    exif[0x010E] = "a holiday"
    first = picture(tmp_path / "a.jpg", exif=exif)
    data = first.read_bytes()
    start = data.index(b"\xff\xe1")
    second = tmp_path / "b.jpg"
    second.write_bytes(data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4]) :])
    [finding] = found(dataset([first], split="train"), dataset([second], split="test"))
    assert (finding.code, finding.file) == ("picture-in-two-splits", str(first))
    assert f"in split train is the same picture as {second} in split test" in finding.message


def test_the_same_file_in_two_splits(tmp_path: Path) -> None:
    """One stem in two lists is found, also where pictures are not opened."""
    paths = [picture(tmp_path / f"{i}.png", shade=i) for i in range(4)]
    train, test = dataset(paths[:3], split="train"), dataset(paths[2:], split="test")
    assert codes(train, test) == {"picture-in-two-splits"}
    assert codes(train, test, open_pictures=False) == {"picture-in-two-splits"}


def test_a_union_is_no_leak(tmp_path: Path) -> None:
    """Trainval is train and val: its pictures are not looked at twice, and not in two splits."""
    paths = [picture(tmp_path / f"{i}.png", shade=i) for i in range(4)]
    splits = [dataset(paths[:2], split="train"), dataset(paths[2:], split="val"), dataset(paths, split="trainval")]
    report = check_datasets(splits)
    assert report.findings == ()
    assert [split.pictures for split in report.splits] == [2, 2, 0]
    assert report.splits[2].made_of == ("train", "val")


def test_a_part_is_a_leak(tmp_path: Path) -> None:
    """A test split that lies within train is no union; a trainval that holds the test split is a leak too."""
    paths = [picture(tmp_path / f"{i}.png", shade=i) for i in range(4)]
    inside = dataset(paths, split="train"), dataset(paths[2:], split="test")
    assert codes(*inside) == {"picture-in-two-splits"}
    [finding] = found(
        dataset(paths[:2], split="train"), dataset(paths[2:], split="test"), dataset(paths, split="trainval")
    )
    assert "all 2 pictures of test are in trainval too" in finding.message


def test_the_same_picture_twice_in_one_split(tmp_path: Path) -> None:
    """Two equal files of one split are a warning, not a leak."""
    paths = [picture(tmp_path / "a.png"), picture(tmp_path / "b.png")]
    [finding] = found(dataset(paths))
    assert finding.code == "picture-duplicate"


def test_cut_and_foreign_files(tmp_path: Path) -> None:
    """A cut JPEG, a cut PNG, text, and nothing at all are each named, and nothing is raised."""
    photo = picture(tmp_path / "whole.jpg", size=(200, 150)).read_bytes()
    drawn = picture(tmp_path / "whole.png", size=(200, 150)).read_bytes()
    broken = {
        "photo.jpg": photo[:-2000],
        "drawn.png": drawn[: len(drawn) // 2],
        "text.jpg": b"not a picture",
        "nil.jpg": b"",
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
    report = check_datasets([dataset([tmp_path / name for name in broken], size=(200, 150))], whole=False)
    assert {Path(f.file).name: f.code for f in report.findings} == {
        "photo.jpg": "picture-truncated",
        "drawn.png": "picture-truncated",
        "text.jpg": "picture-undecodable",
        "nil.jpg": "picture-undecodable",
    }


def _forged_png(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (1, 1)).save(target, "PNG")
    data = bytearray(target.getvalue())
    data[16:24] = width.to_bytes(4) + height.to_bytes(4)
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4)
    return bytes(data)


def _forged_jpeg(path: Path, width: int, height: int, **options: Any) -> bytes:
    data = bytearray(picture(path, **options).read_bytes())
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    data[at + 5 : at + 9] = height.to_bytes(2) + width.to_bytes(2)
    return bytes(data)


def test_bombs_are_findings(tmp_path: Path) -> None:
    """A header that claims 40,000 by 40,000 px is reported without the memory for it."""
    (tmp_path / "drawn.png").write_bytes(_forged_png(40_000, 40_000))
    (tmp_path / "bomb.jpg").write_bytes(_forged_jpeg(tmp_path / "a.jpg", 40_000, 40_000))
    (tmp_path / "slow.jpg").write_bytes(_forged_jpeg(tmp_path / "b.jpg", 65_000, 65_000, progressive=True))
    data = dataset([tmp_path / name for name in ("drawn.png", "bomb.jpg", "slow.jpg")], size=(0, 0))
    assert [finding.code for finding in found(data, whole=False)] == ["picture-undecodable"] * 3


def test_mutated_pictures_are_never_raised(tmp_path: Path) -> None:
    """Whatever is done to a picture's bytes, a check goes on."""
    random = np.random.default_rng(3)
    paths = []
    for suffix in ("jpg", "png", "tif", "gif", "webp", "bmp"):
        sound = bytearray(picture(tmp_path / f"sound.{suffix}", size=(20, 20)).read_bytes())
        for number in range(40):
            data = bytearray(sound)
            for at in random.integers(0, min(len(data), 400), 6):
                data[at] = random.integers(0, 256)
            paths.append(tmp_path / f"{number}.{suffix}")
            paths[-1].write_bytes(data)
    report = check_datasets([dataset(paths, size=(20, 20))])
    assert len(report.by_code()["picture-undecodable"]) > 10


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Something that is no regular file is not opened."""
    os.mkfifo(tmp_path / "a.jpg")
    assert codes(dataset([tmp_path / "a.jpg"]), whole=False) == {"file-unreadable"}


def test_missing_pictures_one_by_one(tmp_path: Path) -> None:
    """A few missing pictures are named each."""
    paths = [*(picture(tmp_path / f"{i}.png", shade=i) for i in range(5)), None]
    [finding] = found(dataset(paths))
    assert (finding.code, finding.file) == ("picture-missing", "missing-5.jpg")


def test_a_missing_folder_is_said_once() -> None:
    """Where all pictures are missing, that is one finding; without opening pictures it is none."""
    data = dataset([None] * 50)
    [finding] = found(data)
    assert finding.message == "50 of 50 pictures are missing, the first of them missing-0.jpg"
    assert found(data, open_pictures=False) == []


def test_exif_rotation_and_swapped_sizes(tmp_path: Path) -> None:
    """A turned picture is reported, and that it explains the swapped sizes is said."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = dataset([picture(tmp_path / "a.jpg", exif=exif)], size=(48, 64))
    size, rotation = found(turned)
    assert (size.code, rotation.code) == ("picture-size-mismatch", "picture-exif-rotation")
    assert "as its EXIF rotation shows it" in size.message
    swapped = dataset([picture(tmp_path / "b.jpg", shade=1)], size=(48, 64))
    assert "as if the picture was turned" in found(swapped, whole=False)[0].message


def test_another_size(tmp_path: Path) -> None:
    """A size that is simply another is reported without a guess."""
    [finding] = found(dataset([picture(tmp_path / "a.png")], size=(100, 100)))
    assert finding.message == "the annotation says 100 by 100 px, the picture is 64 by 48"


def test_kinds_of_pictures(tmp_path: Path) -> None:
    """Grey, CMYK, palette and 16-bit pictures are counted by kind, and a PNG named .jpg is noticed."""
    modes = {"grey.jpg": "L", "print.jpg": "CMYK", "few.png": "P", "alpha.png": "RGBA"}
    paths = [picture(tmp_path / name, shade=i, mode=mode) for i, (name, mode) in enumerate(modes.items())]
    deep = tmp_path / "deep.png"
    Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)).save(deep)
    named = picture(tmp_path / "named.jpg", shade=9, format="PNG")
    findings = found(dataset([*paths, deep, named]))
    assert sorted(f.message for f in findings) == [
        "1 picture is 16 bits a channel: deep.png",
        "1 picture is CMYK: print.jpg",
        "1 picture is RGB with transparency: alpha.png",
        "1 picture is a palette: few.png",
        "1 picture is grey: grey.jpg",
        "1 picture is named .jpg but PNG inside: named.jpg",
    ]


def test_pictures_in_no_split(tmp_path: Path) -> None:
    """A picture that lies among the others and is in no split is noticed, if every split was read."""
    data = dataset([picture(tmp_path / "a.png"), picture(tmp_path / "b.png", shade=1)])
    picture(tmp_path / "c.png", shade=2)
    [finding] = found(data)
    assert (finding.code, finding.file) == ("picture-orphan", str(tmp_path))
    assert found(data, whole=False) == []


def test_names_and_ids_given_twice(tmp_path: Path) -> None:
    """Equal category names, names that differ in case, and an image id that two images share are reported."""
    data = dataset(
        [picture(tmp_path / "a.png"), tmp_path / "a.png"], {0: [(1, 1, 9, 9)]}, names=("car", "Car ", "bus", "bus")
    )
    findings = {f.code: f.message for f in found(data, open_pictures=False)}
    assert findings["image-id-duplicate"] == "1 id shared by several images: a"
    assert findings["category-name-duplicate"] == "'bus' is the name of 2 categories"
    messages = [f.message for f in found(data, open_pictures=False) if f.code == "category-name-duplicate"]
    assert "'car', 'Car ' are, but for case and spaces, one name of 2 categories" in messages
    assert findings["category-without-boxes"] == "3 of 4 categories have no box: Car , bus, bus"


def test_empty_images_and_splits(tmp_path: Path) -> None:
    """An image without boxes is a note, a split without images a warning."""
    train = dataset(
        [picture(tmp_path / "a.png"), picture(tmp_path / "b.png", shade=1)], {0: [(1, 1, 9, 9)]}, split="train"
    )
    findings = {f.code: f.message for f in found(train, dataset([], split="test"))}
    assert findings == {
        "image-without-boxes": "1 of 2 images have no box: b",
        "split-empty": "has no images",
    }


def test_regions_are_counted(tmp_path: Path) -> None:
    """Ignored boxes and crowds are counted in one line."""
    [finding] = with_boxes(tmp_path, (1, 1, 9, 9), (2, 2, 9, 9), ignore=True)
    assert finding.message == "2 of 2 boxes are ignored regions or crowds, in 1 image"


def test_more_objects_than_max_dets(tmp_path: Path) -> None:
    """Crowded images are said with the recall they allow; the limit and the protocol are given."""
    boxes = [(float(i % 8) * 7, float(i // 8) * 2, float(i % 8) * 7 + 5, float(i // 8) * 2 + 3) for i in range(120)]
    [finding] = with_boxes(tmp_path, *boxes)
    assert finding.code == "objects-over-max-dets"
    assert "1 of 1 image holds more than 100 objects" in finding.message
    assert "at most 83.3 % of the objects can be found" in finding.message
    data = dataset([tmp_path / "a.png"], {0: boxes})
    assert found(data, max_dets=120) == found(data, max_dets=None) == []


def test_findings_come_most_severe_first(tmp_path: Path) -> None:
    """Errors come before warnings, warnings before notes."""
    findings = with_boxes(tmp_path, (10, 10, 5, 5), (10, 10, 10, 20), format_name="csv", names=("car", "bus"))
    assert [str(f.severity) for f in findings] == ["error", "warning", "note"]


def test_any_number_of_workers_finds_the_same(tmp_path: Path) -> None:
    """The report is the same with one thread and with many."""
    paths = [picture(tmp_path / f"{i}.jpg", shade=i % 7, mode="L" if i % 5 else "RGB") for i in range(40)]
    one, many = (check_datasets([dataset(paths)], workers=workers) for workers in (1, 5))
    assert one.findings == many.findings
    assert one.findings


def test_a_report_is_plain_json(tmp_path: Path) -> None:
    """A report becomes JSON with its counts, and a table."""
    report = check_datasets([dataset([picture(tmp_path / "a.png")], {0: [(9, 9, 1, 1)]})])
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert plain["counts_by_code"] == {"box-negative-size": 1}
    assert plain["findings"][0]["remedy"]
    assert len(report.to_frame()) == 1


def test_every_code_that_is_reported_is_in_the_catalogue() -> None:
    """Findings refuse a code that the catalogue lacks, and every check is a function of the context alone."""
    with pytest.raises(KeyError):
        Finding("no-such-code", "", "", "")
    for check in CHECKS:
        assert list(check(Context(()))) == []
    assert "picture-orphan" in CATALOGUE


def test_unreadable_annotations_are_findings(tmp_path: Path) -> None:
    """A COCO file that is no JSON is an error in the report; nothing at a path is an error of the call."""
    (tmp_path / "instances.json").write_text('{"images": [')
    report = check_path(tmp_path / "instances.json", format_name="coco")
    assert {str(finding.severity) for finding in report.findings} == {"error"}
    with pytest.raises(DataError, match="no such file"):
        check_path(tmp_path / "nothing", format_name="coco")
    with pytest.raises(UsageError, match="no format 'coca'"):
        check_path(tmp_path, format_name="coca")


def test_digests_leave_metadata_out(tmp_path: Path) -> None:
    """A PNG with a comment and one without have the same digest; another picture has another."""
    text = PngInfo()
    text.add_text("Comment", "later")
    plain = picture(tmp_path / "a.png", shade=1)
    commented = picture(tmp_path / "b.png", shade=1, pnginfo=text)
    other = picture(tmp_path / "c.png", shade=2)
    digests = [content_digest(path.read_bytes(), "PNG") for path in (plain, commented, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bccd", {"box-one-pixel": 2}),
        ("raccoon", {"picture-duplicate": 4, "picture-mode-unusual": 1}),
    ],
)
def test_real_data(shared: Path, name: str, expected: dict[str, int]) -> None:
    """The two boxes of one pixel in BCCD and the grey and equal pictures of Raccoon are found, and nothing else."""
    report = check_path(shared / name, format_name="voc")
    assert {code: len(findings) for code, findings in report.by_code().items()} == expected


def test_records_alike_are_reported_once(tmp_path: Path) -> None:
    """Of boxes of a category that the file does not list, the first is named and the others are counted."""
    boxes = [{"id": i, "image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]} for i in range(1, 301)]
    truth = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    (tmp_path / "gt.json").write_text(json.dumps(truth))
    [finding] = check_path(tmp_path / "gt.json").by_code()["category-unknown"]
    assert finding.record == "annotations[0] (id 1)"
    assert finding.message == "no category has the id 9 (the same in 299 more records of this file)"


def test_few_missing_pictures_are_counted_as_many_are() -> None:
    """All pictures missing are one finding, whether they are two or a hundred; one is named."""
    for count, said in ((2, "2 of 2 pictures are missing"), (100, "100 of 100 pictures are missing")):
        [finding] = found(dataset([None] * count))
        assert finding.message.startswith(said)
    [finding] = found(dataset([None]))
    assert finding.record == "image missing-0"
