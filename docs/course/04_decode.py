# %% [markdown]
# # 4 · Decode
#
# The way back: from the network's four numbers and the anchor to a box.
#
# $$ c_x = c_x^a + d_x \, w^a \qquad w = w^a \exp(d_w) $$
#
# and the same for y and h; before that each delta is *multiplied* by its variance. Then the corners.
#
# One thing is new. An untrained network may answer anything, and $\exp(100)$ is no width: it overflows, and one
# infinite box is NaN somewhere later. So $d_w$ and $d_h$, *after* they have been multiplied by their variances, are
# cut at `max_log_ratio`, from above only: $\log(1000/16)$, which makes a side at most 62.5 times the anchor's.

# %%
import math

import numpy as np
import solutions.decode as solution
from pictures import boxes, plane
from solutions.encode import encode_numpy

from detbench.operators.course import grade, steps

MAX_LOG_RATIO = math.log(1000 / 16)

# %% [markdown]
# What each of the four does to an anchor, by itself:

# %%
anchor = np.array([[40, 40, 80, 80]], dtype=np.float32)
names = ("dx = 0.5", "dy = 0.5", "dw = log 2", "dh = log 2")
axes = plane(120, 120, columns=4, titles=names)
for number, axis in enumerate(axes):
    delta = np.zeros((1, 4), dtype=np.float32)
    delta[0, number] = 0.5 if number < 2 else math.log(2)
    boxes(axis, anchor, "orange", label="anchor")
    boxes(axis, solution.decode_numpy(delta, anchor), "green", label="decoded")

# %% [markdown]
# ## In loops
#
# `decode(delta, reference, variances, max_log_ratio)` takes and returns `[N, 4]`. A delta that is NaN stays NaN in
# the corners that it enters. (Careful: Python's `min(nan, 1)` is NaN and `min(1, nan)` is 1.)


# %%
def decode_loops(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    """Return the boxes that the deltas tell from the reference boxes, x1 y1 x2 y2, [N, 4]."""
    # Yours.


grade("decode", decode_loops)

# %% [markdown]
# ## In NumPy


# %%
def decode_numpy(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    """Return the boxes that the deltas tell from the reference boxes, x1 y1 x2 y2, [N, 4]."""
    # Yours: np.minimum, np.exp.


grade("decode", decode_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def decode_tensorflow(delta, reference, variances=(1.0, 1.0, 1.0, 1.0), max_log_ratio=MAX_LOG_RATIO):
    """Return the boxes that the deltas tell from the reference boxes, x1 y1 x2 y2, [N, 4]."""
    # Yours: tf.minimum, tf.exp.


grade("decode", decode_tensorflow)

# %% [markdown]
# The law: decode undoes encode.

# %%
box = np.array([[10, 20, 60, 45], [0, 0, 100, 10]], dtype=np.float32)
reference = np.array([[0, 0, 32, 32], [20, 5, 90, 20]], dtype=np.float32)
solution.decode_numpy(encode_numpy(box, reference), reference)

# %% [markdown]
# ## What each step brought

# %%
result = steps("decode", [decode_loops, decode_numpy, decode_tensorflow], otherwise=solution)
result
