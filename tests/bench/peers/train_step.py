"""
PyTorch's side of `npm run bench:train`: one training step, again and again, when asked to.

Started with the path of a job (JSON, see tests/bench/train-torch.ts) and a memory format, contiguous or channels_last. Reads a command a line, answers with a line of JSON:
  step COUNT   runs that many steps -> {"ms": mean of a step, "loss": of the last}
  save PATH    weights, then first moments, flat float32 in the job's order -> {}
Ends when its input does.
"""
import json
import sys
import time

import numpy
import torch

from denoising_unet import DenoisingUnet
from segmentation_loss import segmentation_loss
from unet import Unet

NETWORKS = {"unet": Unet, "denoising": DenoisingUnet}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def read_floats(path, dims):
    return torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32).reshape(dims))


class Training:
    def __init__(self, job, memory_format):
        self.network = NETWORKS[job["network"]["kind"]](job["network"]).to(memory_format=memory_format)
        self.tensors = self.network.tensors()
        self.learned = [entry["name"] for entry in job["entries"] if entry["trainable"]]
        flat = numpy.fromfile(job["weights"], dtype=numpy.float32)
        with torch.no_grad():
            for entry in job["entries"]:
                tensor = self.tensors[entry["name"]]
                part = flat[entry["offset"] : entry["offset"] + tensor.numel()]
                assert long_axes(tensor.shape) == long_axes(entry["dims"]), f"{entry['name']}: not {list(tensor.shape)}"
                tensor.copy_(torch.from_numpy(part).reshape(tensor.shape))
        for tensor in self.tensors.values():
            tensor.requires_grad_(False)
        self.parameters = [self.tensors[name].requires_grad_(True) for name in self.learned]
        groups = [
            {"params": [p for p in self.parameters if decays(p)], "weight_decay": job["weightDecay"]},
            {"params": [p for p in self.parameters if not decays(p)], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=job["learningRate"], foreach=job["foreach"])
        self.clip = job["clipNorm"]
        self.image = read_floats(job["image"], job["imageDims"]).to(memory_format=memory_format)
        n, _, height, width = job["imageDims"]
        self.target = torch.from_numpy(numpy.fromfile(job["target"], dtype=numpy.int32)).long().reshape(n, height, width)
        self.weight = read_floats(job["weight"], (n, 1, height, width))

    def step(self):
        self.optimiser.zero_grad(set_to_none=True)
        loss = segmentation_loss(self.network(self.image), self.target, self.weight)
        loss.backward()
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimiser.step()
        return loss.item()

    def save(self, path):
        moments = [self.optimiser.state[p]["exp_avg"] for p in self.parameters]
        with open(path, "wb") as file:
            for tensor in [*self.parameters, *moments]:
                file.write(tensor.detach().contiguous().numpy().astype(numpy.float32).tobytes())


def long_axes(shape):
    return [size for size in shape if size > 1]


def decays(tensor):
    """As `decays` of src/core/nn/parameters.ts."""
    return len(long_axes(tensor.shape)) >= 2


def answer(training, command, argument):
    if command == "step":
        before = time.perf_counter()
        for _ in range(int(argument)):
            loss = training.step()
        return {"ms": (time.perf_counter() - before) * 1000 / int(argument), "loss": loss}
    if command == "save":
        training.save(argument)
        return {}
    raise ValueError(f"no command {command!r}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    torch.set_num_threads(job["threads"])
    training = Training(job, FORMATS[sys.argv[2]])
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        print(json.dumps(answer(training, command, argument)), flush=True)


main()
