# %% [markdown]
# # 13 · Targets of the RPN
#
# So far everything went forwards. To learn, the RPN must be told of every anchor whether it *should* have said
# object, and whose (Ren et al. 2015, section 3.1.2). With the IoU of anchors and true boxes, an anchor is
#
# - **positive** (1) if its best IoU with an object is at least `positive_at` (0.7);
# - with `low_quality`, also positive if it is the best anchor that some object has: if its IoU with that object is
#   above 0 and no anchor's is higher (all that tie). Otherwise small objects would have no anchor at all;
# - **negative** (0) if its best IoU is below `negative_below` (0.3);
# - **left out** (−1) in between.
#
# Data sets also have boxes that are to be *ignored*: crowds, objects too difficult to judge. And truths of a batch
# are padded to the same number. So each truth has a `state`: 1 an object, 0 padding, −1 ignored. Padding counts for
# nothing. An anchor that is not positive and has an IoU of at least `negative_below` with an ignored box is left out.

# %%
import numpy as np
import solutions.rpn_targets as solution
from pictures import COLOURS, boxes, parking, plane
from solutions.generate_anchors import anchor_grid_numpy, reference_boxes

from detbench.operators.course import grade, steps

# %% [markdown]
# The label map of the car park, for one shape of anchor and with `positive_at` 0.5: orange dots are the centres of
# positive anchors, white ones of those left out, blue ones of negative anchors, the background.

# %%
picture, vehicle = parking()
anchor = anchor_grid_numpy(reference_boxes(40.0, (1.0,), (1.0,)), 30, 40, 8.0)
label, match = solution.assign_anchors_numpy(anchor, vehicle, np.ones(len(vehicle), dtype=np.int32), 0.5, 0.3)
x, y = (anchor[:, :2] + anchor[:, 2:]).T / 2
axis = plane(320, 240, picture=picture, titles=[f"{(label == 1).sum()} positive, {(label == -1).sum()} left out"])
boxes(axis, vehicle, "green")
for wanted, colour in ((0, "blue"), (-1, "white"), (1, "orange")):
    shown = label == wanted
    size, edge = (2, 0) if wanted == 0 else (14, 0.4)
    axis.scatter(x[shown], y[shown], s=size, color=COLOURS[colour], edgecolors="black", linewidths=edge)

# %% [markdown]
# ## In loops
#
# `assign_anchors(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True)` returns int32 `label`
# `[N]` and int32 `match` `[N]`: the row of the object with the anchor's highest IoU, of equal ones the lower row
# (even if that IoU is 0), and −1 if there is no object. An anchor that is positive for its low quality keeps its
# *own* best object.
#
# A box without area has an IoU of 0 with all (notebook 9).


# %%
def assign_anchors_loops(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    """Return label and match of every anchor, both int32 [N]."""
    # Yours.


grade("assign-anchors", assign_anchors_loops)

# %% [markdown]
# ## In NumPy
#
# The IoU of all with all, `[N, M]`, by broadcasting `anchor[:, None]` against `truth[None]`; maxima along both axes.
# Maxima of nothing need `initial=0`, and `argmax` of nothing raises: answer that by yourself. (At the size of COCO the
# matrix is 268,000 × 100; the reference takes one object at a time.)


# %%
def assign_anchors_numpy(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    """Return label and match of every anchor, both int32 [N]."""
    # Yours.


grade("assign-anchors", assign_anchors_numpy)

# %% [markdown]
# ## In TensorFlow
#
# Here shapes should not depend on data: rather than leaving rows out, give them an IoU of −1.

# %%
import tensorflow as tf


def assign_anchors_tensorflow(anchor, truth, state, positive_at=0.7, negative_below=0.3, low_quality=True):
    """Return label and match of every anchor, both int32 [N]."""
    # Yours.


grade("assign-anchors", assign_anchors_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps(
    "assign-anchors", [assign_anchors_loops, assign_anchors_numpy, assign_anchors_tensorflow], otherwise=solution
)
result
