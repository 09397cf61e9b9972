"""Can a log alone tell that a warm-up or a decay is wrong, or that the end is wasted? Candidates for rules, on real trainings.

``schedule_runs`` hold trainings that differ in nothing but the schedule (``symptom_runs.py``). With the score a run's lowest
validation loss, and the improvement from untrained to the workload's best run as the unit, another schedule *wins* where it
is better by at least 1 % and by two standard errors of the difference over 3 seeds. Truth:

- warm-up too short, too long: a longer, a shorter one wins at the same rate;
- decay too early, too late: a later, an earlier start wins at the same rate;
- wasted tail (``tail_runs``): after the rate fell below 1 % of its peak, with a tenth of the training left, the validation
  loss still fell by less than 1 % of the unit.

The learning-rate grids of ``record.py`` have eight workloads under a constant rate and under a cosine, at 25 rates: a constant
rate *should decay* where the cosine wins at the same peak, a cosine *decays too early* where the constant rate wins; rates
at which both lose more than a quarter are left out.

Candidates are numbers of one run's loss, gradient norm and rate, given below. The limit of each is the one with the most
hits that has at most 5 % false alarms on the workloads of ``symptom_runs.DEVELOPMENT`` (of the grids: those
on digits, tumours and diabetes); hits (share of the truly wrong that
is told) and false alarms (share of the others that is told) are counted on the rest, and how many hits the verdict on
the rate does not give already: too high, or too low, with a confidence of at least a half. Rules that are shipped are counted as
they are.

Last come the warnings (a severity above ``note``) of runs at a right rate (regret at most 1 %), and of those of them whose
validation ends within seed noise of its best: the rise above its lowest is at most one, or two, standard deviations over the
seeds of where they end.

Run: python -m benchmarks.diagnosis_schedules
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.diagnosis_symptoms import checkup as told_of
from benchmarks.diagnosis_truth import problem_of
from benchmarks.symptom_runs import Runs, multiplier, read
from lrlab.core.verdict import Checkup
from lrlab.diagnosis.checkup import Log, check_up
from lrlab.diagnosis.rate import forest
from lrlab.diagnosis.signals import MEAN, Stretch, Track, between, slope

HERE = Path(__file__).parent
WINS = 0.01  # of the improvement from untrained to best
ERRORS = 2.0
MOST_ALARMS = 0.05
LEARNS = 0.25  # regret above which the schedule is no question
NAMES = ("warmup_too_short", "warmup_too_long", "decay_too_early", "decay_too_late")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One run.

    Args:
        workload: What was trained.
        development: Whether limits are chosen on it.
        right: Whether its regret is at most 1 %.
        risen: How far its validation loss ends above its lowest, in standard deviations over the seeds of the ends.
        truth: What is wrong with its schedule.
        signs: Candidates; a larger number speaks for the symptom.
        checkup: What the diagnosis says.
    """

    workload: str
    development: bool
    right: bool
    risen: float
    truth: Mapping[str, bool]
    signs: Mapping[str, Mapping[str, float]]
    checkup: Checkup


def regrets(runs: Runs) -> np.ndarray:
    """Share of the improvement that a run leaves, at most 1; shape (rates, shapes, seeds)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of runs with nothing but NaN
        lowest = np.nanmin(runs.val_loss[..., 1:], axis=-1)
    lowest = np.where(np.isfinite(runs.val_loss).all(axis=-1), lowest, np.inf)
    best = lowest.mean(axis=-1).min()
    untrained = float(np.nanmedian(runs.val_loss[..., 0]))
    found: np.ndarray = np.minimum((lowest - best) / (untrained - best), 1.0)
    return found


def risen(curves: np.ndarray) -> float:
    """How far the first seed's loss ends above its lowest, in standard deviations over seeds of the ends; shape (seeds, units)."""
    return float((curves[0, -1] - curves[0, 1:].min()) / max(curves[:, -1].std(ddof=1), 1e-300))


def wins(own: np.ndarray, others: list[np.ndarray]) -> bool:
    """Whether one of the others is better than a schedule; regrets of each seed."""
    gains = [own - other for other in others]
    return any(gain.mean() >= max(WINS, ERRORS * gain.std(ddof=1) / len(gain) ** 0.5) for gain in gains)


def truths(runs: Runs, regret: np.ndarray, place: int) -> dict[str, bool]:
    """What is wrong with a schedule; ``regret`` has the shape (shapes, seeds)."""
    warmup, level = runs.shape[place]
    same_level = {other[0]: regret[at] for at, other in enumerate(runs.shape) if other[1] == level}
    same_warmup = {other[1]: regret[at] for at, other in enumerate(runs.shape) if other[0] == warmup}
    own = regret[place]
    return {
        "warmup_too_short": wins(own, [other for value, other in same_level.items() if value > warmup]),
        "warmup_too_long": wins(own, [other for value, other in same_level.items() if value < warmup]),
        "decay_too_early": wins(own, [other for value, other in same_warmup.items() if value > level]),
        "decay_too_late": wins(own, [other for value, other in same_warmup.items() if value < level]),
    }


def blocks_of(values: np.ndarray) -> np.ndarray:
    """As the diagnosis keeps them."""
    track = Track()
    track.extend(np.arange(len(values)), values)
    return track.blocks()


def candidates(runs: Runs, rate: int, place: int, checkup: Checkup) -> dict[str, dict[str, float]]:
    """Numbers of one run that may tell."""
    warmup, level = runs.shape[place]
    loss, gradient = runs.loss[rate, place], runs.grad_norm[rate, place]
    table = blocks_of(loss)
    means = table[:, MEAN]
    first = float(loss[:3].mean())
    fall = max(first - float(means.min()), 1e-3 * abs(first))
    last = Stretch.of(between(table, 0.9, 1))
    early = len(loss) // 4
    peak = int(loss[:early].argmax())
    before = min(float(means[: max(peak * len(means) // len(loss), 1)].min()), first)
    low, _, high = checkup.rate.probabilities or (0.0, 1.0, 0.0)

    def gained(begin: float, end: float) -> float:
        part = between(table, begin, min(end, 1.0))
        return -slope(part).per_step * len(loss) / fall  # whole falls in a training

    risen = between(table, 0.0, max(warmup, 0.02))
    return {
        "warmup_too_short": {
            "highest of the first quarter over the first loss": float(loss[:early].max()) / first,
            "the same of the gradient": float(np.nanmax(gradient[:early])) / float(np.nanmedian(gradient[:5])),
            "thrown back early, and not below what it was before": (last.mean - before) / fall * (loss[peak] > 1.2 * first),
            "probability of too high": high,
        },
        "warmup_too_long": {
            "length of the warm-up": warmup,
            "share of the fall made within it, for its length": warmup * Stretch.of(risen).progress,
            "how fast it still falls as it ends": gained(warmup - 0.1, warmup + 0.1) * warmup,
            "probability of too low": low * (warmup > 0.05),
        },
        "decay_too_early": {
            "how fast it still fell as the decay began": gained(level - 0.1, level + 0.1) * (level < 0.8),
            "how fast it still falls at the end": gained(0.75, 1.0) * (level < 0.8),
            "probability of too low": low * (level < 0.8),
        },
        "decay_too_late": {
            "how fast it still falls at the end": gained(0.75, 1.0) * (level >= 0.5),
            "noise at the end over the fall": last.noise / fall * (level >= 0.5),
            "probability of too high": high * (level >= 0.5),
            "never decays, and noise at the end over the fall": last.noise / fall * (level >= 1),
        },
    }  # fmt: skip


def checked(runs: Runs, rate: int, place: int) -> Checkup:
    """What the diagnosis says of a finished run of the first seed."""
    steps = np.arange(runs.steps, dtype=float)
    val = runs.val_loss[rate, place, 0, 1:]
    at = np.arange(1, len(val) + 1) * (runs.steps // len(val)) - 1.0
    columns = {
        "loss": (steps, runs.loss[rate, place]),
        "grad_norm": (steps, runs.grad_norm[rate, place]),
        "lr": (steps, runs.lr[rate] * multiplier(*runs.shape[place], runs.steps)),
        "val_loss": (at, val),
    }
    return check_up(Log(columns=columns, seen=runs.steps, total=runs.steps, optimizer=runs.optimizer))


def judged(folder: Path) -> Iterator[Judged]:
    """Every run of the first seed that did not diverge."""
    for runs in read(folder):
        regret = regrets(runs)
        for rate, place in np.ndindex(runs.loss.shape[:2]):
            if not np.isfinite(runs.loss[rate, place]).all():
                continue
            checkup = checked(runs, rate, place)
            yield Judged(
                workload=runs.name, development=runs.development,
                right=bool(regret[rate, place].mean() <= WINS), risen=risen(runs.val_loss[rate, place]),
                truth=truths(runs, regret[rate], place),
                signs=candidates(runs, rate, place, checkup), checkup=checkup,
            )  # fmt: skip


def shares(told: np.ndarray, truth: np.ndarray) -> str:
    """Hits and false alarms, as text."""
    hits, false = told[truth], told[~truth]
    return f"hits {hits.sum():3} of {len(hits):3}, false {false.sum():3} of {len(false):3}"


def show(every: list[Judged], names: Sequence[str]) -> None:
    """Every candidate of these symptoms."""
    for name in names:
        runs = [run for run in every if name in run.truth]
        development = np.array([run.development for run in runs])
        known = np.array(
            [
                run.checkup.rate.verdict in ("too_high", "too_low") and run.checkup.rate.confidence >= 0.5
                for run in runs
            ]
        )
        truth = np.array([run.truth[name] for run in runs])
        print(f"\n{name}: truly so in {truth[development].sum()} of {development.sum()} on development workloads, "
              f"{truth[~development].sum()} of {(~development).sum()} on others")  # fmt: skip
        for sign in runs[0].signs[name]:
            value = np.array([run.signs[name][sign] for run in runs])
            quiet = np.sort(value[development & ~truth])
            limit = float(quiet[math.ceil((1 - MOST_ALARMS) * len(quiet)) - 1])
            told = value > limit
            print(f"  {sign} > {limit:.3g}: development {shares(told[development], truth[development])}; "
                  f"others {shares(told[~development], truth[~development])}, "
                  f"{(told & truth & ~known & ~development).sum()} new")  # fmt: skip


def of_grids(folder: Path) -> Iterator[Judged]:
    """The constant and the cosine runs of each grid that has both, the first seed's."""
    for path in sorted(folder.glob("*-constant.npz")):
        tables = {}
        for schedule in ("constant", "cosine"):
            with np.load(
                path.with_name(path.name.replace("constant", schedule)), allow_pickle=False
            ) as table:
                tables[schedule] = {name: table[name] for name in table.files}
        both = [tables[schedule]["val_loss"].astype(float) for schedule in ("constant", "cosine")]
        lowest = [
            np.where(np.isfinite(v).all(-1), np.nan_to_num(v[..., 1:], nan=np.inf).min(-1), np.inf)
            for v in both
        ]
        best = min(found.mean(-1).min() for found in lowest)
        untrained = float(np.nanmedian(both[0][..., 0]))
        constant, cosine = (np.minimum((found - best) / (untrained - best), 1.0) for found in lowest)
        for rate in range(len(constant)):
            for schedule, own, other in (("constant", constant, cosine), ("cosine", cosine, constant)):
                arrays = tables[schedule]
                learns = min(own[rate].mean(), other[rate].mean()) <= LEARNS
                if not learns or not np.isfinite(arrays["loss"][rate, 0]).all():
                    continue
                meta = json.loads(str(arrays["meta"]))
                steps = int(meta["steps"])
                checkup = told_of(arrays, meta, (rate, 0), steps, steps)
                name = "should_decay" if schedule == "constant" else "decays_too_early"
                yield Judged(
                    workload=f"{meta['workload']}-{meta['optimizer']}",
                    development=meta["workload"].startswith(("digits", "cancer", "diabetes")),
                    right=bool(own[rate].mean() <= WINS), risen=risen(arrays["val_loss"][rate].astype(float)),
                    truth={name: wins(own[rate], [other[rate]])},
                    signs={name: decaying(arrays["loss"][rate, 0].astype(float), checkup)}, checkup=checkup,
                )  # fmt: skip


def decaying(loss: np.ndarray, checkup: Checkup) -> dict[str, float]:
    """What may tell that a constant rate should decay, or (a small number) that a decay came too early."""
    table = blocks_of(loss)
    last, first = Stretch.of(between(table, 0.9, 1)), float(loss[:3].mean())
    fall = max(first - float(table[:, MEAN].min()), 1e-3 * abs(first))
    low, _, high = checkup.rate.probabilities or (0.0, 1.0, 0.0)
    late = -slope(between(table, 0.6, 1.0)).per_step * 0.4 * len(loss) / fall
    middle = -slope(between(table, 0.3, 0.6)).per_step * 0.3 * len(loss) / fall
    return {
        "how fast it still falls at the end": late,
        "that it does not fall any more": -late,
        "how fast it fell in the middle": middle,
        "noise at the end over the fall": last.noise / fall,
        "noise over what still falls": last.noise / fall - late,
        "probability of too high": high,
        "probability of too low": low,
    }


def early_decays(folder: Path) -> None:
    """How often a decay that came too early is told, seen a half and the whole of, and truly so: the constant rate wins."""
    fitted = forest("loss")["about"]["problems"]
    counted: dict[str, tuple[list[bool], list[bool]]] = {}
    for path in sorted(path for path in folder.glob("*.npz") if not path.stem.endswith("constant")):
        stem, _, schedule = path.stem.rpartition("-")
        both = []
        for one in (path, path.with_name(f"{stem}-constant.npz")):
            with np.load(one, allow_pickle=False) as table:
                both.append({name: table[name] for name in table.files})
        own, constant = both[0]["val_loss"].astype(float), both[1]["val_loss"].astype(float)
        lowest = [
            np.where(np.isfinite(v).all(-1), np.nan_to_num(v[..., 1:], nan=np.inf).min(-1), np.inf)
            for v in (own, constant)
        ]
        untrained, best = float(np.nanmedian(own[..., 0])), min(found.mean(-1).min() for found in lowest)
        regret = [np.minimum((found - best) / (untrained - best), 1.0) for found in lowest]
        meta = json.loads(str(both[0]["meta"]))
        steps = int(meta["steps"])
        group = "development" if meta["workload"].startswith(("digits", "cancer", "diabetes")) else "others"
        if problem_of(meta["workload"]) not in fitted:
            group += ", not in the fit of the rate's model"
        for rate in range(len(own)):
            truth = wins(regret[0][rate], [regret[1][rate]])
            for seen, when in ((steps // 2, "half"), (steps, "whole")):
                told = told_of(both[0], meta, (rate, 0), seen, steps).found("decay_too_early") is not None
                early = "decay from 80 %" if schedule == "wsd" else "decay from 5 %"
                found = counted.setdefault(f"{group}, {early}, seen the {when}", ([], []))
                found[0].append(told)
                found[1].append(truth)
    for title, (told_list, truth_list) in sorted(counted.items()):
        print(f"decay_too_early, {title}: {shares(np.array(told_list), np.array(truth_list))}")


def tails(folder: Path) -> None:
    """How often a wasted tail is told, and truly so."""
    told, truth = [], []
    for runs in read(folder):
        untrained, best = float(np.nanmedian(runs.val_loss[..., 0])), float(np.nanmin(runs.val_loss))
        for rate, place in np.ndindex(runs.loss.shape[:2]):
            below = multiplier(*runs.shape[place], runs.steps) < 0.01
            step = int(runs.steps - np.argmin(below[::-1]))  # the last stretch below begins here
            curve = runs.val_loss[rate, place, :, 1:].mean(axis=0)
            if not np.isfinite(curve).all() or runs.steps - step < 0.1 * runs.steps:
                continue
            until = curve[: max(step * len(curve) // runs.steps, 1)].min()
            truth.append(bool((until - curve.min()) / (untrained - best) < WINS))
            told.append(checked(runs, rate, place).found("wasted_tail") is not None)
    print(f"wasted_tail: truly so in {sum(truth)} of {len(truth)}: {shares(np.array(told), np.array(truth))}")


def main() -> None:
    """Count and print."""
    tails(HERE / "tail_runs")
    early_decays(HERE / "grids")
    runs = list(judged(HERE / "schedule_runs"))
    names = sorted({(run.development, run.workload) for run in runs})
    print("development:", ", ".join(name for chosen, name in names if chosen))
    print("others:", ", ".join(name for chosen, name in names if not chosen))
    show(runs, NAMES)
    show(list(of_grids(HERE / "grids")), ("should_decay", "decays_too_early"))
    print("\nwarnings:")
    for chosen, title in ((True, "development"), (False, "others")):
        right = [run for run in runs if run.right and run.development == chosen]
        counts = [f"of {len(right)} runs with a regret of at most 1 %, {loud(right)} are warned"]
        for limit in (1, 2):
            settled = [run for run in right if run.risen <= limit]
            counts.append(f"of {len(settled)} that end within {limit} of their lowest, {loud(settled)}")
        print(f"{title}: {'; '.join(counts)}")


def loud(runs: Sequence[Judged]) -> int:
    """How many of them have a verdict above ``note``."""
    return sum(run.checkup.severity in ("warn", "error") for run in runs)


if __name__ == "__main__":
    main()
