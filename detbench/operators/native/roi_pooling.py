"""RoI pooling in C++: :mod:`detbench.operators.reference`'s four, region by region on all cores.

The cells of a bin are weighted along y and along x apart, as in the reference, and neighbouring bins share what they
have in common. The sums differ from the reference's by rounding alone, and do not depend on the number of threads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from detbench.errors import DataError, UsageError
from detbench.extension import native
from detbench.operators.native.answers import unfilled
from detbench.operators.reference import crop_and_resize as reference_crop
from detbench.operators.reference import roi_align as reference
from detbench.operators.reference import roi_max_pool as reference_max

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["crop_and_resize", "crop_max_pool", "roi_align", "roi_max_pool"]

#: Adaptive sampling takes at most so many points along a bin: a region that needs more has been given in a wrong unit.
_MOST_POINTS = 65_536


def roi_align(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    sampling_ratio: int = 2,
    aligned: bool = True,
    *,
    out: NDArray[np.floating] | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Return the mean values in the bins of each region: :func:`detbench.operators.reference.roi_align.roi_align`.

    Parameters
    ----------
    feature, region, image, stride_px, output_size, sampling_ratio, aligned
        The reference's. ``feature`` is copied unless it is contiguous and float32, or float64.
    out
        Where to put the answer, contiguous and of its shape and type. By default, where an earlier large answer
        lay that is not used any more, else in new memory.
    threads
        On how many threads, by default one for every core.

    Raises
    ------
    DataError
        If a region lies on an image that is not in the batch, or is not finite.
    """
    if native() is None:
        answer = reference.roi_align(feature, region, image, stride_px, output_size, sampling_ratio, aligned)
        return _put(answer, out)
    points = max(sampling_ratio, 0)
    if not points and region.shape[1:] == (4,) and stride_px > 0 and min(output_size) > 0:
        _check_sides(region, stride_px, output_size)
    return _pooled("roi_align", feature, region, image, stride_px, output_size, out, threads, points, aligned)


def roi_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    output_size: tuple[int, int] = (7, 7),
    *,
    out: NDArray[np.floating] | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Return the greatest values in the bins of each region.

    The parameters are those of :func:`detbench.operators.reference.roi_max_pool.roi_max_pool`; the others, and what is
    raised, those of :func:`roi_align`.
    """
    if native() is None:
        return _put(reference_max.roi_max_pool(feature, region, image, stride_px, output_size), out)
    return _pooled("roi_max_pool", feature, region, image, stride_px, output_size, out, threads)


def crop_and_resize(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
    *,
    out: NDArray[np.floating] | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Return the values at a grid of points in each region.

    The parameters are those of :func:`detbench.operators.reference.crop_and_resize.crop_and_resize`; the others, and
    what is raised, those of :func:`roi_align`.
    """
    if native() is None:
        return _put(reference_crop.crop_and_resize(feature, region, image, stride_px, crop_size), out)
    return _pooled("crop_and_resize", feature, region, image, stride_px, crop_size, out, threads)


def crop_max_pool(
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    crop_size: tuple[int, int] = (14, 14),
    *,
    out: NDArray[np.floating] | None = None,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Return the greatest of each 2 × 2 points of a crop, which itself is never stored.

    The parameters are those of :func:`detbench.operators.reference.crop_and_resize.crop_max_pool`; the others, and
    what is raised, those of :func:`roi_align`.
    """
    bins = (crop_size[0] // 2, crop_size[1] // 2)
    if native() is None or min(bins) < 1:
        return _put(reference_crop.crop_max_pool(feature, region, image, stride_px, crop_size), out)
    return _pooled("crop_max_pool", feature, region, image, stride_px, bins, out, threads, *crop_size)


def _check_sides(region: NDArray[np.floating], stride_px: float, output_size: tuple[int, int]) -> None:
    """Raise DataError if adaptive sampling would take too many points."""
    corner = np.asarray(region, dtype=np.float64)
    longest = (corner[:, 2:] - corner[:, :2]) / stride_px
    if (longest / output_size[::-1] > _MOST_POINTS).any():
        raise DataError(
            f"region {int(longest.max(axis=1).argmax())} is {longest.max():,.0f} cells long, too many to sample each; "
            "check that regions are pixels of the picture"
        )


def _pooled(
    name: str,
    feature: NDArray[np.floating],
    region: NDArray[np.floating],
    image: NDArray[np.int32],
    stride_px: float,
    bins: tuple[int, int],
    out: NDArray[np.floating] | None,
    threads: int | None,
    *rule: int | bool,
) -> NDArray[np.floating]:
    """Return what the native function of this name makes of the regions, after all has been checked."""
    feature, region = np.asarray(feature), np.asarray(region)
    dtype = np.result_type(feature, region, np.float32)
    feature, region = np.ascontiguousarray(feature, dtype=dtype), np.ascontiguousarray(region, dtype=dtype)
    if feature.ndim != 4 or 0 in feature.shape[1:3]:  # noqa: PLR2004  batch, height, width, channels
        raise DataError(f"feature maps are [B, H, W, C], with cells; these have the shape {feature.shape}")
    if region.shape != (len(image), 4):
        raise DataError(f"regions are [R, 4], with an image each; these are {region.shape}, and {len(image)} images")
    image, finite = np.asarray(image), np.isfinite(region)
    if not finite.all():
        raise DataError(f"region {int(finite.all(axis=1).argmin())} has a corner that is not finite")
    if len(image) and (image.min() < 0 or image.max() >= len(feature)):
        row = int(((image < 0) | (image >= len(feature))).argmax())
        raise DataError(f"region {row} lies on image {image[row]}, and there are {len(feature)}; they count from 0")
    if not stride_px > 0 or min(bins) < 1:
        raise UsageError(f"a stride of {stride_px} pixels and {bins[0]} × {bins[1]} bins; both must be above 0")
    shape = (len(region), *bins, feature.shape[3])
    if out is None:
        out = unfilled(shape, dtype)
    elif out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        raise UsageError(f"out is {out.dtype} {out.shape}; it must be {dtype} {shape}, and contiguous")
    elif not out.flags.writeable or any(np.may_share_memory(out, one) for one in (feature, region)):
        raise UsageError("out is read-only, or lies in the memory of an input; give an array of its own")
    pool = getattr(native(), name)
    image = np.ascontiguousarray(image, dtype=np.int32)
    pool(feature, region, image, float(stride_px), *rule, threads or os.cpu_count() or 1, out)
    return out


def _put(answer: NDArray[np.floating], out: NDArray[np.floating] | None) -> NDArray[np.floating]:
    """Return the reference's answer, in ``out`` if there is one."""
    if out is None:
        return answer
    out[...] = answer
    return out
