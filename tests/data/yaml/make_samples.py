"""Writes samples.json: [value, what PyYAML 6.0.3 makes of it] pairs. Needs pyyaml."""
import json
import pathlib
import random

import yaml


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


LOOKALIKES = """true Yes no on OFF tRUE y null ~ Null none nan .nan .inf -.INF 1 -3 +4 0x1F 0b11 0o17 017 08 0_ 1_000
1e5 1.5 1.e3 1.5e+3 1.5e3 .5 -.5 5. 1.0.0 12:30 1:99 12:30:45.5 9:61 2020-01-01 2020-1-1 2001-12-14t21:59:43.10-05:00 << = _1""".split()
MARKS = ["2001-12-14 21:59:43", "-", "--", "---", "- a", "a: b", "a:b", "a:", "a #b", "a#b", ":", "? a", "?a", "!x", "&a", "*a",
         "@a", "`a", "%a", "'", "''", '"', "[a]", "{a}", "a,b", ",a", " a", "a ", ">", "a|b", "C:\\x", "/data/x.csv", "", "it's",
         "a\nb", "a\n\nb", "a\n b", "a \nb", "\na", "a\n", "\t", "a\tb", "é", "日本", "\u2028", "\x85", "\xa0", "😀", "\x00", "\x1b"]
NUMBERS = [0, -5, 1 << 40, 1e-5, 1e16, 1.5e300, 0.1, -0.0, 3.0, 1e22, 123456789.123]
SHAPES = [{}, [], "a", "1", 1, None, True, [1], {"b": 1, "a": 2}, {"a": [1, [2, 3], [], {}]}, {"a": [{"b": 1, "c": [1]}, {"d": {}}]},
          [[1, [2]], [{"x": [1]}]], {"": 1}, {"a\nb": [1, 2]}, {"k" * 122: 1}, {"k" * 123: [1]}, {"k" * 130: {"a": 1}},
          {"B": 1, "a": 2, "1": 3, "é": 4}, {"lr": 0.001, "betas": [0.9, 0.999], "name": None, "nested": {"on": "off"}}]


def long_text(random_source):
    words = ["lorem", "ipsum", "a", "it's", "  ", '"', "é", "\n", "\\", ":", "#"]
    kinds = random_source.sample(words, random_source.randint(2, 6)) + ["dolor"]
    return random_source.choice(["", " "]).join(random_source.choice(kinds) for _ in range(random_source.randint(20, 90)))


def main():
    source = random.Random(7)
    values = [{"k": x} for x in LOOKALIKES + MARKS + NUMBERS] + [{x: [x]} for x in MARKS + LOOKALIKES[::4]] + SHAPES
    values += [{"key": {"text": long_text(source)}} for _ in range(40)]
    samples = [[value, yaml.dump(value, Dumper=Dumper)] for value in values]
    lines = ",\n".join(json.dumps(sample) for sample in samples)
    pathlib.Path(__file__).with_name("samples.json").write_text("[\n" + lines + "\n]\n")


main()
