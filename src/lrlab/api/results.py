"""What ``sweep`` hands out: the answer with pictures, a report and code."""

import hashlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.core import answer as core
from lrlab.core.errors import NotFoundError, SpecError, StoreError
from lrlab.core.study import Study

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, kw_only=True)
class Answer(core.Answer):
    """The learning rate and what it rests on; see ``lrlab.core.answer.Answer`` for its fields."""

    _study: Study | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, answer: core.Answer, study: Study) -> "Self":
        """``answer`` with the study that it came from."""
        values = {f.name: getattr(answer, f.name) for f in fields(core.Answer)}
        return cls(**values, _study=study)

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
        from lrlab.report.html import report_html

        target = Path(path)
        if self._study is None:
            raise SpecError("report: this answer has no study.", hint="Use the answer that sweep returned.")
        write_file(target, report_html(self._study, self).encode())
        return target

    def load_model(self, recipe: Any) -> Any:
        """The trained winner as a PyTorch module, on the CPU and in evaluation mode.

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
        return recipe.load_model(stored_state(self.checkpoint, recipe, winner.key))

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


def write_file(path: Path, content: bytes) -> None:
    """Write a file that a person asked for.

    Raises:
        StoreError: If it cannot be written; the sentence says why.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written: {error.strerror or error}.", hint="Name another place."
        ) from None


def digest(answer: core.Answer) -> str:
    """A short hash of what "the same answer" means: decisions, rate, interval, safe range and score."""
    decisions = sorted((run.arm, run.lr, run.seed, run.units, run.status) for run in answer.runs)
    text = repr((answer.arm, answer.lr, answer.interval, answer.safe_range, answer.score, decisions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
