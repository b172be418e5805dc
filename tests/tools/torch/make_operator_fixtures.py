"""Makes tests/fixtures/torch/operators.json: operators whose conventions differ between libraries, kinks and ties included.

Run with Debian's python3-torch (made with PyTorch 1.13.1 on a CPU, double precision, no seed: values are written out or
sines):  /usr/bin/python3 tests/tools/torch/make_operator_fixtures.py
"""
import os

import torch
import torch.nn.functional as F
from torch_cases import record, write

HERE = os.path.dirname(os.path.abspath(__file__))
# Zero and the corners of every activation below are among them; 25 is beyond Softplus' threshold of 20.
KINKS = torch.tensor([-30.0, -6.0, -3.0, -1.5, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 1.5, 3.0, 6.0, 25.0])


def wave(*dims):
    count = 1
    for dim in dims:
        count *= dim
    return (2 * torch.sin(torch.arange(count, dtype=torch.double) * 1.3 + 0.7)).reshape(dims)


def activations():
    return {
        "Relu": F.relu,
        "LeakyRelu": lambda x: F.leaky_relu(x, 0.2),
        "Elu": lambda x: F.elu(x, 0.8),
        "Selu": F.selu,
        "Celu": lambda x: F.celu(x, 0.8),
        "Gelu": F.gelu,
        "Gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
        "Silu": F.silu,
        "Mish": F.mish,
        "Softplus": F.softplus,
        "Softsign": F.softsign,
        "HardSigmoid": F.hardsigmoid,
        "HardSwish": F.hardswish,
        "Abs": torch.abs,
        "Clip": lambda x: torch.clamp(x, -1.0, 1.5),
        "ThresholdedRelu": lambda x: F.threshold(x, 1.0, 0.0),
    }


def pairs():
    a = torch.tensor([[1.0, 2.0, -1.0], [0.0, 0.0, 3.0]])
    b = torch.tensor([[1.0, -2.0, -1.0], [0.0, 1.0, 3.0]])
    base = torch.tensor([0.0, 0.0, 1.0, 2.0, 0.5])
    power = torch.tensor([2.0, 0.0, -1.5, 3.0, 0.7])
    return {
        "Max": record(torch.maximum, {"input": a, "other": b}),
        "Min": record(torch.minimum, {"input": a, "other": b}),
        "Pow": record(lambda base, power: base ** power, {"base": base, "power": power}),
        "PRelu": record(lambda x, slope: F.prelu(x, slope), {"x": torch.tensor([[[0.0, -1.0], [2.0, -3.0]]]), "slope": torch.tensor([0.3, -0.2])}),
    }


def reductions():
    ties = torch.tensor([[3.0, 1.0, 3.0], [0.0, 0.0, 0.0]])
    zeros = torch.tensor([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [1.0, -2.0, 4.0]])
    return {
        "ReduceMax": record(lambda x: torch.amax(x, 1), {"x": ties}),
        "ReduceL2": record(lambda x: torch.linalg.vector_norm(x, dim=1), {"x": ties}),
        "ReduceProd": record(lambda x: torch.prod(x, 1), {"x": zeros}),
        "ReduceLogSumExp": record(lambda x: torch.logsumexp(x, 1), {"x": 300 * wave(2, 4)}),
        "CumSum": record(lambda x: torch.cumsum(x, 1), {"x": wave(2, 3, 2)}),
        "Softmax": record(lambda x: F.softmax(x, 1), {"x": wave(2, 3, 2)}),
        "LogSoftmax": record(lambda x: F.log_softmax(x, 1), {"x": 50 * wave(2, 3, 2)}),
    }


def moves():
    x = wave(1, 2, 4, 5)
    index = torch.tensor([2, 0, 2, 3])
    return {
        "Pad reflect": record(lambda x: F.pad(x, (2, 3, 1, 2), mode="reflect"), {"x": x}),
        "Pad edge": record(lambda x: F.pad(x, (2, 3, 1, 2), mode="replicate"), {"x": x}),
        "Pad wrap": record(lambda x: F.pad(x, (2, 3, 1, 2), mode="circular"), {"x": x}),
        "Pad constant": record(lambda x: F.pad(x, (-1, 2, 1, -1), value=0.5), {"x": x}),
        "Gather": record(lambda x: torch.index_select(x, 2, index), {"x": x}),
        "GatherElements": record(lambda x: torch.gather(x, 0, torch.tensor([[0, 1, 0], [1, 1, 0]])), {"x": wave(2, 3)}),
        "roll": record(lambda x: torch.roll(x, (-1, 2), (2, 3)), {"x": x}),
        "pixel shuffle": record(lambda x: F.pixel_shuffle(x, 2), {"x": wave(1, 8, 2, 3)}),
        "channel shuffle": record(
            lambda x: x.reshape(1, 2, 3, 2, 2).transpose(1, 2).reshape(1, 6, 2, 2), {"x": wave(1, 6, 2, 2)}
        ),
    }


cases = {name: record(function, {"x": KINKS}) for name, function in activations().items()}
# On its limits relu6 lets nothing through and clamp everything; ONNX writes both as Clip, and ours is clamp.
cases["Relu6"] = record(F.relu6, {"x": KINKS[(KINKS != 0) & (KINKS != 6)]})
cases.update(pairs())
cases.update(reductions())
cases.update(moves())
write(os.path.join(HERE, "../../fixtures/torch/operators.json"), cases, "make_operator_fixtures.py")
