"""What other tools say of the rate, from the logs of the runs on which the diagnosis is judged.

Every tool is used as its page shows, at its defaults, and gets every column that it reads: ``mldoct`` 1.0 a CSV with a
row for each evaluation, ``trainproof`` 0.22 the records of every step, ``training-doctor`` 0.1 every step as it happens.
None of them says too low, right or too high in so many words, so this is how they are understood:

- ``mldoct``: its classes ``lr_too_high`` and ``exploding_gradients`` ("lower the learning rate by 5-10x") are too high;
  ``lr_too_low``, ``underfitting`` ("increase the learning rate") and ``vanishing_gradients`` ("negligible weight updates")
  are too low; every other class is right, and so is a run that has not been evaluated yet. A loss that is not finite, at
  which its watchdog stops a training, is too high.
- ``trainproof``: a value that is not finite, or divergence, is too high; a flat loss, or one that never improved, is too low.
- ``training-doctor``: its detectors are ``lr_too_high`` and ``lr_too_low``; silence is right. ``last word``: what one of
  them said last, however long ago. ``at the end``: what they say on the last step; the likelier where both speak.
- ``loss went up``: too high where the last tenth of the losses has a higher mean than the first or the second tenth; else right.

Run: python -m benchmarks.diagnosis --peers, in an environment with these three: the dependency group ``benchmarks``.
"""

import csv
import importlib.util
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.diagnosis_truth import LABELS, NARROW, judged, label_of

SHARES = (0.1, 0.3, 1.0)
MODULES = {"mldoctor": "mldoct", "trainproof": "trainproof", "training_doctor": "training-doctor"}
_MLDOCT = {
    "lr_too_high": "too_high", "exploding_gradients": "too_high",
    "lr_too_low": "too_low", "underfitting": "too_low", "vanishing_gradients": "too_low",
}  # fmt: skip
_TRAINPROOF = {
    "TP-NAN": "too_high", "TP-NAN-GRAD": "too_high", "TP-DIVERGE": "too_high",
    "TP-FLAT": "too_low", "TP-DEAD-RUN": "too_low",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a run has logged by a share of its training.

    Args:
        grid: Which training.
        lr: Its peak rate.
        label: The truth about it.
        share: How much of the training was seen.
        columns: ``loss grad_norm lr`` of every step, shape (steps,); a run ends with its first value that is not finite.
        val_loss: Of every evaluation, shape (units,).
        per_unit: Steps from one evaluation to the next.
    """

    grid: str
    lr: float
    label: str
    share: float
    columns: Mapping[str, np.ndarray]
    val_loss: np.ndarray
    per_unit: int


def missing() -> list[str]:
    """The tools that are not installed, by the names of their packages."""
    return [package for module, package in MODULES.items() if importlib.util.find_spec(module) is None]


def logs(only: str = "") -> Iterator[Log]:
    """The first seed of every other labelled rate of the recorded grids, after 10, 30 and 100 per cent."""
    for path in sorted(path for folder in NARROW for path in folder.glob("*.npz") if only in path.stem):
        with np.load(path, allow_pickle=False) as table:
            arrays = {name: table[name] for name in table.files}
        meta = json.loads(str(arrays["meta"]))
        steps, per_unit = int(meta["steps"]), int(meta["steps"]) // int(meta["units"])
        apart, regret = judged(arrays["lr"], arrays["val_loss"].astype(float))
        for place, lr in enumerate(arrays["lr"]):
            label = label_of(apart[place], regret[place])
            for share in SHARES if label and place % 2 == 0 else ():
                seen = min(max(round(share * steps), 4), max(int(arrays["steps_done"][place, 0]), 1))
                yield Log(
                    grid=path.stem, lr=float(lr), label=label, share=share, per_unit=per_unit,
                    columns={
                        "loss": arrays["loss"][place, 0, :seen].astype(float),
                        "grad_norm": arrays["grad_norm"][place, 0, :seen].astype(float),
                        "lr": lr * arrays["multiplier"][:seen].astype(float),
                    },
                    val_loss=arrays["val_loss"][place, 0, 1 : 1 + seen // per_unit].astype(float),
                )  # fmt: skip


def went_up(log: Log) -> str:
    """The plain rule."""
    loss = log.columns["loss"]
    tenth = max(len(loss) // 10, 1)
    end = loss[-tenth:].mean()
    return "right" if end <= min(loss[:tenth].mean(), loss[tenth : 2 * tenth].mean()) else "too_high"


def mldoct(log: Log) -> str:
    """``mldoctor diagnose FILE.csv``, and its watchdog."""
    from mldoctor.advisor import diagnose_csv

    if not np.isfinite(log.columns["loss"]).all():
        return "too_high"
    units = len(log.val_loss)
    if not units:
        return "right"
    whole = {name: values[: units * log.per_unit] for name, values in log.columns.items()}
    means = {name: values.reshape(units, -1).mean(axis=1) for name, values in whole.items()}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its model was kept with another scikit-learn
        path = Path(folder) / "log.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow(("epoch", "train_loss", "val_loss", "grad_norm"))
            rows.writerows(
                zip(range(1, units + 1), means["loss"], log.val_loss, means["grad_norm"], strict=True)
            )
        return _MLDOCT.get(str(diagnose_csv(str(path))["label"]), "right")


def trainproof(log: Log) -> str:
    """``trainproof epoch FILE``."""
    from trainproof.epoch import check_records

    records = [dict(row, step=step) for step, row in _rows(log)]
    words = {_TRAINPROOF.get(finding["id"], "") for finding in check_records(records)["findings"]}
    return next((word for word in ("too_high", "too_low") if word in words), "right")


def doctor_last(log: Log) -> str:
    """What one of training-doctor's detectors of the rate said last while the run went."""
    from training_doctor import Doctor

    doctor, found = Doctor(), "right"
    for step, row in _rows(log):
        for each in doctor.log(step, **row):
            if each.detector_name.startswith("lr_"):
                found = each.detector_name.removeprefix("lr_")
    return found


def doctor_end(log: Log) -> str:
    """What they say on the last step, had nobody asked before."""
    from training_doctor import Doctor, MetricStore

    store = MetricStore()
    for step, row in _rows(log):
        store.log(step, **row)
    told = [each for one in Doctor().detectors if (each := one.check(store)) is not None]
    of_rate = [each for each in told if each.detector_name.startswith("lr_")]
    if not of_rate:
        return "right"
    return max(of_rate, key=lambda each: each.confidence).detector_name.removeprefix("lr_")


def _rows(log: Log) -> Iterator[tuple[int, dict[str, float]]]:
    """Step and columns, ``eval_loss`` on the last step of a unit."""
    for step, values in enumerate(zip(*log.columns.values(), strict=True)):
        row = {name: float(value) for name, value in zip(log.columns, values, strict=True)}
        unit, rest = divmod(step + 1, log.per_unit)
        if rest == 0 and unit <= len(log.val_loss):
            row["eval_loss"] = float(log.val_loss[unit - 1])
        yield step, row


TOOLS: Mapping[str, Callable[[Log], str]] = {
    "loss went up": went_up,
    "mldoct": mldoct,
    "trainproof": trainproof,
    "training-doctor, last word": doctor_last,
    "training-doctor, at the end": doctor_end,
}


def words(tool: Callable[[Log], str], runs: Sequence[Log]) -> np.ndarray:
    """Index into ``LABELS`` of what a tool says of each run."""
    with np.errstate(all="ignore"):
        return np.array([LABELS.index(tool(run)) for run in runs])
