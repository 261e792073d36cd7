# %% [markdown]
# # 9 · Non-maximum suppression
#
# Around each object many anchors say *here*, and their boxes are nearly the same. One should be left. The greedy
# rule, older than networks:
#
# 1. take the box with the highest score, and keep it;
# 2. drop every box that overlaps it by more than a threshold;
# 3. again with what is left, until nothing is left (or enough is kept).
#
# Overlap is **intersection over union**: $\text{IoU} = \frac{|A \cap B|}{|A \cup B|}$, 1 for equal boxes and 0 for
# those that do not touch.
#
# The rule has edges, and implementations differ there. Ours is TensorFlow's:
#
# - of equal scores the lower row is taken first;
# - a box is dropped if its IoU is *greater than* the threshold: at equality it stays;
# - a box without area ($x_2 \le x_1$ or $y_2 \le y_1$) has an IoU of 0 with everything: it stays, and drops nothing.
#   The usual code divides 0 by 0 here;
# - `limit` counts the boxes that are *kept*.

# %%
import numpy as np
import solutions.apply_nms as solution
from pictures import boxes, opinions, parking, plane

from detbench.operators.course import grade, steps

# %% [markdown]
# Six boxes around each vehicle, shifted at random, the better the higher their score:

# %%
picture, vehicle = parking()
box, score = opinions(vehicle, 6, 0.1)
kept = solution.nms_numpy(box, score, 0.5)
axes = plane(320, 240, columns=2, picture=picture, titles=(f"before: {len(box)}", f"after: {len(kept)}"))
boxes(axes[0], box, "orange", width=0.8)
boxes(axes[1], box[kept], "green")

# %% [markdown]
# Of fifteen vehicles sixteen boxes are left: at (280, 120) one box lies within another, their IoU is 0.48, and with a
# threshold of 0.5 both stay. The rule knows boxes, not vehicles.
#
# ## In loops
#
# `nms(box, score, iou_threshold, limit=None)` returns the *rows* that are kept, by descending score. First write the
# IoU of two boxes, then the rule: intersection / (area + area − intersection). Whether an IoU *equals* a threshold is
# decided in the last bit, so the type of the numbers and the order of arithmetic can matter. Float32, as they come, is
# what the reference computes with; where another type rounds a pair to the other side, that answer is accepted too.


# %%
def nms_loops(box, score, iou_threshold, limit=None):
    """Return the rows that are kept, by descending score, [K]."""
    # Yours.


grade("nms", nms_loops)

# %% [markdown]
# ## In NumPy
#
# The outer loop stays, for what is dropped depends on what was kept. The inner one becomes an array: the IoU of *one*
# box with all that are left. (The matrix of all IoUs looks more elegant. It is the wrong way: 10,000 boxes are 100
# million IoUs, and most are never asked for.)


# %%
def nms_numpy(box, score, iou_threshold, limit=None):
    """Return the rows that are kept, by descending score, [K]."""
    # Yours.


grade("nms", nms_numpy)

# %% [markdown]
# ## In TensorFlow
#
# It is there: `tf.image.non_max_suppression(boxes, scores, max_output_size, iou_threshold)`. It takes the order of
# notebook 8 (for NMS, `x1 y1 x2 y2` would give the same answer: why?), and it wants a limit. And one of its edges is
# not ours: it puts the corners of every box in order first, so that a box with $x_2 < x_1$ has an area after all. Make
# such boxes points before (`tf.where`).

# %%
import tensorflow as tf


def nms_tensorflow(box, score, iou_threshold, limit=None):
    """Return the rows that are kept, by descending score, [K]."""
    # Yours.


grade("nms", nms_tensorflow)

# %% [markdown]
# ## What each step brought
#
# 2,000 boxes, and the native version that `detbench.operators` has: it keeps the boxes in a grid and asks only those
# that are near. At 10,000 boxes and more the difference grows: `detbench profile nms` measures it on your machine.

# %%
result = steps("nms", [nms_loops, nms_numpy, nms_tensorflow], otherwise=solution)
result
