"""Writes the tables that Lightning prints, without rich, for the inputs of tests/base/test_table.cpp.

Usage: make_samples.py   (needs lightning)
"""
import contextlib
import io
import os
import pathlib

import lightning.pytorch.loops.evaluation_loop as evaluation
from lightning.pytorch.utilities.model_summary.model_summary import (
    _format_summary_table, get_formatted_model_size, get_human_readable_count as count)

here = pathlib.Path(__file__).parent
evaluation._RICH_AVAILABLE = False


def summary(name, rows, other, sizes, total, trainable, size, modes, flops):
    rows = [(str(i), n, t, count(p), m, count(f), *s) for i, (n, t, p, m, f, *s) in enumerate(rows)]
    if other:
        rows.append((" ", "other params", "n/a", count(other)) + ("n/a",) * (4 if sizes else 2))
    headers = [" ", "Name", "Type", "Params", "Mode", "FLOPs"] + ["In sizes", "Out sizes"] * sizes
    headers = headers[:8]
    columns = [(h, [r[i] for r in rows]) for i, h in enumerate(headers)]
    text = _format_summary_table(total, trainable, size, {"train": modes[0], "eval": modes[1]}, flops, *columns)
    (here / name).write_text(text)


def results(name, stage, loaders, width):
    os.environ["COLUMNS"] = str(width)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        evaluation._EvaluationLoop._print_results(loaders, stage)
    (here / name).write_text(out.getvalue())


summary("summary_plain.txt",
        [("embedding", "Embedding", 1_234, "train", 0), ("head", "Linear", 2_000_000, "eval", 4_000_000)],
        0, False, 2_001_234, 1_234, 8.004936, (1, 1), 4_000_000)
summary("summary_sizes.txt",
        [("net", "Sequential", 12, "train", 345, "[32, 64]", "[32, 10]"),
         ("net.0", "Linear", 0, "train", 0, "?", "?")],
        7, True, 19, 19, 1234.5, (12, 0), 345)
summary("summary_empty.txt", [], 0, False, 0, 0, 0.0, (0, 0), 0)

one = [{"test_loss": 0.25, "test_acc": 1.0}]
two = [{"loss/dataloader_idx_0": 0.1, "only_first/dataloader_idx_0": 1e-7},
       {"loss/dataloader_idx_1": 0.2}]
many = [{f"acc/dataloader_idx_{i}": i / 8} for i in range(11)]
long = [{"a_metric_with_quite_a_long_name_that_does_not_fit": 2.5, "b": float("nan")}]
for width in (40, 80, 121):
    results(f"results_one_{width}.txt", "test", one, width)
    results(f"results_two_{width}.txt", "validate", two, width)
    results(f"results_many_{width}.txt", "test", many, width)
    results(f"results_long_{width}.txt", "test", long, width)

numbers = [0, 1, 9, 99, 100, 999, 1000, 1049, 1050, 1234, 9999, 99949, 99950, 99999, 100000, 999499, 999500,
           999999, 1000000, 1250000, 2000000, 99_950_000, 999_999_999, 10**9, 3 * 10**9, 10**12 - 1, 10**12,
           4 * 10**14, 5 * 10**15, 9 * 10**18]
(here / "counts.tsv").write_text("".join(f"{n}\t{count(n)}\n" for n in numbers))
