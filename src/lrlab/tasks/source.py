"""What can be read off a training function without calling it."""

import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from types import CodeType

from lrlab.core.errors import SpecError

AnyFunction = Callable[..., object]


def check_signature(
    train: AnyFunction, *, caller: str = "task", hint: str = "Define def train(run): ..."
) -> None:
    """Refuse what cannot be called as ``train(run)``.

    Args:
        train: What is to be called.
        caller: Who refuses.
        hint: How it is to be defined.

    Raises:
        SpecError: If it takes another number of arguments, or is async or a generator.
    """
    try:
        signature = inspect.signature(train)
    except (TypeError, ValueError):  # builtins without a signature
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise SpecError(
            f"{caller}: {name_of(train)} must take one argument, the run ({error}).", hint=hint
        ) from None
    if inspect.iscoroutinefunction(train) or inspect.isgeneratorfunction(train):
        raise SpecError(f"{caller}: {name_of(train)} must be a plain function, not async and without yield.")


def name_of(train: AnyFunction) -> str:
    """The function's name, or its module's where the name says nothing."""
    name = getattr(train, "__name__", type(train).__name__)
    module = getattr(train, "__module__", None) or ""
    plain = name in ("train", "main", "<lambda>") and module not in ("", "__main__", "builtins")
    return module.rpartition(".")[2] if plain else name.strip("<>")


def load_frameworks(train: AnyFunction) -> None:
    """Load torch before seeding where the function names it: a later import would start with a state of its own."""
    names = set(_names_in(getattr(train, "__code__", None)))
    if "torch" in names and "torch" not in sys.modules and find_spec("torch") is not None:
        import_module("torch")


def _names_in(code: CodeType | None) -> Iterator[str]:
    if code is None:
        return
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
