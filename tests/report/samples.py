"""Answers and studies made by hand for the tests of the report room; nothing is trained."""

import math
from dataclasses import replace

from lrlab.core.answer import Answer, Caution
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome, State, StudyState
from lrlab.core.question import Advance, Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.core.study import Event, Study

HOSTILE = (
    "<img src=x onerror=window.__x=1>\"'&</script><script>window.__x=2</script>$\\frac{ %{x} \x1b[31m\u202e"
)
RATES = LRRange(1e-5, 1e-1).points(13)
BUDGET = 20


def loss(lr: float, at: float, seed: int = 0) -> float:
    """A U over the rate whose bottom is sharper the longer the run."""
    away = math.log10(lr / 2.15e-3)
    floor = 0.31 + 0.11 * away * away + (0.10 * max(away, 0.0) ** 3)
    wiggle = 0.004 * math.sin(12.9 * seed + 4.1 * away + 1.7 * at)
    return floor + (2.3 - 0.31) * math.exp(-at * (0.25 + 90.0 * lr / (0.02 + lr))) * 0.6 + wiggle


def records(lr: float, units: int, seed: int = 0, *, per_unit: int = 1) -> tuple[Record, ...]:
    places = [k / per_unit for k in range(units * per_unit + 1)]
    values = [loss(lr, at, seed) for at in places]
    return tuple(
        Record(at=at, metrics={"val_loss": value, "loss": value * 0.9}, step=int(at * 100))
        for at, value in zip(places, values, strict=True)
    )


def run(lr: float, units: int, *, outcome: Outcome | None, seed: int = 0, **more: object) -> Run:
    state = more.pop("state", State.FROZEN)
    return Run(
        lr=lr,
        seed=seed,
        units=units,
        target=units,
        records=more.pop("records", records(lr, units, seed)),
        outcome=outcome,
        state=state,
        seconds=3.0 * units,
        why="among the best after its last slice",
        **more,
    )


def diverged(lr: float, *, seed: int = 0) -> Run:
    grown = (
        Record(at=0, metrics={"val_loss": 2.31}),
        Record(at=1, metrics={"val_loss": 4.0e6}),
        Record(at=2, metrics={"val_loss": math.nan}),
    )
    return run(lr, 2, outcome=Outcome.DIVERGED, seed=seed, records=grown, detail="val_loss is NaN at epoch 2")


def race_runs(seed: int = 0) -> tuple[Run, ...]:
    """13 rates as a race leaves them: few finished, most dropped or frozen, the highest diverged."""
    runs = []
    for rank, lr in enumerate(RATES):
        away = abs(rank - 7)
        if rank >= 11:
            runs.append(diverged(lr, seed=seed))
        elif away <= 1:
            runs.append(run(lr, BUDGET, outcome=Outcome.FINISHED, seed=seed))
        elif away == 2:
            runs.append(run(lr, 9, outcome=None, seed=seed))
        elif away == 3:
            runs.append(run(lr, 3, outcome=Outcome.DROPPED, seed=seed, detail="0.9 behind at epoch 3"))
        else:
            runs.append(run(lr, 1, outcome=Outcome.DROPPED, seed=seed, detail="2.1 behind at epoch 1"))
    return tuple(runs)


def question(**more: object) -> Question:
    return Question(lr=LRRange(1e-5, 1e-1), budget=BUDGET, metric=Metric("val_loss"), **more)


def answer(runs: tuple[Run, ...] | None = None, **more: object) -> Answer:
    """The answer most tests use: 13 rates, one seed, the user's own rate known."""
    given: dict[str, object] = {
        "lr": RATES[7],
        "interval": (1.6e-3, 3.9e-3),
        "safe_range": (6e-4, 8e-3),
        "score": loss(RATES[7], BUDGET),
        "cost": 4.3,
        "confidence": 0.72,
        "reasons": ("13 rates tested.", "1 seed: the spread between seeds is unknown."),
        "question": question(current_lr=1e-2),
        "study": "digits",
        "untrained": 2.31,
        "current_regret": 0.03,
        "seconds": 260.0,
    }
    given.update(more)
    return Answer(runs=race_runs() if runs is None else runs, **given)


def grid(seeds: int = 1) -> Answer:
    """Every rate trained to the end, with several seeds."""
    runs = tuple(
        diverged(lr, seed=seed) if lr > 5e-2 else run(lr, BUDGET, outcome=Outcome.FINISHED, seed=seed)
        for lr in RATES
        for seed in range(seeds)
    )
    return answer(runs, question=question(seeds=seeds))


def all_diverged() -> Answer:
    return answer(
        tuple(diverged(lr) for lr in RATES),
        lr=math.nan,
        interval=(math.nan, math.nan),
        safe_range=(math.nan, math.nan),
        score=math.inf,
        confidence=0.0,
        reasons=(),
        warnings=(Caution(code="ALL_DIVERGED", text="Every rate diverged. Try 1e-9:1e-5."),),
    )


def edge() -> Answer:
    warning = Caution(code="EDGE_LOW", text="The best rate is the lowest tested. Try 1e-7:1e-4.")
    runs = tuple(run(lr, BUDGET, outcome=Outcome.FINISHED) for lr in RATES if lr >= 2e-3)
    return answer(runs, question=question(), warnings=(warning,), confidence=0.4)


def one_run() -> Answer:
    return answer((run(RATES[7], 5, outcome=None, state=State.RUNNING),), question=question(), final=False)


def zero_runs() -> Answer:
    return replace(all_diverged(), runs=(), warnings=())


def nan_everywhere() -> Answer:
    broken = tuple(Record(at=k, metrics={"val_loss": math.nan}) for k in range(4))
    runs = tuple(run(lr, 3, outcome=Outcome.FAILED, records=broken, detail="no value") for lr in RATES)
    return replace(all_diverged(), runs=runs, warnings=(), untrained=math.nan)


def many_runs(count: int = 200) -> Answer:
    rates = LRRange(1e-6, 1.0).points(count)
    runs = tuple(
        run(lr, 4 + k % 9, outcome=Outcome.DROPPED if k % 3 else Outcome.FINISHED)
        for k, lr in enumerate(rates)
    )
    return answer(runs, question=Question(lr=LRRange(1e-6, 1.0), budget=BUDGET, metric=Metric("val_loss")))


def two_arms() -> Answer:
    arms = (Arm(name="adamw", optimizer="adamw"), Arm(name="sgd", optimizer="sgd"))
    runs = tuple(replace(r, arm="adamw") for r in grid().runs)
    runs += tuple(
        run(lr, BUDGET, outcome=Outcome.FINISHED, arm="sgd", records=records(lr / 8, BUDGET)) for lr in RATES
    )
    return answer(runs, arm="adamw", question=question(arms=arms))


def hostile() -> Answer:
    """Text that a page, a terminal or a picture must not obey, in every place that holds foreign text."""
    arms = (Arm(name="adamw"), Arm(name="sgd"))
    metric = HOSTILE.replace(":", "")
    runs = tuple(
        replace(
            r,
            arm=HOSTILE,
            detail=f'{HOSTILE} File "/home/bob/secret/train.py", line 3',
            why=HOSTILE,
            records=tuple(Record(at=x.at, metrics={metric: x.metrics["val_loss"]}) for x in r.records),
        )
        for r in race_runs()
    )
    return answer(
        runs,
        arm=HOSTILE,
        question=replace(question(arms=arms, current_lr=1e-2), metric=Metric(metric, "min")),
        reasons=(HOSTILE,),
        warnings=(Caution(code="NOISE", text=HOSTILE),),
        checkpoint="/home/bob/secret/weights.safetensors",
    )


def study(given: Answer | None = None, **more: object) -> Study:
    """A study around an answer's runs."""
    given = given or answer()
    advances = [Advance(lr=r.lr, seed=r.seed, arm=r.arm, until=1, why="first look") for r in given.runs]
    further = [r for r in given.runs if r.target > 1]
    advances += [Advance(lr=r.lr, seed=r.seed, arm=r.arm, until=r.target, why=r.why) for r in further]
    fields: dict[str, object] = {
        "name": given.study or "unnamed",
        "task": "digits_mlp",
        "searcher": "race",
        "created": 1_750_000_000.0,
        "state": StudyState.FINISHED,
        "events": (
            Event(at=1_750_000_000.0, kind="started", text="13 runs, at most 5 full runs."),
            Event(at=1_750_000_260.0, kind="finished", text="The winner is trained to the end."),
        ),
        "environment": {"lrlab": "0.1.0", "python": "3.11.7", "torch": "2.4.0", "host": "bobs-laptop"},
    }
    fields.update(more)
    return Study(question=given.question, runs=given.runs, advances=tuple(advances), **fields)


EVERY = {
    "race": answer,
    "grid": grid,
    "seeds": lambda: grid(3),
    "all_diverged": all_diverged,
    "edge": edge,
    "one_run": one_run,
    "zero_runs": zero_runs,
    "nan_everywhere": nan_everywhere,
    "many_runs": many_runs,
    "two_arms": two_arms,
    "hostile": hostile,
}
