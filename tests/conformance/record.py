"""Records Lightning's signatures, hook traces, profiled actions and errors, for tests/trainer: python tests/conformance/record.py

Needs lightning 2.6.6 and torch 2.11.0, on a machine without GPU. Written to golden/: signatures.json; hook_traces.json and
profiler_actions.json, which say of each scenario what is run (Trainer arguments, batches, module) and every hook that Lightning
called, or every action that it profiled, in order; option_errors.json, what Trainer(...) said to wrong arguments.
`record.py hooks` records one of them.
"""

import contextlib
import dataclasses
import functools
import inspect
import io
import json
import logging
import os
import sys
import tempfile
import time
import warnings

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch import callbacks as C
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from torch.utils.data import DataLoader

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")


def write(name, value):
    with open(os.path.join(GOLDEN, name), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


# ---- Signatures ------------------------------------------------------------------------------------------------------------

CLASSES = [Trainer, C.ModelCheckpoint, C.EarlyStopping, C.GradientAccumulationScheduler, C.ModelSummary, C.TQDMProgressBar,
           C.RichProgressBar, C.Timer, C.LearningRateMonitor, C.WeightAveraging, C.EMAWeightAveraging, C.StochasticWeightAveraging,
           C.BackboneFinetuning, C.DeviceStatsMonitor, C.ThroughputMonitor, C.LambdaCallback, C.BasePredictionWriter, CSVLogger,
           TensorBoardLogger, SimpleProfiler, AdvancedProfiler, PyTorchProfiler]
FUNCTIONS = {"log": LightningModule.log, "fit": Trainer.fit, "validate": Trainer.validate, "test": Trainer.test,
             "predict": Trainer.predict}


def signature(function):
    out = []
    for name, p in inspect.signature(function).parameters.items():
        if name == "self" or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        entry = {"name": name, "required": p.default is p.empty}
        if not entry["required"]:
            entry["default"] = getattr(p.default, "value", p.default)
            if dataclasses.is_dataclass(entry["default"]):
                entry["default"] = dataclasses.asdict(entry["default"])
            if callable(entry["default"]):
                entry["default"] = {"function": p.default.__name__}
            elif isinstance(entry["default"], torch.device):
                entry["default"] = str(p.default)
        out.append(entry)
    return out


def record_signatures():
    out = {cls.__name__: signature(cls.__init__) for cls in CLASSES}
    out.update({name: signature(function) for name, function in FUNCTIONS.items()})
    write("signatures.json", out)


# ---- Hook traces -----------------------------------------------------------------------------------------------------------

STAGES = ("validation", "test", "predict")
LOADERS = ["train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader"]
CALLBACK_HOOKS = (
    ["setup", "teardown", "on_fit_start", "on_fit_end", "on_sanity_check_start", "on_sanity_check_end", "on_train_start",
     "on_train_end", "on_train_epoch_start", "on_train_epoch_end", "on_train_batch_start", "on_train_batch_end"]
    + [f"on_{s}_{h}" for s in STAGES for h in ("start", "end", "epoch_start", "epoch_end", "batch_start", "batch_end")]
    + ["on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_zero_grad", "on_exception",
       "on_save_checkpoint", "on_load_checkpoint", "state_dict", "load_state_dict"])
MODULE_HOOKS = (
    ["prepare_data", "configure_callbacks", "configure_model", "configure_optimizers", "training_step", "validation_step",
     "test_step", "predict_step", "backward", "optimizer_step", "optimizer_zero_grad", "configure_gradient_clipping",
     "lr_scheduler_step", "on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer",
     "on_validation_model_eval", "on_validation_model_train", "on_validation_model_zero_grad", "on_test_model_eval",
     "on_test_model_train", "on_predict_model_eval"]
    + LOADERS + [h for h in CALLBACK_HOOKS if "sanity" not in h and h not in ("on_exception", "state_dict", "load_state_dict")])
DATA_HOOKS = (["prepare_data", "setup", "teardown", "on_before_batch_transfer", "on_after_batch_transfer", "on_exception",
               "state_dict", "load_state_dict"] + LOADERS)
TRACE = []


def note(who, hook, trainer, stage):
    place = f"e{trainer.current_epoch} s{trainer.global_step}" if trainer is not None else "-"
    stage = f" {stage.value}" if hook in ("setup", "teardown") else ""
    TRACE.append(f"{who}.{hook}{stage} {place}")


def traced(cls, who, hooks, trainer_of):
    """A subclass that notes each hook and then does what the class does."""
    def member(hook):
        def call(self, *args, **kwargs):
            note(who, hook, trainer_of(self, args), kwargs.get("stage"))
            return getattr(super(out, self), hook)(*args, **kwargs)
        return call
    out = type(cls.__name__, (cls,), {hook: member(hook) for hook in hooks})
    return out


class Boom(Exception):
    """What a scenario's module throws."""


def rows(batches):
    n = batches * 2
    x = torch.tensor([[(i % 5 + 1) / 8, (i % 3 + 1) / 4] for i in range(n)])
    return DataLoader(x, batch_size=2)


class Loaders:
    """The loaders of a scenario's `data`; a list of counts is a list of loaders."""
    def __init__(self, data):
        super().__init__()
        self.data = data

    def loaders(self, stage):
        n = self.data[stage]
        return [rows(k) for k in n] if isinstance(n, list) else rows(n)

    train_dataloader = functools.partialmethod(loaders, "train")
    val_dataloader = functools.partialmethod(loaders, "val")
    test_dataloader = functools.partialmethod(loaders, "test")
    predict_dataloader = functools.partialmethod(loaders, "predict")


class Model(Loaders, LightningModule):
    def __init__(self, data, options):
        super().__init__(data)
        self.w = torch.nn.Parameter(torch.tensor([0.5, -0.25]))
        self.options = options
        self.automatic_optimization = options.get("automatic_optimization", True)
        self.steps = 0

    def fail(self, hook, at):
        wanted = self.options.get("raise")
        if wanted and wanted["in"] == hook and wanted["at"] == at:
            raise {"Boom": Boom("boom"), "KeyboardInterrupt": KeyboardInterrupt()}[wanted["type"]]

    def loss(self, batch):
        batch = batch[0] if isinstance(batch, list) else batch
        return ((batch * self.w).sum(-1) - 1.0).square().mean()

    def training_step(self, batch, batch_idx):
        self.steps += 1
        self.fail("training_step", self.steps - 1)
        if self.options.get("stop_at") == self.steps - 1:
            self.trainer.should_stop = True
        if self.options.get("skip_step") == self.steps - 1:
            return None
        if not self.automatic_optimization:
            several = self.optimizers() if self.options.get("optimizer") == "two" else [self.optimizers()]
            for optimizer in several:
                self.manual_step(optimizer, batch)
        return self.loss(batch)

    def manual_step(self, optimizer, batch):
        def backward():
            optimizer.zero_grad()
            self.manual_backward(self.loss(batch))
        if self.options.get("closure"):
            with optimizer.toggle_model():
                optimizer.step(closure=backward)
        else:
            backward()
            optimizer.step()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        if not self.trainer.sanity_checking:
            self.fail("validation_step", batch_idx)
        return self.loss(batch)

    def test_step(self, batch, batch_idx, dataloader_idx=0):
        return self.loss(batch)

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        return batch.sum()

    def on_train_batch_start(self, batch, batch_idx):
        return -1 if self.options.get("skip_epoch_at") == batch_idx else None

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.125)
        kind = self.options.get("optimizer")
        if kind == "none":
            return None
        if kind == "two":
            return [optimizer, torch.optim.SGD(self.parameters(), lr=0.25)]
        if kind:
            return torch.optim.LBFGS(self.parameters(), lr=0.125, max_iter=3, line_search_fn="strong_wolfe" if kind == "wolfe" else None)
        interval = self.options.get("scheduler")
        if not interval:
            return optimizer
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": interval}}


class Recorder(C.Callback):
    def state_dict(self):
        return {"recorded": 1}


class Data(Loaders, LightningDataModule):
    def state_dict(self):
        return {"recorded": 1}


TracedCallback = traced(Recorder, "callback", CALLBACK_HOOKS,
                        lambda self, args: args[0] if args and isinstance(args[0], Trainer) else None)
TracedModule = traced(Model, "module", MODULE_HOOKS, lambda self, args: self._trainer)
TracedData = traced(Data, "datamodule", DATA_HOOKS, lambda self, args: self.trainer)

SMALL = {"train": 3, "val": 2, "test": 2, "predict": 2}


def scenario(name, trainer=None, runs=("fit",), data=None, module=None):
    base = {"max_epochs": 1, "enable_checkpointing": False}
    return {"name": name, "trainer": {**base, **(trainer or {})}, "data": {**SMALL, **(data or {})}, "module": module or {},
            "runs": [run if isinstance(run, dict) else {"fn": run} for run in runs]}


SCENARIOS = [
    scenario("fit, accumulate 2, 3 batches", {"accumulate_grad_batches": 2}),
    scenario("fit, 2 epochs, checkpoint at every epoch's end", {"max_epochs": 2, "enable_checkpointing": True}),
    scenario("fit with a data module", runs=[{"fn": "fit", "datamodule": True}]),
    scenario("fit without sanity check", {"num_sanity_val_steps": 0}),
    scenario("fit without validation", {"limit_val_batches": 0}),
    scenario("validate", runs=["validate"]),
    scenario("test", runs=["test"]),
    scenario("predict", runs=["predict"]),
    scenario("validate with a data module", runs=[{"fn": "validate", "datamodule": True}]),
    scenario("test with a data module, two loaders", runs=[{"fn": "test", "datamodule": True}], data={"test": [2, 1]}),
    scenario("predict with a data module", runs=[{"fn": "predict", "datamodule": True}]),
    scenario("validation of two loaders in fit", data={"val": [2, 1]}),
    scenario("limits of 0", {"limit_val_batches": 0, "limit_test_batches": 0, "limit_predict_batches": 0},
             runs=["validate", "test", "predict"]),
    scenario("no training batches", {"limit_train_batches": 0}),
    scenario("max_epochs 0", {"max_epochs": 0}),
    scenario("fit twice", runs=["fit", "fit"]),
    scenario("all four functions on one trainer", runs=["fit", "validate", "test", "predict"]),
    scenario("resume from an epoch's end", {"enable_checkpointing": True},
             runs=["fit", {"fn": "fit", "ckpt_path": "best", "trainer": {"max_epochs": 2}}]),
    scenario("resume with a data module", {"enable_checkpointing": True},
             runs=[{"fn": "fit", "datamodule": True},
                   {"fn": "fit", "datamodule": True, "ckpt_path": "best", "trainer": {"max_epochs": 2}}]),
    scenario("test of the best checkpoint", {"enable_checkpointing": True}, runs=["fit", {"fn": "test", "ckpt_path": "best"}]),
    scenario("validate and predict a checkpoint with a data module", {"enable_checkpointing": True},
             runs=[{"fn": "fit", "datamodule": True}, {"fn": "validate", "datamodule": True, "ckpt_path": "best"},
                   {"fn": "predict", "datamodule": True, "ckpt_path": "best"}]),
    scenario("exception in training_step", module={"raise": {"in": "training_step", "at": 1, "type": "Boom"}}),
    scenario("exception in validation_step", module={"raise": {"in": "validation_step", "at": 1, "type": "Boom"}}),
    scenario("exception with a data module", runs=[{"fn": "fit", "datamodule": True}],
             module={"raise": {"in": "training_step", "at": 0, "type": "Boom"}}),
    scenario("Ctrl-C", module={"raise": {"in": "training_step", "at": 1, "type": "KeyboardInterrupt"}}),
    scenario("the rest of the epoch skipped", {"max_epochs": 2}, module={"skip_epoch_at": 1}),
    scenario("a step that returns nothing", module={"skip_step": 1}),
    scenario("manual optimization", module={"automatic_optimization": False}),
    scenario("stop in mid-epoch", {"max_epochs": 2}, module={"stop_at": 1}),
    scenario("max_steps in mid-epoch", {"max_epochs": None, "max_steps": 4}),
    scenario("step scheduler", {"accumulate_grad_batches": 2}, module={"scheduler": "step"}),
    scenario("epoch scheduler", {"max_epochs": 2}, module={"scheduler": "epoch"}),
    scenario("validation within the epoch and accumulation", {"val_check_interval": 1, "accumulate_grad_batches": 2}),
    scenario("validation every second epoch", {"max_epochs": 3, "check_val_every_n_epoch": 2}),
    scenario("loaders anew every epoch", {"max_epochs": 2, "reload_dataloaders_every_n_epochs": 1}),
    scenario("fast_dev_run", {"fast_dev_run": True}, runs=["fit", "validate", "test", "predict"]),
    scenario("overfit_batches", {"overfit_batches": 1, "max_epochs": 2}),
    scenario("clipping", {"gradient_clip_val": 0.5}),
    scenario("LBFGS", {"gradient_clip_val": 0.5}, module={"optimizer": "lbfgs"}),
    scenario("LBFGS with a line search, accumulate 2", {"accumulate_grad_batches": 2}, module={"optimizer": "wolfe"}),
    scenario("no optimizer", {"accumulate_grad_batches": 2}, module={"optimizer": "none"}),
    scenario("two optimizers by hand", module={"automatic_optimization": False, "optimizer": "two"}),
    scenario("closures by hand", module={"automatic_optimization": False, "optimizer": "two", "closure": True}),
    scenario("several training loaders", {"max_epochs": 2}, data={"train": [2, 3]}),
    scenario("barebones", {"barebones": True}, data={"val": 1}),
]


def play(s):
    TRACE.clear()
    best = None
    with tempfile.TemporaryDirectory() as folder:
        for run in s["runs"]:
            options = {**s["trainer"], **run.get("trainer", {})}
            if not options.get("barebones"):
                options.update(logger=False, enable_progress_bar=False, enable_model_summary=False)
            elif options.get("enable_checkpointing") is False:
                del options["enable_checkpointing"]
            # One trainer for all runs, unless a run has arguments of its own.
            if run is s["runs"][0] or "trainer" in run:
                trainer = Trainer(accelerator="cpu", devices=1, callbacks=[TracedCallback()], default_root_dir=folder, **options)
                module = TracedModule(s["data"], s["module"])
            data = TracedData(s["data"]) if run.get("datamodule") else None
            TRACE.append("-- " + run["fn"])
            try:
                getattr(trainer, run["fn"])(module, datamodule=data, ckpt_path=best if run.get("ckpt_path") else None)
            except (Boom, KeyboardInterrupt, SystemExit) as error:
                TRACE.append("-- " + ("KeyboardInterrupt" if isinstance(error, SystemExit) else type(error).__name__))
            if trainer.checkpoint_callback:
                best = trainer.checkpoint_callback.best_model_path
    return list(TRACE)


def record_hooks():
    out = []
    for s in SCENARIOS:
        with contextlib.redirect_stdout(io.StringIO()):
            out.append({**s, "trace": play(s)})
    write("hook_traces.json", out)


# ---- Profiled actions ------------------------------------------------------------------------------------------------------

class Actions(Profiler):
    """Notes what starts; the end of an action is not noted."""
    def __init__(self):
        super().__init__()
        self.seen = []

    def start(self, action_name):
        self.seen.append(action_name)

    def stop(self, action_name):
        pass


PROFILED = [
    scenario("fit", {"accumulate_grad_batches": 2, "enable_checkpointing": True}, module={"scheduler": "step"}),
    scenario("fit with a data module", runs=[{"fn": "fit", "datamodule": True}]),
    scenario("manual optimization", module={"automatic_optimization": False}),
    scenario("validate, test, predict", runs=["validate", "test", "predict"]),
]


def record_profiler():
    out = []
    for s in PROFILED:
        actions = Actions()
        with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(accelerator="cpu", devices=1, callbacks=[Recorder()], default_root_dir=folder, profiler=actions,
                              logger=False, enable_progress_bar=False, enable_model_summary=False, **s["trainer"])
            module = Model(s["data"], s["module"])
            for run in s["runs"]:
                data = Data(s["data"]) if run.get("datamodule") else None
                getattr(trainer, run["fn"])(module, datamodule=data)
        out.append({**s, "actions": actions.seen})
    write("profiler_actions.json", out)


# ---- Wrong options ---------------------------------------------------------------------------------------------------------

WRONG = [
    {"accelerator": "foo"}, {"accelerator": "gpu"}, {"accelerator": "cuda"}, {"accelerator": "mps"}, {"strategy": "foo"},
    {"strategy": "fsdp"}, {"devices": 0}, {"devices": "0"}, {"devices": []}, {"devices": -1}, {"devices": "-1"}, {"devices": [0]},
    {"devices": "x"}, {"num_nodes": 0}, {"num_nodes": -1}, {"precision": "foo"}, {"precision": 8}, {"fast_dev_run": -1},
    {"max_epochs": -2}, {"max_steps": -2}, {"max_time": "1:2"}, {"max_time": "00:1:00:00"}, {"max_time": "x"},
    {"limit_train_batches": 1.5}, {"limit_train_batches": -1}, {"limit_val_batches": -0.1}, {"limit_test_batches": 2.5},
    {"limit_predict_batches": -3}, {"overfit_batches": 1.2}, {"overfit_batches": -1}, {"val_check_interval": 1.5},
    {"val_check_interval": -1}, {"val_check_interval": "1:2:3"}, {"val_check_interval": "a:b:c:d"}, {"val_check_interval": "0:0::1"},
    {"check_val_every_n_epoch": None, "val_check_interval": 0.5}, {"check_val_every_n_epoch": None, "val_check_interval": 1.0},
    {"gradient_clip_algorithm": "foo"}, {"profiler": "foo"}, {"plugins": [1]}, {"reload_dataloaders_every_n_epochs": -1},
    {"barebones": True, "enable_checkpointing": True}, {"barebones": True, "logger": True},
    {"barebones": True, "enable_progress_bar": True}, {"barebones": True, "log_every_n_steps": 5},
    {"barebones": True, "enable_model_summary": True}, {"barebones": True, "num_sanity_val_steps": 1},
    {"barebones": True, "fast_dev_run": True}, {"barebones": True, "fast_dev_run": 2}, {"barebones": True, "detect_anomaly": True},
    {"barebones": True, "profiler": "simple"},
    # Which of two is reported.
    {"barebones": True, "logger": True, "strategy": "foo"}, {"strategy": "foo", "accelerator": "foo"},
    {"accelerator": "foo", "precision": "foo"}, {"precision": "foo", "num_nodes": 0}, {"num_nodes": 0, "devices": 0},
    {"devices": 0, "max_epochs": -2}, {"max_epochs": -2, "max_steps": -2}, {"max_steps": -2, "max_time": "x"},
    {"max_time": "x", "reload_dataloaders_every_n_epochs": -1},
    {"reload_dataloaders_every_n_epochs": -1, "gradient_clip_algorithm": "foo"}, {"gradient_clip_algorithm": "foo", "profiler": "foo"},
    {"profiler": "foo", "fast_dev_run": -1}, {"fast_dev_run": -1, "overfit_batches": 1.2}, {"overfit_batches": 1.2, "limit_test_batches": 2.5},
    {"limit_train_batches": 1.5, "strategy": "foo"}, {"limit_test_batches": 2.5, "val_check_interval": "1:2:3"},
    # Not errors.
    {"max_epochs": -1}, {"max_steps": 0}, {"limit_train_batches": 2.0}, {"limit_val_batches": 0}, {"val_check_interval": 3.0},
    {"val_check_interval": "00:00:10:00"}, {"check_val_every_n_epoch": None, "val_check_interval": 4}, {"check_val_every_n_epoch": 0},
    {"num_sanity_val_steps": -1}, {"log_every_n_steps": 0}, {"accumulate_grad_batches": 0}, {"gradient_clip_algorithm": "NORM"},
    {"gradient_clip_val": 0.0}, {"precision": 32}, {"precision": "32"}, {"precision": "32-true"}, {"devices": "1"}, {"max_time": "00:12:00:00"},
    {"profiler": "simple"}, {"profiler": "Advanced"}, {"deterministic": "warn"}, {"benchmark": True}, {"barebones": True},
    {"barebones": True, "fast_dev_run": False}, {"barebones": True, "log_every_n_steps": 0}, {"overfit_batches": 1},
]


def record_report():
    """SimpleProfiler's tables, of actions on a clock that stands still but for what the actions take."""
    now = [0.0]
    real, time.perf_counter = time.perf_counter, lambda: now[0]
    try:
        for name, extended in (("extended", True), ("short", False)):
            now[0] = 0.0
            profiler = SimpleProfiler(extended=extended)
            for action, seconds in (("short", 0.25), ("a longer name of an action", 0.5), ("short", 0.75), ("tiny", 1e-6 / 3)):
                profiler.start(action)
                now[0] += seconds
                profiler.stop(action)
            now[0] += 0.5
            with open(os.path.join(GOLDEN, f"simple_profiler_{name}.txt"), "w") as f:
                f.write(profiler.summary())
    finally:
        time.perf_counter = real


def record_options():
    out = []
    for options in WRONG:
        entry = {"options": options}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                Trainer(**options)
        except Exception as error:
            entry["error"], entry["message"] = type(error).__name__, str(error)
        out.append(entry)
    write("option_errors.json", out)


# ---- Devices ---------------------------------------------------------------------------------------------------------------

DEVICES = ["auto", 1, 2, 3, 4, 5, 0, -1, -2, "1", "2", "-1", "0", "0,", "1,", "0,1", "0, 3", " 2 ", "+2", "", "x", "1.5", "0,x", "0,0", "3,1",
           "0,7", "4", ",1", [], [0], [1], [0, 1], [3, 1], [2, 2], [0, 9], [-1]]


def record_devices():
    """Which devices and strategy a Trainer takes on machines with 0, 1 and 4 GPUs, which are only said to be there."""
    out = []
    real = torch.cuda.device_count, torch.cuda.is_available
    try:
        for count in (0, 1, 4):
            torch.cuda.device_count, torch.cuda.is_available = (lambda: count), (lambda: count > 0)
            for accelerator in ("auto", "cpu", "gpu", "cuda"):
                for devices in DEVICES:
                    entry = {"gpus": count, "options": {"accelerator": accelerator, "devices": devices}}
                    try:
                        with contextlib.redirect_stdout(io.StringIO()):
                            trainer = Trainer(**entry["options"], logger=False, enable_checkpointing=False)
                        parallel = getattr(trainer.strategy, "parallel_devices", None) or [trainer.strategy.root_device]
                        entry["devices"] = [str(d) for d in parallel]
                        entry["root_device"] = str(trainer.strategy.root_device)
                        entry["accelerator"] = trainer.accelerator.name()
                        entry["strategy"] = type(trainer.strategy).__name__
                    except Exception as error:
                        entry["error"], entry["message"] = type(error).__name__, str(error)
                    out.append(entry)
    finally:
        torch.cuda.device_count, torch.cuda.is_available = real
    write("devices.json", out)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    recorders = {"signatures": record_signatures, "hooks": record_hooks, "profiler": record_profiler,
                 "options": record_options, "report": record_report, "devices": record_devices}
    for name in sys.argv[1:] or recorders:
        recorders[name]()
