"""``lrlab schedule``: look at schedules, compare them, take them elsewhere, find them in a record."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli.options import Json, Quiet
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.cli.recognise import recognise
from lrlab.core.errors import SpecError

if TYPE_CHECKING:
    from lrlab.api.schedule_views import View
    from lrlab.schedules.written import Spec

schedule = typer.Typer(
    name="schedule",
    help="Look at schedules, compare them, export them, and find the one in a record.",
    no_args_is_help=True,
)

Text = Annotated[
    str,
    typer.Argument(
        metavar="TEXT", help='Such as "warmup 5% then cosine to 0.01"; lrlab schedule list has the names.',
        show_default=False,
    ),
]  # fmt: skip
Texts = Annotated[list[str], typer.Argument(metavar="TEXT ...", help="One to six.", show_default=False)]
Steps = Annotated[
    int | None,
    typer.Option("--steps", metavar="N", help="Optimizer steps of the training.", show_default=False),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", help="Epochs of it, with --steps-per-epoch.", show_default=False),
]
PerEpoch = Annotated[
    int | None,
    typer.Option("--steps-per-epoch", metavar="N", help="Optimizer steps in an epoch.", show_default=False),
]
Peak = Annotated[
    float | None,
    typer.Option(
        "--lr", metavar="PEAK", help="The peak rate; by default multipliers are told.", show_default=False
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write a picture (.png, .svg) or an interactive page (.html).",
        show_default=False,
    ),
]  # fmt: skip


@schedule.command()
def show(
    text: Text,
    steps: Steps = None,
    epochs: Epochs = None,
    steps_per_epoch: PerEpoch = None,
    lr: Peak = None,
    json: Json = False,
) -> None:
    """Tell what a schedule does: its facts, the rate at some moments, and its curve."""
    from lrlab.report.schedule_text import facts_table, schedule_plot

    output = Output(json=json)
    spec, peak = _read(text), _peak(lr)
    total = _total(steps, epochs, steps_per_epoch)
    if spec.feedback:
        _show_feedback(spec, output)
        return
    (seen,) = _views([spec], total, steps_per_epoch)
    from lrlab.api.schedule_views import views_chart

    chart = views_chart([seen], lr=peak)
    rows = _moments(seen, peak)
    output.result(f"{spec}\n\n{facts_table(chart.facts, width=width())}\n")
    output.result(_table(rows))
    output.result("\n" + schedule_plot(chart, width=width(), unicode=speaks_unicode(sys.stdout)))
    _note_assumed(seen, output)
    document = {"moments": [dict(row) for row in rows], "lr": peak, **_document(seen)}
    output.document("schedule", document)


@schedule.command()
def plot(
    text: Text,
    file: Picture = None,
    steps: Steps = None,
    epochs: Epochs = None,
    steps_per_epoch: PerEpoch = None,
    lr: Peak = None,
    json: Json = False,
) -> None:
    """Draw a schedule, by default into the terminal."""
    _draw([text], file, _total(steps, epochs, steps_per_epoch), steps_per_epoch, lr, Output(json=json))


@schedule.command()
def compare(
    texts: Texts,
    file: Picture = None,
    steps: Steps = None,
    epochs: Epochs = None,
    steps_per_epoch: PerEpoch = None,
    lr: Peak = None,
    json: Json = False,
) -> None:
    """Draw up to six schedules together, with their facts side by side."""
    from lrlab.report.schedules import MOST_SCHEDULES

    if not 2 <= len(texts) <= MOST_SCHEDULES:
        raise SpecError(
            f"schedule: compare takes 2 to {MOST_SCHEDULES} schedules, got {len(texts)}.",
            hint="Each is one word of the shell: put it into quotes.",
        )
    _draw(texts, file, _total(steps, epochs, steps_per_epoch), steps_per_epoch, lr, Output(json=json))


@schedule.command(name="list")
def list_names(
    file: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Draw all of them into a picture (.png, .svg).",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """List every schedule, with a text for each."""
    from lrlab.api.schedule_views import EXAMPLES, gallery
    from lrlab.api.whole_file import write_file

    output = Output(json=json)
    wide = max(len(example.text) for example in EXAMPLES)
    if file is not None:
        write_file(file, gallery(file))
        output.result(str(file))
    else:
        output.result("\n".join(f"{example.text:<{wide}}  {example.what}" for example in EXAMPLES))
        output.note('All about one: lrlab schedule show "TEXT"')
    path = str(file) if file is not None else None
    output.document("schedules", {"path": path, "schedules": [asdict(example) for example in EXAMPLES]})


@schedule.command()
def export(
    text: Text,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="TARGET", show_default=False,
            help="torch, huggingface, lightning, keras, optax, timm, yolo, csv or json.",
        ),
    ],
    lr: Peak = None,
    steps: Steps = None,
    epochs: Epochs = None,
    steps_per_epoch: PerEpoch = None,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where; by default the output.", show_default=False),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Write a schedule for another framework: working code without lrlab, arguments, or values."""
    from lrlab.adapters.schedule_export import export_schedule
    from lrlab.api.whole_file import write_file
    from lrlab.schedules.lengths import LengthNeeded

    output = Output(json=json, quiet=quiet)
    spec, total = _read(text), _total(steps, epochs, steps_per_epoch)
    try:
        exported = export_schedule(spec, to, lr=_peak(lr), total_steps=total, steps_per_epoch=steps_per_epoch)
    except LengthNeeded as error:
        raise _length_needed(error) from None
    if file is not None:
        write_file(file, exported.text.encode())
        output.result(str(file))
    else:
        output.result(exported.text.rstrip("\n"))
    for note in exported.notes:
        output.note(note)
    content = {"text": str(spec), "to": to, "path": str(file) if file is not None else None,
               "content": exported.text, "notes": list(exported.notes)}  # fmt: skip
    output.document("schedule-export", content)


schedule.command()(recognise)


def _draw(
    texts: list[str],
    file: Path | None,
    total: int | None,
    per_epoch: int | None,
    lr: float | None,
    output: Output,
) -> None:
    from lrlab.api.schedule_views import check_picture, views_chart, written_chart
    from lrlab.api.whole_file import write_file
    from lrlab.report.schedule_text import facts_table, named, schedule_plot

    specs, peak = [_read(text) for text in texts], _peak(lr)
    if file is not None:
        check_picture(file)
    seen = _views(specs, total, per_epoch)
    chart = views_chart(seen, lr=peak)
    if file is not None:
        write_file(file, written_chart(chart, file))
        output.result(str(file))
        if len(seen) > 1:
            output.result("\n".join(["", *named(chart, width=width())]))
    else:
        output.result(schedule_plot(chart, width=width(), unicode=speaks_unicode(sys.stdout)))
    if len(seen) > 1:
        output.result("\n" + facts_table(chart.facts, width=width()))
    _note_assumed(seen[0], output)
    path = str(file) if file is not None else None
    schedules = [_document(one) for one in seen]
    output.document(
        "schedule-chart", {"path": path, "lr": peak, "schedules": schedules, "chart": asdict(chart)}
    )


def _read(text: str) -> "Spec":
    from lrlab.schedules.text import parse

    spec = parse(text)
    spec.check()
    return spec


def _peak(lr: float | None) -> float | None:
    from lrlab.core.lr_range import positive_rate

    return None if lr is None else positive_rate(lr)


def _total(steps: int | None, epochs: int | None, per_epoch: int | None) -> int | None:
    """The length of the training in optimizer steps, from the options; None where it is not told."""
    for option, count in (("--steps", steps), ("--epochs", epochs), ("--steps-per-epoch", per_epoch)):
        if count is not None and count < 1:
            raise SpecError(f"schedule: {option} must be at least 1, got {count}.")
    if steps is not None and epochs is not None:
        raise SpecError("schedule: --steps and --epochs both tell the length.", hint="Give one of them.")
    if epochs is None:
        return steps
    if per_epoch is None:
        raise SpecError(
            f"schedule: {epochs} epochs are of unknown length.", hint="Give --steps-per-epoch too."
        )
    return epochs * per_epoch


def _views(specs: "list[Spec]", total: int | None, per_epoch: int | None) -> "tuple[View, ...]":
    from lrlab.api.schedule_views import views
    from lrlab.schedules.lengths import LengthNeeded

    try:
        return views(specs, total_steps=total, steps_per_epoch=per_epoch)
    except LengthNeeded as error:
        raise _length_needed(error) from None


def _length_needed(error: SpecError) -> SpecError:
    """The same in words of the command line."""
    option = (
        "--steps-per-epoch" if "in an epoch" in error.what else "--steps, or --epochs and --steps-per-epoch"
    )
    return SpecError(error.what, hint=f"Give {option}, or write every length in steps.")


def _moments(seen: "View", lr: float | None) -> list[dict[str, float]]:
    rows = []
    for step in seen.moments():
        multiplier = float(seen.schedule(step))
        row = {"step": step, "multiplier": multiplier}
        rows.append(row if lr is None else row | {"lr": lr * multiplier})
    return rows


def _table(rows: list[dict[str, float]]) -> str:
    names = list(rows[0])
    cells = [[f"{row[name]:.6g}" if name != "step" else f"{row[name]:d}" for name in names] for row in rows]
    wide = [max(len(name), *(len(line[k]) for line in cells)) for k, name in enumerate(names)]
    return "\n".join(
        "  ".join(f"{cell:>{wide[k]}}" for k, cell in enumerate(line)) for line in ([names, *cells])
    )


def _document(seen: "View") -> dict[str, object]:
    return {"text": str(seen.spec), "schedule": seen.spec.to_json(), "total_steps": seen.total_steps,
            "assumed_length": seen.assumed, "facts": asdict(seen.facts)}  # fmt: skip


def _note_assumed(seen: "View", output: Output) -> None:
    if seen.assumed:
        output.note(
            f"Nobody told the length of the training: drawn over {seen.total_steps} steps. Give --steps."
        )


def _show_feedback(spec: "Spec", output: Output) -> None:
    output.result(f"{spec}\n\nIt looks at a metric, so its rates are known only while a training runs.")
    content: dict[str, object] = {"text": str(spec), "schedule": spec.to_json(), "facts": None, "moments": []}
    output.document("schedule", content)
