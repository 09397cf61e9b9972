"""Errors that say what is wrong, why, and what to do."""

from typing import ClassVar


class LrlabError(Exception):
    """Root of every error that lrlab raises on purpose.

    Args:
        what: One sentence: who refuses, which value, the rule.
        why: The reason, where the first sentence does not hold it.
        hint: What to do next.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what, why, hint)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.hint) if part)


class SpecError(LrlabError, ValueError):
    """An argument is outside its rule; nothing was started or written."""

    code = "bad_input"
    exit_code = 2


class TaskError(LrlabError):
    """The training itself failed in a way that no learning rate explains."""

    code = "task_failed"
    exit_code = 3


class UnusableTaskError(TaskError):
    """Nothing can be trained with it at any rate: a program that cannot be started, a metric that never comes."""


class DivergedError(LrlabError):
    """The training has ended itself because its numbers were not finite: the rate explains it."""

    code = "diverged"


class NotFoundError(LrlabError, LookupError):
    """A study, run, module or file that was named does not exist."""

    code = "not_found"
    exit_code = 7


class ConflictError(LrlabError):
    """Somebody else holds what is needed: a lock, a name, a newer file."""

    code = "conflict"
    exit_code = 8


class StoreError(LrlabError):
    """The store cannot be read or written: full disk, no permission, damage."""

    code = "store"
    exit_code = 1


class WorkerLostError(LrlabError):
    """Worker processes ended again and again without finishing their work."""

    code = "worker_lost"
    exit_code = 10


class NoAnswerError(LrlabError):
    """The process that runs a study has not answered a command, or ended before it did."""

    code = "no_answer"
    exit_code = 10


class NoStateError(LrlabError):
    """The session's state lives only in its process and cannot be written down."""

    code = "no_state"


class RunClosed(BaseException):
    """Raised out of ``run.report`` when the run is closed for good.

    A ``BaseException``, so that a training script's ``except Exception`` does not swallow it;
    ``finally`` blocks and context managers of the script still run.
    """


class StudyInterrupted(KeyboardInterrupt):
    """Ctrl-C or a signal ended a study; everything is saved.

    Args:
        study: Name of the study; "" if it is kept nowhere.
        command: How to continue it.
        signal: Number of the signal.
    """

    def __init__(self, study: str, *, command: str, signal: int) -> None:
        super().__init__(f"Saved. Continue with: {command}" if study else "Interrupted.")
        self.study = study
        self.command = command
        self.signal = signal

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: nothing went wrong."""
        return [str(self)]
