# %% [markdown]
# # 16 · Together
#
# All pieces in a row are the forward pass of Faster R-CNN:
#
# ```text
# picture → feature map → rpn_head → decode on the anchors → keep_top_n → clip, filter → nms → proposals
#                  └───────────────→ crop_max_pool on the proposals → box_head → decode → nms → boxes
# ```
#
# Training would find the weights. Here they are made by hand, so that every number can be followed: the "feature map"
# holds one channel that is high on a white car's roof, the RPN looks for a bright spot, and the head checks how much
# of the region is bright. A toy, and yet the whole machine. Replace any line's `solutions` by your own function.

# %%
import numpy as np
from pictures import boxes, grid, plane
from solutions.apply_nms import nms_numpy as nms
from solutions.decode import decode_numpy as decode
from solutions.filter_proposals import clip_boxes
from solutions.filter_proposals import filter_boxes_numpy as filter_boxes
from solutions.generate_anchors import anchor_grid_numpy as anchor_grid
from solutions.generate_anchors import reference_boxes
from solutions.keep_top_n import keep_top_n_numpy as keep_top_n
from solutions.rcnn_head import box_head_numpy as box_head
from solutions.roi_pooling import crop_max_pool_numpy as crop_max_pool
from solutions.rpn_head import rpn_head_numpy as rpn_head

# %% [markdown]
# ## A picture that is easy
#
# A dark plane of 256 × 192 pixels with three bright rectangles: a square, one that lies, one that stands.

# %%
rng = np.random.default_rng(0)
height_px, width_px, stride_px = 192, 256, 8
truth = np.array([[40, 40, 72, 72], [120, 96, 168, 120], [200, 24, 224, 72]], dtype=np.float32)
picture = rng.normal(0.2, 0.03, (height_px, width_px)).astype(np.float32)
for x1, y1, x2, y2 in truth.astype(int):
    picture[y1:y2, x1:x2] += 0.6

# %% [markdown]
# ## The backbone
#
# A network of fifty layers stands here usually. Ours takes the mean of 8 × 8 pixels: `[24, 32, 1]`.

# %%
rows, columns = height_px // stride_px, width_px // stride_px
feature = picture.reshape(rows, stride_px, columns, stride_px).mean(axis=(1, 3))[..., None]

# %% [markdown]
# ## First stage: anchors, scores, proposals
#
# Three shapes of anchors. The 3 × 3 kernel makes three channels: the mean of the neighbourhood, that of its middle
# row, and that of its middle column; each above a threshold. A square wants all nine cells bright, a lying box the
# row, a standing one the column.

# %%
reference = reference_boxes(36.0, (1.0,), (0.5, 1.0, 2.0))
anchor = anchor_grid(reference, rows, columns, stride_px)

kernel = np.zeros((3, 3, 1, 3), dtype=np.float32)
kernel[1, :, 0, 0] = 1 / 3  # lying: the middle row
kernel[:, :, 0, 1] = 1 / 9  # square: all
kernel[:, 1, 0, 2] = 1 / 3  # standing: the middle column
bias = np.full(3, -0.4, dtype=np.float32)
score_kernel, score_bias = 10 * np.eye(3, dtype=np.float32), np.full(3, -2, dtype=np.float32)
delta_kernel, delta_bias = np.zeros((3, 12), dtype=np.float32), np.zeros(12, dtype=np.float32)
logit, delta = rpn_head(feature, kernel, bias, score_kernel, score_bias, delta_kernel, delta_bias)
score = 1 / (1 + np.exp(-logit))

box, score = keep_top_n(decode(delta, anchor), score, 200)
box, score = filter_boxes(clip_boxes(box, height_px, width_px), score, 8.0)
kept = nms(box, score, 0.7, limit=40)
proposal, proposal_score = box[kept], score[kept]
print(f"{len(anchor):,} anchors, {len(proposal)} proposals")

# %% [markdown]
# ## Second stage: pool, classify, correct
#
# `crop_max_pool` has the centre of cell 0 at 0, an anchor has it at half a stride: the regions move by half a stride.
#
# Every region is 7 × 7 now. The first layer takes the mean of the outermost columns on the left and on the right, of
# the rows at the top and at the bottom, and of all. Where a side is dark, the box reaches too far there: the head
# moves that side inwards. This is written as weights, by hand; training writes it by itself.

# %%
image = np.zeros(len(proposal), dtype=np.int32)
pooled = crop_max_pool(feature[None], proposal - stride_px / 2, image, stride_px)

edges = np.zeros((7, 7, 5), dtype=np.float32)
edges[:, 0, 0] = edges[:, -1, 1] = edges[0, :, 2] = edges[-1, :, 3] = 1 / 7
edges[:, :, 4] = 1 / 49
weight1, bias1 = edges.reshape(49, 5), np.zeros(5, dtype=np.float32)
weight2, bias2 = np.eye(5, dtype=np.float32), np.zeros(5, dtype=np.float32)
score_weight = np.zeros((5, 2), dtype=np.float32)
score_weight[:, 1] = 2, 2, 2, 2, 10
score_bias = np.array([0, -8.5], dtype=np.float32)
# Brightness is 0.2 to 0.8. Left darker than right: the centre moves right; both dark: the box gets narrower.
delta_weight = np.zeros((5, 4), dtype=np.float32)
delta_weight[0], delta_weight[1] = [-1.6, 0, 2.0, 0], [1.6, 0, 2.0, 0]
delta_weight[2], delta_weight[3] = [0, -1.6, 0, 2.0], [0, 1.6, 0, 2.0]
delta_bias = np.array([0, 0, -3.0, -3.0], dtype=np.float32)
logits, deltas = box_head(pooled, weight1, bias1, weight2, bias2, score_weight, score_bias, delta_weight, delta_bias)
probability = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
corrected = decode(deltas[:, 0], proposal, (0.1, 0.1, 0.2, 0.2))
sure = probability > 0.5
final = corrected[sure][nms(corrected[sure], probability[sure], 0.3)]

# %%
axes = plane(
    width_px,
    height_px,
    columns=2,
    picture=np.repeat(np.clip(picture, 0, 1)[..., None], 3, axis=2),
    titles=(f"{len(proposal)} proposals", f"{len(final)} boxes"),
)
grid(axes[0], rows, columns, stride_px)
boxes(axes[0], proposal, "orange", width=0.8, label="proposals", legend="lower right")
boxes(axes[1], truth, "green", label="true", legend="lower right")
boxes(axes[1], final, "orange", label="found", legend="lower right")

# %% [markdown]
# ## How good is it?

# %%
from detbench.operators.reference.iou import iou

overlap = iou(truth, final)
for number, row in enumerate(overlap):
    print(f"object {number}: best IoU {row.max(initial=0):.2f}")

# %% [markdown]
# Three objects, and a box on each, from weights that were thought up by hand. What training adds is that the features
# mean something and the weights fit them. It changes no line of the way from the picture to the boxes, and you have
# written all of it.
