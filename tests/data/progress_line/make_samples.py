"""Writes lines.tsv and numbers.tsv: what tqdm and Lightning's Tqdm print.

Usage: make_samples.py   (needs lightning and tqdm)
lines.tsv: format, description, done, total or -, elapsed, postfix "k=v;k=v", columns, line.
"""
import pathlib

from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm, TQDMProgressBar

here = pathlib.Path(__file__).parent
STATES = [
    ("Epoch 3", 64, 64, 1.25, "v_num=0;train_loss=0.500"),
    ("Epoch 0", 0, 64, 0.0, ""),
    ("Epoch 0", 0, 64, 2.5, "v_num=0"),
    ("Epoch 12", 1, 3, 0.05, "v_num=17;train_loss=2.310;val_acc=0.912"),
    ("Epoch 1", 33, 64, 4000.0, "v_num=0"),
    ("Epoch 1", 7, 100000, 360000.5, ""),
    ("Epoch 1", 999, 100000, 0.0123, "loss=1e-7"),
    ("Validation DataLoader 0", 5, 9, 0.7, ""),
    ("Sanity Checking DataLoader 0", 1, 2, 0.004, ""),
    ("Testing", 12, None, 0.352941, ""),
    ("Testing", 12, None, 100.0, "a=b"),
    ("Training", 0, None, 0.0, ""),
    ("", 3, 8, 1.5, ""),
    ("", 3, None, 1.5, ""),
    ("done: ", 3, 8, 1.5, ""),
    ("Epoch 0", 70, 64, 3.0, "v_num=0"),
    ("Epoch 0", 0, 0, 3.0, ""),
    ("Epoch 0", 5, 0, 3.0, ""),
    ("Epoch 0", 1, 7, 59.999, ""),
    ("Epoch 0", 2, 7, 60.0, ""),
    ("Epoch 0", 3, 7, 3599.9, ""),
    ("Epoch 0", 4, 7, 3600.0, ""),
    ("Epoche 損失", 5, 7, 1.0, "精度=0.500"),
    ("Epoch 0", 123456789, 10**12, 1.0, "version=run 7"),
    ("Epoch 0", 1, 10**12, 86400.0, ""),
] + [("Epoch 5", n, 23, n / 7, "v_num=0") for n in range(1, 23)]

rows = []
for desc, done, total, elapsed, postfix in STATES:
    for name, bar_format in (("lightning", TQDMProgressBar.BAR_FORMAT), ("tqdm", None)):
        for columns in (20, 40, 80, 200, None):
            line = Tqdm.format_meter(done, total, elapsed, ncols=columns, prefix=desc,
                                     bar_format=bar_format, postfix=postfix.replace(";", ", "))
            cells = [name, desc, done, "-" if total is None else total, elapsed, postfix, columns or 0, line]
            rows.append("\t".join(map(str, cells)) + "\n")
(here / "lines.tsv").write_text("".join(rows))

numbers = [0.0, -0.0, 0.5, 1.23, 2.0, 10.0, 12.3456, 99.99, 100.0, 123.456, 999.9, 1000.0, 1234.5, 12345.0,
           123456.0, 300000.0, 1e16, 1e22, 1e100, 1e-3, 1.5e-4, 1e-5, 1.23456e-5, 1e-10, 1e-300, 1 / 3, 2 / 3,
           -0.5, -1.0, -1234.5, -1e-7, -12.3456, 0.1, 0.12, 0.123, 0.1234, 0.12345, float("nan"), float("inf"),
           -float("inf"), 9.995, 0.9995, 0.09995, 2.310000002384186]
(here / "numbers.tsv").write_text("".join(f"{n!r}\t{Tqdm.format_num(n)}\n" for n in numbers))
