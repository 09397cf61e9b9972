"""Optimizers by name, class and function."""

from functools import partial
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from lrlab.core.errors import SpecError  # noqa: E402
from lrlab.tasks import torch_optimizers  # noqa: E402
from lrlab.tasks.torch_optimizers import LR_FREE, NAMES, choose, name_of, set_mode  # noqa: E402

pytestmark = pytest.mark.torch


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_builds_an_optimizer_at_the_rate(name: str) -> None:
    choice = choose(name)
    optimizer, rates = choice.build(net(), 0.3)
    assert rates == [0.3]
    assert [group["lr"] for group in optimizer.param_groups] == [0.3]
    assert str(choice) == choice.name == name
    assert choice.lr_range.decades >= 5
    assert choice.default_lr in choice.lr_range  # type: ignore[operator]


def test_names_are_torchs_own_optimizers_with_their_defaults() -> None:
    built = {name: choose(name).build(net(), 0.1)[0] for name in NAMES}
    assert {name: type(optimizer).__name__ for name, optimizer in built.items()} == {
        "sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "adam": "Adam", "adamw": "AdamW",
        "rmsprop": "RMSprop", "adagrad": "Adagrad",
    }  # fmt: skip
    assert [built[name].defaults["momentum"] for name in ("sgd", "momentum", "nesterov")] == [0, 0.9, 0.9]
    assert [built[name].defaults["nesterov"] for name in ("sgd", "momentum", "nesterov")] == [
        False,
        False,
        True,
    ]
    assert built["adamw"].defaults == torch.optim.AdamW(net().parameters(), lr=0.1).defaults


@pytest.mark.parametrize(
    ("name", "default_lr"),
    [("sgd", 1e-3), ("adam", 1e-3), ("adamw", 1e-3), ("rmsprop", 1e-2), ("adagrad", 1e-2)],
)
def test_the_default_rate_is_the_frameworks(name: str, default_lr: float) -> None:
    assert choose(name).default_lr == default_lr


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (torch.optim.AdamW, "adamw"),
        (torch.optim.NAdam, "nadam"),
        (partial(torch.optim.SGD, momentum=0.95), "momentum"),
        (partial(partial(torch.optim.SGD, momentum=0.95), nesterov=True), "nesterov"),
        (partial(torch.optim.AdamW, betas=(0.9, 0.95)), "adamw"),
        (lambda params, lr: torch.optim.SGD(params, lr=lr), "own"),
        ("AdamW", "adamw"),
    ],
)
def test_classes_partials_and_functions(optimizer: Any, name: str) -> None:
    choice = choose(optimizer)
    assert choice.name == name_of(optimizer) == name
    built, rates = choice.build(net(), 0.02)
    assert rates == [built.param_groups[0]["lr"]] == [0.02]
    assert choice.lr_range.decades >= 5


def test_a_class_that_is_not_known_is_searched_around_its_own_default() -> None:
    choice = choose(torch.optim.Adadelta)
    assert choice.default_lr == 1.0
    assert (choice.lr_range.low, choice.lr_range.high) == (1e-3, 1e3)
    assert choose(lambda params, lr: torch.optim.SGD(params, lr=lr)).default_lr is None


def groups(model: nn.Module, lr: float) -> Any:
    return torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": lr / 10}, {"params": model[1].parameters()}], lr
    )  # type: ignore[index]


def fixed(model: nn.Module, lr: float) -> Any:
    return torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": 0.004}, {"params": model[1].parameters(), "lr": 0.02}]  # type: ignore[index]
    )


@pytest.mark.parametrize(("make", "ratio"), [(groups, 10), (fixed, 5)])
@pytest.mark.parametrize("lr", [1e-5, 0.3, 7.0])
def test_the_largest_group_has_the_rate_and_ratios_are_kept(make: Any, ratio: float, lr: float) -> None:
    _, rates = choose(make).build(net(), lr)
    assert rates[1] == lr
    assert rates[0] == pytest.approx(lr / ratio)


def test_only_what_can_be_trained_is_handed_over() -> None:
    model = net()
    model[0].requires_grad_(False)
    optimizer, _ = choose("sgd").build(model, 0.1)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model[1].parameters()]
    with pytest.raises(SpecError, match="model: it has no trainable parameters"):
        choose("sgd").build(model.requires_grad_(False), 0.1)


def test_a_name_that_is_none_is_told_with_those_there_are() -> None:
    with pytest.raises(
        SpecError, match="there is no 'adamv'; there are sgd, momentum, nesterov, adam, adamw, rmsprop"
    ):
        choose("adamv")


@pytest.mark.parametrize("optimizer", [None, 3, torch.optim.SGD(net().parameters(), 0.1), nn.Linear(1, 1)])
def test_what_builds_no_optimizer_is_refused(optimizer: Any) -> None:
    with pytest.raises(SpecError, match="optimizer: expected a name, a class or a function"):
        choose(optimizer)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda params, lr: None, "own must return a torch.optim.Optimizer, got NoneType"),
        (
            lambda params, lr: torch.optim.SGD(params, 0.0),
            r"made groups with the rates \[0.0\]; one must be above 0",
        ),
        (torch.optim.LBFGS, "LBFGS evaluates the loss several times a step"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(make: Any, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        choose(make).build(net(), 0.1)


@pytest.mark.parametrize(
    ("name", "package", "made", "rate"),
    [
        ("prodigy", "prodigyopt", "Prodigy", 1.0),
        ("schedule-free-adamw", "schedulefree", "AdamWScheduleFree", 0.0025),
        ("dadapt-adam", "dadaptation", "DAdaptAdam", 1.0),
        ("Dog", "dog", "DoG", 1.0),
    ],
)
def test_one_that_needs_no_rate_has_its_own(name: str, package: str, made: str, rate: float) -> None:
    pytest.importorskip(package)
    choice = choose(name)
    optimizer, rates = choice.build(net(), rate)
    assert type(optimizer).__name__ == made
    assert choice.name == name.lower()
    assert rates == [rate]
    assert (choice.fixed_lr, choice.default_lr, choice.lr_range) == (rate, rate, None)
    assert choice.name in LR_FREE
    searched = choose(type(optimizer))  # its class is searched, as any other
    assert searched.fixed_lr is None
    assert searched.lr_range is not None


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("prodigy", "prodigyopt"),
        ("schedule-free-adamw", "schedulefree"),
        ("dadapt-adam", "dadaptation"),
        ("dog", "dog-optimizer"),
    ],
)
def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named '{module}'")

    monkeypatch.setattr(torch_optimizers, "import_module", missing)
    with pytest.raises(
        SpecError, match=rf"{name} needs the package {package}, .*pip install 'lrlab\[lr-free\]'"
    ):
        choose(name)
    monkeypatch.setattr(torch_optimizers, "import_module", lambda module: object())
    with pytest.raises(SpecError, match="which cannot be loaded"):
        choose(name)


def test_a_wrong_name_lists_those_that_need_no_rate_too() -> None:
    with pytest.raises(SpecError, match="adagrad, prodigy, schedule-free-adamw, dadapt-adam, dog"):
        choose("prodigi")


def test_an_optimizer_without_modes_is_left_alone() -> None:
    optimizer, _ = choose("adam").build(net(), 0.1)
    set_mode(optimizer, training=False)
    assert optimizer.param_groups[0]["lr"] == 0.1
