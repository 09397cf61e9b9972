"""What ``sweep`` hands out: the answer with pictures, a report and code."""

import hashlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.api.whole_file import write_file
from lrlab.core import answer as core
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.question import Question, whole_number
from lrlab.core.run import Run as CoreRun
from lrlab.core.study import Study

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Run(CoreRun):
    """A run that can show itself; else, also where it is compared, a ``lrlab.core.run.Run``."""

    _question: Question = field(repr=False, compare=False)

    @classmethod
    def of(cls, run: CoreRun, question: Question) -> "Self":
        """``run`` with the question that it helps to answer."""
        return cls(**{name: getattr(run, name) for name in _RUN_FIELDS}, _question=question)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CoreRun):
            return NotImplemented
        return _values(self) == _values(other)

    __hash__ = CoreRun.__hash__

    def __repr__(self) -> str:
        return f"<Run {self}>"

    def __str__(self) -> str:
        from lrlab.report.notebook import run_line

        return run_line(self, self._question)

    def _repr_html_(self) -> str:
        from lrlab.report.notebook import run_html

        return run_html(self, self._question)


_RUN_FIELDS = tuple(f.name for f in fields(CoreRun))


def _values(run: CoreRun) -> tuple[object, ...]:
    return tuple(getattr(run, name) for name in _RUN_FIELDS)


@dataclass(frozen=True, kw_only=True)
class Answer(core.Answer):
    """The learning rate and what it rests on; see ``lrlab.core.answer.Answer`` for its fields."""

    _study: Study | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, answer: core.Answer, study: Study) -> "Self":
        """``answer`` with the study that it came from."""
        values = {f.name: getattr(answer, f.name) for f in fields(core.Answer)}
        values["runs"] = tuple(Run.of(run, answer.question) for run in answer.runs)
        return cls(**values, _study=study)

    def __repr__(self) -> str:
        return f"<Answer{f' {self.study}' if self.study else ''}: {self}>"

    def __str__(self) -> str:
        return core.sentence(self)

    def summary(self, *, width: int = 100, unicode: bool = True) -> str:
        """The sentence, its reasons and warnings, the curve and the runs, as text for a terminal."""
        from lrlab.report.text import answer_text

        return answer_text(self, width=width, unicode=unicode)

    def plot(self, path: "str | Path | None" = None) -> Any:
        """The score over the learning rate as a matplotlib figure.

        Args:
            path: Also write it there: ``.png``, ``.svg`` or, interactive, ``.html``.

        Raises:
            SpecError: If the suffix is none of these.
            LrlabError: If the extra ``plot`` is not installed.
        """
        from lrlab.report import charts, pictures

        target = Path(path) if path is not None else None
        kind = target.suffix.lower() if target is not None else ""
        if target is not None and kind not in (".png", ".svg", ".html"):
            raise SpecError(f"plot: the file must end in .png, .svg or .html, got {target.name!r}.")
        if target is not None and kind == ".html":
            return self.report(target)
        figure = pictures.u_curve_picture(charts.u_curve(self))
        if target is not None:
            write_file(target, pictures.png(figure) if kind == ".png" else pictures.svg(figure).encode())
        return figure

    def report(self, path: "str | Path") -> Path:
        """Write the one-file report; it opens from disk without a network."""
        target = Path(path)
        write_file(target, self._page().encode())
        return target

    def export(
        self,
        path: "str | Path",
        *,
        format: str | None = None,
        what: str | None = None,
        force: bool = False,
    ) -> Path:
        """Write the study into a file for other programs, with every point and every digit.

        Args:
            path: The file; ``.csv``, ``.json`` or ``.parquet``. JSON keeps everything, for ``lrlab import``.
            format: ``"csv"``, ``"json"`` or ``"parquet"``, where the suffix does not tell it.
            what: Rows of a table: ``"points"`` (default) or ``"runs"``.
            force: Whether a file that is there may be replaced.

        Returns:
            The file.

        Raises:
            SpecError: If an argument breaks its rule, or the answer has no study.
            ConflictError: If the file is there already.
            NotFoundError: If Parquet is asked for, and pyarrow is not installed.
            StoreError: If it cannot be written.
        """
        from lrlab.api.export import export_study, plan

        if self._study is None:
            raise SpecError("export: this answer has no study.", hint="Use the answer that sweep returned.")
        return export_study(self._study, path, plan=plan(path, form=format, what=what), force=force)

    def show(self, *, height: int = 600) -> None:
        """Show the report: inside a notebook, in a frame of its own that needs no network; else in a browser.

        Where no browser can be seen (no screen, ``CI`` or ``LRLAB_NO_BROWSER`` is set) the path of the report, a
        temporary file, is printed.

        Args:
            height: Of the frame in a notebook, in pixels; at least 100.

        Raises:
            SpecError: If the height breaks its rule, or the answer has no study.
            NotFoundError: If Plotly is not installed.
        """
        from lrlab.api.notebook import show_page

        height = whole_number("height", height, 100, hint="It is in pixels, such as 600.")
        show_page(self._page(), name=self.study or "answer", height=height)

    def _page(self) -> str:
        from lrlab.report.html import report_html

        if self._study is None:
            raise SpecError("report: this answer has no study.", hint="Use the answer that sweep returned.")
        return report_html(self._study, self)

    def load_model(self, recipe: Any) -> Any:
        """The trained winner as a PyTorch module, on the CPU and in evaluation mode.

        Its weights are those that gave the answer's score: of the best unit, or with ``reduce="last"`` of the last.

        Args:
            recipe: The recipe that was swept.

        Raises:
            NotFoundError: If no trained model is kept: of a function, or in a store without files.
            StoreError: If the stored state is damaged, or of another recipe.
        """
        from lrlab.runners.sessions import stored_state

        winner = self.winner
        if winner is None or not self.checkpoint:
            raise NotFoundError(
                "load_model: this answer keeps no trained model.",
                hint="Sweep a recipe, with a folder as store.",
            )
        state = stored_state(self.checkpoint, recipe, winner.key)
        return recipe.load_model(state, best=self.question.reduce == "best")

    def code(self, framework: str = "torch") -> str:
        """Lines of Python that set this rate up.

        Args:
            framework: ``"torch"``.

        Raises:
            SpecError: If the framework is unknown, or no rate was found.
        """
        from lrlab.api.code import code

        return code(self, framework)

    def _repr_html_(self) -> str:
        from lrlab.report.notebook import answer_html

        return answer_html(self)


def digest(answer: core.Answer) -> str:
    """A short hash of what "the same answer" means: decisions, rate, interval, safe range and score."""
    decisions = sorted((run.arm, run.lr, run.seed, run.units, run.status) for run in answer.runs)
    text = repr((answer.arm, answer.lr, answer.interval, answer.safe_range, answer.score, decisions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
