"""Records what Lightning's callbacks do to a small training, for tests/callbacks: python tests/conformance/record_callbacks.py

Needs lightning 2.6.6 and torch 2.11.0. Written to golden/callbacks.json: per scenario what is run and what came of it: each batch's
learning rates and loss, each epoch's weights, everything logged and said, states, and the keys of the checkpoints.
"""

import json
import os
import tempfile

import torch
from callback_net import Messages, Net, Rows, flat
from lightning.pytorch import Trainer
from lightning.pytorch import callbacks as C
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import device_stats_monitor, throughput_monitor

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
LAMBDAS = {"one_and_a_half": lambda epoch: 1.5}


def scenario(name, callbacks, trainer=None, model=None, resume=None):
    """`resume`: a second training goes on from the checkpoint of that epoch's end."""
    return {"name": name, "callbacks": callbacks, "trainer": {"max_epochs": 4, **(trainer or {})}, "model": model or {}, "resume": resume}


def one(cls, **init_args):
    return [{"class": cls, "init_args": init_args}]


STEP_LR = {"schedulers": [{"class": "StepLR", "step_size": 2, "gamma": 0.5}]}
MOMENTUM = {"optimizer": {"class": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}}
FREEZES = {"trainable_only": True}


def metric(*values):
    return {"metric": {"name": "v", "values": list(values)}}


def scenarios():
    yield scenario("average of all steps", one("WeightAveraging"))
    yield scenario("average, accumulation", one("WeightAveraging"), {"accumulate_grad_batches": 2})
    yield scenario("average, buffers averaged", one("WeightAveraging"), model={"batch_norm": True})
    yield scenario("average, buffers copied", one("WeightAveraging", use_buffers=False), model={"batch_norm": True})
    yield scenario("average, validation within epochs", one("WeightAveraging"), {"val_check_interval": 2})
    yield scenario("average, resumed", one("WeightAveraging"), model={"batch_norm": True, **MOMENTUM}, resume=1)
    yield scenario("ema", one("EMAWeightAveraging", decay=0.5))
    yield scenario("ema, every second step", one("EMAWeightAveraging", decay=0.5, update_every_n_steps=2))
    yield scenario("ema from step 4", one("EMAWeightAveraging", decay=0.9, update_starting_at_step=4))
    yield scenario("ema of epochs from 1 on", one("EMAWeightAveraging", decay=0.5, update_every_n_steps=0, update_starting_at_epoch=1))
    yield scenario("ema of steps and epochs", one("EMAWeightAveraging", decay=0.5, update_every_n_steps=4, update_starting_at_epoch=2))
    yield scenario("ema, resumed", one("EMAWeightAveraging", decay=0.5), model={"batch_norm": True}, resume=2)
    for strategy in ("cos", "linear"):
        yield scenario(f"swa, {strategy}", one("StochasticWeightAveraging", swa_lrs=0.01, swa_epoch_start=3, annealing_epochs=3,
                                               annealing_strategy=strategy), {"max_epochs": 8})
    yield scenario("swa from a fraction, StepLR", one("StochasticWeightAveraging", swa_lrs=0.02), {"max_epochs": 5}, STEP_LR)
    yield scenario("swa, a rate per group", one("StochasticWeightAveraging", swa_lrs=[0.05, 0.01], swa_epoch_start=2, annealing_epochs=2),
                   model={"two_groups": True, **MOMENTUM})
    yield scenario("swa at once", one("StochasticWeightAveraging", swa_lrs=0.05, swa_epoch_start=1, annealing_epochs=0))
    yield scenario("swa, batch normalization", one("StochasticWeightAveraging", swa_lrs=0.05, swa_epoch_start=2, annealing_epochs=2),
                   model={"batch_norm": True})
    yield scenario("swa, batch normalization and accumulation", one("StochasticWeightAveraging", swa_lrs=0.05, swa_epoch_start=0.5),
                   {"accumulate_grad_batches": 2}, model={"batch_norm": True, **MOMENTUM})
    yield scenario("swa, resumed", one("StochasticWeightAveraging", swa_lrs=0.01, swa_epoch_start=2, annealing_epochs=3), {"max_epochs": 6},
                   {"batch_norm": True, **STEP_LR}, resume=2)
    yield scenario("swa, resumed before it begins", one("StochasticWeightAveraging", swa_lrs=0.01, swa_epoch_start=4, annealing_epochs=3),
                   {"max_epochs": 6}, STEP_LR, resume=1)
    yield scenario("backbone", one("BackboneFinetuning", unfreeze_backbone_at_epoch=1, verbose=True), {"max_epochs": 6}, FREEZES)
    yield scenario("backbone, not aligned", one("BackboneFinetuning", unfreeze_backbone_at_epoch=1, should_align=False, verbose=True,
                                                rounding=3), {"max_epochs": 6}, FREEZES)
    yield scenario("backbone, a rate of its own", one("BackboneFinetuning", unfreeze_backbone_at_epoch=1, backbone_initial_lr=0.003,
                                                      lambda_func="one_and_a_half"), {"max_epochs": 5}, {**FREEZES, **MOMENTUM})
    yield scenario("backbone, StepLR", one("BackboneFinetuning", unfreeze_backbone_at_epoch=2, backbone_initial_ratio_lr=0.25),
                   {"max_epochs": 6}, {**FREEZES, **STEP_LR})
    yield scenario("backbone with batch normalization", one("BackboneFinetuning", unfreeze_backbone_at_epoch=2), {"max_epochs": 4},
                   {**FREEZES, "batch_norm": True})
    yield scenario("backbone, batch normalization not trained", one("BackboneFinetuning", unfreeze_backbone_at_epoch=2, train_bn=False),
                   {"max_epochs": 4}, {**FREEZES, "batch_norm": True})
    yield scenario("backbone, resumed before it is unfrozen", one("BackboneFinetuning", unfreeze_backbone_at_epoch=2), {"max_epochs": 5},
                   {**FREEZES, **MOMENTUM}, resume=0)
    yield scenario("backbone, resumed", one("BackboneFinetuning", unfreeze_backbone_at_epoch=1), {"max_epochs": 5}, {**FREEZES, **MOMENTUM},
                   resume=2)
    yield scenario("accumulation from the start", one("GradientAccumulationScheduler", scheduling={"0": 2, "2": 3}))
    yield scenario("accumulation later", one("GradientAccumulationScheduler", scheduling={"1": 2, "3": 1}), model={**MOMENTUM, **STEP_LR})
    yield scenario("accumulation, resumed", one("GradientAccumulationScheduler", scheduling={"1": 3}), resume=1)
    falls = metric(5, 4, 4, 4, 4, 4, 4, 4)
    stop = {"max_epochs": 8}
    yield scenario("stop, patience", one("EarlyStopping", monitor="v", patience=2, verbose=True), stop, falls)
    yield scenario("stop, patience 0", one("EarlyStopping", monitor="v", patience=0, verbose=True), stop, falls)
    yield scenario("stop, min_delta", one("EarlyStopping", monitor="v", patience=2, min_delta=1, verbose=True), stop, metric(5, 4, 2.5, 1.5, 1, 1, 1, 1))
    yield scenario("stop, mode max", one("EarlyStopping", monitor="v", patience=1, mode="max", verbose=True), stop, metric(1, 2, 3, 2, 9, 9, 9, 9))
    yield scenario("stop, good enough", one("EarlyStopping", monitor="v", stopping_threshold=4.5, verbose=True), stop, falls)
    yield scenario("stop, good enough at an int", one("EarlyStopping", monitor="v", mode="max", stopping_threshold=3, verbose=True), stop,
                   metric(1, 2, 3, 4, 5, 6, 7, 8))
    yield scenario("stop, hopeless", one("EarlyStopping", monitor="v", divergence_threshold=6, verbose=True), stop, metric(5, 6, 7, 8, 9, 9, 9, 9))
    yield scenario("stop, not a number", one("EarlyStopping", monitor="v", verbose=True), stop, metric(5, 4, float("nan"), 3, 3, 3, 3, 3))
    yield scenario("stop, infinity counts", one("EarlyStopping", monitor="v", check_finite=False, patience=2, verbose=True), stop,
                   metric(5, float("inf"), float("inf"), 3, 3, 3, 3, 3))
    yield scenario("stop, not strict", one("EarlyStopping", monitor="none", strict=False, verbose=True), {"max_epochs": 2})
    yield scenario("stop, not strict and quiet", one("EarlyStopping", monitor="none", strict=False), {"max_epochs": 2})
    yield scenario("stop, after validation", one("EarlyStopping", monitor="v", patience=1, check_on_train_epoch_end=False, verbose=True), stop, falls)
    yield scenario("stop, min_epochs", one("EarlyStopping", monitor="v", patience=1, verbose=True), {"min_epochs": 5, **stop}, falls)
    yield scenario("stop, resumed", one("EarlyStopping", monitor="v", patience=3, verbose=True), stop, metric(5, 4, 4, 4, 4, 4, 4, 4), resume=1)
    every = {"log_every_n_steps": 2}
    for interval in (None, "step", "epoch"):
        yield scenario(f"rates, {interval}", one("LearningRateMonitor", logging_interval=interval), every, STEP_LR)
    yield scenario("rates, all there is", one("LearningRateMonitor", log_momentum=True, log_weight_decay=True), every, {"two_groups": True, **MOMENTUM})
    yield scenario("rates, Adam", one("LearningRateMonitor", log_momentum=True, log_weight_decay=True), every,
                   {"optimizer": {"class": "AdamW", "lr": 0.01, "betas": [0.8, 0.9]}, "schedulers": [
                       {"class": "ExponentialLR", "gamma": 0.9, "config": {"interval": "step", "name": "mine"}}]})
    yield scenario("rates, named groups", one("LearningRateMonitor"), every, {"two_groups": True, "group_names": ["a", "b"]})
    yield scenario("rates, one group with a name", one("LearningRateMonitor", logging_interval="epoch"), every,
                   {"two_groups": True, "group_names": ["a"]})
    yield scenario("rates, three optimizers", one("LearningRateMonitor", log_momentum=True), every,
                   {"optimizers": [{"class": "SGD", "lr": 0.1}, {"class": "SGD", "lr": 0.01, "momentum": 0.5}, {"class": "Adam", "lr": 0.001}],
                    "schedulers": [None, {"class": "StepLR", "step_size": 1, "gamma": 0.5}]})
    yield scenario("rates, accumulation", one("LearningRateMonitor", logging_interval="step"), {"accumulate_grad_batches": 2, **every}, STEP_LR)
    yield scenario("rates of a backbone", one("LearningRateMonitor", logging_interval="epoch")
                   + one("BackboneFinetuning", unfreeze_backbone_at_epoch=1), every, FREEZES)


    for name, init_args in (("speed", {"window_size": 3}), ("speed, items", {"window_size": 2, "length_fn": "elements", "separator": "|"})):
        yield scenario(name, one("ThroughputMonitor", **init_args), {"max_epochs": 2, "log_every_n_steps": 2}, {"flops_per_batch": 1000})
    yield scenario("speed, accumulation, no flops", one("ThroughputMonitor", window_size=2), {"max_epochs": 2, "accumulate_grad_batches": 2})
    yield scenario("hardware", one("DeviceStatsMonitor"), {"max_epochs": 2, "log_every_n_steps": 2})


class Ticks:
    """A clock that goes on by half a second whenever it is read."""
    now = 0.0

    def perf_counter(self):
        self.now += 0.5
        return self.now


def plain(value):
    if isinstance(value, torch.Tensor):
        return flat(value) if value.numel() != 1 else float(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "value"):
        return value.value
    return value


def with_nan(value):
    """JSON has no such numbers."""
    if isinstance(value, dict):
        return {k: with_nan(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_nan(v) for v in value]
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value


def make(spec):
    init_args = dict(spec["init_args"])
    if "lambda_func" in init_args:
        init_args["lambda_func"] = LAMBDAS[init_args["lambda_func"]]
    if spec["class"] == "ThroughputMonitor":
        throughput_monitor.time = Ticks()
        init_args["batch_size_fn"] = lambda batch: batch[0].size(0)
        if "length_fn" in init_args:
            init_args["length_fn"] = lambda batch: batch[0].numel()
    if "scheduling" in init_args:
        init_args["scheduling"] = {int(k): v for k, v in init_args["scheduling"].items()}
    return getattr(C, spec["class"])(**init_args)


def train(spec, folder, ckpt_path=None):
    net, logger = Net(spec["model"]), Rows()
    callbacks = [make(c) for c in spec["callbacks"]]
    saver = C.ModelCheckpoint(dirpath=folder, filename="{epoch}", save_top_k=-1, every_n_epochs=1, save_on_train_epoch_end=True,
                              enable_version_counter=False)
    with Messages() as messages:
        trainer = Trainer(accelerator="cpu", devices=1, logger=logger, callbacks=[*callbacks, saver], enable_progress_bar=False,
                          enable_model_summary=False, **{"log_every_n_steps": 1, **spec["trainer"]})
        trainer.fit(net, ckpt_path=ckpt_path)
    return {
        "rates": net.rates, "losses": net.losses, "val_losses": net.val_losses, "epochs": net.epochs, "final": net.weights(),
        "logged": logger.rows, "infos": messages.infos, "warnings": sorted(set(messages.warnings)),
        "current_epoch": trainer.current_epoch, "global_step": trainer.global_step, "max_epochs": trainer.max_epochs,
        "accumulate": trainer.accumulate_grad_batches,
        "callback_metrics": {k: float(v) for k, v in sorted(trainer.callback_metrics.items())},
        "states": {c.state_key: plain(c.state_dict()) for c in callbacks if c.state_dict()},
    }


def describe(path):
    checkpoint = torch.load(path, weights_only=False)
    out = {"keys": list(checkpoint), "callbacks": [k for k in checkpoint["callbacks"] if not k.startswith("ModelCheckpoint")],
           "state_dict": plain(dict(checkpoint["state_dict"]))}
    for key in ("current_model_state", "averaging_state"):
        if key in checkpoint:
            out[key] = plain(dict(checkpoint[key]))
    return out


def record(spec):
    with tempfile.TemporaryDirectory() as folder:
        out = {**spec, "runs": [train(spec, folder)]}
        last = max(int(name[len("epoch="):-len(".ckpt")]) for name in os.listdir(folder))
        out["file"] = describe(os.path.join(folder, f"epoch={last}.ckpt"))
        if spec["resume"] is not None:
            with tempfile.TemporaryDirectory() as other:
                out["runs"].append(train(spec, other, os.path.join(folder, f"epoch={spec['resume']}.ckpt")))
    return with_nan(out)


if __name__ == "__main__":
    # The machine's own numbers are another matter; here it is about names and steps.
    CPUAccelerator.get_device_stats = lambda self, device: {"cpu_vm_percent": 1.0, "cpu_percent": 1.0, "cpu_swap_percent": 1.0}
    device_stats_monitor._PSUTIL_AVAILABLE = True
    results = [record(spec) for spec in scenarios()]
    with open(os.path.join(GOLDEN, "callbacks.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(result) for result in results) + "\n]\n")
    print(f"{len(results)} scenarios")
