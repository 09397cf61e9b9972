"""The reference page has every schedule, and every text on it is one."""

import re
from pathlib import Path

import pytest

from lrlab.schedules.families import FAMILIES
from lrlab.schedules.text import parse

PAGE = (Path(__file__).parents[2] / "docs" / "schedules.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
TEXTS = [
    (name, text)
    for name, section in SECTIONS.items()
    for text in re.findall(r"`([^`]+)`", section.partition("Text: ")[2].partition(". ")[0])
]


def test_every_schedule_has_a_section() -> None:
    assert set(SECTIONS) == set(FAMILIES)
    assert {name for name, _ in TEXTS} == set(FAMILIES)
    assert len(TEXTS) >= 35


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_every_text_is_a_schedule(name: str, text: str) -> None:
    spec = parse(text)
    assert spec.name == name
    spec.bind(total_steps=10_000, steps_per_epoch=100)
