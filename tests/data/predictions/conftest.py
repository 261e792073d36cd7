"""A dataset of two or more pictures that predictions can be joined to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detbench.data.pictures import FolderPictures
from detbench.data.tables import Categories, Dataset, GroundTruthBuilder, Images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detbench.data.tables import Key


def _make(
    keys: Sequence[Key],
    names: Sequence[str] = ("car", "person"),
    *,
    ids: Sequence[Key] | None = None,
    file_names: Sequence[str] | None = None,
    size_px: tuple[int, int] = (200, 100),
    format_name: str = "coco",
) -> Dataset:
    count = len(keys)
    categories = Categories(tuple(names), tuple(ids)) if ids is not None else Categories.from_names(names)
    images = Images(
        tuple(keys),
        tuple(file_names) if file_names is not None else ("",) * count,
        np.full(count, size_px[0], np.int32),
        np.full(count, size_px[1], np.int32),
    )
    return Dataset(
        name="made",
        format=format_name,
        source=Path("made"),
        split=None,
        categories=categories,
        images=images,
        ground_truth=GroundTruthBuilder().build(),
        pictures=FolderPictures((None,) * count, tuple(map(str, keys))),
    )


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    """Return a function from image keys, category names and their like to a dataset without boxes."""
    return _make
