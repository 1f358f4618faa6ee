"""Records what torchmetrics' metrics compute, and what Lightning makes of logged ones: python tests/conformance/record_metrics.py

For tests/metrics. Inputs are made by a formula that the tests repeat: no random numbers. Written to tests/data/metrics/.
"""

import itertools
import json
import logging
import math
import os
import tempfile
import warnings

import torch
import torchmetrics as M
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers.logger import Logger
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.text import Perplexity

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "metrics")


# ---- Inputs, by formula: tests/metrics/recorded.h has the same --------------------------------------------------------------

def wave(shape, batch, scale):
    """Numbers within +-scale, in steps of a twentieth of it: many ties."""
    n = math.prod(shape)
    values = [round(10 * math.sin(1.7 * k + 0.9 * batch + 0.3)) / 10 * scale for k in range(n)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def integers(shape, batch, low, high):
    n = math.prod(shape)
    return torch.tensor([low + (11 * k + k * k // 3 + 5 * batch) % (high - low) for k in range(n)]).reshape(shape)


def tensor(spec, batch):
    shape = spec["shape"]
    kind = spec["kind"]
    if kind == "logits":
        out = wave(shape, batch, 3.0)
    elif kind == "probabilities":
        out = wave(shape, batch, 0.5) + 0.5
    elif kind == "wave":
        out = wave(shape, batch, spec.get("scale", 1.0))
    else:
        out = integers(shape, batch, spec.get("low", 0), spec["high"])
        every = spec.get("ignore_every")
        if every:
            out.view(-1)[::every] = spec["ignore"]
        return out
    for at in spec.get("nan_at", []):
        out.view(-1)[at] = math.nan
    return out.to(getattr(torch, spec.get("dtype", "float32")))


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    flat = ["nan" if math.isnan(x) else "inf" if x == math.inf else "-inf" if x == -math.inf else float(f"{x:.9g}")
            for x in value.detach().double().flatten().tolist()]
    return {"shape": list(value.shape), "values": flat}


# ---- Cases --------------------------------------------------------------------------------------------------------------------

def int_spec(shape, high, **more):
    return {"kind": "integers", "shape": shape, "high": high, **more}


def stat_scores():
    averages = ["micro", "macro", "weighted", "none"]
    for name in ("Accuracy", "Precision", "Recall", "F1Score"):
        # Binary: logits, probabilities, labels, one row, dimensions.
        for preds in ("logits", "probabilities", "labels"):
            for shape in ([11], [4, 3]):
                given = int_spec(shape, 2) if preds == "labels" else {"kind": preds, "shape": shape}
                for multidim in ("global", "samplewise"):
                    if multidim == "samplewise" and len(shape) == 1:
                        continue
                    yield name, {"task": "binary", "multidim_average": multidim}, [given, int_spec(shape, 2, low=0)]
        ignored = int_spec([9], 2, ignore_every=3, ignore=-1)
        yield name, {"task": "binary", "ignore_index": -1, "threshold": 0.3}, [{"kind": "probabilities", "shape": [9]}, ignored]
        yield name, {"task": "binary", "ignore_index": 0}, [{"kind": "logits", "shape": [9]}, int_spec([9], 2)]
        # No positive target at all, in one batch or in all.
        yield name, {"task": "binary"}, [{"kind": "probabilities", "shape": [5]}, int_spec([5], 1)]
        # Multiclass: the targets never have the last class.
        for average, (preds, shape) in itertools.product(averages, [("logits", [8, 5]), ("labels", [8]), ("probabilities", [3, 5, 4])]):
            target_shape = shape if preds == "labels" else shape[:1] + shape[2:]
            given = int_spec(shape, 5, low=1) if preds == "labels" else {"kind": preds, "shape": shape}
            options = {"task": "multiclass", "num_classes": 5, "average": average}
            yield name, options, [given, int_spec(target_shape, 4)]
            yield name, {**options, "ignore_index": 1}, [given, int_spec(target_shape, 4)]
            yield name, {**options, "ignore_index": -100}, [given, int_spec(target_shape, 4, ignore_every=3, ignore=-100)]
            if preds != "labels":
                yield name, {**options, "top_k": 2}, [given, int_spec(target_shape, 4)]
                yield name, {**options, "top_k": 3, "ignore_index": 2}, [given, int_spec(target_shape, 4)]
            if len(shape) == 3:
                yield name, {**options, "multidim_average": "samplewise"}, [given, int_spec(target_shape, 4)]
                yield name, {**options, "multidim_average": "samplewise", "ignore_index": 0}, [given, int_spec(target_shape, 4)]
        # Multilabel.
        for average, (preds, shape) in itertools.product(averages, [("logits", [6, 3]), ("labels", [6, 3]), ("probabilities", [4, 3, 5])]):
            given = int_spec(shape, 2) if preds == "labels" else {"kind": preds, "shape": shape}
            options = {"task": "multilabel", "num_labels": 3, "average": average}
            yield name, options, [given, int_spec(shape, 2)]
            yield name, {**options, "ignore_index": -1, "threshold": 0.6}, [given, int_spec(shape, 2, ignore_every=4, ignore=-1)]
            if len(shape) == 3:
                yield name, {**options, "multidim_average": "samplewise"}, [given, int_spec(shape, 2)]
        if name != "Accuracy":
            yield name, {"task": "multiclass", "num_classes": 6, "average": "none", "zero_division": 1}, [{"kind": "logits", "shape": [5, 6]}, int_spec([5], 3)]
            yield name, {"task": "binary", "zero_division": 1}, [int_spec([5], 1), int_spec([5], 1)]


def matrices():
    for normalize in (None, "true", "pred", "all", "none"):
        yield "ConfusionMatrix", {"task": "binary", "normalize": normalize}, [{"kind": "logits", "shape": [9]}, int_spec([9], 2)]
        yield "ConfusionMatrix", {"task": "multiclass", "num_classes": 4, "normalize": normalize}, [{"kind": "logits", "shape": [9, 4]}, int_spec([9], 3)]
        yield "ConfusionMatrix", {"task": "multilabel", "num_labels": 3, "normalize": normalize}, [{"kind": "probabilities", "shape": [5, 3]}, int_spec([5, 3], 2)]
    yield "ConfusionMatrix", {"task": "binary", "ignore_index": -1, "threshold": 0.7}, [{"kind": "probabilities", "shape": [3, 4]}, int_spec([3, 4], 2, ignore_every=5, ignore=-1)]
    yield "ConfusionMatrix", {"task": "multiclass", "num_classes": 4, "ignore_index": 0}, [int_spec([7], 4), int_spec([7], 4)]
    yield "ConfusionMatrix", {"task": "multiclass", "num_classes": 4, "ignore_index": 255}, [{"kind": "logits", "shape": [2, 4, 6]}, int_spec([2, 6], 4, ignore_every=4, ignore=255)]
    yield "ConfusionMatrix", {"task": "multilabel", "num_labels": 3, "ignore_index": -1}, [{"kind": "logits", "shape": [4, 3, 2]}, int_spec([4, 3, 2], 2, ignore_every=3, ignore=-1)]


def areas():
    for thresholds in (None, 5, 20, [0.1, 0.35, 0.5, 0.9]):
        for preds in ("logits", "probabilities"):
            t = {"thresholds": thresholds}
            yield "AUROC", {"task": "binary", **t}, [{"kind": preds, "shape": [13]}, int_spec([13], 2)]
            yield "AUROC", {"task": "binary", "ignore_index": -1, **t}, [{"kind": preds, "shape": [13]}, int_spec([13], 2, ignore_every=4, ignore=-1)]
            # With a list, torchmetrics fails where the curve ends before max_fpr.
            for max_fpr in (0.2, 0.5, 0.9) if not isinstance(thresholds, list) else ():
                yield "AUROC", {"task": "binary", "max_fpr": max_fpr, **t}, [{"kind": preds, "shape": [23]}, int_spec([23], 2)]
            for average in ("macro", "weighted", "none"):
                yield "AUROC", {"task": "multiclass", "num_classes": 4, "average": average, **t}, [{"kind": preds, "shape": [12, 4]}, int_spec([12], 3)]
                yield "AUROC", {"task": "multiclass", "num_classes": 4, "average": average, "ignore_index": 2, **t}, [{"kind": preds, "shape": [5, 4, 3]}, int_spec([5, 3], 4)]
            for average in ("micro", "macro", "weighted", "none"):
                yield "AUROC", {"task": "multilabel", "num_labels": 3, "average": average, **t}, [{"kind": preds, "shape": [9, 3]}, int_spec([9, 3], 2)]
                yield "AUROC", {"task": "multilabel", "num_labels": 3, "average": average, "ignore_index": -1, **t}, [{"kind": preds, "shape": [9, 3]}, int_spec([9, 3], 2, ignore_every=4, ignore=-1)]
        # No positives, no negatives.
        yield "AUROC", {"task": "binary", "thresholds": thresholds}, [{"kind": "probabilities", "shape": [6]}, int_spec([6], 1)]
        yield "AUROC", {"task": "binary", "thresholds": thresholds}, [{"kind": "probabilities", "shape": [6]}, int_spec([6], 2, low=1)]


def others():
    for name in ("MeanMetric", "SumMetric", "MinMetric", "MaxMetric", "CatMetric"):
        for nan_strategy in ("warn", "ignore", 0.5, "disable"):
            yield name, {"nan_strategy": nan_strategy}, [{"kind": "wave", "shape": [7], "nan_at": [2, 5]}]
        yield name, {}, [{"kind": "wave", "shape": []}]
        yield name, {}, [{"kind": "wave", "shape": [2, 3], "dtype": "float64"}]
        yield name, {}, [int_spec([4], 9)]
    yield "MeanMetric", {}, [{"kind": "wave", "shape": [4]}, {"kind": "probabilities", "shape": [4]}]
    yield "MeanMetric", {}, [{"kind": "wave", "shape": [3, 2]}, {"kind": "probabilities", "shape": []}]
    yield "MeanMetric", {"nan_strategy": "ignore"}, [{"kind": "wave", "shape": [5], "nan_at": [0]}, {"kind": "probabilities", "shape": [5], "nan_at": [3]}]
    two = [{"kind": "wave", "shape": [6]}, {"kind": "logits", "shape": [6]}]
    grid = [{"kind": "wave", "shape": [6, 3]}, {"kind": "probabilities", "shape": [6, 3]}]
    for squared in (True, False):
        yield "MeanSquaredError", {"squared": squared}, two
        yield "MeanSquaredError", {"squared": squared}, grid
        yield "MeanSquaredError", {"squared": squared, "num_outputs": 3}, grid
    yield "MeanSquaredError", {}, [int_spec([6], 9), int_spec([6], 7)]
    yield "MeanAbsoluteError", {}, two
    yield "MeanAbsoluteError", {}, [int_spec([6], 9), int_spec([6], 7)]
    yield "MeanAbsoluteError", {"num_outputs": 3}, grid
    for multioutput, adjusted in itertools.product(("raw_values", "uniform_average", "variance_weighted"), (0, 2)):
        yield "R2Score", {"multioutput": multioutput, "adjusted": adjusted}, grid
        yield "R2Score", {"multioutput": multioutput, "adjusted": adjusted}, two
    yield "R2Score", {"adjusted": 9}, two
    yield "R2Score", {}, [{"kind": "wave", "shape": [5], "dtype": "float64"}, {"kind": "logits", "shape": [5], "dtype": "float64"}]
    yield "R2Score", {}, [{"kind": "wave", "shape": [5]}, int_spec([5], 1)]
    yield "R2Score", {}, [int_spec([5], 1), int_spec([5], 1)]
    text = [{"kind": "logits", "shape": [2, 5, 7]}, int_spec([2, 5], 7)]
    yield "Perplexity", {}, text
    yield "Perplexity", {"ignore_index": 3}, text
    yield "Perplexity", {"ignore_index": -100}, [text[0], int_spec([2, 5], 7, ignore_every=3, ignore=-100)]


WRONG = [
    ("Accuracy", {"task": "foo"}), ("Accuracy", {"task": "multiclass"}), ("Accuracy", {"task": "multilabel"}), ("F1Score", {"task": "multiclass"}),
    ("Precision", {"task": "multilabel"}), ("Recall", {"task": "multiclass", "num_classes": 1}),
    ("Accuracy", {"task": "multiclass", "num_classes": 3, "average": "x"}), ("Accuracy", {"task": "multiclass", "num_classes": 3, "top_k": 4}),
    ("Accuracy", {"task": "binary", "threshold": 2.0}), ("Accuracy", {"task": "multilabel", "num_labels": 3, "threshold": -0.5}),
    ("Accuracy", {"task": "multilabel", "num_labels": 1}), ("Accuracy", {"task": "binary", "multidim_average": "x"}),
    ("ConfusionMatrix", {"task": "multiclass"}), ("ConfusionMatrix", {"task": "binary", "threshold": 2.0}),
    ("ConfusionMatrix", {"task": "multiclass", "num_classes": 3, "normalize": "x"}), ("AUROC", {"task": "multiclass", "num_classes": 3, "average": "micro"}),
    ("AUROC", {"task": "binary", "thresholds": 1}), ("AUROC", {"task": "binary", "thresholds": [0.1, 2.0]}), ("AUROC", {"task": "multilabel"}),
    ("MeanMetric", {"nan_strategy": "x"}), ("MeanSquaredError", {"num_outputs": 0}), ("MeanAbsoluteError", {"num_outputs": -1}),
    ("R2Score", {"adjusted": -1}), ("R2Score", {"multioutput": "x"}),
]

WRONG_INPUTS = [
    ("Accuracy", {"task": "binary"}, [{"kind": "logits", "shape": [4]}, int_spec([5], 2)]),
    ("Accuracy", {"task": "binary"}, [{"kind": "logits", "shape": [4]}, int_spec([4], 3)]),
    ("Accuracy", {"task": "binary", "ignore_index": -1}, [{"kind": "logits", "shape": [4]}, int_spec([4], 3)]),
    ("Accuracy", {"task": "binary"}, [int_spec([4], 4), int_spec([4], 2)]),
    ("ConfusionMatrix", {"task": "binary"}, [int_spec([4], 4), int_spec([4], 2)]),
    ("Accuracy", {"task": "binary", "multidim_average": "samplewise"}, [int_spec([4], 2), int_spec([4], 2)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [int_spec([4, 3], 3), int_spec([4], 3)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [{"kind": "logits", "shape": [4, 2]}, int_spec([4], 3)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [{"kind": "logits", "shape": [4, 3, 2]}, int_spec([4, 5], 3)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [int_spec([4], 3), int_spec([5], 3)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [int_spec([4, 2, 2], 3), int_spec([4], 3)]),
    ("Accuracy", {"task": "multiclass", "num_classes": 3}, [int_spec([9], 3), int_spec([9], 8)]),
    ("Accuracy", {"task": "multilabel", "num_labels": 3}, [int_spec([4, 2], 2), int_spec([4, 2], 2)]),
    ("AUROC", {"task": "multilabel", "num_labels": 2}, [int_spec([4, 2], 2), int_spec([4, 2], 2)]),
    ("AUROC", {"task": "multilabel", "num_labels": 2}, [{"kind": "logits", "shape": [4, 2]}, {"kind": "logits", "shape": [4, 2]}]),
    ("AUROC", {"task": "multiclass", "num_classes": 3}, [{"kind": "logits", "shape": [4]}, int_spec([4], 2)]),
    ("AUROC", {"task": "multiclass", "num_classes": 3}, [{"kind": "logits", "shape": [4, 2]}, int_spec([4], 2)]),
    ("MeanMetric", {"nan_strategy": "error"}, [{"kind": "wave", "shape": [3], "nan_at": [1]}]),
    ("MeanSquaredError", {}, [{"kind": "wave", "shape": [3]}, {"kind": "wave", "shape": [4]}]),
    ("R2Score", {}, [{"kind": "wave", "shape": [3, 2, 2]}, {"kind": "wave", "shape": [3, 2, 2]}]),
    ("R2Score", {}, [{"kind": "wave", "shape": [1]}, {"kind": "wave", "shape": [1]}]),
    ("Perplexity", {}, [{"kind": "wave", "shape": [3, 2]}, int_spec([3, 2], 2)]),
    ("Perplexity", {}, [{"kind": "wave", "shape": [3, 2, 4]}, int_spec([3, 3], 2)]),
    ("Perplexity", {}, [int_spec([3, 2, 4], 3), int_spec([3, 2], 2)]),
]


def make(name, options):
    return Perplexity(**options) if name == "Perplexity" else getattr(M, name)(**options)


def record_metrics():
    """Three batches through `forward`, then one through `update`: the batch values and what is computed after each."""
    out = []
    for name, options, specs in itertools.chain(stat_scores(), matrices(), areas(), others()):
        metric = make(name, options)
        case = {"metric": name, "options": options, "inputs": specs, "name": type(metric).__name__, "batch": [], "computed": []}
        for batch in range(3):
            case["batch"].append(plain(metric(*(tensor(s, batch) for s in specs))))
            case["computed"].append(plain(metric.compute()))
        metric.update(*(tensor(s, 3) for s in specs))
        case["computed"].append(plain(metric.compute()))
        out.append(case)
    write("metrics.json", out)


def record_errors():
    out = []
    for name, options, *specs in WRONG + WRONG_INPUTS:
        case = {"metric": name, "options": options, "inputs": specs[0] if specs else []}
        try:
            metric = make(name, options)
            metric(*(tensor(s, 0) for s in case["inputs"]))
            raise AssertionError(f"no error: {case}")
        except (ValueError, RuntimeError, TypeError) as error:
            case.update(error=type(error).__name__, message=str(error))
        out.append(case)
    write("errors.json", out)


# ---- Logged in Lightning ------------------------------------------------------------------------------------------------------

RUNS = [
    {"name": "a metric per step and per epoch", "train": {"how": "forward", "log": {"on_step": True, "on_epoch": True}}},
    {"name": "a metric per step only", "train": {"how": "forward", "log": {}}},
    {"name": "a metric per epoch only, updated", "train": {"how": "update", "log": {"on_step": False, "on_epoch": True}}},
    {"name": "a metric per step that is only updated", "train": {"how": "update", "log": {"on_step": True, "on_epoch": True}}},
    {"name": "validation", "train": {"how": "update", "log": {"on_epoch": True}}, "val": {"how": "update", "log": {}}, "loaders": 1},
    {"name": "validation per step", "val": {"how": "forward", "log": {"on_step": True, "on_epoch": True}}, "loaders": 1},
    {"name": "two validation loaders, one metric each", "val": {"how": "update", "log": {}, "each": True}, "loaders": 2},
    {"name": "two validation loaders, names of their own", "val": {"how": "forward", "log": {"add_dataloader_idx": False, "on_step": True, "on_epoch": True}, "each": True}, "loaders": 2},
    {"name": "a collection", "train": {"how": "forward", "log": {"on_step": True, "on_epoch": True}, "collection": True}, "val": {"how": "update", "log": {}, "collection": True}, "loaders": 1},
    {"name": "validation within the epoch", "train": {"how": "forward", "log": {"on_step": True, "on_epoch": True}}, "val": {"how": "update", "log": {"prog_bar": True}}, "loaders": 1, "val_check_interval": 2},
    {"name": "logged at the epoch's end", "train": {"how": "update", "log_at": "epoch_end", "log": {}}},
    {"name": "not to the logger", "train": {"how": "forward", "log": {"logger": False, "on_epoch": True}}},
]


class Rows(Logger):
    def __init__(self):
        super().__init__()
        self.rows = []
    name = "rows"
    version = 0

    def log_metrics(self, metrics, step=None):
        self.rows.append({"step": step, "metrics": dict(sorted(metrics.items()))})

    def log_hyperparams(self, *args, **kwargs):
        pass


class Module(LightningModule):
    """Scores that a formula makes of the batch: [n] targets of 3 classes in column 1, of the batch in column 0."""

    def __init__(self, run):
        super().__init__()
        self.run_ = run
        self.w = torch.nn.Parameter(torch.zeros(1))
        for stage in ("train", "val"):
            for i in range(2):
                setattr(self, f"{stage}_{i}", self.metrics(stage, run.get(stage, {})))
        self.seen = []

    @staticmethod
    def metrics(stage, spec):
        one = [M.Accuracy(task="multiclass", num_classes=3)]
        if not spec.get("collection"):
            return one[0]
        return M.MetricCollection(one + [M.F1Score(task="multiclass", num_classes=3, average="macro"), M.Recall(task="multiclass", num_classes=3, average="macro")],
                                  prefix=stage + "/", postfix="!")

    def step(self, stage, batch, index):
        spec = self.run_.get(stage)
        if not spec:
            return
        metric = getattr(self, f"{stage}_{index if spec.get('each') else 0}")
        scores, target = batch
        getattr(metric, spec["how"])(scores, target)
        if "log_at" not in spec:
            self.log_it(stage, spec, metric, index)

    def log_it(self, stage, spec, metric, index):
        if spec.get("collection"):
            self.log_dict(metric, **spec["log"])
        else:
            name = f"{stage}_acc" + (f"_{index}" if spec["log"].get("add_dataloader_idx") is False else "")
            self.log(name, metric, **spec["log"])

    def training_step(self, batch, batch_idx):
        self.step("train", batch, 0)
        return (self.w * batch[0].sum()).sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.step("val", batch, dataloader_idx)

    def on_train_batch_end(self, *args):
        self.seen.append(self.now())

    def on_validation_end(self):
        self.seen.append(self.now())

    def on_train_epoch_end(self):
        spec = self.run_.get("train", {})
        if spec.get("log_at") == "epoch_end":
            self.log_it("train", spec, self.train_0, 0)
        self.seen.append(self.now())

    def now(self):
        return {k: float(v) for k, v in sorted(self.trainer.callback_metrics.items())}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def loader(offset, batches):
    rows = 5 * batches - 2
    scores = wave([rows, 3], offset, 3.0).float()
    return DataLoader(TensorDataset(scores, integers([rows], offset, 0, 3)), batch_size=5)


def record_runs():
    out = []
    for run in RUNS:
        module, rows = Module(run), Rows()
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(accelerator="cpu", devices=1, default_root_dir=folder, logger=rows, max_epochs=2, log_every_n_steps=1,
                              enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
                              val_check_interval=run.get("val_check_interval"))
            trainer.fit(module, loader(0, 4), [loader(10 + i, 3) for i in range(run.get("loaders", 0))] or None)
        out.append({**run, "rows": rows.rows, "seen": module.seen, "callback_metrics": module.now()})
    write("runs.json", out)


def write(name, cases):
    with open(os.path.join(OUT, name), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    os.makedirs(OUT, exist_ok=True)
    record_metrics()
    record_errors()
    record_runs()
