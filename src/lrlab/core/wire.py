"""Values to JSON and back: the only serializer.

Non-finite floats become the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, and are read back as
floats; every other float keeps all its bits. What does not fit its type is refused on the way in.
"""

from typing import Any, TypeVar

import pydantic
import pydantic_core

from lrlab.core.errors import StoreError

T = TypeVar("T")

# "strings" keeps NaN and infinities; the default turns them into null.
_CONFIG = pydantic.ConfigDict(ser_json_inf_nan="strings", arbitrary_types_allowed=False)
_ADAPTERS: dict[Any, pydantic.TypeAdapter[Any]] = {}  # building one takes longer than a thousand uses


def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = _new_adapter(kind)
    return _ADAPTERS[kind]


def _new_adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    if not (isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")):
        return pydantic.TypeAdapter(kind, config=_CONFIG)
    if "__pydantic_config__" not in kind.__dict__:  # a dataclass carries its configuration itself
        pydantic.with_config(_CONFIG)(kind)
    return pydantic.TypeAdapter(kind)


def dumps(kind: type[T], value: T) -> str:
    """``value``, an instance of ``kind``, as compact JSON text.

    Raises:
        StoreError: If something in it has no JSON form or does not fit its type.
    """
    try:
        return _adapter(kind).dump_json(value, warnings="error").decode()
    except pydantic_core.PydanticSerializationError as error:
        raise StoreError(f"{kind.__name__}: cannot be written as JSON: {error}.") from None


def tree(text: str | bytes) -> Any:
    """What JSON ``text`` holds, as dicts, lists, texts and numbers; for a look before ``loads``.

    Raises:
        StoreError: If the text is not JSON; the sentence names line and column.
    """
    try:
        return pydantic_core.from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise StoreError(f"is no JSON: {error}.") from None


def loads(kind: type[T], text: str | bytes) -> T:
    """The ``kind`` that ``text`` holds.

    Raises:
        StoreError: If the text is not JSON or does not fit the type.
    """
    try:
        return _adapter(kind).validate_json(text)  # type: ignore[no-any-return]
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "value"
        raise StoreError(f"{kind.__name__}: cannot be read, {where}: {first['msg']}.") from None
