"""The gallery of the worst mistakes: which are chosen, what is cut out, and what the page says of them."""

from __future__ import annotations

import base64
import dataclasses
import io
import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from PIL import ExifTags, Image

from detbench.data.formats import read_dataset
from detbench.errors import DataError
from detbench.evaluation.document import read
from detbench.evaluation.fingerprints import dataset_fingerprint
from detbench.evaluation.parts.worst import Missed, Mistake, Object, Worst
from detbench.report.crops import MAX_BYTES, Drawn, crop, window_around
from detbench.report.picture_data import picture_data
from detbench.report.sections.gallery import gallery
from detbench.report.sections.worst_cases import worst_cases

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from detbench.evaluation.document import Document
    from detbench.report.crops import Crop
    from detbench.report.sections.model import Model

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

_KINDS = ("classification", "localisation", "both", "duplicate", "background")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, detbench: Run) -> Path:
    """Return a folder with a drawn dataset, ``data``, and results on it: half of the truth, and all of it moved.

    The one has badly placed boxes and misses, the other misses alone.
    """
    folder = tmp_path_factory.mktemp("measured")
    done = detbench("draw", "parking", "-o", folder / "data", "--images", 40, "--size", "320x240", "--split", "test")
    assert done.returncode == 0, done.stderr
    truth = next((folder / "data" / "annotations").glob("*.json"))
    boxes = msgspec.json.decode(truth.read_bytes())["annotations"]
    for name, moved_px, kept in (("moved", 6, boxes), ("half", 0, boxes[::2])):
        found = [
            {
                "image_id": box["image_id"],
                "category_id": box["category_id"],
                "bbox": [box["bbox"][0] + moved_px * (place % 2), *box["bbox"][1:]],
                "score": 0.9 - 0.5 * place / len(kept),
            }
            for place, box in enumerate(kept)
        ]
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(found))
        done = detbench(
            "eval", folder / "data", folder / f"{name}.json", "--split", "test", "--errors", "-o", folder / name
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def documents(measured: Path) -> list[Document]:
    """Return both results."""
    return [read(measured / name / "result.json") for name in ("half", "moved")]


def _crops(html: str) -> list[bytes]:
    return [base64.b64decode(text) for text in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)]


def test_the_page_shows_crops_of_the_pictures(measured: Path, detbench: Run, tmp_path: Path) -> None:
    """With --pictures each model has its mistakes as small JPEGs, the same bytes each time, and without it a hint."""
    pages = []
    for name, options in (
        ("a", ["--pictures", measured / "data"]),
        ("b", ["--pictures", measured / "data"]),
        ("c", []),
    ):
        done = detbench("report", measured / "half", measured / "moved", "-o", tmp_path / name, *options)
        assert done.returncode == 0, done.stderr
        pages.append((tmp_path / name / "index.html").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    crops = _crops(pages[0])
    assert 10 < len(crops) <= 48
    for data in crops:
        assert len(data) <= MAX_BYTES
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size[0] <= 320
            assert picture.size[1] <= 240
    assert len(pages[0].encode()) < len(pages[2].encode()) + 4_000_000
    assert not _crops(pages[2])
    assert "--pictures DATA" in pages[2]


def test_one_result_has_a_gallery_too(measured: Path, detbench: Run, tmp_path: Path) -> None:
    """The page of one result shows its mistakes."""
    out = tmp_path / "one.html"
    done = detbench("report", measured / "moved", "-o", out, "--pictures", measured / "data")
    assert done.returncode == 0, done.stderr
    assert _crops(out.read_text(encoding="utf-8"))


def test_a_leaderboard_has_a_gallery(measured: Path, detbench: Run, tmp_path: Path) -> None:
    """Submissions without result are evaluated with their errors, and shown."""
    for name in ("half", "moved"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "predictions.json").write_bytes((measured / f"{name}.json").read_bytes())
    data = measured / "data"
    done = detbench(
        "leaderboard", tmp_path / "runs", "-g", data, "--split", "test", "-o", tmp_path / "out", "--pictures", data
    )
    assert done.returncode == 0, done.stderr
    all_crops = _crops((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    pages = sorted((tmp_path / "out" / "models").glob("*/report.html"))
    assert len(pages) == 2
    for page in pages:
        own = _crops(page.read_text(encoding="utf-8"))
        assert own
        assert set(own) < set(all_crops)
        assert page.stat().st_size < 4_000_000


def test_another_dataset_is_refused(measured: Path, detbench: Run, tmp_path: Path) -> None:
    """Pictures of other data would be lies: one sentence says so, and nothing is written."""
    done = detbench("draw", "parking", "-o", tmp_path / "other", "--images", 10, "--seed", 5, "--size", "320x240")
    assert done.returncode == 0, done.stderr
    for command in (["report", measured / "half"], ["report", measured / "half", measured / "moved"]):
        done = detbench(*command, "-o", tmp_path / "out", "--pictures", tmp_path / "other")
        assert done.returncode == 2
        assert "is not what was measured on" in " ".join(done.stderr.split())
        assert not (tmp_path / "out").exists()
    done = detbench("report", measured / "half", "--format", "md", "-o", tmp_path / "out", "--pictures", tmp_path)
    assert done.returncode == 2
    assert "--pictures is for the page" in done.stderr


def test_the_right_split_is_read(measured: Path, documents: list[Document]) -> None:
    """The split is the result's; where the path is the annotation file alone there is none to choose."""
    assert picture_data(measured / "data", documents[0].dataset).split == "test"
    truth = next((measured / "data" / "annotations").glob("*.json"))
    assert dataset_fingerprint(picture_data(truth, documents[0].dataset)) == documents[0].dataset.fingerprint
    changed = msgspec.structs.replace(documents[0].dataset, fingerprint="0" * 64)
    with pytest.raises(DataError, match="is not what was measured on"):
        picture_data(measured / "data", changed)


def test_a_crop_is_of_the_picture_and_place_it_says(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Each picture painted in a colour of its own: a crop has the colour of the picture that its caption names."""
    dataset = read_dataset(measured / "data", split="test")
    images = [Image.new("RGB", (320, 240), (20 * row, 250 - 20 * row, 128)) for row in range(len(dataset.images))]
    painted = dataclasses.replace(dataset, pictures=_Given([_png(image) for image in images]))
    view = gallery(make_models(documents, ["half", "moved"]), painted)
    assert view
    section = read_section("gallery", view)
    seen = 0
    for image, caption in re.findall(r'<img src="([^"]+)".*?<figcaption>(.*?)</figcaption>', section.html, re.DOTALL):
        row = next(row for row, name in enumerate(dataset.images.file_name) if f"<bdi>{name}</bdi>" in caption)
        with Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2]))) as crop_:
            values = np.asarray(crop_.convert("RGB"), dtype=float)
        wanted = np.array([20 * row, 250 - 20 * row, 128])
        assert np.abs(np.median(values.reshape(-1, 3), axis=0) - wanted).max() < 12
        seen += 1
    assert seen > 10


def test_each_box_has_its_own_look_at_its_own_place(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]]
) -> None:
    """On black: what is there is blue, what was found is orange, each as wide as its box and where it lies."""
    found = documents[0].errors
    assert found
    dataset = read_dataset(measured / "data", split="test")
    there, seen = (40, 60, 140, 190), (90, 80, 230, 180)
    about: dict[str, Any] = {"image": dataset.images.key[0], "file_name": "a", "category": "car"}
    mistakes = {
        "localisation": [
            Mistake(**about, box=seen, score=0.75, iou=0.4, ground_truth=Object(category="car", box=there))
        ],
        "classification": [
            Mistake(**about, box=seen, score=0.75, iou=0.4, ground_truth=Object(category="van", box=there))
        ],
        "background": [Mistake(**about, box=seen, score=0.75, iou=0.0, ground_truth=None)],
    }
    worst = Worst(limit=1, images=[], false_positives=mistakes, missed=[Missed(**about, box=there)])
    changed = msgspec.structs.replace(documents[0], errors=msgspec.structs.replace(found, worst=worst))
    black = [_png(Image.new("RGB", (320, 240)))] * len(dataset.images)
    view = gallery(make_models([changed]), dataclasses.replace(dataset, pictures=_Given(black)))
    assert view
    for group in view.albums[0].groups:
        (shot,) = group.shots
        assert shot.crop
        with Image.open(io.BytesIO(base64.b64decode(shot.crop.uri.partition(",")[2]))) as picture:
            pixels = np.asarray(picture.convert("RGB"), dtype=float)
        boxes = {"missed": [there], "false alarm": [seen]}.get(group.kind, [there, seen])
        assert shot.taken_for == ("van" if group.kind == "wrong category" else "")
        assert shot.facts == {"missed": "100 × 130 px", "false alarm": "score 0.75, overlaps nothing"}.get(
            group.kind, "score 0.75, IoU 0.40"
        )
        left, _, right, _ = window_around(boxes, (320, 240))
        scale = shot.crop.width_px / (right - left)
        red, blue = pixels[:, :, 0], pixels[:, :, 2]
        for box, lit in ((there, (blue > 150) & (red < 150)), (seen, (red > 150) & (blue < 90))):
            columns = np.flatnonzero(lit.sum(axis=0) > 8) / scale + left  # fewer are a letter, or what JPEG made of one
            assert bool(columns.size) == (box in boxes), group.kind
            if columns.size:
                assert abs(columns[0] - box[0]) < 3, group.kind
                assert abs(columns[-1] - box[2]) < 3, group.kind


@pytest.mark.parametrize("orientation", [1, 3, 6, 7, 8])
def test_pictures_are_the_right_way_round(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], orientation: int
) -> None:
    """Boxes lie on the pixels as they are stored, whatever EXIF says, unless the annotated size is that of the turned.

    The pictures are noise, so that no other piece of them looks alike; the crops must be equal to the byte.
    """
    dataset = read_dataset(measured / "data", split="test")
    rng = np.random.default_rng(0)
    upright = [Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((320, 240)) for _ in range(40)]
    tag = Image.Exif()
    tag[ExifTags.Base.Orientation] = orientation
    turned = _TURNED_BACK[orientation]
    stored = [image if turned is None else image.transpose(turned) for image in upright]

    def shown(images: list[Image.Image], exif: Image.Exif | None) -> list[Crop | None]:
        given = dataclasses.replace(dataset, pictures=_Given([_png(image, exif) for image in images]))
        view = gallery(make_models(documents, ["half", "moved"]), given)
        assert view
        return [shot.crop for album in view.albums for group in album.groups for shot in group.shots]

    wanted = shown(upright, None)
    assert len(wanted) > 10
    assert None not in wanted
    assert shown(upright, tag) == wanted  # the annotated size is that of the stored pixels: EXIF changes nothing
    if orientation >= 5:
        assert stored[0].size == (240, 320)  # and here it is that of the picture as it is turned
        assert shown(stored, tag) == wanted
        assert shown(stored, None) != wanted


#: What makes of an upright picture one that EXIF turns upright again, by orientation.
_TURNED_BACK = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize(
    ("iou", "words"), [(None, "overlaps nothing"), (0.0012, "barely touches an object"), (0.0079, "IoU 0.01")]
)
def test_a_false_alarm_says_what_it_overlaps(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], iou: float | None, words: str
) -> None:
    """An overlap that would be printed as 0.00 is said in words."""
    found = documents[0].errors
    assert found
    dataset = read_dataset(measured / "data", split="test")
    alarm = Mistake(
        image=dataset.images.key[0],
        file_name="a",
        category="car",
        box=(2, 2, 20, 20),
        score=0.75,
        iou=iou or 0.0,
        ground_truth=None if iou is None else Object(category="car", box=(19, 19, 90, 90)),
    )
    worst = Worst(limit=1, images=[], false_positives={"background": [alarm]}, missed=[])
    changed = msgspec.structs.replace(documents[0], errors=msgspec.structs.replace(found, worst=worst))
    view = gallery(make_models([changed]), dataset)
    assert view
    assert [shot.facts for shot in view.albums[0].groups[0].shots] == [f"score 0.75, {words}"]


def test_pictures_that_cannot_be_read_are_said(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Broken, missing and 16-bit pictures: a sentence where there is none, a crop where there is one."""
    dataset = read_dataset(measured / "data", split="test")
    deep = io.BytesIO()
    Image.fromarray(np.tile(np.arange(320, dtype=np.uint16) * 100, (240, 1))).save(deep, "PNG")
    given: list[bytes | None] = [b"junk", None, *[deep.getvalue()] * (len(dataset.images) - 2)]
    view = gallery(make_models(documents, ["half", "moved"]), dataclasses.replace(dataset, pictures=_Given(given)))
    assert view
    section = read_section("gallery", view)
    shots = [shot for album in view.albums for group in album.groups for shot in group.shots]
    names = {shot.image: shot for shot in shots}
    for row, name in enumerate(dataset.images.file_name):
        if name in names:
            assert (names[name].crop is None) == (row < 2)
    assert any(shot.crop is None for shot in shots)
    assert "No picture: the picture is missing" in section.text or "no known picture format" in section.text


class _Given:
    """Pictures from memory; None is missing."""

    def __init__(self, data: list[bytes | None] | list[bytes]) -> None:
        self._data = data

    def where(self, row: int) -> str:
        return f"picture {row}"

    def path(self, row: int) -> None:
        del row

    def size_bytes(self, row: int) -> int:
        return len(self.read(row))

    def read(self, row: int) -> bytes:
        data = self._data[row]
        if data is None:
            raise DataError("the picture is missing", file=f"picture {row}")
        return data


def _png(image: Image.Image, exif: Image.Exif | None = None) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG", exif=exif or b"", compress_level=1)
    return target.getvalue()


def test_every_category_has_its_worst_before_any_has_its_second() -> None:
    """Many cars, one bus: with room for a few of each kind, the bus is among them, and kinds share the room."""
    worst = Worst(
        limit=9,
        images=[],
        false_positives={
            kind: [_mistake("car", score / 10) for score in range(9, 1, -1)] + [_mistake("bus", 0.1)] for kind in _KINDS
        },
        missed=[Missed(image=1, file_name="a", category="car", box=(0, 0, 9, 9))] * 8,
    )
    cases = worst_cases(worst, 10, 0.0)
    assert [case.kind for case in cases] == [
        kind for kind in ("missed", "false alarm", "badly placed", "wrong category", "found twice") for _ in "ab"
    ]
    alarms = [(case.category, case.score) for case in cases if case.kind == "false alarm"]
    assert alarms == [("car", 0.9), ("bus", 0.1)]
    assert len(worst_cases(worst, 1000, 0.0)) == 8 + 9 * 5
    assert worst_cases(Worst(limit=0, images=[], false_positives={}, missed=[]), 24, 0.0) == []


def test_only_accepted_boxes_are_mistakes() -> None:
    """A box below the operating point is none, one on it is; where nothing is accepted, all that is left is missed."""
    worst = Worst(
        limit=9,
        images=[],
        false_positives={"background": [_mistake("car", score) for score in (0.9, 0.5, 0.1, 0.0)]},
        missed=[Missed(image=1, file_name="a", category="car", box=(0, 0, 9, 9))],
    )
    assert [case.score for case in worst_cases(worst, 9, 0.5)] == [None, 0.9, 0.5]
    assert [case.score for case in worst_cases(worst, 9, 0.0)] == [None, 0.9, 0.5, 0.1, 0.0]
    assert [case.score for case in worst_cases(worst, 9, None)] == [None]


def _mistake(category: str, score: float) -> Mistake:
    truth = Object(category="van", box=(0, 0, 20, 20))
    return Mistake(
        image=1, file_name="a", category=category, box=(2, 2, 20, 20), score=score, iou=0.3, ground_truth=truth
    )


@pytest.mark.parametrize("size", [(640, 480), (40, 30), (1, 1), (5000, 3), (96, 97)])
@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 11, 11),
        (0, 0, 5000, 5000),
        (-50, -50, 5, 5),
        (630, 470, 700, 500),
        (1e9, 1e9, 2e9, 2e9),
        (-1e308, -1e308, 1e308, 1e308),
        (20, 20, 20, 20),
        (30, 30, 10, 10),
    ],
)
def test_a_window_lies_in_the_picture_around_the_box(
    size: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    """Tiny, huge, at the edge, outside, inside out: the window is in the picture, wide enough, and can be drawn."""
    left, top, right, bottom = window_around([box], size)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    assert right - left >= min(96, size[0])
    assert bottom - top >= min(96, size[1])
    for low, high, start, stop, length in (
        (box[0], box[2], left, right, size[0]),
        (box[1], box[3], top, bottom, size[1]),
    ):
        seen = [min(max(each, 0), length) for each in (low, high)]
        assert start <= min(seen)
        assert max(seen) <= stop
    made = crop(Image.new("RGB", size), [Drawn(box, "truth", "truth"), Drawn(box, "found", "0.50")])
    assert 1 <= made.width_px <= min(320, 3 * (right - left))
    assert 1 <= made.height_px <= min(240, 3 * (bottom - top))


def test_boxes_are_drawn_where_they_are() -> None:
    """On black, what is there is a blue frame around its own pixels; noise still makes a short file."""
    made = crop(Image.new("RGB", (640, 480)), [Drawn((200, 100, 300, 200), "truth", "")])
    with Image.open(io.BytesIO(base64.b64decode(made.uri.partition(",")[2]))) as picture:
        lit = np.argwhere(np.asarray(picture.convert("RGB"))[:, :, 2] > 120)
    scale = made.width_px / 200
    assert np.abs(lit.min(axis=0) / scale - (50, 50)).max() < 3
    assert np.abs(lit.max(axis=0) / scale - (150, 150)).max() < 3
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    loud = crop(Image.fromarray(noise), [Drawn((0, 0, 640, 480), "truth", "truth")])
    assert len(base64.b64decode(loud.uri.partition(",")[2])) <= MAX_BYTES


def test_names_are_text(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """A category called like an element, or as long as a page, is shown, shortened, and runs nothing."""
    found = documents[0].errors
    assert found
    named = msgspec.json.decode(
        msgspec.json.encode(found.worst).replace(
            b'"category":"car"', b'"category":"<img src=x onerror=alert(1)>\'\\""'
        ),
        type=Worst,
    )
    changed = msgspec.structs.replace(documents[0], errors=msgspec.structs.replace(found, worst=named))
    view = gallery(make_models([changed], ["<script>" + "x" * 9_000]), read_dataset(measured / "data", split="test"))
    section = read_section("gallery", view)
    assert "<img src=x onerror=alert(1)>" in section.text
    assert not section.all("script")
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") for image in section.all("img"))
    assert not re.search("x{100}", section.text)


def test_results_without_errors_have_no_gallery(make_models: Callable[..., list[Model]]) -> None:
    """Where nobody looked into the errors there is nothing to show, not even a hint."""
    assert gallery(make_models(2), None) is None


def test_models_without_errors_are_named(
    documents: list[Document], make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """Beside a model with errors, one whose errors nobody looked into is named."""
    bare = msgspec.structs.replace(documents[1], errors=None)
    section = read_section("gallery", gallery(make_models([documents[0], bare], ["whole", "bare"]), None))
    assert "Errors were not looked into for bare." in section.text


def test_eight_models_stay_within_four_megabytes(
    measured: Path, documents: list[Document], make_models: Callable[..., list[Model]], read_section: Callable[..., Any]
) -> None:
    """More models have fewer crops each; pictures of noise are the longest that there can be."""
    dataset = read_dataset(measured / "data", split="test")
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    given = [_png(Image.fromarray(noise))] * len(dataset.images)
    loud = dataclasses.replace(dataset, pictures=_Given(given))
    view = gallery(make_models([documents[1]] * 8, [f"m{place}" for place in range(8)]), loud)
    assert view
    assert len(view.albums) == 8
    assert 5 <= view.most < 24
    assert len(read_section("gallery", view).html.encode()) < 4_000_000
