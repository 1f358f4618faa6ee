"""The model, data and recorder that callbacks are recorded with; tests/support/callback_net.h is the same in C++.

Nothing is random: weights and data come from a formula that is exact in both languages.
"""

import logging
import math
import warnings

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.loggers import Logger

ROWS, VAL_ROWS, BATCH_SIZE = 12, 8, 4


def pattern(sizes, step, modulus):
    return torch.tensor([((step * i * i + 3 * i) % modulus - modulus // 2) / 8 for i in range(math.prod(sizes))]).reshape(sizes)


def loader(rows, shift=0):
    data = torch.utils.data.TensorDataset(pattern((rows, 3), 4 + shift, 17), pattern((rows, 1), 6, 11 + shift))
    return torch.utils.data.DataLoader(data, batch_size=BATCH_SIZE)


def flat(tensor):
    return [float(x) for x in tensor.detach().double().flatten()]


class Net(LightningModule):
    """tanh(backbone(x)) into head. Options: batch_norm, optimizer, scheduler (with `config`), two_groups, group_names, trainable_only,
    optimizers (several, manual), metric ({name, values}, logged once per validation)."""

    def __init__(self, options):
        super().__init__()
        self.options = options
        layers = [torch.nn.Linear(3, 4)] + ([torch.nn.BatchNorm1d(4)] if options.get("batch_norm") else [])
        self.backbone, self.head = torch.nn.Sequential(*layers), torch.nn.Linear(4, 1)
        with torch.no_grad():
            self.backbone[0].weight.copy_(pattern((4, 3), 5, 13))
            self.backbone[0].bias.copy_(pattern((4,), 7, 11))
            self.head.weight.copy_(pattern((1, 4), 2, 7))
            self.head.bias.copy_(pattern((1,), 1, 5))
        self.automatic_optimization = "optimizers" not in options
        if "flops_per_batch" in options:
            self.flops_per_batch = options["flops_per_batch"]
        self.rates, self.losses, self.val_losses, self.epochs, self.validations = [], [], [], [], 0

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.head(self.backbone(batch[0]).tanh()), batch[1])

    def training_step(self, batch, batch_idx):
        self.rates.append([float(g["lr"]) for o in self.trainer.optimizers for g in o.param_groups])
        loss = self.loss(batch)
        self.losses.append(loss.item())
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        if not self.automatic_optimization:
            for optimizer in self.optimizers():
                optimizer.zero_grad()
                self.manual_backward(self.loss(batch))
                optimizer.step()
        return loss

    def validation_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.val_losses.append(loss.item())
        self.log("val_loss", loss)
        metric = self.options.get("metric")
        if metric and not self.trainer.sanity_checking and batch_idx == 0:
            self.log(metric["name"], torch.tensor(float(metric["values"][self.validations])))
            self.validations += 1

    def on_train_epoch_end(self):
        self.epochs.append({
            "epoch": self.current_epoch, "step": self.global_step, "accumulate": self.trainer.accumulate_grad_batches,
            "trains": [n for n, p in self.named_parameters() if p.requires_grad], "weights": self.weights()})

    def weights(self):
        return {name: flat(tensor) for name, tensor in self.state_dict().items()}

    def make_optimizer(self, spec):
        spec = dict(spec)
        kind = getattr(torch.optim, spec.pop("class"))
        params = [[p for p in part.parameters() if p.requires_grad or not self.options.get("trainable_only")]
                  for part in (self.backbone, self.head)]
        if not self.options.get("two_groups"):
            return kind(params[0] + params[1], **spec)
        groups = [{"params": p} for p in params]
        for group, name in zip(groups, self.options.get("group_names", [])):
            group["name"] = name
        return kind(groups, **spec)

    def configure_optimizers(self):
        optimizers = [self.make_optimizer(spec) for spec in self.options.get("optimizers", [self.options.get("optimizer", {"class": "SGD", "lr": 0.1})])]
        schedulers = []
        for optimizer, spec in zip(optimizers, self.options.get("schedulers", [])):
            if spec is None:
                continue
            spec = dict(spec)
            config, kind = spec.pop("config", {}), getattr(torch.optim.lr_scheduler, spec.pop("class"))
            schedulers.append({"scheduler": kind(optimizer, **spec), **config})
        return optimizers, schedulers

    def train_dataloader(self):
        return loader(ROWS)

    def val_dataloader(self):
        return loader(VAL_ROWS, 1)


class Rows(Logger):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.rows = []

    name = "rows"
    version = 0

    def log_metrics(self, metrics, step=None):
        self.rows.append({"step": step, "metrics": {k: float(v) for k, v in sorted(metrics.items())}})

    def log_hyperparams(self, *args, **kwargs):
        pass


class Messages(logging.Handler):
    """What Lightning says while it is entered, without what it says of itself."""

    OTHERS = ("GPU available", "TPU available", "HPU available", "💡", "`Trainer.fit` stopped", "Restor", "`Trainer(", "You are using")
    # Not of callbacks: the data loader's workers, the logging interval.
    OTHER_WARNINGS = ("The 'train_dataloader'", "The 'val_dataloader'", "The number of training batches", "Starting from v1.9",
                      "`isinstance(treespec", "Detected call of", "Checkpoint directory", "The dirpath has changed", "You're resuming from")

    def __enter__(self):
        self.infos, self.warnings = [], []
        self.caught = warnings.catch_warnings(record=True)
        self.list = self.caught.__enter__()
        warnings.simplefilter("always")
        self.logger = logging.getLogger("lightning.pytorch")
        self.before = self.logger.level
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(self)
        return self

    def emit(self, record):
        text = record.getMessage()
        if record.levelno == logging.INFO and not text.startswith(self.OTHERS):
            self.infos.append(text)

    def __exit__(self, *error):
        self.logger.removeHandler(self)
        self.logger.setLevel(self.before)
        self.warnings = [str(w.message) for w in self.list if not str(w.message).startswith(self.OTHER_WARNINGS)
                         and issubclass(w.category, (UserWarning, RuntimeWarning))]
        self.caught.__exit__(*error)
