"""A rank for test_launcher.py and test_launcher_nodes.py: trains a linear model with Gloo so that any number of ranks gives the
same weights, saves every few steps, goes on from what was saved.

    elastic_worker.py FOLDER STEPS PAUSE
"""
import os
import sys
import time

import torch
import torch.distributed as dist

BATCH, SAMPLES, EVERY = 12, 48, 5


def train(folder, steps, pause, rank=0, world=1):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(SAMPLES, 8, generator=generator, dtype=torch.float64)
    y = torch.randn(SAMPLES, generator=generator, dtype=torch.float64)
    weights, first, path = torch.zeros(8, dtype=torch.float64), 0, os.path.join(folder, "last.pt")
    if os.path.exists(path):
        saved = torch.load(path)
        weights, first = saved["weights"], saved["step"]
    for step in range(first, steps):
        batch = [(step * BATCH + i) % SAMPLES for i in range(BATCH)][rank::world]
        gradient = x[batch].T @ (x[batch] @ weights - y[batch])
        if world > 1:
            dist.all_reduce(gradient)
        weights = weights - 0.05 * gradient / BATCH
        time.sleep(pause)
        if (step + 1) % EVERY == 0 and rank == 0:
            torch.save({"weights": weights, "step": step + 1}, path + ".new")
            os.rename(path + ".new", path)
    return weights


if __name__ == "__main__":
    folder, steps, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    with open(os.path.join(folder, "rounds"), "a") as log:
        log.write(f"{os.environ['TORCHELASTIC_RESTART_COUNT']} {rank} {world} {os.getpid()}\n")
    weights = train(folder, steps, pause, rank, world)
    dist.barrier()
    if rank == 0:
        torch.save(weights, os.path.join(folder, "final.pt"))
    dist.destroy_process_group()
