"""Wrong command lines: an exit code and a sentence, and nothing is written."""

import pytest

from lrlab.cli.main import run

MODULE = """
import math
lone = 3


def train(run):
    for _ in run.units():
        run.report(val_loss=1.0)


class Nested:
    train = train
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "needs.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "wrong.py").write_text("def train(run:\n")
    (tmp_path / "fails.py").write_text("raise KeyError('the config')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_STORE", str(tmp_path / "studies"))
    return tmp_path


GOOD = ("sweep", "python", "mine.py:train", "--budget", "4", "--workers", "0")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("sweep",), 2, "what is to be trained? Name KIND and TARGET"),
        (("sweep", "python"), 2, "which python? Name MODULE:NAME"),
        (("sweep", "mine.py:train", "--budget", "4"), 2, "Did you mean: lrlab sweep python mine.py:train?"),
        (("sweep", "mine.py:train", "x"), 2, "Did you mean: lrlab sweep python mine.py:train?"),
        (("sweep", "pyhton", "mine.py:train"), 2, 'KIND must be "python" or "recipe"'),
        (("sweep", "python", "mine.py"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", ":train"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", "mine.py:"), 2, "expected MODULE:NAME or FILE.py:NAME"),
        (("sweep", "python", "nowhere.py:train", "--budget", "4"), 7, "there is no file"),
        (("sweep", "python", "nowhere:train", "--budget", "4"), 7, "there is no module 'nowhere'"),
        (("sweep", "python", "mine.py:trian", "--budget", "4"), 7, "It has: Nested, lone, math, train"),
        (("sweep", "python", "mine.py:Nested.test", "--budget", "4"), 7, "has no 'Nested.test'"),
        (("sweep", "python", "needs.py:train", "--budget", "4"), 3, "No module named 'nowhere_to_be_found'"),
        (("sweep", "python", "wrong.py:train", "--budget", "4"), 3, "SyntaxError"),
        (("sweep", "python", "fails.py:train", "--budget", "4"), 3, "KeyError: 'the config'"),
        (("sweep", "python", "mine.py:lone", "--budget", "4"), 2, "expected a task or a function train(run), got 3"),
        (("sweep", "recipe", "mine.py:lone"), 2, "is no recipe but int"),
        (("sweep", "python", "mine.py:train"), 2, "budget"),
        ((*GOOD, "--unit", "minute"), 2, '"epoch" or "step"'),
        ((*GOOD, "--budget", "many"), 2, "'--budget'"),
        ((*GOOD, "--budget", "1.5"), 2, "'--budget'"),
        ((*GOOD, "--lr", "1"), 2, "expected a pair"),
        ((*GOOD, "--lr", "1:0.1"), 2, "Did you mean 1e-1:1?"),
        ((*GOOD, "--tolerance", "2%"), 2, "'--tolerance'"),
        ((*GOOD, "--study", "a b"), 2, "study: a name has 1 to 100 letters"),
        ((*GOOD, "--wrokers", "0"), 2, "--workers"),
        ((*GOOD, "--current-lr", "-1"), 2, "current_lr: a learning rate must be finite and above 0"),
        ((*GOOD, "--memory", "0.01", "--workers", "1"), 2, "memory: a worker needs at least 384 MiB"),
        (("runs", "x" * 300), 7, "there is none of that name"),
        (("runs", "../../etc/passwd"), 7, "there is none of that name"),
        (("plot", "nothing", "-o", "x.png"), 7, "there is none of that name"),
        (("demo", "mnist"), 2, "digits"),
        (("nonsense",), 2, "No such command 'nonsense'"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_wrong_command_line(folder, capsys, words, code, said):
    got = run(words)
    out, err = capsys.readouterr()
    assert got == code, err
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert not list(folder.rglob("*.sqlite")), "nothing was written"
