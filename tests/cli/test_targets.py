"""``lrlab.toml`` on the command line: sweep NAME, targets, init."""

import json
import os
import re
import subprocess
import sys

import pytest

PYTHON = sys.executable
SCRIPT = """
import sys

lr, epochs = float(sys.argv[2]), int(sys.argv[4])
weight = 1.0
for epoch in range(epochs):
    weight -= 2 * lr * weight
    print(f"val_loss={weight * weight + 0.05!r}", flush=True)
"""
PROJECT = f"""
[target.bowl]
run = "bowl.py:train"
budget = 16
metric = "val_loss:min"
lr = "1e-3:10"
seeds = 2
tolerance = 0.05
current_lr = 0.3

[target.script]
command = [{json.dumps(PYTHON)}, "script.py", "--lr", "{{lr}}", "--epochs", "{{budget}}"]
budget = 6
lr = [1e-3, 1.0]
searcher = "grid:3"
"""


@pytest.fixture
def project(place):
    (place / "script.py").write_text(SCRIPT)
    (place / "lrlab.toml").write_text(PROJECT)
    return place


def test_a_target_is_trained_by_its_name(lrlab, project):
    said = lrlab("sweep", "bowl", "--workers", 0, "--study", "s", "--json")
    assert said.code in (0, 5), said.err
    shown = lrlab("studies", "show", "s", "--json").document["settings"]
    assert (shown["target"], shown["budget"], shown["rates"]) == ("bowl.py:train", "16 epochs", "1e-3:10")
    assert (shown["seeds"], shown["tolerance"], shown["your rate"]) == ("2, from 0", "0.05", "3e-1")


def test_what_is_typed_overrides(lrlab, project):
    words = ("--budget", 8, "--lr", "1e-2:1", "--seeds", 1, "--searcher", "grid:3", "--tolerance", 0.02)
    said = lrlab("sweep", "bowl", *words, "--workers", 0, "--study", "s", "--json")
    assert said.code in (0, 5), said.err
    shown = lrlab("studies", "show", "s", "--json").document["settings"]
    assert (shown["budget"], shown["rates"], shown["searcher"]) == ("8 epochs", "1e-2:1", "grid:3")
    assert (shown["seeds"], shown["tolerance"], shown["your rate"]) == ("1, from 0", "0.02", "3e-1")


def test_a_folder_below_is_as_good_and_a_study_goes_on_anywhere(
    lrlab, project, monkeypatch, tmp_path_factory
):
    (project / "below" / "deep").mkdir(parents=True)
    monkeypatch.chdir(project / "below" / "deep")
    words = ("sweep", "bowl", "--searcher", "grid:3", "--seeds", 1, "--workers", 0, "--study", "s", "-q")
    said = lrlab(*words, "--max-time", 1e-6)
    assert lrlab("studies", "--json").document["studies"][0]["state"] == "interrupted", said.err
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "bowl.py").write_text("raise RuntimeError('another one of that name')\n")
    monkeypatch.chdir(elsewhere)
    sys.modules.pop("bowl", None)
    said = lrlab("resume", "s", "--workers", 0, "-q")
    assert said.out.startswith("Use LR "), said.err
    assert lrlab("studies", "--json").document["studies"][0]["state"] == "finished"


def test_a_module_of_the_project_goes_before_one_of_the_working_folder(
    lrlab, project, monkeypatch, tmp_path_factory
):
    (project / "lrlab.toml").write_text(PROJECT.replace("bowl.py:train", "bowl:train"))
    lrlab("sweep", "bowl", "--workers", 0, "--study", "s", "-q", "--max-time", 1e-6)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "bowl.py").write_text("raise RuntimeError('another one of that name')\n")
    code = "import sys; from lrlab.cli.main import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [PYTHON, "-c", code, "resume", "s", "--workers", "0", "-q"],
        cwd=elsewhere,
        env=os.environ
        | {"PYTHONSAFEPATH": "1"},  # as the installed program: the working folder is not on the path
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Use LR "), done.stderr


def test_a_command_runs_in_the_project(lrlab, project, monkeypatch):
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    said = lrlab("sweep", "script", "--workers", 1, "--study", "s", "--json")
    assert said.code in (0, 5), said.err + said.out
    assert sorted(run["units"] for run in said.document["runs"]) == [6, 6, 6]


def test_data_is_seen_from_the_project(lrlab, place, monkeypatch):
    pytest.importorskip("torch")
    rows = "".join(f"{k % 7},{k % 3},{'ab'[(k % 7) > 3]}\n" for k in range(60))
    (place / "rows.csv").write_text("x,z,label\n" + rows)
    (place / "lrlab.toml").write_text(
        '[target.rows]\ndata = {kind = "table", path = "rows.csv", target = "label"}\nbudget = 2\nbatch_size = 16\n'
        'model = "linear"\nlr = "1e-3:1"\nsearcher = "grid:2"\n'
    )
    (place / "below").mkdir()
    monkeypatch.chdir(place / "below")
    said = lrlab("sweep", "rows", "--workers", 0, "--json")
    assert said.code in (0, 5), said.out
    assert [run["units"] for run in said.document["runs"]] == [2, 2]


def test_targets_lists_and_checks(lrlab, project):
    said = lrlab("targets")
    assert (said.code, said.err) == (0, "")
    assert re.search(r"^bowl +python +16 +val_loss:min +bowl.py:train$", said.out, re.MULTILINE)
    assert re.search(r"^script +command +6 +val_loss:min +", said.out, re.MULTILINE)
    document = lrlab("targets", "--json").document
    assert (document["schema"], document["ok"]) == ("lrlab.targets/1", True)
    first, second = document["targets"]
    assert (first["name"], first["budget"], first["metric"], first["problem"]) == (
        "bowl",
        16,
        "val_loss:min",
        "",
    )
    assert first["search"]["seeds"] == 2
    assert second["what"].endswith("script.py --lr {lr} --epochs {budget}")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('run = "bowl.py:trains"\nbudget = 3', "bowl.py has no 'trains'. It has: "),
        ('run = "bawl.py:train"\nbudget = 3', "there is no file"),
        ('run = "bawl:train"\nbudget = 3', "there is no module 'bawl' here"),
        ('run = "leaves.py:train"\nbudget = 3', "leaves.py ends the program while it is imported"),
        ('run = "wrong.py:train"\nbudget = 3', "wrong.py fails while it is imported: SyntaxError"),
        ('run = "bowl.py:train"', "a function needs budget="),
        ('run = "bowl.py:lone"\nbudget = 3', "expected a task or a function train(run), got 3"),
        ('recipe = "bowl.py:lone"', "is no recipe but int"),
        ('command = ["no-such-program", "{lr}"]\nbudget = 3', "there is no program 'no-such-program' here"),
        (
            f'command = [{json.dumps(PYTHON)}, "gone.py", "{{lr}}"]\nbudget = 3',
            "there is no file 'gone.py' in",
        ),
        (f'command = [{json.dumps(PYTHON)}, "bowl.py"]\nbudget = 3', "{lr} stands nowhere in the command"),
        (f'command = [{json.dumps(PYTHON)}, "bowl.py", "{{lr}}"]', "has no words or no budget"),
        ('data = {kind = "table", path = "gone.csv", target = "y"}', "data: there is no "),
    ],
)
def test_targets_says_what_is_broken(lrlab, place, lines, problem):
    (place / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    (place / "wrong.py").write_text("def train(run:\n")
    (place / "lrlab.toml").write_text(
        f'[target.good]\nrun = "bowl.py:train"\nbudget = 2\n[target.bad]\n{lines}\n'
    )
    said = lrlab("targets")
    assert said.code == 2
    (told,) = re.findall(r"^broken: (.*)$", said.out, re.MULTILINE)
    assert told.startswith("bad: ")
    assert problem in told
    assert "Traceback" not in said.out + said.err
    document = lrlab("targets", "--json").document
    assert document["ok"] is False
    assert [seen["problem"] != "" for seen in document["targets"]] == [False, True]
    for name in ("leaves", "wrong"):
        sys.modules.pop(name, None)


def test_no_project(lrlab, place):
    said = lrlab("targets")
    assert said.code == 7
    assert "there is no lrlab.toml in this folder or above" in said.err
    assert "lrlab init" in said.err
    said = lrlab("sweep", "bowl")
    assert said.code == 2
    assert "no lrlab.toml here or above names it" in said.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("bawl",), 7, "there is no target 'bawl'. Did you mean 'bowl'?"),
        (("bowl", "more"), 2, 'KIND must be "python" or "recipe", got \'bowl\''),
        (("bowl", "--read", "log.csv"), 2, "--read is for a command behind --, and this is a python"),
        (("bowl", "--batch-size", 3), 2, "--batch-size is for data"),
        (("script", "--model", "mlp"), 2, "--model is for data"),
        (("script", "--imgsz", 3), 2, "--imgsz is for yolo"),
        (("bowl", "--metric", "quality"), 2, "cannot tell from the name 'quality'"),
        (("bowl", "--budget", 0), 2, "budget: must be at least 1, got 0"),
        (("bowl", "--", "ls", "{lr}"), 2, "train 'bowl', or the command behind --?"),
    ],
)
def test_a_wrong_sweep_of_a_target(lrlab, project, words, code, message):
    said = lrlab("sweep", *words)
    flat = " ".join(said.err.split())
    assert said.code == code, flat
    assert message in flat
    assert "Traceback" not in flat


# --- init --------------------------------------------------------------------------------------------------------


def parsed(place):
    from lrlab.api.project import read_project

    (target,) = read_project(place / "lrlab.toml").targets
    assert target.problem == ""
    return target


def test_init_knows_a_training_function(lrlab, place):
    said = lrlab("init")
    assert (said.code, said.out) == (0, "lrlab.toml\n")
    assert (
        "reports: bowl.py:stubborn, bowl.py:explodes, bowl.py:silent; bowl.py:stubborn is taken." in said.err
    )
    assert "lrlab sweep main" in said.err
    assert (place / "lrlab.toml").read_text().startswith("# Training targets")
    assert parsed(place).ref == "bowl.py:stubborn"  # the first that reports itself
    assert lrlab("targets").code == 0


def test_init_overwrites_nothing(lrlab, place):
    (place / "lrlab.toml").write_text("mine")
    said = lrlab("init")
    assert said.code == 8
    assert "there is a lrlab.toml here already" in said.err
    assert (place / "lrlab.toml").read_text() == "mine"
    assert lrlab("init", "--force", "--json").document["target"] == "main"
    parsed(place)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {"kind": "python", "ref": "train.py:train"}),
        (
            {"train.py": "import torch\n"},
            {"kind": "command", "words": ("python", "train.py", "--lr", "{lr}")},
        ),
        (
            {"train.py": "p.add_argument('--learning-rate')\np.add_argument('--epochs')\n"},
            {"words": ("python", "train.py", "--learning-rate", "{lr}", "--epochs", "{budget}")},
        ),
        ({"train.py": "def go(r):\n    r.report(val_loss=1)\n"}, {"kind": "python", "ref": "train.py:go"}),
        ({"train.py": "def broken(:\n"}, {"kind": "command"}),
        ({'rows "1".csv': "a,b\n1,2\n"}, {"kind": "data", "data": "table"}),
        ({"a.csv": "", "b.csv": ""}, {"kind": "python"}),
        ({"tool.py": "def go(run):\n    return run\n"}, {"kind": "python", "ref": "train.py:train"}),
    ],
)
def test_init_writes_what_is_certain(lrlab, place, files, expected):
    for name in ("bowl.py", "dies.py"):
        (place / name).unlink()
    for name, text in files.items():
        (place / name).write_text(text)
    assert lrlab("init").code == 0
    target = parsed(place)
    for name, value in expected.items():
        assert getattr(target, name) == value
