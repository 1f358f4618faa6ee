"""Describes a value tree as JSON: every value, tensors by their bytes, what is shared. dump.cpp prints the same of what levin reads."""

import collections
import copyreg
import pickle
import struct
import types

import numpy
import torch


def float_bits(number):
    return struct.pack(">d", number).hex()


def class_name(thing):
    return f"{thing.__module__ or 'builtins'}.{thing.__qualname__}"


def is_plain(tensor):
    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_nested:
        return False
    return not tensor.is_conj() and not tensor.is_neg()


class Describer:
    """One tree. `protocol` is the pickle's: objects describe themselves differently by it."""

    def __init__(self, protocol=2):
        self.protocol = protocol
        self.seen = {}
        self.storages = {}
        self.handles = {}
        self.kept = []  # ids stay unique while the objects live
        self.values = 0

    def describe(self, value):
        self.kept.append(value)
        self.values += 1
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind is int:
            if -(2**63) <= value < 2**63:
                return value
            size = value.bit_length() // 8 + 1
            return {"int": value.to_bytes(size, "little", signed=True).hex()}
        if kind is float:
            return {"float": float_bits(value)}
        if kind is complex:
            return {"complex": [float_bits(value.real), float_bits(value.imag)]}
        if kind is bytes:
            return {"bytes": value.hex()}
        if kind is tuple:
            return {"tuple": [self.describe(item) for item in value]}
        if kind is torch.dtype:
            return {"global": str(value)}
        if value is type(None):
            return {"object": {"global": "builtins.type"}, "args": [None], "state": None, "new": False}
        if isinstance(value, (type, types.FunctionType)):
            return self.describe_global(value)
        if isinstance(value, pickle.PickleBuffer):  # protocol 5 of numpy; written into the pickle itself
            raw = value.raw()
            return self.describe(raw.tobytes() if raw.readonly else bytearray(raw))
        if isinstance(value, torch.storage.TypedStorage):
            return self.describe_storage("torch." + value._pickle_storage_type(), value._untyped_storage, value.dtype)
        if isinstance(value, torch.UntypedStorage):
            return self.describe_storage("torch.storage.UntypedStorage", value, torch.uint8)
        return self.describe_once(value)

    def describe_global(self, value):
        owner, _, name = value.__qualname__.rpartition(".")
        if owner and self.protocol < 4:  # Outer.Inner is written as getattr(Outer, "Inner")
            outer = {"global": f"{value.__module__}.{owner}"}
            return {"object": {"global": "builtins.getattr"}, "args": [outer, name], "state": None, "new": False}
        return {"global": class_name(value)}

    def describe_storage(self, name, storage, dtype):
        # Quantized elements are described by their bytes.
        dtype = {torch.qint8: torch.int8, torch.qint32: torch.int32, torch.quint8: torch.uint8}.get(dtype, dtype)
        size = storage.nbytes() // dtype.itemsize
        known = self.handles.get(storage._cdata)
        if known is None:
            whole = torch.empty(0, dtype=dtype).set_(storage, 0, (size,), (1,))
            self.handles[storage._cdata] = self.number(whole)
            described = self.describe_tensor(whole)
        else:
            described = {"same": known}
        return {"object": {"global": name}, "args": [described], "state": None, "new": False}

    def describe_once(self, value):
        number = self.seen.get(id(value))
        if number is not None:
            return {"same": number}
        mutable = self.describe_mutable(value)
        if mutable is not None:
            return mutable
        return self.describe_object(value)

    def number(self, value):
        self.seen[id(value)] = len(self.seen)
        return self.seen[id(value)]

    def describe_mutable(self, value):
        kind = type(value)
        if kind is list:
            self.number(value)
            return [self.describe(item) for item in value]
        if kind in (dict, collections.OrderedDict, collections.Counter):
            self.number(value)
            out = {kind.__name__: [[self.describe(key), self.describe(item)] for key, item in value.items()]}
            if kind is collections.OrderedDict and value.__dict__:
                out["attributes"] = self.describe(dict(value.__dict__))
            return out
        if kind is set:
            self.number(value)
            return {"set": [self.describe(item) for item in value]}
        if kind is bytearray:
            self.number(value)
            return {"bytearray": value.hex()}
        if isinstance(value, torch.Tensor) and is_plain(value):
            self.number(value)
            return self.describe_tensor(value)
        return None

    def describe_tensor(self, value):
        self.kept.append(value)
        storage = value.untyped_storage()
        self.kept.append(storage)
        which = self.storages.setdefault(storage._cdata, len(self.storages))
        size = value.dtype.itemsize
        raw = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
        elements = raw[: raw.size // size * size].view(f"V{size}")
        strides = [stride * size for stride in value.stride()]
        view = numpy.lib.stride_tricks.as_strided(elements[value.storage_offset():], value.shape, strides)
        out = {
            "tensor": str(value.dtype).removeprefix("torch."), "shape": list(value.shape), "stride": list(value.stride()),
            "offset": value.storage_offset(), "storage": which, "storage_bytes": storage.nbytes(),
            "requires_grad": value.requires_grad, "parameter": isinstance(value, torch.nn.Parameter),
            "bytes": view.tobytes().hex(),
        }
        subclass = type(value) not in (torch.Tensor, torch.nn.Parameter)
        if value.__dict__ or subclass:
            out["class"] = self.describe(type(value)) if subclass else None
            out["attributes"] = self.describe(value.__dict__)
        return out

    def describe_object(self, value):
        table = copyreg.dispatch_table.get(type(value))
        parts = table(value) if table else value.__reduce_ex__(self.protocol)
        if isinstance(parts, str):
            return {"global": f"{pickle.whichmodule(value, parts)}.{parts}"}
        function, args, state, items, entries = tuple(parts) + (None,) * (5 - len(parts))
        built = None
        if items is not None:
            built = list(items) or None
        if entries is not None:
            built = dict(entries) or built
        if state is not None:
            built = state if built is None else (built, state)
        self.kept.append(parts)
        is_new = getattr(function, "__name__", "") == "__newobj__"
        if is_new:
            function, args = args[0], args[1:]
        if built is not None and not isinstance(value, numpy.dtype):  # numpy makes new ones at will
            self.number(value)
        described = [self.describe(item) for item in args]
        return {"object": self.describe(function), "args": described, "state": self.describe(built), "new": is_new}


def normal(description):
    """One spelling for what means the same: sets sorted, an UntypedStorage as the ByteStorage that torch.load makes of it."""
    if isinstance(description, list):
        return [normal(item) for item in description]
    if not isinstance(description, dict):
        return description
    out = {key: normal(item) for key, item in description.items()}
    if out.get("object") == {"global": "torch.storage.UntypedStorage"}:
        out["object"] = {"global": "torch.ByteStorage"}
    if "set" in out:
        out["set"] = sorted(out["set"], key=repr)
    if out.get("object") == {"global": "builtins.frozenset"}:
        out["args"] = [sorted(items, key=repr) for items in out["args"]]
    return out


def describe(value, protocol=2):
    """The description and how many values it has."""
    describer = Describer(protocol)
    return normal(describer.describe(value)), describer.values
