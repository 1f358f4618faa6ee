"""Writes flush1.csv ... flush4.csv, what Lightning's CSVLogger leaves after each of four flushes.

Usage: make_samples.py   (needs lightning; the rows are those of tests/base/test_csv_metrics.cpp)
"""
import pathlib
import shutil
import tempfile

from lightning.fabric.loggers.csv_logs import _ExperimentWriter

ROWS = [
    [({"epoch": 0, "train_loss": 0.5}, 49), ({"epoch": 0, "train_loss": 1 / 3}, 99)],
    [({"epoch": 0, "val_loss": 0.1, "lr-SGD": 1e-3}, 99),
     ({"epoch": 1, "a,b": float("nan"), 'q"x': float("inf"), "zebra\n": -float("inf")}, 100)],
    [({"train_loss": 1e-7, "zebra\n": 1e22, "epoch": 2}, 150),
     ({"train_loss": 1e16, "zebra\n": -0.0, "epoch": 2, "val_loss": 123456789.125}, 151),
     ({}, 152)],
    [({"métrique": 1.5, "Zoo": 2.0, "epoch": 2.0}, 153)],
]

here = pathlib.Path(__file__).parent
with tempfile.TemporaryDirectory() as folder:
    writer = _ExperimentWriter(folder)
    for number, rows in enumerate(ROWS, start=1):
        for metrics, step in rows:
            writer.log_metrics(metrics, step)
        writer.save()
        shutil.copy(pathlib.Path(folder) / "metrics.csv", here / f"flush{number}.csv")
