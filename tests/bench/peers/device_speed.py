"""
PyTorch's side of tests/bench/device.ts: how long a training step and a tile take on the device that is named.

Started with a job as JSON text: {"device", "channels", "inputChannels", "classes", "batch", "edgePx", "tilePx", "seconds"}.
Prints a line of JSON: {"device", "stepMs", "tileMs"}; a device that PyTorch does not have ends it with status 3.
"""
import json
import sys
import time

import torch
from segmentation_loss import segmentation_loss
from unet import Unet


def median_ms(run, wait, seconds):
    run()
    times = []
    while sum(times) < seconds or len(times) < 3:
        wait()
        before = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - before)
    return 1000 * sorted(times)[len(times) // 2]


def main(job):
    device = torch.device(job["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit(3)
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    network = Unet(job).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01)
    batch, edge = job["batch"], job["edgePx"]
    image = torch.rand(batch, job["inputChannels"], edge, edge, device=device)
    target = torch.randint(0, job["classes"], (batch, edge, edge), device=device)
    weight = torch.ones(batch, 1, edge, edge, device=device)

    def step():
        optimiser.zero_grad(set_to_none=True)
        segmentation_loss(network(image), target, weight).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    tile = torch.rand(1, job["inputChannels"], job["tilePx"], job["tilePx"], device=device)

    def predict():
        with torch.no_grad():
            network(tile).cpu()

    step_ms = median_ms(step, wait, job["seconds"])
    tile_ms = median_ms(predict, wait, job["seconds"])
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    print(json.dumps({"device": name, "stepMs": step_ms, "tileMs": tile_ms}))


main(json.loads(sys.argv[1]))
