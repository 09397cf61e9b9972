"""Tells failures that no learning rate explains."""

from collections.abc import Sequence

from lrlab.core.errors import TaskError
from lrlab.core.metric import Metric
from lrlab.core.outcome import Outcome
from lrlab.core.run import Run
from lrlab.runners.protocol import SliceEnded

_SAME_FAILURES = 3  # this many first runs that fail alike end the study


def hopeless(event: SliceEnded, runs: Sequence[Run], metric: Metric) -> TaskError | None:
    """Why the study must end with this failure, or None where it may come from the rate.

    Args:
        event: The end of a slice that failed.
        runs: Every run so far.
        metric: What is compared; a run that has a score shows that the training is not hopeless as such.
    """
    failed = [run for run in runs if run.outcome is Outcome.FAILED]
    last_lines = {run.detail.strip().rpartition("\n")[2] for run in failed}
    alike = len(failed) >= _SAME_FAILURES and len(last_lines) == 1 and not any(run.units for run in runs)
    if not alike and not (event.fatal and not any(True for run in runs for _ in run.values(metric))):
        return None
    return TaskError(
        f"The training fails at every learning rate ({event.key}):",
        why=f"\n{event.detail}\n" if "\n" in event.detail else event.detail,
        hint="Mend the training, then sweep again." if alike else "",
    )
