# %% [markdown]
# # 12 · The head of the R-CNN
#
# The last piece on the way from picture to boxes (Girshick 2015, section 2): for each pooled region `[ph, pw, C]`,
#
# 1. flatten it: row by row, column by column, channel by channel;
# 2. two fully connected layers with ReLU: $h_1 = \max(0, x W_1 + b_1)$, $h_2 = \max(0, h_1 W_2 + b_2)$;
# 3. from $h_2$ one linear layer to $K + 1$ **logits**, the first of them background's, and one to $4K$ **deltas**:
#    four for *each* category, since a lorry's box is corrected otherwise than a car's.
#
# A softmax of the logits gives probabilities. A region's answer is its best category that is not background, with the
# region decoded (notebook 4) by that category's deltas, with the variances `(0.1, 0.1, 0.2, 0.2)`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import solutions.rcnn_head as solution
from pictures import COLOURS, parking
from solutions.roi_pooling import crop_max_pool_numpy

from detbench.operators.course import grade, steps

# %% [markdown]
# A head of one number: how bright is a region on the whole? The first layer averages, the second hands on, and the
# logits are that brightness times 20 for "light" and nothing for background:

# %%
picture, vehicle = parking()
pixels = picture[None].mean(axis=3, keepdims=True).astype(np.float32) / 255
pooled = crop_max_pool_numpy(pixels, vehicle, np.zeros(len(vehicle), dtype=np.int32), 1.0)
mean, same = np.full((49, 1), 1 / 49, dtype=np.float32), np.ones((1, 1), dtype=np.float32)
score_weight, score_bias = np.array([[0, 20]], dtype=np.float32), np.array([0, -12], dtype=np.float32)
zero = np.zeros(1, dtype=np.float32)
no_delta = (np.zeros((1, 4), dtype=np.float32), np.zeros(4, dtype=np.float32))
logit, _ = solution.box_head_numpy(pooled, mean, zero, same, zero, score_weight, score_bias, *no_delta)
light = 1 / (1 + np.exp(logit[:, 0] - logit[:, 1]))
figure, axes = plt.subplots(2, 8, figsize=(8, 2.4))
for axis, row in zip(axes.ravel(), np.argsort(-light), strict=False):
    axis.imshow(pooled[row, :, :, 0], cmap="gray", vmin=0, vmax=1)
    axis.set_title(f"{light[row]:.2f}", fontsize=8, color=COLOURS["orange" if light[row] > 0.5 else "blue"])
for axis in axes.ravel():
    axis.axis("off")

# %% [markdown]
# ## In loops
#
# `box_head(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias)` returns
# logits `[R, K + 1]` and deltas `[R, K, 4]`; the four deltas of one category lie side by side. Loop over the regions;
# a row times a matrix may be `@`. No regions have answers too, of the shapes `(0, K + 1)` and `(0, K, 4)`.


# %%
def box_head_loops(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    """Return logits [R, K + 1] and deltas [R, K, 4] of pooled regions."""
    # Yours.


grade("box-head", box_head_loops)

# %% [markdown]
# ## In NumPy
#
# All regions are one matrix. For an empty one, `reshape(0, -1)` does not know what −1 should be: say the number.


# %%
def box_head_numpy(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    """Return logits [R, K + 1] and deltas [R, K, 4] of pooled regions."""
    # Yours.


grade("box-head", box_head_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def box_head_tensorflow(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias):
    """Return logits [R, K + 1] and deltas [R, K, 4] of pooled regions."""
    # Yours.


grade("box-head", box_head_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps("box-head", [box_head_loops, box_head_numpy, box_head_tensorflow], otherwise=solution)
result
