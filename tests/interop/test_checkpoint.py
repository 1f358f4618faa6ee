"""Checkpoints that levin's ModelCheckpoint writes: torch opens them, and Python Lightning and levin go on from each other's."""

import csv
import os
import subprocess
import tempfile
from pathlib import Path

import lightning as L
import torch

SOURCE = Path(os.environ["LEVIN_SOURCE_DIR"])
LEVIN = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "levin"
KEYS = ["epoch", "global_step", "pytorch-lightning_version", "state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers",
        "hparams_name", "hyper_parameters", "datamodule_hparams_name", "datamodule_hyper_parameters"]
STEPS = 23  # batches of an epoch: 80 % of 1797 rows, 64 at a time


def levin(folder, *arguments):
    command = [LEVIN, "fit", "--config", SOURCE / "configs" / "digits.json", f"--data.path={SOURCE}/data/digits.csv", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Classifier(L.LightningModule):
    """levin's ConvClassifier with the layers of configs/digits.json, under the same names."""

    def __init__(self, **hyper_parameters):
        super().__init__()
        self.save_hyperparameters()
        nn = torch.nn
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))

    def forward(self, images):
        return self.head(self.features(images.view(-1, 1, 8, 8)).flatten(1))

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-3, weight_decay=1e-2)


def digits():
    with open(SOURCE / "data" / "digits.csv") as file:
        rows = [[int(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    table = torch.tensor(rows)
    data = torch.utils.data.TensorDataset(table[:1437, :-1] / 16.0, table[:1437, -1])
    return torch.utils.data.DataLoader(data, batch_size=64)


def trainer(folder, epochs):
    return L.Trainer(max_epochs=epochs, default_root_dir=folder, accelerator="cpu", logger=False, enable_progress_bar=False,
                     enable_model_summary=False, enable_checkpointing=False)


def torch_opens_best_and_last(folder):
    checkpoints = Path(folder) / "lightning_logs" / "version_0" / "checkpoints"
    files = sorted(checkpoints.glob("*.ckpt"))
    assert len(files) == 2 and files[1].name == "last.ckpt", files
    for path in files:
        checkpoint = torch.load(path, weights_only=True)
        assert [key for key in checkpoint if key != "levin"] == KEYS, list(checkpoint)
        Classifier().load_state_dict(checkpoint["state_dict"], strict=True)
    return files[1]


def lightning_loads_the_module(path):
    model = Classifier.load_from_checkpoint(path)
    assert model.hparams["lr"] == 0.003 and model.hparams["channels"] == [16, 32], dict(model.hparams)


def lightning_goes_on(path, folder):
    run = trainer(folder, epochs=3)
    run.fit(Classifier(), digits(), ckpt_path=path)
    assert (run.current_epoch, run.global_step) == (3, 3 * STEPS), (run.current_epoch, run.global_step)
    state = run.optimizers[0].state_dict()["state"]
    assert float(state[0]["step"]) == 3 * STEPS
    python = Path(folder) / "python.ckpt"
    run.save_checkpoint(python)
    return python


def levin_goes_on(path, folder):
    levin(folder, "--trainer.max_epochs=4", f"--ckpt_path={path}", "--trainer.default_root_dir=again")
    (last,) = Path(folder).glob("again/lightning_logs/version_0/checkpoints/last.ckpt")
    checkpoint = torch.load(last, weights_only=True)
    assert checkpoint["global_step"] == 4 * STEPS, checkpoint["global_step"]
    assert float(checkpoint["optimizer_states"][0]["state"][0]["step"]) == 4 * STEPS


with tempfile.TemporaryDirectory() as folder:
    levin(folder, "--trainer.max_epochs=2")
    last = torch_opens_best_and_last(folder)
    lightning_loads_the_module(last)
    python = lightning_goes_on(last, folder)
    levin_goes_on(python, folder)
print("checkpoints: opened, loaded and resumed both ways")
