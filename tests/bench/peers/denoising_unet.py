"""
The twin in PyTorch of src/core/nn/denoising-unet.ts as a segmenter (time fixed at 0), written as a user of PyTorch would
write it. Modules are called as the parameters of ours, so that names need no table.
"""
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, before, width, time_width, groups):
        super().__init__()
        if time_width is not None:
            self.lin = nn.Linear(time_width, width)
        self.c1 = nn.Conv2d(before, width, 3, padding=1)
        self.n1 = nn.GroupNorm(groups, width)
        self.c2 = nn.Conv2d(width, width, 3, padding=1)
        self.n2 = nn.GroupNorm(groups, width)
        if before != width:
            self.sk = nn.Conv2d(before, width, 1)

    def forward(self, x, time=None):
        h = F.silu(self.n1(self.c1(x)))
        if time is not None:
            h = h + self.lin(F.silu(time))[:, :, None, None]
        h = F.silu(self.n2(self.c2(h)))
        return h + (self.sk(x) if hasattr(self, "sk") else x)


class Attention(nn.Module):
    """Linear attention, or with `full` the softmax over pairs of pixels."""

    def __init__(self, width, heads, head_width, full):
        super().__init__()
        inner = heads * head_width
        self.heads, self.head_width, self.full = heads, head_width, full
        self.n = nn.GroupNorm(1, width)
        self.qkv = nn.Conv2d(width, 3 * inner, 1, bias=False)
        self.o = nn.Conv2d(inner, width, 1)
        if not full:
            self.on = nn.GroupNorm(1, width)

    def forward(self, x):
        batch, _, height, width = x.shape
        parts = self.qkv(self.n(x)).chunk(3, 1)
        q, k, v = (part.reshape(batch, self.heads, self.head_width, height * width) for part in parts)
        scale = self.head_width**-0.5
        if self.full:
            likeness = (q * scale).transpose(-1, -2) @ k
            mixed = v @ likeness.softmax(-1).transpose(-1, -2)
        else:
            context = k.softmax(-1) @ v.transpose(-1, -2)
            mixed = context.transpose(-1, -2) @ (q.softmax(-2) * scale)
        out = self.o(mixed.reshape(batch, -1, height, width))
        return (out if self.full else self.on(out)) + x


class DenoisingUnet(nn.Module):
    def __init__(self, job):
        super().__init__()
        shape = job["shape"]
        dim, groups = shape["dim"], shape["groups"]
        widths = [shape["firstWidth"], *(multiple * dim for multiple in shape["multiples"])]
        self.everywhere = shape["attention"] == "every-level"
        self.levels = len(widths) - 1
        self.dim = dim

        def block(before, width):
            return Residual(before, width, 4 * dim, groups)

        def attention(width, full=False):
            return Attention(width, shape["heads"], shape["headWidth"], full)

        self.init = nn.Conv2d(job["inputChannels"], widths[0], 7, padding=3)
        self.l1, self.l2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, 4 * dim)
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for level in range(1, len(widths)):
            width, last = widths[level], level == self.levels
            attends = self.everywhere or last
            self.downs.append(
                nn.ModuleList(
                    [
                        block(widths[level - 1], width),
                        block(width, width),
                        attention(width) if attends else nn.Identity(),
                        nn.Identity() if last else nn.Conv2d(width, width, 4, 2, 1),
                    ]
                )
            )
        for level in range(self.levels, 1, -1):
            width = widths[level - 1]
            self.ups.append(
                nn.ModuleList(
                    [
                        block(2 * widths[level], width),
                        block(width, width),
                        attention(width) if self.everywhere else nn.Identity(),
                        nn.ConvTranspose2d(width, width, 4, 2, 1),
                    ]
                )
            )
        self.m1, self.ma, self.m2 = block(widths[-1], widths[-1]), attention(widths[-1], True), block(widths[-1], widths[-1])
        self.f = Residual(widths[1], widths[1], None, groups)
        self.out = nn.Conv2d(widths[1], job["outputChannels"], 1)
        wave = torch.cat([torch.zeros(1, dim // 2), torch.ones(1, dim // 2)], 1)
        self.register_buffer("wave", wave)

    def forward(self, x):
        time = self.l2(F.gelu(self.l1(self.wave)))
        x = self.init(x)
        skips = []
        for first, second, attention, half in self.downs:
            x = attention(second(first(x, time), time))
            skips.append(x)
            x = half(x)
        x = self.m2(self.ma(self.m1(x, time)), time)
        for first, second, attention, twice in self.ups:
            x = torch.cat([x, skips.pop()], 1)
            x = twice(attention(second(first(x, time), time)))
        return self.out(self.f(x))

    def tensors(self):
        """Our names -> where PyTorch keeps the same tensor."""
        layers = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.GroupNorm)
        found = {}
        for path, module in self.named_modules():
            if isinstance(module, layers):
                found[f"{path}.w"] = module.weight
                if module.bias is not None:
                    found[f"{path}.b"] = module.bias
        return found
