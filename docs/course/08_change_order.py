# %% [markdown]
# # 8 · Change the order
#
# The shortest piece, and the cause of the longest searches: TensorFlow's image operators take boxes as `y1 x1 y2 x2`,
# rows before columns, as an array is indexed. Ours are `x1 y1 x2 y2`. Give one the other's and nothing raises: a box
# is mirrored at the diagonal, and on a square picture with a car park's worth of boxes that even looks right.

# %%
import numpy as np
import solutions.change_order as solution
from pictures import boxes, parking, plane

from detbench.operators.course import grade, steps

# %%
picture, vehicle = parking()
axes = plane(320, 240, columns=2, picture=picture, titles=("as x1 y1 x2 y2", "the same numbers, misread"))
boxes(axes[0], vehicle, "green")
boxes(axes[1], solution.change_order_numpy(vehicle), "orange")

# %% [markdown]
# ## In loops
#
# `change_order(box)` takes and returns `[N, 4]`. It is its own inverse.


# %%
def change_order_loops(box):
    """Return y1 x1 y2 x2 of boxes x1 y1 x2 y2, or the other way round, [N, 4]."""
    # Yours.


grade("change-order", change_order_loops)

# %% [markdown]
# ## In NumPy
#
# An array can be indexed with a list of columns.


# %%
def change_order_numpy(box):
    """Return y1 x1 y2 x2 of boxes x1 y1 x2 y2, or the other way round, [N, 4]."""
    # Yours: one line.


grade("change-order", change_order_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def change_order_tensorflow(box):
    """Return y1 x1 y2 x2 of boxes x1 y1 x2 y2, or the other way round, [N, 4]."""
    # Yours: tf.gather with axis=1.


grade("change-order", change_order_tensorflow)

# %% [markdown]
# The law: twice is nothing.

# %%
np.array_equal(solution.change_order_numpy(solution.change_order_numpy(vehicle)), vehicle)

# %% [markdown]
# ## What each step brought

# %%
result = steps("change-order", [change_order_loops, change_order_numpy, change_order_tensorflow], otherwise=solution)
result
