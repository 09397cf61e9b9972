"""The global random states of Python, NumPy and torch, as one value.

torch is looked up, never imported: a process that has not loaded it has no torch state to keep.
"""

import random
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrlab.tasks import numpy_state


@dataclass(frozen=True, slots=True)
class RandomState:
    """Every global random state, in the libraries' own forms; torch's are None where it is not loaded."""

    python: Any
    numpy: Any
    torch: Any = None
    cuda: Any = None

    def as_data(self) -> dict[str, Any]:
        """Arrays, numbers and lists only, so that it can be stored."""
        version, words, gauss = self.python
        name, keys, position, has_gauss, cached = self.numpy
        return {
            "python": [version, np.array(words, dtype=np.uint64), gauss],
            "numpy": [name, np.array(keys), int(position), int(has_gauss), float(cached)],
            "torch": self.torch,
            "cuda": self.cuda,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "RandomState":
        """What ``as_data`` returned, or a stored copy of it."""
        version, words, gauss = data["python"]
        name, keys, position, has_gauss, cached = data["numpy"]
        return cls(
            python=(version, tuple(int(word) for word in words), gauss),
            numpy=(name, np.asarray(keys), position, has_gauss, cached),
            torch=data["torch"],
            cuda=data["cuda"],
        )


def seed_everything(seed: int) -> None:
    """Set every global random state from one seed."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def capture() -> RandomState:
    """Every global random state as it is now; about 10 microseconds."""
    torch = sys.modules.get("torch")
    cuda = torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized()
    return RandomState(
        python=random.getstate(),
        numpy=numpy_state.get_state(),
        torch=torch.get_rng_state() if torch is not None else None,
        cuda=list(torch.cuda.get_rng_state_all()) if torch is not None and cuda else None,
    )


def restore(state: RandomState) -> None:
    """Put back what ``capture`` returned."""
    random.setstate(state.python)
    numpy_state.set_state(state.numpy)
    torch = sys.modules.get("torch")
    if torch is not None and state.torch is not None:
        torch.set_rng_state(state.torch)
        if state.cuda is not None:
            torch.cuda.set_rng_state_all(state.cuda)
