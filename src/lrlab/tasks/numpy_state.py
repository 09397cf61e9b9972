"""NumPy's global random state, taken and put back in a few microseconds.

``np.random.get_state`` and ``set_state`` move 624 words one Python number at a time, which takes longer than a small
optimizer step. The words lie in one block of memory, and NumPy tells where (``BitGenerator.ctypes``). Beside them
there is only the second half of a Gaussian pair, which ``standard_normal`` hands out without touching the words: that
is how it is seen here. Where the block does not hold what ``get_state`` says, NumPy's own functions are used.
"""

import ctypes
from typing import Any

import numpy as np

LegacyState = tuple[str, Any, int, int, float]
_WORDS = 624 * 4
_SIZE = _WORDS + 4  # bytes: the words and the position among them


def get_state() -> LegacyState:
    """What ``np.random.get_state(legacy=True)`` returns."""
    address = _address()
    if address is None:
        return np.random.get_state(legacy=True)  # type: ignore[return-value]
    block = ctypes.string_at(address, _SIZE)
    gauss = float(np.random.standard_normal())
    if ctypes.string_at(address, _SIZE) == block:  # it was the half that lay ready
        state = ("MT19937", *_parts(block), 1, gauss)
        np.random.set_state(state)
        return state
    np.random.standard_normal()  # takes the other half away again
    ctypes.memmove(address, block, _SIZE)
    return ("MT19937", *_parts(block), 0, 0.0)


def set_state(state: LegacyState) -> None:
    """``np.random.set_state`` for what ``get_state`` returned, or a stored copy of it."""
    kind, words, position, has_gauss, _ = state
    address = _address()
    if address is None or has_gauss or kind != "MT19937":
        np.random.set_state(state)
        return
    before = ctypes.string_at(address, _SIZE)
    np.random.standard_normal()
    if ctypes.string_at(address, _SIZE) != before:
        np.random.standard_normal()  # now no half lies ready
    block = np.asarray(words, dtype=np.uint32).tobytes() + np.int32(position).tobytes()
    ctypes.memmove(address, block, _SIZE)


def _parts(block: bytes) -> tuple[Any, int]:
    return np.frombuffer(block, np.uint32, 624), int(np.frombuffer(block, np.int32, 1, _WORDS)[0])


def _generator() -> Any:
    return np.random.get_bit_generator()  # type: ignore[attr-defined]  # its stubs leave it out


def _address() -> int | None:
    """Where the global generator's words lie; None where that is not known."""
    generator = _generator()
    if not _IS_ONE_BLOCK or type(generator) is not np.random.MT19937:
        return None
    return int(generator.ctypes.state_address)


def _is_one_block() -> bool:
    generator = _generator()
    if type(generator) is not np.random.MT19937:
        return False
    _, words, position, *_ = np.random.get_state(legacy=True)
    block = ctypes.string_at(int(generator.ctypes.state_address), _SIZE)
    return bool(block == words.tobytes() + np.int32(position).tobytes())  # type: ignore[union-attr]


_IS_ONE_BLOCK = _is_one_block()
