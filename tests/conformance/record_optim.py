"""Records what torch's optimizers and schedulers do, and their arguments, for tests/optim: python tests/conformance/record_optim.py

The gradients are made by a formula that the tests repeat: no random numbers, no model. Written to tests/data/optim/.
"""

import json
import math
import os
import sys
import warnings

import torch
from torch.optim import lr_scheduler as S

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lion import Lion  # noqa: E402

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "optim")
SIZES = [(3, 4), (5,)]
MATRICES = [(3, 4), (6, 2)]  # for Muon
STEPS = 100


def make_params(dtype=torch.float32, sizes=SIZES):
    out = []
    for index, size in enumerate(sizes):
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


# Options, and those of the second group besides half the rate.
OPTIMIZERS = {
    "SGD": [({}, {}), ({"lr": 0.05, "momentum": 0.9}, {"momentum": 0.5, "dampening": 0.1}),
            ({"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.01}, {}),
            ({"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {}), ({"lr": 0.003, "maximize": True}, {})],
    "Adam": [({}, {}), ({"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.05}, {"betas": [0.5, 0.9]}),
             ({"lr": 0.01, "amsgrad": True}, {"amsgrad": False}), ({"lr": 0.01, "maximize": True}, {}),
             ({"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}, {})],
    "AdamW": [({}, {}), ({"lr": 0.02, "weight_decay": 0.2}, {"weight_decay": 0.0}),
              ({"lr": 0.02, "amsgrad": True, "betas": [0.7, 0.9]}, {}), ({"lr": 0.01, "maximize": True}, {"maximize": False})],
    "RMSprop": [({}, {}), ({"lr": 0.02, "alpha": 0.9, "eps": 1e-5, "weight_decay": 0.05}, {"alpha": 0.5}),
                ({"lr": 0.01, "momentum": 0.8}, {"momentum": 0.0}), ({"lr": 0.01, "centered": True, "eps": 1e-3}, {"centered": False}),
                ({"lr": 0.005, "momentum": 0.5, "centered": True, "eps": 1e-3, "maximize": True}, {})],
    "Adagrad": [({}, {}), ({"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.05}, {"lr_decay": 0.5}),
                ({"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-6}, {}), ({"lr": 0.05, "maximize": True}, {})],
    "Adadelta": [({}, {}), ({"lr": 0.5, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.05}, {"rho": 0.5}), ({"maximize": True}, {})],
    "NAdam": [({}, {}), ({"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.05}, {"momentum_decay": 0.1}),
              ({"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}, {}),
              ({"lr": 0.01, "momentum_decay": 0.02, "maximize": True}, {})],
    "RAdam": [({}, {}), ({"lr": 0.01, "betas": [0.8, 0.9], "eps": 1e-6, "weight_decay": 0.05}, {"betas": [0.9, 0.999]}),
              ({"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "betas": [0.9, 0.99]}, {}),
              ({"lr": 0.01, "maximize": True}, {})],
    "Lion": [({}, {}), ({"lr": 0.01, "betas": [0.8, 0.95], "weight_decay": 0.3}, {"weight_decay": 0.0}), ({"lr": 0.01, "maximize": True}, {})],
    "Muon": [({}, {}), ({"lr": 0.02, "momentum": 0.8, "nesterov": False, "weight_decay": 0.0}, {"nesterov": True}),
             ({"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 4}, {"adjust_lr_fn": "original"}),
             ({"lr": 0.02, "ns_coefficients": [2.0, -1.5, 0.5], "eps": 1e-5}, {})],
}
# Those that compute by `_foreach_` operators on a GPU do so on the CPU too when they are asked to.
FOREACH = ("RMSprop", "Adadelta", "NAdam", "RAdam", "Lion")


def record_optimizers():
    """With `foreach` only levin computes otherwise: the numbers are the same case's."""
    out = []
    for name, cases in OPTIMIZERS.items():
        for options, second in cases:
            for dtype in (torch.float32, torch.float64):
                params = make_params(dtype, MATRICES if name == "Muon" else SIZES)
                kind = Lion if name == "Lion" else getattr(torch.optim, name)
                lr = options["lr"] if "lr" in options else kind(params[:1]).defaults["lr"]
                optimizer = kind([{"params": params[:1]}, {"params": params[1:], "lr": lr / 2, **second}], **options)
                for step in range(STEPS):
                    set_gradients(params, step)
                    optimizer.step()
                out.append({"optimizer": name, "options": options, "second": second, "dtype": str(dtype).split(".")[1],
                            "foreach": name in FOREACH, "params": [flat(p) for p in params], "keys": key_order(optimizer.state_dict())})
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


# Functions have names that tests/optim/recorded.h knows too.
FUNCTIONS = {
    "inverse": lambda x: 1.0 / (1.0 + x),
    "wave": lambda x: 1.0 + 0.25 * math.sin(x),
    "root": lambda x: 1.0 / math.sqrt(x + 2.0),
}

SCHEDULER_STEPS = 200
SCHEDULERS = [
    ("StepLR", {"step_size": 30, "gamma": 0.5}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 5, "gamma": 0.9, "last_epoch": 4}),
    ("MultiStepLR", {"milestones": [4, 7, 7, 120], "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [0, 150, 20]}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.2, "total_iters": 60}),
    ("ConstantLR", {"factor": 0.75, "total_iters": 0}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 120}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 150, "last_epoch": 10}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("ExponentialLR", {"gamma": 1.01, "last_epoch": 3}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 150, "power": 2.5}),
    ("PolynomialLR", {"total_iters": 250, "power": 0.5, "last_epoch": 20}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.001}),
    ("CosineAnnealingLR", {"T_max": 130}),
    ("CosineAnnealingLR", {"T_max": 50, "last_epoch": 12}),
    ("CosineAnnealingWarmRestarts", {"T_0": 13}),
    ("CosineAnnealingWarmRestarts", {"T_0": 10, "T_mult": 2, "eta_min": 0.002}),
    ("CosineAnnealingWarmRestarts", {"T_0": 9, "T_mult": 3, "last_epoch": 5}),
    ("LambdaLR", {"lr_lambda": "inverse"}),
    ("LambdaLR", {"lr_lambda": ["root", "wave"], "last_epoch": 6}),
    ("MultiplicativeLR", {"lr_lambda": "wave"}),
    ("MultiplicativeLR", {"lr_lambda": ["wave", "inverse"], "last_epoch": 6}),
    ("ReduceLROnPlateau", {"patience": 2, "cooldown": 2, "min_lr": 0.004, "factor": 0.4}),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.1, "min_lr": [0.001, 0.01]}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 200}),
    ("OneCycleLR", {"max_lr": [0.4, 0.2], "epochs": 20, "steps_per_epoch": 11, "three_phase": True, "anneal_strategy": "linear",
                    "pct_start": 0.4, "base_momentum": 0.7}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 250, "cycle_momentum": False, "div_factor": 10.0, "final_div_factor": 50.0}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 15}),
    ("CyclicLR", {"base_lr": [0.01, 0.02], "max_lr": [0.2, 0.1], "step_size_up": 7, "step_size_down": 20, "mode": "triangular2",
                  "base_momentum": 0.6, "max_momentum": 0.95}),
    ("CyclicLR", {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 12, "mode": "exp_range", "gamma": 0.99, "cycle_momentum": False}),
    ("CyclicLR", {"base_lr": 0.02, "max_lr": 0.3, "step_size_up": 9, "scale_fn": "root", "scale_mode": "iterations"}),
    ("SequentialLR", {"schedulers": [["LinearLR", {"total_iters": 20}], ["CosineAnnealingLR", {"T_max": 90}], ["ConstantLR", {}]],
                      "milestones": [20, 110]}),
    ("SequentialLR", {"schedulers": [["ConstantLR", {"factor": 0.1, "total_iters": 9}], ["ExponentialLR", {"gamma": 0.98}],
                                     ["StepLR", {"step_size": 10}], ["PolynomialLR", {"total_iters": 40}],
                                     ["MultiStepLR", {"milestones": [0, 3]}], ["CosineAnnealingWarmRestarts", {"T_0": 5}]],
                      "milestones": [9, 40, 90, 130, 140]}),
    ("SequentialLR", {"schedulers": [["LambdaLR", {"lr_lambda": "root"}], ["MultiplicativeLR", {"lr_lambda": "wave"}],
                                     ["LinearLR", {"start_factor": 0.5}], ["CyclicLR", {"base_lr": 0.01, "max_lr": 0.2,
                                                                                       "step_size_up": 5}]],
                      "milestones": [50, 70, 100]}),
    ("SequentialLR", {"schedulers": [["CosineAnnealingWarmRestarts", {"T_0": 6}], ["OneCycleLR", {"max_lr": 0.3, "total_steps": 180}]],
                      "milestones": [30]}),
    ("SequentialLR", {"schedulers": [["SequentialLR", {"schedulers": [["LinearLR", {}], ["ExponentialLR", {"gamma": 0.9}]],
                                                       "milestones": [3]}], ["StepLR", {"step_size": 20}]], "milestones": [60]}),
    ("SequentialLR", {"schedulers": [["ChainedScheduler", {"schedulers": [["ConstantLR", {}], ["ExponentialLR", {"gamma": 0.95}]]}],
                                     ["StepLR", {"step_size": 20}]], "milestones": [60]}),
    ("ChainedScheduler", {"schedulers": [["ConstantLR", {"factor": 0.5, "total_iters": 30}], ["ExponentialLR", {"gamma": 0.99}]]}),
    ("ChainedScheduler", {"schedulers": [["CosineAnnealingLR", {"T_max": 60}], ["MultiStepLR", {"milestones": [50, 100]}],
                                         ["ChainedScheduler", {"schedulers": [["ExponentialLR", {"gamma": 0.999}]]}]]}),
]


def make_scheduler(name, options, optimizer):
    arguments = dict(options)
    for key in ("lr_lambda", "scale_fn"):
        if key in arguments:
            given = arguments[key]
            arguments[key] = [FUNCTIONS[n] for n in given] if isinstance(given, list) else FUNCTIONS[given]
    if "schedulers" in arguments:
        arguments["schedulers"] = [make_scheduler(n, o, optimizer) for n, o in arguments["schedulers"]]
    if name == "ChainedScheduler":
        return S.ChainedScheduler(**arguments)
    return getattr(S, name)(optimizer, **arguments)


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
    """Two groups at rates 0.1 and 0.05; with `last_epoch` their first rates are 0.2 and 0.08."""
    out = []
    for name, options in SCHEDULERS:
        cycles = "OneCycleLR" in str((name, options)) or "CyclicLR" in str((name, options))
        for kind in ("SGD", "AdamW") if cycles else ("SGD",):
            params = make_params()
            groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.05}]
            optimizer = getattr(torch.optim, kind)(groups, lr=0.1, **({"momentum": 0.9} if kind == "SGD" else {}))
            if "last_epoch" in options:
                for group, first in zip(optimizer.param_groups, (0.2, 0.08)):
                    group["initial_lr"] = first
            scheduler = make_scheduler(name, options, optimizer)
            rates, momenta = [], []

            def note():
                rates.append([g["lr"] for g in optimizer.param_groups])
                momenta.append([g["momentum"] if kind == "SGD" else g["betas"][0] for g in optimizer.param_groups])

            note()
            for epoch in range(SCHEDULER_STEPS):
                if name == "OneCycleLR" and epoch + 1 > scheduler.total_steps - 1:
                    break
                optimizer.step()
                scheduler.step(metric(epoch)) if name == "ReduceLROnPlateau" else scheduler.step()
                note()
            out.append({"scheduler": name, "optimizer": kind, "options": options, "rates": rates, "momenta": momenta if cycles else [],
                        "state": plain(scheduler.state_dict()), "group": list(optimizer.state_dict()["param_groups"][0])})
    return out


SIGNATURES = ([getattr(torch.optim, name) for name in OPTIMIZERS if name != "Lion"] + [torch.optim.LBFGS]
              + [getattr(S, name) for name in dict.fromkeys(name for name, _ in SCHEDULERS)])


def record_signatures():
    from record import signature
    return [{"class": kind.__name__, "arguments": signature(kind.__init__)} for kind in SIGNATURES]


def write(name, cases):
    with open(os.path.join(OUT, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    os.makedirs(OUT, exist_ok=True)
    write("optimizers.json", record_optimizers())
    write("schedulers.json", record_schedulers())
    write("lbfgs.json", record_lbfgs())
    recorders = {"optimizers": record_optimizers, "schedulers": record_schedulers, "signatures": record_signatures}
    for name in sys.argv[1:] or recorders:
        write(f"{name}.json", recorders[name]())
