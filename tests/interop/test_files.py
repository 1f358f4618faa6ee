"""Random files that Python saves: levin reads every value as Python does, and writes what it read so that Python reads the same.

LEVIN_INTEROP_FILES says how many files (200), LEVIN_INTEROP_SEED which ones (1). With the folder that make_checkpoints.py filled as
argument, its files are compared instead.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch  # noqa: E402

from describe import describe, normal  # noqa: E402
from make_checkpoints import make, write_description  # noqa: E402

SOURCE = Path(os.environ["LEVIN_SOURCE_DIR"])
BIN = Path(os.environ["LEVIN_BINARY_DIR"]) / "bin"
FILES = int(os.environ.get("LEVIN_INTEROP_FILES", "200"))
SEED = int(os.environ.get("LEVIN_INTEROP_SEED", "1"))


def dumped(paths, *flags):
    done = subprocess.run([BIN / "dump", *flags, *paths], check=True, stdout=subprocess.PIPE)
    lines = done.stdout.decode("utf-8", "surrogatepass").split("\n")[:-1]
    assert len(lines) == len(paths), f"{len(lines)} lines for {len(paths)} files"
    return [normal(json.loads(line)) for line in lines]


def differences(expected, found, where=""):
    """Where the two descriptions differ."""
    if type(expected) is type(found) and isinstance(expected, (list, dict)) and len(expected) == len(found):
        if isinstance(expected, list):
            pairs = list(zip(range(len(expected)), expected, found))
        elif list(expected) == list(found):
            pairs = [(key, expected[key], found[key]) for key in expected]
        else:
            return [f"{where}: {str(expected)[:300]} became {str(found)[:300]}"]
        return [line for name, left, right in pairs for line in differences(left, right, f"{where}/{name}")]
    if type(expected) is type(found) and expected == found:
        return []
    return [f"{where}: {str(expected)[:300]} became {str(found)[:300]}"]


def expectation(path):
    with open(path.with_suffix(".json"), encoding="utf-8", errors="surrogatepass") as file:
        return json.load(file)


def fixtures(folder):
    """The files of tests/data/fixtures, described anew."""
    copies = [Path(folder) / path.name for path in sorted((SOURCE / "tests" / "data" / "fixtures").glob("*.ckpt"))]
    for copy in copies:
        shutil.copy(SOURCE / "tests" / "data" / "fixtures" / copy.name, copy)
        write_description(copy, 2)
    return copies


def check(paths, folder):
    expected = [expectation(path) for path in paths]
    wrong, counts = [], dict.fromkeys(["files", "values", "strict", "rewritten", "rewritten_values"], 0)

    def compare(what, path, description, found):
        lines = differences(description, found)
        if lines:
            wrong.append(f"{path.name} {what}: {len(lines)} differences\n  " + "\n  ".join(lines[:5]))
        return not lines

    for path, one, found in zip(paths, expected, dumped(paths)):
        compare("as read", path, one["value"], found)
        counts["files"] += 1
        counts["values"] += one["count"]

    # Strict reading takes what weights_only=True takes, and of protocol 2 no more.
    for path, one, found in zip(paths, expected, dumped(paths, "--strict")):
        accepted = "error" not in found
        if one["weights_only"]:
            compare("as read strictly", path, one["value"], found)
        elif accepted and one["protocol"] == 2 and not one["writable"]:
            wrong.append(f"{path.name}: strict reading accepts what weights_only=True refuses")
        counts["strict"] += accepted

    copies, sources = [], []
    for path, one in zip(paths, expected):
        copy = Path(folder) / ("rewritten-" + path.name)
        done = subprocess.run([BIN / "rewrite", path, copy], capture_output=True, text=True)
        if done.returncode != 0 and one["writable"]:
            wrong.append(f"{path.name}: Python can write and load it, but levin: {done.stderr}")
        if done.returncode != 0:
            continue
        copies.append(copy), sources.append(one)
        back, count = describe(torch.load(copy, weights_only=True))
        compare("written by levin, read by Python", path, one["value"], json.loads(json.dumps(back)))
        counts["rewritten"] += 1
        counts["rewritten_values"] += count
    for copy, one, found in zip(copies, sources, dumped(copies)):
        compare("read again", copy, one["value"], found)
    return wrong, counts


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if len(sys.argv) > 1:
            paths = sorted(Path(sys.argv[1]).glob("*.ckpt"))
        else:
            paths = fixtures(name) + make(name, FILES, SEED)
        wrong, counts = check(paths, name)
    print("\n".join(wrong))
    print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items()), f"- wrong {len(wrong)}")
    sys.exit(1 if wrong else 0)
