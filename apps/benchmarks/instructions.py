"""Instructions a step outside ATen, counted by callgrind: the part of scripts/bench that counts. No clock, so no noise.

Counted are the instructions of levin's own libraries, and those that they spend in the C and C++ libraries (allocations, mostly);
not those of LibTorch, whoever calls it.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/bin/bench_steps"
COMMITTED = Path(__file__).with_name("instructions.json")
STEPS = 100
ALLOWED_GROWTH = 1.10
NO_VALGRIND = 77  # ctest's SKIP_RETURN_CODE
OURS = re.compile(r"/liblevin(_base)?\.so")
RUNTIME = re.compile(r"/(libc|libstdc\+\+|ld-linux[^/]*|libm|libgcc_s)\.so")


def parse(path):
    """Of a callgrind file: {object: its own instructions}, and those spent in calls from levin's libraries into the C and C++ ones."""
    names = {}

    def name_of(text):
        match = re.match(r"\((\d+)\)(?: (.*))?", text)
        if not match:
            return text
        if match[2]:
            names[match[1]] = match[2]
        return names[match[1]]

    own, runtime = Counter(), 0
    here, callee, is_call = "", "", False
    for line in open(path):
        if line.startswith("ob="):
            here = callee = name_of(line[3:].strip())
        elif line.startswith("cob="):
            callee = name_of(line[4:].strip())
        elif line.startswith("fn="):
            callee = here
        elif line.startswith("calls="):
            is_call = True
        elif line[:1].isdigit() or line[:1] in "+-*":
            cost = int(line.split()[1]) if len(line.split()) > 1 else 0
            if not is_call:
                own[here] += cost
            else:
                if OURS.search(here) and RUNTIME.search(callee):
                    runtime += cost
                is_call, callee = False, here
    return own, runtime


def count(steps=STEPS, **sizes):
    """{"levin", "runtime", "all": instructions of a step, "compiler"}"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={file}", str(PROGRAM), f"steps={steps}"]
        done = subprocess.run(command + [f"{k}={v}" for k, v in sizes.items()], cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        own, runtime = parse(file)
        compiler = json.loads(done.stdout.strip().splitlines()[-1])["compiler"]
    levin = sum(n for name, n in own.items() if OURS.search(name))
    return {"levin": levin / steps, "runtime": runtime / steps, "all": sum(own.values()) / steps, "compiler": compiler}


def require_valgrind():
    if shutil.which("valgrind"):
        return
    print("bench: skipped: valgrind is not installed (Debian: valgrind)", file=sys.stderr)
    sys.exit(NO_VALGRIND)


def show_count(check=False, update=False):
    require_valgrind()
    now = count()
    ours = now["levin"] + now["runtime"]
    print(f"a step takes {ours:,.0f} instructions outside ATen: {now['levin']:,.0f} of levin's libraries and {now['runtime']:,.0f} of the C and "
          f"C++ ones for them; {now['all']:,.0f} in all")
    if update:
        COMMITTED.write_text(json.dumps({"instructions_per_step": round(ours), "compiler": now["compiler"]}, indent=2) + "\n")
    committed = json.loads(COMMITTED.read_text())
    before = committed["instructions_per_step"]
    print(f"committed: {before:,}, with compiler {committed['compiler']}; now {ours / before:.3f} x that")
    if check and committed["compiler"].split(".")[0] != now["compiler"].split(".")[0]:
        print(f"bench: skipped: the committed number is of another compiler than {now['compiler']}", file=sys.stderr)
        sys.exit(NO_VALGRIND)
    if check and ours > before * ALLOWED_GROWTH:
        sys.exit(f"bench: a step takes more than {ALLOWED_GROWTH:.2f} x the committed instructions. If that is meant: scripts/bench instructions --update")
    return {**now, "committed": before}


def show_growth():
    """How a step grows with what a run has: a least-squares line, and how far the points lie from it."""
    require_valgrind()
    out = {}
    for what, sizes in (("parameters", (10, 100, 1000)), ("callbacks", (1, 10, 50)), ("keys", (1, 10, 100))):
        points = [(n, (lambda c: c["levin"] + c["runtime"])(count(steps=20, **{what: n}))) for n in sizes]
        (x0, y0), (x1, y1) = points[0], points[-1]
        slope = (y1 - y0) / (x1 - x0)
        middle = points[1][1] / (y0 + slope * (points[1][0] - x0))
        print(f"{what:11}" + "".join(f"{n:>6}: {y:>11,.0f}" for n, y in points) +
              f"   {slope:,.0f} instructions for each; the middle one lies at {middle:.2f} x the line through the others")
        out[what] = {"points": points, "slope": slope, "middle_of_line": middle}
    return out
