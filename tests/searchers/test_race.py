"""What the race does with what is special about learning rates."""

import math
import time
from dataclasses import replace

import pytest

from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Advance, Arm, Question
from lrlab.core.record import Record
from lrlab.core.run import Run, RunKey
from lrlab.searchers.answer import conclude
from lrlab.searchers.merit import Prior, lowest_tied, luck, merits, plateau
from lrlab.searchers.race import default_price, race
from lrlab.searchers.rungs import inside, rungs, spread, whole_slices
from lrlab.testing.landscapes import Landscape, carry_out, new_run

QUESTION = Question(lr=LRRange(1e-6, 1.0), budget=64, metric=Metric("val_loss"))
BOWL = Landscape(name="bowl")
DENSE = LRRange(1e-6, 1.0).points(121)


@pytest.mark.parametrize("budget", [3, 10, 64, 640])
@pytest.mark.parametrize("decays", [False, True])
@pytest.mark.parametrize("speed", [30.0, 3e3, 3e5])
def test_the_winner_is_close_to_the_best_and_cheap(budget: int, decays: bool, speed: float) -> None:
    landscape = Landscape(name="bowl", speed=speed, decays=decays)
    question = replace(QUESTION, budget=budget, arms=(Arm(schedule="linear" if decays else "constant"),))
    runs, done = carry_out(question, race(), landscape.trainer(question))
    answer = conclude(question, runs, done=done)
    assert landscape.regret(answer.lr, budget=budget, rates=DENSE) < 0.08
    assert answer.cost <= default_price(question) + 1e-6


def test_one_run_reaches_the_end_and_the_ladder_covers_the_range() -> None:
    runs, done = carry_out(QUESTION, race(), BOWL.trainer(QUESTION))
    assert [run.outcome for run in runs].count(Outcome.FINISHED) == 1
    assert {1e-6, 1.0} <= {run.lr for run in runs}
    assert done.unsettled == ()


def test_nothing_new_is_started_above_a_rate_that_diverged() -> None:
    cliff = Landscape(name="cliff", highest=3e-5, floor_noise=0.0)
    runs, _ = carry_out(QUESTION, race(), cliff.trainer(QUESTION))
    first_ladder = set(QUESTION.lr.points(7))
    lowest = min(run.lr for run in runs if run.outcome is Outcome.DIVERGED)
    assert not [run.lr for run in runs if run.lr > lowest and run.lr not in first_ladder]


def test_a_winner_that_diverges_late_is_replaced_by_a_lower_rate() -> None:
    cliff = Landscape(name="late cliff", highest=0.02, floor_noise=0.0, patience=60)
    runs, _ = carry_out(QUESTION, race(), cliff.trainer(QUESTION))
    finished = [run for run in runs if run.outcome is Outcome.FINISHED]
    assert len(finished) == 1
    assert finished[0].lr <= 0.02


def test_the_own_rate_takes_the_place_of_a_rung_next_to_it() -> None:
    question = replace(QUESTION, current_lr=1.1e-3)
    first = race()(question, ())
    rates = {advance.lr for advance in first if isinstance(advance, Advance)}
    assert 1.1e-3 in rates
    assert 1e-3 not in rates


def test_finalists_are_repeated_with_the_other_seeds() -> None:
    noisy = Landscape(name="noisy", between_seeds=0.01)
    question = replace(QUESTION, seeds=3, seed=4)
    runs, _ = carry_out(question, race(), noisy.trainer(question))
    again = {run.lr for run in runs if run.seed > 4}
    assert len(again) >= 2
    assert {run.seed for run in runs} == {4, 5, 6}
    assert [run.seed for run in runs if run.outcome is Outcome.FINISHED] == [4]


def test_each_arm_has_a_ladder_and_a_hopeless_one_is_left_early() -> None:
    question = replace(QUESTION, arms=(Arm(name="good"), Arm(name="bad")))
    good, bad = BOWL.trainer(question), Landscape(name="slow", speed=0.01, floor_noise=0.0).trainer(question)
    runs, done = carry_out(
        question, race(), lambda run, until: (good if run.arm == "good" else bad)(run, until)
    )
    assert conclude(question, runs, done=done).arm == "good"
    assert {run.arm for run in runs} == {"good", "bad"}
    assert max(run.units for run in runs if run.arm == "bad") <= QUESTION.budget // 8


def test_the_best_rate_under_each_schedule_comes_to_its_end() -> None:
    arms = (Arm(name="constant", schedule="constant"), Arm(name="linear", schedule="linear"))
    question = replace(QUESTION, arms=arms)
    steady, falling = (
        Landscape(name=name, speed=1e4, decays=name == "linear") for name in ("constant", "linear")
    )

    def train(run: Run, until: int) -> Run:
        return (falling if run.arm == "linear" else steady).trainer(question)(run, until)

    runs, done = carry_out(question, race(), train)
    answer = conclude(question, runs, done=done)
    assert {run.arm for run in runs if run.outcome is Outcome.FINISHED} == {"constant", "linear"}
    assert answer.arm == "linear"  # behind until its rate falls
    assert answer.cost <= default_price(question) + 1e-6
    cheap = replace(question, max_cost=1.6)
    runs, done = carry_out(cheap, race(), train)
    assert sum(run.outcome is Outcome.FINISHED for run in runs) == 1
    assert any("come to the end of its schedule" in said for said in done.unsettled)
    assert (
        min(len({run.lr for run in runs if run.arm == arm.name}) for arm in arms) >= 4
    )  # what it has goes into rates


def test_what_the_price_left_open_is_said() -> None:
    question = replace(QUESTION, budget=5, max_cost=1.2)
    _, done = carry_out(question, race(), BOWL.trainer(question))
    assert done.unsettled


def test_a_call_is_quick_with_many_records() -> None:
    question = replace(QUESTION, budget=10_000, unit="step")
    train = BOWL.trainer(replace(question, budget=1000))
    asked = race()(question, ())
    runs: list[Run] = []
    for advance in asked:
        assert isinstance(advance, Advance)
        runs.append(train(new_run(advance), advance.until))
    began = time.process_time()
    race()(question, runs)
    assert time.process_time() - began < 0.1


def totals(
    scores: dict[RunKey, float], *, left: float, schedules: dict[str, str] | None = None
) -> dict[RunKey, float]:
    found = merits(scores, untrained=1.0, left=left, prior=Prior(), schedules=schedules or {})
    return {key: merit.total for key, merit in found.items()}


def test_the_best_rate_is_expected_below_the_leader_while_much_is_left() -> None:
    keys = {rate: RunKey("", rate, 0) for rate in (1e-3, 3e-3, 1e-2)}
    scores = {keys[1e-3]: 0.505, keys[3e-3]: 0.5, keys[1e-2]: 0.505}
    early = totals(scores, left=1.5)
    assert early[keys[1e-3]] < early[keys[3e-3]] < early[keys[1e-2]]
    late = totals(scores, left=0.1)
    assert min(late, key=lambda key: late[key]) == keys[3e-3]
    decaying = totals(scores, left=0.5, schedules={"": "cosine"})
    assert decaying[keys[1e-2]] < decaying[keys[1e-3]]


def test_what_ended_badly_has_no_merit() -> None:
    keys = [RunKey("", rate, 0) for rate in (1e-3, 1e-2)]
    merit = totals({keys[0]: 0.5, keys[1]: math.inf}, left=1.0)
    assert math.isinf(merit[keys[1]])
    none = totals(dict.fromkeys(keys, math.inf), left=1.0)
    assert set(none.values()) == {math.inf}


def test_a_plateau_is_wide_and_level() -> None:
    keys = [RunKey("", 10.0**power, 0) for power in (-5, -4, -3, -2)]
    level = dict(zip(keys, (0.5, 0.5001, 0.5, 0.9), strict=True))
    assert plateau(level, 1.0, Prior()) == keys[:3]
    assert lowest_tied(level, 1.0, Prior(), left=1.0) == keys[0]
    assert plateau({key: level[key] for key in keys[:2]}, 1.0, Prior()) == []
    assert plateau(dict(zip(keys, (0.6, 0.5, 0.55, 0.9), strict=True)), 1.0, Prior()) == []


def test_scores_that_are_no_valley_are_luck() -> None:
    keys = [RunKey("", 10.0**power, 0) for power in range(-6, 1)]

    def seen(*scores: float) -> float:
        return luck(dict(zip(keys, scores, strict=True)), 1.0, Prior())

    assert seen(1.0, 0.99, 0.9, 0.6, 0.3, 0.5, 7.0) == 0.0  # a valley
    assert (
        seen(1.0, 0.99, 0.9, 0.6, 0.3, 7.0, 1.0) == 0.0
    )  # what is too high explodes, and what is far too high is dead
    assert seen(1.0, 0.9, 0.92, 0.6, 0.3, 0.5, 0.7) == 0.0  # little luck, and the best is far ahead
    assert seen(1.02, 0.98, 1.01, 0.96, 1.0, 0.99, 1.1) == pytest.approx(0.09)
    assert plateau(dict(zip(keys, (1.02, 0.98, 1.01, 0.96, 1.0, 0.99, 1.1), strict=True)), 1.0, Prior()) == []
    noisy = dict(zip(keys, (1.02, 0.98, 1.01, 0.96, 1.0, 0.99, 1.1), strict=True))
    assert plateau(noisy, 1.0, Prior(), least=0.09) == keys[:6]


def test_rates_are_laid_out_on_the_logarithmic_axis() -> None:
    assert rungs(LRRange(1e-4, 1.0), 3) == [1e-4, 1e-2, 1.0]
    assert rungs(LRRange(1e-4, 1.0), 1) == [1e-2]
    assert rungs(LRRange(1e-4, 1.0), 0) == []
    assert inside(1e-3, 1e-1, 0.5) == 1e-2
    assert 1e-3 < inside(1e-3, 1.0001e-3, 0.5) < 1.0001e-3
    keys = [RunKey("", 10.0**power, 0) for power in range(-6, 1)]
    assert spread(keys[0], keys, 3) == [keys[0], keys[6], keys[3]]
    assert spread(keys[3], keys, 9)[0] == keys[3]


def test_slices_that_fall_on_one_unit_share_their_money() -> None:
    assert whole_slices(((0.25, 0.5), (0.5, 1.0)), 8) == [(2, 0.5), (4, 1.0)]
    assert whole_slices(((0.01, 0.5), (0.1, 0.5), (0.5, 1.0)), 8) == [(1, 0.75), (4, 1.0)]


def test_few_rates_are_filled_in_above_a_leader_that_is_still_too_low() -> None:
    """Progress in proportion to the rate: at 1e-2 it has hardly begun, and 10 is worse than nothing."""
    question = Question(lr=LRRange(1e-5, 10.0), budget=24, metric=Metric("val_loss"), max_cost=1.35)

    def train(run: Run, until: int) -> Run:
        slope = run.lr if run.lr < 0.6 else 0.0
        losses = [2.3 / (1 + slope * unit**2) if slope else 2.3 + 0.01 * unit for unit in range(until + 1)]
        outcome = Outcome.FINISHED if until == question.budget else None
        records = tuple(Record(unit, {"val_loss": loss}) for unit, loss in enumerate(losses))
        return replace(run, records=records, units=until, outcome=outcome)

    runs, done = carry_out(question, race(), train)
    assert 0.1 < conclude(question, runs, done=done).lr < 0.6


def test_a_rate_just_below_one_that_diverged_late_is_not_trusted() -> None:
    """Another seed may diverge there: of two that are about as good the lower one is trained to the end."""
    question = replace(QUESTION, arms=(Arm(schedule="cosine"),))
    train = replace(BOWL, highest=0.012, patience=7, floor_noise=0.02, decays=True).trainer(question)
    runs, done = carry_out(question, race(), train)
    lr = conclude(question, runs, done=done).lr
    edges = [run.lr for run in runs if run.outcome is Outcome.DIVERGED and run.units]
    assert math.log10(min(edges) / lr) > 0.35


def test_the_typical_rate_plays_no_part() -> None:
    """A task whose best rate lies three decades away from the usual one costs as much and is answered as well."""
    usual = QUESTION
    far = replace(QUESTION, lr=LRRange(QUESTION.lr.low * 1e-3, QUESTION.lr.high * 1e-3))
    answers = []
    for question, speed, highest in ((usual, 3e4, 1.0), (far, 3e7, 1e-3)):
        landscape = replace(BOWL, speed=speed, highest=highest)
        runs, done = carry_out(question, race(), landscape.trainer(question))
        answers.append(conclude(question, runs, done=done))
    near, away = answers
    assert away.cost == pytest.approx(near.cost, abs=0.15)
    assert math.log10(near.lr / away.lr) == pytest.approx(3, abs=0.35)
