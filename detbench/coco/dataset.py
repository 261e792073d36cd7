"""A COCO annotation file in memory, and its indexes: pycocotools' ``COCO``, as far as boxes need it."""

from __future__ import annotations

import copy
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from detbench.coco.progress import say
from detbench.errors import DataError, UsageError
from detbench.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["COCO"]

#: A row of an array of results: image id, x, y, width, height, score, category id.
_RESULT_COLUMNS = 7

_SHOWN = 5


class COCO:
    """Annotations, or results, and ways to find them.

    Parameters
    ----------
    annotation_file
        A COCO JSON; None for an empty one, to be filled through ``dataset`` and ``createIndex()``.

    Attributes
    ----------
    dataset
        The file as it is: ``images``, ``annotations``, ``categories`` and the rest.
    anns, imgs, cats
        Id → record.
    imgToAnns, catToImgs
        Image id → its annotations; category id → the image of each of its annotations.

    Raises
    ------
    DataError
        If the file cannot be read, is not JSON, or a record lacks its id.
    """

    def __init__(self, annotation_file: str | os.PathLike[str] | None = None) -> None:
        self.dataset: dict[str, Any] = {}
        self.anns: dict[Any, dict[str, Any]] = {}
        self.imgs: dict[Any, dict[str, Any]] = {}
        self.cats: dict[Any, dict[str, Any]] = {}
        self.imgToAnns: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.catToImgs: defaultdict[Any, list[Any]] = defaultdict(list)
        if annotation_file is None:
            return
        say("loading annotations into memory...")
        begun = time.perf_counter()
        document = _read_json(Path(annotation_file))
        if not isinstance(document, dict):
            raise DataError(
                "is not a COCO annotation file: it is not an object",
                file=annotation_file,
                remedy="load results with COCO(annotations).loadRes(results)",
            )
        self.dataset = document
        say(f"Done (t={time.perf_counter() - begun:0.2f}s)")
        self.createIndex()

    def createIndex(self) -> None:
        """Index ``dataset`` anew. Raises DataError, naming the record, where one lacks an id."""
        say("creating index...")
        tables = {name: self.dataset.get(name, []) for name in ("annotations", "images", "categories")}
        self.anns, self.imgs, self.cats = (
            dict(zip(_column(records, name, "id"), records, strict=True)) for name, records in tables.items()
        )
        annotations = tables["annotations"]
        images = _column(annotations, "annotations", "image_id")
        self.imgToAnns, self.catToImgs = defaultdict(list), defaultdict(list)
        for image, annotation in zip(images, annotations, strict=True):
            self.imgToAnns[image].append(annotation)
        if "categories" in self.dataset:
            for category, image in zip(_column(annotations, "annotations", "category_id"), images, strict=True):
                self.catToImgs[category].append(image)
        say("index created!")

    def info(self) -> None:
        """Print what the file says about itself."""
        for key, value in self.dataset.get("info", {}).items():
            say(f"{key}: {value}")

    def getAnnIds(
        self, imgIds: Any = (), catIds: Any = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """Return ids of annotations: on these images, of these categories, of an area between two, crowds or not.

        What is empty, or None, filters nothing. An id may stand alone, without a list.
        """
        images, categories = _listed(imgIds), set(_listed(catIds))
        found: Iterable[dict[str, Any]] = self.dataset.get("annotations", [])
        if images:
            found = (one for key in images if key in self.imgToAnns for one in self.imgToAnns[key])
        if categories:
            found = (one for one in found if one["category_id"] in categories)
        if len(areaRng):
            found = (one for one in found if areaRng[0] < one["area"] < areaRng[1])
        if iscrowd is not None:
            found = (one for one in found if one["iscrowd"] == iscrowd)
        return [one["id"] for one in found]

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list[Any]:
        """Return ids of categories: with these names, supercategories and ids. What is empty filters nothing."""
        found: Iterable[dict[str, Any]] = self.dataset.get("categories", [])
        for field, wanted in (("name", catNms), ("supercategory", supNms), ("id", catIds)):
            values = set(_listed(wanted))
            if values:
                found = [category for category in found if category[field] in values]
        return [category["id"] for category in found]

    def getImgIds(self, imgIds: Any = (), catIds: Any = ()) -> list[Any]:
        """Return ids of images: these ones, that have all of these categories. What is empty filters nothing."""
        images, categories = _listed(imgIds), _listed(catIds)
        if not images and not categories:
            return list(self.imgs)
        found = set(images)
        for number, category in enumerate(categories):
            having = set(self.catToImgs[category])
            found = having if number == 0 and not found else found & having
        return list(found)

    def loadAnns(self, ids: Any = ()) -> list[dict[str, Any]]:
        """Return the annotations with these ids. Raises KeyError if there is none, as pycocotools does."""
        return [self.anns[key] for key in _listed(ids)]

    def loadCats(self, ids: Any = ()) -> list[dict[str, Any]]:
        """Return the categories with these ids. Raises KeyError if there is none."""
        return [self.cats[key] for key in _listed(ids)]

    def loadImgs(self, ids: Any = ()) -> list[dict[str, Any]]:
        """Return the images with these ids. Raises KeyError if there is none."""
        return [self.imgs[key] for key in _listed(ids)]

    def loadRes(self, resFile: str | os.PathLike[str] | list[dict[str, Any]] | NDArray[Any]) -> COCO:
        """Return results on these images, with the ids 1 to N in the order given.

        Parameters
        ----------
        resFile
            A results JSON, a list of ``{"image_id", "category_id", "bbox", "score"}`` (left as it is: the records
            are copied), or an array ``[N, 7]`` of image id, x, y, width, height, score, category id.

        Raises
        ------
        DataError
            If the file cannot be read, a result has no box, or is on an image that is not here.
        UsageError
            If ``resFile`` is none of these.
        """
        say("Loading and preparing results...")
        begun = time.perf_counter()
        where = str(resFile) if isinstance(resFile, str | os.PathLike) else ""
        found = _read_json(Path(where)) if where else resFile
        records = _records_of_array(found) if isinstance(found, np.ndarray) else found
        if not isinstance(records, list):
            problem = "the results are not a list of objects"
            raise DataError(problem, file=where) if where else UsageError(problem)
        self._require_known_images(records, where)
        results = COCO()
        results.dataset = {
            "info": copy.deepcopy(self.dataset.get("info", {})),
            "images": list(self.dataset.get("images", [])),
            "categories": copy.deepcopy(self.dataset.get("categories", [])),
            "annotations": [_with_box(record, number, where) for number, record in enumerate(records)],
        }
        say(f"DONE (t={time.perf_counter() - begun:0.2f}s)")
        results.createIndex()
        return results

    def loadNumpyAnnotations(self, data: NDArray[Any]) -> list[dict[str, Any]]:
        """Return an array ``[N, 7]`` of results as a list of records; see :meth:`loadRes`."""
        return _records_of_array(data)

    def _require_known_images(self, records: list[dict[str, Any]], where: str) -> None:
        """Raise DataError if a result is on an image that is not here, or on none."""
        for number, record in enumerate(records):
            if not isinstance(record, dict) or "image_id" not in record:
                raise DataError("has no image_id", file=where, record=f"result [{number}]")
        strangers = [key for key in dict.fromkeys(record["image_id"] for record in records) if key not in self.imgs]
        if strangers:
            shown = ", ".join(f"{key!r:.60}" for key in strangers[:_SHOWN])
            raise DataError(
                f"the results are on {len(strangers):,} images that the annotations lack: {shown}",
                file=where,
                remedy="load the annotations of the same set and split",
            )


def _read_json(path: Path) -> Any:
    """Return a JSON file's content; NaN, which Python's own writer writes, is taken too. Raises DataError."""
    data = read_bytes(path)
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data)
    except RecursionError as error:
        raise DataError("is nested too deeply to be a COCO file", file=path) from error
    except ValueError as error:
        raise DataError(f"is not JSON ({error})", file=path, remedy="restore it from its source") from error


def _column(records: list[dict[str, Any]], name: str, field: str) -> list[Any]:
    """Return one field of all records of the list called ``name``. Raises DataError at a record that lacks it."""
    try:
        return [record[field] for record in records]
    except (KeyError, TypeError):
        number = next(n for n, record in enumerate(records) if not isinstance(record, dict) or field not in record)
        raise DataError(f"has no {field}", record=f"{name}[{number}]") from None


def _listed(ids: Any) -> list[Any]:
    """Return what may be one id or several as a list; a string is one."""
    several = hasattr(ids, "__iter__") and hasattr(ids, "__len__") and not isinstance(ids, str)
    return list(ids) if several else [ids]


def _with_box(record: dict[str, Any], number: int, where: str) -> dict[str, Any]:
    """Return a copy of a result with the fields that an evaluation reads. Raises DataError if it has no box."""
    if "bbox" not in record:
        other = next((kind for kind in ("segmentation", "keypoints", "caption") if kind in record), "")
        raise DataError(
            f"has {other} but no bbox" if other else "has no bbox",
            file=where,
            record=f"result [{number}]",
            remedy="detbench.coco evaluates boxes; load these results with pycocotools.coco.COCO" if other else "",
        )
    try:
        _, _, width, height = record["bbox"]
        area = width * height
    except (TypeError, ValueError):
        raise DataError("its bbox is not four numbers", file=where, record=f"result [{number}]") from None
    return {**record, "area": area, "id": number + 1, "iscrowd": 0}


def _records_of_array(data: NDArray[Any]) -> list[dict[str, Any]]:
    if data.ndim != 2 or data.shape[1] != _RESULT_COLUMNS:  # noqa: PLR2004  rows and columns
        raise UsageError(f"an array of results has {_RESULT_COLUMNS} columns, and this one the shape {data.shape}")
    return [
        {"image_id": int(row[0]), "bbox": list(row[1:5]), "score": row[5], "category_id": int(row[6])} for row in data
    ]
