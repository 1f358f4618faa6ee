"""Records Lightning's model summaries, for tests/callbacks: python tests/conformance/record_summary.py

Written to golden/summaries/NAME.txt; tests/callbacks/test_model_summary.cpp makes the same models.
"""

import os

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_summary import summarize
from torch import nn

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "summaries")


class Perceptron(LightningModule):
    """A Sequential with layers that have no parameters."""
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, 10))
        self.example_input_array = torch.zeros(10, 256)

    def forward(self, x):
        return self.net(x)


class Convolutional(LightningModule):
    """Layers that `forward` calls one by one, one of them twice, one in eval mode, one frozen, one not called."""
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Flatten())
        self.head = nn.Linear(4 * 30 * 30, 5)
        self.unused = nn.Linear(7, 7)
        self.norm.eval()
        for p in self.grouped.parameters():
            p.requires_grad = False
        self.example_input_array = torch.zeros(2, 3, 32, 32)

    def forward(self, x):
        return self.head(self.up(self.grouped(self.grouped(self.norm(self.conv(x))))))


class Block(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm = nn.LayerNorm(n)
        self.inner = nn.Sequential(nn.Linear(n, 2 * n), nn.GELU(), nn.Linear(2 * n, n))
        self.gate = nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return x + self.gate * self.inner(self.norm(x))


class Nested(LightningModule):
    """Modules in modules, parameters of its own, two inputs, tied weights."""
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = self.embedding.weight
        self.scale = nn.Parameter(torch.ones(3))
        self.example_input_array = (torch.zeros(4, 7, dtype=torch.long), torch.zeros(4, 7, 16))

    def forward(self, tokens, positions):
        return self.head(self.blocks(self.embedding(tokens) + positions))


def plain(model):
    model.example_input_array = None
    return model


class Empty(LightningModule):
    pass


MODELS = {"perceptron": Perceptron, "convolutional": Convolutional, "nested": Nested, "plain": lambda: plain(Nested()), "empty": Empty}

if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    for name, make in MODELS.items():
        for depth in (1, 2, -1):
            with open(os.path.join(OUT, f"{name}_{depth}.txt"), "w") as file:
                file.write(str(summarize(make(), max_depth=depth)) + "\n")
