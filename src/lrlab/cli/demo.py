"""``lrlab demo``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli import options
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.cli.ui import show_demo
from lrlab.core.errors import SpecError

if TYPE_CHECKING:
    from lrlab.api.demo import Demo, Trained
    from lrlab.api.results import Answer


def demo(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[digits|cancer]", help="Which one; by default both.", show_default=False),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where reports and pictures go.")
    ] = Path("lrlab-demo"),
    store: options.Store = None,
    workers: options.Workers = None,
    page: Annotated[
        bool,
        typer.Option(
            "--ui",
            help="Fill the store with small studies of every kind, one of them running, and open the page.",
        ),
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="With --ui: print the link only.")] = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find the rate of two real trainings, and compare it with PyTorch's default.

    A small CNN reads handwritten digits (Adam), an MLP judges breast tumours (SGD). Both are judged on a test
    split that the search never saw. Takes about a minute.
    """
    from lrlab.api import demo as api

    output = Output(json=json, quiet=quiet)
    if page:
        _check_page(name, json=json, workers=workers)
        show_demo(output, store=store, browser=not no_browser)
        return
    chosen = api.check(name)
    documents = []
    for each in chosen:
        documents.append(_carried_out(each, output, folder=folder, store=store, workers=workers))
    output.document("demo", {"demos": documents})


def _check_page(name: str | None, *, json: bool, workers: int | None) -> None:
    """Refuse what the demo of the page would not heed.

    Raises:
        SpecError: The sentence names it.
    """
    given = {f"the name {name!r}": name is not None, "--json": json, "--workers": workers is not None}
    for what, there in given.items():
        if there:
            raise SpecError(f"demo: --ui opens the page and has no use of {what}.", hint="Leave it out.")


def _carried_out(
    demo: "Demo", output: Output, *, folder: Path, store: str | None, workers: int | None
) -> dict[str, object]:
    from lrlab.api import demo as api
    from lrlab.api import sweep as sweeping
    from lrlab.cli.answers import document
    from lrlab.cli.watching import build_task, carry_out

    output.note(demo.title)
    recipe = build_task(demo.target)
    answer = carry_out(
        sweeping.sweep,
        recipe,
        output=output,
        store=store,
        workers=workers,
        current_lr=getattr(recipe, "default_lr", None),
        target=demo.target,
    )
    tuned = api.judge_answer(demo, answer)
    output.note("Training once more with PyTorch's default rate, for comparison.")
    default = api.train_with_default(demo, answer)
    files = _written(answer, folder, demo.name, output)
    _show(output, demo, answer, default=default, tuned=tuned)
    for file in files:
        output.note(f"Written: {file}")
    return {
        "demo": demo.name,
        "default": _judgement(default),
        "tuned": _judgement(tuned),
        "answer": document(answer),
        "files": [str(file) for file in files],
    }


def _show(output: Output, demo: "Demo", answer: "Answer", *, default: "Trained", tuned: "Trained") -> None:
    from lrlab.report.canvas import wrapped
    from lrlab.report.charts import u_curve
    from lrlab.report.text import terminal_plot

    plot = terminal_plot(u_curve(answer), width=width(), unicode=speaks_unicode(sys.stdout))
    told = [demo.title, str(answer), _gain(answer, default, tuned)]
    title, sentence, gain = ("\n".join(wrapped(text, width())) for text in told)
    table = _table(answer, {"PyTorch's default": default, "lrlab": tuned}, size=len(demo.parts().test[1]))
    output.result("\n".join(["", title, sentence, "", plot, "", table, gain, ""]))


def _table(answer: "Answer", compared: "dict[str, Trained]", *, size: int) -> str:
    """A line for each of the compared; where the terminal is too narrow for the columns, a sentence each."""
    from lrlab.core.lr_range import format_lr
    from lrlab.report.canvas import wrapped
    from lrlab.report.words import format_score

    rows = [["", "rate", f"best {answer.question.metric.name}", "test accuracy", "test errors"]]
    for who, trained in compared.items():
        share, errors = f"{100 * trained.test_accuracy:.1f} %", f"{trained.test_errors} of {size}"
        rows.append([who, format_lr(trained.lr), format_score(trained.score), share, errors])
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    if sum(wide) + 2 * len(wide) <= width():
        return "\n".join(
            "  ".join(cell.ljust(wide[k]) for k, cell in enumerate(row)).rstrip() for row in rows
        )
    sentences = (
        f"{row[0]}: " + ", ".join(f"{name} {cell}" for name, cell in zip(rows[0][1:], row[1:], strict=True))
        for row in rows[1:]
    )
    return "\n".join(line for text in sentences for line in wrapped(text, width(), indent="  "))


def _gain(answer: "Answer", default: "Trained", tuned: "Trained") -> str:
    """What the search was good for, in a sentence."""
    from lrlab.report.words import percent

    metric = answer.question.metric
    change = metric.loss(tuned.score) - metric.loss(default.score)
    word = "better" if change < 0 else "worse" if change > 0 else "the same"
    share = f"{percent(abs(change / default.score))} {word}" if change and default.score else word
    fewer = default.test_errors - tuned.test_errors
    errors = f"{abs(fewer)} test errors {'fewer' if fewer >= 0 else 'more'}"
    return f"Against the default: {metric.name} {share}, {errors}, for {answer.cost:.1f} full runs in all."


def _judgement(trained: "Trained") -> dict[str, object]:
    return {
        "lr": trained.lr,
        "score": trained.score,
        "test_accuracy": trained.test_accuracy,
        "test_errors": trained.test_errors,
    }


def _written(answer: "Answer", folder: Path, name: str, output: Output) -> list[Path]:
    """The report and the picture, as far as what draws them is installed."""
    from lrlab.core.errors import NotFoundError, StoreError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"demo: {folder} cannot be made: {error.strerror or error}.", hint="Use -o."
        ) from None
    written = []
    for file in (folder / f"{name}.html", folder / f"{name}.png"):
        try:
            answer.plot(file)
        except NotFoundError as error:
            output.note(f"{file} is not written. {error}")
        else:
            written.append(file)
    return written
