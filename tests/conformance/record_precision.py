"""Records what torch's GradScaler does, for tests/precision: python tests/conformance/record_precision.py

Two parameters, a loss that is linear in them, so that the gradients are what a formula says; in some steps one is made infinite or NaN.
Written to tests/data/precision/.
"""

import json
import math
import os

import torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "precision", "grad_scaler.json")
STEPS = 24
CASES = [
    {"optimizer": "SGD", "options": {"lr": 0.1, "momentum": 0.9}, "scaler": {"growth_interval": 3}, "overflows": {"4": "inf", "5": "-inf", "11": "nan"}},
    {"optimizer": "SGD", "options": {"lr": 0.1}, "scaler": {"init_scale": 1000.0, "growth_factor": 1.5, "backoff_factor": 0.3, "growth_interval": 2},
     "overflows": {"0": "inf", "7": "nan"}, "unscale": True},
    {"optimizer": "Adam", "options": {"lr": 0.01}, "scaler": {"init_scale": 1024.0, "growth_factor": 4.0, "backoff_factor": 0.25, "growth_interval": 2},
     "overflows": {"1": "inf", "2": "inf", "20": "nan"}, "unscale": True},
    {"optimizer": "RMSprop", "options": {"lr": 0.01}, "scaler": {"growth_interval": 5}, "overflows": {"0": "inf", "9": "inf"}},
    {"optimizer": "RMSprop", "options": {"lr": 0.01}, "scaler": {"growth_interval": 1}, "overflows": {"3": "nan"}, "unscale": True},
    {"optimizer": "SGD", "options": {"lr": 0.1}, "scaler": {"enabled": False}, "overflows": {}},
]


def gradient(step, n):
    return torch.tensor([math.sin(0.3 * step + k) for k in range(n)], dtype=torch.float64).float()


def run(case):
    params = [torch.nn.Parameter(torch.tensor([math.cos(0.7 * k) for k in range(n)], dtype=torch.float64).float()) for n in (4, 3)]
    optimizer = getattr(torch.optim, case["optimizer"])(params, **case["options"])
    scaler = torch.amp.GradScaler("cpu", **case["scaler"])
    scales, trackers = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        scaler.scale(sum((p * gradient(step, p.numel())).sum() for p in params)).backward()
        if str(step) in case["overflows"]:
            params[1].grad[2] = float(case["overflows"][str(step)])
        if case.get("unscale"):
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        trackers.append(scaler.state_dict().get("_growth_tracker", 0))
    return {**case, "scales": scales, "trackers": trackers, "state": scaler.state_dict(),
            "params": [[float(x) for x in p.detach().double()] for p in params]}


if __name__ == "__main__":
    with open(OUT, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(run(case)) for case in CASES) + "\n]\n")
