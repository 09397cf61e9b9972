"""``lrlab schedule recognise``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli.options import Json, Quiet
from lrlab.cli.output import Output, speaks_unicode, width
from lrlab.core.lr_range import format_lr

if TYPE_CHECKING:
    from lrlab.api.schedule_record import RateRecord
    from lrlab.schedules.fit import Match
    from lrlab.schedules.recognise import Recognised

_INCONCLUSIVE = 5


def recognise(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", show_default=False,
            help="A log: CSV, results.csv, JSON lines, trainer_state.json, TensorBoard.",
        ),
    ],
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the rate, where its name is not known.", show_default=False),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Draw record and schedule (.png, .svg, .html).",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """Name the schedule that produced a recorded rate, with its parameters and how far it is off."""
    from lrlab.api.schedule_record import match_chart, read_rates
    from lrlab.api.schedule_views import check_picture, written_chart
    from lrlab.api.whole_file import write_file
    from lrlab.report.schedule_text import schedule_plot
    from lrlab.schedules.recognise import BOUND
    from lrlab.schedules.recognise import recognise as recognised

    output = Output(json=json, quiet=quiet)
    if picture is not None:
        check_picture(picture)
    record = read_rates(file, column=column)
    found = recognised(record.steps, record.rates, unit=record.unit)
    best = found.best
    for note in record.notes:
        output.note(note)
    if best is not None and found.known:
        output.result(f"{best.spec}\n\n{_sentence(best)}")
        for line in _remarks(found, record):
            output.result(line)
    else:
        near = "" if best is None else f" The nearest is {best.spec}, {_off(best)}."
        output.result(f"None of the known schedules: each is more than {BOUND:.0%} of the peak off.{near}")
    if best is not None:
        chart = match_chart(record, best)
        if picture is not None:
            write_file(picture, written_chart(chart, picture))
            output.note(f"Drawn: {picture}")
        else:
            output.result("\n" + schedule_plot(chart, width=width(), unicode=speaks_unicode(sys.stdout)))
    output.document("recognised", _document(found, record, picture), ok=found.known)
    if not found.known:
        raise typer.Exit(_INCONCLUSIVE)


def _off(match: "Match") -> str:
    return f"off by {match.misfit:.2g} of the peak (root mean square), at most {match.largest:.2g}"


def _sentence(match: "Match") -> str:
    return f"Peak rate {format_lr(match.lr, digits=6)}; {_off(match)}."


def _remarks(found: "Recognised", record: "RateRecord") -> list[str]:
    best, said = found.best, []
    assert best is not None
    word = "epoch" if record.unit == "ep" else "step"
    if best.offset:
        said.append(f"The record counts its {word}s from 1: its first {word} is the schedule's {word} 0.")
    if best.held > 1:
        said.append(f"The rate was set every {best.held} {word}s and held in between.")
    if best.ends_beyond:
        said.append("The record ends before the schedule does; its length is inferred.")
    if best.spec.name == "multi-step":
        said.append("A plateau, which falls where a metric no longer gets better, leaves such a record too.")
    if found.others:
        said.append(
            f"As near, as far as the record tells: {'; '.join(str(other.spec) for other in found.others)}."
        )
    return said


def _document(found: "Recognised", record: "RateRecord", picture: Path | None) -> dict[str, object]:
    best = found.best
    content: dict[str, object] = {
        "source": record.source,
        "column": record.column,
        "points": len(record.steps),
        "unit": {"st": "step", "ep": "epoch"}[record.unit],
        "known": found.known,
        "path": str(picture) if picture is not None else None,
        "others": [_match(other) for other in found.others],
    }
    return content | (_match(best) if best is not None else {})


def _match(match: "Match") -> dict[str, object]:
    return {"text": str(match.spec), "schedule": match.spec.to_json(), "lr": match.lr, "misfit": match.misfit,
            "largest": match.largest, "offset": match.offset, "held": match.held,
            "ends_beyond": match.ends_beyond}  # fmt: skip
