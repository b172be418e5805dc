"""The U-Nets of tests/fixtures/networks/u-nets.ts in PyTorch: the same names, the same first weights, the same batch.

One function a network draws its weights on the first call and uses them on later ones, so the order of drawing is the order
of creation, as in exported.ts.
"""
import math

import torch
import torch.nn.functional as F


def even_random(seed):
    """tests/fixtures/networks/even-random.ts."""
    state = seed
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield (state >> 8) / 2**24


class Weights:
    """Parameters and running averages by name. `moments` and `how` belong to one forward pass."""

    def __init__(self, dtype):
        self.random = even_random(1)
        self.dtype = dtype
        self.parameters = {}
        self.running = {}
        # Values that went into each variance: PyTorch keeps the unbiased one.
        self.counts = {}
        self.how = "frozen"

    def drawn(self, name, dims, fan_in=None):
        if name not in self.parameters:
            bound = math.sqrt(6 / (fan_in or math.prod(dims[1:])))
            values = [(2 * next(self.random) - 1) * bound for _ in range(math.prod(dims))]
            self.keep(self.parameters, name, torch.tensor(values, dtype=torch.float32).reshape(dims))
        return self.parameters[name]

    def uneven(self, kind, name, channels):
        """unevenValue of drawn-batch.ts: normalisation that is not the identity."""
        store = self.running if kind.startswith("running") else self.parameters
        if name not in store:
            base, slope, period = {
                "weight": (1, 0.125, 5), "bias": (0, 0.125, 3), "running_mean": (0, 0.0625, 3), "running_var": (1, 0.25, 4),
            }[kind]
            self.keep(store, name, torch.tensor([base + slope * (i % period) for i in range(channels)]))
        return store[name]

    def keep(self, store, name, tensor):
        store[name] = tensor.to(self.dtype).requires_grad_(store is self.parameters)

    def conv(self, scope, x, channels, kernel=3, stride=1, group=1, bias=False, pad=None):
        weight = self.drawn(scope + ".weight", [channels, x.shape[1] // group, kernel, kernel])
        shift = self.uneven("bias", scope + ".bias", channels) if bias else None
        return F.conv2d(x, weight, shift, stride, (kernel - 1) // 2 if pad is None else pad, 1, group)

    def up(self, scope, x, channels):
        weight = self.drawn(scope + ".weight", [x.shape[1], channels, 2, 2], x.shape[1])
        return F.conv_transpose2d(x, weight, self.uneven("bias", scope + ".bias", channels), stride=2)

    def norm(self, scope, x):
        c = x.shape[1]
        parts = [self.uneven(k, scope + "." + k, c) for k in ("weight", "bias", "running_mean", "running_var")]
        weight, bias, mean, var = parts
        self.counts[scope + ".running_var"] = x.numel() // c
        return F.batch_norm(x, mean, var, weight, bias, self.how == "batch", 0.1, 1e-5)

    def block(self, scope, x, channels, **options):
        return F.relu(self.norm(scope + ".bn", self.conv(scope + ".conv", x, channels, **options)))


def plain(w, x, classes):
    widths = [8, 16, 32]

    def twice(scope, x, width):
        return w.block(scope + ".1", w.block(scope + ".0", x, width), width)

    skips = []
    for level, width in enumerate(widths):
        x = twice("down%d" % level, F.max_pool2d(x, 2) if level else x, width)
        skips.append(x)
    for level in (1, 0):
        x = twice("up%d" % level, torch.cat([w.up("up%d.up" % level, x, widths[level]), skips[level]], 1), widths[level])
    return w.conv("head", x, classes, kernel=1, bias=True)


def basic_block(w, scope, x, width, stride):
    first = w.block(scope + ".1", x, width, stride=stride, pad=1)
    second = w.norm(scope + ".bn2", w.conv(scope + ".conv2", first, width))
    short = x
    if stride > 1 or x.shape[1] != width:
        short = w.norm(scope + ".down.1", w.conv(scope + ".down.0", x, width, kernel=1, stride=stride, pad=0))
    return F.relu(second + short)


def decoder(w, levels, widths):
    skips, x = levels[-2::-1], levels[-1]
    for i, width in enumerate(widths):
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        if i < len(skips):
            x = torch.cat([x, skips[i]], 1)
        x = w.block("decoder.%d.2" % i, w.block("decoder.%d.1" % i, x, width), width)
    return x


def res_net(w, x, classes):
    levels = [w.block("encoder.stem", x, 8, kernel=7, stride=2, pad=3)]
    x = F.max_pool2d(levels[0], 3, 2, 1)
    for stage, width in enumerate([8, 16, 24]):
        x = basic_block(w, "encoder.layer%d" % (stage + 1), x, width, 2 if stage else 1)
        levels.append(x)
    return w.conv("head", decoder(w, levels, [16, 12, 8, 8]), classes, bias=True)


def squeeze_excite(w, scope, x):
    small = F.silu(w.conv(scope + ".reduce", F.adaptive_avg_pool2d(x, 1), max(2, x.shape[1] // 8), kernel=1, bias=True))
    return x * torch.sigmoid(w.conv(scope + ".expand", small, x.shape[1], kernel=1, bias=True))


def mobile_block(w, scope, x, width, stride, kernel, expansion):
    wide = x
    if expansion > 1:
        wide = F.silu(w.norm(scope + ".bn0", w.conv(scope + ".expand", x, x.shape[1] * expansion, kernel=1)))
    c = wide.shape[1]
    deep = w.conv(scope + ".depthwise", wide, c, kernel=kernel, stride=stride, group=c, pad=(kernel - 1) // 2)
    weighed = squeeze_excite(w, scope + ".se", F.silu(w.norm(scope + ".bn1", deep)))
    out = w.norm(scope + ".bn2", w.conv(scope + ".project", weighed, width, kernel=1))
    return out + x if stride == 1 and x.shape[1] == width else out


def efficient_net(w, x, classes):
    stem = F.silu(w.norm("encoder.bn", w.conv("encoder.stem", x, 8, stride=2, pad=1)))
    first = mobile_block(w, "encoder.0", stem, 8, 1, 3, 1)
    second = mobile_block(w, "encoder.1", first, 12, 2, 3, 4)
    third = mobile_block(w, "encoder.2", second, 16, 2, 5, 4)
    last = mobile_block(w, "encoder.3", third, 16, 1, 5, 4)
    return w.conv("head", decoder(w, [first, second, last], [16, 12, 8]), classes, bias=True)


NETWORKS = {"plain": plain, "res-net": res_net, "efficient-net": efficient_net}


def drawn_batch(px, classes):
    """tests/fixtures/networks/drawn-batch.ts: discs of classes, tinted and noisy; a strip of the second tile is untold.

    Of seeds 5 to 15 the one with which no ReLU of the U-Nets is so near to 0 that float32 may take it for the other side.
    """
    random = even_random(11)
    target = torch.zeros(2, 1, px, px, dtype=torch.long)
    for tile in range(2):
        for disc in range(6):
            cx, cy, r = next(random) * px, next(random) * px, 4 + 8 * next(random)
            for y in range(px):
                for x in range(px):
                    if (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r:
                        target[tile, 0, y, x] = 1 + disc % (classes - 1)
    noise = torch.tensor([next(random) for _ in range(2 * 3 * px * px)], dtype=torch.double).reshape(2, 3, px, px)
    tint = (target * 5 + torch.arange(3).view(1, 3, 1, 1) * 3) % 7
    weight = torch.ones(2, 1, px, px)
    weight[1, 0, : px // 8] = 0
    return ((tint / 4 - 0.75).double() + noise - 0.5).float(), target, weight


def loss_of(logits, target, weight):
    """Cross-entropy plus soft Dice, as src/core/nn/losses.ts defines them."""
    classes = logits.shape[1]
    p, y = logits.softmax(1), F.one_hot(target[:, 0], classes).permute(0, 3, 1, 2).to(logits.dtype)
    entropy = (F.cross_entropy(logits, target[:, 0], reduction="none") * weight[:, 0]).sum() / weight.sum()
    axes = (0, 2, 3)
    dice = (2 * (weight * p * y).sum(axes) + 1) / ((weight * p).sum(axes) + (weight * y).sum(axes) + 1)
    return entropy + 1 - dice.mean()
