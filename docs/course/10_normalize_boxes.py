# %% [markdown]
# # 10 · Normalize boxes
#
# The next piece cuts features out with `tf.image.crop_and_resize`, which takes boxes `y1 x1 y2 x2` *between 0 and 1*.
# Of what? Its rule: 0 is the **centre of the first pixel**, and 1 the **centre of the last**. From the first centre
# to the last are $\text{side} - 1$ steps, so
#
# $$ y' = \frac{y}{\text{height} - 1} \qquad x' = \frac{x}{\text{width} - 1} $$
#
# Dividing by the side itself is the common way, and shifts every crop towards the upper left, the more the smaller
# the map: on a map of 8 cells, the far end lies 7/8 of a cell short. On a side of one pixel there is nothing to
# divide by: divide by 1.

# %%
import matplotlib.pyplot as plt
import numpy as np
import solutions.normalize_boxes as solution
from pictures import COLOURS

from detbench.operators.course import grade, steps

# %% [markdown]
# A map of eight cells, and where a crop of eight points samples it, for a box from 0 to 7. Divided by 7, each point
# lies on a cell's centre; divided by 8 it does not:

# %%
figure, axis = plt.subplots(figsize=(7, 1.8))
axis.plot(np.arange(8), np.zeros(8), "s", color=COLOURS["grey"], markersize=14, label="centres of cells")
for height, (side, colour) in enumerate(((7, "green"), (8, "orange")), start=1):
    axis.plot(
        np.linspace(0, 7 / side, 8) * 7, np.full(8, height), "o", color=COLOURS[colour], label=f"divided by {side}"
    )
axis.set(yticks=[], ylim=(-0.7, 2.7), xlabel="cell")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
figure.tight_layout()

# %% [markdown]
# ## In loops
#
# `normalize_boxes(box, height_px, width_px)` takes `x1 y1 x2 y2` in pixels (or in cells, with the map's sides) and
# returns `y1 x1 y2 x2`. Corners beyond the last pixel's centre come out above 1: nothing is cut.


# %%
def normalize_boxes_loops(box, height_px, width_px):
    """Return y1 x1 y2 x2 as tf.image.crop_and_resize takes them, [N, 4]."""
    # Yours.


grade("normalize-boxes", normalize_boxes_loops)

# %% [markdown]
# ## In NumPy


# %%
def normalize_boxes_numpy(box, height_px, width_px):
    """Return y1 x1 y2 x2 as tf.image.crop_and_resize takes them, [N, 4]."""
    # Yours: change the order, then one division.


grade("normalize-boxes", normalize_boxes_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def normalize_boxes_tensorflow(box, height_px, width_px):
    """Return y1 x1 y2 x2 as tf.image.crop_and_resize takes them, [N, 4]."""
    # Yours.


grade("normalize-boxes", normalize_boxes_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps(
    "normalize-boxes", [normalize_boxes_loops, normalize_boxes_numpy, normalize_boxes_tensorflow], otherwise=solution
)
result
