# %% [markdown]
# # 1 · Anchors
#
# A detector has to answer with boxes, and a network can only answer with a fixed number of numbers. Faster R-CNN's
# way out (Ren et al. 2015, section 3.1.1): lay boxes of many sizes and shapes over the whole picture, the
# **anchors**, and let the network say of each *is there an object* and *how is its box different*.
#
# A network sees the picture as a feature map: a grid of cells, each `stride_px` pixels wide and high. Some shapes
# around the origin, the **reference boxes**, are moved to every cell.
#
# A reference box has a *scale* and a *ratio*: its area is $(\text{base} \cdot \text{scale})^2$, and its height over
# its width is the ratio. Hence
#
# $$ w = \frac{\text{base} \cdot \text{scale}}{\sqrt{\text{ratio}}} \qquad
#    h = \text{base} \cdot \text{scale} \cdot \sqrt{\text{ratio}} $$
#
# A box is `x1 y1 x2 y2` everywhere in this course: x to the right, y downwards, in pixels, and a width is $x_2 -
# x_1$.

# %%
import numpy as np
import solutions.generate_anchors as solution
from pictures import boxes, grid, parking, plane

from detbench.operators.course import grade, steps

# %% [markdown]
# This is where we are going: a part of a car park seen from above, 15 × 20 cells of 16 pixels, and the twelve anchors
# of one cell. Every cell has the same twelve.

# %%
picture, vehicle = parking()
reference = solution.reference_boxes(32.0, (0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0))
axis = plane(320, 240, picture=picture)
grid(axis, 15, 20, 16)
boxes(axis, vehicle, "green", label="vehicles", legend="lower left")
boxes(axis, reference + 16 * np.array([9.5, 6.5, 9.5, 6.5]), "orange", label="anchors of one cell", legend="lower left")

# %% [markdown]
# ## The reference boxes
#
# Write `reference_boxes(base_size_px, scales, ratios)`. It returns float32 `[A, 4]`, around the origin:
# $-w/2, -h/2, w/2, h/2$. All scales of the first ratio come first, then all scales of the second. Nothing is rounded.
#
# Without scales there are no boxes; *no boxes* are boxes too, an array of the shape `(0, 4)`. A list of rows becomes
# that by `np.array(box).reshape(-1, 4)`.


# %%
def reference_boxes(base_size_px, scales, ratios):
    """Return one box around the origin for every ratio and scale, float32 [R·S, 4]."""
    # Yours.


grade("reference-boxes", reference_boxes)

# %% [markdown]
# ## The grid, in loops
#
# Write `anchor_grid(reference, height, width, stride_px, centre=0.5)`: the reference boxes moved to every cell of a
# map of `height` × `width` cells. The anchors of the cell in row $i$ and column $j$ lie around
#
# $$ x = (j + \text{centre}) \cdot \text{stride} \qquad y = (i + \text{centre}) \cdot \text{stride} $$
#
# `centre` is 0.5 for the middle of the cell and 0 for its upper left corner; both are in use, and weights trained
# with one are half a cell off with the other. The order is row by row, in it column by column, in it anchor by
# anchor: the answer is `[height · width · A, 4]`. First in loops, one number at a time.


# %%
def anchor_grid_loops(reference, height, width, stride_px, centre=0.5):
    """Return the reference boxes on every cell, [height · width · A, 4]."""
    # Yours: a loop over rows, one over columns, one over reference boxes.


grade("anchor-grid", anchor_grid_loops)

# %% [markdown]
# ## In NumPy
#
# No loops now. Make the x of all columns with `np.arange`, the y of all rows, spread both over the grid with
# `np.meshgrid(..., indexing="ij")`, and stack them to a shift `[height, width, 4]`: x, y, x, y. Then one addition
# with broadcasting gives `[height, width, A, 4]`, and `reshape` the rest.


# %%
def anchor_grid_numpy(reference, height, width, stride_px, centre=0.5):
    """Return the reference boxes on every cell, [height · width · A, 4]."""
    # Yours.


grade("anchor-grid", anchor_grid_numpy)

# %% [markdown]
# ## In TensorFlow
#
# The same with `tf.range`, `tf.meshgrid`, `tf.stack` and `tf.reshape`. TensorFlow does not mix types: say
# `dtype=tf.float32` from the start.

# %%
import tensorflow as tf


def anchor_grid_tensorflow(reference, height, width, stride_px, centre=0.5):
    """Return the reference boxes on every cell, [height · width · A, 4]."""
    # Yours.


grade("anchor-grid", anchor_grid_tensorflow)

# %% [markdown]
# ## What each step brought
#
# 22,800 anchors: a picture of 800 × 608 pixels. What you have not written is taken from
# `solutions/generate_anchors.py`.

# %%
result = steps("anchor-grid", [anchor_grid_loops, anchor_grid_numpy, anchor_grid_tensorflow], otherwise=solution)
result

# %% [markdown]
# Loops pay for every number, arrays for every operation. TensorFlow's call costs more than NumPy's for so little
# work; it pays when the anchors are part of a graph, or when they are made once and kept: they depend on the size of
# the picture alone, so a detector makes them once.
