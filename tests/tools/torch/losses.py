"""Losses as PyTorch has them, or written out in it after their papers: tests/fixtures/torch/losses.json.

Run: /usr/bin/python3 tests/tools/torch/losses.py tests/fixtures/torch/losses.json
Class losses: logits 2x3x5x6, targets of which some are no class (4), weights 0, 1 or 2 (whole, so that they are not
differentiated). Value losses: answer and target 1x2x12x13 with values in 0..1, the same kind of weights.
"""
import sys

import torch
import torch.nn.functional as F

from torch_cases import record, write

torch.manual_seed(5)
LOGITS = torch.randn(2, 3, 5, 6)
TARGET = torch.randint(0, 3, (2, 1, 5, 6))
TARGET[0, 0, 1, 2] = 4
TARGET[1, 0, 4, 0] = 4
WEIGHT = torch.randint(0, 3, (2, 1, 5, 6))
FACTORS = torch.tensor([0.5, 1.0, 2.5], dtype=torch.double)


def parts(logits, target, weight):
    known = target < 3
    onehot = F.one_hot(target[:, 0].clamp(max=2), 3).permute(0, 3, 1, 2).double()
    return logits.softmax(1), onehot, weight.double() * known


def pixelwise(**options):
    """F.cross_entropy of each pixel, weighted and divided as its own 'mean' would with integer weights."""
    def loss(logits, target, weight):
        labels = torch.where(target < 3, target, torch.full_like(target, -100))[:, 0]
        each = F.cross_entropy(logits, labels, reduction="none", **options)
        factors = options.get("weight", torch.ones(3, dtype=torch.double))
        by = weight[:, 0].double() * (labels >= 0) * factors[labels.clamp(min=0)]
        return (each * weight[:, 0]).sum() / by.sum()
    return loss


def focal(gamma, alpha):
    def loss(logits, target, weight):
        p, y, w = parts(logits, target, weight)
        truth = (p * y).sum(1, keepdim=True)
        factor = (y * alpha.view(1, 3, 1, 1)).sum(1, keepdim=True)
        return (-factor * (1 - truth) ** gamma * truth.log() * w).sum() / w.sum()
    return loss


def tversky(alpha, beta, exponent, axes):
    def loss(logits, target, weight):
        p, y, w = parts(logits, target, weight)
        tp = (w * p * y).sum(axes)
        fp = (w * p * (1 - y)).sum(axes)
        fn = (w * (1 - p) * y).sum(axes)
        return ((1 - (tp + 1) / (tp + alpha * fp + beta * fn + 1)) ** exponent).mean()
    return loss


def dice(logits, target, weight):
    p, y, w = parts(logits, target, weight)
    axes = (0, 2, 3)
    return 1 - ((2 * (w * p * y).sum(axes) + 1) / ((w * p).sum(axes) + (w * y).sum(axes) + 1)).mean()


def lovasz(present):
    """Berman et al. 2018, algorithm 1, with a pixel of weight 2 counted as two pixels and one of weight 0 left out."""
    def loss(logits, target, weight):
        p, y, w = parts(logits, target, weight)
        counts = w.reshape(-1).long()
        p = p.permute(1, 0, 2, 3).reshape(3, -1).repeat_interleave(counts, 1)
        y = y.permute(1, 0, 2, 3).reshape(3, -1).repeat_interleave(counts, 1)
        losses = []
        for c in range(3):
            if present and y[c].sum() == 0:
                continue
            errors, order = torch.sort((y[c] - p[c]).abs(), descending=True)
            truth = y[c][order]
            intersection = truth.sum() - truth.cumsum(0)
            union = truth.sum() + (1 - truth).cumsum(0)
            jaccard = 1 - intersection / union
            jaccard = torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
            losses.append((errors * jaccard).sum())
        return sum(losses) / len(losses)
    return loss


ANSWER = torch.rand(1, 2, 12, 13)
TRUTH = torch.rand(1, 2, 12, 13)
PIXELS = torch.randint(0, 3, (1, 1, 12, 13))


def valued(elementwise):
    def loss(answer, truth, weight):
        return (elementwise(answer, truth) * weight).sum() / (2 * weight.sum())
    return loss


def ssim(answer, truth, weight):
    at = torch.arange(11, dtype=torch.double) - 5
    bell = torch.exp(-at ** 2 / (2 * 1.5 ** 2))
    bell = bell / bell.sum()
    window = (bell[:, None] * bell[None]).expand(2, 1, 11, 11)
    blur = lambda x: F.conv2d(x, window, groups=2)
    mx, my = blur(answer), blur(truth)
    vx, vy, cov = blur(answer ** 2) - mx ** 2, blur(truth ** 2) - my ** 2, blur(answer * truth) - mx * my
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    similar = (2 * mx * my + c1) * (2 * cov + c2) / ((mx ** 2 + my ** 2 + c1) * (vx + vy + c2))
    middle = weight[:, :, 5:-5, 5:-5]
    return ((1 - similar) * middle).sum() / (2 * middle.sum())


def slopes(answer, truth, weight):
    x = torch.arange(-2, 3, dtype=torch.double).expand(5, 5)
    y = x.t()
    square = x ** 2 + y ** 2
    square[2, 2] = 1
    total = 0
    for channel, kernel in ((0, x / square), (1, y / square)):
        of = lambda map: F.conv2d(map[:, channel:channel + 1], kernel.reshape(1, 1, 5, 5), padding=2)
        total = total + (weight * (of(answer) - of(truth)) ** 2).sum()
    return total / (2 * weight.sum())


def main(path):
    classes = {"logits": LOGITS, "target": TARGET, "weight": WEIGHT}
    values = {"answer": ANSWER, "truth": TRUTH, "weight": PIXELS}
    ones = torch.ones(3, dtype=torch.double)
    functions = {
        "cross-entropy": (pixelwise(), classes),
        "cross-entropy, class weights": (pixelwise(weight=FACTORS), classes),
        "cross-entropy, smoothed": (pixelwise(label_smoothing=0.2), classes),
        "cross-entropy, class weights, smoothed": (pixelwise(weight=FACTORS, label_smoothing=0.1), classes),
        "focal, gamma 2": (focal(2, ones), classes),
        "focal, gamma 1.5, class weights": (focal(1.5, FACTORS), classes),
        "focal, gamma 0": (focal(0, ones), classes),
        "dice": (dice, classes),
        "tversky 0.3 0.7": (tversky(0.3, 0.7, 1, (0, 2, 3)), classes),
        "tversky together, by sample": (tversky(0.75, 0.25, 1, (1, 2, 3)), classes),
        "focal tversky": (tversky(0.3, 0.7, 0.75, (2, 3)), classes),
        "lovasz": (lovasz(True), classes),
        "mse": (valued(lambda a, b: F.mse_loss(a, b, reduction="none")), values),
        "l1": (valued(lambda a, b: F.l1_loss(a, b, reduction="none")), values),
        "smooth l1": (valued(lambda a, b: F.smooth_l1_loss(a, b, reduction="none", beta=0.25)), values),
        "ssim": (ssim, values),
        "gradient-mse": (slopes, values),
    }
    cases = {}
    for name, (function, inputs) in functions.items():
        cases[name] = record(lambda function=function, **given: function(**given).reshape(1), inputs)
    write(path, cases, "tests/tools/torch/losses.py")


main(sys.argv[1])
