# %% [markdown]
# # 14 · Sampling
#
# Of 20,000 anchors perhaps 50 are positive. A loss over all of them says little but *say no everywhere*. So each step
# learns from a sample (Ren et al. 2015, section 3.1.3): 256 anchors, at most half of them positive; negatives fill
# the rest. In the second stage it is usually 512 regions and a quarter.
#
# Random code is hard to check, unless chance comes from outside: `sample_balanced` is *given* a random number for
# each row, and takes the rows with the smallest. The same numbers give the same sample, in every framework.

# %%
import matplotlib.pyplot as plt
import numpy as np
import solutions.sampling as solution
from pictures import COLOURS

from detbench.operators.course import grade, steps

# %%
rng = np.random.default_rng(3)
label = rng.choice(np.array([1, 0, -1], dtype=np.int32), 4_000, p=[0.02, 0.9, 0.08])
sampled = solution.sample_balanced_numpy(label, rng.random(4_000, dtype=np.float32), 256)
figure, axis = plt.subplots(figsize=(6, 1.8))
for height, shown in enumerate((sampled, label)):
    left, of = 0.0, (shown >= 0).sum()
    for wanted, colour in ((1, "orange"), (0, "blue")):
        count = (shown == wanted).sum()
        axis.barh(height, count / of, left=left, color=COLOURS[colour])
        left += count / of
said = [f"{name}: {(of == 1).sum():,} and {(of == 0).sum():,}" for name, of in (("sample", sampled), ("all", label))]
axis.set(yticks=[0, 1], yticklabels=said, xlabel="positive (orange) and negative (blue)")
figure.tight_layout()

# %% [markdown]
# ## In loops
#
# `sample_balanced(label, random, count, positive_share=0.5)` takes labels (above 0 positive, 0 negative, −1 left out
# already) and returns int32 `[N]`: the label where the row was taken, −1 elsewhere.
#
# - At most $\lfloor \text{count} \cdot \text{positive\_share} \rfloor$ positives are taken, those with the smallest
#   `random`; of equal ones the lower row.
# - Negatives, by the same rule, fill up to `count`. With few positives there are more negatives.
# - With too few negatives the sample is smaller; positives do not fill it.
# - A positive's label may be more than 1 (a category), and is kept.


# %%
def sample_balanced_loops(label, random, count, positive_share=0.5):
    """Return the labels of a sample and −1 for what is not in it, int32 [N]."""
    # Yours.


grade("sample-balanced", sample_balanced_loops)

# %% [markdown]
# ## In NumPy
#
# One stable `argsort` of `random` serves both kinds.


# %%
def sample_balanced_numpy(label, random, count, positive_share=0.5):
    """Return the labels of a sample and −1 for what is not in it, int32 [N]."""
    # Yours.


grade("sample-balanced", sample_balanced_numpy)

# %% [markdown]
# ## In TensorFlow
#
# Again without shapes that depend on data: a running count (`tf.cumsum`) of the positives in the order of `random`
# says which of them are among the first so many. `tf.scatter_nd` puts what was sorted back in its place.

# %%
import tensorflow as tf


def sample_balanced_tensorflow(label, random, count, positive_share=0.5):
    """Return the labels of a sample and −1 for what is not in it, int32 [N]."""
    # Yours.


grade("sample-balanced", sample_balanced_tensorflow)

# %% [markdown]
# ## What each step brought

# %%
result = steps(
    "sample-balanced", [sample_balanced_loops, sample_balanced_numpy, sample_balanced_tensorflow], otherwise=solution
)
result
