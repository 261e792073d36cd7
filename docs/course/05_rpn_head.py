# %% [markdown]
# # 5 · The head of the region proposal network
#
# Some backbone has turned the picture into a feature map `[H, W, C]`. The RPN (Ren et al. 2015, section 3.1) looks at
# every cell with its eight neighbours and says for each of the cell's $A$ anchors a **score** (is there an object at
# all? one *logit*, for a sigmoid) and four **deltas**:
#
# 1. a 3 × 3 convolution from C channels to D, with zeros around the map;
# 2. ReLU: what is below 0 becomes 0;
# 3. two 1 × 1 convolutions from D: to A scores and to 4A deltas. A 1 × 1 convolution is a matrix product in each
#    cell.
#
# At cell $(i, j)$, with the kernel $K$ `[3, 3, C, D]` (row, column, from, to):
#
# $$ \text{hidden}_{ij} = \max\Bigl(0,\; b + \sum_{r=0}^{2} \sum_{c=0}^{2} f_{i+r-1,\, j+c-1} \, K_{rc} \Bigr) $$
#
# where $f\,K$ is a row of C numbers times a matrix C × D. (Deep learning calls this a convolution; the kernel is not
# turned round.)

# %%
import numpy as np
import solutions.rpn_head as solution
from pictures import grid, parking, plane

from detbench.operators.course import grade, steps

# %% [markdown]
# A head without training already shows what it does. Here the "features" are the picture's own colours averaged over
# cells of 16 pixels, and the kernel is one that answers to what is brighter than its neighbours. (The bright frame is
# the zeros around the map: next to nothing, everything is bright.)

# %%
picture, _ = parking()
feature = picture.reshape(15, 16, 20, 16, 3).mean(axis=(1, 3)).astype(np.float32) / 255
kernel = -np.ones((3, 3, 3, 1), dtype=np.float32) / 8
kernel[1, 1] = 1
one, four = np.ones((1, 1), dtype=np.float32), np.zeros((1, 4), dtype=np.float32)
zero = np.zeros(1, dtype=np.float32)
logit, delta = solution.rpn_head_numpy(feature, kernel, zero, one, zero, four, np.zeros(4, dtype=np.float32))
axes = plane(320, 240, columns=2, picture=picture, titles=("the picture", "one score a cell"))
axes[1].imshow(logit.reshape(15, 20), extent=(0, 320, 240, 0), cmap="magma")
grid(axes[0], 15, 20, 16)

# %% [markdown]
# ## In loops
#
# `rpn_head(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias)` with `score_kernel` `[D, A]`
# and `delta_kernel` `[D, 4A]` (the four deltas of one anchor lie side by side) returns
#
# - `logit` `[H·W·A]`: row by row, column by column, anchor by anchor, as the anchors of notebook 1 lie;
# - `delta` `[H·W·A, 4]`, in the same order.
#
# Loop over the cells and over the nine places of the kernel, skipping those outside the map; the product over
# channels may be `feature[i, j] @ kernel[r, c]`.


# %%
def rpn_head_loops(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    """Return a logit [H·W·A] and four deltas [H·W·A, 4] for every anchor."""
    # Yours.


grade("rpn-head", rpn_head_loops)

# %% [markdown]
# ## In NumPy
#
# The loop over cells goes, the nine places of the kernel stay: `np.pad` the map with one row and column of zeros on
# each side, and add nine *shifted* maps, each times one matrix.


# %%
def rpn_head_numpy(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    """Return a logit [H·W·A] and four deltas [H·W·A, 4] for every anchor."""
    # Yours.


grade("rpn-head", rpn_head_numpy)

# %% [markdown]
# ## In TensorFlow
#
# `tf.nn.conv2d` takes a batch: `feature[None]`, with `padding="SAME"`. The 1 × 1 ones are
# `tf.tensordot(..., axes=1)`. Of a map without cells `conv2d` gets the channels wrong: answer that by yourself, with
# arrays of no rows.

# %%
import tensorflow as tf


def rpn_head_tensorflow(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias):
    """Return a logit [H·W·A] and four deltas [H·W·A, 4] for every anchor."""
    # Yours.


grade("rpn-head", rpn_head_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps("rpn-head", [rpn_head_loops, rpn_head_numpy, rpn_head_tensorflow], otherwise=solution)
result
