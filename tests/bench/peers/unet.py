"""The twin in PyTorch of src/core/nn/unet.ts, written as a user of PyTorch would write it. Batch normalisation is frozen."""
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Convolution 3x3 without bias, batch normalisation by its running averages, ReLU."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)), inplace=True)

    def tensors(self, name: str):
        """Our names -> where PyTorch keeps the same tensor."""
        norm = self.norm
        return {
            f"{name}.weight": self.conv.weight,
            f"{name}.scale": norm.weight,
            f"{name}.shift": norm.bias,
            f"{name}.mean": norm.running_mean,
            f"{name}.variance": norm.running_var,
        }


class Unet(nn.Module):
    def __init__(self, job):
        super().__init__()
        widths, before = job["channels"], job["inputChannels"]
        self.down = nn.ModuleList()
        for width in widths:
            self.down.append(nn.ModuleList([Block(before, width), Block(width, width)]))
            before = width
        self.up = nn.ModuleList()
        for deep, width in zip(widths[:0:-1], widths[-2::-1]):
            self.up.append(nn.ModuleList([Block(deep, width), Block(2 * width, width), Block(width, width)]))
        self.head = nn.Conv2d(widths[0], job["classes"], 1)
        self.eval()

    def forward(self, x):
        skips = []
        for level, (first, second) in enumerate(self.down):
            x = second(first(F.max_pool2d(x, 2) if level else x))
            skips.append(x)
        for level, (conv, first, second) in enumerate(self.up):
            up = conv(F.interpolate(x, scale_factor=2, mode="nearest"))
            x = second(first(torch.cat([up, skips[-2 - level]], 1)))
        return self.head(x)

    def tensors(self):
        found = {"head.weight": self.head.weight, "head.bias": self.head.bias}
        for level, blocks in enumerate(self.down):
            for part, block in zip(("first", "second"), blocks):
                found.update(block.tensors(f"down{level}.{part}"))
        for i, blocks in enumerate(self.up):
            for part, block in zip(("conv", "first", "second"), blocks):
                found.update(block.tensors(f"up{len(self.up) - 1 - i}.{part}"))
        return found
