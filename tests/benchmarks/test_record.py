"""Recorded grids: what is recorded is what a plain training gives, and it can be replayed."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from benchmarks import record as recording  # noqa: E402
from benchmarks.recorded_workloads import WORKLOADS, Workload  # noqa: E402
from benchmarks.replay import RECORDED, own_grids, own_table, study  # noqa: E402
from benchmarks.wide_workloads import workloads  # noqa: E402
from lrlab.searchers.grid import grid  # noqa: E402

pytestmark = pytest.mark.torch

RATES = (3e-3, 3e-2, 10.0)
UNITS = 3


def workload(name: str) -> Workload:
    return next(workload for workload in (*WORKLOADS, *workloads()) if workload.name == name)


def plain_training(work: Workload, *, lr: float, seed: int, schedule: str) -> dict[str, list[float]]:
    """A naive twin of ``record.train``: ordinary parameters, the lengths put together afterwards."""
    (x, y), (val_x, val_y) = work.data()
    per_unit = work.unit_batches or len(x) // work.batch_size
    rises_and_falls = recording.multipliers(schedule, per_unit * work.units)
    found: dict[str, list[float]] = {
        name: [] for name in ("val_loss", "val_acc", "loss", "grad_norm", "update_ratio")
    }

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            output = model(val_x)
            found["val_loss"].append(work.loss(output, val_y).item())
            if work.classifies:
                found["val_acc"].append((output.argmax(-1) == val_y).float().mean().item())
        model.train()
        return found["val_loss"][-1]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = work.model()
        makers = {
            "sgd": torch.optim.SGD,
            "momentum": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9),
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
            "rmsprop": torch.optim.RMSprop,
        }
        optimizer = makers[work.optimizer](model.parameters(), lr=lr)
        order = torch.Generator().manual_seed(seed)
        validate()
        for unit in range(work.units):
            shuffled = torch.randperm(len(x), generator=order)
            for number in range(per_unit):
                rows = shuffled[number * work.batch_size : (number + 1) * work.batch_size]
                for group in optimizer.param_groups:
                    group["lr"] = lr * float(rises_and_falls[unit * per_unit + number])
                optimizer.zero_grad()
                loss = work.loss(model(x[rows]), y[rows])
                loss.backward()
                before = torch.cat([part.detach().flatten() for part in model.parameters()])
                gradient = torch.cat([part.grad.flatten() for part in model.parameters()])
                if work.clip and gradient.norm() > work.clip:
                    for part in model.parameters():
                        part.grad.mul_(work.clip / gradient.norm().item())
                optimizer.step()
                after = torch.cat([part.detach().flatten() for part in model.parameters()])
                found["loss"].append(loss.item())
                found["grad_norm"].append(gradient.norm().item())
                found["update_ratio"].append(((after - before).norm() / before.norm()).item())
                if not math.isfinite(found["loss"][-1]):
                    return found
            if not math.isfinite(validate()):
                return found
    return found


def same(kept: np.ndarray, expected: list[float]) -> bool:
    """Bit for bit as far as it went, then nothing."""
    told = np.array(expected, np.float32)
    return np.array_equal(kept[: len(told)], told, equal_nan=True) and bool(np.isnan(kept[len(told) :]).all())


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("cancer-deep-linear", "constant"), ("lines-bag", "cosine"), ("manual-transformer", "wsd"),
        ("boxes-cnn", "linear"), ("graph-net", "constant"),
    ],
)  # fmt: skip
def test_what_is_recorded_is_what_a_plain_training_gives(name: str, schedule: str) -> None:
    torch.set_num_threads(1)
    work = replace(
        workload(name),
        units=UNITS if name == "cancer-deep-linear" else 1,
        unit_batches=1 if name == "graph-net" else 20,
    )
    data = work.data()
    for lr in RATES:
        curves = recording.train(work, data, lr=lr, seed=1, schedule=schedule)
        expected = plain_training(work, lr=lr, seed=1, schedule=schedule)
        assert curves.steps_done == len(expected["loss"])
        for metric, values in curves.validation.items():
            assert same(values, expected[metric]), (lr, metric)
        for series in ("loss", "grad_norm", "update_ratio"):
            assert same(curves.series[series], expected[series]), (lr, series)


def test_a_long_gradient_is_cut_before_the_step() -> None:
    work = replace(workload("boxes-cnn"), optimizer="sgd", units=1, unit_batches=4, clip=1e-3)
    assert work.clip is not None
    curves = recording.train(work, work.data(), lr=0.1, seed=0, schedule="constant")
    assert (curves.series["grad_norm"] > 0.1).all()
    model = work.model()
    length = math.sqrt(sum(part.square().sum().item() for part in model.parameters()))
    assert curves.series["update_ratio"] == pytest.approx(0.1 * work.clip / length, rel=0.2)


def test_every_kind_of_training_learns_from_packaged_data() -> None:
    for work in {work.name: work for work in workloads()}.values():
        if work.name.split("-")[0] in ("nyt", "tweets", "movies", "cells", "breast"):
            continue  # their data is that of LRLAB_DATA
        data = work.data()
        curves = recording.train(replace(work, units=1), data, lr=1e-3, seed=0, schedule="constant")
        assert np.isfinite(curves.validation["val_loss"]).all(), work.name
        assert (curves.series["update_ratio"] > 0).all(), work.name


def test_a_grid_is_written_and_can_be_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = workload("cancer-deep-linear")
    path = tmp_path / "cancer-deep-linear-momentum-cosine.npz"
    recording.record(work, "cosine", path, rates=RATES, seeds=(0, 1))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]  # nothing half-written is left
    meta, arrays = own_table(path)
    assert (meta["optimizer"], meta["schedule"], meta["units"], meta["steps"]) == (
        "momentum", "cosine", 40, 840,
    )  # fmt: skip
    assert arrays["val_loss"].shape == arrays["val_acc"].shape == (3, 2, 41)
    assert arrays["loss"].shape == arrays["grad_cosine"].shape == (3, 2, 840)
    assert arrays["multiplier"].shape == (840,)
    assert arrays["steps_done"][0].tolist() == [840, 840]
    assert (arrays["steps_done"][2] < 840).all()  # a rate of 10 diverges
    assert meta["untrained"] == pytest.approx(arrays["val_loss"][:, :, 0].mean())
    seen = own_grids(tmp_path)
    assert [grid.name for grid in seen] == [f"{path.stem}/0", f"{path.stem}/1"]
    for number, one in enumerate(seen):
        assert np.array_equal(one.curves, arrays["val_loss"][:, number].astype(float), equal_nan=True)
        assert one.problem == "cancer-deep-linear"
        means = arrays["val_loss"][:, :, 1:].min(axis=2).mean(axis=1)
        assert one.ends[:2] == pytest.approx(means[:2], rel=1e-6)
        assert one.ends[2] == math.inf
        assert one.regret(10.0) == 1.0
        answer = study(one, grid(3))
        assert answer.question.arms[0].schedule == "cosine"
        assert one.regret(answer.lr) == pytest.approx(one.oracle_regret)


def test_a_finished_grid_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    asked = []
    monkeypatch.setattr(recording, "record", lambda work, schedule, path, **_: asked.append(path.stem))
    (tmp_path / "digits-cnn-sgd-wsd.npz").touch()
    monkeypatch.setattr("sys.argv", ["record", "--out", str(tmp_path), "--only", "digits-cnn"])
    recording.main()
    assert asked == ["digits-cnn-sgd-constant", "digits-cnn-sgd-cosine", "digits-cnn-sgd-linear"]
    assert "digits-cnn-sgd-wsd: is there" in capsys.readouterr().out


def test_schedules_end_at_nothing_and_start_slowly() -> None:
    assert set(recording.multipliers("constant", 40)) == {1.0}
    for schedule in ("cosine", "linear", "wsd"):
        values = recording.multipliers(schedule, 400)
        assert values[0] == 0
        assert values[20] == values.max() == 1
        assert 0 <= values[-1] < 0.02
        assert (np.diff(values[20:]) <= 0).all()
    assert recording.multipliers("wsd", 400)[319] == 1
    assert recording.multipliers("wsd", 400)[360] == pytest.approx(0.5)


def test_rounding_keeps_twelve_bits_and_what_is_not_finite() -> None:
    values = np.array([0.0, np.pi, -1e-30, 3.3e38, np.nan, np.inf, -np.inf, 1e-42], np.float32)
    kept = recording.rounded(values)
    assert kept.dtype == np.float32
    finite = np.isfinite(values)
    assert np.array_equal(finite, np.isfinite(kept))
    assert np.array_equal(values[~finite], kept[~finite], equal_nan=True)
    assert (np.abs(kept[finite] - values[finite]) <= np.abs(values[finite]) / 2**12 + 1e-45).all()


def test_there_are_eight_of_every_kind() -> None:
    assert len(WORKLOADS) == 8
    assert {work.kind for work in WORKLOADS} == {"image", "text", "table", "language model"}
    assert {work.optimizer for work in WORKLOADS} == {"sgd", "momentum", "adam", "adamw", "rmsprop"}
    assert sum(len(work.schedules) for work in WORKLOADS) == 20
    for work in WORKLOADS:
        assert 16 <= work.units <= 64
        assert len(work.rates) == 25
        assert max(work.rates) <= 10
        assert math.log10(work.rates[-1] / work.rates[0]) == pytest.approx(6)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.npz")), ids=lambda path: path.stem)
def test_what_is_kept_is_whole(path: Path) -> None:
    meta, arrays = own_table(path)
    work = workload(meta["workload"])
    assert path.stem == f"{work.name}-{work.optimizer}-{meta['schedule']}"
    assert meta["schedule"] in work.schedules
    assert arrays["lr"].tolist() == list(work.rates)
    assert arrays["seed"].tolist() == [0, 1, 2]
    assert arrays["val_loss"].shape == (25, 3, work.units + 1)
    assert np.isfinite(arrays["val_loss"][:, :, 0]).all()
    for name in recording.SERIES:
        assert arrays[name].shape == (25, 3, meta["steps"])
        assert arrays[name].dtype == np.float32
    done = arrays["steps_done"]
    whole = done == meta["steps"]
    assert np.isfinite(arrays["loss"][whole]).all()
    beyond = np.arange(meta["steps"]) >= done[:, :, None]
    assert np.isnan(arrays["loss"][beyond]).all()
    assert json.dumps(meta).isascii()
