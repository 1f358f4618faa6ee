"""Writes python_format.tsv: what Python's format(value, spec) returns or raises. Columns: type, value, spec, outcome, text."""
import itertools
import math
import pathlib
import random

FLOATS = [0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 1.0, 3.0, -7.25, 0.1, 0.10000000149011612, 1e-7, 1.0000000116860974e-07, 123456.789,
          1234567.0, 0.0001, 0.00001, 9.9995, 999999.5, 1e15, 1e16, 1e17, 1e22, 1e23, 5e-324, 1.7976931348623157e308,
          -1e300, 2.675, 1e-5, 12345678901234.5, math.nan, math.inf, -math.inf]
INTS = [0, 1, -1, 7, 42, -255, 1000, 1234567, -987654321, 2**31, 2**53 + 1, 2**63 - 1, -2**63]
FLOAT_SPECS = ["", ".2f", ".0f", "f", "F", ".3e", "E", "g", ".3g", "G", "#g", "#.3g", "n", "%", ".1%", "#", ".4", ".17g", "#.0f",
               "#.0e", "08.3f", "+.2f", " .2f", "-.2f", ",", "_", ",.2f", "020,.2f", "015_", "*^20.3f", "<12g", ">12", "=12", "^12",
               "x<10.2f", "z.1f", "+z.0f", "é>9.2f", "<010", ".30f", ".60e", "012", ".0", ".1", "d", "x", "s", "c", "q", ".f", ".2ff",
               ",_", "_,", ",n", "_x", "5.2.f", "abc", "z", "é"]
INT_SPECS = ["", "d", "03d", "5", "<5", "^9d", "=+9", "x", "#x", "X", "#X", "b", "#b", "o", "#o", "_b", "_x", "#_X", "012,", "010,d",
             "020_x", ",", "_", "n", "+", " d", ".2f", "e", "g", "%", "08.1f", "*>12d", "#010x", ",x", ",n", ".2d", "z", "s", "+c",
             "#c", "5c", "q", "é<7d", "00009"]


def rows():
    rng = random.Random(7)
    for value, spec in itertools.product(FLOATS, FLOAT_SPECS):
        if value in (0.1, 1234567.0) or rng.random() < 0.35:
            yield value, spec
    for value, spec in itertools.product(INTS, INT_SPECS):
        if value in (42, -255) or rng.random() < 0.35:
            if not (spec == "5c" and not 0 <= value < 128):
                yield value, spec
    for _ in range(400):
        value = math.ldexp(rng.uniform(-1, 1), rng.randint(-60, 70))
        spec = rng.choice(["", ".2f", ".5e", ".7g", ".12", ",.3f", "+012.4g", ".0f", "#.5g"])
        yield value, spec


def main():
    out = pathlib.Path(__file__).with_name("python_format.tsv")
    with out.open("w", encoding="utf-8", newline="\n") as file:
        for value, spec in rows():
            try:
                outcome, text = "ok", format(value, spec)
            except ValueError as error:
                outcome, text = "ValueError", str(error)
            if "\0" not in text:
                shown = value.hex() if isinstance(value, float) else str(value)
                print(type(value).__name__, shown, spec, outcome, text, sep="\t", file=file)


main()
