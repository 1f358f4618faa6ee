"""Random values of every kind that torch.save takes."""

import argparse
import collections
import dataclasses
import datetime
import enum
import pathlib
import types

import numpy
import torch

DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64, torch.complex32,
          torch.complex64, torch.complex128, torch.bool, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
          torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.uint16, torch.uint32, torch.uint64]
STRINGS = ["", "weight", "ünïcode ✓ 𝄞", "line\nbreak\ttab\0nul", "quote\" \\ '", "\udc80 lone", "x" * 300, "\x7f\x80\xff", "a.b.c"]
INTS = [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64,
        2**70, -(2**70), 10**40, -(10**300), 2**2030]
FLOATS = [0.0, -0.0, 1.5, 0.1, -1e-310, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]


class Color(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Outer:
    class Inner:
        def __init__(self):
            self.depth = 2


@dataclasses.dataclass
class Settings:
    width: int = 3
    name: str = "wide"


@dataclasses.dataclass(slots=True)
class Slotted:
    rate: float = 0.25


Pair = collections.namedtuple("Pair", "left right")


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyOrdered(collections.OrderedDict):
    pass


class Rebuilt:
    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return Rebuilt, self.args


def opaque(random):
    """Something that torch.load(weights_only=True) refuses."""
    with_attributes = MyDict(a=1)
    with_attributes.note = "kept"
    filled = MyList([1, 2, 3])
    filled.owner = "me"
    inner = Outer.Inner()
    return random.choice([
        argparse.Namespace(lr=0.1, layers=[1, 2], deep=argparse.Namespace(x=None)), Color.RED, Level.HIGH, inner, Outer.Inner,
        Settings(), Slotted(), Pair(1, "two"), MyList([1, 2]), filled, MyList(), MyDict(), with_attributes, MyOrdered(a=1),
        collections.defaultdict(list, {"a": [1], 2: [2]}), collections.defaultdict(None), collections.deque([1, 2, 3], maxlen=5),
        collections.deque([1]), pathlib.PurePosixPath("/tmp/run/x"), pathlib.Path("relative/path"),
        datetime.timedelta(days=1, seconds=5), datetime.datetime(2024, 2, 29, 12, 30, 1, 5), datetime.date(1999, 12, 31),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), numpy.float64(0.5), numpy.float32(1.5), numpy.int64(-7),
        numpy.bool_(True), numpy.arange(6.0).reshape(2, 3), numpy.array(["ab", "c"]), numpy.dtype("float32"), frozenset([1, "a"]),
        frozenset(), range(1, 10, 2), slice(1, None, 2), Ellipsis, NotImplemented, ValueError("wrong", 3), KeyError("k"), OSError("gone"), str, zip, types.SimpleNamespace(a=1), Rebuilt(1, (2, [3])), torch.nn.Linear(2, 3),
        torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.BatchNorm1d(2)), torch.nn.functional.relu, len, int, dict,
        torch.nn.Linear, collections.OrderedDict, torch.strided, type(None), numpy.random.RandomState,
        torch.nn.CrossEntropyLoss(weight=torch.ones(3)), print, datetime.time(1, 2), b"".join,
    ])


def tensor(random, generator):
    """A tensor of any dtype and layout."""
    dtype = random.choice(DTYPES)
    shape = random.choice([(), (0,), (1,), (5,), (2, 3), (3, 0, 2), (2, 3, 4), (1, 1, 1, 2), (7, 1)])
    count = 1
    for size in shape:
        count *= size
    raw = torch.randint(0, 256, (count * dtype.itemsize,), dtype=torch.uint8, generator=generator)
    if dtype == torch.bool:
        raw %= 2
    made = raw.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)
    if dtype not in (torch.float32, torch.float64, torch.int64, torch.bfloat16):
        return made
    kind = random.randrange(10)
    if kind == 0 and made.dim() >= 2:
        return made.transpose(0, 1)
    if kind == 1 and made.dim() >= 1 and made.shape[0] > 1:
        return made[1:]
    if kind == 2 and made.dim() >= 1:
        return made[..., ::2]
    if kind == 3:
        return made.reshape(-1)[:1].expand(4, max(1, min(count, 1)) if count else 0)
    if kind == 4 and made.dim() == 4:
        return made.contiguous(memory_format=torch.channels_last)
    if kind == 5 and dtype.is_floating_point:
        return torch.nn.Parameter(made, requires_grad=random.random() < 0.5)
    if kind == 6 and dtype.is_floating_point:
        return made.requires_grad_()
    if kind == 7 and count > 1:
        return made.reshape(-1)[count // 2]
    return made


def special(random, generator):
    """What weights_only accepts beyond plain tensors and containers."""
    dense = torch.eye(3) * 2.5
    noted, parameter, odd = torch.ones(2), torch.nn.Parameter(torch.ones(3)), collections.OrderedDict(a=1)
    noted.note, parameter.tag, odd.extra = "kept", [1, "two"], {"version": 2}
    scales, zeros = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 1, 2])
    return random.choice([
        lambda: dense.to_sparse(), lambda: dense.to_sparse_csr(), lambda: torch.randn(4, generator=generator).to_sparse(),
        lambda: torch.quantize_per_tensor(dense, 0.1, 3, torch.qint8), lambda: torch.quantize_per_tensor(dense, 0.1, 0, torch.qint32),
        lambda: torch.quantize_per_channel(dense, scales, zeros, 0, torch.quint8),
        lambda: torch.view_as_complex(torch.randn(3, 2, generator=generator)).conj(), lambda: noted, lambda: parameter, lambda: odd,
        lambda: torch.empty(2, 3, device="meta"), lambda: torch.arange(5.0).untyped_storage(), lambda: torch.arange(3).storage(),
        torch.get_rng_state, lambda: torch.nn.Linear(2, 2).state_dict(),
    ])()


def key(random):
    return random.choice([None, True, False, 0, 1.5, -3, 2**65, "name", "", ("a", 1), (), (None, (2.5,)), b"raw", float("inf"), 3 + 4j,
                          torch.float32])


def value(random, generator, depth=0, allow_opaque=False, shared=()):
    """A random tree."""
    again = lambda: value(random, generator, depth + 1, allow_opaque, shared)
    if depth < 5 and random.random() < 0.45:
        count = random.choice([0, 1, 2, 3, 4, 6])
        kind = random.randrange(8)
        if kind < 2:
            return [again() for _ in range(count)]
        if kind == 2:
            return tuple(again() for _ in range(count))
        if kind < 5:
            return {key(random): again() for _ in range(count)}
        if kind == 5:
            return collections.OrderedDict((random.choice("abcdefgh") * 3, again()) for _ in range(count))
        if kind == 6:
            return collections.Counter({random.randrange(50): random.randrange(9) for _ in range(count)})
        return {random.choice([1, "x", None, 2.5, (1, 2), b"b", 2**66]) for _ in range(count)}
    roll = random.random()
    if allow_opaque and roll < 0.12:
        return opaque(random)
    if shared and roll < 0.22:
        return random.choice(shared)
    if roll < 0.5:
        return tensor(random, generator)
    if roll < 0.58:
        return special(random, generator)
    return random.choice([
        None, True, False, random.choice(INTS), random.choice(INTS), random.choice(FLOATS), random.choice(FLOATS), random.choice(STRINGS),
        complex(random.choice(FLOATS), random.choice(FLOATS)), random.choice([b"", b"raw\0\xff", bytes(range(256))]),
        random.choice([bytearray(), bytearray(b"ab\xff")]), torch.Size([2, 3]), torch.Size([]), random.choice(DTYPES),
        torch.device("cpu"), torch.device("cuda", 1), random.random(), random.randrange(10**12),
    ])


def tree(random, generator, allow_opaque):
    base = torch.randn(4, 6, generator=generator)
    weight = torch.nn.Parameter(torch.randn(3, 3, generator=generator))
    shared = [base, base.t(), base[1:, 2], base[0, 0], base.view(-1)[5:], weight, weight.data, [1, "shared"], {"shared": base}]
    return {f"item{i}": value(random, generator, 0, allow_opaque, shared) for i in range(random.randint(4, 12))} | {"base": base}
