"""Writes the samples of this folder with the reference implementation. Needs torch and safetensors 0.8.

dtypes.safetensors  one tensor of each dtype, made of the bytes 0, 1, 2, ...
shapes.safetensors  0-dim, empty and many-dimensional tensors, names that need escapes, metadata
tied.safetensors    a module with tied weights, by safetensors.torch.save_model
"""
import pathlib

import torch
from safetensors.torch import save_file, save_model

here = pathlib.Path(__file__).parent
DTYPES = ["bool", "uint8", "int8", "float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz", "int16", "uint16",
          "float16", "bfloat16", "int32", "uint32", "float32", "complex64", "float64", "int64", "uint64"]


def counting(dtype):
    raw = torch.arange(6 * dtype.itemsize, dtype=torch.uint8)
    return (raw % 2).bool().reshape(2, 3) if dtype == torch.bool else raw.view(dtype).reshape(2, 3)


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(3, 2)
        self.head = torch.nn.Linear(2, 3)
        self.head.weight = self.embedding.weight


torch.manual_seed(1)
save_file({name: counting(getattr(torch, name)) for name in DTYPES}, here / "dtypes.safetensors")
save_file({"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 3), "deep": torch.arange(24.0).reshape(1, 2, 3, 4),
           'quote"\\ é\n': torch.tensor([True, False, True])}, here / "shapes.safetensors",
          metadata={"format": "pt", "note": "é\n\"x\""})
save_model(Tied(), here / "tied.safetensors", metadata={"format": "pt"})
