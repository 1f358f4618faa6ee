"""Records what torch's optimizers and schedulers do, for tests/optim: python tests/conformance/record_optim.py

The gradients are made by a formula that the tests repeat: no random numbers, no model. Written to tests/data/optim/.
"""

import json
import math
import os

import torch
from torch.optim import lr_scheduler as S

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "optim")
SIZES = [(3, 4), (5,)]
STEPS = 100


def make_params(dtype=torch.float32):
    out = []
    for index, size in enumerate(SIZES):
        n = math.prod(size)
        values = torch.tensor([math.cos(0.7 * k + index) for k in range(n)], dtype=torch.float64)
        out.append(torch.nn.Parameter(values.reshape(size).to(dtype)))
    return out


def set_gradients(params, step):
    """A part that pulls to zero and one that depends on the step; the second parameter has no gradient in the first 10 steps."""
    for index, p in enumerate(params):
        p.grad = None
        if index == 1 and step < 10:
            continue
        wave = torch.tensor([math.sin(0.3 * step + k) for k in range(p.numel())], dtype=torch.float64)
        p.grad = (p.detach().double() * 0.5 + wave.reshape(p.shape)).to(p.dtype)


def flat(tensor):
    return [float(x) for x in tensor.detach().double().flatten()]


def key_order(state):
    return {"state": {str(k): list(v) for k, v in state["state"].items()},
            "groups": [list(g) for g in state["param_groups"]]}


OPTIMIZERS = {
    "SGD": [{}, {"lr": 0.05, "momentum": 0.9}, {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01},
            {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"lr": 0.003, "maximize": True}],
    "Adam": [{}, {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.05}, {"lr": 0.01, "amsgrad": True},
             {"lr": 0.01, "maximize": True}],
    "AdamW": [{}, {"lr": 0.02, "weight_decay": 0.2}, {"lr": 0.02, "amsgrad": True, "betas": [0.7, 0.9]}],
}


def record_optimizers():
    out = []
    for name, cases in OPTIMIZERS.items():
        for options in cases:
            for dtype in (torch.float32, torch.float64):
                params = make_params(dtype)
                # Two groups, the second with a rate of its own.
                lr = options.get("lr", 1e-3)
                optimizer = getattr(torch.optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": lr / 2}], **options)
                for step in range(STEPS):
                    set_gradients(params, step)
                    optimizer.step()
                out.append({"optimizer": name, "options": options, "dtype": str(dtype).split(".")[1],
                            "params": [flat(p) for p in params], "keys": key_order(optimizer.state_dict())})
    return out


LBFGS = [{}, {"line_search_fn": "strong_wolfe"}, {"lr": 0.05, "max_iter": 5, "history_size": 3},
         {"lr": 0.5, "max_iter": 7, "max_eval": 9, "history_size": 4, "line_search_fn": "strong_wolfe"},
         {"lr": 0.02, "max_iter": 1}, {"line_search_fn": "strong_wolfe", "tolerance_grad": 0.05, "tolerance_change": 1e-4}]


def valley(params):
    """A function with curved valleys, made of a few operators."""
    x = torch.cat([p.flatten() for p in params])
    return ((x - 0.5) * (x - 0.5)).sum() + 5 * ((x[1:] - x[:-1] * x[:-1]) * (x[1:] - x[:-1] * x[:-1])).sum()


def record_lbfgs():
    out = []
    for options in LBFGS:
        for dtype in (torch.float32, torch.float64):
            params = make_params(dtype)
            optimizer = torch.optim.LBFGS(params, **options)

            def closure():
                optimizer.zero_grad()
                loss = valley(params)
                loss.backward()
                return loss

            steps = []
            for _ in range(5):
                loss = float(optimizer.step(closure))
                state = optimizer.state_dict()["state"][0]
                steps.append({"loss": loss, "func_evals": state["func_evals"], "n_iter": state["n_iter"], "t": float(state.get("t", 0)),
                              "params": [flat(p) for p in params]})
            kinds = {k: type(v[0] if isinstance(v, list) and v else v).__name__ for k, v in state.items()}
            out.append({"options": options, "dtype": str(dtype).split(".")[1], "steps": steps, "kinds": kinds,
                        "group": list(optimizer.state_dict()["param_groups"][0])})
    return out


SCHEDULERS = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}, 20),
    ("MultiStepLR", {"milestones": [4, 7, 7, 12], "gamma": 0.3}, 20),
    ("ExponentialLR", {"gamma": 0.93}, 30),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.001}, 40),
    ("LinearLR", {}, 10),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 12}, 20),
    ("LambdaLR", {}, 20),
    ("ReduceLROnPlateau", {"patience": 2, "cooldown": 2, "min_lr": 0.004, "factor": 0.4}, 40),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.1, "min_lr": [0.001, 0.01]}, 40),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 25}, 25),
    ("OneCycleLR", {"max_lr": [0.4, 0.2], "epochs": 5, "steps_per_epoch": 6, "three_phase": True, "anneal_strategy": "linear",
                    "pct_start": 0.4, "base_momentum": 0.7}, 30),
]


def metric(epoch):
    return math.cos(0.25 * epoch) + 0.01 * epoch


def plain(value):
    """JSON's own types; infinity as a string."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def record_schedulers():
    out = []
    for name, options, steps in SCHEDULERS:
        for kind in ("SGD", "AdamW"):
            params = make_params()
            groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.05}]
            optimizer = getattr(torch.optim, kind)(groups, lr=0.1, **({"momentum": 0.9} if kind == "SGD" else {}))
            arguments = {"lr_lambda": lambda epoch: 1.0 / (1.0 + epoch)} if name == "LambdaLR" else options
            scheduler = getattr(S, name)(optimizer, **arguments)
            rates, momenta = [[g["lr"] for g in optimizer.param_groups]], []
            for epoch in range(steps - 1):
                optimizer.step()
                scheduler.step(metric(epoch)) if name == "ReduceLROnPlateau" else scheduler.step()
                rates.append([g["lr"] for g in optimizer.param_groups])
                momenta.append([g["momentum"] if kind == "SGD" else g["betas"][0] for g in optimizer.param_groups])
            out.append({"scheduler": name, "optimizer": kind, "options": options, "rates": rates,
                        "momenta": momenta if name == "OneCycleLR" else [], "keys": list(scheduler.state_dict()),
                        "state": plain(scheduler.state_dict()), "group": list(optimizer.state_dict()["param_groups"][0])})
    return out


def write(name, cases):
    with open(os.path.join(OUT, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    write("optimizers.json", record_optimizers())
    write("schedulers.json", record_schedulers())
    write("lbfgs.json", record_lbfgs())
