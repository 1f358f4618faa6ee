"""A training with averaged weights that changes from Python Lightning to levin, or back, goes on as if it had not; and Python's torch reads
the predictions that levin wrote.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch import callbacks as C

sys.path.insert(0, str(Path(os.environ["LEVIN_SOURCE_DIR"]) / "tests" / "conformance"))
from callback_net import Net, loader  # noqa: E402

PROGRAM = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "averaging"
EPOCHS, HALF, TOLERANCE = 6, 3, 1e-6
CALLBACKS = {
    "WeightAveraging": lambda: C.WeightAveraging(),
    "EMAWeightAveraging": lambda: C.EMAWeightAveraging(decay=0.5),
    "StochasticWeightAveraging": lambda: C.StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=2, annealing_epochs=3),
}

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


def python(name, epochs, source=None, target=None):
    net = Net({"batch_norm": True, "optimizer": {"class": "SGD", "lr": 0.1, "momentum": 0.9}})
    callbacks = [CALLBACKS[name]()]
    if target:
        callbacks.append(C.ModelCheckpoint(dirpath=target.parent, filename=target.stem, every_n_epochs=1, save_on_train_epoch_end=True,
                                           enable_version_counter=False))
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
                      callbacks=callbacks, enable_checkpointing=bool(target))
    trainer.fit(net, ckpt_path=source, weights_only=False)
    return {"losses": net.losses, "val_losses": net.val_losses, "weights": net.weights(), "epoch": trainer.current_epoch}


def levin(runs):
    lines = "".join(" ".join(str(word or "-") for word in run) + "\n" for run in runs)
    done = subprocess.run([PROGRAM], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Comparison:
    def __init__(self):
        self.wrong, self.numbers, self.largest = [], 0, 0.0

    def numbers_of(self, what, left, right):
        apart = [abs(a - b) for a, b in zip(left, right)]
        if len(left) != len(right) or not left or max(apart) > TOLERANCE:
            self.wrong.append(f"{what}: {left} became {right}")
        self.numbers += len(apart)
        self.largest = max([self.largest, *apart])

    def runs(self, what, left, right):
        if left["epoch"] != right["epoch"]:
            self.wrong.append(f"{what}: epoch {left['epoch']} became {right['epoch']}")
        for key in ("losses", "val_losses"):
            self.numbers_of(f"{what}, {key}", left[key], right[key])
        for name in left["weights"]:
            self.numbers_of(f"{what}, {name}", left["weights"][name], right["weights"][name])


def check_trainings(comparison, folder):
    for name in CALLBACKS:
        theirs, ours = folder / f"{name}-python.ckpt", folder / f"{name}-levin.ckpt"
        # Half of a longer training: what the callback does depends on max_epochs.
        whole = python(name, EPOCHS)
        python(name, HALF, target=theirs)
        levin_whole, _, python_levin = levin([(name, EPOCHS, None, None), (name, HALF, None, ours), (name, EPOCHS, theirs, None)])
        python_python, levin_python = python(name, EPOCHS, source=theirs), python(name, EPOCHS, source=ours)
        comparison.runs(f"{name}: levin throughout", whole, levin_whole)
        comparison.runs(f"{name}: Python, levin", python_python, python_levin)
        comparison.runs(f"{name}: levin, Python", python_python, levin_python)
        left, right = (torch.load(path, weights_only=True) for path in (theirs, ours))
        for key in ("state_dict", "current_model_state", "averaging_state"):
            if (key in left) != (key in right):
                comparison.wrong.append(f"{name}: '{key}' is in one file only")
            for entry in left.get(key, {}):
                comparison.numbers_of(f"{name}: {key} {entry}", left[key][entry].double().flatten().tolist(),
                                      right[key][entry].double().flatten().tolist())


def check_predictions(comparison, folder):
    levin([("predict", 1, None, folder)])
    predictions = torch.load(folder / "predictions.pt", weights_only=True)
    indices = torch.load(folder / "batch_indices.pt", weights_only=True)
    if indices != [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]:
        comparison.wrong.append(f"indices {indices}")
    net = Net({}).eval()
    for i, batch in enumerate(loader(12)):
        with torch.no_grad():
            expected = net.head(net.backbone(batch[0]).tanh())
        alone = torch.load(folder / "0" / f"{i}.pt", weights_only=True)
        for got in (predictions[i], alone):
            comparison.numbers_of(f"prediction {i}", expected.flatten().tolist(), got["out"].flatten().tolist())
            comparison.numbers_of(f"row {i}", batch[0].flatten().tolist(), got["row"].flatten().tolist())


if __name__ == "__main__":
    comparison = Comparison()
    with tempfile.TemporaryDirectory() as name:
        check_trainings(comparison, Path(name))
        check_predictions(comparison, Path(name) / "predictions")
    print("\n".join(comparison.wrong))
    print(f"{len(CALLBACKS)} callbacks, {comparison.numbers} numbers compared, they differ by at most {comparison.largest:.3g}; "
          f"wrong {len(comparison.wrong)}")
    sys.exit(1 if comparison.wrong else 0)
