"""Twenty steps of three U-Nets in PyTorch, double precision: tests/fixtures/torch/unets.json.

Run: /usr/bin/python3 tests/tools/torch/unets.py tests/fixtures/torch/unets.json
Two tiles of 64x64 (twins.py), cross-entropy + soft Dice, AdamW (rate 1e-3, decay 1e-2 on kernels only), normalisation frozen
and by the batch. Kept of each tensor: its sum, its norm, and every element, or every 16th where there are more than 64, as
float32 in base64, tensors in the order of creation. "drift": what rounding does to this network in PyTorch itself, the most of
four ways to compute in float32 (threads, oneDNN, memory order): max|a-b| / max|b| over all tensors. By chance more or less.
"""
import base64
import json
import math
import sys

import torch

from twins import NETWORKS, Weights, drawn_batch, loss_of

STEPS, CLASSES, PX, SPARSE, ALL_UP_TO = 20, 3, 64, 16, 64
WAYS = [dict(threads=1), dict(threads=2), dict(threads=1, onednn=False), dict(threads=1, channels_last=True)]


def optimiser_of(parameters):
    kernels = [p for p in parameters if sum(dim > 1 for dim in p.shape) >= 2]
    others = [p for p in parameters if sum(dim > 1 for dim in p.shape) < 2]
    groups = [{"params": kernels, "weight_decay": 1e-2}, {"params": others, "weight_decay": 0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=1e-3)


def copies(tensors):
    return {name: value.detach().clone().double() for name, value in tensors.items()}


def train(network, how, dtype, threads=1, onednn=True, channels_last=False):
    torch.set_num_threads(threads)
    image, target, weight = drawn_batch(PX, CLASSES)
    image, weight = image.to(dtype), weight.to(dtype)
    if channels_last:
        image = image.to(memory_format=torch.channels_last)
    w = Weights(dtype)
    found = {"losses": []}
    with torch.backends.mkldnn.flags(enabled=onednn):
        network(w, image, CLASSES)
        w.how = how
        optimiser = optimiser_of(w.parameters.values())
        for step in range(1, STEPS + 1):
            optimiser.zero_grad()
            loss = loss_of(network(w, image, CLASSES), target, weight)
            loss.backward()
            if step == 1:
                found["gradient"] = {name: value.grad.detach().clone().double() for name, value in w.parameters.items()}
            optimiser.step()
            found["losses"].append(loss.item())
            if step in (1, STEPS):
                found["after%d" % step] = copies(w.parameters)
                found["running%d" % step] = copies(w.running)
    return found, w.counts


def distance(a, b):
    return max((a[n] - b[n]).abs().max().item() for n in b) / max(b[n].abs().max().item() for n in b)


def stored(tensors):
    kept = []
    for value in tensors.values():
        flat = value.reshape(-1)
        kept += flat[:: 1 if flat.numel() <= ALL_UP_TO else SPARSE].tolist()
    return {
        "sums": [value.sum().item() for value in tensors.values()],
        "norms": [value.norm().item() for value in tensors.values()],
        "values": base64.b64encode(torch.tensor(kept, dtype=torch.float32).numpy().tobytes()).decode(),
    }


def case(name, how):
    truth, counts = train(NETWORKS[name], how, torch.double)
    ways = [train(NETWORKS[name], how, torch.float32, **way)[0] for way in WAYS]
    kinds = ["gradient", "after1", "after%d" % STEPS] + (["running1", "running%d" % STEPS] if how == "batch" else [])
    drift = {kind: max(distance(way[kind], truth[kind]) for way in ways) for kind in kinds}
    drift["losses"] = max(abs(a - b) for way in ways for a, b in zip(way["losses"], truth["losses"]))
    print(name, how, "%.4f -> %.4f" % (truth["losses"][0], truth["losses"][-1]), {k: "%.1e" % v for k, v in drift.items()})
    return {
        "network": name, "batchNorm": how, "losses": truth["losses"], "drift": drift,
        "parameters": [[n, list(v.shape)] for n, v in truth["gradient"].items()],
        "running": [[n, list(v.shape), counts.get(n, 0)] for n, v in truth["running1"].items()],
        **{kind: stored(truth[kind]) for kind in kinds},
    }


def main(path):
    data = {
        "made": "tests/tools/torch/unets.py, PyTorch %s" % torch.__version__,
        "sparse": SPARSE, "allUpTo": ALL_UP_TO, "px": PX, "classes": CLASSES, "steps": STEPS,
        "cases": [case(name, how) for name in NETWORKS for how in ("frozen", "batch")],
    }
    with open(path, "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
