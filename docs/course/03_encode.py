# %% [markdown]
# # 3 · Encode
#
# What should the network answer for an anchor that lies on a car? Not the car's corners in pixels: the same cell sees
# the same patch wherever it is, and a large anchor's pixel is not a small one's. The answer is told *from the anchor*
# (Ren et al. 2015, equation 2):
#
# $$ d_x = \frac{c_x - c_x^a}{w^a} \quad d_y = \frac{c_y - c_y^a}{h^a} \quad
#    d_w = \log \frac{w}{w^a} \quad d_h = \log \frac{h}{h^a} $$
#
# Moving and scaling both boxes alike changes nothing. Twice as wide is $\log 2$, half as wide $-\log 2$: as far from
# 0.
#
# Each of the four is then divided by a **variance** (a name that stuck; it is a standard deviation): the four have
# different spreads, and a loss that adds them up should not hear only the loudest. The RPN takes 1, the second stage
# `(0.1, 0.1, 0.2, 0.2)`.

# %%
import numpy as np
import solutions.encode as solution
from pictures import COLOURS, boxes, parking, plane

from detbench.operators.course import grade, steps

# %%
picture, vehicle = parking()
car = vehicle[:1]
x, y = (car[0, :2] + car[0, 2:]) / 2
anchor = np.array([[x - 30, y - 10, x + 18, y + 38]], dtype=np.float32)
dx, dy, dw, dh = solution.encode_numpy(car, anchor)[0]
title = f"dx {dx:.2f}   dy {dy:.2f}   dw {dw:.2f}   dh {dh:.2f}"
axis = plane(320, 240, picture=picture, titles=[title])
start, end = (anchor[0, :2] + anchor[0, 2:]) / 2, (car[0, :2] + car[0, 2:]) / 2
axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": COLOURS["orange"]})
boxes(axis, car, "green", label="the box")
boxes(axis, anchor, "orange", label="its anchor")

# %% [markdown]
# ## In loops
#
# `encode(box, reference, variances)`: both `[N, 4]`, row by row; the answer is `[N, 4]`. Boxes can be degenerate, and
# then the answer follows the arithmetic of floating point, as NumPy does it: the logarithm of 0 is $-\infty$, that of
# something negative NaN, $1/0$ is $\infty$ and $0/0$ NaN. (`np.log` and the division of NumPy numbers do so by
# themselves; `math.log` and Python's `/` raise.) Such rows are left out of the loss later.


# %%
def encode_loops(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    """Return dx dy dw dh of each box from the reference in its row, [N, 4]."""
    # Yours.


grade("encode", encode_loops)

# %% [markdown]
# ## In NumPy
#
# With the last notebook's `centre_and_size` this is three lines.


# %%
def encode_numpy(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    """Return dx dy dw dh of each box from the reference in its row, [N, 4]."""
    # Yours.


grade("encode", encode_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def encode_tensorflow(box, reference, variances=(1.0, 1.0, 1.0, 1.0)):
    """Return dx dy dw dh of each box from the reference in its row, [N, 4]."""
    # Yours: tf.math.log and tf.concat.


grade("encode", encode_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps("encode", [encode_loops, encode_numpy, encode_tensorflow], otherwise=solution)
result
