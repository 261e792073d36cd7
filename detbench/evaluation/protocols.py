"""Protocols: what counts as found, what is left out, and how the curve becomes a number. Values, not code."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from detbench.errors import UsageError

__all__ = ["PROTOCOLS", "Area", "Protocol", "protocol_named"]


class Area(NamedTuple):
    """A range of areas in square pixels, both ends included; ``suffix`` names its metrics (``APs``)."""

    name: str
    suffix: str
    low_px: float
    high_px: float


#: COCO's ranges: "all" ends at 1e5², small and medium meet at 32², medium and large at 96².
_EVERY_AREA = Area("all", "", 0.0, 1e5**2)
_COCO_AREAS = (
    _EVERY_AREA,
    Area("small", "s", 0.0, 32.0**2),
    Area("medium", "m", 32.0**2, 96.0**2),
    Area("large", "l", 96.0**2, 1e5**2),
)

#: COCO's own values, the last bits included, as ``np.linspace(0.5, 0.95, 10)`` gives them.
_COCO_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95)


class Protocol(NamedTuple):
    """One way to score.

    Attributes
    ----------
    matching
        ``"coco"``: a prediction takes the free ground truth of greatest IoU. ``"voc"``: it looks only at the
        ground truth of greatest IoU, free or taken.
    iou_thresholds
        Ascending. ``iou_above`` False: IoU ≥ threshold matches (VOC's devkit, COCO); True: only IoU > threshold.
    areas
        Ranges that ground truth and unmatched predictions are filtered by; the first holds everything.
    max_dets
        Ascending: how many predictions of one category an image may have, the highest scores first. None in the
        last place: no limit.
    max_dets_per
        ``"category"``: that many of each category in an image; ``"image"``: of all categories together, those that
        are left out included, proposals not.
    interpolation
        ``"101-point"`` (COCO), ``"11-point"`` (VOC 2007) or ``"all-point"`` (VOC 2010 and after).
    inclusive_boxes
        Count both border pixels (side ``x2 − x1 + 1``). A VOC file's boxes need no such thing: reading has made
        them continuous already.
    ignore_difficult, ignore_marked, ignore_crowd
        Whether ``difficult``, ``ignore`` and ``crowd`` ground truth need not be found. A crowd that need not be may
        be taken any number of times, and its overlap is the share of the prediction that lies in it; one that must
        be found is an object like any other.
    marked_is_crowd
        Whether ``ignore`` ground truth that need not be found is taken like such a crowd.
    id_zero_is_unmatched
        Repeat pycocotools' slip: a match with annotation id 0 counts as a false positive.
    ignored_region_share
        Ground truth and predictions with this share of their area or more inside the union of their image's ignored
        regions take no part. None: regions are not honoured.
    ignored_region_pixels
        ``"exact"``: areas as they are; ``"whole"``: as the VisDrone toolkit's raster counts pixels, see
        :mod:`detbench.evaluation.regions`.
    left_out_categories
        Names of categories whose ground truth and predictions take no part.
    mean_by_images
        Give every mean over the categories a second time, as ``AP_by_images`` and so on, with a category weighted by
        the number of images that have ground truth of it to be found.
    """

    name: str
    title: str
    matching: Literal["coco", "voc"]
    iou_thresholds: tuple[float, ...]
    areas: tuple[Area, ...]
    max_dets: tuple[int | None, ...]
    interpolation: Literal["101-point", "11-point", "all-point"]
    iou_above: bool = False
    inclusive_boxes: bool = False
    ignore_difficult: bool = False
    ignore_marked: bool = True
    id_zero_is_unmatched: bool = False
    max_dets_per: Literal["category", "image"] = "category"
    ignore_crowd: bool = True
    marked_is_crowd: bool = False
    ignored_region_share: float | None = None
    ignored_region_pixels: Literal["exact", "whole"] = "exact"
    left_out_categories: tuple[str, ...] = ()
    mean_by_images: bool = False

    def fingerprint(self) -> str:
        """Return the SHA-256 of everything but the name and the title: two that score alike are alike.

        A setting that has its default does not enter, so that one added later changes no older protocol's.
        """
        import hashlib
        import json

        usual: dict[str, Any] = {"name": self.name, "title": self.title, **self._field_defaults}
        alike = {key for key, value in usual.items() if getattr(self, key) == value}
        rules = {key: value for key, value in self.to_dict().items() if key not in alike}
        return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the protocol as plain lists, strings and numbers."""
        plain = self._asdict()
        plain["areas"] = [area._asdict() for area in self.areas]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


_COCO = Protocol(
    name="coco",
    title="COCO box detection",
    matching="coco",
    iou_thresholds=_COCO_THRESHOLDS,
    areas=_COCO_AREAS,
    max_dets=(1, 10, 100),
    interpolation="101-point",
)
_VOC2012 = Protocol(
    name="voc2012",
    title="Pascal VOC 2012: AP at IoU 0.5, area under the whole curve",
    matching="voc",
    iou_thresholds=(0.5,),
    areas=(_EVERY_AREA,),
    max_dets=(None,),
    interpolation="all-point",
    ignore_difficult=True,
)

#: The VisDrone-DET toolkit: github.com/VisDrone/VisDrone2018-DET-toolkit, ``utils/calcAccuracy.m`` (commit d615c900),
#: ``saveAnnoRes.m`` (77b93934), ``dropObjectsInIgr.m`` (3753c770), ``evalRes.m``, ``compOas.m`` and ``VOCap.m``.
#: docs/reference/protocols.md says which of its rules are taken and where it differs.
_VISDRONE = Protocol(
    name="visdrone",
    title="VisDrone-DET: ignored regions dropped first, 500 predictions an image, area under the whole curve",
    matching="coco",
    iou_thresholds=_COCO_THRESHOLDS,
    areas=(_EVERY_AREA,),
    max_dets=(1, 10, 100, 500),
    max_dets_per="image",
    interpolation="all-point",
    marked_is_crowd=True,
    ignored_region_share=0.5,
    ignored_region_pixels="whole",
    left_out_categories=("others",),
    mean_by_images=True,
)

PROTOCOLS: dict[str, Protocol] = {
    "coco": _COCO,
    "coco_strict": _COCO._replace(
        name="coco_strict",
        title="COCO box detection exactly as pycocotools computes it: 'ignore' overwritten, id 0 unmatched",
        ignore_marked=False,
        id_zero_is_unmatched=True,
    ),
    "voc2007": _VOC2012._replace(
        name="voc2007", title="Pascal VOC 2007: AP at IoU 0.5, 11 points", interpolation="11-point"
    ),
    "voc2012": _VOC2012,
    "dense": _COCO._replace(
        name="dense", title="COCO box detection with up to 1,000 predictions an image", max_dets=(1, 10, 100, 1000)
    ),
    "visdrone": _VISDRONE,
}


def protocol_named(name: str) -> Protocol:
    """Return the built-in protocol called ``name``, in any case, or the one in the file ``name``, ending in .toml.

    Raises
    ------
    UsageError
        If there is no such protocol; lists the names.
    DataError
        If the file holds no protocol.
    """
    if name.lower().endswith(".toml"):
        from pathlib import Path

        from detbench.evaluation.protocol_files import read_protocol

        return read_protocol(Path(name))
    if name.lower() not in PROTOCOLS:
        raise UsageError(
            f"there is no protocol {name!r:.60}; the protocols are {', '.join(PROTOCOLS)}, or a file that ends in .toml"
        )
    return PROTOCOLS[name.lower()]
