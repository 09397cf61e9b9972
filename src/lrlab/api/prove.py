"""``lrlab.prove``: try other rates from a run's own state, for a moment, before its rate is changed."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from lrlab.api.diagnose import diagnose, run_of_study
from lrlab.api.engines import open_lab
from lrlab.api.targets import build
from lrlab.core import proof as core
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.question import is_real
from lrlab.core.run import Run
from lrlab.core.verdict import Checkup
from lrlab.diagnosis.features import OPTIMIZERS
from lrlab.diagnosis.prove import FACTORS, judge, sizes
from lrlab.diagnosis.rate import knows_rate
from lrlab.tasks.branch import Branching
from lrlab.tasks.protocol import Session, Task

if TYPE_CHECKING:
    from pathlib import Path

    from lrlab.store.protocol import Store


class Proof(core.Proof):
    """What branches from one state say; see ``lrlab.core.proof.Proof`` for its fields."""

    def __repr__(self) -> str:
        return f"<Proof: {self.rate.verdict}, {self.winner:g} times the rate won>"

    def __str__(self) -> str:
        return self.summary()

    def summary(self, *, width: int = 100) -> str:
        """How every branch ended, and what that says, as text for a terminal."""
        from lrlab.report.proof_text import proof_text

        return proof_text(self, width=width)


def prove(
    source: "str | Session",
    *,
    checkup: Checkup | None = None,
    cost: float = 0.05,
    lr: float | None = None,
    seed: int | None = None,
    task: Task | None = None,
    store: "str | Path | Store | None" = None,
) -> Proof:
    """Train three copies of a run for a moment, at 0.3, 1 and 3 times its rate, and compare them.

    All have the run's state, its next batches and its random numbers; the rate of each falls to zero in a line, and they
    are judged on the batches after those. The run stays as it is, and nothing is stored.

    Args:
        source: A session of a recipe that has trained a little; or the name of a study, whose run is rebuilt from its
            stored state.
        checkup: What ``lrlab.diagnose`` said of the run's log; of a study's run it is asked here.
        cost: Price in full trainings, 0.01 to 0.5; a very short training (at 0.05 one of under 400 steps) costs more, which
            the proof tells.
        lr: Of a study: the run's rate; by default the winner's.
        seed: Of a study: the run's.
        task: Of a study that only its own program can build: the recipe.
        store: Where the study is.

    Raises:
        NotFoundError: If there is no such study or run, or its state is not kept.
        SpecError: If the run cannot be branched: of a function or a command, at its start, or at its end.
        StoreError: If the stored state is damaged, or of another recipe.
    """
    if not (is_real(cost) and 0.01 <= cost <= 0.5):
        raise SpecError(f"prove: cost must lie in 0.01..0.5 full trainings, got {cost!r}.")
    if isinstance(source, str):
        run, session, name = _of_study(source, lr=lr, seed=seed, task=task, store=store)
        try:
            checkup = checkup or diagnose(
                run, optimizer=name, total_steps=getattr(session, "total_steps", None)
            )
            return _proved(session, checkup, cost, optimizer=name or checkup.optimizer)
        finally:
            session.close()
    given = [name for name, value in (("lr", lr), ("seed", seed), ("task", task)) if value is not None]
    if given:
        raise SpecError(f"prove: {' and '.join(given)} belong to a study; a session has its own.")
    return _proved(source, checkup, cost, optimizer=checkup.optimizer if checkup else "")


def _proved(session: object, checkup: Checkup | None, cost: float, *, optimizer: str) -> Proof:
    """Branch and judge."""
    if not isinstance(session, Branching):
        raise SpecError(
            f"prove: another rate cannot be tried from the state of {type(session).__name__}.",
            why="Only a recipe's run can be copied and trained on at a rate that is not its own.",
            hint="Make it a recipe (lrlab.torch.Recipe), or train two runs of lrlab.sweep.",
        )
    done, total = session.steps, session.total_steps
    if total is None:
        raise SpecError(
            "prove: the length of the training is not known, since its data does not tell its number of batches.",
            hint='Give its iterable a length, or count in steps: unit="step".',
        )
    steps, judged = sizes(total, cost)
    if done == 0:
        raise SpecError(
            "prove: the run has not begun.", hint="Train about a tenth of it first: session.advance(N)."
        )
    if done + steps > total:
        raise SpecError(
            f"prove: the run has done {done} of its {total} steps, and a branch needs {steps}.",
            hint="A rate can be tried while there is training left that it would be for.",
        )
    start = session.branch(1.0, steps=0, fade=0, ahead=steps, judged=judged)
    ends = {
        factor: session.branch(factor, steps=steps, fade=steps, ahead=steps, judged=judged).judged
        for factor in FACTORS
    }
    before = checkup.rate if checkup is not None else None
    known = checkup is not None and knows_rate(checkup.columns)
    found = judge(
        start.judged, ends, before=before, step=done, total=total, steps=steps, optimizer=optimizer, known_rate=known
    )  # fmt: skip
    return Proof(**{field.name: getattr(found, field.name) for field in fields(core.Proof)})


def _of_study(
    name: str, *, lr: float | None, seed: int | None, task: Task | None, store: "str | Path | Store | None"
) -> tuple[Run, Session, str | None]:
    """A study's run, its session as the stored state has it, and the name of its optimizer where that is a known one."""
    from lrlab.runners.sessions import stored_state

    lab = open_lab(store)
    run = run_of_study(name, lr=lr, seed=seed, store=lab.store)
    if not run.checkpoint:
        raise NotFoundError(
            f"prove: the state of the run at {run.key} of study {name} is not kept.",
            hint="Kept are runs of recipes, in a store with files: the winner's, and every one of an interrupted study.",
        )
    made: Task | Mapping[str, Task] = task if task is not None else build(lab.study(name).target)
    own = made[run.arm] if isinstance(made, Mapping) else made
    state = stored_state(run.checkpoint, own, run.key)
    session = own.start(run.lr, seed=run.seed)
    session.restore(state)
    told = str(getattr(own, "optimizer", "")).lower()
    return run, session, told if told in OPTIMIZERS else None
