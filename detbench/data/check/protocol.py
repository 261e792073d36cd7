"""What a protocol will do with the data: images that only false positives can land on, regions, crowded images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detbench.data.check.context import listing
from detbench.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detbench.data.check.context import Context
    from detbench.data.findings import Finding

__all__ = ["CHECKS"]


def nothing_in_image(context: Context) -> Iterator[Finding]:
    """Report, in one line a split, the images without any box."""
    for split in context.splits:
        counts = np.diff(split.data.ground_truth.offsets(len(split.data.images)))
        keys = [split.data.images.key[row] for row in np.flatnonzero(counts == 0)]
        if keys:
            yield split.split_finding(
                "image-without-boxes",
                f"{len(keys):,} of {counted(len(counts), 'image')} have no box: {listing(keys)}",
            )


def regions(context: Context) -> Iterator[Finding]:
    """Report, in one line a split, how much ground truth is a region to ignore or a crowd."""
    for split in context.splits:
        truth = split.data.ground_truth
        marked = truth.ignore | truth.crowd | (truth.category < 0)
        if marked.any():
            boxes, images = counted(len(truth), "box", "boxes"), len(np.unique(truth.image[marked]))
            yield split.split_finding(
                "ignore-region",
                f"{int(marked.sum()):,} of {boxes} are ignored regions or crowds, in {counted(images, 'image')}",
            )


def crowded_images(context: Context) -> Iterator[Finding]:
    """Report, in one line a split, images with more objects of a category than a prediction file may name."""
    if context.max_dets is None:
        return
    for split in context.splits:
        data = split.data
        truth = data.ground_truth
        proper = ~(truth.ignore | truth.crowd | (truth.category < 0))
        pairs = np.stack([truth.image[proper], truth.category[proper]], axis=1)
        places, counts = np.unique(pairs, axis=0, return_counts=True)
        over = counts > context.max_dets
        if not over.any():
            continue
        fullest = int(np.argmax(counts))
        image, category = places[fullest]
        reachable = np.minimum(counts, context.max_dets).sum() / counts.sum()
        crowded, images = len(np.unique(places[over, 0])), counted(len(data.images), "image")
        yield split.split_finding(
            "objects-over-max-dets",
            f"{crowded:,} of {images} {'holds' if crowded == 1 else 'hold'} more than {context.max_dets:,} "
            f"objects of one category (the most: {counts[fullest]:,} of {data.categories.name[category]} in image "
            f"{data.images.key[image]}); with maxDets {context.max_dets:,} ({context.protocol}) at most "
            f"{np.floor(reachable * 1000) / 10:.1f} % of the objects can be found",
        )


CHECKS = (nothing_in_image, regions, crowded_images)
