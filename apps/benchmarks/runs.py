"""Whole runs on every side, in turn, and their ratios: the part of scripts/bench that compares."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/bin/bench_run"
PYTHON = ROOT / ".venv-interop/bin/python3"
MODELS = ("tiny", "digits", "resnet18", "gpt")
# The loop by hand runs twice: with as many threads as LibTorch takes by itself, and with one. A tiny model is faster with one, which
# levin chooses for it.
SIDES = {
    "levin": ("levin", {}),
    "loop": ("loop", {}),
    "loop1": ("loop", {"threads": "1"}),
    "python": ("bare", {}),
    "lightning": ("lightning", {}),
}


def memory_folder():
    """A folder in memory, so that no disk takes part."""
    return tempfile.mkdtemp(prefix="levin-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)


def run_once(side, model, options):
    """One run in a process of its own: what it printed, and its peak of memory."""
    name, own = SIDES[side]
    folder = memory_folder()
    arguments = [name, model, f"folder={folder}"] + [f"{k}={v}" for k, v in {**own, **options}.items()]
    python = name in ("bare", "lightning")
    command = ([str(PYTHON), str(ROOT / "apps/benchmarks/bench_run.py")] if python else [str(PROGRAM)]) + arguments
    environment = {**os.environ, "LEVIN_BENCH_START": repr(time.clock_gettime(time.CLOCK_MONOTONIC))}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors)
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        shutil.rmtree(folder, ignore_errors=True)
        if status != 0:
            errors.seek(0)
            sys.exit(f"bench: {' '.join(command)} failed:\n{errors.read().decode()}")
    result = json.loads(output.strip().splitlines()[-1])
    result["peak_mb"] = usage.ru_maxrss / 1024
    return result


def compare(model, sides, rounds, options):
    """`rounds` runs of each side, in turn, the order turned round each time. {side: [result]}"""
    results = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else list(reversed(sides)):
            results[side].append(run_once(side, model, options))
    return results


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def summary(results, key):
    """Per side the spread of `key`, and of how many times levin's it is, run by run of one round; the ratios of medians and minima."""
    ours = [r[key] for r in results["levin"]]
    table = {}
    for side, runs in results.items():
        values = [r[key] for r in runs]
        table[side] = {**spread(values), "ratio": spread([v / o for v, o in zip(values, ours)]),
                       "of_medians": statistics.median(values) / statistics.median(ours), "of_minima": min(values) / min(ours)}
    return table


def print_table(title, table, unit, scale=1.0):
    print(f"\n{title}\n{'':16}{'minimum':>11}{'median':>11}{'maximum':>11} {unit:<8}{'of minima':>11}{'of medians':>11}   ratio by round")
    for side, row in table.items():
        ratio = row["ratio"]
        print(f"{side:16}{row['min'] * scale:11.3f}{row['median'] * scale:11.3f}{row['max'] * scale:11.3f} {'':<8}{row['of_minima']:10.3f}x"
              f"{row['of_medians']:10.3f}x   {ratio['min']:.3f} to {ratio['max']:.3f}")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "")
    return {"cpu": model, "cores": os.cpu_count(), "amx": "amx_tile" in flags, "avx512": "avx512f" in flags, "date": time.strftime("%Y-%m-%d")}


def run_models(models, sides, rounds, options):
    """Runs and prints; returns what goes into the JSON."""
    out = {}
    for model in models:
        results = compare(model, sides, rounds, options)
        table = summary(results, "us_per_step")
        print_table(f"{model}, {rounds} rounds: a step of the run, all in all", table, "us")
        memory = summary(results, "peak_mb")
        print_table(f"{model}: peak memory", memory, "MB")
        out[model] = {"us_per_step": table, "peak_mb": memory, "runs": results}
    return out


def run_start(sides, rounds):
    """From the start of the process to the end of its first step."""
    results = compare("tiny", sides, rounds, {"first_step_only": "1"})
    table = summary(results, "to_first_step")
    print_table(f"start, {rounds} rounds: from the start of the process to the end of its first step", table, "s")
    return {"to_first_step": table, "runs": results}
