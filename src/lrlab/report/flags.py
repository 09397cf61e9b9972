"""Where the verdicts of a run stand in its charts, as frozen values; the renderers only draw them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrlab.core.verdict import Severity, Verdict

ICONS: dict[Severity, str] = {"ok": "✓", "note": "i", "warn": "▲", "error": "✕"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A verdict in the charts.

    Args:
        number: Its place among the verdicts that tell of something, from 1; 0 where all is well.
        symptom: Name of the symptom; a run has each at most once.
        severity: How grave it is.
        icon: The sign of that, which never stands without the word.
        span: The stretch that its evidence lies on, on the charts' axis; None where it names none.
        metrics: The metrics, by the run's own names, in whose charts it is drawn; none without a span.
    """

    number: int
    symptom: str
    severity: Severity
    icon: str
    span: tuple[float, float] | None
    metrics: tuple[str, ...]


def flags(
    verdicts: Sequence[Verdict],
    *,
    span: Callable[[Verdict], tuple[float, float] | None],
    named: Callable[[str], Sequence[str]],
    usual: str,
) -> tuple[Flag, ...]:
    """The flag of each verdict, in their order.

    Args:
        verdicts: The gravest first, as a checkup has them.
        span: Where on the charts' axis a verdict's evidence lies.
        named: From a column by lrlab's name to the run's own metrics.
        usual: The metric whose chart has what no metric is named for.
    """
    found, number = [], 0
    for verdict in verdicts:
        number += verdict.severity != "ok"
        place = span(verdict)
        sources = dict.fromkeys(name for one in verdict.evidence for name in named(one.source))
        found.append(
            Flag(
                number=number if verdict.severity != "ok" else 0,
                symptom=verdict.symptom,
                severity=verdict.severity,
                icon=ICONS[verdict.severity],
                span=place,
                metrics=() if place is None else tuple(sources) or (usual,),
            )
        )
    return tuple(found)
