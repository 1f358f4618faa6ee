"""One run of a model in Python, bare or with Lightning: what scripts/bench compares with levin's. The models of workload.cpp.

    python3 bench_run.py bare|lightning tiny|digits|resnet18|gpt [folder=FOLDER] [epochs=N] [threads=N] [precision=P] [first_step_only=1]

Prints one line of JSON, as bench_run does.
"""
import json
import os
import sys
import time
import warnings

import torch
import torch.nn.functional as F
from torch import nn

OPTIONS = dict((arg.split("=", 1) + ["1"])[:2] for arg in sys.argv[3:])


def since_start():
    return time.clock_gettime(time.CLOCK_MONOTONIC) - float(os.environ.get("LEVIN_BENCH_START", "nan"))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(10, 32), nn.Linear(32, 1)

    def loss(self, x, y):
        return F.mse_loss(self.head(F.relu(self.hidden(x))), y)


class Scores(nn.Module):
    def loss(self, x, y):
        scores = self(x)
        return F.cross_entropy(scores.view(-1, scores.size(-1)), y.reshape(-1))


class ConvClassifier(Scores):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Linear(32 * 16, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class BasicBlock(nn.Module):
    def __init__(self, size_in, size_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(size_in, size_out, 3, stride, 1, bias=False), nn.BatchNorm2d(size_out)
        self.conv2, self.bn2 = nn.Conv2d(size_out, size_out, 3, 1, 1, bias=False), nn.BatchNorm2d(size_out)
        self.downsample = None
        if stride != 1 or size_in != size_out:
            self.downsample = nn.Sequential(nn.Conv2d(size_in, size_out, 1, stride, bias=False), nn.BatchNorm2d(size_out))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu_()))
        return (y + (self.downsample(x) if self.downsample is not None else x)).relu_()


class ResNet18(Scores):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64)
        blocks, size = [], 64
        for stage in range(4):
            for i in range(2):
                blocks.append(BasicBlock(size, 64 << stage, 2 if i == 0 and stage > 0 else 1))
                size = 64 << stage
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(512, 10)

    def forward(self, x):
        x = self.blocks(self.bn1(self.conv1(x)).relu_())
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.attn_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_proj(y.transpose(1, 2).reshape(n, t, width))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(Scores):
    def __init__(self, vocab=256, block=128, layers=6, heads=6, width=384):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, width), nn.Embedding(block, width)
        nn.init.normal_(self.wte.weight, 0.0, 0.02)
        nn.init.normal_(self.wpe.weight, 0.0, 0.02)
        self.h = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.size(1)))
        return F.linear(self.ln_f(self.h(x)), self.wte.weight)


def digits():
    with open("data/digits.csv") as file:
        rows = [[float(cell) for cell in line.split(",")] for line in file.readlines()[1:]]
    data = torch.tensor(rows)
    return data[:, :-1].view(-1, 1, 8, 8) / 16, data[:, -1].long()


def workload(name):
    """net, x, y, rows for training, batch size, epochs, lr, weight decay, log_every_n_steps"""
    torch.manual_seed(1)
    if name == "tiny":
        x = torch.randn(1100, 10)
        return Mlp(), x, x.sum(1, keepdim=True), 1000, 10, 50, 1e-3, 0.0, 50
    if name == "digits":
        return (ConvClassifier(), *digits(), 1408, 64, 15, 3e-3, 1e-2, 10)
    if name == "resnet18":
        return ResNet18(), torch.randn(144, 3, 32, 32), torch.randint(10, (144,)), 128, 16, 1, 1e-3, 5e-2, 1
    if name == "gpt":
        return GPT(), torch.randint(256, (72, 128)), torch.randint(256, (72, 128)), 64, 8, 1, 1e-3, 0.1, 1
    sys.exit(f"no model {name!r}; there are tiny, digits, resnet18 and gpt")


def make_optimizer(net, lr, weight_decay):
    if weight_decay > 0:
        return torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay)
    return torch.optim.Adam(net.parameters(), lr=lr)


def loaders(x, y, rows, batch_size):
    data = torch.utils.data
    return (data.DataLoader(data.TensorDataset(x[:rows], y[:rows]), batch_size=batch_size, shuffle=True),
            data.DataLoader(data.TensorDataset(x[rows:], y[rows:]), batch_size=batch_size))


def bare(net, x, y, rows, batch_size, epochs, lr, weight_decay, _log_every):
    optimizer = make_optimizer(net, lr, weight_decay)
    train, val = loaders(x, y, rows, batch_size)
    first, val_loss = None, 0.0
    begin = time.perf_counter()
    for _ in range(epochs):
        for batch_x, batch_y in train:
            loss = net.loss(batch_x, batch_y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            first = first or since_start()
            if "first_step_only" in OPTIONS:
                return time.perf_counter() - begin, first, 0.0
        net.eval()
        with torch.no_grad():
            val_loss = sum(net.loss(*batch).item() * len(batch[0]) for batch in val) / (len(x) - rows)
        net.train()
    return time.perf_counter() - begin, first, val_loss


def with_lightning(net, x, y, rows, batch_size, epochs, lr, weight_decay, log_every):
    import logging

    import lightning
    from lightning.pytorch import callbacks, loggers as lightning_loggers

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")

    class Lit(lightning.LightningModule):
        first = None

        def __init__(self):
            super().__init__()
            self.net = net

        def training_step(self, batch, batch_idx):
            loss = self.net.loss(*batch)
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.net.loss(*batch))

        def on_train_batch_end(self, outputs, batch, batch_idx):
            self.first = self.first or since_start()

        def configure_optimizers(self):
            return make_optimizer(self, lr, weight_decay)

    folder = OPTIONS.get("folder", "/dev/shm/lightning-bench")
    train, val = loaders(x, y, rows, batch_size)
    limits = {"max_steps": 1} if "first_step_only" in OPTIONS else {}
    if "precision" in OPTIONS:
        limits["precision"] = OPTIONS["precision"]
    module = Lit()
    begin = time.perf_counter()
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=epochs, num_sanity_val_steps=0, log_every_n_steps=log_every, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, logger=lightning_loggers.CSVLogger(folder),
        callbacks=[callbacks.ModelCheckpoint(monitor="val_loss", save_last=True, save_top_k=3)], **limits)
    trainer.fit(module, train, val)
    seconds = time.perf_counter() - begin
    return seconds, module.first, float(trainer.callback_metrics.get("val_loss", 0.0))


def main():
    if "threads" in OPTIONS:
        torch.set_num_threads(int(OPTIONS["threads"]))
    net, x, y, rows, batch_size, epochs, *rest = workload(sys.argv[2])
    epochs = int(OPTIONS.get("epochs", epochs))
    run = bare if sys.argv[1] == "bare" else with_lightning
    seconds, first, val_loss = run(net, x, y, rows, batch_size, epochs, *rest)
    steps = rows // batch_size * epochs
    print(json.dumps({"seconds": seconds, "us_per_step": seconds / steps * 1e6, "to_first_step": first, "val_loss": val_loss}))


if __name__ == "__main__":
    main()
