# %% [markdown]
# # 2 · Centre and size of a box
#
# Corners are what pictures are cut with; a network learns better where a thing *is* and how *large* it is. So boxes
# are turned into centre and size, and back:
#
# $$ c_x = \frac{x_1 + x_2}{2} \quad c_y = \frac{y_1 + y_2}{2} \quad w = x_2 - x_1 \quad h = y_2 - y_1 $$
#
# There is no $+1$. In Pascal VOC's own files a box names its first and its last pixel, and its width is
# $x_2 - x_1 + 1$. Old detectors carried that through, and here it is the commonest mistake: with continuous corners,
# a box from 0 to 10 is 10 wide.

# %%
import numpy as np
import solutions.centre_and_size as solution
from pictures import COLOURS, boxes, parking, plane

from detbench.operators.course import grade, steps

# %%
picture, vehicle = parking()
axis = plane(320, 240, picture=picture)
boxes(axis, vehicle, "green")
for x, y, w, h in solution.centre_and_size_numpy(vehicle):
    axis.plot(x, y, "o", color=COLOURS["orange"])
    axis.text(x + 4, y, f"{w:.0f} × {h:.0f}", fontsize=7, color=COLOURS["orange"])

# %% [markdown]
# ## In loops
#
# `centre_and_size(box)` takes and returns `[N, 4]`. No boxes are boxes too: for them the answer has the shape `(0,
# 4)`.


# %%
def centre_and_size_loops(box):
    """Return cx cy w h of boxes x1 y1 x2 y2, both [N, 4]."""
    # Yours: a loop over rows.


grade("centre-and-size", centre_and_size_loops)

# %% [markdown]
# ## In NumPy
#
# `box[:, :2]` are all upper left corners, `box[:, 2:]` all lower right ones.


# %%
def centre_and_size_numpy(box):
    """Return cx cy w h of boxes x1 y1 x2 y2, both [N, 4]."""
    # Yours.


grade("centre-and-size", centre_and_size_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def centre_and_size_tensorflow(box):
    """Return cx cy w h of boxes x1 y1 x2 y2, both [N, 4]."""
    # Yours: tf.split and tf.concat.


grade("centre-and-size", centre_and_size_tensorflow)

# %% [markdown]
# ## And back
#
# `corners(centre_size)` is the inverse. You will want it in *decode*.


# %%
def corners(centre_size):
    """Return x1 y1 x2 y2 of boxes cx cy w h, both [N, 4]."""
    # Yours, in NumPy.


grade("corners", corners)

# %% [markdown]
# A law that holds for every box, and so is worth more than an example: there and back is where one was.

# %%
np.abs(solution.corners(solution.centre_and_size_numpy(vehicle)) - vehicle).max()

# %% [markdown]
# ## What each step brought

# %%
result = steps(
    "centre-and-size", [centre_and_size_loops, centre_and_size_numpy, centre_and_size_tensorflow], otherwise=solution
)
result
