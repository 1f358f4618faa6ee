"""Writes samples.ckpt and samples.txt: tensors, and how torch prints and counts them. Needs torch.

samples.txt has for each tensor: a line "= name min max mean std nans infs zeros", then str(tensor).
"""
import pathlib

import torch

here = pathlib.Path(__file__).parent
torch.manual_seed(3)
r = torch.randn
SAMPLES = {
    "scalar": torch.tensor(9.694544792175293), "scalar_int": torch.tensor(7), "scalar_bool": torch.tensor(True),
    "whole": torch.arange(5.0), "whole_wide": torch.arange(-100.0, 300.0, 7.0), "mixed": torch.tensor([1.0, 2.5, -3.25]),
    "tiny": torch.tensor([1e-5, 1.0]), "ratio": torch.tensor([0.001, 5.0, -20000.0]), "large": torch.tensor([1e9, 2e9]),
    "nonfinite": torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0, 0.0]), "only_nan": torch.tensor([float("nan")]),
    "nonfinite_fraction": torch.tensor([float("nan"), -float("inf"), 0.5]), "zeros": torch.zeros(3), "minus_zero": torch.tensor([-0.0, 1.0]),
    "empty": torch.zeros(0), "empty_matrix": torch.zeros(2, 0, 3), "empty_int": torch.zeros(0, dtype=torch.int64),
    "empty_shape_half": torch.zeros(0, 4, dtype=torch.float16),
    "matrix": r(8, 10), "long": r(1001), "exact": r(1000), "big": r(40, 50), "cube": r(3, 4, 5), "deep": r(2, 2, 2, 2, 2),
    "big_deep": r(9, 3, 8, 20), "narrow": r(2000, 2), "turned": r(4, 3).t(), "slice": r(10, 10)[2:7:2, 1:3], "expanded": r(1, 3).expand(4, 3),
    "half": r(3, 3).half(), "bfloat16": r(12).bfloat16(), "double": r(20).double() * 1e-3, "double_long": torch.full((1,), 1 / 3, dtype=torch.float64),
    "e4m3": r(6).to(torch.float8_e4m3fn), "e5m2": r(6).to(torch.float8_e5m2), "e4m3fnuz": r(6).to(torch.float8_e4m3fnuz),
    "e5m2fnuz": r(6).to(torch.float8_e5m2fnuz),
    "all_e4m3": torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn), "all_e5m2": torch.arange(256, dtype=torch.uint8).view(torch.float8_e5m2),
    "all_e4m3fnuz": torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fnuz),
    "all_e5m2fnuz": torch.arange(256, dtype=torch.uint8).view(torch.float8_e5m2fnuz),
    "uint8": torch.arange(40, dtype=torch.uint8), "int16": torch.tensor([-5, 300], dtype=torch.int16), "uint16": torch.tensor([65535, 1], dtype=torch.uint16),
    "int64": torch.tensor([[-2**63, 2**63 - 1], [0, 1]]), "int32_long": torch.arange(1200, dtype=torch.int32),
    "uint64": torch.tensor([2**64 - 1, 1], dtype=torch.uint64), "bools": torch.arange(30) % 3 == 0,
    "complex": torch.complex(r(5), r(5)), "complex_whole": torch.complex(torch.arange(3.0), -torch.arange(3.0)),
    "complex_double": torch.complex(r(2, 2).double(), r(2, 2).double() * 1e-6),
}


def shortest(x, dtype):
    if dtype.is_floating_point and dtype != torch.float64:
        import numpy
        return repr(float(str(numpy.float32(x))))
    return str(x)


def counts(t):
    if t.is_complex():
        finite = t[torch.isfinite(t)]
        return ["-", "-", "nan", "nan", int(t.isnan().sum()), int(t.isinf().sum()), int((finite == 0).sum())]
    values = t.reshape(-1).tolist()
    wide = [float(v) for v in values]
    finite = [v for v, w in zip(values, wide) if w == w and abs(w) != float("inf")]
    d = torch.tensor([float(v) for v in finite], dtype=torch.float64)
    std = d.std().item() if len(finite) > 1 else float("nan")
    return [shortest(min(finite), t.dtype) if finite else "-", shortest(max(finite), t.dtype) if finite else "-",
            repr(d.mean().item()) if finite else "nan", repr(std), sum(w != w for w in wide), sum(abs(w) == float("inf") for w in wide),
            sum(w == 0 for w in wide)]


torch.save(SAMPLES, here / "samples.ckpt")
with open(here / "samples.txt", "w") as out:
    for name, tensor in SAMPLES.items():
        print("=", name, *counts(tensor), file=out)
        print(tensor, file=out)
