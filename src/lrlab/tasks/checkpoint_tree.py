"""A session's state as JSON and one block of safetensors, and back.

torch is needed only where the state holds torch tensors; then it is loaded already.
"""

import base64
import math
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save as save_arrays

from lrlab.core.errors import NoStateError

_EXACT_IN_JSON = 2**53  # whole numbers up to here survive every JSON reader
_KEYS = (str, bool, int, float, type(None))


def encode(state: object) -> tuple[dict[str, Any], bytes]:
    """``state`` as a tree of JSON values, and the tensors that it refers to by name.

    Raises:
        NoStateError: If something in it has no stored form; the sentence says where it stands.
    """
    encoder = _Encoder()
    root = encoder.encode(state, ("state",))
    return {"root": root, "torch": encoder.uses_torch}, encoder.pack()


def decode(tree: Mapping[str, Any], blob: bytes) -> Any:
    """What ``encode`` was given."""
    safetensors = import_module("safetensors.torch" if tree["torch"] else "safetensors.numpy")
    return _decode(tree["root"], safetensors.load(blob))


class _Encoder:
    def __init__(self) -> None:
        self.uses_torch = False
        self._blocks: dict[str, Any] = {}
        self._names: dict[int, str] = {}  # id of a tensor to its name, so that a shared one is stored once
        self._storages: set[int] = set()

    def encode(self, value: object, where: tuple[str, ...]) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value, where)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int(value) if abs(value) <= _EXACT_IN_JSON else {"int": hex(value)}
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, bytes | bytearray):
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, list | tuple):
            items = [self.encode(item, (*where, str(index))) for index, item in enumerate(value)]
            return items if isinstance(value, list) else {"tuple": items}
        if isinstance(value, Mapping):
            return {"dict": [self._entry(key, item, where) for key, item in value.items()]}
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self._tensor(value, where)
        return _refuse(where, f"is a {type(value).__name__}")

    def _entry(self, key: object, value: object, where: tuple[str, ...]) -> list[Any]:
        if not isinstance(key, _KEYS):
            _refuse(where, f"has a {type(key).__name__} as a key")
        return [self.encode(key, where), self.encode(value, (*where, str(key)))]

    def _array(self, value: Any, where: tuple[str, ...]) -> dict[str, str]:
        array = np.array(value, order="C", copy=True, subok=False)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            _refuse(where, f"is an array of {array.dtype}")
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        stored = array
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:  # not every safetensors has these
            stored = array.view(f"i{array.dtype.itemsize}")
        name = self._name(where)
        self._blocks[name] = stored
        return {"array" if isinstance(value, np.ndarray) else "scalar": name, "dtype": array.dtype.name}

    def _tensor(self, value: Any, where: tuple[str, ...]) -> dict[str, str]:
        torch = sys.modules["torch"]
        self.uses_torch = True
        if id(value) in self._names:
            return {"tensor": self._names[id(value)]}
        if value.layout is not torch.strided or value.is_quantized or value.is_meta:
            _refuse(where, "is a sparse, quantized or empty-handed tensor")
        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        storage = plain.untyped_storage()
        if storage.data_ptr() in self._storages or storage.nbytes() != plain.nbytes:
            plain = plain.clone()  # safetensors refuses tensors that share memory
        self._storages.add(plain.untyped_storage().data_ptr())
        self._names[id(value)] = name = self._name(where)
        self._blocks[name] = plain
        return {"tensor": name}

    def _name(self, where: tuple[str, ...]) -> str:
        """A name by which other readers of safetensors find it too: where it stands in the state."""
        name = ".".join(where[1:])
        plain = name.isascii() and name.isprintable() and name not in ("", "__metadata__")
        return name if plain and name not in self._blocks else f"#{len(self._blocks)}"

    def pack(self) -> bytes:
        """Every tensor and array as one block.

        Raises:
            NoStateError: If safetensors has no form for the type of one.
        """
        try:
            if not self.uses_torch:
                return save_arrays(self._blocks)
            to_tensor = sys.modules["torch"].from_numpy
            tensors = {
                name: to_tensor(block) if isinstance(block, np.ndarray) else block
                for name, block in self._blocks.items()
            }
            return import_module("safetensors.torch").save(tensors)  # type: ignore[no-any-return]
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise NoStateError(f"checkpoint: the state's tensors have no stored form: {error}.") from error


def _decode(node: Any, blocks: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_decode(item, blocks) for item in node]
    if not isinstance(node, dict):
        return node
    if "dict" in node:
        return {_decode(key, blocks): _decode(value, blocks) for key, value in node["dict"]}
    if "tensor" in node:
        return blocks[node["tensor"]]
    if "tuple" in node:
        return tuple(_decode(item, blocks) for item in node["tuple"])
    if "array" in node or "scalar" in node:
        array = np.asarray(blocks[node.get("array") or node["scalar"]]).view(node["dtype"])
        return array if "array" in node else array[()]
    if "bytes" in node:
        return base64.b64decode(node["bytes"], validate=True)
    if "float" in node:
        return float(node["float"])
    return int(node["int"], 16)


def _refuse(where: tuple[str, ...], what: str) -> Any:
    place = where[0] + "".join(f"[{part!r}]" for part in where[1:])
    raise NoStateError(
        f"checkpoint: {place} {what}, which cannot be stored.",
        hint="A state holds tensors, arrays, numbers, strings, bytes and None in dicts, lists and tuples.",
    )
