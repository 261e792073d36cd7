"""What a model's categories are called, and the numbers that they go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detbench.detectors.adapters.contract import ModelError
from detbench.errors import DataError
from detbench.files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["COCO", "Naming", "naming_for", "read_naming"]

#: The 80 names of COCO's instances, in the order of their ids (Lin et al. 2014; instances_val2017.json).
_COCO_NAMES = tuple(
    """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,
bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,
snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,
knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,
dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,
vase,scissors,teddy bear,hair drier,toothbrush""".replace("\n", "").split(",")
)

#: Ids that COCO gave to categories without boxes.
_COCO_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})


@dataclass(frozen=True, slots=True)
class Naming:
    """Names of categories, and the number of each where a model counts them from 1 and 0 is the background."""

    names: tuple[str, ...]
    ids: tuple[int, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Naming:
        """Return names that are numbered from 1 without a gap."""
        return cls(tuple(names), tuple(range(1, len(names) + 1)))

    def rows_of_ids(self, ids: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return int32 ``[N]``: the rows of categories that a model calls by number. Raises ModelError."""
        row_of = {one: row for row, one in enumerate(self.ids)}
        try:
            return np.array([row_of[int(one)] for one in ids], dtype=np.int32)
        except KeyError as error:
            raise ModelError(
                f"gives category number {error.args[0]}, and its {len(self.ids)} categories go from {self.ids[0]} to "
                f"{self.ids[-1]}"
            ) from error


COCO = Naming(_COCO_NAMES, tuple(one for one in range(1, 91) if one not in _COCO_GAPS))


def read_naming(text: str) -> Naming:
    """Return what ``--categories`` says: ``coco``, or a text file with a name on each line.

    Raises
    ------
    DataError
        If there is no such file, it has no names, or one of them twice.
    """
    if text == "coco":
        return COCO
    path = Path(text)
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not names:
        raise DataError("has no names of categories", file=path, remedy="write one on each line")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"has {name!r} twice", file=path, remedy="write each category once")
        seen.add(name)
    return Naming.of(names)


def naming_for(given: Naming | None, own: Sequence[str] | None, count: int | None) -> tuple[Naming, str]:
    """Return the names of a model's categories, and a note where they were taken for granted.

    Parameters
    ----------
    given
        What the user says, which goes before
    own
        what the model says of itself.
    count
        How many categories the model tells apart; None where its outputs do not say.

    Raises
    ------
    ModelError
        If the names are not as many; or there are none, and not 80 categories, which are COCO's.
    """
    if given is not None or own is not None:
        naming = given if given is not None else Naming.of(own or ())
        if count is not None and len(naming.names) != count:
            whose = "--categories has" if given is not None else "it has"
            raise ModelError(f"tells {count} categories apart, and {whose} {len(naming.names)} names")
        return naming, ""
    if count == len(COCO.names):
        return (
            COCO,
            "the model does not name its 80 categories; they are taken for COCO's (--categories says otherwise)",
        )
    many = f"its {count}" if count is not None else "its"
    raise ModelError(f"does not name {many} categories; say --categories with a file of names, one a line, or coco")
