"""From runs to the answer."""

import math
import random
from dataclasses import replace

import pytest

from lrlab.core.answer import Answer, Caution
from lrlab.core.lr_range import LRRange
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.question import Done, Question
from lrlab.core.record import Record
from lrlab.core.run import Run
from lrlab.searchers.answer import conclude
from lrlab.searchers.choose import searcher
from lrlab.testing.landscapes import Landscape, carry_out

QUESTION = Question(lr=LRRange(1e-6, 1.0), budget=40, metric=Metric("val_loss"))
DENSE = QUESTION.lr.points(61)
BOWL = Landscape(name="bowl", speed=3e4)


def answer_of(landscape: Landscape, question: Question = QUESTION, who: str = "race") -> Answer:
    """The answer of a whole study."""
    runs, done = carry_out(question, searcher(who), landscape.trainer(question))
    return conclude(question, runs, done=done, study="s")


def run(lr: float, values: list[float], *, question: Question = QUESTION, **changes: object) -> Run:
    """A run with a value a unit; the first one is before training."""
    records = tuple(Record(float(at), {question.metric.name: value}) for at, value in enumerate(values))
    return Run(**{"lr": lr, "records": records, "units": len(values) - 1, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("who", ["race", "grid:13", "halving"])
def test_an_answer_is_whole(who: str) -> None:
    answer = answer_of(BOWL, who=who)
    assert answer.found
    assert answer.final
    assert answer.study == "s"
    assert answer.interval[0] <= answer.lr <= answer.interval[1]
    assert answer.safe_range[0] <= answer.lr <= answer.safe_range[1]
    assert answer.untrained == 1.0
    assert answer.score == min(r.score(QUESTION.metric) for r in answer.runs if r.outcome is Outcome.FINISHED)
    assert answer.cost == pytest.approx(sum(r.units for r in answer.runs) / 40)
    assert 0.5 < answer.confidence <= 1
    assert answer.reasons
    assert answer.exit_code == 0
    assert not answer.warnings


@pytest.mark.parametrize("who", ["race", "grid:13"])
@pytest.mark.parametrize("speed", [3e2, 3e3, 3e4, 3e5])
def test_the_interval_holds_the_best_and_the_safe_range_is_safe(who: str, speed: float) -> None:
    landscape = replace(BOWL, speed=speed)
    answer = answer_of(landscape, who=who)
    best = min(DENSE, key=lambda rate: landscape.regret(rate, budget=40, rates=DENSE))
    assert answer.interval[0] / 1.1 <= best <= answer.interval[1] * 1.1
    assert answer.interval[1] / answer.interval[0] < 100
    inside = [rate for rate in DENSE if answer.safe_range[0] <= rate <= answer.safe_range[1]]
    assert all(landscape.regret(rate, budget=40, rates=DENSE) <= 0.04 for rate in inside)


def test_a_metric_that_should_rise_gives_the_mirrored_answer() -> None:
    mirrored = answer_of(BOWL, replace(QUESTION, metric=Metric("acc", "max")))
    straight = answer_of(BOWL)
    assert (mirrored.lr, mirrored.interval, mirrored.safe_range) == (
        straight.lr,
        straight.interval,
        straight.safe_range,
    )
    assert (mirrored.score, mirrored.untrained) == (-straight.score, -1.0)


def test_the_order_of_the_runs_does_not_matter() -> None:
    answer = answer_of(BOWL)
    shuffled = conclude(QUESTION, random.Random(1).sample(answer.runs, len(answer.runs)), done=Done(why="x."))
    assert (shuffled.lr, shuffled.interval, shuffled.safe_range) == (
        answer.lr,
        answer.interval,
        answer.safe_range,
    )
    assert shuffled.confidence == answer.confidence


def test_no_runs_give_no_rate() -> None:
    answer = conclude(QUESTION, ())
    assert math.isnan(answer.lr)
    assert not answer.found
    assert not answer.final
    assert answer.cost == 0
    assert answer.warnings == ()


def test_a_study_under_way_has_an_answer_so_far() -> None:
    runs = [run(lr, [1.0, value]) for lr, value in ((1e-4, 0.9), (1e-3, 0.7), (1e-2, 0.8))]
    answer = conclude(QUESTION, runs)
    assert answer.lr == 1e-3
    assert not answer.final
    assert answer.confidence < 0.5
    assert any("No rate was trained to the end" in reason for reason in answer.reasons)


def test_a_run_trained_to_the_end_wins_over_a_better_one_that_was_not() -> None:
    question = replace(QUESTION, budget=2)
    runs = [run(1e-3, [1.0, 0.5, 0.4]), run(1e-2, [1.0, 0.3])]
    assert conclude(question, runs).lr == 1e-3


def test_seeds_are_averaged() -> None:
    question = replace(QUESTION, budget=1, seeds=2)
    lucky = [run(1e-3, [1.0, 0.1]), run(1e-3, [1.0, 0.9], seed=1)]
    steady = [run(1e-2, [1.0, 0.4]), run(1e-2, [1.0, 0.4], seed=1)]
    answer = conclude(question, [*lucky, *steady])
    assert answer.lr == 1e-2
    assert answer.score == pytest.approx(0.4)


def test_all_diverged_suggests_a_lower_range() -> None:
    answer = answer_of(Landscape(name="all diverge", highest=1e-12))
    assert answer.codes == {"ALL_DIVERGED"}
    assert "--lr 1e-9:1e-6" in answer.warnings[0].text
    assert answer.exit_code == 4
    assert math.isnan(answer.lr)


def test_all_failed_shows_why() -> None:
    answer = answer_of(Landscape(name="all fail", fails=True))
    assert answer.codes == {"ALL_FAILED"}
    assert "made to fail" in answer.warnings[0].text
    assert answer.exit_code == 3


@pytest.mark.parametrize("who", ["race", "grid:7"])
def test_the_edges_say_how_to_extend(who: str) -> None:
    low = answer_of(Landscape(name="low", speed=1e9, highest=1e-6, floor_noise=1.0), who=who)
    assert "EDGE_LOW" in low.codes
    assert "--lr 1e-8:1" in next(caution.text for caution in low.warnings if caution.code == "EDGE_LOW")
    high = answer_of(Landscape(name="high", speed=3.0, highest=math.inf), who=who)
    assert "EDGE_HIGH" in high.codes
    assert "--lr 1e-6:100" in next(caution.text for caution in high.warnings if caution.code == "EDGE_HIGH")
    assert high.exit_code == low.exit_code == 5
    assert high.confidence < 0.6


def test_a_flat_range_is_called_flat() -> None:
    answer = answer_of(Landscape(name="flat", flat=True, highest=math.inf), who="grid:7")
    assert "FLAT" in answer.codes
    assert answer.safe_range == (1e-6, 1.0)
    assert answer.exit_code != 4


def test_noise_larger_than_the_effect_is_told() -> None:
    noisy = Landscape(name="noise", speed=0.0, floor_noise=0.0, jitter=0.05, highest=math.inf)
    answer = answer_of(noisy, who="grid:7")
    assert {"NOISE", "NOTHING_LEARNED"} <= answer.codes
    assert answer.exit_code == 5
    seeds = answer_of(
        Landscape(name="seeds", flat=True, between_seeds=0.05, highest=math.inf),
        replace(QUESTION, seeds=3, tolerance=0.001),
        who="grid:7",
    )
    assert "NOISE" in seeds.codes
    assert "NOISE" not in answer_of(BOWL).codes


def scattered(budget: int, level: float) -> list[Run]:
    """Nine rates whose values have nothing to do with the rate, from 1 before training."""
    question, draw = replace(QUESTION, budget=budget), random.Random(5)
    rates = question.lr.points(9)
    values = {rate: [1.0, *(level + draw.gauss(0, 0.05) for _ in range(budget))] for rate in rates}
    return [run(rate, values[rate], question=question, outcome=Outcome.FINISHED) for rate in rates]


@pytest.mark.parametrize("budget", [4, 16, 60])
@pytest.mark.parametrize("level", [1.0, 0.5])
def test_nobody_is_sure_of_pure_noise(budget: int, level: float) -> None:
    answer = conclude(replace(QUESTION, budget=budget), scattered(budget, level), done=Done(why="."))
    assert answer.confidence_word == "low"
    assert answer.codes & {"NOISE", "NOTHING_LEARNED"} or any("chance" in reason for reason in answer.reasons)


def test_a_valley_is_no_chance() -> None:
    answer = answer_of(BOWL)
    assert answer.confidence_word == "high"
    assert not [reason for reason in answer.reasons if "chance" in reason]


def test_what_luck_would_give_is_nothing_learned() -> None:
    lucky = conclude(replace(QUESTION, budget=60), scattered(60, 1.0), done=Done(why="."))
    assert "NOTHING_LEARNED" in lucky.codes
    assert "No run got clearly better than before training." in lucky.reasons


def test_an_interval_that_reaches_the_end_of_the_range_is_told() -> None:
    # The best rate is the highest, the second is as good, and the lower one was picked.
    ends = (0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.301)
    rates = QUESTION.lr.points(7)
    runs = [
        run(rate, [1.0, *(1 - (1 - end) * unit / 40 for unit in range(1, 41))], outcome=Outcome.FINISHED)
        for rate, end in zip(rates, ends, strict=True)
    ]
    answer = conclude(QUESTION, runs, done=Done(why="."))
    assert answer.lr == rates[5]
    assert "EDGE_HIGH" in answer.codes
    assert "may be the highest of the range" in next(c.text for c in answer.warnings if c.code == "EDGE_HIGH")
    tried = conclude(QUESTION, [*runs, run(10.0, [1.0, math.nan], units=0, outcome=Outcome.DIVERGED)])
    assert "EDGE_HIGH" not in tried.codes


def test_nothing_learned_is_told() -> None:
    question = replace(QUESTION, budget=3)
    answer = conclude(question, [run(lr, [1.0, 1.1, 1.2, 1.3]) for lr in (1e-4, 1e-3, 1e-2)])
    assert "NOTHING_LEARNED" in answer.codes
    assert answer.confidence < 0.5


def test_an_unknown_start_is_told_and_replaced_by_the_worst_first_unit() -> None:
    question = replace(QUESTION, budget=2)
    runs = [replace(run(lr, [1.0, first, 0.3]), records=run(lr, [1.0, first, 0.3]).records[1:]) for lr, first in (
        (1e-4, 0.9), (1e-3, 0.5)
    )]  # fmt: skip
    answer = conclude(question, runs)
    assert "UNTRAINED_UNKNOWN" in answer.codes
    assert answer.untrained == 0.9


def test_runs_that_end_by_themselves_are_told() -> None:
    answer = answer_of(Landscape(name="ends early", speed=3e4, ends_after=0.5))
    assert "ENDED_EARLY" in answer.codes
    assert "before the budget of 40 epochs, the first after 20" in answer.warnings[0].text


def test_what_the_searcher_left_open_is_told() -> None:
    answer = conclude(QUESTION, answer_of(BOWL).runs, done=Done(why="x.", unsettled=("The price was low.",)))
    assert answer.warnings == (Caution(code="UNSETTLED", text="The price was low."),)


def test_other_warnings_are_passed_on() -> None:
    extra = Caution(code="STOPPED", text="Stopped by a person.")
    assert conclude(QUESTION, (), extra_warnings=(extra,)).warnings == (extra,)


@pytest.mark.parametrize(("rate", "least", "most"), [(1e-5, 0.05, 1.0), (0.9, 0.05, 1.0), (50.0, 1.0, 1.0)])
def test_what_the_own_rate_loses_is_told(rate: float, least: float, most: float) -> None:
    answer = answer_of(BOWL, replace(QUESTION, current_lr=rate))
    assert answer.current_regret is not None
    assert least <= answer.current_regret <= most
    assert answer_of(BOWL).current_regret is None


def test_the_estimate_for_a_rate_that_was_left_early_is_near_the_truth() -> None:
    for rate in (1e-5, 1e-4, 3e-2):
        answer = answer_of(BOWL, replace(QUESTION, current_lr=rate))
        truth = BOWL.regret(rate, budget=40, rates=DENSE)
        assert answer.current_regret is not None
        assert answer.current_regret == pytest.approx(truth, rel=1.0, abs=0.02)


def test_what_the_own_rate_would_lose_is_said_to_be_an_estimate_where_it_was_left_early() -> None:
    question = replace(QUESTION, current_lr=1e-6)
    (reason,) = [reason for reason in answer_of(BOWL, question).reasons if reason.startswith("Your 1e-6")]
    assert "of 40 epochs; what it would lose is estimated" in reason
    full = answer_of(BOWL, question, who="grid:5")
    assert not [reason for reason in full.reasons if reason.startswith("Your")]


def test_seeds_that_explode_far_above_the_winner_are_no_noise_of_the_winner() -> None:
    """A full grid of three seeds whose highest rates explode learned what it learned."""
    rng = random.Random(0)
    runs = []
    for lr in QUESTION.lr.points(13):
        apart = math.log10(lr / 1e-3)
        for seed in range(3):
            end = 1.0 - 0.8 * math.exp(-(apart**2)) + rng.gauss(0, 0.01)
            if apart > 0.4:
                end = 0.7 + 1e6 * seed
            runs.append(run(lr, [1.0, *[end] * 40], seed=seed, outcome=Outcome.FINISHED))
    answer = conclude(QUESTION, runs)
    assert answer.lr == pytest.approx(1e-3, rel=0.01)
    assert "NOTHING_LEARNED" not in answer.codes
    assert "NOISE" not in answer.codes
    assert answer.confidence > 0.5
