"""The loss of src/core/nn/losses.ts in PyTorch: weighted cross-entropy plus soft Dice over the whole batch."""
import torch
from torch.nn import functional as F


def segmentation_loss(logits, target, weight):
    """logits [N,K,H,W], target int64 [N,H,W], weight [N,1,H,W]."""
    per_pixel = F.cross_entropy(logits, target, reduction="none")
    cross_entropy = (per_pixel * weight[:, 0]).sum() / weight.sum()
    one_hot = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2).to(logits.dtype)
    p = torch.softmax(logits, 1) * weight
    axes = (0, 2, 3)
    overlap = (p * one_hot).sum(axes)
    both = p.sum(axes) + (one_hot * weight).sum(axes)
    return cross_entropy + 1 - ((2 * overlap + 1) / (both + 1)).mean()
