"""Exports the networks of exported_networks.py with torch.onnx.export, in several ways, with what PyTorch computes on them.

Run: python3 tests/tools/torch/export_networks.py FOLDER
Writes FOLDER/index.json, one .onnx a network and way, and .f32/.i32 files of little-endian numbers: the batch, the answer, the
loss, and of every weight its values and gradient in double precision. What folding makes of
weights is listed too: of convolution and batch normalisation W*a and a bias, whose gradients are those of W over a, and of the
normalisation's shift; of a table what was looked up in it.
"""
import json
import os
import sys
import warnings

import torch
from torch import nn

from exported_networks import NETWORKS
from twins import drawn_batch, loss_of

PX, CLASSES = 32, 3
WAYS = [
    dict(opset=11, fold=True, dynamic=False),
    dict(opset=13, fold=False, dynamic=True),
    dict(opset=17, fold=True, dynamic=True),
    dict(opset=17, fold=False, dynamic=False),
]


def made(kind):
    """No two weights are alike and no normalisation is the identity."""
    torch.manual_seed(7)
    network = kind().eval()
    for name, value in list(network.named_parameters()) + list(network.named_buffers()):
        if not value.is_floating_point():
            continue
        with torch.no_grad():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.dim() <= 1 or "place" in name or "table" in name:
                value.add_(torch.randn_like(value) * 0.2)
    return network


def folded(network):
    """Name, values and gradient of what stands in a folded file instead of weights."""
    if hasattr(network, "looked_up"):
        yield "table.folded", network.looked_up, network.looked_up.grad
    for scope, module in network.named_modules():
        parts = list(module.children()) if isinstance(module, nn.Sequential) else []
        for conv, norm in zip(parts, parts[1:]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                a = norm.weight / (norm.running_var + norm.eps).sqrt()
                tall = a.view(-1, 1, 1, 1)
                yield scope + ".folded", conv.weight * tall, conv.weight.grad / tall
                yield scope + ".folded bias", norm.bias - norm.running_mean * a, norm.bias.grad


def export(network, path, opset, fold, dynamic, image):
    axes = {"image": {0: "N", 2: "H", 3: "W"}, "logits": {0: "N", 2: "H", 3: "W"}} if dynamic else None
    torch.onnx.export(network, image, path, opset_version=opset, do_constant_folding=fold, dynamic_axes=axes,
                      input_names=["image"], output_names=["logits"])


def main(folder):
    warnings.simplefilter("ignore")
    index = {"px": PX, "classes": CLASSES, "networks": []}

    def write(name, tensor):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(tensor.detach().contiguous().numpy().tobytes())
        return name

    image, target, weight = drawn_batch(PX, CLASSES)
    for number, (name, kind) in enumerate(NETWORKS.items()):
        network = made(kind).double()
        answer = network(image.double())
        loss = loss_of(answer, target, weight.double())
        loss.backward()
        tensors = [(n, v, v.grad) for n, v in network.named_parameters()] + list(folded(network))
        entry = {"network": name, "loss": loss.item(), "answer": write("%d.answer.f32" % number, answer.float()),
                 "tensors": [{"name": n, "dims": list(v.shape)} for n, v, _ in tensors], "files": []}
        entry["values"] = write("%d.values.f32" % number, torch.cat([v.reshape(-1) for _, v, _ in tensors]).float())
        entry["gradients"] = write("%d.gradients.f32" % number, torch.cat([g.reshape(-1) for _, _, g in tensors]).float())
        network.float()
        for way in WAYS:
            way = dict(way, opset=max(way["opset"], getattr(kind, "opset", 0)))
            file = "%d.%d%s%s.onnx" % (number, way["opset"], "f" if way["fold"] else "", "d" if way["dynamic"] else "")
            export(network, os.path.join(folder, file), image=image, **way)
            entry["files"].append({"file": file, **way})
        index["networks"].append(entry)
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump(index, file)


main(sys.argv[1])
