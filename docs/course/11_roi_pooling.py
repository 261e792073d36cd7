# %% [markdown]
# # 11 · RoI pooling
#
# The second stage looks at each proposal again, with fully connected layers, which want an input of one size. So from
# every region, whatever its size, the same number of features is taken: **region of interest pooling**.
#
# Three ways are in use. Fast R-CNN's first one rounded regions to whole cells; RoIAlign, at the end of this notebook,
# takes means; what you write first is Luminoth's and many TensorFlow detectors':
#
# 1. lay a grid of `crop_size` points (14 × 14) over the region: the first row on its upper edge, the last on its
#    lower one, the others at equal distances between; columns likewise;
# 2. **interpolate** the map at each point: a point between four cells' centres takes from each the more the nearer it
#    is;
# 3. of every 2 × 2 points keep the greatest: 7 × 7 are left.
#
# At $(y, x)$ in cells, with $t = \lfloor y \rfloor$, $l = \lfloor x \rfloor$, $v = y - t$, $u = x - l$:
#
# $$ f(y, x) = (1-v)\bigl[(1-u) f_{t,l} + u f_{t,l+1}\bigr] + v \bigl[(1-u) f_{t+1,l} + u f_{t+1,l+1}\bigr] $$
#
# Cell 0's centre is at 0, so `pixel / stride_px` is the position in cells. A point before the first cell's centre or
# behind the last's is outside, and 0.

# %%
import matplotlib.pyplot as plt
import numpy as np
import solutions.roi_pooling as solution
from pictures import COLOURS, boxes, parking, plane

from detbench.operators.course import grade, steps

# %% [markdown]
# The points of one region: crop and resize on the left (14 × 14, their 2 × 2 groups in turns), RoIAlign on the right
# (four points in each of 7 × 7 bins).

# %%
picture, vehicle = parking()
x1, y1, x2, y2 = vehicle[1]
axes = plane(320, 240, columns=2, picture=picture, titles=("14 × 14 points, the greatest of 2 × 2", "RoIAlign: means"))
for axis, first, last, count in ((axes[0], 0, 1, 14), (axes[1], 1 / 28, 27 / 28, 14)):
    row, column = np.meshgrid(np.linspace(first, last, count), np.linspace(first, last, count), indexing="ij")
    group = (np.arange(14)[:, None] // 2 + np.arange(14) // 2) % 2
    tints = np.where(group, COLOURS["orange"], COLOURS["blue"]).ravel()
    axis.scatter(x1 + column.ravel() * (x2 - x1), y1 + row.ravel() * (y2 - y1), s=4, c=tints)
    boxes(axis, vehicle[1:2], "green")
    axis.set(xlim=(x1 - 10, x2 + 10), ylim=(y2 + 10, y1 - 10))

# %% [markdown]
# And what comes out, with the picture's own pixels as features: a lorry and a car, of the same size now.

# %%
pixels = picture[None].astype(np.float32) / 255
pooled = solution.crop_max_pool_numpy(pixels, vehicle[[1, 0]], np.zeros(2, dtype=np.int32), 1.0, (56, 56))
figure, axes = plt.subplots(1, 2, figsize=(5, 2.5))
for axis, crop in zip(axes, pooled, strict=True):
    axis.imshow(crop)
    axis.set(xticks=[], yticks=[])

# %% [markdown]
# ## In loops
#
# `crop_max_pool(feature, region, image, stride_px, crop_size)`: `feature` `[B, H, W, C]` holds the maps of a batch,
# `region` `[R, 4]` is in pixels, and `image[r]` says on which map region r lies. The answer is `[R, ph/2, pw/2, C]`;
# of an odd number of rows or columns of points the last is left out. A single row of points lies in the middle.
#
# One trap is worth a warning: a point that lies *exactly* on the last cell's centre is inside, and behind it by the
# last bit of a float32 it is 0. TensorFlow is given corners that are normalised (notebook 10), and goes on from
# there. To agree with it to the last bit, do as it does, in float32:
# `begin = corner / (stride_px * (cells - 1))`, then `begin * (cells - 1) + i * ((end - begin) * (cells - 1) / (n -
# 1))`. (Where the map is one cell high or wide, divide by `stride_px` alone: all points then lie on that cell's centre,
# and none is outside.)


# %%
def crop_max_pool_loops(feature, region, image, stride_px, crop_size=(14, 14)):
    """Return the greatest of each 2 × 2 points of each region, [R, ph // 2, pw // 2, C]."""
    # Yours: loops over regions, rows and columns; the channels of a point may be one array.


grade("crop-max-pool", crop_max_pool_loops)

# %% [markdown]
# ## In NumPy
#
# Compute all points of all regions at once: rows `[R, ph]` and columns `[R, pw]`, as whole cells and remainders. Then
# four times an indexing such as `feature[image[:, None, None], top[:, :, None], left[:, None, :]]`, which gives
# `[R, ph, pw, C]`.


# %%
def crop_max_pool_numpy(feature, region, image, stride_px, crop_size=(14, 14)):
    """Return the greatest of each 2 × 2 points of each region, [R, ph // 2, pw // 2, C]."""
    # Yours.


grade("crop-max-pool", crop_max_pool_numpy)

# %% [markdown]
# ## In TensorFlow
#
# `tf.image.crop_and_resize(image, boxes, box_indices, crop_size)` with the boxes of notebook 10, and
# `tf.nn.max_pool2d`.

# %%
import tensorflow as tf


def crop_max_pool_tensorflow(feature, region, image, stride_px, crop_size=(14, 14)):
    """Return the greatest of each 2 × 2 points of each region, [R, ph // 2, pw // 2, C]."""
    # Yours: divide the regions by the stride, then normalise them with the sides of the map.


grade("crop-max-pool", crop_max_pool_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps(
    "crop-max-pool", [crop_max_pool_loops, crop_max_pool_numpy, crop_max_pool_tensorflow], otherwise=solution
)
result

# %% [markdown]
# ## If you want more: RoIAlign
#
# He et al. 2017, section 3: divide the region into 7 × 7 bins, take the **mean** of `sampling_ratio` ×
# `sampling_ratio` points in each. In cells, the region is `corner / stride_px`, less 0.5 if `aligned` (the centre of
# cell $i$ lies at $i + 0.5$ cells); if it is not aligned, its sides are at least 1. Point $s$ of $n$ in bin $p$ lies
# at $\text{start} + (p + (s + 0.5) / n) \cdot \text{bin}$. A point below −1 or above the number of cells is 0;
# otherwise it is moved to the nearest cell's centre if it lies outside them. A `sampling_ratio` of 0 takes
# $\lceil \text{side} / \text{bins} \rceil$ points along each axis, none if the side is not above 0 (the bins are 0
# then).


# %%
def roi_align(feature, region, image, stride_px, output_size=(7, 7), sampling_ratio=2, aligned=True):
    """Return the mean values in the bins of each region, [R, ph, pw, C]."""
    # Yours, in loops or not.


grade("roi-align", roi_align)
