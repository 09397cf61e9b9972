"""Exported schedules in optax, Keras, timm and Lightning themselves, which hold rates in 32-bit numbers or step alone.

They live in an environment of their own; without it each test is skipped.
"""

import math
import warnings
from typing import Any

import numpy as np
import pytest

from lrlab.adapters.schedule_export import export_schedule
from lrlab.api.schedule_views import EXAMPLES
from lrlab.schedules.protocol import Schedule
from lrlab.schedules.text import parse

pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation:DeprecationWarning"
    ),  # Keras 3.15 with NumPy 2
]
LR, STEPS = 3e-3, 120
TEXTS = tuple(example.text for example in EXAMPLES if example.name != "plateau")
CLOSE = 1e-6  # of the peak: 32-bit


def bound(text: str) -> Schedule:
    made = parse(text).bind(total_steps=STEPS)
    assert isinstance(made, Schedule)
    return made


def executed(text: str, target: str, **known: Any) -> dict[str, Any]:
    code = export_schedule(parse(text), target, total_steps=STEPS, **known).text
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, f"{target}.py", "exec"), names)
    return names


def same(text: str, told: Any, *, close: float = CLOSE) -> None:
    wanted = np.array([LR * bound(text)(step) for step in range(len(told))])
    np.testing.assert_allclose(np.asarray(told, dtype=np.float64), wanted, rtol=0, atol=close * wanted.max())


@pytest.mark.parametrize("text", TEXTS)
def test_optax(text: str) -> None:
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    schedule = executed(text, "optax", lr=LR)["make_schedule"]()
    told = jax.vmap(schedule)(jax.numpy.arange(2 * STEPS))
    told = np.broadcast_to(told, 2 * STEPS)
    same(text, told)
    # As an optimizer applies it: the update of a gradient of 1 is minus the rate.
    optimizer = optax.sgd(schedule)
    state = optimizer.init(0.0)
    step = jax.jit(lambda state: optimizer.update(jax.numpy.float32(1.0), state))
    applied = []
    for _ in range(20):
        update, state = step(state)
        applied.append(-float(update))
    same(text, applied)


@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("cosine to 0.1", lambda optax: optax.cosine_decay_schedule(LR, STEPS, alpha=0.1)),
        ("linear to 0.1", lambda optax: optax.linear_schedule(LR, 0.1 * LR, STEPS)),
        ("polynomial power 2", lambda optax: optax.polynomial_schedule(LR, 0.0, 2, STEPS)),
        ("exponential by 0.1 every 40", lambda optax: optax.exponential_decay(LR, 40, 0.1)),
        ("exponential by 0.1 every 40 to 0.02",
         lambda optax: optax.exponential_decay(LR, 40, 0.1, end_value=0.02 * LR)),
        ("step 30, 60 by 0.1", lambda optax: optax.piecewise_constant_schedule(LR, {30: 0.1, 60: 0.1})),
        ("warmup 20 then cosine",
         lambda optax: optax.warmup_cosine_decay_schedule(0.0, LR, 20, STEPS, end_value=0.0)),
    ],
)  # fmt: skip
def test_optax_own_schedules(text: str, make: Any) -> None:
    optax = pytest.importorskip("optax")
    schedule = make(optax)
    same(text, [float(schedule(step)) for step in range(2 * STEPS)])


@pytest.mark.parametrize(
    "text", ["plateau by 0.5 patience 2 cooldown 3 to 0.1", "plateau absolute threshold 0.05"]
)
def test_optax_plateau(text: str) -> None:
    pytest.importorskip("optax")
    jax = pytest.importorskip("jax")
    transform = executed(text, "optax")["make_transform"]()
    state, rule = transform.init(jax.numpy.float32(0.0)), parse(text).bind()
    ours = rule.start()  # type: ignore[union-attr]
    for step in range(80):
        metric = 1 / (1 + step / 9) + 0.2 * math.sin(step)
        update, state = transform.update(jax.numpy.float32(1.0), state, value=metric)
        ours = rule.next(ours, metric)  # type: ignore[union-attr]
        assert float(update) == pytest.approx(rule.multiplier(ours), rel=1e-6)  # type: ignore[union-attr]
    assert rule.multiplier(ours) < 1  # type: ignore[union-attr]


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("text", TEXTS)
def test_keras(text: str, keras: Any) -> None:
    schedule = executed(text, "keras", lr=LR)["make_schedule"]()
    same(text, [float(schedule(step)) for step in range(2 * STEPS)])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert float(again(7)) == float(schedule(7))


def test_keras_own_schedules_and_optimizer(keras: Any) -> None:
    schedules = keras.optimizers.schedules
    own = schedules.CosineDecay(0.0, STEPS - 20, alpha=0.1, warmup_target=LR, warmup_steps=20)
    same("warmup 20 then cosine to 0.1", [float(own(step)) for step in range(2 * STEPS)])
    own = schedules.PolynomialDecay(LR, STEPS, end_learning_rate=0.1 * LR, power=2.0)
    same("polynomial power 2 to 0.1", [float(own(step)) for step in range(2 * STEPS)])
    own = schedules.ExponentialDecay(LR, 40, 0.1, staircase=True)
    same("step every 40 by 0.1", [float(own(step)) for step in range(2 * STEPS)])
    # Its pieces hold their value at the boundary itself, so they fall one step later.
    own = schedules.PiecewiseConstantDecay([30], [LR, 0.1 * LR])
    assert (float(own(30)), float(own(31))) == pytest.approx((LR, 0.1 * LR))
    assert bound("step 30, 60 by 0.1")(30) == pytest.approx(0.1)
    optimizer = keras.optimizers.SGD(executed("warmup 10 then linear", "keras", lr=LR)["make_schedule"]())
    weight = keras.Variable(0.0)
    optimizer.build([weight])
    before, told = 0.0, []
    for _ in range(30):
        optimizer.apply([keras.ops.convert_to_tensor(1.0)])
        now = float(weight.numpy() if hasattr(weight, "numpy") else weight)
        told.append(before - now)
        before = now
    same("warmup 10 then linear", told, close=1e-4)  # differences of a 32-bit weight


def test_keras_plateau(keras: Any) -> None:
    class Model:
        optimizer = keras.optimizers.SGD(LR)

    text = "plateau by 0.5 patience 2 cooldown 3 threshold 0.01 absolute to 0.1"
    callback = executed(text, "keras", lr=LR)["make_callback"]()
    callback.set_model(Model())
    callback.on_train_begin()
    rule = parse(text).bind()
    ours = rule.start()  # type: ignore[union-attr]
    for epoch in range(60):
        metric = 1 / (1 + epoch / 9) + 0.2 * math.sin(epoch)
        callback.on_epoch_end(epoch, {"val_loss": metric})
        ours = rule.next(ours, metric)  # type: ignore[union-attr]
        rate = float(keras.ops.convert_to_numpy(Model.optimizer.learning_rate))
        assert rate == pytest.approx(LR * rule.multiplier(ours), rel=1e-5), epoch  # type: ignore[union-attr]
    assert rule.multiplier(ours) == pytest.approx(0.1)  # type: ignore[union-attr]


def sgd(torch: Any) -> Any:
    return torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=LR)


@pytest.mark.parametrize("text", TEXTS)
def test_timm(text: str) -> None:
    pytest.importorskip("timm")
    torch = pytest.importorskip("torch")
    optimizer = sgd(torch)
    scheduler = executed(text, "timm")["make_scheduler"](optimizer)
    told = []
    for done in range(2 * STEPS):
        told.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step_update(done + 1)
    same(text, told, close=1e-12)


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("cosine to 0.1", "CosineLRScheduler", {"t_initial": STEPS, "lr_min": 0.1 * LR}),
        ("warmup 20 then cosine", "CosineLRScheduler",
         {"t_initial": STEPS - 20, "warmup_t": 20, "warmup_prefix": True}),
        ("step every 30 by 0.1", "StepLRScheduler", {"decay_t": 30, "decay_rate": 0.1}),
        # It falls one update early.
        ("step 29, 59 by 0.1", "MultiStepLRScheduler", {"decay_t": [30, 60], "decay_rate": 0.1}),
        ("polynomial power 2", "PolyLRScheduler", {"t_initial": STEPS, "power": 2.0}),
        ("tanh", "TanhLRScheduler", {"t_initial": STEPS, "lb": -6.0, "ub": 3.0}),
    ],
)  # fmt: skip
def test_timm_own_schedules(text: str, name: str, arguments: dict[str, Any]) -> None:
    schedulers = pytest.importorskip("timm.scheduler")
    torch = pytest.importorskip("torch")
    optimizer = sgd(torch)
    module: Any = (
        getattr(schedulers, name, None)
        or pytest.importorskip("timm.scheduler.multistep_lr").MultiStepLRScheduler
    )
    scheduler = module(optimizer, t_in_epochs=False, **arguments)
    told = [optimizer.param_groups[0]["lr"]]
    for done in range(1, STEPS):
        scheduler.step_update(done)
        told.append(optimizer.param_groups[0]["lr"])
    told[0] = (
        LR * bound(text)(0) if name == "TanhLRScheduler" else told[0]
    )  # starts at the exact peak, unlike its formula
    same(text, told, close=1e-12)


def test_lightning() -> None:
    lightning = pytest.importorskip("lightning")
    torch = pytest.importorskip("torch")
    text, applied = "warmup 10 then cosine to 0.01", []
    config = executed(text, "lightning", lr=LR)["lr_scheduler_config"]

    class Line(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch: Any, index: int) -> Any:
            return ((self.weight - batch[0]) ** 2).mean()

        def on_before_optimizer_step(self, optimizer: Any) -> None:
            applied.append(optimizer.param_groups[0]["lr"])

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=LR)
            return {"optimizer": optimizer, "lr_scheduler": config(optimizer)}

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(80, 1)), batch_size=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_steps=60, accumulate_grad_batches=2, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Line(), data)
    assert len(applied) == 60
    same(text, applied, close=1e-12)
