"""What Python saves, levin reads and writes, and Python reads again: nothing is lost on the way."""

import os
import subprocess
import tempfile
from collections import OrderedDict
from pathlib import Path

import lightning as L
import torch

REWRITE = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin" / "rewrite"


class Classifier(L.LightningModule):
    def __init__(self, hidden=8):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(4, hidden), torch.nn.BatchNorm1d(hidden))
        self.head = torch.nn.Linear(hidden, 3)

    def training_step(self, batch, batch_idx):
        loss = torch.nn.functional.cross_entropy(self.head(self.encoder(batch[0])), batch[1])
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]

    def train_dataloader(self):
        inputs = torch.randn(32, 4, generator=torch.Generator().manual_seed(1))
        return torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(inputs, inputs.argmax(1).clamp(max=2)), batch_size=8
        )


def trainer(folder, epochs):
    return L.Trainer(
        max_epochs=epochs,
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def check_same(left, right, where="checkpoint"):
    assert type(left) is type(right), f"{where}: {type(left)} became {type(right)}"
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype and left.stride() == right.stride(), where
        assert left.requires_grad == right.requires_grad and torch.equal(left, right), where
    elif isinstance(left, dict):
        assert list(left) == list(right), f"{where}: keys {list(left)} became {list(right)}"
        for key in left:
            check_same(left[key], right[key], f"{where}[{key!r}]")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), where
        for index, pair in enumerate(zip(left, right)):
            check_same(*pair, f"{where}[{index}]")
    else:
        assert left == right, f"{where}: {left!r} became {right!r}"


def rewrite(path):
    copy = path.with_suffix(".rewritten.ckpt")
    subprocess.run([REWRITE, path, copy], check=True)
    return copy


def test_every_kind_of_value(folder):
    base = torch.arange(24.0).reshape(4, 6)
    dtypes = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
              torch.float32, torch.float64, torch.complex64, torch.complex128, torch.bool]
    value = {
        "scalars": [None, True, False, 0, -1, 2**40, -(2**70), 0.1, float("inf"), "", "ü\n", (1, (2,)), []],
        "dtypes": {str(dtype): torch.ones(3).to(dtype) for dtype in dtypes},
        "views": [base, base.t(), base[1:, 2], base[0, 0]],
        "empty": torch.empty(0, 5),
        "ordered": OrderedDict(b=1, a=torch.nn.Parameter(torch.zeros(2))),
        7: "an integer key",
    }
    path = folder / "values.ckpt"
    torch.save(value, path)
    back = torch.load(rewrite(path), weights_only=True)
    check_same(value, back)
    whole, transposed = back["views"][:2]
    assert whole.untyped_storage().data_ptr() == transposed.untyped_storage().data_ptr(), "views came apart"


def test_lightning_goes_on_from_a_rewritten_checkpoint(folder):
    L.seed_everything(3)
    first = trainer(folder, epochs=1)
    first.fit(Classifier())
    path = folder / "lightning.ckpt"
    first.save_checkpoint(path)
    copy = rewrite(path)
    check_same(torch.load(path, weights_only=False), torch.load(copy, weights_only=False))

    weights = []
    for checkpoint in (path, copy):
        model = Classifier()
        second = trainer(folder, epochs=2)
        second.fit(model, ckpt_path=checkpoint, weights_only=False)
        assert second.global_step == 8
        weights.append(model.state_dict())
    check_same(*weights, "weights after resuming")


with tempfile.TemporaryDirectory() as name:
    for test in (test_every_kind_of_value, test_lightning_goes_on_from_a_rewritten_checkpoint):
        test(Path(name))
        print(f"ok: {test.__name__}")
