"""Makes tests/fixtures/torch/layers.json: layers whose conventions differ between libraries, as PyTorch computes them.

Run from the repository's root, with Debian's python3-torch: `/usr/bin/python3 tests/tools/torch/make_layer_fixtures.py`.
Resize (both corner conventions, fractional scales), padding of convolutions and of their transposes, pooling with sizes
rounded up, normalisation by frozen and by batch statistics with running averages, attention with several heads.
"""
import os

import torch
from torch.nn import functional as F

from torch_cases import record, write

HERE = os.path.dirname(__file__)
torch.manual_seed(7)
cases = {}


def normal(*dims):
    return torch.randn(*dims, dtype=torch.double)


def resize(name, x, **options):
    cases["Resize " + name] = record(lambda x: F.interpolate(x, **options), {"x": x})


resize("bilinear ×2", normal(1, 2, 3, 4), scale_factor=2, mode="bilinear", align_corners=False)
resize("bilinear ×2, corners aligned", normal(1, 2, 3, 4), scale_factor=2, mode="bilinear", align_corners=True)
resize("bilinear ×1.5 ×0.75", normal(1, 1, 5, 7), scale_factor=(1.5, 0.75), mode="bilinear", align_corners=False, recompute_scale_factor=False)
resize("bilinear to 7×3", normal(1, 1, 4, 6), size=(7, 3), mode="bilinear", align_corners=False)
resize("bilinear to 7×3, corners aligned", normal(1, 1, 4, 6), size=(7, 3), mode="bilinear", align_corners=True)
resize("bilinear to one pixel", normal(1, 1, 4, 6), size=(1, 1), mode="bilinear", align_corners=False)
resize("nearest ×2", normal(1, 2, 3, 2), scale_factor=2, mode="nearest")
resize("nearest ×1.5 ×0.6", normal(1, 1, 5, 7), scale_factor=(1.5, 0.6), mode="nearest", recompute_scale_factor=False)
resize("nearest to 5×4", normal(1, 1, 3, 7), size=(5, 4), mode="nearest")
resize("bicubic ×2", normal(1, 1, 4, 5), scale_factor=2, mode="bicubic", align_corners=False)
resize("bicubic ×2, corners aligned", normal(1, 1, 4, 5), scale_factor=2, mode="bicubic", align_corners=True)
resize("bicubic to 3×9", normal(1, 1, 5, 6), size=(3, 9), mode="bicubic", align_corners=False)


def conv(name, inputs, **options):
    cases["Conv " + name] = record(lambda x, w, b: F.conv2d(x, w, b, **options), inputs)


def weights(out, into, *kernel):
    return {"w": normal(out, into, *kernel), "b": normal(out)}


conv("padded", {"x": normal(2, 3, 5, 6), **weights(4, 3, 3, 3)}, padding=1)
conv("stride 2 of a 7×7", {"x": normal(1, 2, 9, 8), **weights(2, 2, 7, 7)}, stride=2, padding=3)
conv("dilated, padding same", {"x": normal(1, 2, 6, 5), **weights(2, 2, 4, 3)}, dilation=(1, 2), padding="same")
conv("groups of two", {"x": normal(1, 4, 5, 5), **weights(6, 2, 3, 3)}, groups=2, padding=1)
conv("depthwise", {"x": normal(1, 3, 5, 5), **weights(6, 1, 3, 3)}, groups=3, padding=1, stride=2)
for mode in ("reflect", "replicate"):
    cases["Conv padded by " + mode] = record(
        lambda x, w, b, mode=mode: F.conv2d(F.pad(x, (1, 2, 2, 1), mode=mode), w, b), {"x": normal(1, 2, 4, 5), **weights(2, 2, 3, 3)}
    )


def standardised(x, w, b):
    mean = w.mean(dim=(1, 2, 3), keepdim=True)
    variance = w.var(dim=(1, 2, 3), keepdim=True, unbiased=False)
    return F.conv2d(x, (w - mean) / torch.sqrt(variance + 1e-5), b, padding=1)


cases["Conv with standardised weights"] = record(standardised, {"x": normal(1, 2, 4, 4), **weights(3, 2, 3, 3)})


def transposed(name, inputs, **options):
    cases["ConvTranspose " + name] = record(lambda x, w, b: F.conv_transpose2d(x, w, b, **options), inputs)


transposed("2×2 of stride 2", {"x": normal(2, 3, 3, 4), "w": normal(3, 2, 2, 2), "b": normal(2)}, stride=2)
transposed("with output padding", {"x": normal(1, 2, 3, 3), "w": normal(2, 3, 3, 3), "b": normal(3)}, stride=2, padding=1, output_padding=1)
transposed("in groups, uneven", {"x": normal(1, 4, 3, 2), "w": normal(4, 1, 3, 4), "b": normal(2)}, stride=(2, 3), padding=(1, 0), output_padding=(0, 2), groups=2)
transposed("dilated", {"x": normal(1, 2, 3, 3), "w": normal(2, 2, 3, 3), "b": normal(2)}, stride=2, dilation=2, padding=1)

stem = {"kernel_size": 3, "stride": 2, "padding": 1}
cases["MaxPool 3×3 of stride 2"] = record(lambda x: F.max_pool2d(x, **stem), {"x": normal(1, 2, 8, 7)})
cases["MaxPool 3×3 of stride 2, rounded up"] = record(lambda x: F.max_pool2d(x, **stem, ceil_mode=True), {"x": normal(1, 2, 8, 6)})
# White background: many equal pixels, and the first one of each window gets the gradient.
cases["MaxPool of equal pixels"] = record(lambda x: F.max_pool2d(x, **stem), {"x": torch.randint(0, 2, (1, 2, 7, 7)).double()})
cases["MaxPool dilated"] = record(lambda x: F.max_pool2d(x, 2, stride=1, padding=1, dilation=2), {"x": normal(1, 1, 6, 5)})
for counted in (False, True):
    name = ", padding counted" if counted else ""
    average = {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": counted}
    cases["AveragePool" + name] = record(lambda x, average=average: F.avg_pool2d(x, **average), {"x": normal(1, 2, 7, 6)})
    cases["AveragePool rounded up" + name] = record(
        lambda x, average=average: F.avg_pool2d(x, **average, ceil_mode=True), {"x": normal(1, 2, 8, 6)}
    )

affine = {"scale": normal(4), "bias": normal(4)}
cases["GroupNorm"] = record(lambda x, scale, bias: F.group_norm(x, 2, scale, bias), {"x": normal(2, 4, 3, 3), **affine})
cases["InstanceNorm"] = record(lambda x, scale, bias: F.instance_norm(x, weight=scale, bias=bias), {"x": normal(2, 4, 3, 3), **affine})
cases["LayerNorm"] = record(lambda x, scale, bias: F.layer_norm(x, (4,), scale, bias), {"x": normal(2, 3, 4), **affine})
cases["LayerNorm over two axes"] = record(
    lambda x, scale, bias: F.layer_norm(x, (3, 4), scale, bias), {"x": normal(2, 3, 4), "scale": normal(3, 4), "bias": normal(3, 4)}
)


def batch_norm(training):
    def run(x, scale, bias, mean, variance):
        running = (mean.detach().clone(), variance.detach().clone())
        y = F.batch_norm(x, *running, scale, bias, training=training, momentum=0.1)
        return (y, *running) if training else y

    inputs = {"x": normal(3, 4, 3, 2) * 2 + 1, **affine, "mean": normal(4), "variance": normal(4).abs() + 0.5}
    return record(run, inputs)


cases["BatchNorm frozen"] = batch_norm(False)
cases["BatchNorm while training"] = batch_norm(True)


def attention(x, qkv, qkv_bias, out, out_bias):
    result, _ = F.multi_head_attention_forward(
        x, x, x, 8, 2, qkv, qkv_bias, None, None, False, 0.0, out, out_bias, need_weights=False
    )
    return result


cases["Attention of two heads"] = record(
    attention, {"x": normal(5, 2, 8), "qkv": normal(24, 8) * 0.5, "qkv_bias": normal(24), "out": normal(8, 8), "out_bias": normal(8)}
)

write(os.path.join(HERE, "../../fixtures/torch/layers.json"), cases, "make_layer_fixtures.py")
