import base64
import hashlib
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import samples

from lrlab.core import wire
from lrlab.core.answer import Answer, sentence
from lrlab.core.errors import NotFoundError
from lrlab.core.outcome import Outcome
from lrlab.report.charts import UCurve, u_curve
from lrlab.report.html import report_html
from lrlab.report.sharing import shared_answer

pytestmark = pytest.mark.plot
pytest.importorskip("plotly")

every = pytest.mark.parametrize("name", sorted(samples.EVERY))


class Page(HTMLParser):
    """A page taken apart: attributes, text outside of scripts, and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles = ""
        self.tags: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = tag
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self.inside == "style":
            self.styles += data
        else:
            self.text += data

    @property
    def data(self):
        def refuse(constant):
            raise AssertionError(constant)

        (block,) = [text for attributes, text in self.scripts if attributes.get("id") == "lrlab-data"]
        return json.loads(block, parse_constant=refuse)


def _report(name: str) -> str:
    answer = samples.EVERY[name]()
    return report_html(samples.study(answer), answer)


@every
def test_every_answer_has_a_report_that_is_whole_and_loads_nothing(name):
    text = _report(name)
    page = Page(text)
    assert len(text.encode()) <= 7_000_000
    for _, key, value in page.attributes:
        assert key not in ("src", "href", "srcset", "action", "data")
        assert not key.startswith("on")
        assert "url(" not in (value or "")
    assert "url(" not in page.styles
    assert "@import" not in page.styles
    assert not {"link", "iframe", "object", "img", "base"} & set(page.tags)
    assert page.data["schema"] == "lrlab.report/1"
    ids = [value for _, key, value in page.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    assert page.tags.count("h1") == 1


@every
def test_the_data_block_gives_the_answer_and_the_chart_back(name):
    answer = samples.EVERY[name]()
    data = Page(_report(name)).data
    shared = shared_answer(answer)
    again = wire.loads(Answer, json.dumps(data["answer"]))
    assert wire.dumps(Answer, again) == wire.dumps(Answer, shared)
    assert wire.loads(UCurve, json.dumps(data["charts"]["u_curve"])) == u_curve(shared)


def test_only_the_scripts_that_belong_here_may_run():
    page = Page(_report("hostile"))
    (policy,) = [v for t, k, v in page.attributes if t == "meta" and k == "content" and "script-src" in v]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    code = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    assert [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code] == allowed
    assert "script-src 'unsafe" not in policy
    assert policy.startswith("default-src 'none'")


def test_hostile_text_is_text():
    text = _report("hostile")
    page = Page(text)
    assert len(page.scripts) == 3
    assert "img" not in page.tags
    assert page.text.count("<img src=x onerror=window.__x=1>") > 20
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_no_folder_person_or_machine_is_told():
    text = _report("hostile")
    own = text.replace(next(s for _, s in Page(text).scripts if "plotly.js v" in s[:200]), "")
    for secret in ("/home", "bob", "secret", "bobs-laptop"):
        assert secret not in own
    assert "train.py" in own


def test_the_answer_comes_first_with_its_confidence_and_warnings():
    page = Page(_report("edge"))
    assert next((t, v) for t, k, v in page.attributes if k == "role") == ("p", "status")
    order = [
        sentence(samples.edge()),
        "Confidence: low (0.40)",
        "13 rates tested.",
        "EDGE_LOW",
        "val_loss over learning rate",
        "val_loss over training",
        "How far each run went",
        "How to read it",
        "Settings",
        "Environment",
        "Events",
    ]
    places = [page.text.index(part) for part in order]
    assert places == sorted(places)


def test_settings_environment_and_events_are_told():
    text = Page(_report("race")).text
    for part in ("digits_mlp", "20 epochs", "smaller is better", "2 %", "1e-5 to 1e-1", "torch", "2.4.0"):
        assert part in text
    assert "started: 13 runs, at most 5 full runs." in text
    assert "2025-06-15 15:06:40 UTC" in text


def test_the_u_curve_is_a_table_too():
    text = _report("seeds")
    table = text[text.index("The U-curve as a table</summary>") : text.index("How far each run went")]
    assert table.count("<tr") == 1 + 13
    assert "0.306 to 0.3061" in table


def test_a_row_for_every_run_and_the_winner_stands_out():
    text = _report("race")
    body = text[text.index('id="runs"') : text.index("How to read it")]
    assert body.count("data-lr=") == 13
    assert body.count('class="winner"') == 1
    assert f'data-lr="{samples.RATES[7]!r}"' in body


def test_dark_colours_are_only_a_patch():
    figures = Page(_report("race")).data["figures"]
    for figure in figures.values():
        patch = json.dumps(figure["dark"])
        assert '"x"' not in patch.replace('"xaxis"', "")
        assert len(patch) < len(json.dumps(figure["spec"]))
        assert figure["dark"]["layout"]["paper_bgcolor"] == "#14171a"


def test_a_study_of_200_long_runs_stays_below_7_mb_and_says_what_is_left_out():
    long = samples.records(1e-3, 20, per_unit=100)
    runs = tuple(
        samples.run(lr, 20, outcome=Outcome.FINISHED, records=long)
        for lr in samples.LRRange(1e-6, 1.0).points(200)
    )
    answer = samples.answer(runs)
    text = report_html(samples.study(answer), answer)
    assert len(text.encode()) <= 7_000_000
    assert "of 400,200 records; every score is exact." in text
    assert "136 more hidden" in text


def test_an_answer_of_a_derived_class_is_the_same_report():
    class Shown(Answer):
        pass

    answer = samples.answer()
    fields = {name: getattr(answer, name) for name in answer.__dataclass_fields__}
    shown = Shown(**fields)
    assert report_html(samples.study(answer), shown) == report_html(samples.study(answer), answer)


def test_the_report_is_the_same_each_time():
    assert _report("race") == _report("race")


def test_an_unfinished_study_says_so_far():
    answer = replace(samples.answer(), final=False)
    assert "So far: use LR" in Page(report_html(samples.study(answer), answer)).text


def test_without_plotly_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(NotFoundError, match=r"lrlab\[plot\]"):
        _report("race")
