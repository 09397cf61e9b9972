"""How much memory this process and its devices hold, and how to give some back."""

import contextlib
import ctypes
import gc
import sys
from dataclasses import dataclass

import psutil

from lrlab.core.errors import SpecError

# What a process with torch loaded holds before any run: a bound below it could never be kept.
LEAST_HOST_BYTES = 384 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBound:
    """How much one process may hold while it keeps frozen runs.

    Args:
        host_bytes: Resident memory of the process and of those that it started, at least 384 MiB.
        device_share: Share of each device's memory that its tensors may take, in (0, 1].

    Raises:
        SpecError: If a bound cannot be kept.
    """

    host_bytes: int
    device_share: float = 0.8

    def __post_init__(self) -> None:
        if self.host_bytes < LEAST_HOST_BYTES:
            raise SpecError(
                f"memory: a worker needs at least {LEAST_HOST_BYTES / 2**20:.0f} MiB, "
                f"got {self.host_bytes / 2**20:.0f} MiB.",
                hint="Give more memory, or use fewer workers.",
            )
        if not 0 < self.device_share <= 1:
            raise SpecError(f"memory: device_share must lie in (0, 1], got {self.device_share!r}.")

    @classmethod
    def default(cls, workers: int) -> "MemoryBound":
        """An equal part of 60 % of the memory that is free now."""
        free = psutil.virtual_memory().available
        return cls(host_bytes=max(int(0.6 * free / max(workers, 1)), LEAST_HOST_BYTES))

    def exceeded(self) -> bool:
        """Whether this process holds more than it may."""
        if _resident_bytes() > self.host_bytes:
            return True
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
            return False
        return any(
            torch.cuda.memory_allocated(index)
            > self.device_share * torch.cuda.get_device_properties(index).total_memory
            for index in range(torch.cuda.device_count())
        )


def _resident_bytes() -> int:
    """What this process holds and, of what it has started, the memory that is not shared (frozen commands)."""
    here = psutil.Process()
    total: int = here.memory_info().rss
    for child in here.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            held = child.memory_info()
            total += max(held.rss - getattr(held, "shared", 0), 0)
    return total


def give_back() -> None:
    """Return freed memory to the system and the device, as far as their allocators can."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc keeps freed pages until it is asked
        if trim is not None:
            trim(0)
