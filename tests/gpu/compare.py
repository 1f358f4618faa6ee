#!/usr/bin/env python3
"""compare.py steps|gpt|stats FOLDER: the programs of FOLDER beside Python's Lightning, on one GPU, in one run.

Prints what was measured with its bar, and ends non-zero where one is missed. Python with torch and lightning: $LEVIN_PYTHON, else the
checkout's .venv-interop.
"""
import json
import os
import statistics
import subprocess
import sys
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.environ.get("LEVIN_PYTHON") or os.path.join(HERE, "..", "..", ".venv-interop", "bin", "python3")
# Dense bf16 FLOP/s of a device, for the share of them that is used.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
# GPT-2's batch whose ratio has a bar, see docs/devices.md.
JUDGED_BATCH = 4


def fail(text):
    sys.exit(f"compare.py: {text}")


def ours(folder, program, *arguments):
    done = subprocess.run([os.path.join(folder, program), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        fail(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{program} ended with {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Bars:
    def __init__(self):
        self.missed = []

    def check(self, what, value, bar):
        met = value >= bar
        print(f"{what}: {value:.2f} (bar {bar}){'' if met else '  MISSED'}")
        if not met:
            self.missed.append(what)

    def same(self, what, same):
        print(f"{what}: {'equal' if same else 'NOT EQUAL'}")
        if not same:
            self.missed.append(what)

    def end(self):
        if self.missed:
            fail("missed: " + ", ".join(self.missed))


# ---- Python's side ---------------------------------------------------------------------------------------------------------------


def lightning(module, batches, steps, skipped, **options):
    """Seconds per step of Lightning's Trainer after the first `skipped`."""
    import torch
    from lightning.pytorch import Callback, Trainer
    from torch.utils.data import DataLoader

    class Clock(Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step in (skipped, steps):
                torch.cuda.synchronize()
                setattr(self, "begin" if trainer.global_step == skipped else "end", time.perf_counter())

    clock = Clock()
    trainer = Trainer(accelerator="gpu", devices=1, max_steps=steps, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                      enable_model_summary=False, callbacks=[clock], **options)
    trainer.fit(module, DataLoader(batches, batch_size=None))  # a plain list would be one of loaders
    return (clock.end - clock.begin) / (steps - skipped)


def small_model(name):
    import torch
    from lightning.pytorch import LightningModule
    from torch import nn

    class Small(LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)) if name == "mlp" else nn.Sequential(
                nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
                nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 10))

        def training_step(self, batch, _):
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    return Small()


def gpt_model():
    import torch
    from lightning.pytorch import LightningModule
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(768), nn.LayerNorm(768)
            self.c_attn, self.c_proj = nn.Linear(768, 3 * 768), nn.Linear(768, 768)
            self.c_fc, self.mlp_proj = nn.Linear(768, 4 * 768), nn.Linear(4 * 768, 768)

        def forward(self, x):
            n, t, width = x.shape
            q, k, v = self.c_attn(self.ln_1(x)).view(n, t, 3, 12, 64).permute(2, 0, 3, 1, 4).unbind(0)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.c_proj(y.transpose(1, 2).reshape(n, t, width))
            return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))

    class Gpt(LightningModule):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe, self.ln_f = nn.Embedding(50304, 768), nn.Embedding(1024, 768), nn.LayerNorm(768)
            self.blocks = nn.Sequential(*[Block() for _ in range(12)])
            for parameter in self.parameters():
                if parameter.dim() >= 2:
                    nn.init.normal_(parameter, 0.0, 0.02)

        def forward(self, tokens):
            x = self.wte(tokens) + self.wpe(torch.arange(tokens.size(1), device=tokens.device))
            return F.linear(self.ln_f(self.blocks(x)), self.wte.weight)

        def training_step(self, batch, _):
            scores = self(batch[0])
            loss = F.cross_entropy(scores.view(-1, scores.size(-1)), batch[1].reshape(-1))
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self):
            matrices = [p for p in self.parameters() if p.dim() >= 2]
            others = [p for p in self.parameters() if p.dim() < 2]
            return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=6e-4,
                                     betas=(0.9, 0.95), fused=True)

    return Gpt()


# ---- What is measured ------------------------------------------------------------------------------------------------------------


def measure_steps(folder):
    import torch
    bars = Bars()
    torch.manual_seed(1)
    batches = [[torch.rand(32, 64), torch.randint(10, (32,))] for _ in range(64)]
    for model, bar in (("mlp", 20), ("cnn", 10)):
        graphs, eagers, theirs = [], [], []
        for _ in range(3):
            graphs.append(ours(folder, "gpu_steps", model, "graph", 5000))
            eagers.append(ours(folder, "gpu_steps", model, "eager", 5000))
            theirs.append(1e6 * lightning(small_model(model), batches, 1000, 100))
        graph, eager = (statistics.median(run["us_per_step"] for run in runs) for runs in (graphs, eagers))
        python = statistics.median(theirs)
        print(f"{model}: graph {graph:.1f} us, eager {eager:.1f} us, Lightning eager {python:.1f} us a step")
        bars.check(f"{model}: Lightning's time over ours with graphs", python / graph, bar)
        bars.same(f"{model}: losses of 5000 recorded steps and of steps that are run", graphs[0]["losses"] == eagers[0]["losses"])
    bars.end()


def measure_gpt(folder):
    bars = Bars()
    for batch in (1, 4, 16):
        measure_gpt_batch(folder, batch, bars if batch == JUDGED_BATCH else None)
    bars.end()


def measure_gpt_batch(folder, batch, bars):
    import torch
    steps, skipped = 60, 10
    tokens = torch.randint(50257, (4, batch, 1025))
    batches = [[t[:, :-1].contiguous(), t[:, 1:].contiguous()] for t in tokens]
    graph, run = (ours(folder, "gpu_gpt", batch, steps, *mode) for mode in ((), ("eager",)))
    eager = batch * 1024 / lightning(gpt_model(), batches, steps, skipped, precision="bf16-mixed")
    print(f"GPT-2, {batch} x 1024, tokens/s: ours with graphs {graph['tokens_per_s']:.0f}, ours run {run['tokens_per_s']:.0f}, "
          f"Lightning eager {eager:.0f}, ratio {graph['tokens_per_s'] / eager:.2f}")
    # Forward and backward: 6 FLOPs per parameter and token, and 12 * layers * width * length for the attention.
    per_token = 6 * graph["parameters"] + 12 * 12 * 768 * 1024
    peak = next((p for name, p in PEAKS.items() if name in graph["device"]), None)
    share = f"{graph['tokens_per_s'] * per_token / peak:.1%}" if peak else f"the peak of {graph['device']} is not known"
    print(f"MFU, ours with graphs: {share}")
    if not bars:
        return
    bars.check(f"GPT-2, {batch} x 1024: tokens/s over Lightning's eager", graph["tokens_per_s"] / eager, 1.1)
    try:
        compiled = batch * 1024 / lightning(torch.compile(gpt_model()), batches, steps, skipped + 10, precision="bf16-mixed")
        print(f"torch.compile: {compiled:.0f} tokens/s, ours over it {graph['tokens_per_s'] / compiled:.2f} (no bar)")
    except Exception as error:  # it needs a C compiler and Python's headers
        print(f"torch.compile: not measured: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}")


def measure_stats(folder):
    import torch
    bars = Bars()
    torch.zeros(1, device="cuda")
    names = ours(folder, "gpu_steps", "mlp", "eager", 101, "stats")["stats"]
    bars.same("names of the memory statistics, against torch.cuda.memory_stats", names == list(torch.cuda.memory_stats()))
    bars.end()


if __name__ == "__main__":
    what, folder = sys.argv[1:3]
    if os.path.exists(PYTHON) and os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(PYTHON))) and \
            "LEVIN_COMPARE" not in os.environ:
        os.environ["LEVIN_COMPARE"] = "1"
        os.execv(PYTHON, [PYTHON, os.path.abspath(__file__), what, folder])
    try:
        import torch
        if what != "stats":
            import lightning  # noqa: F401
    except ImportError as error:
        fail(f"{error}; scripts/setup --interop installs it, or LEVIN_PYTHON names a Python that has it")
    if not torch.cuda.is_available():
        fail("this needs an NVIDIA GPU, and torch finds none")
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(line_buffering=True)  # what was measured is seen, however it ends
    {"steps": measure_steps, "gpt": measure_gpt, "stats": measure_stats}[what](folder)
