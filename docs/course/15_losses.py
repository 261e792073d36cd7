# %% [markdown]
# # 15 · Losses
#
# How wrong is the network? Two numbers are added up (Ren et al. 2015, equation 1): one for *is there an object*, one
# for *where*.
#
# **Smooth L1** (Girshick 2015, equation 3, with β = 1) for the deltas. With $d = |\text{prediction} - \text{target}|$:
#
# $$ \ell(d) = \begin{cases} d^2 / (2\beta) & d < \beta \\ d - \beta / 2 & \text{otherwise} \end{cases} $$
#
# Near the target it is a parabola, whose slope vanishes there; far away a line, so that no outlier outweighs all
# else.
#
# **Cross-entropy** for categories: $-\log$ of the probability that the softmax gives to the true one,
# $\log \sum_k e^{z_k} - z_{\text{true}}$. For one logit $z$ and a label $y$ of 0 or 1 it is
# $-y \log \sigma(z) - (1-y) \log(1 - \sigma(z))$.

# %%
import matplotlib.pyplot as plt
import numpy as np
import solutions.losses as solution
from pictures import COLOURS

from detbench.operators.course import grade, steps

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 2.6))
distance = np.linspace(-3, 3, 301)
for beta, colour in ((1.0, "blue"), (1 / 9, "orange")):
    axes[0].plot(
        distance, solution.smooth_l1_numpy(distance, 0 * distance, beta), color=COLOURS[colour], label=f"{beta:.2g}"
    )
axes[0].set(xlabel="prediction − target", title="smooth L1, by β")
axes[0].legend()
for label, colour in ((1, "green"), (0, "grey")):
    axes[1].plot(
        distance * 3, solution.binary_cross_entropy(distance * 3, label), color=COLOURS[colour], label=f"y = {label}"
    )
axes[1].set(xlabel="logit", title="binary cross-entropy")
axes[1].legend()
figure.tight_layout()

# %% [markdown]
# ## Smooth L1 in loops
#
# `smooth_l1(prediction, target, beta=1.0)` takes arrays of any one shape and returns the loss of each element. With
# `beta` 0 it is plain $d$: mind the division.


# %%
def smooth_l1_loops(prediction, target, beta=1.0):
    """Return the smooth L1 loss of every element."""
    # Yours.


grade("smooth-l1", smooth_l1_loops)

# %% [markdown]
# ## In NumPy


# %%
def smooth_l1_numpy(prediction, target, beta=1.0):
    """Return the smooth L1 loss of every element."""
    # Yours: np.where.


grade("smooth-l1", smooth_l1_numpy)

# %% [markdown]
# ## In TensorFlow

# %%
import tensorflow as tf


def smooth_l1_tensorflow(prediction, target, beta=1.0):
    """Return the smooth L1 loss of every element."""
    # Yours.


grade("smooth-l1", smooth_l1_tensorflow)

# %%
result = steps("smooth-l1", [smooth_l1_loops, smooth_l1_numpy, smooth_l1_tensorflow], otherwise=solution)
result

# %% [markdown]
# ## Cross-entropy
#
# `cross_entropy(logit, category)` takes `[N, K]` and int `[N]` and returns `[N]`. $e^{1000}$ overflows; taking the
# row's largest logit from all of them changes nothing and cures it.


# %%
def cross_entropy(logit, category):
    """Return −log of the probability that the softmax gives to the category, row by row, [N]."""
    # Yours, in NumPy.


grade("cross-entropy", cross_entropy)

# %% [markdown]
# ## The RPN's loss
#
# `rpn_loss(logit, delta, label, target, beta=1/9)` returns two scalars over the anchors of a sample (`label` is 1, 0,
# or −1 for *not sampled*), both divided by the number $n$ of anchors that were sampled:
#
# $$ \text{objectness} = \frac{1}{n} \sum_{\text{sampled}} \text{binary cross-entropy} \qquad
#    \text{regression} = \frac{1}{n} \sum_{\text{positive}} \sum_{x, y, w, h} \text{smooth L1} $$
#
# Two traps. $\log \sigma(z)$ of a large negative $z$ is $-\infty$; written as
# $\max(z, 0) - z\,y + \log(1 + e^{-|z|})$ nothing overflows (`np.log1p`). And rows that do not count have to be *left
# out*, not multiplied by 0: the target of an anchor without an object may be NaN, and NaN · 0 is NaN. If nothing was
# sampled both are 0.


# %%
def rpn_loss(logit, delta, label, target, beta=1 / 9):
    """Return the losses of objectness and of regression, two scalars."""
    # Yours, in NumPy.


grade("rpn-loss", rpn_loss)

# %% [markdown]
# What a good answer costs, and a bad one:

# %%
label = np.array([1, 0, 0, -1])
target = np.zeros((4, 4))
for name, logit in (("right", [5.0, -5, -5, 9]), ("undecided", [0.0, 0, 0, 0]), ("wrong", [-5.0, 5, 5, 0])):
    objectness, regression = solution.rpn_loss(np.array(logit), target + 0.1, label, target)
    print(f"{name:10} objectness {objectness:.3f}, regression {regression:.3f}")
