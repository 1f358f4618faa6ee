"""make_checkpoints.py FOLDER N SEED: N random checkpoints, half of them Lightning's, and beside each a JSON of what Python reads.

The JSON: {"protocol": of the pickle, "weights_only": whether Python loads it so, "writable": whether it would if saved anew,
"count": how many values, "value": the description of describe.py}.
"""

import io
import json
import random as random_module
import sys
import tempfile
import warnings
from pathlib import Path

import torch

from describe import describe
from lightning_files import lightning_file
from values import tree

warnings.filterwarnings("ignore")


def loads_weights_only(file):
    try:
        torch.load(file, weights_only=True)
        return True
    except Exception:
        return False


def description(path, protocol):
    loaded = torch.load(path, weights_only=False)
    value, count = describe(loaded, protocol)
    anew = io.BytesIO()
    torch.save(loaded, anew)
    anew.seek(0)
    return {"protocol": protocol, "weights_only": loads_weights_only(path), "writable": loads_weights_only(anew), "count": count,
            "value": value}


def write_description(path, protocol):
    with open(path.with_suffix(".json"), "w", encoding="utf-8", errors="surrogatepass") as out:
        json.dump(description(path, protocol), out)


def make(folder, count, seed):
    """The paths of the files."""
    paths = []
    for index in range(count):
        random = random_module.Random(seed * 1_000_003 + index)
        generator = torch.Generator().manual_seed(random.randrange(2**31))
        path = Path(folder) / f"{index:04}.ckpt"
        protocol = 2
        if index % 2 == 0:
            with tempfile.TemporaryDirectory() as scratch:
                lightning_file(path, random, generator, index // 2, scratch)
        else:
            protocol = random.choice([2, 2, 2, 3, 4, 5])
            torch.save(tree(random, generator, random.random() < 0.4), path, pickle_protocol=protocol)
        write_description(path, protocol)
        paths.append(path)
    return paths


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
