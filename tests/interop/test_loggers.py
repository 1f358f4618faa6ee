"""What TensorBoard, csv and json make of a run's logs, against the logs of the same run under Python Lightning.

The run is tests/loggers/log_run.cpp; `Logged` below logs the same. Then the runs that end by exit, an error, SIGTERM, Ctrl-C and
kill -9: what was logged before must be in all three files.
"""

import csv
import io
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.data import DataLoader, TensorDataset

LOG_RUN = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "log_run"
BATCHES, SAVED_AT, ENDS_AT = 60, 50, 100

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


class Logged(L.LightningModule):
    def __init__(self, lr, name, flag, layers, optimizer):
        super().__init__()
        self.save_hyperparameters()
        self.w = torch.nn.Parameter(torch.ones(2))

    def training_step(self, batch, batch_idx):
        step = self.current_epoch * BATCHES + batch_idx
        self.log("loss", 1.0 / (step + 1), on_step=True, on_epoch=True)
        self.log("train/accuracy", 0.25 * step)
        return (batch[0] * self.w).sum()

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", float(batch_idx + self.current_epoch))

    def on_train_epoch_end(self):
        writer = self.loggers[0].experiment
        ramp = torch.arange(48).reshape(3, 4, 4).float() / 47
        writer.add_image("image", ramp, self.global_step)
        writer.add_images("images", ramp.unsqueeze(0).repeat(10, 1, 1, 1), self.global_step)
        writer.add_histogram("values", torch.arange(-500, 500).float() / 100, self.global_step)
        writer.add_text("note", f"epoch **{self.current_epoch}**", self.global_step)
        writer.add_scalars("pair/both", {"a": 1.0, "b": 2.0}, self.global_step)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


def loader(batches):
    return DataLoader(TensorDataset(torch.ones(batches * 2, 2)), batch_size=2)


def python_run(folder):
    module = Logged(lr=0.125, name="tiny", flag=True, layers=[1, 2], optimizer={"momentum": 0, "nesterov": None})
    trainer = L.Trainer(logger=[TensorBoardLogger(folder, "tensorboard"), CSVLogger(folder, "csv")], max_epochs=2, log_every_n_steps=1,
                        enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder)
    trainer.fit(module, loader(BATCHES), loader(2))


def levin_run(folder, ending):
    done = subprocess.run([LOG_RUN, folder, ending], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def board(folder):
    """All that TensorBoard finds below a folder, by run and tag, without wall times."""
    out = {}
    for directory in sorted({p.parent for p in folder.rglob("events.out.tfevents.*")}):
        events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0})
        events.Reload()
        run = out[str(directory.relative_to(folder))] = {}
        tags = events.Tags()
        for tag in tags["scalars"]:
            run["scalar", tag] = [(e.step, e.value) for e in events.Scalars(tag)]
        for tag in tags["images"]:
            run["image", tag] = [(e.step, e.width, e.height, np.array(Image.open(io.BytesIO(e.encoded_image_string))).tolist())
                                 for e in events.Images(tag)]
        for tag in tags["histograms"]:
            run["histogram", tag] = [(e.step, e.histogram_value) for e in events.Histograms(tag)]
        for tag in tags["tensors"]:
            run["text", tag] = [(e.step, bytes(e.tensor_proto.string_val[0])) for e in events.Tensors(tag)]
    return out


def hparams(folder):
    """What the plugin is told, by tag."""
    out = {}
    for path in folder.rglob("events.out.tfevents.*"):
        for event in LegacyEventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "hparams":
                    out[value.tag] = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    return out


def same_histogram(ours, theirs):
    return (list(ours.bucket_limit) == list(theirs.bucket_limit) and list(ours.bucket) == list(theirs.bucket) and ours.num == theirs.num
            and ours.min == theirs.min and ours.max == theirs.max and math.isclose(ours.sum, theirs.sum, abs_tol=1e-9)
            and math.isclose(ours.sum_squares, theirs.sum_squares))


def rows(path):
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames, [{k: float(v) for k, v in row.items() if v != ""} for row in reader]


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def compare(ours, theirs):
    found, expected = board(ours / "tensorboard"), board(theirs / "tensorboard")
    check(found.keys() == expected.keys(), f"runs {sorted(found)}, Lightning's {sorted(expected)}")
    count = 0
    for run, tags in expected.items():
        check(found[run].keys() == tags.keys(), f"tags of {run}: {sorted(found[run])}, Lightning's {sorted(tags)}")
        for (kind, tag), values in tags.items():
            mine = found[run][kind, tag]
            check([v[0] for v in mine] == [v[0] for v in values], f"{run} {tag}: steps")
            if kind == "histogram":
                check(all(same_histogram(a[1], b[1]) for a, b in zip(mine, values)), f"{run} {tag}: histogram")
            elif kind == "scalar":
                check(all(math.isclose(a[1], b[1], rel_tol=1e-6) for a, b in zip(mine, values)), f"{run} {tag}: values")
            else:
                check(mine == values, f"{run} {tag}: values")
            count += len(values)
    check(hparams(ours) == hparams(theirs), f"hparams: {hparams(ours)}, Lightning's {hparams(theirs)}")
    for logger in ("tensorboard", "csv"):
        yaml = f"{logger}/version_0/hparams.yaml"
        check((ours / yaml).read_bytes() == (theirs / yaml).read_bytes(), yaml)
    (columns, mine), (expected_columns, values) = rows(ours / "csv/version_0/metrics.csv"), rows(theirs / "csv/version_0/metrics.csv")
    check(columns == expected_columns, f"metrics.csv: {columns}, Lightning's {expected_columns}")
    check(len(mine) == len(values), f"metrics.csv: {len(mine)} rows, Lightning's {len(values)}")
    for a, b in zip(mine, values):
        check(a.keys() == b.keys() and all(math.isclose(a[k], b[k], rel_tol=1e-6) for k in a), f"metrics.csv: {a}, Lightning's {b}")
    print(f"{len(expected)} runs, {count} values, hyperparameters, metrics.csv with {len(values)} rows: as Lightning's")


def check_ending(folder, ending, exit_code):
    code, stderr = levin_run(folder, ending)
    check(code == exit_code, f"{ending}: exit code {code}, expected {exit_code}: {stderr}")
    # A signal ends the run at the end of the step that it comes in.
    least, most = {"kill": (SAVED_AT, ENDS_AT), "term": (ENDS_AT + 1,) * 2, "int": (ENDS_AT + 1,) * 2}.get(ending, (ENDS_AT, ENDS_AT))
    steps = [e[0] for e in board(folder / "tensorboard")["version_0"]["scalar", "loss_step"]]
    check(steps == list(range(len(steps))) and least <= len(steps) <= most, f"{ending}: TensorBoard has steps up to {len(steps) - 1}")
    in_csv = [r["step"] for r in rows(folder / "csv/version_0/metrics.csv")[1] if "loss_step" in r]
    check(in_csv == list(range(len(in_csv))) and least <= len(in_csv) <= most, f"{ending}: metrics.csv has {len(in_csv)} steps")
    events = [json.loads(line) for line in (folder / "jsonl/version_0/events.jsonl").read_text().splitlines()]
    in_json = [e["step"] for e in events if e["event"] == "metrics" and "loss_step" in e["values"]]
    check(in_json == list(range(len(in_json))) and least <= len(in_json) <= most, f"{ending}: events.jsonl has {len(in_json)} steps")
    print(f"{ending}: {len(steps)}, {len(in_csv)}, {len(in_json)} of {most} steps")


with tempfile.TemporaryDirectory() as top:
    ours, theirs = Path(top) / "ours", Path(top) / "theirs"
    code, stderr = levin_run(ours, "success")
    check(code == 0, f"log_run: exit code {code}: {stderr}")
    python_run(theirs)
    compare(ours, theirs)
    for ending, exit_code in {"exit": 3, "throw": 1, "term": 143, "int": 130, "kill": -9}.items():
        check_ending(Path(top) / ending, ending, exit_code)
