"""Pascal VOC: its layouts, its conventions, and what real and hostile files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from detbench.data.findings import Findings
from detbench.data.formats import get_format, read_dataset, recognise, splits_of
from detbench.errors import DataError, UsageError

OBJECT = """<object><name>{name}</name>{extra}<bndbox>
<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"""
SIZE = "<size><width>64</width><height>48</height><depth>3</depth></size>"


def voc_object(
    name: str = "car", box: tuple[object, object, object, object] = (11, 21, 30, 40), extra: str = ""
) -> str:
    """Return the XML of one object."""
    x1, y1, x2, y2 = box
    return OBJECT.format(name=name, extra=extra, x1=x1, y1=y1, x2=x2, y2=y2)


def put_image(
    root: Path,
    stem: str,
    *objects: str,
    annotations: str = "Annotations",
    pictures: str | None = "JPEGImages",
    suffix: str = ".jpg",
    file_name: str | None = None,
    size: str = SIZE,
) -> Path:
    """Write one image's XML, and its picture unless ``pictures`` is None."""
    xml = root / annotations / f"{stem}.xml"
    xml.parent.mkdir(parents=True, exist_ok=True)
    named = f"{stem}{suffix}" if file_name is None else file_name
    xml.write_text(f"<annotation><filename>{named}</filename>{size}{''.join(objects)}</annotation>")
    if pictures is not None:
        place = root / pictures / f"{stem}{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48)).save(place, "PNG" if suffix.lower() == ".png" else "JPEG")
    return xml


def put_list(root: Path, name: str, text: str) -> None:
    """Write one list of ImageSets/Main."""
    place = root / "ImageSets" / "Main" / f"{name}.txt"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.mark.parametrize(
    ("name", "split", "images", "boxes"),
    [
        ("bccd", None, 364, 4888),
        ("bccd", "train", 205, 2805),
        ("bccd", "val", 87, 1138),
        ("bccd", "test", 72, 945),
        ("raccoon", None, 200, 217),
        ("drone_cars", None, 113, 3249),
        ("drone_cars", "train", 68, 2251),
        ("drone_cars", "test", 45, 998),
    ],
)
def test_real_sets_have_their_known_counts(shared: Path, name: str, split: str | None, images: int, boxes: int) -> None:
    """Real VOC sets are recognised and read in full, with every picture found."""
    data = read_dataset(shared / name, split=split)
    assert (data.format, len(data.images), len(data.ground_truth)) == ("voc", images, boxes)
    assert all(data.pictures.path(row) for row in range(images))


def test_mins_lose_one_and_maxes_stay(tmp_path: Path) -> None:
    """VOC's 1-based inclusive corners become continuous 0-based ones."""
    put_image(tmp_path, "a", voc_object(box=(1, 1, 64, 48)), voc_object(box=(1.5, 2.25, 10.5, 20)))
    boxes = read_dataset(tmp_path).ground_truth.box.tolist()
    assert boxes == [[0.0, 0.0, 64.0, 48.0], [0.5, 1.25, 10.5, 20.0]]


def test_flags_are_read_and_missing_ones_are_unknown(tmp_path: Path) -> None:
    """A missing difficult is no, a missing truncated or occluded is not known."""
    extra = "<difficult>1</difficult><truncated>1</truncated><occluded>0</occluded>"
    put_image(tmp_path, "a", voc_object(extra=extra), voc_object())
    table = read_dataset(tmp_path).ground_truth
    assert table.difficult.tolist() == [True, False]
    assert table.truncated.tolist() == [1, -1]
    assert table.occluded.tolist() == [0, -1]


def test_parts_are_no_objects(tmp_path: Path) -> None:
    """A person's nested head and hands are not boxes of their own, nor categories."""
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></part>"
    put_image(tmp_path, "a", voc_object("person", (11, 21, 30, 40), extra=part))
    data = read_dataset(tmp_path)
    assert data.categories.name == ("person",)
    assert data.ground_truth.box.tolist() == [[10.0, 20.0, 30.0, 40.0]]


def test_categories_come_from_every_file_of_the_folder(tmp_path: Path) -> None:
    """Every split has the same categories, sorted, without the blanks around their names."""
    put_image(tmp_path, "a", voc_object(" zebra\n"))
    put_image(tmp_path, "b", voc_object("ape"))
    put_list(tmp_path, "train", "a\n")
    data = read_dataset(tmp_path, split="train")
    assert data.categories.name == ("ape", "zebra")
    assert data.images.key == ("a",)


def test_a_broken_file_of_another_split_does_not_matter(tmp_path: Path) -> None:
    """A split is read although another split's XML is cut."""
    put_image(tmp_path, "a", voc_object())
    put_image(tmp_path, "b").write_text("<annotation><object>")
    put_list(tmp_path, "train", "a\n")
    assert len(read_dataset(tmp_path, split="train").images) == 1


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".png", ".PNG"])
def test_any_picture_ending_is_found(tmp_path: Path, suffix: str) -> None:
    """The picture of an XML file is the one with its stem, whatever its ending."""
    put_image(tmp_path, "a", voc_object(), suffix=suffix)
    assert read_dataset(tmp_path).pictures.path(0) == tmp_path / "JPEGImages" / f"a{suffix}"


@pytest.mark.parametrize(
    ("annotations", "pictures"), [("annotations", "images"), (".", "."), ("xmls", "imgs"), ("Annotations", ".")]
)
def test_folders_without_image_sets_have_no_splits(tmp_path: Path, annotations: str, pictures: str) -> None:
    """Without ImageSets there is everything, under any usual names of the folders."""
    put_image(tmp_path, "a", voc_object(), annotations=annotations, pictures=pictures)
    data = read_dataset(tmp_path)
    assert (data.format, splits_of(tmp_path)) == ("voc", ())
    assert data.pictures.path(0) is not None


def test_a_folder_a_split_keeps_its_own_pictures(tmp_path: Path) -> None:
    """Two splits with the same stems each have their own picture; together they are refused."""
    for split in ("train", "valid"):
        put_image(tmp_path, "1", voc_object(), annotations=split, pictures=split)
    assert splits_of(tmp_path) == ("train", "valid")
    assert read_dataset(tmp_path, split="valid").pictures.path(0) == tmp_path / "valid" / "1.jpg"
    with pytest.raises(DataError, match="is there already"):
        read_dataset(tmp_path)


def test_the_one_year_of_a_devkit_is_found(tmp_path: Path) -> None:
    """VOCdevkit is its one year; with two years the error names them."""
    put_image(tmp_path / "VOCdevkit" / "VOC2007", "a", voc_object())
    assert len(read_dataset(tmp_path / "VOCdevkit").images) == 1
    assert len(read_dataset(tmp_path).images) == 1
    put_image(tmp_path / "VOCdevkit" / "VOC2012", "a", voc_object())
    with pytest.raises(DataError, match="holds VOC2007, VOC2012; name one"):
        read_dataset(tmp_path / "VOCdevkit")


def test_class_lists_are_no_splits(tmp_path: Path) -> None:
    """``car_train.txt`` lists a class of a split; a second column of −1, 0, 1 is not part of a name."""
    put_image(tmp_path, "a", voc_object())
    put_image(tmp_path, "b 1", voc_object())
    put_list(tmp_path, "train", "a  1\n\nb 1\n")
    put_list(tmp_path, "car_train", "a  1\nb 1 -1\n")
    put_list(tmp_path, "night_train", "a\n")
    assert splits_of(tmp_path) == ("train", "night_train")
    assert read_dataset(tmp_path, split="train").images.key == ("a", "b 1")


def test_listed_endings_are_dropped(tmp_path: Path) -> None:
    """A list may name pictures instead of stems."""
    put_image(tmp_path, "a", voc_object())
    put_list(tmp_path, "train", "a.jpg\n")
    assert read_dataset(tmp_path, split="train").images.key == ("a",)


def test_a_listed_image_without_xml_is_an_error_with_its_line(tmp_path: Path) -> None:
    """The list, the line and the file that is wanted are named; leniently the image is left out."""
    put_image(tmp_path, "a", voc_object())
    put_list(tmp_path, "train", "a\nb\n")
    with pytest.raises(DataError, match=r"train\.txt, line 2: the image 'b' has no annotation .*b\.xml"):
        read_dataset(tmp_path, split="train")
    findings = Findings(strict=False)
    assert len(read_dataset(tmp_path, split="train", findings=findings).images) == 1
    assert [finding.code for finding in findings.items] == ["annotation-missing"]


def test_a_list_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """``../`` in a list is refused, though the file is there."""
    put_image(tmp_path / "set", "a", voc_object())
    put_image(tmp_path, "b", voc_object(), annotations="set")
    put_list(tmp_path / "set", "train", "../b\n")
    with pytest.raises(DataError, match="leads out of"):
        read_dataset(tmp_path / "set", split="train")


def test_the_stem_wins_over_filename(tmp_path: Path) -> None:
    """A ``<filename>`` that differs is a note; a picture that is only there under it is used."""
    put_image(tmp_path, "a", voc_object(), file_name="other.jpg")
    put_image(tmp_path, "b", voc_object(), file_name="c.jpg", pictures=None)
    put_image(tmp_path, "c", voc_object())
    findings = Findings()
    data = read_dataset(tmp_path, findings=findings)
    assert data.images.key == ("a", "b", "c")
    assert [data.pictures.where(row).rpartition("/")[2] for row in range(3)] == ["a.jpg", "c.jpg", "c.jpg"]
    assert [finding.code for finding in findings.items] == ["file-name-differs", "file-name-differs"]


def test_xml_without_a_picture_is_a_warning(tmp_path: Path) -> None:
    """The image stays, without a picture, and is reported, unless there are no pictures at all."""
    put_image(tmp_path, "a", voc_object(), pictures=None)
    findings = Findings()
    assert read_dataset(tmp_path, findings=findings).pictures.path(0) is None
    assert findings.items == []
    put_image(tmp_path, "b", voc_object())
    read_dataset(tmp_path, findings=findings)
    assert [(f.code, Path(f.file).name) for f in findings.items] == [("annotation-orphan", "a.xml")]


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>", "<size><width/></size>"])
def test_a_missing_size_is_read_from_the_picture(tmp_path: Path, size: str) -> None:
    """Without a usable ``<size>`` the picture's header says it."""
    put_image(tmp_path, "a", voc_object(), size=size)
    images = read_dataset(tmp_path).images
    assert (images.width_px.tolist(), images.height_px.tolist()) == ([64], [48])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not well-formed XML"),
        ("<annotation><object>", "not well-formed XML"),
        ("\x00\x01junk", "not well-formed XML"),
        ("<html></html>", "its root is <html>"),
        ('<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>', "entities"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation>&b;</annotation>', "entities"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "not well-formed XML"),
        ("<annotation>" + "<a>" * 200_000, "not well-formed XML"),
    ],
)
def test_hostile_and_broken_xml_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file and what is wrong with it."""
    put_image(tmp_path, "a").write_text(text)
    with pytest.raises(DataError, match=f"a.xml: .*{message}"):
        read_dataset(tmp_path, format_name="voc")


def test_deeply_nested_xml_is_read_without_harm(tmp_path: Path) -> None:
    """A hundred thousand nested elements are passed over."""
    nested = "<a>" * 100_000 + "</a>" * 100_000
    put_image(tmp_path, "a", voc_object(), nested)
    assert len(read_dataset(tmp_path).ground_truth) == 1


def test_an_xml_of_a_hundred_megabytes_is_refused(tmp_path: Path) -> None:
    """Its length alone says that it is no image's annotation."""
    with put_image(tmp_path, "a").open("r+b") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(DataError, match="too large"):
        read_dataset(tmp_path, format_name="voc")


@pytest.mark.parametrize(
    ("broken", "code", "message"),
    [
        (voc_object(""), "record-malformed", "it has no name"),
        ("<object><name>car</name></object>", "record-malformed", "it has no bndbox"),
        (voc_object(box=("x", 1, 2, 3)), "record-malformed", "its xmin: 'x' is not a number"),
        (voc_object(box=("", 1, 2, 3)), "record-malformed", "its xmin: a number is missing"),
        (voc_object(box=("nan", 1, 2, 3)), "box-not-finite", "its box is nan, 1, 2, 3"),
        (voc_object(box=("1e999", 1, 2, 3)), "box-not-finite", "its box is 1e999, 1, 2, 3"),
        (voc_object(extra="<difficult>7</difficult>"), "record-malformed", "its difficult is '7', not 0 or 1"),
    ],
)
def test_a_broken_object_is_named_and_left_out(tmp_path: Path, broken: str, code: str, message: str) -> None:
    """Strictly it is an error with file and object; leniently the others are read."""
    put_image(tmp_path, "a", voc_object(), broken, voc_object())
    findings = Findings(strict=False)
    data = read_dataset(tmp_path, findings=findings)
    assert [(f.code, f.record, f.message) for f in findings.items] == [(code, "object 2", message)]
    assert len(data.ground_truth) == 2
    with pytest.raises(DataError, match=r"a\.xml, object 2"):
        read_dataset(tmp_path)


def test_an_unknown_split_is_a_usage_error(tmp_path: Path) -> None:
    """The splits that there are, are named."""
    put_image(tmp_path, "a", voc_object())
    put_list(tmp_path, "val", "a\n")
    with pytest.raises(UsageError, match="the splits are val"):
        read_dataset(tmp_path, split="train")


def test_a_written_set_is_a_devkit_folder(tmp_path: Path) -> None:
    """Mins gain 1, whole numbers have no point, lists and pictures are where the devkit has them."""
    put_image(tmp_path / "in", "a", voc_object("a &amp; b", (1.5, 21, 30, 40)))
    put_list(tmp_path / "in", "val", "a\n")
    get_format("voc").write(read_dataset(tmp_path / "in", split="val"), tmp_path / "out")  # type: ignore[misc]
    text = (tmp_path / "out" / "Annotations" / "a.xml").read_text()
    assert "<name>a &amp; b</name>" in text
    assert "<xmin>1.5</xmin>" in text
    assert "<ymin>21</ymin>" in text
    assert (tmp_path / "out" / "ImageSets" / "Main" / "val.txt").read_text() == "a\n"
    original, copy = (tmp_path / place / "JPEGImages" / "a.jpg" for place in ("in", "out"))
    assert copy.read_bytes() == original.read_bytes()


def test_nothing_different_is_overwritten(tmp_path: Path) -> None:
    """Writing twice is fine; writing over a file with other content is refused, and the file stays."""
    put_image(tmp_path / "in", "a", voc_object())
    data = read_dataset(tmp_path / "in")
    write = get_format("voc").write
    assert write is not None
    write(data, tmp_path / "out")
    write(data, tmp_path / "out")
    (tmp_path / "out" / "Annotations" / "a.xml").write_text("mine")
    with pytest.raises(DataError, match="is there already, with other content"):
        write(data, tmp_path / "out")
    assert (tmp_path / "out" / "Annotations" / "a.xml").read_text() == "mine"


def test_one_file_is_a_dataset_of_one_image(tmp_path: Path) -> None:
    """An XML file in Annotations, or beside its picture, is read by itself; the files around it do not matter."""
    for home, pictures in (("set/Annotations", "set/JPEGImages"), ("flat", "flat")):
        for folder in (home, pictures):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48)).save(tmp_path / pictures / "a.png")
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
        file = tmp_path / home / "a.xml"
        file.write_text(f"<annotation><object><name>car</name>{box}</object></annotation>")
        (tmp_path / home / "b.xml").write_text("broken")
        assert [sighting.format for sighting in recognise(file)] == ["voc"]
        data = read_dataset(file)
        assert (data.name, data.split, data.images.key, data.categories.name) == ("a", None, ("a",), ("car",))
        assert data.pictures.path(0) == tmp_path / pictures / "a.png"
        assert data.annotation_of(0) == str(file)
        assert splits_of(file) == ()
    with pytest.raises(DataError, match="no known dataset format was recognised here"):
        read_dataset(tmp_path / "flat" / "b.xml")
    with pytest.raises(DataError, match="is not well-formed XML"):
        read_dataset(tmp_path / "flat" / "b.xml", format_name="voc")
