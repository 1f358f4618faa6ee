"""A training that changes from Python Lightning to levin, or back, goes on as if it had not: same epoch, step, learning rates, losses.

Every optimizer of levin and every scheduler of levin, 2 of 4 epochs on one side and 2 on the other, against 4 epochs on either.
Files of save_checkpoint, of ModelCheckpoint at an epoch's end, and of ModelCheckpoint within an epoch.
"""

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
import torch
from torch.optim import lr_scheduler as schedulers

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from lion import Lion  # noqa: E402

CONTINUE = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "continue"
ROWS, BATCH_SIZE, EPOCHS, HALF, TOLERANCE = 12, 4, 4, 2, 1e-6
STEPS = ROWS // BATCH_SIZE
WITHIN = 4  # the step within the second epoch after which a file is written

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.01, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.95)),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.5),
    "centered": lambda p: torch.optim.RMSprop(p, lr=0.02, eps=0.05, weight_decay=0.01, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.05, initial_accumulator_value=0.1),
    "adadelta": lambda p: torch.optim.Adadelta(p, rho=0.8, eps=1e-3),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.02, momentum_decay=0.01),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.02, betas=(0.8, 0.9), weight_decay=0.01, decoupled_weight_decay=True),
    "lion": lambda p: Lion(p, lr=0.01, weight_decay=0.1),
    "muon": lambda p: torch.optim.Muon([x for x in p if x.dim() == 2], lr=0.02),
    "groups": lambda p: groups(*p),
    "torch_adam": lambda p: torch.optim.Adam(p, lr=0.05),
}


def groups(w1, b1, w2, b2):
    return torch.optim.AdamW([{"params": [w1, b1]}, {"params": [w2, b2], "lr": 0.02, "amsgrad": True, "eps": 1e-6}], lr=0.05)


def cycles(optimizer):
    group = optimizer.param_groups[0]
    return group.get("momentum", 0) > 0 or "betas" in group


def one_cycle(optimizer):
    return {"scheduler": schedulers.OneCycleLR(optimizer, 0.1, total_steps=12, cycle_momentum=cycles(optimizer)), "interval": "step"}


def cyclic(optimizer):
    return {"scheduler": schedulers.CyclicLR(optimizer, 0.01, 0.1, 2, 3, cycle_momentum=cycles(optimizer)), "interval": "step"}


def restarts(optimizer):
    return {"scheduler": schedulers.CosineAnnealingWarmRestarts(optimizer, 2, 2, 1e-3), "interval": "step"}


def sequential(optimizer):
    turns = [schedulers.LinearLR(optimizer, 0.25, total_iters=3), schedulers.ExponentialLR(optimizer, 0.8),
             schedulers.CosineAnnealingLR(optimizer, 6)]
    return {"scheduler": schedulers.SequentialLR(optimizer, turns, [3, 7]), "interval": "step"}


def chained(optimizer):
    return schedulers.ChainedScheduler([schedulers.ConstantLR(optimizer, 0.5, 2), schedulers.ExponentialLR(optimizer, 0.9)])


def plateau(optimizer):
    return {"scheduler": schedulers.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.5), "monitor": "train_loss"}


SCHEDULERS = {
    "none": None,
    "step": lambda o: schedulers.StepLR(o, 1, 0.5),
    "multistep": lambda o: schedulers.MultiStepLR(o, [1, 3, 3], 0.5),
    "exponential": lambda o: schedulers.ExponentialLR(o, 0.8),
    "cosine": lambda o: schedulers.CosineAnnealingLR(o, 3, 1e-3),
    "linear": lambda o: schedulers.LinearLR(o, 0.25, total_iters=3),
    "lambda": lambda o: schedulers.LambdaLR(o, lambda epoch: 1.0 / (epoch + 1)),
    "onecycle": one_cycle,
    "plateau": plateau,
    "constant": lambda o: schedulers.ConstantLR(o, 0.5, 2),
    "polynomial": lambda o: schedulers.PolynomialLR(o, 5, 2),
    "restarts": restarts,
    "cyclic": cyclic,
    "multiplicative": lambda o: schedulers.MultiplicativeLR(o, lambda epoch: 1.0 - 0.25 / epoch),
    "sequential": sequential,
    "chained": chained,
}
# Every optimizer and every scheduler, each with a few of the others.
PAIRS = ([(o, s) for o in OPTIMIZERS for s in ("none", "onecycle")]
         + [(o, s) for o in ("momentum", "amsgrad") for s in SCHEDULERS if s not in ("none", "onecycle")])


def pattern(sizes, step, modulus):
    """Numbers that are exact in both languages."""
    return torch.tensor([((step * i * i + 3 * i) % modulus - modulus // 2) / 8 for i in range(math.prod(sizes))]).reshape(sizes)


class Net(L.LightningModule):
    def __init__(self, optimizer, scheduler):
        super().__init__()
        self.choice = optimizer, scheduler
        self.first, self.second = torch.nn.Linear(3, 5), torch.nn.Linear(5, 1)
        with torch.no_grad():
            self.first.weight.copy_(pattern((5, 3), 5, 13))
            self.first.bias.copy_(pattern((5,), 7, 11))
            self.second.weight.copy_(pattern((1, 5), 2, 7))
            self.second.bias.copy_(pattern((1,), 1, 5))
        self.losses, self.rates = [], []

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.mse_loss(self.second(self.first(batch[0]).tanh()), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        self.losses.append(loss.item())
        self.rates.append(float(self.trainer.optimizers[0].param_groups[0]["lr"]))
        return loss

    def configure_optimizers(self):
        optimizer = OPTIMIZERS[self.choice[0]](self.parameters())
        scheduler = SCHEDULERS[self.choice[1]]
        return [optimizer], [scheduler(optimizer)] if scheduler else []

    def train_dataloader(self):
        data = torch.utils.data.TensorDataset(pattern((ROWS, 3), 4, 17), pattern((ROWS, 1), 6, 11))
        return torch.utils.data.DataLoader(data, batch_size=BATCH_SIZE)


def python(optimizer, scheduler, epochs, source=None, target=None, saver="trainer"):
    net = Net(optimizer, scheduler)
    callbacks = []
    if target and saver != "trainer":
        callbacks = [L.pytorch.callbacks.ModelCheckpoint(
            dirpath=target.parent, filename=target.stem, every_n_train_steps=WITHIN if saver == "step" else None,
            enable_version_counter=False)]
    trainer = L.Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
                        callbacks=callbacks, enable_checkpointing=bool(callbacks))
    trainer.fit(net, ckpt_path=source)
    if target and not callbacks:
        trainer.save_checkpoint(target)
    return {"epoch": trainer.current_epoch, "step": trainer.global_step, "losses": net.losses, "rates": net.rates}


def levin(runs):
    """All runs in one process."""
    lines = "".join(" ".join(str(word or "-") for word in run) + "\n" for run in runs)
    done = subprocess.run([CONTINUE], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Comparison:
    def __init__(self):
        self.wrong, self.numbers, self.largest = [], 0, {"losses": 0.0, "rates": 0.0}

    def compare(self, what, expected, found, steps=slice(None)):
        """The run `found` against those steps of the run `expected`."""
        if (found["epoch"], found["step"]) != (expected["epoch"], expected["step"]):
            self.wrong.append(f"{what}: at epoch {found['epoch']} and step {found['step']}")
        for name in ("losses", "rates"):
            left, right = expected[name][steps], found[name]
            apart = [abs(a - b) for a, b in zip(left, right)]
            if not left or len(left) != len(right) or not max(apart) <= TOLERANCE:
                self.wrong.append(f"{what}: {name} {left} became {right}")
            self.numbers += len(apart)
            self.largest[name] = max([self.largest[name], *apart])


def check(comparison, saver, folder):
    """Both parts on both sides. levin goes on from its own file as if nothing had happened. Lightning does not always:
    ModelCheckpoint writes before a plateau scheduler steps, and within an epoch Lightning begins again with the first batch; there
    its own run from its own file is what a change of sides is compared with."""
    pairs = PAIRS
    change = WITHIN if saver == "step" else HALF * STEPS
    theirs = {pair: folder / f"{pair[0]}-{pair[1]}-python.ckpt" for pair in pairs}
    ours = {pair: folder / f"{pair[0]}-{pair[1]}-levin.ckpt" for pair in pairs}
    for pair in pairs:
        python(*pair, HALF, target=theirs[pair], saver=saver)
    runs = [run for pair in pairs for run in (
        (*pair, EPOCHS, None, None, saver), (*pair, HALF, None, ours[pair], saver), (*pair, EPOCHS, theirs[pair], None, saver),
        (*pair, EPOCHS, ours[pair], None, saver))]
    done = iter(levin(runs))
    for pair in pairs:
        name = f"{saver}: " + " + ".join(pair)
        python_whole = python(*pair, EPOCHS)
        python_python = python(*pair, EPOCHS, source=theirs[pair])
        levin_python = python(*pair, EPOCHS, source=ours[pair])
        levin_whole, levin_half, python_levin, levin_levin = (next(done) for _ in range(4))
        comparison.compare(f"{name}, levin throughout", python_whole, levin_whole)
        python_half = python_whole | {"epoch": HALF, "step": HALF * STEPS}
        comparison.compare(f"{name}, levin's first half", python_half, levin_half, slice(0, HALF * STEPS))
        comparison.compare(f"{name}, levin, Python against Python, Python", python_python, levin_python)
        steps = slice(change, None)
        own_way = saver == "step" or (saver == "callback" and pair[1] == "plateau")  # Lightning's, see above
        comparison.compare(f"{name}, levin, levin against levin throughout", levin_whole, levin_levin, steps)
        comparison.compare(f"{name}, Python, levin against Python, Python", python_python, python_levin)
        if own_way:
            continue
        for what, run in (("Python, levin", python_levin), ("levin, Python", levin_python)):
            comparison.compare(f"{name}, {what} against Python throughout", python_whole, run, steps)
            comparison.compare(f"{name}, {what} against levin throughout", levin_whole, run, steps)
    return len(pairs)


if __name__ == "__main__":
    comparison = Comparison()
    for saver in ("trainer", "callback", "step"):
        with tempfile.TemporaryDirectory() as name:
            pairs = check(comparison, saver, Path(name))
    print("\n".join(comparison.wrong))
    print(f"{pairs} pairs of optimizer and scheduler, {comparison.numbers} numbers compared, losses differ by at most "
          f"{comparison.largest['losses']:.3g}, rates by {comparison.largest['rates']:.3g}; wrong {len(comparison.wrong)}")
    sys.exit(1 if comparison.wrong else 0)
