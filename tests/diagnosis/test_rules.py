"""Rules on real runs: each symptom is found where it is, and nowhere else."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from lrlab.core.errors import SpecError
from lrlab.core.verdict import Advice, Checkup, Evidence, RateVerdict, Verdict
from lrlab.diagnosis.checkup import RULES, Log, check_up
from lrlab.diagnosis.rate import DIVERGED_FACTOR
from lrlab.schedules.spec import resolve

RUNS = Path(__file__).parent / "runs"
COLUMNS = ("loss", "val_loss", "lr", "grad_norm", "update_ratio")
LENGTHS = {
    "too_low": 768,
    "right_overfits": 768,
    "flat_validation": 768,
    "too_high": 768,
    "diverging": 792,
    "decays_early": 600,
    "oscillating": 640,
}
OPTIMIZERS = {
    "decays_early": "adamw",
    "too_low": "adam",
    "right_overfits": "adam",
    "flat_validation": "adam",
    "too_high": "adam",
    "diverging": "sgd",
}


def seen(name: str, *, until: int | None = None, total: int | None = None, columns=COLUMNS) -> Checkup:
    """The checkup of a recorded run, up to a step."""
    with (RUNS / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if until is None or int(row["step"]) < until]
    found = {}
    for column in columns:
        points = [(float(row["step"]), float(row[column])) for row in rows if row[column]]
        if points:
            steps, values = np.array(points).T
            found[column] = steps, values
    length = LENGTHS.get(name, 840)
    return check_up(
        Log(columns=found, seen=len(rows), total=total or length, optimizer=OPTIMIZERS.get(name, "momentum"))
    )


def symptoms(checkup: Checkup) -> set[str]:
    return {verdict.symptom for verdict in checkup.verdicts}


FOUND = [
    ("healthy", None, {"healthy"}),
    ("too_low", None, {"rate_too_low", "underfitting"}),
    ("too_high", None, {"rate_too_high"}),
    ("too_high", 384, {"rate_too_high", "plateau"}),
    ("right_overfits", None, {"overfitting"}),
    ("flat_validation", None, {"healthy"}),  # the lowest of many noisy ones is low by luck
    ("oscillating", None, {"oscillating"}),
    ("diverging", None, {"rate_too_high", "diverging"}),
    ("diverged", None, {"diverged"}),
    ("decays_early", None, {"rate_too_low", "decay_too_early"}),
]


@pytest.mark.parametrize(("name", "until", "expected"), FOUND)
def test_what_a_real_run_shows(name: str, until: int | None, expected: set[str]) -> None:
    checkup = seen(name, until=until)
    assert symptoms(checkup) == expected
    for verdict in checkup.verdicts:
        assert verdict.sentence.endswith(".")
        assert verdict.evidence
        for evidence in verdict.evidence:
            assert evidence.first_step <= evidence.last_step <= checkup.steps
        assert (verdict.advice is None) is (verdict.symptom == "healthy")


def test_every_rule_is_seen_on_a_real_run() -> None:
    told = set().union(*(expected for _, _, expected in FOUND))
    made_elsewhere = {"wasted_tail", "not_as_planned", "dead_layer"}  # the tests below
    assert {rule.symptom for rule in RULES} <= told | made_elsewhere


def test_overfitting_names_the_step_to_stop_at() -> None:
    verdict = seen("right_overfits").found("overfitting")
    assert verdict is not None
    assert verdict.advice is not None
    with (RUNS / "right_overfits.csv").open(newline="") as file:
        points = [
            (float(row["val_loss"]), int(row["step"])) for row in csv.DictReader(file) if row["val_loss"]
        ]
    assert verdict.advice.value == min(points)[1]


@pytest.mark.parametrize(
    ("began", "end", "severity"), [(0.6, 0.9, "warn"), (2.3, 0.7, "note"), (2.3, 0.9, "warn")]
)
def test_overfitting_is_grave_by_all_that_was_learned(began: float, end: float, severity: str) -> None:
    """The first validation comes after an epoch; what the training loss fell by until then counts too."""
    steps = np.arange(0, 400.0)
    loss = began - (began - 0.6) * np.minimum(steps / 40, 1) - 0.001 * steps
    at = np.arange(39, 400.0, 40)
    val = np.interp(at, [39, 119, 399], [0.6, 0.4, end])
    verdict = check_up(Log(columns={"loss": (steps, loss), "val_loss": (at, val)}, seen=400)).found(
        "overfitting"
    )
    assert verdict is not None
    assert verdict.severity == severity
    lost = (end - 0.4) / (began - 0.4)
    assert verdict.evidence[1].value == pytest.approx(lost, rel=0.25)


def test_a_training_loss_of_another_kind_says_nothing_of_the_validation() -> None:
    steps, at = np.arange(0, 400.0), np.arange(39, 400.0, 40)
    val = np.interp(at, [39, 119, 399], [0.6, 0.4, 0.9])
    columns = {"loss": (steps, 500 - 0.001 * steps), "val_loss": (at, val)}  # a sum over the batch
    verdict = check_up(Log(columns=columns, seen=400)).found("overfitting")
    assert verdict is not None
    assert verdict.severity == "warn"


def test_a_validation_loss_that_swings_names_the_checkpoint_to_keep() -> None:
    verdict = seen("oscillating").found("oscillating")
    assert verdict is not None
    assert verdict.severity == "note"
    assert verdict.advice is not None
    assert (
        verdict.advice.text
        == "Let the rate fall to zero towards the end, and keep the checkpoint of step 599."
    )
    with (RUNS / "oscillating.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    val = np.array([float(row["val_loss"]) for row in rows if row["val_loss"]])
    learned = float(np.mean([float(row["loss"]) for row in rows[:13]])) - val.min()
    swing, lost = (evidence.value for evidence in verdict.evidence)
    assert swing == pytest.approx(np.sqrt(np.mean(np.diff(val[8:]) ** 2) / 2) / learned, rel=0.1)
    assert lost == pytest.approx((val[-3:].mean() - val.min()) / learned, rel=0.1)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("goes on", None),
        ("is calm", None),
        ("falls", "Keep the checkpoint of step 599."),
        (
            "has no rate",
            "Let the rate fall to zero towards the end, if it does not yet, and keep the checkpoint of step 599.",
        ),
    ],
)
def test_what_calms_down_does_not_swing_and_a_rate_that_falls_is_not_told_to(
    what: str, said: str | None
) -> None:
    with (RUNS / "oscillating.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    steps = np.arange(640.0)
    at = np.array([float(row["step"]) for row in rows if row["val_loss"]])
    val = np.array([float(row["val_loss"]) for row in rows if row["val_loss"]])
    if what == "is calm":
        val = np.minimum.accumulate(val)
    rates = np.array([float(row["lr"]) for row in rows]) * (1 - steps / 640 if what == "falls" else 1.0)
    columns = {
        "loss": (steps, np.array([float(row["loss"]) for row in rows])),
        "val_loss": (at, val),
        "lr": (steps, rates),
    }
    if what == "has no rate":
        del columns["lr"]
    total = 1280 if what == "goes on" else 640
    found = check_up(Log(columns=columns, seen=640, total=total, optimizer="momentum")).found("oscillating")
    assert (found and found.advice and found.advice.text) == said


def test_an_early_decay_names_the_step_where_it_began() -> None:
    verdict = seen("decays_early").found("decay_too_early")
    assert verdict is not None
    with (RUNS / "decays_early.csv").open(newline="") as file:
        rates = np.array([float(row["lr"]) for row in csv.DictReader(file)])
    begin = np.flatnonzero(rates >= 0.9 * rates.max())[-1] + 1
    assert verdict.evidence[0].first_step == pytest.approx(begin, abs=600 / 128)
    assert verdict.advice is not None
    assert verdict.advice.value == 480
    assert verdict.severity == "note"


@pytest.mark.parametrize(
    "columns", [("loss", "val_loss", "grad_norm", "update_ratio"), ("loss", "lr", "update_ratio")]
)
def test_without_a_rate_that_falls_no_decay_is_too_early(columns: tuple[str, ...]) -> None:
    without = seen("decays_early" if "lr" not in columns else "too_low", columns=columns)
    assert without.rate.verdict == "too_low"
    assert without.found("decay_too_early") is None
    told = {gap.symptom: gap.text for gap in without.unchecked}
    if "lr" not in columns:
        assert (
            told["decay_too_early"]
            == "Cannot tell about a decay that came too early, because lr was not logged."
        )


def test_the_gravest_verdict_comes_first() -> None:
    checkup = seen("diverging")
    assert [verdict.weight for verdict in checkup.verdicts] == sorted(
        (verdict.weight for verdict in checkup.verdicts), reverse=True
    )
    assert checkup.severity == "warn"
    assert checkup.fails("warn")
    assert not checkup.fails("error")


def test_a_diverged_run_has_one_trouble() -> None:
    checkup = seen("diverged")
    assert (checkup.rate.verdict, checkup.rate.factor) == ("too_high", DIVERGED_FACTOR)
    assert checkup.severity == "error"
    assert checkup.verdicts[0].advice.factor == DIVERGED_FACTOR


def losses(values: np.ndarray) -> Checkup:
    """The checkup of a log of these losses alone."""
    steps = np.arange(float(len(values)))
    return check_up(Log(columns={"loss": (steps, values)}, seen=len(values), optimizer="adam"))


def test_a_run_that_climbed_is_sent_as_far_as_its_log_tells() -> None:
    draw = np.random.default_rng(0)
    checkup = losses(2.3 * np.exp(np.linspace(0, 3, 300)) * np.exp(0.1 * draw.normal(size=300)))
    assert checkup.rate.verdict == "too_high"
    assert checkup.rate.factor == checkup.verdicts[0].advice.factor < 1


def test_evidence_of_losses_below_zero_and_of_a_loss_that_never_fell() -> None:
    draw = np.random.default_rng(1)
    noise = 0.1 * draw.normal(size=300)
    names = {
        "falls": [one.name for one in losses(-1 - np.linspace(0, 3, 300) + noise).verdicts[0].evidence],
        "stands": [one.name for one in losses(2.3 + noise).verdicts[0].evidence],
    }
    assert names["falls"][:2] == ["loss now less its first value", "share of the fall made since two thirds"]
    assert names["stands"] == ["loss now over its first value"]


def test_right_but_not_surely_says_what_else_it_may_be() -> None:
    assert "may" not in seen("healthy").verdicts[-1].sentence
    unsure = 0
    for share in range(30, 840, 30):
        checkup = seen("healthy", until=share, columns=("loss", "lr"))
        told = checkup.found("healthy")
        if told and checkup.rate.verdict == "right" and checkup.rate.confidence < 0.7:
            unsure += 1
            low, _, high = checkup.rate.probabilities
            assert (f"too low ({low:.0%})" in told.sentence) is (low >= 0.05)
            assert (f"too high ({high:.0%})" in told.sentence) is (high >= 0.05)
    assert unsure


def test_a_loss_that_has_not_moved_may_have_another_cause() -> None:
    draw = np.random.default_rng(0)
    noise = 0.1 * draw.normal(size=300)
    still, falling = losses(2.3 + noise), losses(2.3 - np.linspace(0, 0.15, 300) + noise)
    texts = [
        [verdict.advice.text for verdict in each.verdicts if verdict.symptom == "rate_too_low"]
        for each in (still, falling)
    ]
    assert "frozen weights" in texts[0][0]
    assert "frozen weights" not in texts[1][0]


def test_what_was_not_logged_is_named() -> None:
    checkup = seen("healthy", columns=("loss",))
    told = {gap.symptom: gap.text for gap in checkup.unchecked}
    assert told["overfitting"] == "Cannot tell about overfitting, because val_loss was not logged."
    assert "lr was not logged, and no schedule was given" in told["not_as_planned"]


def test_too_few_points_are_no_verdict() -> None:
    checkup = seen("healthy", until=3)
    assert checkup.rate.verdict == "unknown"
    assert symptoms(checkup) == {"cannot_tell"}
    assert "4 points of loss are needed and there are 3" in checkup.verdicts[0].sentence


def test_a_loss_that_never_moves_is_no_verdict() -> None:
    checkup = check_up(Log(columns={"loss": (np.arange(50.0), np.ones(50))}, seen=50, total=50))
    assert checkup.rate.verdict == "unknown"
    assert symptoms(checkup) == {"cannot_tell"}


def descend(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses of a logistic regression that is really trained on made-up points, a batch of 16 a step."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 8))
    y = (x @ draw.normal(size=8) + 0.5 * draw.normal(size=400) > 0).astype(float)
    weights, losses = np.zeros(8), []
    for rate in rates:
        chosen = draw.integers(400, size=16)
        told = 1 / (1 + np.exp(-x[chosen] @ weights))
        clipped = np.clip(told, 1e-9, 1 - 1e-9)
        losses.append(-(y[chosen] * np.log(clipped) + (1 - y[chosen]) * np.log(1 - clipped)).mean())
        weights -= rate * x[chosen].T @ (told - y[chosen]) / 16
    return np.arange(float(len(rates))), np.array(losses)


@pytest.mark.parametrize(("left", "wasted"), [(1e-6, True), (0.3, False)])
def test_a_wasted_tail(left: float, wasted: bool) -> None:
    rates = 0.3 * left ** (np.arange(800) / 800)
    steps, losses = descend(rates)
    checkup = check_up(
        Log(columns={"loss": (steps, losses), "lr": (steps, rates)}, seen=800, total=800, optimizer="sgd")
    )
    verdict = checkup.found("wasted_tail")
    assert (verdict is not None) is wasted
    if verdict is not None:
        begins = 800 * math.log(0.01) / math.log(left)
        assert verdict.evidence[0].first_step == pytest.approx(begins, abs=8)


def rectify(rate: float, steps: int = 200) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The columns of a net with one layer of rectifiers that is really trained on made-up points; sampled once in 5."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 6))
    y = (np.abs(x[:, :1]) > 0.7).astype(float)
    weights = [draw.normal(size=(6, 4)) * 0.5, np.zeros(4), draw.normal(size=(4, 1)) * 0.3, np.zeros(1)]
    losses, least, place = [], [], []
    for _ in range(steps):
        rows = draw.integers(400, size=32)
        hidden = np.maximum(x[rows] @ weights[0] + weights[1], 0)
        scores = hidden @ weights[2] + weights[3]
        losses.append(float((np.logaddexp(0, scores) - y[rows] * scores).mean()))
        error = ((np.tanh(scores / 2) + 1) / 2 - y[rows]) / 32
        back = error @ weights[2].T * (hidden > 0)
        gradients = [x[rows].T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        matrices = [np.linalg.norm(gradients[0]), np.linalg.norm(gradients[2])]
        least.append(min(matrices) / math.sqrt(sum(float((one**2).sum()) for one in gradients)))
        place.append(float(np.argmin(matrices)))
        weights = [one - rate * gradient for one, gradient in zip(weights, gradients, strict=True)]
    at = np.arange(float(steps))
    return {
        "loss": (at, np.array(losses)),
        "layer_grad_min": (at[::5], np.array(least[::5])),
        "layer_grad_min_at": (at[::5], np.array(place[::5])),
    }


@pytest.mark.parametrize(("rate", "dead"), [(0.1, False), (1.0, False), (10.0, True)])
def test_a_dead_layer(rate: float, dead: bool) -> None:
    columns = rectify(rate)
    checkup = check_up(Log(columns=columns, seen=200, total=200, optimizer="sgd"))
    verdict = checkup.found("dead_layer")
    assert (verdict is not None) is dead
    if verdict is not None:
        steps, least = columns["layer_grad_min"]
        assert verdict.evidence[0].first_step == steps[np.flatnonzero(least > 1e-9)[-1] + 1]
        assert verdict.sentence.startswith("Layer 0 is dead: since step ")
        assert verdict.severity == "warn"


def test_a_layer_that_was_never_used_is_not_dead() -> None:
    columns = rectify(0.1)
    steps, least = columns["layer_grad_min"]
    columns["layer_grad_min"] = steps, np.zeros_like(least)
    checkup = check_up(Log(columns=columns, seen=200, total=200, optimizer="sgd"))
    assert checkup.found("dead_layer") is None


@pytest.mark.parametrize(("applied", "found"), [("cosine", False), ("constant", True)])
def test_the_plan_is_compared_with_what_was_applied(applied: str, found: bool) -> None:
    plan, real = (
        np.array([resolve(name, total_steps=400)(step) for step in range(400)])
        for name in ("cosine", applied)
    )
    steps, losses = descend(0.3 * real)
    log = Log(
        columns={"loss": (steps, losses), "lr": (steps, 0.3 * real)},
        seen=400, total=400, optimizer="sgd", planned=plan, relative=True,
    )  # fmt: skip
    verdict = check_up(log).found("not_as_planned")
    assert (verdict is not None) is found
    if verdict is not None:
        assert verdict.severity == "warn"
        assert verdict.advice is not None
        assert verdict.advice.change == "schedule"


def test_a_skipped_step_of_a_loss_scaler_is_no_divergence() -> None:
    steps, losses = descend(np.full(300, 0.3))
    losses[40] = math.inf
    checkup = check_up(Log(columns={"loss": (steps, losses)}, seen=300, total=300, optimizer="sgd"))
    assert checkup.found("diverged") is None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Verdict(symptom="x", severity="bad", confidence=1, sentence="x."),
            "severity must be one of ok, note",
        ),
        (
            lambda: Verdict(symptom="x", severity="ok", confidence=1.5, sentence="x."),
            r"confidence must lie in 0..1",
        ),
        (lambda: RateVerdict(verdict="high", confidence=1, factor=1), "verdict must be one of too_low"),
        (lambda: RateVerdict(verdict="right", confidence=math.nan, factor=1), r"confidence must lie in 0..1"),
        (lambda: RateVerdict(verdict="right", confidence=1, factor=0), "factor must be positive and finite"),
        (lambda: Advice(change="lr", text="x", factor=-1), "factor must be positive and finite"),
    ],
)
def test_values_refuse_what_they_cannot_be(make, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make()


def test_evidence_as_text() -> None:
    evidence = Evidence(name="rise", value=0.25, threshold=0.1, source="val_loss", first_step=3, last_step=9)
    assert str(evidence) == "rise 0.25 (limit 0.1), val_loss at steps 3 to 9"


@pytest.mark.parametrize(("first", "change"), [(0, "data"), (1, "data"), (50, "lr")])
def test_a_loss_that_was_never_finite_is_not_the_rates_fault(first: int, change: str) -> None:
    steps = np.arange(first, first + 100.0)
    checkup = check_up(Log(columns={"loss": (steps, np.full(100, math.nan))}, seen=first + 100))
    verdict = checkup.found("diverged")
    assert verdict is not None
    assert verdict.severity == "error"
    assert verdict.advice is not None
    assert verdict.advice.change == change
    assert (checkup.rate.verdict == "too_high") is (change == "lr")


@pytest.mark.parametrize("begin", [1.0, 3.9])
@pytest.mark.parametrize("validates", [True, False])
def test_a_training_loss_that_climbs_is_no_divergence_while_the_validation_falls(
    begin: float, validates: bool
) -> None:
    """As of a detector whose easier pictures end, or a term whose weight grows."""
    steps, at = np.arange(400.0), np.arange(19, 400.0, 20)
    loss = np.where(steps < 40, begin - steps / 100, 4.0)
    val = 2.0 - 1.5 * at / 400 if validates else 1.0 + at / 400
    checkup = check_up(Log(columns={"loss": (steps, loss), "val_loss": (at, val)}, seen=400))
    told = checkup.found("diverged") or checkup.found("diverging")
    assert (told is None) is validates


@pytest.mark.parametrize("count", [30, 300, 3000])
def test_noise_alone_is_no_divergence(count: int) -> None:
    told = 0
    for seed in range(10):
        noise = 0.3 * np.random.default_rng(seed).normal(size=count)
        falling = 2.3 + noise - np.linspace(0, 0.02, count)
        checkup = check_up(
            Log(columns={"loss": (np.arange(float(count)), falling)}, seen=count, optimizer="adam")
        )
        told += checkup.found("diverging") is not None
    assert told <= 1


@pytest.mark.parametrize("count", [20, 100, 250])
def test_a_noisy_validation_loss_that_stays_level_is_no_overfitting(count: int) -> None:
    steps, told = np.arange(2000.0), 0
    at = np.round(np.arange(1, count + 1) * 2000 / count) - 1
    for seed in range(10):
        val = 0.5 + 1.8 * np.exp(-at / 200) + 0.1 * np.random.default_rng(seed).normal(size=count)
        loss = 0.3 + 2 * np.exp(-steps / 200) - steps / 40_000
        checkup = check_up(
            Log(columns={"loss": (steps, loss), "val_loss": (at, val)}, seen=2000, optimizer="adam")
        )
        told += checkup.found("overfitting") is not None
    assert told <= 1
