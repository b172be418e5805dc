"""
PyTorch's side of `npm run bench:predict`: the same network on the same pictures, without gradients, when asked to.

Started with the path of a job (JSON, see tests/bench/predict-torch.ts). Reads a command a line, answers with a line of JSON:
  run FORM COUNT  runs the batch that many times in one of FORMS -> {"ms": mean of a run}
  logits FORM     -> {"file": path of the raw float32 answer}
  matmul SIZE     multiplies two square matrices for a second -> {"gflops"}
Ends when its input does.
"""
import copy
import json
import sys
import time

import numpy
import torch
from unet import Unet

FORMS = ["contiguous", "contiguous, folded", "channels_last", "channels_last, folded", "frozen for oneDNN"]


def load(job):
    network = Unet(job["network"])
    tensors = network.tensors()
    flat = numpy.fromfile(job["weights"], dtype=numpy.float32)
    for entry in job["entries"]:
        tensor = tensors[entry["name"]]
        part = flat[entry["offset"] : entry["offset"] + tensor.numel()]
        assert list(tensor.shape) == entry["dims"], f"{entry['name']}: {list(tensor.shape)} is not {entry['dims']}"
        tensor.copy_(torch.from_numpy(part).reshape(entry["dims"]))
    return network.eval()


def folded(network):
    """Batch normalisation melted into the convolutions, block by block: the network's loops stay as they are."""
    network = copy.deepcopy(network)
    for blocks in [*network.down, *network.up]:
        for block in blocks:
            block.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(block.conv, block.norm)
            block.norm = torch.nn.Identity()
    return network


def in_form(network, image, form):
    if form == "frozen for oneDNN":
        traced = torch.jit.freeze(torch.jit.trace(network, image))
        return torch.jit.optimize_for_inference(traced), image
    layout = torch.channels_last if form.startswith("channels_last") else torch.contiguous_format
    chosen = folded(network) if form.endswith("folded") else copy.deepcopy(network)
    return chosen.to(memory_format=layout), image.to(memory_format=layout)


def gflops(size):
    a, b = torch.rand(size, size), torch.rand(size, size)
    a @ b
    times = []
    while sum(times) < 1 or len(times) < 5:
        before = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - before)
    return 2e-9 * size**3 / sorted(times)[len(times) // 2]


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    torch.set_num_threads(job["threads"])
    with torch.no_grad():
        network = load(job)
        image = torch.from_numpy(numpy.fromfile(job["image"], dtype=numpy.float32).reshape(job["imageDims"]))
        forms = {form: in_form(network, image, form) for form in FORMS}
        print(json.dumps({"forms": FORMS}), flush=True)
        for line in sys.stdin:
            command, _, rest = line.strip().partition(" ")
            if command == "matmul":
                print(json.dumps({"gflops": gflops(int(rest))}), flush=True)
                continue
            form, _, count = rest.rpartition(" ") if command == "run" else (rest, "", "1")
            run, input = forms[form]
            before = time.perf_counter()
            for _ in range(int(count)):
                logits = run(input)
            ms = (time.perf_counter() - before) * 1000 / int(count)
            if command == "logits":
                path = sys.argv[1] + ".logits"
                logits.contiguous().numpy().tofile(path)
                print(json.dumps({"file": path}), flush=True)
            else:
                print(json.dumps({"ms": ms}), flush=True)


if __name__ == "__main__":
    main()
