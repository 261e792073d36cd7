# %% [markdown]
# # 7 · Filter proposals
#
# Decoded boxes leave the picture and may be slivers. Two small steps make them fit to be looked at again:
#
# - **clip**: cut each box to the picture, x to $0 \ldots \text{width}$ and y to $0 \ldots \text{height}$. A box
#   wholly outside becomes one without area on the border;
# - **filter**: drop boxes of which a side is below `min_size_px`. A side of exactly so much stays.
#
# The order matters: what is cut first may be too small afterwards. (The authors' code of 2015 clips and filters before
# it takes the top n; later detectors take the top n first, as here: there is less to clip. In training the first RPN
# also left out all *anchors* that cross the border.)

# %%
import numpy as np
import solutions.filter_proposals as solution
from pictures import boxes, parking, plane

from detbench.operators.course import grade, steps

# %%
picture, _ = parking()
rng = np.random.default_rng(1)
centre, half = rng.uniform((-20, -20), (340, 260), (40, 2)), rng.uniform(1, 30, (40, 2))
box = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
clipped = solution.clip_boxes(box, 240, 320)
kept, _ = solution.filter_boxes_numpy(clipped, np.ones(40, dtype=np.float32), 16.0)
axes = plane(320, 240, columns=3, picture=picture, titles=("decoded", "clipped", "sides of at least 16"))
for axis, shown in zip(axes, (box, clipped, kept), strict=True):
    axis.set(xlim=(-40, 360), ylim=(280, -40))
    boxes(axis, shown, "orange")

# %% [markdown]
# ## In loops
#
# `filter_boxes(box, score, min_size_px)` returns the boxes that stay, in their order, and their scores. A box with a
# corner that is NaN is dropped (no comparison with NaN holds).


# %%
def filter_boxes_loops(box, score, min_size_px):
    """Return the boxes [K, 4] whose sides are both at least min_size_px, and their scores [K]."""
    # Yours.


grade("filter-boxes", filter_boxes_loops)

# %% [markdown]
# ## In NumPy
#
# A *mask*, bool `[N]`, picks the rows of both arrays.


# %%
def filter_boxes_numpy(box, score, min_size_px):
    """Return the boxes [K, 4] whose sides are both at least min_size_px, and their scores [K]."""
    # Yours.


grade("filter-boxes", filter_boxes_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def filter_boxes_tensorflow(box, score, min_size_px):
    """Return the boxes [K, 4] whose sides are both at least min_size_px, and their scores [K]."""
    # Yours: tf.reduce_all and tf.boolean_mask.


grade("filter-boxes", filter_boxes_tensorflow)

# %% [markdown]
# ## Clip


# %%
def clip_boxes(box, height_px, width_px):
    """Return the boxes cut to the picture, [N, 4]."""
    # Yours, in NumPy: one line. Mind which of the two sides belongs to x.


grade("clip-boxes", clip_boxes)

# %% [markdown]
# ## What each step brought

# %%
result = steps("filter-boxes", [filter_boxes_loops, filter_boxes_numpy, filter_boxes_tensorflow], otherwise=solution)
result

# %% [markdown]
# `tf.boolean_mask` has an answer of a size that is not known beforehand, and a compiler (XLA) refuses that. Models
# that are compiled keep all rows instead, and give those that are dropped a score of $-\infty$.
