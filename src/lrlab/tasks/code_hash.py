"""A hash of code and settings that is the same in every process and on every machine."""

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_WHOLE_BYTES = 2**24  # arrays up to here are hashed whole, larger ones by a sample
_SAMPLES = 4096
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def code_hash(*parts: object) -> str:
    """16 hexadecimal digits that change when the code or the values of ``parts`` change.

    Functions count by their source, with the values that they close over, their defaults and the functions and
    classes of their own module that they name; arrays by their content (large ones by shape, type and a sample);
    anything else by its type and, where it has one that names no address, its text.

    Args:
        parts: Numbers, strings, arrays, functions, classes, and containers of them.
    """
    hasher = _Hasher()
    for part in parts:
        hasher.add(part)
    return hasher.digest()


class _Hasher:
    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._code: dict[
            int, object
        ] = {}  # functions and classes that count already, kept alive with their ids
        self._open: set[int] = set()  # containers that are being read, against cycles

    def digest(self) -> str:
        return self._sha.hexdigest()[:16]

    def _feed(self, kind: str, content: str | bytes = b"") -> None:
        raw = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
        self._sha.update(f"{kind}:{len(raw)}:".encode() + raw)

    def add(self, value: object) -> None:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            self._feed(type(value).__name__, repr(value))
        elif isinstance(value, FunctionType | type):
            if id(value) in self._code:
                return self._feed("again", value.__qualname__)
            self._code[id(value)] = value
            self._class(value) if isinstance(value, type) else self._function(value)
        elif isinstance(value, ModuleType | BuiltinFunctionType):
            self._feed("name", getattr(value, "__qualname__", value.__name__))
        elif isinstance(value, CodeType):
            self._bytecode(value)
        elif hasattr(value, "__array__"):
            self._array(value)
        elif id(value) in self._open:
            self._feed("cycle")
        else:
            self._open.add(id(value))
            self._container(value)
            self._open.discard(id(value))
        return None

    def _container(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self._feed("mapping", str(len(value)))
            for key, item in sorted(value.items(), key=lambda pair: repr(pair[0])):
                self.add(key)
                self.add(item)
        elif isinstance(value, list | tuple):
            self._feed("items", str(len(value)))
            for item in value:
                self.add(item)
        elif isinstance(value, functools.partial):
            self.add([value.func, value.args, value.keywords])
        elif isinstance(value, MethodType):
            self.add([value.__func__, value.__self__])
        else:
            self._object(value)

    def _object(self, value: Any) -> None:
        """By type, text and, where it has one, its state: a model, a loss with weights."""
        self.add(type(value))
        self._feed("text", _ADDRESS.sub("", repr(value)))
        state_dict = getattr(value, "state_dict", None)
        if callable(state_dict):
            self.add(state_dict())

    def _array(self, value: Any) -> None:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            if "bfloat16" in str(value.dtype) or "float8" in str(value.dtype):  # no such types in NumPy
                value = value.float()
        array = np.asarray(value)
        self._feed("array", f"{array.dtype}{array.shape}")
        if array.dtype.hasobject:
            return
        if array.nbytes > _WHOLE_BYTES:
            array = array.reshape(-1)[:: max(array.size // _SAMPLES, 1)]
        self._feed("content", np.ascontiguousarray(array).tobytes())

    def _function(self, value: FunctionType) -> None:
        source = _source(value)
        self._feed("source", source) if source is not None else self._bytecode(value.__code__)
        self.add([value.__defaults__, value.__kwdefaults__])
        for cell in value.__closure__ or ():
            try:
                self.add(cell.cell_contents)
            except ValueError:  # a name that is not bound yet
                self._feed("unbound")
        for name in sorted(_names(value.__code__)):
            known = value.__globals__.get(name)
            if isinstance(known, FunctionType | type) and known.__module__ == value.__module__:
                self.add(known)

    def _class(self, value: type) -> None:
        self._feed("class", value.__qualname__)
        source = _source(value)
        if source is not None:
            return self._feed("source", source)
        for name, member in sorted(vars(value).items()):
            if isinstance(member, FunctionType):
                self._feed("method", name)
                self._bytecode(member.__code__)
        return None

    def _bytecode(self, code: CodeType) -> None:
        self._feed("code", code.co_code)
        self.add([code.co_names, code.co_varnames, code.co_consts])


def _source(value: Callable[..., object] | type) -> str | None:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        return None


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)
