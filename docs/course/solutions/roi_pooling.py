"""Features of one size from boxes of any size."""

import numpy as np
import tensorflow as tf

from solutions.normalize_boxes import normalize_boxes_tensorflow


def points(begin, end, cells, count):
    """Return where ``count`` points lie along an axis, in cells, as TensorFlow computes it."""
    last = np.float32(max(cells - 1, 1))
    begin, end = begin / last, end / last  # as crop_and_resize is given them
    last = np.float32(cells - 1)
    if count == 1:
        return [np.float32(0.5) * (begin + end) * last]
    step = (end - begin) * last / np.float32(count - 1)
    return [begin * last + np.float32(number) * step for number in range(count)]


def value_at(feature, y, x):
    """Return the channels at a point between cells, 0 outside."""
    height, width, channels = feature.shape
    if not (0 <= y <= height - 1 and 0 <= x <= width - 1):
        return np.zeros(channels, dtype=feature.dtype)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    above = feature[top, left] * (1 - across) + feature[top, right] * across
    below = feature[bottom, left] * (1 - across) + feature[bottom, right] * across
    return above * (1 - down) + below * down


def crop_max_pool_loops(feature, region, image, stride_px, crop_size=(14, 14)):
    high, wide = crop_size
    pooled = np.zeros((len(region), high // 2, wide // 2, feature.shape[3]), dtype=np.float32)
    for number, corners in enumerate(region):
        x1, y1, x2, y2 = corners / np.float32(stride_px)
        map_of_it = feature[image[number]]
        ys = points(y1, y2, map_of_it.shape[0], high)
        xs = points(x1, x2, map_of_it.shape[1], wide)
        for row in range(high // 2):
            for column in range(wide // 2):
                four = [value_at(map_of_it, ys[2 * row + i], xs[2 * column + j]) for i in (0, 1) for j in (0, 1)]
                pooled[number, row, column] = np.max(four, axis=0)
    return pooled


def crop_max_pool_numpy(feature, region, image, stride_px, crop_size=(14, 14)):
    high, wide = crop_size
    _, height, width, channels = feature.shape
    last = np.array([width - 1, height - 1] * 2, dtype=np.float32)
    corner = region / (np.float32(stride_px) * np.maximum(last, 1))  # between 0 and 1, as TensorFlow has it
    row, row_inside, down = _along(corner[:, 1], corner[:, 3], height, high)
    column, column_inside, across = _along(corner[:, 0], corner[:, 2], width, wide)
    of = image[:, None, None]
    top, bottom = row[:, :, None], np.minimum(row + 1, height - 1)[:, :, None]
    left, right = column[:, None, :], np.minimum(column + 1, width - 1)[:, None, :]
    down, across = down[:, :, None, None], across[:, None, :, None]
    above = feature[of, top, left] * (1 - across) + feature[of, top, right] * across
    below = feature[of, bottom, left] * (1 - across) + feature[of, bottom, right] * across
    crop = above * (1 - down) + below * down
    crop = crop * (row_inside[:, :, None] & column_inside[:, None, :])[..., None]
    pairs = crop[:, : high // 2 * 2, : wide // 2 * 2].reshape(len(region), high // 2, 2, wide // 2, 2, channels)
    return pairs.max(axis=(2, 4))


def _along(begin, end, cells, count):
    """Return the cell before each point of an axis, whether the point is on the map, and how far behind the cell."""
    last = np.float32(cells - 1)
    if count == 1:
        at = (np.float32(0.5) * (begin + end) * last)[:, None]
    else:
        step = (end - begin) * last / np.float32(count - 1)
        at = begin[:, None] * last + np.arange(count, dtype=np.float32) * step[:, None]
    inside = (at >= 0) & (at <= last)
    at = np.where(inside, at, 0)
    cell = at.astype(np.int64)
    return cell, inside, (at - cell).astype(np.float32)


def crop_max_pool_tensorflow(feature, region, image, stride_px, crop_size=(14, 14)):
    _, height, width, _ = feature.shape
    box = normalize_boxes_tensorflow(tf.convert_to_tensor(region / np.float32(stride_px)), height, width)
    crop = tf.image.crop_and_resize(feature, box, image, crop_size)
    return tf.nn.max_pool2d(crop, ksize=2, strides=2, padding="VALID")


def roi_align(feature, region, image, stride_px, output_size=(7, 7), sampling_ratio=2, aligned=True):
    high, wide = output_size
    pooled = np.zeros((len(region), high, wide, feature.shape[3]), dtype=np.float32)
    for number, corners in enumerate(region):
        x1, y1, x2, y2 = corners / stride_px - (0.5 if aligned else 0)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1), max(height, 1)
        down = sampling_ratio or int(np.ceil(height / high))
        across = sampling_ratio or int(np.ceil(width / wide))
        for row in range(high):
            for column in range(wide):
                total = np.zeros(feature.shape[3])
                for i in range(down):
                    for j in range(across):
                        y = y1 + (row + (i + 0.5) / down) * height / high
                        x = x1 + (column + (j + 0.5) / across) * width / wide
                        total += _clamped(feature[image[number]], y, x)
                pooled[number, row, column] = total / max(down * across, 1)
    return pooled


def _clamped(feature, y, x):
    """Return the channels at a point; up to a cell outside it is the border's value, beyond that 0."""
    height, width, channels = feature.shape
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(channels)
    return value_at(feature, min(max(y, 0), height - 1), min(max(x, 0), width - 1))
