"""Batches of a recipe: their order is a function of seed and epoch, whatever else the process draws."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from lrlab.core.errors import SpecError, TaskError
from lrlab.tasks import random_state

Batch = Any  # (input, target), or whatever ``forward`` takes
_FORMS = "an (X, y) pair of tensors or arrays, a Dataset, a DataLoader, or a function (seed) -> iterable of batches"
_END = object()
_ARRAYS = (torch.Tensor, np.ndarray)
_ROWS = (tuple, list)
_PARTS = (*_ARRAYS, *_ROWS, Mapping)


class Batches(Protocol):
    """Where batches come from."""

    @property
    def length(self) -> int | None:
        """Batches in an epoch; None where that is not known."""
        ...

    def epoch(self, seed: int, epoch: int, *, skip: int = 0) -> Iterator[tuple[Batch, int]]:
        """The batches of one epoch, each with its number of samples.

        Args:
            seed: Seed of the run.
            epoch: 0-based.
            skip: How many batches to leave out at the start: a stored run goes on inside an epoch.
        """
        ...


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of one epoch's order; 63 bits, well mixed."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)


def normal_form(who: str, data: object) -> object:
    """``data`` checked, and a pair as tensors.

    NumPy arrays become tensors that share their memory; those of ``float64`` become PyTorch's default float, and
    whole numbers among the targets ``int64``.

    Raises:
        SpecError: If it is none of the forms, empty, or X and y differ in length.
    """
    if isinstance(data, tuple | list) and len(data) == 2 and all(map(_is_array, data)):
        return _as_pair(who, data[0], data[1])
    if isinstance(data, DataLoader | Dataset):
        _refuse_empty(who, _length(data))
        return data
    if callable(data):
        return data
    what = f"{type(data).__name__}"
    if isinstance(data, tuple | list):
        what += " of " + ", ".join(type(part).__name__ for part in data[:3])
    raise SpecError(f"{who}: expected {_FORMS}, got {what}.")


def batches(data: object, *, batch_size: int, shuffle: bool) -> Batches:
    """The batches of data in ``normal_form``; a DataLoader keeps its own size and order."""
    if isinstance(data, tuple):
        return _Pair(data[0], data[1], batch_size=batch_size, shuffle=shuffle)
    if isinstance(data, DataLoader):
        twin = _twin(data)
        return _Iterable(lambda seed: twin, _length(twin))
    if isinstance(data, Dataset):
        plain = DataLoader(
            data, batch_size=batch_size, shuffle=shuffle and not isinstance(data, IterableDataset)
        )
        return _Iterable(lambda seed: plain, _length(plain))
    made: Callable[[int], Iterable[Batch]] = data  # type: ignore[assignment]
    return _Iterable(made, _length_of_made(made))


def takes_batch_size(data: object) -> bool:
    """Whether lrlab cuts ``data`` into batches."""
    return isinstance(data, tuple) or (isinstance(data, Dataset) and not isinstance(data, DataLoader))


def size_of(batch: Batch) -> int:
    """Samples in a batch: the first dimension of the first tensor in it; 1 where there is none."""
    if isinstance(batch, _ARRAYS):
        return len(batch) if batch.ndim else 1
    parts: Iterable[object] = ()
    if isinstance(batch, _ROWS):
        parts = batch
    elif isinstance(batch, Mapping):
        parts = batch.values()
    for part in parts:
        if isinstance(part, _PARTS):
            return size_of(part)
    return 1


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch with every tensor in it on ``device``."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        if hasattr(batch, "to"):  # such as a tokenizer's batch
            return batch.to(device)
        return {name: to_device(part, device) for name, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(part, device) for part in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(to_device(part, device) for part in batch)
    return batch


class _Pair:
    """Tensors X and y, cut by index: nothing is collated."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, *, batch_size: int, shuffle: bool) -> None:
        self._x, self._y = x, y
        self._size = batch_size
        self._shuffle = shuffle

    @property
    def length(self) -> int:
        return -(-len(self._x) // self._size)

    def epoch(self, seed: int, epoch: int, *, skip: int = 0) -> Iterator[tuple[Batch, int]]:
        if not self._shuffle:
            for start in range(skip * self._size, len(self._x), self._size):
                inputs = self._x[start : start + self._size]
                yield (inputs, self._y[start : start + self._size]), len(inputs)
            return
        shuffler = torch.Generator().manual_seed(epoch_seed(seed, epoch))
        order = torch.randperm(len(self._x), generator=shuffler).to(self._x.device)
        for index in torch.split(order, self._size)[skip:]:
            yield (self._x.index_select(0, index), self._y.index_select(0, index)), len(index)


class _Iterable:
    """Whatever can be iterated anew for each epoch.

    It is begun, and its first batch drawn, under random states seeded for the epoch: what draws its order there, as
    a DataLoader's sampler and workers do, has the same order in every process and after every resumption.
    """

    def __init__(self, make: Callable[[int], Iterable[Batch]], length: int | None) -> None:
        self._make = make
        self.length = length

    def epoch(self, seed: int, epoch: int, *, skip: int = 0) -> Iterator[tuple[Batch, int]]:
        own = epoch_seed(seed, epoch)
        mine = random_state.capture()
        try:
            random_state.seed_everything(own)
            rest = iter(self._make(own))
            first = next(rest, _END)
            for _ in range(skip - 1):  # batches that a stored run has seen; their draws are undone below
                next(rest, _END)
        finally:
            random_state.restore(mine)
        if first is not _END and skip == 0:
            yield first, size_of(first)
        for batch in rest:
            yield batch, size_of(batch)


def _twin(loader: DataLoader[Any]) -> DataLoader[Any]:
    """The loader, untouched, as one that draws from the global random states and keeps no worker alive.

    A generator of its own, or workers that outlive the epoch, would carry a state from one run into another.
    """
    twin = copy.copy(loader)
    sampler, batch_sampler = copy.copy(loader.sampler), copy.copy(loader.batch_sampler)
    if hasattr(sampler, "generator"):
        sampler.generator = None
    if batch_sampler is not None and hasattr(batch_sampler, "sampler"):
        batch_sampler.sampler = sampler
    changes = {"sampler": sampler, "batch_sampler": batch_sampler, "generator": None}
    # DataLoader refuses assignment to these after it is made, but here a new one is being made.
    vars(twin).update(changes, persistent_workers=False, _iterator=None)
    return twin


def _length_of_made(make: Callable[[int], Iterable[Batch]]) -> int | None:
    mine = random_state.capture()
    try:
        random_state.seed_everything(0)
        return _length(make(epoch_seed(0, 0)))
    finally:
        random_state.restore(mine)


def _length(data: object) -> int | None:
    try:
        return len(data)  # type: ignore[arg-type]
    except (TypeError, NotImplementedError):
        return None


def _is_array(part: object) -> bool:
    return isinstance(part, torch.Tensor | np.ndarray)


def _as_pair(who: str, x: object, y: object) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, targets = _as_tensor(who, "X", x), _as_tensor(who, "y", y)
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets):
        raise SpecError(
            f"{who}: X and y must have one entry a sample, got shapes {tuple(inputs.shape)} and {tuple(targets.shape)}."
        )
    _refuse_empty(who, len(inputs))
    if inputs.device != targets.device:
        raise SpecError(
            f"{who}: X lies on {inputs.device}, y on {targets.device}; both must lie on one device."
        )
    if isinstance(y, np.ndarray) and targets.dtype in (torch.uint8, torch.int8, torch.int16, torch.int32):
        targets = targets.long()
    return inputs, targets


def _as_tensor(who: str, which: str, values: object) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        return values.detach()
    array: np.ndarray[Any, Any] = values  # type: ignore[assignment]
    if array.dtype.kind not in "biuf":
        raise SpecError(f"{who}: {which} must hold numbers, got an array of {array.dtype}.")
    if array.dtype == np.float64:
        return torch.tensor(array, dtype=torch.get_default_dtype())
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
    except TypeError:
        raise SpecError(
            f"{who}: PyTorch has no tensor of {array.dtype}.", hint=f"Convert {which} first."
        ) from None


def _refuse_empty(who: str, length: int | None) -> None:
    if length == 0:
        raise SpecError(f"{who}: must hold at least one sample, got none.")


def no_batch(who: str, epoch: int) -> TaskError:
    """The error of data that yields nothing."""
    return TaskError(
        f"{who}: gave no batch in epoch {epoch}.",
        hint="A function (seed) must return a new iterable each time.",
    )
