"""Every form of data gives the batches it should, in an order that depends on seed and epoch only."""

from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler  # noqa: E402

from lrlab.api.torch import Recipe  # noqa: E402
from lrlab.core.errors import SpecError, TaskError  # noqa: E402
from lrlab.core.record import Record  # noqa: E402
from lrlab.tasks.torch_data import batches, epoch_seed, normal_form, size_of, to_device  # noqa: E402

pytestmark = pytest.mark.torch

X = torch.arange(46.0).reshape(23, 2) / 46
Y = torch.arange(23) % 3
PAIR = (X, Y)


def model() -> nn.Module:
    return nn.Linear(2, 3)


def keys(recipe: Recipe, seed: int = 0) -> list[Any]:
    session = recipe.start(0.1, seed=seed)
    found = [record.key() for record in session.advance(recipe.budget)]
    session.close()
    return found


class Seen(nn.Module):
    """Notes the first number of every sample that it is trained with."""

    log: list[list[float]] = []  # noqa: RUF012 - shared on purpose: a run builds its own model

    def __init__(self) -> None:
        super().__init__()
        self.inner = model()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.training:
            Seen.log.append([round(46 * float(row[0])) // 2 for row in inputs])
        return self.inner(inputs)


def order(data: Any, *, seed: int = 0, budget: int = 2, **options: Any) -> list[list[float]]:
    """Indices of the samples in each training batch."""
    Seen.log = []
    keys(Recipe(Seen, data, val_data=PAIR, budget=budget, **options), seed)
    return Seen.log


FORMS: dict[str, Any] = {
    "pair": PAIR,
    "dataset": TensorDataset(*PAIR),
    "loader": DataLoader(TensorDataset(*PAIR), batch_size=8, shuffle=True),
    "loader with a generator": DataLoader(
        TensorDataset(*PAIR), batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(4)
    ),
    "function": lambda seed: DataLoader(
        TensorDataset(*PAIR), batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(seed)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_order_depends_on_seed_and_epoch_only(form: str) -> None:
    options = {"batch_size": 8} if form in ("pair", "dataset") else {}
    first = order(FORMS[form], **options)
    assert [len(batch) for batch in first] == [8, 8, 7] * 2
    for epoch in (first[:3], first[3:]):
        assert sorted(index for batch in epoch for index in batch) == list(range(23))
    torch.rand(5)  # what the caller draws changes nothing
    assert order(FORMS[form], **options) == first
    assert order(FORMS[form], budget=3, **options)[:6] == first
    assert first[:3] != first[3:]
    assert order(FORMS[form], seed=1, **options) != first


def test_a_pair_is_shuffled_by_the_epochs_seed() -> None:
    wanted = [
        batch.tolist()
        for epoch in range(2)
        for batch in torch.randperm(23, generator=torch.Generator().manual_seed(epoch_seed(5, epoch))).split(
            8
        )
    ]
    assert order(PAIR, seed=5, batch_size=8) == wanted


def test_epoch_seeds_differ_and_fit_63_bits() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(50) for epoch in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert epoch_seed(0, 0) == epoch_seed(0, 0)


def test_a_loader_that_does_not_shuffle_keeps_its_order_and_leaves_out_what_it_leaves_out() -> None:
    loader = DataLoader(TensorDataset(*PAIR), batch_size=8, drop_last=True)
    assert order(loader) == [list(range(8)), list(range(8, 16))] * 2


def test_a_sampler_of_its_own_is_kept() -> None:
    sampler = WeightedRandomSampler([0.0] * 20 + [1.0] * 3, 10)
    seen = order(DataLoader(TensorDataset(*PAIR), batch_size=5, sampler=sampler))
    assert {index for batch in seen for index in batch} <= {20, 21, 22}
    assert [len(batch) for batch in seen] == [5] * 4


def test_the_loader_itself_is_left_as_it_was() -> None:
    generator = torch.Generator().manual_seed(4)
    loader = DataLoader(TensorDataset(*PAIR), batch_size=8, shuffle=True, generator=generator)
    before, sampler = generator.get_state(), loader.sampler
    order(loader)
    assert torch.equal(generator.get_state(), before)
    assert loader.sampler is sampler
    assert loader.generator is sampler.generator is generator


def test_a_collation_of_its_own_is_kept() -> None:
    def first_only(samples: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        return samples[0][0][None], samples[0][1][None]

    loader = DataLoader(TensorDataset(*PAIR), batch_size=8, collate_fn=first_only)
    assert order(loader, budget=1) == [[0], [8], [16]]


class Disturbed(Dataset):
    """Samples that differ whenever they are read."""

    def __len__(self) -> int:
        return 23

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return X[index] + 0.1 * torch.rand(2) + 0.1 * float(np.random.rand()), Y[index]


def test_workers_give_the_same_bits_every_time() -> None:
    loader = DataLoader(Disturbed(), batch_size=8, shuffle=True, num_workers=1, persistent_workers=True)
    recipe = Recipe(model, loader, val_data=PAIR, budget=2)
    whole = keys(recipe)
    session = recipe.start(0.1, seed=0)
    parts = [record.key() for record in session.advance(1)]
    state = session.state()
    session.close()
    session = recipe.start(0.1, seed=0)
    session.restore(state)
    assert parts + [record.key() for record in session.advance(2)] == whole


class Stream(IterableDataset):
    """Samples in a row, of no known number."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return iter(zip(X, Y, strict=True))


@pytest.mark.parametrize(
    "data", [Stream(), DataLoader(Stream(), batch_size=8), lambda seed: iter([PAIR, PAIR])]
)
def test_data_of_no_known_length(data: Any) -> None:
    recipe = Recipe(model, data, val_data=PAIR, budget=2)
    session = recipe.start(0.1, seed=0)
    records = list(session.advance(2))
    assert [record.at for record in records] == [0, 1, 2]
    assert records[-1].step == 2 * (2 if callable(data) else 1 if isinstance(data, Stream) else 3)
    for change in ({"schedule": "cosine"}, {"warmup": 0.1}):
        with pytest.raises(SpecError, match="does not tell its number of batches"):
            replace(recipe, **change).start(0.1, seed=0)
    with pytest.raises(SpecError, match="log_every: the place inside an epoch is not known"):
        replace(recipe, log_every=1).start(0.1, seed=0)
    counted = replace(recipe, unit="step", budget=6, schedule="cosine", log_every=1, eval_every=2)
    assert [end[0] for end in keys(counted)][-1] == (6.0).hex()


def test_a_function_is_called_anew_for_each_epoch() -> None:
    seeds: list[int] = []

    def data(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        seeds.append(seed)
        return [PAIR, PAIR]

    keys(Recipe(model, data, val_data=PAIR, budget=3), seed=7)
    assert seeds[-3:] == [epoch_seed(7, epoch) for epoch in range(3)]


def test_a_stored_run_goes_on_inside_an_epoch() -> None:
    for data in (PAIR, Disturbed(), lambda seed: DataLoader(Disturbed(), batch_size=3, shuffle=True)):
        recipe = Recipe(
            model,
            data,
            val_data=PAIR,
            unit="step",
            budget=20,
            eval_every=1,
            **({} if callable(data) else {"batch_size": 3}),
        )
        whole = keys(recipe)
        for stop in (3, 8, 16):  # in the first epoch of 8 batches, at its end, at the second's
            session = recipe.start(0.1, seed=0)
            parts = [record.key() for record in session.advance(stop)]
            other = recipe.start(0.1, seed=0)
            other.restore(session.state())
            assert parts + [record.key() for record in other.advance(20)] == whole, (data, stop)


def test_arrays_become_tensors() -> None:
    inputs, targets = normal_form("data", (X.numpy().astype(np.float64), Y.numpy().astype(np.uint8)))
    assert (inputs.dtype, targets.dtype) == (torch.float32, torch.int64)
    shared, _ = normal_form("data", (X.numpy(), Y))
    assert shared.data_ptr() == X.data_ptr()
    kept, _ = normal_form("data", (X.double(), Y))
    assert kept.dtype == torch.float64
    flipped, _ = normal_form("data", (X.numpy()[::-1], Y))
    assert torch.equal(flipped, X.flip(0))
    swapped, _ = normal_form("data", (X.numpy().astype(">f4"), Y))
    assert torch.equal(swapped, X)
    read_only = X.numpy().copy()
    read_only.flags.writeable = False
    assert torch.equal(normal_form("data", (read_only, Y))[0], X)


def test_arrays_and_tensors_train_alike() -> None:
    tensors = Recipe(model, PAIR, val_data=PAIR, budget=2)
    arrays = replace(tensors, data=[X.numpy(), Y.numpy()], val_data=(X.numpy().astype(np.float64), Y.numpy()))
    assert keys(arrays) == keys(tensors)


def test_batches_of_any_kind_with_forward() -> None:
    rows = [{"numbers": X[k], "class": Y[k], "names": "abc"} for k in range(23)]

    def forward(net: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch["numbers"]), batch["class"])

    recipe = Recipe(
        model, rows_dataset(rows), val_data=rows_dataset(rows), forward=forward, budget=2, batch_size=8
    )
    session = recipe.start(0.1, seed=0)
    records = list(session.advance(2))
    net = recipe.load_model(session.state())
    assert set(records[-1].metrics) == {"train_loss", "val_loss", "lr", "grad_norm"}
    assert records[-1].metrics["val_loss"] == pytest.approx(
        float(nn.functional.cross_entropy(net(X), Y).detach()), rel=1e-6
    )


def rows_dataset(rows: list[dict[str, Any]]) -> Dataset:
    class Rows(Dataset):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, index: int) -> dict[str, Any]:
            return rows[index]

    return Rows()


def test_a_model_of_several_inputs_is_given_all_of_them() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model()

        def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            return self.inner(first + second)

    loader = DataLoader([((X[k], X[k]), Y[k]) for k in range(23)], batch_size=8)
    double = Recipe(model, (2 * X, Y), val_data=(2 * X, Y), budget=1)
    several = Recipe(Two, loader, val_data=loader, budget=1, val_batch_size=None)
    untrained = [next(iter(recipe.start(0.1, seed=0).advance(0))) for recipe in (double, several)]
    assert untrained[0].metrics == pytest.approx(untrained[1].metrics, rel=1e-6)


def test_accuracy_shows_where_a_loaders_targets_turn_out_to_be_classes() -> None:
    def last(data: Any, **options: Any) -> Record:
        session = Recipe(lambda: nn.Linear(2, 3), data, val_data=data, budget=1, **options).start(0.1, seed=0)
        return list(session.advance(1))[-1]

    classes, values = TensorDataset(X, Y), TensorDataset(X, torch.rand(23, 3))
    assert "val_acc" in last(classes).metrics
    assert "val_acc" not in last(values).metrics
    assert "val_acc" in last(classes, loss=nn.CrossEntropyLoss()).metrics
    assert "val_acc" not in last(classes, loss=lambda output, target: output.mean()).metrics


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (X, 23), (PAIR, 23), ([X[:4], "a"], 4), ({"a": X[:5], "b": 3}, 5), (("id", X[:6]), 6), ({"a": {"b": X[:2]}}, 2),
        ("text", 1), (3.5, 1), ((1, 2), 1), (torch.tensor(3.0), 1), (np.zeros((7, 2)), 7),
    ],
)  # fmt: skip
def test_the_size_of_a_batch(batch: Any, size: int) -> None:
    assert size_of(batch) == size


def test_every_tensor_of_a_batch_goes_to_the_device() -> None:
    point = namedtuple("point", ["x", "name"])

    class Tokens(dict[str, torch.Tensor]):
        """As tokenizers return them."""

        def to(self, device: torch.device) -> "Tokens":
            return Tokens({name: part.to(device) for name, part in self.items()})

    batch = {"pair": (X, [Y, "text"]), "point": point(X, 3), "tokens": Tokens(ids=Y)}
    there = to_device(batch, torch.device("meta"))  # a device that every machine has
    assert isinstance(there["pair"], tuple)
    assert isinstance(there["tokens"], Tokens)
    assert there["point"].name == 3
    assert there["pair"][1][1] == "text"
    for tensor in (there["pair"][0], there["pair"][1][0], there["point"].x, there["tokens"]["ids"]):
        assert tensor.device.type == "meta"
    assert batch["pair"][0] is X


def test_data_that_gives_nothing_is_a_failure() -> None:
    recipe = Recipe(model, lambda seed: iter(()), val_data=PAIR)
    session = recipe.start(0.1, seed=0)
    with pytest.raises(TaskError, match="data: gave no batch in epoch 0"):
        list(session.advance(1))
    empty = Recipe(model, PAIR, val_data=lambda seed: iter(()))
    with pytest.raises(TaskError, match="val_data: gave no batch"):
        list(empty.start(0.1, seed=0).advance(1))


def test_more_batches_than_were_told_stay_inside_the_unit() -> None:
    class Longer(list[Any]):
        def __len__(self) -> int:
            return 3

    data = Longer([PAIR] * 5)
    session = Recipe(model, lambda seed: data, val_data=PAIR, budget=2, log_every=1).start(0.1, seed=0)
    assert [record.at for record in session.advance(1)] == pytest.approx(
        [0, 1 / 3, 2 / 3, 2.5 / 3, 2.5 / 3, 1]
    )


def test_batches_can_be_counted() -> None:
    assert batches(PAIR, batch_size=8, shuffle=True).length == 3
    assert batches(TensorDataset(*PAIR), batch_size=8, shuffle=True).length == 3
    assert batches(Stream(), batch_size=8, shuffle=True).length is None
    assert batches(lambda seed: [PAIR] * 4, batch_size=8, shuffle=True).length == 4
