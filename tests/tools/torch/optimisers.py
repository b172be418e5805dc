"""Five steps of each optimiser of PyTorch, and learning rates of its schedules: tests/fixtures/torch/optimisers.json.

Run: /usr/bin/python3 tests/tools/torch/optimisers.py tests/fixtures/torch/optimisers.json
The descent: f(w) = sum((c*w)^2) + sum(sin(3*w)) with c = 1, 2, 3, 4, from w = 0.5, -0.3, 0.1, -0.7, in double precision;
every settings' second pair of elements has a tenth of the learning rate where "groups" says so.
"""
import json
import sys

import torch

START = [0.5, -0.3, 0.1, -0.7]
C = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.double)

OPTIMISERS = {
    "sgd": (torch.optim.SGD, dict(lr=0.01, momentum=0.0)),
    "sgd, momentum": (torch.optim.SGD, dict(lr=0.01, momentum=0.9)),
    "sgd, nesterov, decay": (torch.optim.SGD, dict(lr=0.01, momentum=0.8, nesterov=True, weight_decay=0.1)),
    "adam": (torch.optim.Adam, dict(lr=0.02)),
    "adam, betas, decay": (torch.optim.Adam, dict(lr=0.02, betas=(0.5, 0.99), weight_decay=0.1)),
    "adamw": (torch.optim.AdamW, dict(lr=0.02, weight_decay=0.1)),
    "adamw, clipped": (torch.optim.AdamW, dict(lr=0.02, weight_decay=0.1)),
    "adamw, groups": (torch.optim.AdamW, dict(lr=0.02, weight_decay=0.1)),
    "adam, groups, decay": (torch.optim.Adam, dict(lr=0.02, weight_decay=0.1)),
}


def descend(name, kind, options):
    pairs = [torch.tensor(START[i:i + 2], dtype=torch.double, requires_grad=True) for i in (0, 2)]
    slow = {"lr": options["lr"] / 10} if "groups" in name else {}
    optimiser = kind([{"params": [pairs[0]]}, {"params": [pairs[1]], **slow}], **options)
    path = []
    for _ in range(5):
        optimiser.zero_grad()
        w = torch.cat(pairs)
        (((C * w) ** 2).sum() + torch.sin(3 * w).sum()).backward()
        if "clipped" in name:
            torch.nn.utils.clip_grad_norm_(pairs, 1.5)
        optimiser.step()
        path.append(torch.cat(pairs).tolist())
    return path


def rates(make, steps=20):
    """The rate of steps 1, 2, ... of a run of that many steps."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = make(optimiser)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


S = torch.optim.lr_scheduler
SCHEDULES = {
    "cosine": lambda o: S.CosineAnnealingLR(o, T_max=20, eta_min=0.002),
    "step": lambda o: S.StepLR(o, step_size=6, gamma=0.3),
    "polynomial": lambda o: S.PolynomialLR(o, total_iters=20, power=0.9),
    "one-cycle": lambda o: S.OneCycleLR(o, max_lr=0.1, total_steps=20, pct_start=0.3, div_factor=25, final_div_factor=100),
}


def main(path):
    data = {
        "made": "tests/tools/torch/optimisers.py, PyTorch %s, double precision" % torch.__version__,
        "start": START,
        "descents": {name: descend(name, *given) for name, given in OPTIMISERS.items()},
        "schedules": {name: rates(make) for name, make in SCHEDULES.items()},
    }
    with open(path, "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
