"""The rate that was applied is not the one that was planned."""

from lrlab.core.verdict import Advice, Evidence, Verdict
from lrlab.diagnosis.protocol import Rule, Signs


def _look(signs: Signs) -> Verdict | None:
    if not signs.planned:
        return None
    first = min(signs.planned, key=lambda finding: finding.step)
    group = f" in group {first.group}" if first.group else ""
    return Verdict(
        symptom="not_as_planned",
        severity="warn",
        confidence=0.99,
        sentence=f"The rate was not applied as planned{group}: {first.cause}",
        evidence=(
            Evidence(
                name=f"applied rate at step {first.step} (planned: the limit)",
                value=first.applied,
                threshold=first.planned,
                source="lr",
                first_step=first.step,
                last_step=signs.seen,
            ),
        ),
        advice=Advice(change="schedule", text=first.cure),
    )


RULE = Rule(
    symptom="not_as_planned",
    looks_for="a rate that is not applied as planned",
    needs=("lr", "schedule"),
    look=_look,
)
