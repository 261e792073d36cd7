"""Whether a run's categories are a dataset's: they are compared by name, and their order may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from detbench.errors import DataError
from detbench.words import brief, counted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detbench.data.tables import Dataset

__all__ = ["match_categories"]

_SHOWN = 3
_LONGEST_NAME = 40


class _HasCategories(Protocol):
    """A run that was loaded, or its record."""

    @property
    def categories(self) -> Sequence[str]: ...


def match_categories(run: _HasCategories, dataset: Dataset) -> NDArray[np.int32]:
    """Return int32 ``[K]``: which category of ``dataset`` each of the run's is, by name.

    Raises
    ------
    DataError
        If one has a category that the other lacks; the first of them are named.
    """
    theirs = dataset.categories.name
    row = {name: number for number, name in enumerate(theirs)}
    lacking = [name for name in run.categories if name not in row]
    unknown = [name for name in theirs if name not in set(run.categories)]
    if lacking or unknown:
        parts = [f"the dataset lacks {_first(lacking)}"] if lacking else []
        parts += [f"the model does not know {_first(unknown)}"] if unknown else []
        raise DataError(
            f"its {counted(len(theirs), 'category is', 'categories are')} not the "
            f"{len(run.categories):,} that the model was trained on: {', and '.join(parts)}",
            file=dataset.source,
            remedy="give a dataset with the model's categories, or train on this one",
        )
    return np.array([row[name] for name in run.categories], dtype=np.int32)


def _first(names: Sequence[str]) -> str:
    shown = ", ".join(repr(brief(printable(name), _LONGEST_NAME)) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
