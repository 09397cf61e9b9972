"""Schedules made ready to be looked at: over how long a training, which facts, which chart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr
from lrlab.core.question import whole_number
from lrlab.report.schedules import MOST_SCHEDULES, ScheduleChart, Series, schedule_chart
from lrlab.report.words import percent
from lrlab.schedules.evaluate import end, values
from lrlab.schedules.facts import Facts, facts
from lrlab.schedules.lengths import Length, LengthNeeded
from lrlab.schedules.protocol import Schedule
from lrlab.schedules.text import parse
from lrlab.schedules.written import Spec, spec_of

_DEFAULT_STEPS = 1_000
_MOST_STEPS = 10_000_000  # of which every one is computed
_MOMENTS = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A schedule for the list and the gallery.

    Args:
        name: Its family.
        text: One of its texts.
        what: What it does, in a few words.
    """

    name: str
    text: str
    what: str


EXAMPLES = tuple(
    Example(name=name, text=text, what=what)
    for name, text, what in (
        ("constant", "constant", "the rate as it is given"),
        ("linear", "linear to 0.1", "a line from 1 to the floor; the best default"),
        ("budgeted", "budgeted", "linear to 0 over the whole budget"),
        ("cosine", "cosine to 0.01", "half a cosine: slowly, fast, slowly"),
        ("polynomial", "polynomial power 2", "a power of the time that is left"),
        ("exponential", "exponential by 0.01", "by the same factor in every stretch"),
        ("step", "step every 25% by 0.4", "by a factor at once, every so often"),
        ("multi-step", "multi-step 50%, 75% by 0.3", "by a factor at once, at given places"),
        ("rex", "rex", "slow first and steep at the end"),
        ("tanh", "tanh", "high, a fall in the middle, settled"),
        ("inverse-sqrt", "inverse-sqrt warmup 5%", "with the square root of the time, without an end"),
        ("noam", "noam width 512 warmup 100", "the same with the model's width, in absolute rates"),
        ("piecewise", "piecewise 0:0.2, 20%:1, 60%:0.3, 100%:0.1", "any curve, from points"),
        ("wsd", "wsd warmup 5% decay 20%", "rise, stay, fall at the end"),
        ("trapezoid", "trapezoid rise 10% fall 30%", "the same with straight lines"),
        ("one-cycle", "one-cycle", "up to a high rate and down to nearly nothing"),
        ("restarts", "restarts every 15% times 2 peak 0.8", "cosine that jumps back up"),
        ("cyclic", "cyclic up 10% down 15%", "triangles"),
        ("triangular", "triangular up 12%", "triangles of one height"),
        ("triangular2", "triangular2 up 12%", "triangles that halve"),
        ("exp-range", "exp-range up 12% decay 0.998", "triangles that shrink at every step"),
        ("plateau", "plateau by 0.1 patience 10", "by a factor when a metric no longer gets better"),
        ("warmup", "warmup 10% then cosine", "a rise to where the next begins"),
        ("then", "constant for 40% then linear", "one after the other"),
        ("scale", "scale 0.5 (cosine)", "every multiplier times a number"),
        ("clip", "clip from 0.2 to 0.8 (cosine)", "every multiplier within limits"),
        ("repeat", "repeat 25% (linear)", "again every so often"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A schedule over one training.

    Args:
        spec: As it is written.
        schedule: Bound to the training.
        total_steps: Length of the training, in optimizer steps.
        assumed: Whether nobody gave the length.
        facts: What is true of it, in multipliers.
    """

    spec: Spec
    schedule: Schedule
    total_steps: int
    assumed: bool
    facts: Facts

    def moments(self) -> tuple[int, ...]:
        """Some ten steps to tell the rate of: evenly spaced ones, the peak, and where it begins to fall."""
        even = np.linspace(0, self.total_steps - 1, min(_MOMENTS, self.total_steps)).round().astype(int)
        fall = self.facts.first_decay_step
        return tuple(sorted({*even.tolist(), self.facts.peak_step, *(() if fall is None else (fall,))}))


def view(spec: Spec, *, total_steps: int | None = None, steps_per_epoch: int | None = None) -> View:
    """A schedule over a training; without a length over its own, or over 1000 steps.

    Raises:
        SpecError: If it looks at a metric, or an argument breaks its rule.
        LengthNeeded: If it has epochs, and their length is not given.
    """
    if spec.feedback:
        raise SpecError(f"schedule: {spec.name} looks at a metric, so there is no curve before the training.")
    assumed = total_steps is None
    if total_steps is None:
        total_steps = _own_length(spec, steps_per_epoch)
    total_steps = whole_number("schedule: steps", total_steps, 1)
    if total_steps > _MOST_STEPS:
        raise SpecError(f"schedule: at most {_MOST_STEPS} steps can be looked at, got {total_steps}.")
    bound = spec.bind(total_steps=total_steps, steps_per_epoch=steps_per_epoch)
    assert isinstance(bound, Schedule)
    return View(
        spec=spec,
        schedule=bound,
        total_steps=total_steps,
        assumed=assumed,
        facts=facts(bound, total_steps),
    )


def _own_length(spec: Spec, steps_per_epoch: int | None) -> int:
    """A length at which one sees what a schedule does."""
    try:
        bound = spec.bind(steps_per_epoch=steps_per_epoch)
    except LengthNeeded:
        return _DEFAULT_STEPS
    assert isinstance(bound, Schedule)
    last = end(bound)
    if last:
        return min(-(-11 * last // 10), _MOST_STEPS)  # a tenth longer
    longest = max(_lengths(spec_of(bound)), default=0)
    return min(10 * longest, _MOST_STEPS) or _DEFAULT_STEPS


def _lengths(spec: Spec) -> Iterator[int]:
    for _, value in spec.arguments:
        if isinstance(value, Length):
            yield int(value.amount)
    for part in spec.parts:
        yield from _lengths(part)


def fact_rows(found: Facts, *, lr: float | None) -> tuple[tuple[str, str], ...]:
    """The facts as names and texts; as rates where the peak rate is known."""
    unit = 1.0 if lr is None else lr

    def rate(value: float) -> str:
        return f"{value:.4g}" if lr is None else format_lr(value * unit, digits=4) if value else "0"

    fall = "never" if found.first_decay_step is None else f"step {found.first_decay_step}"
    return (
        ("steps", str(found.steps)),
        ("peak", f"{rate(found.peak)} at step {found.peak_step}"),
        ("mean", rate(found.mean)),
        ("area", f"{found.area * unit:.4g}"),
        ("warm-up", f"{found.warmup_steps} steps, {percent(found.warmup_share)}"),
        ("first fall", fall),
        ("last", rate(found.last)),
        ("last over peak", f"{found.last_over_peak:.4g}"),
    )


def views(specs: Sequence[Spec], *, total_steps: int | None, steps_per_epoch: int | None) -> tuple[View, ...]:
    """Several schedules over one training; without a length over the longest of theirs.

    Raises:
        SpecError: As ``view``, or if there are more than six.
    """
    if len(specs) > MOST_SCHEDULES:
        raise SpecError(f"schedule: up to {MOST_SCHEDULES} can be compared, got {len(specs)}.")
    seen = [view(spec, total_steps=total_steps, steps_per_epoch=steps_per_epoch) for spec in specs]
    longest = max(one.total_steps for one in seen)
    if any(one.total_steps != longest for one in seen):
        assumed = view(specs[0], total_steps=longest, steps_per_epoch=steps_per_epoch)
        rest = [view(spec, total_steps=longest, steps_per_epoch=steps_per_epoch) for spec in specs[1:]]
        seen = [assumed, *rest]
    return tuple(seen)


def chart_of(
    specs: Sequence[Spec], *, total_steps: int | None, steps_per_epoch: int | None, lr: float | None
) -> ScheduleChart:
    """The chart of one to six schedules, with their facts."""
    return views_chart(views(specs, total_steps=total_steps, steps_per_epoch=steps_per_epoch), lr=lr)


def views_chart(seen: Sequence[View], *, lr: float | None) -> ScheduleChart:
    """The same of schedules that are bound already."""
    series: list[Series] = []
    for one in seen:
        steps = np.arange(one.total_steps, dtype=np.float64)
        curve = values(one.schedule, steps) * (1.0 if lr is None else lr)
        series.append((str(one.spec), steps, curve))
    rows = [fact_rows(one.facts, lr=lr) for one in seen]
    together = {name: tuple(dict(row)[name] for row in rows) for name, _ in rows[0]}
    return schedule_chart(series, quantity="multiplier" if lr is None else "learning rate", facts=together)


def written_chart(chart: ScheduleChart, path: Path) -> bytes:
    """The chart as a file of the kind that its suffix names.

    Raises:
        SpecError: If the suffix is none of ``.png``, ``.svg``, ``.html``.
        NotFoundError: If what draws it is not installed.
    """
    kind = check_picture(path)
    if kind == ".html":
        from lrlab.report.schedule_page import schedule_page

        return schedule_page(chart).encode()
    from lrlab.report import pictures

    figure = pictures.schedule_picture(chart, height=3.6 + 0.2 * len(chart.curves))
    return pictures.png(figure) if kind == ".png" else pictures.svg(figure).encode()


def gallery(path: Path) -> bytes:
    """Every family in a grid, as PNG or SVG.

    Raises:
        SpecError: If the suffix is neither.
        NotFoundError: If matplotlib is not installed.
    """
    from lrlab.report import pictures

    kind = check_picture(path, kinds=(".png", ".svg"))
    charts = []
    for example in EXAMPLES:
        if example.name != "plateau":
            chart = chart_of([parse(example.text)], total_steps=400, steps_per_epoch=None, lr=None)
            charts.append(replace(chart, curves=(replace(chart.curves[0], name=example.text),)))
    figure = pictures.schedule_gallery(charts)
    return pictures.small_png(figure) if kind == ".png" else pictures.svg(figure).encode()


def check_picture(path: Path, *, kinds: Sequence[str] = (".png", ".svg", ".html")) -> str:
    """The suffix of a picture's file.

    Raises:
        SpecError: If it is none of them.
    """
    kind = path.suffix.lower()
    if kind not in kinds:
        listed = f"{', '.join(kinds[:-1])} or {kinds[-1]}"
        raise SpecError(f"schedule: the file must end in {listed}, got {path.name!r}.")
    return kind
