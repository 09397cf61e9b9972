"""What two checkups in a row agree on is told, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.core.verdict import SEVERITIES, Advice, Checkup, RateVerdict, Verdict
from lrlab.diagnosis.alerts import Alert, Debounce

NO_RATE = RateVerdict(verdict="unknown", confidence=0.0, factor=1.0)


def checkup(total: int | None = 100, steps: int = 10, **symptoms: str) -> Checkup:
    verdicts = tuple(
        Verdict(symptom=name, severity=severity, confidence=0.9, sentence=f"{name}.")
        for name, severity in symptoms.items()
    )
    return Checkup(rate=NO_RATE, verdicts=verdicts, steps=steps, total_steps=total, source="log")


def told(debounce: Debounce, *checkups: Checkup) -> list[list[str]]:
    """Change and symptom of what each checkup makes heard."""
    return [[f"{one.change} {one.verdict.symptom}" for one in debounce.update(each)] for each in checkups]


def test_twice_in_a_row_is_told_once() -> None:
    bad, good = checkup(diverged="error"), checkup(healthy="ok")
    assert told(Debounce(), bad, bad, bad, good, good, good) == [
        [], ["appeared diverged"], [], [], ["cleared diverged"], [],
    ]  # fmt: skip


def test_what_comes_and_goes_is_not_told() -> None:
    bad, good = checkup(plateau="note"), checkup()
    assert told(Debounce(), *[bad, good] * 5) == [[]] * 10


def test_graver_is_told_and_lighter_is_not() -> None:
    note, warn = checkup(rate_too_high="note"), checkup(rate_too_high="warn")
    assert told(Debounce(), note, note, warn, warn, note, note, warn, warn) == [
        [], ["appeared rate_too_high"], [], ["worse rate_too_high"], [], [], [], [],
    ]  # fmt: skip


def test_an_error_at_the_very_end_is_told_at_once() -> None:
    bad = checkup(diverged="error", plateau="note")
    for before in ([], [checkup()], [bad]):
        debounce = Debounce()
        told(debounce, *before)
        found = [f"{one.change} {one.verdict.symptom}" for one in debounce.update(bad, last=True)]
        assert found == ["appeared diverged", *(["appeared plateau"] if before == [bad] else [])]
    assert debounce.update(bad, last=True) == ()


def test_another_verdict_clears_the_one_before() -> None:
    high, low = checkup(rate_too_high="warn"), checkup(rate_too_low="warn")
    found = told(Debounce(), high, high, low, low)
    assert found == [[], ["appeared rate_too_high"], [], ["appeared rate_too_low", "cleared rate_too_high"]]


def test_level() -> None:
    note = checkup(plateau="note", diverging="warn")
    assert told(Debounce(level="warn"), note, note) == [[], ["appeared diverging"]]
    with pytest.raises(SpecError, match="level must be one of note, warn, error, got 'ok'"):
        Debounce(level="ok")


def test_what_judges_the_end_needs_a_length() -> None:
    assert told(Debounce(), *[checkup(None, underfitting="note")] * 3) == [[]] * 3
    assert told(Debounce(), *[checkup(10, underfitting="note")] * 2)[1] == ["appeared underfitting"]


def test_sentences() -> None:
    advice = Advice(change="lr", text="Lower the rate.", factor=0.5)
    verdict = Verdict(
        symptom="rate_too_high", severity="warn", confidence=0.93, sentence="It is high.", advice=advice
    )
    assert str(Alert(change="appeared", verdict=verdict, step=7)) == (
        "step 7: WARNING: It is high. Lower the rate. [rate_too_high, 0.93]"
    )
    assert (
        str(Alert(change="cleared", verdict=verdict, step=9))
        == "step 9: cleared: It is high. [rate_too_high]"
    )


@given(st.lists(st.sampled_from(SEVERITIES), max_size=40))
def test_laws(severities: list[str]) -> None:
    """Appeared and cleared take turns, worse stands between them and only rises, and each needs two in a row."""
    debounce, standing = Debounce(), -1
    for at, severity in enumerate(severities):
        found = debounce.update(checkup(diverged=severity))
        assert len(found) <= 1
        for alert in found:
            assert at > 0
            both = (severities[at - 1], severity)
            if alert.change == "cleared":
                assert (standing >= 0, both) == (True, ("ok", "ok"))
                standing = -1
            else:
                assert "ok" not in both
                assert (alert.change == "appeared") == (standing < 0)
                assert alert.verdict.weight > standing
                standing = alert.verdict.weight
