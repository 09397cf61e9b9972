"""``lrlab.schedule``: a schedule from its text, to look at, to use and to take elsewhere."""

from pathlib import Path
from typing import Any

from lrlab.api.whole_file import write_file
from lrlab.core.errors import SpecError
from lrlab.schedules.facts import Facts
from lrlab.schedules.facts import facts as schedule_facts
from lrlab.schedules.protocol import Schedule as Bound
from lrlab.schedules.text import parse
from lrlab.schedules.written import Spec


class Schedule(Spec):
    """A schedule as it is written; it can be given wherever a schedule is taken.

    Made by ``lrlab.schedule``; its arguments are those of ``Spec``.
    """

    __slots__ = ()

    def facts(self, total_steps: int, *, steps_per_epoch: int | None = None) -> Facts:
        """Peak, mean, area, warm-up and last value over a training.

        Args:
            total_steps: Length of the training, in optimizer steps; at least 1.
            steps_per_epoch: Optimizer steps in an epoch, for lengths in epochs.

        Raises:
            SpecError: If an argument breaks its rule, or it looks at a metric.
        """
        return schedule_facts(self._function(total_steps, steps_per_epoch), total_steps)

    def torch(
        self,
        optimizer: Any,
        *,
        total_steps: int | None = None,
        steps_per_epoch: int | None = None,
        momentum: tuple[float, float] | None = None,
    ) -> Any:
        """A scheduler of PyTorch; call its ``step()`` once after each optimizer step.

        Args:
            optimizer: A ``torch.optim.Optimizer``, whose rates it sets; each group's rate is its peak.
            total_steps: Length of the training, in optimizer steps, where a length of the text is relative to it.
            steps_per_epoch: Optimizer steps in an epoch, for lengths in epochs.
            momentum: For ``one-cycle`` only: its lowest and highest momentum (Adam: beta1), which go the other way than the
                rate, such as ``(0.85, 0.95)``; by default the momentum stays what it is.

        Returns:
            An ``LRScheduler`` in closed form, or ``ReduceLROnPlateau`` for ``plateau``.

        Raises:
            SpecError: If a length that is needed is not given, or ``momentum`` breaks its rule.
        """
        from lrlab.tasks.torch_scheduler import torch_scheduler

        bound = self.bind(total_steps=total_steps, steps_per_epoch=steps_per_epoch)
        return torch_scheduler(optimizer, bound, momentum=momentum)

    def code(
        self,
        target: str,
        *,
        lr: float | None = None,
        total_steps: int | None = None,
        steps_per_epoch: int | None = None,
    ) -> str:
        """The schedule as code, arguments or values for another framework, without lrlab.

        Args:
            target: ``"torch"``, ``"huggingface"``, ``"lightning"``, ``"keras"``, ``"optax"``, ``"timm"``, ``"yolo"``,
                ``"csv"`` or ``"json"``.
            lr: Peak rate.
            total_steps: Length of the training, in optimizer steps.
            steps_per_epoch: Optimizer steps in an epoch.

        Raises:
            SpecError: If the framework cannot have it, or an argument is missing or breaks its rule.
        """
        from lrlab.adapters.schedule_export import export_schedule

        return export_schedule(
            self, target, lr=lr, total_steps=total_steps, steps_per_epoch=steps_per_epoch
        ).text

    def plot(
        self,
        path: "str | Path | None" = None,
        *,
        total_steps: int,
        lr: float | None = None,
        steps_per_epoch: int | None = None,
    ) -> Any:
        """The rate over the training as a matplotlib figure.

        Args:
            path: Also write it there: ``.png``, ``.svg`` or, interactive, ``.html``.
            total_steps: Length of the training, in optimizer steps.
            lr: Peak rate; by default multipliers are drawn.
            steps_per_epoch: Optimizer steps in an epoch, for lengths in epochs.

        Raises:
            SpecError: If an argument breaks its rule, or it looks at a metric.
            LrlabError: If the extra ``plot`` is not installed.
        """
        from lrlab.api.schedule_views import chart_of, written_chart
        from lrlab.report.pictures import schedule_picture

        chart = chart_of((self,), total_steps=total_steps, steps_per_epoch=steps_per_epoch, lr=lr)
        if path is not None:
            write_file(Path(path), written_chart(chart, Path(path)))
        return schedule_picture(chart)

    def _function(self, total_steps: int, steps_per_epoch: int | None) -> Bound:
        bound = self.bind(total_steps=total_steps, steps_per_epoch=steps_per_epoch)
        if not isinstance(bound, Bound):
            raise SpecError(f"schedule: {self.name} looks at a metric, so it is no function of the step.")
        return bound


def schedule(text: "str | Spec") -> Schedule:
    """The schedule that a text names, such as ``"warmup 5% then cosine to 0.01"``.

    Args:
        text: The text; docs/schedules.md has every name and every word.

    Raises:
        SpecError: If it is no schedule; the sentence says what was expected, and a line shows where.

    Example:
        >>> decay = schedule("Warmup 5% then cosine")
        >>> str(decay), decay.bind(total_steps=1000)(50)
        ('warmup 5% then cosine', 1.0)
    """
    spec = parse(text) if not isinstance(text, Spec) else text
    return Schedule(name=spec.name, arguments=spec.arguments, parts=spec.parts)
