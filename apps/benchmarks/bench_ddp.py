#!/usr/bin/env python3
"""Time per step of levin's DDP against Python's, with Gloo and the same numbers, in turns.

    .venv-interop/bin/python3 apps/benchmarks/bench_ddp.py [--model wide|tiny] [--steps N] [--rounds N] [--program build/bin/bench_ddp]

Prints the median over the rounds of each side's median step, and their quotient. `--overlap` compares instead levin with buckets of
25 MB, which travel while backward goes on, with levin with one bucket for all, which travels after it.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

SHAPES = {"tiny": (64, 64, 1, 10, 32), "wide": (2048, 2048, 5, 2048, 16)}


def python_rank(model, steps):
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo")
    size_in, hidden, count, out, batch = SHAPES[model]
    layers, size = [], size_in
    for i in range(count + 1):
        layers.append(torch.nn.Linear(size, hidden if i < count else out))
        if i < count:
            layers.append(torch.nn.ReLU())
        size = hidden
    module = DistributedDataParallel(torch.nn.Sequential(*layers))
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, fused=True)
    batches = [(torch.randn(batch, size_in), torch.randn(batch, out)) for _ in range(min(steps, 64))]
    times, last = [], None
    for step in range(steps):
        x, y = batches[step % len(batches)]
        loss = torch.nn.functional.mse_loss(module(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        now = time.perf_counter()
        if last is not None and step > min(steps // 3, 50):
            times.append((now - last) * 1000)
        last = now
    if dist.get_rank() == 0:
        print(f"{statistics.median(times):.4f}", flush=True)
    dist.barrier()


def output_of(command, **environment):
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return float(done.stdout.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SHAPES, default="wide")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", default="build/bin/bench_ddp")
    parser.add_argument("--overlap", action="store_true")
    parser.add_argument("--python-rank", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    steps = args.steps or (30 if args.model == "wide" else 2000)
    if args.python_rank:
        return python_rank(args.model, steps)

    def levin(cap=25):
        return output_of([args.program, f"model={args.model}", f"steps={steps}", f"bucket_cap_mb={cap}"])

    def python():
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return output_of(torchrun + [os.path.abspath(__file__), "--python-rank", "--model", args.model, "--steps", str(steps)])

    first, second = ("overlap", levin), ("without", lambda: levin(10000))
    if not args.overlap:
        first, second = ("levin", levin), ("python", python)
    times = {first[0]: [], second[0]: []}
    for number in range(args.rounds):
        for name, run in (first, second) if number % 2 == 0 else (second, first):
            times[name].append(run())
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:8} {value:9.3f} ms per step   {' '.join(f'{v:.3f}' for v in times[name])}")
    print(f"{first[0]} / {second[0]}: {medians[first[0]] / medians[second[0]]:.3f}")


if __name__ == "__main__":
    main()
