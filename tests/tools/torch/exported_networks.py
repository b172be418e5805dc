"""Small segmenters out of what people build with, for export_networks.py. Every one takes [N,3,H,W] and gives [N,3,H,W]."""
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Sequential):
    """Convolution and batch normalisation, which an exporter that folds constants makes one convolution of."""

    def __init__(self, ins, outs, kernel=3, activation=nn.ReLU, **options):
        options.setdefault("padding", kernel // 2)
        super().__init__(nn.Conv2d(ins, outs, kernel, bias=False, **options), nn.BatchNorm2d(outs), activation())


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([Block(3, 8), Block(8, 12)])
        self.bottom = nn.Sequential(Block(12, 16), nn.Dropout2d(0.2), Block(16, 16, activation=nn.LeakyReLU))
        self.up = nn.ModuleList([nn.ConvTranspose2d(16, 12, 2, 2), nn.ConvTranspose2d(12, 8, 4, 2, 1)])
        self.join = nn.ModuleList([Block(24, 12), Block(16, 8)])
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


class Residual(nn.Module):
    def __init__(self, ins, outs, stride):
        super().__init__()
        self.main = nn.Sequential(Block(ins, outs, stride=stride), nn.Conv2d(outs, outs, 3, padding=1, bias=False), nn.BatchNorm2d(outs))
        self.short = nn.Sequential(nn.Conv2d(ins, outs, 1, stride, bias=False), nn.BatchNorm2d(outs))

    def forward(self, x):
        return F.relu(self.main(x) + self.short(x))


class ResNetUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Block(3, 8, 7, stride=2)
        self.layers = nn.ModuleList([Residual(8, 8, 1), Residual(8, 16, 2)])
        self.decoder = nn.ModuleList([Block(24, 12), Block(20, 8), Block(8, 8)])
        self.head = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        early = self.stem(x)
        first = self.layers[0](F.max_pool2d(early, 3, 2, 1))
        x = F.interpolate(self.layers[1](first), scale_factor=2, mode="nearest")
        x = self.decoder[0](torch.cat([x, first], 1))
        x = self.decoder[1](torch.cat([F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False), early], 1))
        return self.head(self.decoder[2](F.interpolate(x, scale_factor=2, mode="nearest")))


class DeepLab(nn.Module):
    def __init__(self):
        super().__init__()
        self.early = Block(3, 8, stride=2, activation=nn.Hardswish)
        self.deep = Block(8, 16, stride=2, activation=nn.ReLU6)
        self.branches = nn.ModuleList([Block(16, 8, 1)] + [
            nn.Sequential(nn.Conv2d(16, 16, 3, padding=d, dilation=d, groups=16, bias=False), Block(16, 8, 1)) for d in (2, 3)])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), Block(16, 8, 1))
        self.project = Block(32, 8, 1)
        self.last = Block(16, 8)
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, image):
        early = self.early(image)
        x = self.deep(early)
        whole = F.interpolate(self.pool(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        x = self.project(torch.cat([branch(x) for branch in self.branches] + [whole], 1))
        x = F.interpolate(x, size=early.shape[-2:], mode="bilinear", align_corners=True)
        x = self.head(self.last(torch.cat([x, early], 1)))
        return F.interpolate(x, size=image.shape[-2:], mode="bilinear", align_corners=False)


class Layer(nn.Module):
    """A transformer's layer; `spelled` writes the attention out as timm does, else nn.MultiheadAttention."""

    def __init__(self, width, spelled):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width) if spelled else None
        self.proj = nn.Linear(width, width) if spelled else None
        self.attention = None if spelled else nn.MultiheadAttention(width, 2, batch_first=True)
        self.gamma = nn.Parameter(torch.ones(width))
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def attend(self, x):
        if self.attention is not None:
            return self.attention(x, x, x, need_weights=False)[0]
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (c // 2) ** -0.5
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, x):
        x = x + self.gamma * self.attend(self.norms[0](x))
        return x + self.mlp(self.norms[1](x))


class ViT(nn.Module):
    """Patches, places, two layers, scores spread over the patch by PixelShuffle."""

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 4, 4)
        self.place = nn.Parameter(torch.zeros(1, 64, 16))
        self.layers = nn.ModuleList([Layer(16, True), Layer(16, False)])
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 48)

    def forward(self, x):
        patches = self.patch(x)
        b, _, h, w = patches.shape
        tokens = patches.flatten(2).transpose(1, 2) + self.place
        for layer in self.layers:
            tokens = layer(tokens)
        scores = self.head(self.norm(tokens)).transpose(1, 2).reshape(b, 48, h, w)
        return F.pixel_shuffle(scores, 4)


class Swin(nn.Module):
    """Attention in shifted windows of 4x4, with a bias looked up by relative place."""

    opset = 12  # einsum

    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 2, 2)
        self.norm, self.qkv, self.proj = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.table = nn.Parameter(torch.zeros(49, 2))
        at = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")).flatten(1)
        between = at[:, :, None] - at[:, None, :] + 3
        self.register_buffer("places", (between[0] * 7 + between[1]).reshape(-1))
        self.merge = nn.Conv2d(16, 12, 1)
        self.head = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, image):
        x = self.patch(image).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        y = torch.roll(self.norm(x), (-2, -2), (1, 2))
        y = y.view(b, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        q, k, v = self.qkv(y).reshape(-1, 16, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        bias = self.table[self.places].view(16, 16, 2).permute(2, 0, 1)
        self.looked_up = bias.unsqueeze(0)
        if self.looked_up.requires_grad:
            self.looked_up.retain_grad()
        scores = torch.einsum("bhid,bhjd->bhij", q, k) * (c // 2) ** -0.5 + self.looked_up
        y = self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 16, c))
        y = y.view(b, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        x = x + torch.roll(y, (2, 2), (1, 2))
        return self.head(F.pixel_shuffle(self.merge(x.permute(0, 3, 1, 2)), 2))


class Modern(nn.Module):
    """Group, instance and layer normalisation of pictures, squeeze and excite, mirrored borders, PReLU, chunks, PixelUnshuffle."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(3, 16, 3), nn.GroupNorm(4, 16), nn.SiLU())
        self.reduce, self.expand = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)
        self.deep = nn.Conv2d(64, 24, 3, padding=1, padding_mode="replicate")
        self.instance = nn.InstanceNorm2d(24, affine=True)
        self.slope = nn.PReLU(12)
        self.norm = nn.LayerNorm(12)
        self.up = nn.Conv2d(12, 12, 3, padding=1, groups=3)
        self.head = nn.Conv2d(19, 3, 1)

    def forward(self, x):
        x = self.stem(x)
        gate = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))))
        x = x * gate.expand_as(x)
        a, b = self.instance(self.deep(F.pixel_unshuffle(x, 2))).chunk(2, 1)
        y = self.slope(a) * torch.tanh(b)
        y = self.norm(y.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = F.pixel_shuffle(F.elu(self.up(F.pad(y, (1, 0, 1, 0))[:, :, 1:, 1:])), 2)
        y = y + F.interpolate(F.avg_pool2d(y, 8), scale_factor=8, mode="bilinear", align_corners=True)
        return self.head(torch.cat([x, y], 1))

NETWORKS = {"u-net": UNet, "res-net u-net": ResNetUNet, "deep-lab": DeepLab, "vit": ViT, "swin": Swin, "modern": Modern}
