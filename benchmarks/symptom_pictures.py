"""The picture of every symptom in ``docs/diagnose.md``: a recorded training each, its losses, and where the verdict looks.

Run: python -m benchmarks.symptom_pictures docs/pictures/symptoms.png
"""

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.diagnosis_symptoms import checkup
from benchmarks.layers import PROBLEMS, watched
from benchmarks.symptom_runs import multiplier, read
from lrlab.core.verdict import Checkup
from lrlab.diagnosis.checkup import Log, check_up
from lrlab.report.palette import LIGHT, Theme, tone_color

HERE = Path(__file__).parent
_SMOOTH = 30  # points of a drawn loss
_TALL = 100  # times the first loss: above it the axis is logarithmic


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a panel shows.

    Args:
        title: What was trained.
        loss: Of each step.
        val_loss: Steps and values; empty where none is drawn.
        checkup: What is said of it.
        rates: Of each step, where they are drawn.
    """

    title: str
    loss: np.ndarray
    val_loss: tuple[np.ndarray, np.ndarray]
    checkup: Checkup
    rates: np.ndarray | None = None


def of_grid(name: str, lr: float, share: float = 1.0) -> Run:
    """A run of a recorded grid (its first seed), seen up to a share."""
    with np.load(HERE / "grids" / f"{name}.npz", allow_pickle=False) as table:
        arrays = {part: table[part] for part in table.files}
    meta = json.loads(str(arrays["meta"]))
    place = (int(np.abs(np.log(arrays["lr"] / lr)).argmin()), 0)
    total = int(meta["steps"])
    seen = int(share * total)
    per_unit = total // int(meta["units"])
    end = min(int(arrays["steps_done"][place]), seen)
    val = arrays["val_loss"][place][1 : end // per_unit + 1].astype(float)
    return Run(
        title=f"{meta['workload']}, {meta['optimizer']}, rate {lr:.2g}, {meta['schedule']}",
        loss=arrays["loss"][place][:end].astype(float),
        val_loss=(np.arange(1, len(val) + 1) * per_unit - 1, val),
        checkup=checkup(arrays, meta, place, seen, total),
        rates=None if meta["schedule"] == "constant" else arrays["multiplier"][:end].astype(float),
    )


def of_schedule(folder: str, name: str, rate: int, shape: tuple[float, float], words: str) -> Run:
    """A run of ``symptom_runs``, by the place of its rate."""
    runs = next(one for one in read(HERE / folder) if one.name == name)
    place, steps = runs.shape.index(shape), np.arange(runs.steps, dtype=float)
    loss = runs.loss[rate, place]
    log: Mapping[str, Any] = {
        "loss": (steps, loss), "lr": (steps, runs.lr[rate] * multiplier(*shape, runs.steps)),
        "grad_norm": (steps, runs.grad_norm[rate, place]),
    }  # fmt: skip
    found = check_up(Log(columns=log, seen=runs.steps, total=runs.steps, optimizer=runs.optimizer))
    title = f"{runs.problem}, {runs.optimizer}, rate {runs.lr[rate]:g}, {words}"
    return Run(title=title, loss=loss, val_loss=(np.empty(0), np.empty(0)), checkup=found, rates=log["lr"][1])


def of_layers(problem: str, optimizer: str, lr: float, steps: int = 250) -> Run:
    """A training under watch, made for the picture."""
    import torch

    load, build, loss_of = PROBLEMS[problem]
    torch.manual_seed(0)
    losses, told = watched(build(), optimizer, lr, load()[0], loss_of, steps=steps)
    title = f"{problem}, {optimizer}, rate {lr:g}, constant"
    nothing = (np.empty(0), np.empty(0))
    return Run(title=title, loss=np.array(losses), val_loss=nothing, checkup=told)


PANELS: dict[str, Callable[[], Run]] = {
    "rate_too_high": partial(of_grid, "digits-cnn-sgd-constant", 1.778),
    "rate_too_low": partial(of_grid, "lines-bag-rmsprop-constant", 0.001),
    "diverged": partial(of_grid, "cancer-deep-linear-momentum-constant", 0.1778),
    "diverging": partial(of_grid, "digits-cnn-sgd-constant", 1.0, 0.5),
    "dead_layer": partial(of_layers, "digits-cnn", "momentum", 0.2),
    "overfitting": partial(of_grid, "lines-gru-adam-constant", 0.03162),
    "oscillating": partial(of_grid, "photos-resnet-momentum-constant", 0.01778),
    "plateau": partial(of_grid, "lines-gru-adam-constant", 0.05623, 0.5),
    "underfitting": partial(of_grid, "digits-cnn-sgd-constant", 0.01778),
    "wasted_tail": partial(of_schedule, "tail_runs", "friedman-gelu-sgd", 0, (0.05, -5.0), "exponential"),
    "decay_too_early": partial(of_grid, "manual-transformer-adamw-cosine", 0.0005623),
}


def smoothed(values: np.ndarray) -> np.ndarray:
    """Running means over a few steps, so that a line can be seen among the noise; the same length."""
    width = max(len(values) // _SMOOTH // 2, 1)
    return np.array([values[max(at - width, 0) : at + width + 1].mean() for at in range(len(values))])


def draw(*, theme: Theme = LIGHT) -> Figure:
    """All panels, two in a row.

    Raises:
        LookupError: If a run does not show what it is drawn for.
    """
    rows = math.ceil(len(PANELS) / 2)
    figure = Figure(figsize=(7.6, 2.1 * rows + 0.4), facecolor=theme.background, layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, (symptom, make) in zip(grid, PANELS.items(), strict=False):
        _draw(axes, symptom, make(), theme)
    for axes in grid[len(PANELS) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8,
                  labelcolor=theme.text)  # fmt: skip
    return figure


def _draw(axes, symptom: str, run: Run, theme: Theme) -> None:  # type: ignore[no-untyped-def]
    verdict = run.checkup.found(symptom)
    if verdict is None:
        raise LookupError(f"{run.title} shows no {symptom}: {[one.symptom for one in run.checkup.verdicts]}")
    print(f"{symptom}: {run.title}: {verdict.sentence} [{verdict.severity}, {verdict.confidence:.2f}]")
    axes.set_facecolor(theme.background)
    axes.set_title(symptom, loc="left", fontsize=8.5, color=theme.text, fontweight="bold")
    axes.set_title(run.title, loc="right", fontsize=6, color=theme.muted)
    axes.tick_params(which="both", colors=theme.muted, labelsize=7)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(theme.muted)
    evidence = verdict.evidence[0]
    axes.axvspan(evidence.first_step, max(evidence.last_step, evidence.first_step + 1), color=theme.grid, lw=0,
                 label="where the verdict looks")  # fmt: skip
    steps = np.arange(len(run.loss))
    axes.plot(steps, run.loss, color=theme.muted, lw=0.5, alpha=0.5, label="loss")
    axes.plot(steps, smoothed(run.loss), color=tone_color(0.0, theme), lw=1.4, label="loss, smoothed")
    axes.plot(*run.val_loss, color=tone_color(1.0, theme), lw=1.4, label="val_loss")
    axes.plot([], [], color=theme.text, lw=0.9, ls="--", label="rate, where it changes")
    axes.set(xlim=(0, len(run.loss)))
    if np.nanmax(run.loss) > _TALL * run.loss[0]:
        axes.set(yscale="log")
    else:
        axes.set(ylim=(0, 1.1 * max(smoothed(run.loss).max(), run.loss[0])))
    if run.rates is not None:
        other = axes.twinx()
        other.plot(steps, run.rates, color=theme.text, lw=0.9, ls="--")
        other.set(ylim=(0, 1.1 * run.rates.max()), yticks=[])
        for spine in other.spines.values():
            spine.set_visible(False)


def main() -> None:
    """Draw it into the file that is named."""
    draw().savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
