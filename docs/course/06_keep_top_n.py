# %% [markdown]
# # 6 · Keep the top n
#
# A picture has tens of thousands of anchors, and the RPN has an opinion on each. Most are not worth a second look:
# the 6,000 with the highest scores go on (12,000 in training; the numbers are those of the authors' code).
#
# Sorting looks harmless. Its traps:
#
# - the answer is in *descending* order, and sorts go up;
# - of equal scores the lower row comes first. Reversing a sorted array turns equals round; sorting $-\text{score}$
#   with a *stable* sort does not;
# - boxes and scores must be sorted by the *same* order;
# - there may be fewer than n;
# - a score that is NaN comes after all others.

# %%
import numpy as np
import solutions.keep_top_n as solution
from pictures import boxes, opinions, parking, plane

from detbench.operators.course import grade, steps

# %% [markdown]
# Thirty boxes around each vehicle, shifted at random; the less, the higher the score:

# %%
picture, vehicle = parking()
box, score = opinions(vehicle, 30, 0.4)
first, _ = solution.keep_top_n_numpy(box, score, 40)
axes = plane(320, 240, columns=2, picture=picture, titles=(f"{len(box)} boxes", "the 40 with the highest scores"))
boxes(axes[0], box, "orange", width=0.5)
boxes(axes[1], first, "orange", width=0.8)

# %% [markdown]
# ## In loops
#
# `keep_top_n(box, score, count)` returns two arrays: boxes `[K, 4]` and scores `[K]`. Take the best of what is left,
# `count` times; or let `sorted(..., key=...)` do it, which is stable.


# %%
def keep_top_n_loops(box, score, count):
    """Return the boxes of the highest scores and the scores, by descending score."""
    # Yours.


grade("keep-top-n", keep_top_n_loops)

# %% [markdown]
# ## In NumPy


# %%
def keep_top_n_numpy(box, score, count):
    """Return the boxes of the highest scores and the scores, by descending score."""
    # Yours: np.argsort with kind="stable".


grade("keep-top-n", keep_top_n_numpy)

# %% [markdown]
# ## In TensorFlow
#
# `tf.math.top_k` has the same rule for equals, but its `k` must not be more than there are, and NaN it puts first.

# %%
import tensorflow as tf


def keep_top_n_tensorflow(box, score, count):
    """Return the boxes of the highest scores and the scores, by descending score."""
    # Yours: tf.math.top_k and tf.gather.


grade("keep-top-n", keep_top_n_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps("keep-top-n", [keep_top_n_loops, keep_top_n_numpy, keep_top_n_tensorflow], otherwise=solution)
result
