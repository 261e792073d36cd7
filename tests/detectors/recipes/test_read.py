"""Recipes are read with names, overrides and clear refusals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detbench.detectors.recipes.read import read_recipe, recipe_names
from detbench.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Writer = Callable[..., str]

MINIMAL = 'title = "t"\ndataset = "d"\ncommand = "c"\nhardware = "h"\n'


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    """Write a recipe of the four keys that every recipe has, and more; return its path as text."""

    def write(more: str = "") -> str:
        path = tmp_path / "mine.toml"
        path.write_text(MINIMAL + more, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", recipe_names())
def test_shipped(name: str) -> None:
    """Every shipped recipe reads, and says what it is, how it is run and what it aims at, measured or not."""
    recipe = read_recipe(name)
    assert f"train-baseline {name} " in recipe.command
    assert recipe.title
    assert recipe.dataset
    assert recipe.hardware
    for aim in recipe.aims_at:
        assert aim.source
    for measured in [recipe.measured] if recipe.measured else []:
        assert len(measured.seeds) == len(measured.minutes)
        assert all(len(rows) == len(measured.seeds) for rows in measured.score.values())


def test_all_the_recipes_are_there() -> None:
    """The nine recipes of the project are shipped."""
    assert recipe_names() == (
        "bccd_mobilenet",
        "carpk_r50_fpn_lpn",
        "coco_r50_fpn_1x",
        "drone_cars_mobilenet",
        "parking_mobilenet",
        "parking_small",
        "visdrone_r50_fpn",
        "voc0712_r101_c4",
        "voc07_r50_c4",
    )


def test_defaults(written: Writer) -> None:
    """What a file does not say has the default of its setting."""
    recipe = read_recipe(written())
    assert recipe.optimizer.learning_rate == 0.02
    assert recipe.measured is None


@pytest.mark.parametrize(
    ("override", "look", "value"),
    [
        ("optimizer.learning_rate=0.01", "optimizer.learning_rate", 0.01),
        ("optimizer.learning_rate = 1e-3", "optimizer.learning_rate", 1e-3),
        ("optimizer.clip_norm=none", "optimizer.clip_norm", None),
        ("optimizer.clip_norm='none'", "optimizer.clip_norm", None),
        ("optimizer.schedule=cosine", "optimizer.schedule", "cosine"),
        ('optimizer.schedule="cosine"', "optimizer.schedule", "cosine"),
        ("optimizer.drops_at=[0.5, 0.75]", "optimizer.drops_at", (0.5, 0.75)),
        ("model.anchors.sizes_px=[[32, 64]]", "model.anchors.sizes_px", ((32.0, 64.0),)),
        ("model.rpn={channels=64}", "model.rpn.channels", 64),
        ("run.xla=true", "run.xla", True),
        ("title=2024", "title", "2024"),
        ("title=a = b", "title", "a = b"),
        ("evaluation.limit_images=10", "evaluation.limit_images", 10),
    ],
)
def test_overrides(written: Writer, override: str, look: str, value: object) -> None:
    """An override is a TOML value, or a text without quotation marks."""
    found = read_recipe(written("[model.rpn]\nsampled = 100\n"), [override])
    assert found.model.rpn.sampled == 100
    for key in look.split("."):
        found = getattr(found, key)
    assert found == value
    assert type(found) is type(value)


def test_the_last_override_wins(written: Writer) -> None:
    """Overrides are taken in their order."""
    assert read_recipe(written(), ["run.seed=1", "run.seed=2"]).run.seed == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "[optimizer]\nlearningrate = 1",
            ("optimizer", "'learningrate'", "did you mean 'learning_rate'", "[optimizer]"),
        ),
        ("epochs = 1", ("'epochs'", "the keys of a recipe are title")),
        ("[model.rpn]\nlos = 1", ("model.rpn", "did you mean 'loss'")),
        ("[run]\nsteps = 'many'", ("run.steps", "should be a whole number, not a string")),
        ("[run]\nsteps = 0", ("run.steps", "whole number of at least 1")),
        ("[run]\nsteps = 2.5", ("run.steps", "should be a whole number, not a number")),
        ("[optimizer]\nlearning_rate = nan", ("optimizer.learning_rate", "is nan")),
        ("[optimizer]\nlearning_rate = inf", ("optimizer.learning_rate", "is inf")),
        ("[optimizer]\nlearning_rate = -1", ("optimizer.learning_rate", "a number above 0")),
        ("[input]\nflip = 2", ("input.flip", "at most 1")),
        ("[input]\nscale = [1]", ("input.scale", "list of 2")),
        ("[model]\nbackbone = 'resnet5'", ("model.backbone", "is 'resnet5'", "did you mean 'resnet50'")),
        ("model = 3", ("model", "should be a table")),
        ("[[aims_at]]\nmetric = 'AP'\nvalue = 1", ("aims_at[0]", "has no source")),
        ("[[aims_at]]\nmetrik = 'AP'", ("aims_at[0]", "did you mean 'metric'")),
        ("[run\n", ("is not TOML",)),
        ("a = " + "[" * 100_000, ("mine.toml",)),
        ("[run]\nseed = " + "9" * 5000, ("mine.toml",)),
        ("[run]\nseed = 1979-05-27", ("run.seed",)),
    ],
)
def test_what_is_no_recipe(written: Writer, more: str, said: tuple[str, ...]) -> None:
    """A refusal names the file, the table, the key, and what was meant."""
    with pytest.raises(DataError) as caught:
        read_recipe(written(more))
    assert str(caught.value).startswith(written(more))
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value) or "TOML" in str(caught.value)


def test_a_missing_key(tmp_path: Path) -> None:
    """A recipe without a title is refused."""
    (tmp_path / "r.toml").write_text(MINIMAL.partition("\n")[2])
    with pytest.raises(DataError, match="has no title"):
        read_recipe(str(tmp_path / "r.toml"))


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimizer.lr=0.1", ("'optimizer.lr=0.1'", "unknown key 'lr'", "the keys of [optimizer] are kind")),
        ("optimzer.learning_rate=0.1", ("did you mean 'optimizer'",)),
        ("optimizer.learning_rate", ("table.setting=value",)),
        ("=3", ("table.setting=value",)),
        ("optimizer..x=3", ("table.setting=value",)),
        ("run.steps.more=3", ("run.steps is a setting and no table",)),
        ("run.steps=many", ("'many' cannot be read as TOML",)),
        ("run.steps='many'", ("run.steps should be a whole number",)),
        ("run.steps=none", ("run.steps should be a whole number",)),
        ("run.steps=1\nseed=2", ("more than one line",)),
        ("run=3", ("run should be a table",)),
        ("run={stepz=3}", ("did you mean 'steps'",)),
        ("model.backbone=vgg16", ("it can be 'resnet50'",)),
        ("model.weights=\udcff", ("model.weights",)),
    ],
)
def test_overrides_that_cannot_be(written: Writer, override: str, said: tuple[str, ...]) -> None:
    """A refusal names the override."""
    with pytest.raises(UsageError) as caught:
        read_recipe(written(), [override])
    for part in ("override", *said):
        assert part in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("overrides", "place", "said"),
    [
        (["model.neck=fpn"], "model.anchors.sizes_px", "has 1 list, and the neck 'fpn' has 5 levels"),
        (["model.anchors.sizes_px=[[1], [2]]"], "model.anchors.sizes_px", "has 2 lists"),
        (["model.anchors.sizes_px=[[]]"], "model.anchors", "no anchors"),
        (
            ["model.neck=fpn", "model.fpn_levels=[3, 4]", "model.anchors.sizes_px=[[1], [2, 3]]"],
            "model.anchors.sizes_px",
            "several lengths",
        ),
        (["model.neck=fpn", "model.fpn_levels=[3, 7]"], "model.fpn_levels", "no levels"),
        (["input.train_canvas_px=[600, 1024]"], "input.train_canvas_px", "say [608, 1024]"),
        (["input.test_canvas_px=[608, 1000]"], "input.test_canvas_px", "largest stride, 16"),
        (["model.alpha=0.5"], "model.alpha", "resnet50 has no width multiplier"),
        (["model.normalization=group"], "model.normalization", "no group normalisation"),
        (["model.backbone=small"], "model.weights", "no ImageNet weights"),
        (["model.weights=none"], "model.normalization", "keeps the statistics of the weights"),
        (["model.weights=none", "model.normalization=batch"], "model.frozen_stages", "random for ever"),
        (["model.frozen_stages=6"], "model.frozen_stages", "5 stages"),
        (["model.head.kind=conv5", "model.backbone=mobilenet_v2"], "model.head.kind", "ResNet"),
        (["model.head.kind=conv5", "model.stride_px=32"], "model.head.kind", "stride 32"),
        (["model.neck=fpn", "model.fpn_levels=[4, 3]"], "model.fpn_levels", "no levels"),
        (["model.neck=fpn", "model.fpn_levels=[1, 3]"], "model.fpn_levels", "no levels"),
        (["optimizer.drops_at=[0.9, 0.5]"], "optimizer.drops_at", "ascend"),
        (["optimizer.warmup_steps=90000"], "optimizer.warmup_steps", "warm-up"),
        (["input.scale=[2, 1]"], "input.scale", "larger number first"),
        (["input.long_side_px=100"], "input.long_side_px", "without short_side_px"),
        (["input.short_side_px=200", "input.long_side_px=100"], "input.long_side_px", "less than"),
        (["model.rpn.negative_below=0.8"], "model.rpn.negative_below", "both"),
        (["model.head.negative_from=0.8"], "model.head.negative_from", "negative"),
        (["model.rpn.positive_share=0"], "model.rpn.positive_share", "no place"),
        (["model.head.sampled=1"], "model.head.positive_share", "no place"),
        (["model.head.sampled=3"], "model.head.positive_share", "no place"),  # the share is rounded down
        (
            ["model.neck=fpn", "model.head.pooling=crop_max", "model.anchors.sizes_px=[[1], [2], [3], [4], [5]]"],
            "model.head.pooling",
            "pools every region from one map",
        ),
        (["model.rpn.post_nms_test=7000"], "model.rpn.post_nms_test", "pre_nms_test"),
        (["model.rpn.pre_nms_train=100"], "model.rpn.post_nms_train", "pre_nms_train"),
        (["model.detections.limit=2000"], "model.detections.limit", "candidates"),
        (["input.train_canvas_px=[100000, 100000]"], "input.train_canvas_px", "is 100000, and may be 1 to 16,384"),
        (["input.max_truths=100000000"], "input.max_truths", "may be 1 to 10,000"),
        (["run.batch_size=1000000000"], "run.batch_size", "may be 1 to 65,536"),
        (["run.batch_size=60000"], "run.batch_size", "60,000 of 608 × 1024 (input.train_canvas_px) are over"),
        (["run.steps=1000000000000"], "run.steps", "is 1000000000000, and may be"),
        (["run.seed=99999999999999999999"], "run.seed", "may be 0 to 9,223,372,036,854,775,807"),
        (["input.scale=[1e-300, 1e300]"], "input.scale", "is 1e-300"),
        (["model.anchors.sizes_px=[[1e300]]"], "model.anchors.sizes_px", "is 1e+300"),
        (["evaluation.protocol=cocoo"], "evaluation.protocol", "the protocols are coco"),
    ],
)
def test_what_does_not_go_together(written: Writer, overrides: list[str], place: str, said: str) -> None:
    """Two settings that contradict are refused, with the file, the overrides and a remedy."""
    path = written()
    read_recipe(path)
    with pytest.raises(DataError) as caught:
        read_recipe(path, overrides)
    assert caught.value.file == path
    assert caught.value.record.startswith(f"{place} (with {overrides[0]}")
    assert caught.value.remedy
    assert said in str(caught.value)


def test_an_unknown_name() -> None:
    """A name that is none of the shipped ones is answered with the nearest."""
    with pytest.raises(UsageError, match="did you mean 'bccd_mobilenet'"):
        read_recipe("bcd_mobilenet")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path that leads nowhere is named."""
    with pytest.raises(DataError, match=r"nowhere\.toml"):
        read_recipe(str(tmp_path / "nowhere.toml"))
