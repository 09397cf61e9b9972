"""``lrlab.watch(model, optimizer)``: what is measured is exact, nothing is changed, and no error gets out."""

import json
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import lrlab  # noqa: E402
from lrlab.core.errors import NotFoundError, SpecError  # noqa: E402
from lrlab.diagnosis.alerts import Alert  # noqa: E402

pytestmark = pytest.mark.torch


def parts(lr: float = 0.05, *, kind: str = "Adam", **settings: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    return model, getattr(torch.optim, kind)(model.parameters(), lr=lr, **settings)


def train(model: Any, optimizer: Any, watcher: Any = None, *, steps: int = 60, schedule: Any = None) -> Any:
    """The loop of a person."""
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randn(16, 6, generator=draw)
        optimizer.zero_grad()
        loss = (model(x) - x[:, :1] * x[:, 1:2]).square().mean()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        if watcher is not None:
            watcher.log(loss=loss)
    return [weight.detach().clone() for weight in model.parameters()]


def quietly(model: Any, optimizer: Any, **settings: Any) -> Any:
    return lrlab.watch(model, optimizer, quiet=True, **settings)


def test_nothing_is_changed() -> None:
    alone = train(*parts())
    model, optimizer = parts()
    watcher = quietly(model, optimizer, telemetry=1, every=5)
    watched = train(model, optimizer, watcher)
    watcher.close()
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert all(weight.grad_fn is None for weight in model.parameters())


def test_lengths_are_those_of_a_naive_measurement() -> None:
    model, optimizer = parts()
    watcher = quietly(model, optimizer, telemetry=1)
    wanted = []
    for _ in range(5):
        before = torch.cat([weight.detach().flatten().clone() for weight in model.parameters()])
        train(model, optimizer, watcher, steps=1)
        after = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        gradient = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
        wanted.append((((after - before).norm() / before.norm()).item(), gradient))
    tracks = watcher._run._tracks
    watcher.checkup()
    for column, at in (("update_ratio", 0), ("grad_norm", 1)):
        blocks = tracks[column].blocks()
        assert blocks[:, 1].tolist() == pytest.approx([pair[at] for pair in wanted], rel=1e-5)


def test_the_shortest_gradient_of_a_layer_is_that_of_a_naive_measurement() -> None:
    model, optimizer = parts()
    watcher = quietly(model, optimizer, telemetry=1)
    wanted = []
    for _ in range(5):
        train(model, optimizer, watcher, steps=1)
        lengths = [model[0].weight.grad.norm().item(), model[2].weight.grad.norm().item()]
        whole = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
        wanted.append((min(lengths) / whole, float(lengths[1] < lengths[0])))
    watcher.checkup()
    tracks = watcher._run._tracks
    assert tracks["layer_grad_min"].blocks()[:, 1].tolist() == pytest.approx([w for w, _ in wanted], rel=1e-5)
    assert tracks["layer_grad_min_at"].blocks()[:, 1].tolist() == [place for _, place in wanted]


def test_a_layer_that_dies_is_told_by_its_name() -> None:
    model, optimizer = parts(0.02, kind="SGD")
    with quietly(model, optimizer, telemetry=1, total_steps=60) as watcher:
        train(model, optimizer, watcher, steps=5)
        model[0].bias.data.fill_(-1e3)  # no rectifier lets anything through any more
        train(model, optimizer, watcher, steps=55)
    verdict = watcher.checkup().found("dead_layer")
    assert verdict is not None
    assert verdict.sentence == "Layer 0.weight is dead: since step 5 its weights have had no gradient."


def test_a_model_of_one_matrix_has_no_layers() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with quietly(model, optimizer, telemetry=1) as watcher:
        train(model, optimizer, watcher, steps=3)
    assert "layer_grad_min" not in watcher.checkup().columns


def test_lengths_of_large_weights_are_close() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(700, 300)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher = quietly(model, optimizer, telemetry=1)
    before = model.weight.detach().clone()
    model(torch.randn(8, 700)).square().mean().backward()
    optimizer.step()
    ratio = ((model.weight - before).norm() / before.norm()).item()
    watcher.checkup()
    tracks = watcher._run._tracks
    assert tracks["update_ratio"].blocks()[0, 1] == pytest.approx(ratio, rel=0.1)
    assert tracks["grad_norm"].blocks()[0, 1] == pytest.approx(model.weight.grad.norm().item(), rel=0.1)


def test_samples_are_as_far_apart_as_told() -> None:
    for every, count in ((0, None), (1, 35), (17, 3)):
        model, optimizer = parts()
        with quietly(model, optimizer, telemetry=every) as watcher:
            train(model, optimizer, watcher, steps=35)
        track = watcher._run._tracks.get("update_ratio")
        assert (None if track is None else track.count) == count
        assert watcher.checkup().steps == 35


def test_the_rate_of_every_group() -> None:
    model, _ = parts()
    groups = [{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.125)
    with quietly(model, optimizer) as watcher:
        train(model, optimizer, watcher, steps=5)
    assert watcher.rates == (0.125, 0.5)
    assert watcher.checkup().lr == 0.125  # the group with most of the weights


def test_the_optimizer_is_known() -> None:
    for kind, settings, name in (
        ("SGD", {}, "sgd"), ("SGD", {"momentum": 0.9}, "momentum"), ("AdamW", {}, "adamw"), ("Rprop", {}, ""),
    ):  # fmt: skip
        assert quietly(*parts(kind=kind, **settings)).checkup().optimizer == name


def test_a_rate_that_is_far_too_low_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model, optimizer = parts(1e-6)
    heard: list[Alert] = []
    file = tmp_path / "alerts.jsonl"
    with lrlab.watch(model, optimizer, total_steps=400, alerts=file, on_alert=heard.append) as watcher:
        train(model, optimizer, watcher, steps=400)
    assert [alert.verdict.symptom for alert in watcher.alerts] == ["rate_too_low"]
    assert heard == watcher.alerts
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"lrlab: {heard[0]}\n"
    [line] = file.read_text().splitlines()
    document = json.loads(line)
    assert (document["schema"], document["symptom"]) == ("lrlab.alert/1", "rate_too_low")
    assert document["advice"]["factor"] > 1
    assert str(watcher.checkup()).startswith("The learning rate is too low")


def test_an_explosion_is_told_at_once() -> None:
    model, optimizer = parts(1e12, kind="SGD")
    with quietly(model, optimizer, every=10_000) as watcher:
        train(model, optimizer, watcher, steps=30)
    assert [alert.verdict.symptom for alert in watcher.alerts] == ["diverged"]
    assert watcher.alerts[0].step < 15


def test_weights_that_are_not_finite_are_a_loss_that_is_not() -> None:
    model, optimizer = parts()
    with quietly(model, optimizer, telemetry=2) as watcher:
        train(model, optimizer, watcher, steps=3)
        model[0].weight.data[0, 0] = math.nan
        for _ in range(3):
            train(model, optimizer, steps=1)
            watcher.log(loss=0.5)  # such as a filter that hides it
    assert watcher.checkup().found("diverged") is not None


@pytest.mark.parametrize(("length", "bad"), [(200, False), (50, True)])
def test_the_planned_schedule(length: int, bad: bool) -> None:
    model, optimizer = parts()
    falls = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, length)
    with quietly(model, optimizer, total_steps=200, schedule="cosine", lr=0.05, every=20) as watcher:
        train(model, optimizer, watcher, steps=150, schedule=falls)
    assert (watcher.checkup().found("not_as_planned") is not None) == bad
    assert any(alert.verdict.symptom == "not_as_planned" for alert in watcher.alerts) == bad


def test_names_of_columns() -> None:
    model, optimizer = parts()
    with quietly(model, optimizer) as watcher:
        train(model, optimizer, steps=1)
        watcher.log(train_loss=1.0, eval_loss=torch.tensor(2.0), val_accuracy=0.5)
        with pytest.warns(RuntimeWarning, match="nothing is known about 'perplexity'"):
            watcher.log(perplexity=9.0)
        watcher.log(perplexity=9.0)  # said once
    assert set(watcher.checkup().columns) >= {"loss", "val_loss", "val_acc"}


def test_a_loss_that_never_comes_is_missed_once() -> None:
    model, optimizer = parts()
    with (
        quietly(model, optimizer, every=5),
        pytest.warns(RuntimeWarning, match=r"no loss has come in 5 steps.*watcher\.log") as said,
    ):
        train(model, optimizer, steps=20)
    assert len(said) == 1
    with quietly(model, optimizer, every=5) as watcher:
        train(model, optimizer, watcher, steps=20)  # a warning would be an error


def test_an_error_ends_the_watching_with_one_warning() -> None:
    alone = train(*parts(), steps=20)
    model, optimizer = parts()
    watcher = quietly(model, optimizer)
    with pytest.warns(RuntimeWarning, match=r"the training goes on: ValueError: could not convert") as said:
        watcher.log(loss="nought")
    watched = train(model, optimizer, watcher, steps=20)
    assert (len(said), watcher.checkup().steps) == (1, 0)
    assert all(torch.equal(a, b) for a, b in zip(alone, watched, strict=True))
    assert not optimizer._optimizer_step_post_hooks


def test_where_warnings_are_errors_the_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    model, optimizer = parts()
    watcher = quietly(model, optimizer)
    optimizer.param_groups[0]["lr"] = "fast"
    watcher._run.apply = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watcher.guard(watcher.stepped, [0.1])
    assert "lrlab.watch: watching has ended by an error" in capsys.readouterr().err


def test_who_cannot_listen_is_left_out() -> None:
    def breaks(alert: Alert) -> None:
        raise OSError("disk full")

    model, optimizer = parts(1e12, kind="SGD")
    with (
        quietly(model, optimizer, on_alert=breaks) as watcher,
        pytest.warns(
            RuntimeWarning, match="an alert could not be told and no other will be: OSError: disk full"
        ),
    ):
        train(model, optimizer, watcher, steps=30)
    assert watcher.alerts
    assert watcher.checkup().steps == 30


def test_a_command_hears_it(tmp_path: Path) -> None:
    code = "import json, os, sys; a = json.load(sys.stdin); "
    code += "open(sys.argv[1], 'a').write(a['symptom'] + ' ' + os.environ['LRLAB_ALERT_SEVERITY'] + '\\n')"
    model, optimizer = parts(1e12, kind="SGD")
    heard = tmp_path / "heard.txt"
    with quietly(model, optimizer, on_alert=[sys.executable, "-c", code, heard]) as watcher:
        train(model, optimizer, watcher, steps=30)
    assert heard.read_text() == "diverged error\n"


def test_a_command_that_fails_is_told_once() -> None:
    model, optimizer = parts(1e12, kind="SGD")
    watcher = quietly(model, optimizer, on_alert=[sys.executable, "-c", "import sys; sys.exit(3)"])
    train(model, optimizer, watcher, steps=30)
    with pytest.warns(RuntimeWarning, match=r"has ended with exit code 3\. This is told once"):
        watcher.close()
    assert watcher.alerts


MODEL, OPTIMIZER = parts()
OTHER = torch.nn.Linear(2, 2)
WRONG = [
    ((MODEL, "adam"), {}, "optimizer must be a torch.optim.Optimizer, got str"),
    ((MODEL,), {}, "expected a model with its optimizer, a YOLO model or a Trainer, got Sequential"),
    (("run.csv",), {}, "'run.csv' is watched from the command line"),
    ((OTHER, OPTIMIZER), {}, "trains none of the model's weights"),
    ((3, OPTIMIZER), {}, "expected a PyTorch model beside the optimizer, got int"),
    ((MODEL, OPTIMIZER), {"total_steps": 0}, "watch: total_steps: must be"),
    ((MODEL, OPTIMIZER), {"total_steps": "many"}, "watch: total_steps: must be"),
    ((MODEL, OPTIMIZER), {"telemetry": -1}, "watch: telemetry: must be"),
    ((MODEL, OPTIMIZER), {"every": 0}, "watch: every: must be"),
    ((MODEL, OPTIMIZER), {"every": 2.5}, "watch: every: must be"),
    ((MODEL, OPTIMIZER), {"level": "loud"}, "level must be one of note, warn, error, got 'loud'"),
    ((MODEL, OPTIMIZER), {"schedule": "cosine"}, "schedule needs total_steps"),
    ((MODEL, OPTIMIZER), {"schedule": "cosin", "total_steps": 9}, "cosin"),
    ((MODEL, OPTIMIZER), {"warmup": 0.1}, "warmup belongs to a schedule, got 0.1 alone"),
    ((MODEL, OPTIMIZER), {"lr": -1.0}, "watch: lr: a learning rate must be"),
    ((MODEL, OPTIMIZER), {"lr": math.inf}, "watch: lr: a learning rate must be"),
    ((MODEL, OPTIMIZER), {"alerts": "/nowhere/at/all.jsonl"}, "'/nowhere/at/all.jsonl' cannot be written"),
    ((MODEL, OPTIMIZER), {"on_alert": ""}, "on_alert names no program"),
    ((MODEL, OPTIMIZER), {"on_alert": "say 'it"}, "cannot be parted into words"),
    (
        (MODEL, OPTIMIZER),
        {"on_alert": "no-such-program-here now"},
        "there is no program 'no-such-program-here'",
    ),
]


@pytest.mark.parametrize(("given", "settings", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_what_is_wrong_is_refused_before_the_training(given: Any, settings: Any, said: str) -> None:
    with pytest.raises((SpecError, NotFoundError)) as refused:
        lrlab.watch(*given, **settings)
    assert said in str(refused.value)
    assert not OPTIMIZER._optimizer_step_post_hooks


def test_a_gradient_that_is_sparse_and_a_rate_that_is_a_tensor() -> None:
    model = torch.nn.Embedding(50, 4, sparse=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.5))
    with quietly(model, optimizer, telemetry=1) as watcher:
        for _ in range(4):
            optimizer.zero_grad()
            loss = model(torch.tensor([1, 1, 7])).square().sum()
            loss.backward()
            optimizer.step()
            watcher.log(loss=loss)
    found = watcher.checkup()
    assert (found.lr, found.steps) == (0.5, 4)
    assert "grad_norm" in found.columns
