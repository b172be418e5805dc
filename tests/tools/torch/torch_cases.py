"""Writes cases for tests/fixtures/torch-values.ts: a PyTorch function in double precision, its results and gradients.

Each case is `cases[name] = record(function, {input name: tensor, ...})`. The gradient is that of the sum of each output
times fixed weights. Numbers are rounded to 10 significant digits, so that the same version writes the same file.
"""
import json
import sys

import torch


def stored(tensor):
    flat = tensor.detach().double().reshape(-1).tolist()
    return {"dims": list(tensor.shape), "values": [float("%.10g" % value) for value in flat]}


def record(function, inputs):
    """`function`, called with the inputs in order, gives a tensor or a tuple of them; floating inputs are differentiated."""
    inputs = {name: value.double() if value.is_floating_point() else value for name, value in inputs.items()}
    # What is stored is what is computed with: rounded first.
    rounded = {}
    for name, value in inputs.items():
        again = torch.tensor(stored(value)["values"], dtype=value.dtype).reshape(value.shape)
        rounded[name] = again.requires_grad_(value.is_floating_point())
    outputs = function(*rounded.values())
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    weights = [torch.sin(torch.arange(output.numel(), dtype=torch.double) * 1.7 + 0.3).reshape(output.shape) for output in outputs]
    weights = [torch.tensor(stored(w)["values"], dtype=torch.double).reshape(w.shape) for w in weights]
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()
    return {
        "inputs": {name: stored(value) for name, value in rounded.items()},
        "outputs": {"y%d" % i: stored(output) for i, output in enumerate(outputs)},
        "weights": {"y%d" % i: stored(weight) for i, weight in enumerate(weights)},
        "gradients": {name: stored(value.grad) for name, value in rounded.items() if value.grad is not None},
    }


def write(path, cases, script):
    with open(path, "w") as file:
        json.dump({"made": "%s, PyTorch %s, double precision" % (script, torch.__version__), "cases": cases}, file, separators=(",", ":"))
        file.write("\n")
    print("%d cases, %d bytes" % (len(cases), len(open(path).read())), file=sys.stderr)
