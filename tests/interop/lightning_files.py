"""Checkpoints of short Lightning runs, with every optimizer and scheduler that torch has."""

import logging
import warnings

import lightning as L
import torch
from torch.optim import lr_scheduler as schedulers

from values import opaque, tree

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")

OPTIMIZERS = [
    ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9)), ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)),
    ("SGD", dict(lr=0.01, momentum=0.5, dampening=0.1, maximize=True, foreach=True)), ("SGD", dict(lr=0.1, fused=True)),
    ("SGD", dict(lr=torch.tensor(0.1))), ("Adam", {}), ("Adam", dict(amsgrad=True, weight_decay=0.1)), ("Adam", dict(fused=True)),
    ("Adam", dict(lr=torch.tensor(0.01), capturable=False)), ("AdamW", {}), ("AdamW", dict(amsgrad=True, foreach=False)),
    ("RMSprop", {}), ("RMSprop", dict(momentum=0.9, centered=True)), ("Adagrad", {}), ("Adagrad", dict(lr_decay=0.1)), ("Adadelta", {}),
    ("Adamax", {}), ("NAdam", {}), ("NAdam", dict(decoupled_weight_decay=True, weight_decay=0.1)), ("RAdam", {}), ("ASGD", {}),
    ("Rprop", {}), ("LBFGS", dict(max_iter=3)), ("LBFGS", dict(line_search_fn="strong_wolfe", history_size=3)), ("SparseAdam", {}),
    ("Adafactor", {}), ("Muon", {}),
]


def double_every_third(epoch):
    return 2.0 if epoch % 3 == 0 else 1.0


class Decay:
    """A callable object: LambdaLR saves its attributes."""

    def __init__(self):
        self.rate = 0.5

    def __call__(self, epoch):
        return self.rate**epoch


SCHEDULERS = [
    None, lambda o: schedulers.StepLR(o, 1), lambda o: schedulers.MultiStepLR(o, [1, 2, 2, 5]), lambda o: schedulers.ExponentialLR(o, 0.9),
    lambda o: schedulers.CosineAnnealingLR(o, 5), lambda o: schedulers.CosineAnnealingWarmRestarts(o, 2, 2),
    lambda o: schedulers.LinearLR(o), lambda o: schedulers.ConstantLR(o), lambda o: schedulers.PolynomialLR(o, 4, 2.0),
    lambda o: schedulers.LambdaLR(o, double_every_third), lambda o: schedulers.LambdaLR(o, Decay()),
    lambda o: schedulers.MultiplicativeLR(o, double_every_third), lambda o: schedulers.ReduceLROnPlateau(o, patience=0),
    lambda o: schedulers.CyclicLR(o, 1e-3, 1e-1, cycle_momentum=False),
    lambda o: schedulers.CyclicLR(o, 1e-3, 1e-1, scale_fn=Decay(), cycle_momentum=False),
    lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=50, cycle_momentum=False),
    lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=50, three_phase=True, anneal_strategy="linear", cycle_momentum=False),
    lambda o: schedulers.SequentialLR(o, [schedulers.ConstantLR(o), schedulers.LinearLR(o), schedulers.StepLR(o, 1)], [1, 3]),
    lambda o: schedulers.ChainedScheduler([schedulers.ConstantLR(o), schedulers.ExponentialLR(o, 0.9)]),
    lambda o: torch.optim.swa_utils.SWALR(o, 0.05),
]


class Tiny(L.LightningModule):
    def __init__(self, optimizers, scheduler, sparse, dtype=torch.float32, **hyper_parameters):
        super().__init__()
        self.save_hyperparameters(ignore=["optimizers", "scheduler", "sparse", "dtype"])
        self.choice = (optimizers, scheduler, sparse)
        self.table = torch.nn.Embedding(5, 3, sparse=sparse)
        if not sparse:
            self.net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3))
            self.tied = torch.nn.Linear(3, 4, bias=False)
            self.net[2].tied = self.tied
            self.register_buffer("odd", torch.arange(4).to(torch.uint16))
        self.to(dtype)
        self.automatic_optimization = len(optimizers) == 1

    def training_step(self, batch, batch_idx):
        rows = self.table(batch[0])
        loss = (rows if self.choice[2] else self.tied(self.net(rows))).float().square().mean()
        self.log("loss", loss, on_step=True, on_epoch=True)
        if not self.automatic_optimization:
            for optimizer in self.optimizers():
                optimizer.zero_grad()
            self.manual_backward(loss)
            for optimizer in self.optimizers():
                optimizer.step()
            return None
        return loss

    def configure_optimizers(self):
        made = []
        for name, options in self.choice[0]:
            matrices = [p for p in self.parameters() if p.dim() == 2]
            rest = [p for p in self.parameters() if p.dim() != 2]
            groups = matrices if name in ("Muon", "SparseAdam") else [{"params": matrices}, {"params": rest}]
            groups = list(self.parameters()) if name == "LBFGS" else groups
            made.append(getattr(torch.optim, name)(groups, **options))
        if self.choice[1] is None:
            return made
        return made, [{"scheduler": self.choice[1](o), "monitor": "loss", "interval": "epoch"} for o in made]

    def on_save_checkpoint(self, checkpoint):
        checkpoint["extra"] = self.extra

    def train_dataloader(self):
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.arange(20) % 5), batch_size=5)


def lightning_file(path, random, generator, index, folder):
    """Fits for one or two epochs and saves; optimizers and schedulers take turns, so that all occur."""
    torch.manual_seed(random.randrange(2**31))
    optimizers = [OPTIMIZERS[index % len(OPTIMIZERS)]]
    sparse = optimizers[0][0] == "SparseAdam"
    if not sparse and random.random() < 0.2:
        optimizers.append(random.choice([o for o in OPTIMIZERS if o[0] not in ("SparseAdam", "LBFGS")]))
        optimizers = [o for o in optimizers if o[0] != "LBFGS"]
    scheduler = SCHEDULERS[(index * 7 + index // len(OPTIMIZERS)) % len(SCHEDULERS)]
    if isinstance(optimizers[0][1].get("lr"), torch.Tensor):
        scheduler = None
    hyper_parameters = {"lr": 0.1, "layers": [1, 2], "name": "tiny"}
    if random.random() < 0.4:
        hyper_parameters |= {"odd": opaque(random), "other": opaque(random)}
    dtype = random.choice([torch.float32] * 4 + [torch.float64, torch.bfloat16])
    if any(o[0] in ("LBFGS", "SparseAdam") for o in optimizers):
        dtype = torch.float32
    model = Tiny(optimizers, scheduler, sparse, dtype, **hyper_parameters)
    model.extra = tree(random, generator, random.random() < 0.3)
    callbacks = [L.pytorch.callbacks.ModelCheckpoint(dirpath=folder, monitor="loss", save_top_k=2, save_weights_only=random.random() < 0.2)]
    if len(optimizers) == 1:
        callbacks.append(L.pytorch.callbacks.EarlyStopping("loss", patience=50))
    trainer = L.Trainer(max_epochs=random.choice([1, 2]), limit_train_batches=2, accelerator="cpu", logger=False, enable_progress_bar=False,
                        enable_model_summary=False, default_root_dir=folder, callbacks=callbacks)
    trainer.fit(model)
    trainer.save_checkpoint(path)
