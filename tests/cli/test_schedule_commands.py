"""lrlab schedule and lrlab scale: what they tell, and what they say to malformed lines."""

import json

import pytest

LINE = "step,loss,lr\n" + "".join(f"{k},1.0,{3e-4 * (1 - k / 100):.6g}\n" for k in range(0, 100, 2))


def test_show(lrlab):
    said = lrlab("schedule", "show", "Warmup 5% then cosine to 1%", "--steps", 2000, "--lr", "3e-4")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "warmup 5% then cosine to 0.01"
    assert "3e-4 at step 100" in said.out
    assert "100 steps, 5 %" in said.out
    assert any(line.split() == ["100", "1", "0.0003"] for line in lines)
    assert max(map(len, lines)) <= 100
    document = lrlab("schedule", "show", "linear", "--epochs", 5, "--steps-per-epoch", 20, "--json").document
    assert (document["schema"], document["ok"], document["total_steps"]) == ("lrlab.schedule/1", True, 100)
    assert document["facts"]["area"] == pytest.approx(50.5)
    assert {0, 99} <= {row["step"] for row in document["moments"]}


def test_show_without_a_length_says_what_it_took(lrlab):
    assert "drawn over 1000 steps" in lrlab("schedule", "show", "cosine").err
    assert "drawn over 300 steps" in lrlab("schedule", "show", "step every 30").err
    assert "drawn over 99 steps" in lrlab("schedule", "show", "linear over 90").err
    said = lrlab("schedule", "show", "plateau patience 3")
    assert (said.code, "looks at a metric" in said.out) == (0, True)


def test_compare_and_plot(lrlab):
    said = lrlab("schedule", "compare", "cosine", "wsd decay 10%", "one-cycle", "--steps", 500, "--json")
    document = said.document
    assert [one["text"] for one in document["schedules"]] == ["cosine", "wsd decay 10%", "one-cycle"]
    assert len(document["chart"]["curves"]) == 3
    assert document["chart"]["facts"][0] == ["steps", ["500", "500", "500"]]
    text = lrlab("schedule", "compare", "cosine", "rex", "--steps", 500).out
    assert "A  cosine" in text.replace("A cosine", "A  cosine")
    assert lrlab("schedule", "plot", "cosine", "--steps", 500).out.startswith("multiplier")


def test_list(lrlab):
    from lrlab.schedules.families import FAMILIES

    said = lrlab("schedule", "list")
    assert "wsd warmup 5% decay 20%" in said.out
    assert {one["name"] for one in lrlab("schedule", "list", "--json").document["schedules"]} == set(FAMILIES)


@pytest.mark.plot
@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_pictures(lrlab, place, suffix):
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    assert lrlab("schedule", "plot", "cosine", "--steps", 100, "-o", f"one{suffix}").code == 0
    assert lrlab("schedule", "compare", "cosine", "rex", "--steps", 100, "-o", f"two{suffix}").code == 0
    (place / "log.csv").write_text(LINE)
    assert lrlab("schedule", "recognise", "log.csv", "-o", f"found{suffix}").code == 0
    if suffix != ".html":
        assert lrlab("schedule", "list", "-o", f"all{suffix}").code == 0
        assert (place / f"all{suffix}").stat().st_size < 300_000
    assert all((place / f"{name}{suffix}").stat().st_size > 3_000 for name in ("one", "two", "found"))


def test_export(lrlab, place):
    said = lrlab("schedule", "export", "cosine", "--to", "torch", "--steps", 100, "--lr", "3e-4")
    assert "def make_scheduler(optimizer):" in said.out
    assert "lr=0.0003" in said.err
    said = lrlab("schedule", "export", "linear", "--to", "csv", "--steps", 2, "-o", "curve.csv")
    assert said.out == "curve.csv\n"
    assert (place / "curve.csv").read_text() == "step,multiplier\n0,1.0\n1,0.5\n"
    document = lrlab("schedule", "export", "cosine", "--to", "json", "--steps", 3, "--json").document
    assert json.loads(document["content"])["text"] == "cosine"


def test_recognise(lrlab, place):
    (place / "log.csv").write_text(LINE)
    said = lrlab("schedule", "recognise", "log.csv")
    assert (said.code, said.out.splitlines()[0]) == (0, "linear over 100st")
    assert "Peak rate 3e-4; off by" in said.out
    document = lrlab("schedule", "recognise", "log.csv", "--json").document
    assert (document["known"], document["text"], document["unit"]) == (True, "linear over 100st", "step")


def test_recognise_reads_what_trainings_write(lrlab, place):
    history = [{"step": k, "learning_rate": 3e-4 * (1 - (k - 1) / 50)} for k in range(1, 51)]
    (place / "trainer_state.json").write_text(
        json.dumps({"log_history": [*history, {"step": 50, "eval_loss": 1.0}]})
    )
    said = lrlab("schedule", "recognise", "trainer_state.json")
    assert said.out.splitlines()[0] == "linear over 50st"
    assert "counts its steps from 1" in said.out
    rows = "".join(f"{e + 1},{1e-2 * (1 - 0.99 * e / 20):.6g},0.5\n" for e in range(20))
    (place / "results.csv").write_text(f"                  epoch,      lr/pg0,  val/box_loss\n{rows}")
    document = lrlab("schedule", "recognise", "results.csv", "--json").document
    assert (document["text"], document["unit"], document["offset"]) == (
        "linear to 0.01 over 20ep",
        "epoch",
        -1,
    )
    lines = "".join(json.dumps({"global_step": k, "rate": 0.1 * 0.5 ** (k // 20)}) + "\n" for k in range(100))
    (place / "log.jsonl").write_text(lines)
    said = lrlab("schedule", "recognise", "log.jsonl", "--column", "rate")
    assert said.out.splitlines()[0] == "step every 20st by 0.5"


def test_recognise_says_none_of_the_known(lrlab, place):
    rows = "".join(f"{k},{1e-3 * (1 + (k * 7919 % 13) / 5):.6g}\n" for k in range(60))
    (place / "odd.csv").write_text(f"step,lr\n{rows}")
    said = lrlab("schedule", "recognise", "odd.csv")
    assert said.code == 5
    assert said.out.startswith("None of the known schedules")
    assert lrlab("schedule", "recognise", "odd.csv", "--json").document["ok"] is False


def test_a_step_that_is_told_twice(lrlab, place):
    (place / "log.csv").write_text(LINE + "98,1.0,6e-06\n")
    assert "1 rows stand at a step that is told again" in lrlab("schedule", "recognise", "log.csv").err


def test_scale(lrlab):
    said = lrlab("scale", "--from", "batch=256,lr=3e-4", "--to", "batch=1024", "--optimizer", "adamw")
    assert said.out.splitlines()[0] == "Use 6e-4 instead of 3e-4."
    assert "square root rule for adamw" in said.out
    assert "Source: Malladi" in said.out
    document = lrlab(
        "scale", "--from", "batch=256,width=128,steps=1000,lr=0.1", "--to", "batch=512,width=256,steps=2000",
        "--optimizer", "sgd", "--json",
    ).document  # fmt: skip
    assert [step["what"] for step in document["steps"]] == ["batch", "width", "steps"]
    assert document["lr"] == pytest.approx(0.1 * 2 * 1 * 2**-0.3)
    assert (
        "noise-scale"
        in lrlab("scale", "--from", "batch=8,lr=0.1", "--to", "batch=16", "--noise-scale", 64).out
    )


SHOW = ("schedule", "show")
MALFORMED = [
    ((*SHOW, "cosine too 0.1"), 2, "got 'too' at character 8:\n  cosine too 0.1\n         ^^^"),
    ((*SHOW, ""), 2, "the text is empty"),
    ((*SHOW, "cosinus"), 2, "perhaps cosine is meant"),
    ((*SHOW, "warmup 5%"), 2, "the schedule that follows the warm-up"),
    ((*SHOW, "warmup 5% then"), 2, "the name of a schedule"),
    ((*SHOW, "cosine to 2"), 2, "expected a number in [0, 1] after \"to\", got '2' at character 11"),
    ((*SHOW, "step every -3"), 2, "a length such as 500st"),
    ((*SHOW, "clip from 0.5 to 0.1 (cosine)"), 2, "high must be at least low"),
    ((*SHOW, "cosine", "--steps", "0"), 2, "--steps must be at least 1, got 0"),
    ((*SHOW, "cosine", "--steps", "many"), 2, "Invalid value for '--steps'"),
    ((*SHOW, "cosine", "--steps", "5", "--epochs", "5"), 2, "--steps and --epochs both tell the length"),
    ((*SHOW, "cosine", "--epochs", "5"), 2, "Give --steps-per-epoch"),
    ((*SHOW, "step 30ep, 60ep"), 2, "Give --steps-per-epoch"),
    ((*SHOW, "cosine", "--lr", "0"), 2, "0"),
    ((*SHOW, "cosine", "--lr", "-1"), 2, "-1"),
    ((*SHOW, "cosine", "--lr", "nan"), 2, "nan"),
    ((*SHOW, "warmup 500 then cosine", "--steps", "100"), 2, "leaves no step"),
    ((*SHOW, "constant", "--steps", "100000000"), 2, "at most 10000000 steps"),
    (("schedule", "compare", "cosine"), 2, "compare takes 2 to 6 schedules, got 1"),
    (("schedule", "compare", *["cosine"] * 7), 2, "compare takes 2 to 6 schedules, got 7"),
    (("schedule", "compare", "cosine", "plateau"), 2, "plateau looks at a metric"),
    (("schedule", "plot", "cosine", "-o", "x.gif"), 2, "must end in .png, .svg or .html, got 'x.gif'"),
    (("schedule", "plot", "cosine", "-o", "no/where.svg"), 1, "cannot be written"),
    (("schedule", "list", "-o", "x.html"), 2, "must end in .png or .svg"),
    (("schedule", "export", "cosine"), 2, "--to"),
    (("schedule", "export", "cosine", "--to", "pytorch"), 2, "there is no 'pytorch'; there are torch"),
    (("schedule", "export", "cosine", "--to", "torch"), 2, "Give --steps"),
    (("schedule", "export", "wsd", "--to", "yolo", "--epochs", "9", "--steps-per-epoch", "9"), 2, "no arguments of Ultralytics"),
    (("schedule", "export", "plateau", "--to", "csv"), 2, "csv cannot have it"),
    (("schedule", "recognise", "nowhere.csv"), 7, "there is no file nowhere.csv"),
    (("schedule", "recognise", "bare.csv"), 2, "bare.csv has no column of the learning rate that is known; it has step, loss"),
    (("schedule", "recognise", "bare.csv", "--column", "los"), 2, "Perhaps loss is meant"),
    (("schedule", "recognise", "short.csv"), 2, "at least 5 rates, got 2"),
    (("schedule", "recognise", "torn.csv"), 2, "torn.csv, line 3"),
    (("schedule", "recognise", "model.pt"), 2, "is no log that can be read"),
    (("schedule", "recognise", "zero.csv"), 2, "every rate in the record is 0"),
    (("schedule", "sow", "cosine"), 2, "sow"),
    (("scale", "--from", "batch=1", "--to", "batch=2"), 2, "--from must tell the rate"),
    (("scale", "--from", "batch=1,lr=1", "--to", "lr=2"), 2, "the rate is the answer"),
    (("scale", "--from", "lr=1", "--to", "batch=2"), 2, "does not tell what it is now"),
    (("scale", "--from", "batch=1,lr=1", "--to", "width=2"), 2, "--to changes width"),
    (("scale", "--from", "batch=1,lr=1", "--to", "bach=2"), 2, "Perhaps batch is meant"),
    (("scale", "--from", "batch=1,lr=1", "--to", "batch"), 2, "takes KEY=VALUE"),
    (("scale", "--from", "batch=1,lr=1", "--to", "batch=two"), 2, "must be a number, got 'two'"),
    (("scale", "--from", "batch=1,batch=2,lr=1", "--to", "batch=2"), 2, "tells batch twice"),
    (("scale", "--from", "batch=1.5,lr=1", "--to", "batch=2"), 2, "whole number of at least 1, got 1.5"),
    (("scale", "--from", "batch=1,width=3,lr=1", "--to", "batch=2"), 2, "does not tell what it becomes"),
    (("scale", "--from", "batch=1,lr=1", "--to", "batch=2", "--optimizer", "lion"), 2, "optimizer must be one of"),
    (("scale", "--from", "batch=1,lr=1", "--to", "batch=2", "--parameter", "matrix"), 2, "--parameter is for another width"),
    (("scale", "--from", "steps=1,lr=1", "--to", "steps=2", "--noise-scale", "5"), 2, "--noise-scale is for another batch"),
]  # fmt: skip


@pytest.fixture
def logs(place):
    (place / "bare.csv").write_text("step,loss\n1,2\n2,3\n")
    (place / "short.csv").write_text("step,lr\n1,2\n2,3\n")
    (place / "torn.csv").write_text("step,lr\n1,2\n2,high,3\n4,5\n")
    (place / "zero.csv").write_text("step,lr\n" + "".join(f"{k},0\n" for k in range(9)))
    (place / "model.pt").write_bytes(b"\x00")


@pytest.mark.parametrize(
    ("words", "code", "told"), MALFORMED, ids=[" ".join(map(str, one[0]))[:70] for one in MALFORMED]
)
def test_malformed(lrlab, logs, words, code, told):
    said = lrlab(*words)
    assert (said.code, said.out) == (code, ""), said
    assert told in said.err
    assert "Traceback" not in said.err
    assert "internal error" not in said.err
