"""Python's DDP and ours, each with two ranks, see the same losses; and torchrun starts our program."""
import math
import os
import pathlib
import subprocess
import sys
import tempfile

BINARIES = pathlib.Path(os.environ["LEVIN_BINARY_DIR"]) / "bin"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def python_rank(folder, optimizer_name, epochs):
    """What ddp_program's module is, in Python."""
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

    dist.init_process_group("gloo")
    numbers = torch.arange(64 * 8, dtype=torch.float32).mul(0.37).sin().reshape(64, 8)
    data = TensorDataset(numbers, numbers[:, :4].mul(2).cos())
    module = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))
    with torch.no_grad():
        for shift, parameter in enumerate(module.parameters()):
            values = torch.arange(parameter.numel(), dtype=torch.float32).add(shift).mul(0.73).sin().mul(0.3)
            parameter.copy_(values.reshape(parameter.shape))
    module = DistributedDataParallel(module)
    if optimizer_name == "adamw":
        optimizer = torch.optim.AdamW(module.parameters(), lr=0.01)
    else:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(data, batch_size=4, sampler=DistributedSampler(data, shuffle=False))
    losses = []
    for _ in range(epochs):
        for x, y in loader:
            loss = torch.nn.functional.mse_loss(module(x), y)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    pathlib.Path(folder, f"python.{dist.get_rank()}").write_text("\n".join(f"{loss:.9g}" for loss in losses))
    dist.barrier()


def run(command):
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"


def losses(path):
    return [float(line) for line in path.read_text().split()]


def check(optimizer):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        run(TORCHRUN + [__file__, "rank", name, optimizer, "3"])
        words = ["train", "batch=4", "epochs=3", "sequential=1", "strategy=ddp", f"optimizer={optimizer}", f"folder={name}"]
        run([BINARIES / "ddp_program", *words, "devices=2"])
        for rank in (0, 1):
            theirs, ours = losses(folder / f"python.{rank}"), losses(folder / f"losses.{rank}")
            assert len(theirs) == len(ours) == 24, (len(theirs), len(ours))
            apart = max(abs(a - b) for a, b in zip(theirs, ours))
            assert apart < 1e-5 and not any(math.isnan(a) for a in ours), f"{optimizer}, rank {rank}: {apart}"
        by_hand = losses(folder / "weights.0")
        # Started by torchrun: the same run.
        run(TORCHRUN + ["--no-python", BINARIES / "ddp_program", *words])
        assert losses(folder / "weights.0") == by_hand
        assert losses(folder / "weights.1") == by_hand


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "rank":
        return python_rank(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    for optimizer in ("sgd", "adamw"):
        check(optimizer)
    print("the same losses as Python's DDP, and torchrun starts us")


if __name__ == "__main__":
    main()
