"""200 steps in every precision, here and in Python Lightning: the same losses, the same scales after injected overflows, the same keys in
the checkpoint; and a training that changes sides half-way goes on as if it had not.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.plugins import MixedPrecision

PROGRAM = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "precision"
EPOCHS, HALF = 10, 5  # of 20 steps
TOLERANCE = 1e-3
OVERFLOWS = {3, 4, 50, 51, 52, 120}
RUNS = [("bf16-mixed", "sgd", 2000), ("bf16-mixed", "adam", 2000), ("16-mixed", "sgd", 2000), ("16-mixed", "adam", 20), ("16-mixed", "sgd", 7),
        ("64-true", "adam", 2000), ("bf16-true", "sgd", 2000), ("16-true", "sgd", 2000)]

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


def pattern(sizes, step, modulus, divisor):
    """Numbers that are exact in both languages."""
    i = torch.arange(torch.Size(sizes).numel())
    return (((step * i * i + 3 * i) % modulus - modulus // 2).double() / divisor).float().reshape(sizes)


class Net(L.LightningModule):
    def __init__(self, optimizer):
        super().__init__()
        self.choice = optimizer
        self.first, self.second, self.third = torch.nn.Linear(16, 64), torch.nn.Linear(64, 64), torch.nn.Linear(64, 1)
        with torch.no_grad():
            self.first.weight.copy_(pattern((64, 16), 5, 13, 32))
            self.second.weight.copy_(pattern((64, 64), 7, 17, 64))
            self.third.weight.copy_(pattern((1, 64), 3, 11, 32))
            for layer in (self.first, self.second, self.third):
                layer.bias.zero_()
        self.losses, self.scales = [], []

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.mse_loss(self.third(self.second(self.first(batch[0]).relu()).relu()), batch[1])
        self.log("train_loss", loss)
        self.losses.append(loss.item())
        return loss

    def on_after_backward(self):
        if self.trainer.scaler and self.global_step in OVERFLOWS:
            self.second.weight.grad[0, 0] = torch.inf

    def on_train_batch_end(self, outputs, batch, batch_idx):
        self.scales.append(self.trainer.scaler.get_scale() if self.trainer.scaler else 1.0)

    def configure_optimizers(self):
        if self.choice == "adam":
            return torch.optim.Adam(self.parameters(), lr=0.002)
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.9)

    def train_dataloader(self):
        x = pattern((640, 16), 4, 23, 8)
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True) / 8), batch_size=32)


def python(run, epochs, source=None, target=None):
    precision, optimizer, growth_interval = run
    scaled = precision == "16-mixed"
    net = Net(optimizer)
    how = {"plugins": [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", growth_interval=growth_interval))]} if scaled else {"precision": precision}
    trainer = L.Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
                        enable_checkpointing=False, gradient_clip_val=1.0, **how)
    trainer.fit(net, ckpt_path=source, weights_only=False)
    if target:
        trainer.save_checkpoint(target)
    return {"losses": net.losses, "scales": net.scales}


def levin(run, rows):
    lines = "".join(f"{run[0]} {run[1]} {epochs} {run[2]} {source or '-'} {target or '-'}\n" for epochs, source, target in rows)
    done = subprocess.run([PROGRAM], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


wrong = []


def compare(what, expected, got, steps):
    if not len(expected["losses"]) == len(got["losses"]) == steps:
        wrong.append(f"{what}: {len(expected['losses'])} and {len(got['losses'])} losses, {steps} steps")
        return float("nan")
    apart = max(abs(a - b) for a, b in zip(expected["losses"], got["losses"]))
    if not apart <= TOLERANCE:
        wrong.append(f"{what}: losses differ by {apart}")
    if expected["scales"] != got["scales"]:
        wrong.append(f"{what}: scales {expected['scales']} became {got['scales']}")
    return apart


def compare_files(what, theirs, ours):
    left, right = (torch.load(path, weights_only=True) for path in (theirs, ours))
    right.pop("levin")
    if list(left) != list(right):
        wrong.append(f"{what}: keys {list(left)} became {list(right)}")
    if left.get("MixedPrecision") != right.get("MixedPrecision"):
        wrong.append(f"{what}: {left.get('MixedPrecision')} became {right.get('MixedPrecision')}")
    types = [{name: t.dtype for name, t in side["state_dict"].items()} for side in (left, right)]
    if types[0] != types[1]:
        wrong.append(f"{what}: types {types[0]} became {types[1]}")
    return left.get("MixedPrecision")


with tempfile.TemporaryDirectory() as folder:
    for run in RUNS:
        name = " ".join(map(str, run))
        theirs, ours = Path(folder) / "python.ckpt", Path(folder) / "levin.ckpt"
        whole, python_half = python(run, EPOCHS), python(run, HALF, target=theirs)
        levin_whole, levin_half, python_levin = levin(run, [(EPOCHS, None, None), (HALF, None, ours), (EPOCHS, theirs, None)])
        apart = compare(name, whole, levin_whole, 200)
        state = compare_files(name, theirs, ours)
        later = {key: whole[key][100:] for key in whole}
        both = [compare(f"{name}: Python, levin", later, python_levin, 100), compare(f"{name}: levin, Python", later, python(run, EPOCHS, source=ours), 100)]
        skipped = sum(b < a for a, b in zip([65536.0 if state else 1.0, *whole["scales"]], whole["scales"]))
        print(f"{name}: losses {whole['losses'][0]:.4f} to {whole['losses'][-1]:.4f}, apart by at most {apart:.2g}, changing sides {max(both):.2g}; "
              f"{skipped} steps left out, scale at the half {state and state['scale']}")
        if run[0] == "16-mixed" and skipped < len(OVERFLOWS):
            wrong.append(f"{name}: only {skipped} overflows")

print("\n".join(wrong))
sys.exit(1 if wrong else 0)
