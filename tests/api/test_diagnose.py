"""``lrlab.diagnose`` from Python: every kind of source says the same, and what is wrong is refused by name."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

import lrlab
from lrlab.core.errors import LrlabError, NotFoundError, SpecError

LOG = Path(__file__).parents[1] / "diagnosis" / "runs" / "too_low.csv"
KNOWN = {"optimizer": "adam", "total_steps": 768}


def rows() -> list[dict[str, float | None]]:
    with LOG.open(newline="") as file:
        return [{k: float(v) if v else None for k, v in row.items()} for row in csv.DictReader(file)]


class Frame:
    """A data frame as far as columns and items go; an empty cell is NaN, as in pandas."""

    def __init__(self, table: dict[str, list[float | None]]) -> None:
        self._table = {n: np.array([math.nan if v is None else v for v in c]) for n, c in table.items()}

    @property
    def columns(self) -> list[str]:
        return list(self._table)

    def __getitem__(self, name: object) -> np.ndarray:
        return self._table[str(name)]


def columns() -> dict[str, list[float | None]]:
    table = rows()
    return {name: [row[name] for row in table] for name in table[0]}


def records() -> list[lrlab.Record]:
    return [
        lrlab.Record(at=row["step"] / 16, step=int(row["step"]), metrics={k: v for k, v in row.items() if v is not None and k != "step"})
        for row in rows()
    ]  # fmt: skip


def test_every_source_says_the_same(tmp_path: Path) -> None:
    lines = tmp_path / "log.jsonl"
    lines.write_text(
        "\n".join(json.dumps({k: v for k, v in row.items() if v is not None}) for row in rows()) + "\n"
    )
    run = lrlab.Run(lr=3e-5, records=tuple(records()))
    whole = lrlab.diagnose(LOG, **KNOWN)
    assert whole.rate.verdict == "too_low"
    for source in (str(LOG), lines, columns(), Frame(columns()), rows(), records(), run):
        told = lrlab.diagnose(source, **KNOWN)
        assert (told.rate, told.verdicts) == (whole.rate, whole.verdicts), type(source)
    assert isinstance(whole, lrlab.Checkup)


def test_a_folder_with_one_log_and_names_of_others(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(LOG.read_text().replace("step,loss", "step,objective", 1))
    told = lrlab.diagnose(tmp_path, columns={"loss": "objective"}, **KNOWN)
    assert told.rate == lrlab.diagnose(LOG, **KNOWN).rate


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns()), tmp_path / "log.parquet")
    assert lrlab.diagnose(tmp_path / "log.parquet", **KNOWN).rate == lrlab.diagnose(LOG, **KNOWN).rate


def descend(run) -> None:
    weight = 1.0
    run.log(at=0, val_loss=1.05, loss=1.05)
    for _ in run.units():
        weight -= run.lr * 2 * weight
        run.report(val_loss=weight * weight + 0.05, loss=weight * weight + 0.05)


def test_a_study_an_answer_and_its_runs(tmp_path: Path) -> None:
    answer = lrlab.sweep(descend, lr=(1e-3, 0.4), budget=12, workers=0, store=tmp_path, study="bowl")
    winner = lrlab.diagnose(answer)
    assert winner.lr == answer.lr
    assert lrlab.diagnose("bowl", store=tmp_path).rate == winner.rate
    rate = min(run.lr for run in answer.runs)
    told = lrlab.diagnose("bowl", lr=rate, store=tmp_path)
    assert told.lr == rate
    with pytest.raises(NotFoundError, match=r"diagnose: study bowl has no such run\. Its rates: 0.001, "):
        lrlab.diagnose("bowl", lr=7.0, store=tmp_path)


def test_a_nan_is_a_divergence_and_an_empty_cell_is_not() -> None:
    steps = list(range(40))
    fine = [2.0 - 0.02 * step for step in steps]
    burst = [*fine[:20], *[math.nan] * 20]
    assert lrlab.diagnose({"step": steps, "loss": burst}).found("diverged")
    val = [None if step % 10 else 1.0 for step in steps]
    sparse = [None if step % 10 == 0 else value for step, value in zip(steps, fine, strict=True)]
    told = lrlab.diagnose({"step": steps, "loss": sparse, "val_loss": val})
    assert told.found("diverged") is None


def test_a_resumed_log_counts_its_later_rows() -> None:
    steps = [*range(60), *range(40, 100)]
    losses = [
        *[math.exp(-s / 30) for s in range(40)],
        *[9.0] * 20,
        *[math.exp(-s / 30) for s in range(40, 100)],
    ]
    smooth = lrlab.diagnose({"step": range(100), "loss": [math.exp(-s / 30) for s in range(100)]})
    assert lrlab.diagnose({"step": steps, "loss": losses}).rate == smooth.rate


def test_epochs_need_their_length() -> None:
    table = {"epoch": list(range(1, 21)), "loss": [1 / n for n in range(1, 21)]}
    told = lrlab.diagnose(table, total_steps=640)
    assert told.unchecked[0].symptom == "progress"
    assert "steps_per_epoch" in told.unchecked[0].text
    known = lrlab.diagnose(table, total_steps=640, steps_per_epoch=16)
    assert known.steps == 320
    assert "progress" not in {gap.symptom for gap in known.unchecked}


def test_a_log_that_counts_epochs_is_told_of_in_epochs() -> None:
    falls = [2.0 * 0.7**n for n in range(12)]
    rises = [*falls[:6], *(falls[5] + 0.15 * n for n in range(1, 7))]
    for first in (0, 1):
        table = {"epoch": list(range(first, first + 12)), "loss": falls, "val_loss": rises}
        checkup = lrlab.diagnose(table)
        assert (checkup.unit, checkup.steps, checkup.total_steps) == ("epoch", 12, None)
        verdict = checkup.found("overfitting")
        assert verdict is not None
        assert verdict.advice is not None
        assert verdict.sentence.startswith(
            f"The run overfits: its validation loss was lowest at epoch {first + 5} "
        )
        assert (verdict.advice.change, verdict.advice.value) == ("epochs", first + 5)
        assert verdict.advice.text == f"Stop at epoch {first + 5}, or keep that checkpoint."
        assert str(verdict.evidence[0]).endswith(
            f"(limit 0.03), val_loss at epochs {first + 5} to {first + 11}"
        )
        assert f"loss, epochs {first} to {first + 11}" in checkup.summary()
        known = lrlab.diagnose(table, steps_per_epoch=50)
        assert (known.unit, known.steps) == ("step", 600)
        found = known.found("overfitting")
        assert found is not None
        assert "at step 300 " in found.sentence
    with pytest.raises(SpecError, match=r"the columns counts epochs, and how many steps.*Give the number"):
        lrlab.diagnose(table, schedule="cosine", total_steps=600)


def test_a_rate_that_is_told_is_used() -> None:
    table = {name: column for name, column in columns().items() if name in ("step", "loss")}
    plain, told = lrlab.diagnose(table, **KNOWN), lrlab.diagnose(table, lr=3e-5, **KNOWN)
    assert (plain.lr, told.lr) == (None, 3e-5)
    assert told.rate.verdict == "too_low"
    assert told.rate != plain.rate


def test_the_planned_schedule_is_compared() -> None:
    table = columns()
    assert lrlab.diagnose(table, schedule="constant", **KNOWN).found("not_as_planned") is None
    assert lrlab.diagnose(table, schedule="cosine", warmup=0.1, **KNOWN).found("not_as_planned")


def test_it_shows_itself() -> None:
    checkup = lrlab.diagnose(LOG, **KNOWN)
    text = str(checkup)
    assert text.startswith("The learning rate is too low (")
    assert repr(checkup) == "<Checkup: too_low, 2 verdicts>"
    assert "<pre>" in checkup._repr_html_()
    for width in (30, 60, 100):
        narrow = checkup.summary(width=width, unicode=False)
        assert max(map(len, narrow.splitlines())) <= width
        assert narrow.isascii()


def test_a_million_points_take_seconds() -> None:
    import time

    draw = np.random.default_rng(0)
    steps = np.arange(1_000_000)
    losses = np.exp(-steps / 3e5) + 0.1 * draw.random(len(steps))
    began = time.process_time()
    checkup = lrlab.diagnose({"step": steps, "loss": losses}, optimizer="adam", total_steps=1_000_000)
    assert checkup.steps == 1_000_000
    assert time.process_time() - began < 6  # 3 s on a machine that does nothing else


GOOD = {"step": [0, 1, 2, 3, 4], "loss": [5.0, 4.0, 3.0, 2.5, 2.4]}
BAD = [
    (5, {}, "expected a path, columns, rows, records or a run, got int"),
    (b"run.csv", {}, "expected a path, columns, rows, records or a run, got bytes"),
    ("no.csv", {}, r"there is no file, folder or study 'no.csv'\. lrlab studies lists"),
    ("", {}, "there is no file, folder or study ''"),
    ([], {}, "there is no row"),
    ([1, 2], {}, "row 0: expected a record or a mapping, got int"),
    ([{"loss": "x"}], {}, "neither a column loss nor val_loss"),
    ([{"loss": [1]}], {}, "loss must be one number, got list"),
    ([{"step": 1.5, "loss": 1}], {}, "row 0, column step: expected a step"),
    ([{"step": -1, "loss": 1}], {}, "row 0, column step: expected a step"),
    ({}, {}, "no column of numbers"),
    ({"loss": []}, {}, "neither a column loss nor val_loss"),
    ({"text": ["a", "b"]}, {}, "no column of numbers"),
    ({"step": [0, 1], "loss": [1.0]}, {}, "columns must have one length, got step 2, loss 1"),
    ({"step": [0, 1], "speed": [1.0, 2.0]}, {}, r"neither a column loss nor val_loss\. Its columns: step, speed"),
    ({"loss": [[1.0], [2.0]]}, {}, "column loss must hold a number a row|must hold numbers"),
    ({"loss": 3.0}, {}, "column loss must hold a number a row"),
    ({"loss": [1.0, object()]}, {}, "column loss must hold numbers, got <object"),
    ({"step": [0, math.nan], "loss": [1.0, 2.0]}, {}, "column step must hold numbers of at least 0, got nan in row 1"),
    ({"step": [0, -2], "loss": [1.0, 2.0]}, {}, "column step must hold numbers of at least 0, got -2 in row 1"),
    (GOOD, {"optimizer": "adamm"}, "optimizer: there is no 'adamm'"),
    (GOOD, {"total_steps": 0}, "total_steps"),
    (GOOD, {"total_steps": 2.5}, "total_steps"),
    (GOOD, {"total_steps": 3}, "goes on to step 5, and total_steps is 3"),
    (GOOD, {"steps_per_epoch": -1}, "steps_per_epoch"),
    (GOOD, {"lr": 0}, "lr: a learning rate must be finite and above 0"),
    (GOOD, {"lr": "fast"}, "lr: a learning rate must be a number"),
    (GOOD, {"warmup": 0.1}, r"warmup: belongs to a schedule, got 0.1 alone"),
    (GOOD, {"schedule": "cosine"}, "schedule: total_steps is needed"),
    (GOOD, {"schedule": "cosin", "total_steps": 5}, "cosin"),
    (GOOD, {"columns": {"loss": "nll"}}, "there is no column of numbers 'nll' for loss"),
    (GOOD, {"columns": {"": "loss"}}, "columns: expected NAME=COLUMN"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "settings", "said"), BAD)
def test_what_is_wrong_is_refused(source, settings, said: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LrlabError, match=said):
        lrlab.diagnose(source, store=tmp_path / "studies", **settings)


@pytest.mark.parametrize(
    "losses",
    [
        [1e300 * 10**k for k in range(8)],
        [1e200] * 10 + [1e307] * 10,
        [1e-300] * 20 + [1e-310] * 20,
        [-1.0 * k for k in range(50)],
        [0.0] * 30 + [1.0] * 30,
        [1.0, 2.0, 1.0, 2.0] * 9,
    ],
)
def test_odd_losses_are_survived(losses: list[float]) -> None:
    checkup = lrlab.diagnose({"loss": losses, "lr": [0.0] * len(losses), "grad_norm": [0.0] * len(losses)})
    assert 0 <= checkup.rate.confidence <= 1
    assert math.isfinite(checkup.rate.factor)
    assert str(checkup)


def test_an_answer_without_a_winner_is_refused() -> None:
    def explodes(run) -> None:
        for _ in run.units():
            run.report(val_loss=math.nan)

    answer = lrlab.sweep(explodes, lr=(1e-3, 1), budget=2, workers=0, store="memory")
    with pytest.raises(SpecError, match=r"the answer has no winner\. Give one of its runs"):
        lrlab.diagnose(answer)
