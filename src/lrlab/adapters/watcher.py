"""What watches a training from inside: it takes numbers in, tells what two checkups agree on, and never gets in the way."""

import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from lrlab.core.verdict import Checkup
from lrlab.diagnosis.alerts import Alert, Debounce
from lrlab.diagnosis.features import OPTIMIZERS
from lrlab.diagnosis.live import COLUMNS, EVERY, LiveRun
from lrlab.diagnosis.signals import Floats
from lrlab.readers.names import Names

_MOST_WAITING = 64  # numbers that stay on their device before they are fetched together
Plan = Callable[[int], Floats]


class Watcher:
    """Watches one training.

    An error in here reaches the training never: it is told once, as a warning, and the watching ends.

    Args:
        tell: Is told each alert.
        source: What is watched, as a person would name it.
        every: Steps between looks at least.
        level: The least severity that is told.
        plan: The length of the training to the planned multipliers; None where nothing was planned.
        lr: The planned peak rate; None where it is not known.
        total: Optimizer steps of the whole training, where it was told.

    Attributes:
        alerts: What was told so far.
        steps: Optimizer steps seen.
        rates: The applied rate of each parameter group in the last step.

    Raises:
        SpecError: If the level is none.
    """

    def __init__(
        self,
        *,
        tell: Callable[[Alert], None],
        source: str,
        every: int = EVERY,
        level: str = "note",
        plan: Plan | None = None,
        lr: float | None = None,
        total: int | None = None,
    ) -> None:
        self.alerts: list[Alert] = []
        self.steps = 0
        self.rates: tuple[float, ...] = ()
        self._source = source
        self._every = every
        self._asked = False  # whether a loss was missed aloud
        self._level = level
        self._renew()
        self._tell = tell
        self._plan = plan
        self._lr = lr
        self._total = total
        self._known: dict[str, str | None] = {}
        self._endings: list[Callable[[], None]] = []
        self._closed = False

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Watcher: {self.steps} steps, {len(self.alerts)} alerts>"

    def log(self, **metrics: Any) -> None:
        """Take in numbers of the step that was just made: ``loss``, ``val_loss``, ``val_acc``.

        Tensors on another device are fetched some steps later, many at once, so that no step waits for them.
        """
        self.guard(self._log, metrics)

    def checkup(self) -> Checkup:
        """What ``lrlab.diagnose`` would say by now."""
        self.guard(self._fetch)
        return self._run.checkup()

    def curve(self) -> tuple[tuple[float, float], ...]:
        """Steps and training losses so far, thinned."""
        self.guard(self._fetch)
        return self._run.curve()

    def close(self) -> None:
        """Take the hooks off; ``checkup`` and ``alerts`` stay."""
        self.guard(self._fetch)
        self._closed = True
        while self._endings:
            self._endings.pop()()

    # What hooks and callbacks call.

    def begin(self, *, optimizer: str, total: int | None, step: int = 0) -> None:
        """A training begins; what is known of one before is forgotten.

        Args:
            optimizer: Its name; one that is not known is left out.
            total: Its optimizer steps, as far as known; what the user has told counts more.
            step: Steps done before, where it goes on from a checkpoint.
        """
        self._renew()
        if optimizer.lower() in OPTIMIZERS:
            self._run.optimizer = optimizer.lower()
        self.steps = step
        self.expect(total)
        if self._plan is not None and self._run.total is not None:
            self._run.plan(self._plan(self._run.total), lr=self._lr)

    def name_layers(self, names: Sequence[str]) -> None:
        """What the numbers in ``layer_grad_min_at`` stand for."""
        self._run.layers = tuple(names)

    def expect(self, total: int | None) -> None:
        """How long the whole training is, as it looks now."""
        self._run.total = self._total if self._total is not None else total

    def stepped(self, rates: Sequence[float], *, main: int) -> None:
        """An optimizer step was made with these rates, one a parameter group; looks at the run where it is time."""
        self._run.apply(self.steps, rates, main=main)
        self.rates = tuple(rates)
        self.steps += 1
        if self._run.due():
            self.look()

    def put(self, name: str, value: Any) -> None:
        """Take in a number of a column, of the last step; it may be a tensor anywhere."""
        at = max(self.steps - 1, 0)
        if hasattr(value, "detach"):
            value = value.detach()
            if value.device.type != "cpu":
                self._waiting.append((name, at, value.clone()))
                if len(self._waiting) >= _MOST_WAITING:
                    self._fetch()
                return
        self._take(name, at, float(value))

    def look(self) -> None:
        """Look at the run now, and tell what there is to tell."""
        self._fetch()
        if not self._asked and not self._run.judged:
            self._asked = True
            warned(
                f"no loss has come in {self.steps} steps, and without one next to nothing is told: "
                "call watcher.log(loss=...) after each step."
            )
        for alert in self._debounce.update(self._run.checkup()):
            self.alerts.append(alert)
            self._tell(alert)

    def guard(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do ``work``; an error ends the watching with one warning, and nothing else."""
        if self._closed:
            return
        try:
            work(*arguments)
        except Exception as error:
            self._closed = True
            warned(
                f"watching has ended by an error, and the training goes on: {type(error).__name__}: {error}"
            )
            for end in self._endings:
                end()
            self._endings.clear()

    @property
    def closed(self) -> bool:
        """Whether it watches no more."""
        return self._closed

    def anew(self) -> Self:
        """One with the same settings that has seen nothing: what goes to another process."""
        return type(self)(
            tell=self._tell, source=self._source, every=self._every, level=self._level, plan=self._plan, lr=self._lr,
            total=self._total,
        )  # fmt: skip

    def at_end(self, end: Callable[[], None]) -> None:
        """Call ``end`` when the watching ends."""
        self._endings.append(end)

    def _renew(self) -> None:
        self._run = LiveRun(source=self._source, every=self._every)
        self._debounce = Debounce(level=self._level)
        self._waiting: list[tuple[str, int, Any]] = []
        self._asked = False
        self._broken = False  # whether the weights were not finite when they were last looked at

    def _log(self, metrics: Mapping[str, Any]) -> None:
        for name, value in metrics.items():
            if name not in self._known:
                self._known[name] = self._column(name)
            column = self._known[name]
            if column is not None:
                self.put(column, value)

    def _column(self, name: str) -> str | None:
        """lrlab's name of a column, where it has one."""
        known = [
            column for column in Names({}).row({name: 0.0}, place="", where="").metrics if column in COLUMNS
        ]
        if not known:
            warned(f"nothing is known about {name!r}, and it is left out; known are {', '.join(COLUMNS)}.")
        return known[0] if known else None

    def _fetch(self) -> None:
        """Take in what has waited on its device."""
        waiting, self._waiting = self._waiting, []
        for name, step, value in waiting:
            self._take(name, step, float(value))

    def _take(self, name: str, step: int, value: float) -> None:
        """Take in a number; while the weights are not finite, no loss is, whatever is logged."""
        if name == "update_ratio":
            self._broken = math.isnan(value)
        self._run.take(name, step, math.nan if name == "loss" and self._broken else value)


def warned(text: str) -> None:
    """Warn; where warnings are errors, say it on stderr instead: a training must not end by it."""
    try:
        warnings.warn(f"lrlab.watch: {text}", RuntimeWarning, stacklevel=3)
    except RuntimeWarning:
        print(f"lrlab.watch: {text}", file=sys.stderr)
