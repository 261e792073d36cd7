"""Pictures with boxes: the right images, the right pixels, and a page that can be trusted."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images, Predictions
from detbench.errors import UsageError
from detbench.report.canvas import canvas_of
from detbench.report.drawing import COLOURS, Mark, draw_marks, ink_on
from detbench.report.selection import Selection, category_rows, choose_rows, image_rows
from detbench.report.show import render_page, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Page

    from detbench.report.drawing import Line

    Read = Callable[[str], Page]

NAMES = ("car", "<script>alert(1)</script>")


def dataset(folder: Path, count: int = 4, *, names: tuple[str, ...] = NAMES) -> Dataset:
    """Return ``count`` grey pictures of 320 by 240 px; image i has i boxes, of alternating category."""
    builder = GroundTruthBuilder()
    paths: list[Path | None] = []
    for image in range(count):
        paths.append(folder / f"picture-{image}.png")
        Image.new("RGB", (320, 240), (90, 90, 90)).save(folder / f"picture-{image}.png")
        for box in range(image):
            builder.add(image, box % len(names), (10 + 60 * box, 20, 60 + 60 * box, 120))
    keys = tuple(range(100, 100 + count))
    files = tuple(f"picture-{image}.png" for image in range(count))
    size = np.full(count, 320, np.int32), np.full(count, 240, np.int32)
    images = Images(keys, files, *size)
    pictures = FolderPictures(tuple(paths), files)
    return Dataset("a & b", "coco", folder, "val", Categories.from_names(names), images, builder.build(), pictures)


def selection(data: Dataset, **options: object) -> Selection:
    """Return all images of a dataset."""
    return Selection(data, tuple(range(len(data.images))), "", **options)  # type: ignore[arg-type]


def drawn(line: Line, box: tuple[float, float, float, float] = (20, 30, 80, 90), **options: object) -> np.ndarray:
    """Return int ``[120, 160, 3]``: black with one blue box."""
    picture = Image.new("RGB", (160, 120))
    draw_marks(picture, [Mark(box, (0, 0, 255), line, **options)])  # type: ignore[arg-type]
    return np.asarray(picture, dtype=int)


def test_a_border_lies_on_the_boxes_outermost_pixels() -> None:
    """A box from 20 to 80 paints columns 20 to 79 and no others in full colour."""
    blue = (drawn("solid") == (0, 0, 255)).all(axis=2)
    rows, columns = np.nonzero(blue)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (20, 79, 30, 89)
    assert not blue[40:80, 30:70].any()


def test_every_line_style_is_another_picture() -> None:
    """Plain, difficult, crowd, ignored and predicted boxes can be told apart."""
    styles: tuple[Line, ...] = ("solid", "dashed", "dotted", "hatched", "corners")
    assert len({drawn(style).tobytes() for style in styles}) == len(styles)
    assert (drawn("hatched")[40:80, 30:70] > 0).any()
    assert (drawn("corners")[30, 45:55] == 0).all()


@pytest.mark.parametrize(
    "box", [(-50, -50, 500, 500), (200, 10, 300, 50), (50, 50, 20, 20), (float("nan"),) * 4, (159.9, 119.9, 160, 160)]
)
@pytest.mark.parametrize("line", ["solid", "dashed", "dotted", "hatched", "corners"])
def test_no_box_is_too_odd_to_draw(box: tuple[float, float, float, float], line: Line) -> None:
    """Boxes that are outside, inside out, or no numbers are drawn as far as they can be."""
    assert drawn(line, box, tags=("name",)).shape == (120, 160, 3)


def test_tags_are_written_where_they_fit() -> None:
    """A tag that is wider than its box is left out, the shorter one taken."""
    assert (drawn("solid", tags=("abcd",)) != drawn("solid")).any()
    assert (drawn("solid", tags=("a very long name indeed",)) == drawn("solid")).all()
    assert (drawn("solid", tags=("a very long name indeed", "ab")) == drawn("solid", tags=("ab",))).all()


def test_tags_can_be_read_on_every_colour() -> None:
    """Text and ground of every tag have a contrast of at least 4.5 to 1."""

    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in COLOURS:
        low, high = sorted((luminance(colour), luminance(ink_on(colour))))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_images_are_drawn_from_all_over_the_split(tmp_path: Path) -> None:
    """One image comes from each of equal stretches; a seed gives the same ones, another seed others."""
    data = dataset(tmp_path, 40)
    rows = choose_rows(data, 8, seed=0)
    assert [row // 5 for row in rows] == list(range(8))
    assert rows == choose_rows(data, 8, seed=0) != choose_rows(data, 8, seed=1)
    assert choose_rows(data, 400, seed=0) == tuple(range(40))
    assert set(choose_rows(data, 400, seed=0, categories=frozenset({1}))) == set(range(2, 40))


def test_images_are_found_by_any_of_their_names(tmp_path: Path) -> None:
    """Id, file name and stem all name an image; an unknown name is answered with the nearest."""
    data = dataset(tmp_path)
    assert image_rows(data, ["102", "picture-1.png", "picture-3"]) == (2, 1, 3)
    with pytest.raises(UsageError, match=r"no image 'picture-9'; the nearest are 'picture-"):
        image_rows(data, ["picture-9"])
    with pytest.raises(UsageError, match="no category 'cat'; the nearest are 'car'"):
        category_rows(data, ["cat"])


def test_a_folder_gets_a_picture_an_image_and_a_sheet(tmp_path: Path) -> None:
    """Every image becomes a file of its own, named without what a name may not hold."""
    data = dataset(tmp_path)
    hostile = dataclasses.replace(
        data, images=dataclasses.replace(data.images, file_name=("../../up.png", "a/b.png", "<script>.png", ""))
    )
    written = show(selection(hostile), tmp_path / "out")
    assert [path.name for path in written] == [
        "001_up.jpg",
        "002_b.jpg",
        "003_script.jpg",
        "004_103.jpg",
        "contact.png",
    ]
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    with Image.open(written[0]) as picture:
        assert picture.size == (960, 720)


def test_the_same_selection_gives_the_same_bytes(tmp_path: Path) -> None:
    """Pages and sheets hold no time and no chance."""
    for name in ("page.html", "sheet.png"):
        first, second = (show(selection(dataset(tmp_path)), tmp_path / f"{i}-{name}")[0].read_bytes() for i in "ab")
        assert first == second


@pytest.mark.parametrize("name", ["out.pdf", "out.jpg"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    """A place that is neither folder, page nor sheet is refused before anything is drawn."""
    with pytest.raises(UsageError, match=r"name a folder, or a file that ends in \.html or \.png"):
        show(selection(dataset(tmp_path)), tmp_path / name)


def test_the_page_needs_nothing_and_runs_nothing(tmp_path: Path, read_page: Read) -> None:
    """No script, no style attribute, no address outside the page; a hostile category name is text."""
    page = read_page(render_page(selection(dataset(tmp_path))))
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "iframe", "object"})
    assert NAMES[1] in page.text
    policy = next(
        a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for _tag, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href"):
            assert re.match(r"data:|#", attributes.get(name) or "#")


def test_every_picture_has_a_text_and_its_pixels(tmp_path: Path, read_page: Read) -> None:
    """The page's pictures are JPEGs within it, each with a text that says what is on it."""
    page = read_page(render_page(selection(dataset(tmp_path))))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [image["alt"] for image in images][:2] == ["picture-0.png with no boxes", "picture-1.png with 1 box: 1 car"]
    head, _, data = (images[0]["src"] or "").partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (960, 720)


def test_predictions_are_drawn_and_counted(tmp_path: Path, read_page: Read) -> None:
    """Predictions from the lowest score on are drawn; the others are not, and do not count."""
    data = dataset(tmp_path)
    image, category = np.array([1, 1], np.int32), np.array([0, -1], np.int32)
    box, score = np.array([[10.0, 20, 60, 120], [200, 20, 260, 120]]), np.array([0.9, 0.2])
    predictions = Predictions(image, category, box, score)
    chosen = selection(data, predictions=predictions, min_score=0.5)
    assert [mark.tags for mark in chosen.marks(1, 1.0, chosen.colours(), chosen.keys())] == [
        ("car",),
        ("car 0.90", "0.90"),
    ]
    assert chosen.lines() == {"solid": 6, "corners": 1}
    page = read_page(render_page(chosen))
    assert "1 prediction with a score of 0.5 or more" in page.text
    assert "1 car; 1 prediction" in page.text


def test_one_category_needs_no_tags(tmp_path: Path) -> None:
    """Where there is one category its name is not written on every box."""
    chosen = selection(dataset(tmp_path, names=("car",)))
    assert {mark.tags for mark in chosen.marks(3, 1.0, chosen.colours(), chosen.keys())} == {()}


def test_kinds_of_boxes_have_lines_of_their_own(tmp_path: Path, read_page: Read) -> None:
    """Ignored regions are hatched, crowds dotted, difficult boxes dashed; the legend says which are there."""
    builder = GroundTruthBuilder()
    builder.add(0, -1, (1, 1, 50, 50))
    builder.add(0, 0, (1, 1, 50, 50), crowd=True)
    builder.add(0, 0, (1, 1, 50, 50), difficult=True)
    builder.add(0, 0, (1, 1, 50, 50), crowd=True, ignore=True)
    chosen = selection(dataclasses.replace(dataset(tmp_path, 1), ground_truth=builder.build()))
    assert chosen.lines() == {"hatched": 2, "dotted": 1, "dashed": 1}
    words = read_page(render_page(chosen)).text
    assert all(word in words for word in ("ignored 2", "crowd 1", "difficult 1"))
    assert "ground truth" not in words


def test_pictures_that_cannot_be_read_are_said(tmp_path: Path, read_page: Read) -> None:
    """A missing, a broken and a huge picture become grey canvases of the annotated shape that say why."""
    data = dataset(tmp_path, 3)
    (tmp_path / "picture-0.png").write_bytes(b"junk")
    (tmp_path / "picture-1.png").unlink()
    for row in (0, 1):
        canvas = canvas_of(data, row, (640, 640))
        assert canvas.picture.size == (640, 480)
        assert canvas.problem
    assert "no known picture format" in read_page(render_page(selection(data))).text


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1", "F", "LA"])
def test_every_mode_can_be_shown(tmp_path: Path, mode: str) -> None:
    """Grey, palette, transparent, print, 16-bit and floating pictures are shown, not black and not white."""
    ramp = np.tile(np.linspace(0, 255, 320), (240, 1))
    if mode == "I;16":
        made = Image.fromarray((ramp * 16).astype(np.uint16))
    else:
        made = Image.fromarray(ramp.astype(np.uint8)).convert(mode)
    data = dataset(tmp_path, 1)
    suffix = "tif" if mode in {"CMYK", "F"} else "png"
    made.save(tmp_path / f"m.{suffix}")
    pictures = FolderPictures((tmp_path / f"m.{suffix}",), ("m",))
    canvas = canvas_of(dataclasses.replace(data, pictures=pictures), 0, (320, 240))
    assert canvas.problem == ""
    values = np.asarray(canvas.picture, dtype=float).mean(axis=(0, 2))
    assert values[:40].mean() < 60
    assert values[-40:].mean() > 195


def test_a_real_dataset_with_predictions(shared: Path, tmp_path: Path) -> None:
    """Real photographs with a real detector's boxes become a page."""
    from detbench.data.formats import read_dataset
    from detbench.data.predictions import read_predictions

    data = read_dataset(shared / "coco_tiny", split="val2017", format_name="coco")
    given = read_predictions(shared / "predictions" / "yolox_nano__coco_tiny_val.json", data).predictions
    chosen = Selection(data, choose_rows(data, 3, seed=0), "drawn", predictions=given, min_score=0.3)
    [page] = show(chosen, tmp_path / "page.html")
    assert page.read_text(encoding="utf-8").count("<figure ") == 3


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (1280, 300)])
def test_a_border_is_two_pixels_wide_once_shown(size: tuple[int, int]) -> None:
    """A box's border is at least two pixels wide when its picture is shown 600 wide, and a small box stays open."""
    picture = Image.new("RGB", size)
    draw_marks(picture, [Mark((100, 100, 200, 200), (0, 0, 255)), Mark((300, 100, 308, 108), (0, 0, 255))])
    blue = (np.asarray(picture) == (0, 0, 255)).all(axis=2)
    assert blue[150, 100:150].sum() * 600 / max(size) >= 2
    assert not blue[103:105, 303:305].any()


def test_colours_that_come_twice_have_a_number(tmp_path: Path, read_page: Read) -> None:
    """With more categories than colours, legend and small boxes carry a number; with fewer, neither does."""
    many = tuple(f"kind{number}" for number in range(len(COLOURS) + 1))
    builder = GroundTruthBuilder()
    for category in range(len(many)):
        builder.add(0, category, (20.0 * category, 50, 20.0 * category + 6, 56))
    data = dataclasses.replace(dataset(tmp_path, 1, names=many), ground_truth=builder.build())
    chosen = selection(data)
    keys = [mark.key for mark in chosen.marks(0, 1.0, chosen.colours(), chosen.keys())]
    assert keys == [str(number) for number in range(1, len(many) + 1)]
    assert "13: kind12 1" in read_page(render_page(chosen)).text
    box = (20.0, 30.0, 26.0, 36.0)
    assert (drawn("solid", box, key="7") != drawn("solid", box)).any()
    few = selection(dataset(tmp_path))
    assert set(few.keys().values()) == {""}


def test_an_image_of_unknown_size_is_said(tmp_path: Path, read_page: Read) -> None:
    """Without a size in the annotations and without a picture the page claims none."""
    data = dataset(tmp_path, 1)
    (tmp_path / "picture-0.png").unlink()
    none = np.zeros(1, np.int32)
    unknown = dataclasses.replace(data, images=dataclasses.replace(data.images, width_px=none, height_px=none))
    assert "size unknown" in read_page(render_page(selection(unknown))).text
    assert "320 × 240 px" in read_page(render_page(selection(data))).text
