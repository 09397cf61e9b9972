"""``lrlab.toml`` as values, and every sentence about a wrong one."""

import pytest

from lrlab.api.project import RESERVED, find_project, read_project
from lrlab.core.errors import NotFoundError, SpecError


def project(folder, text):
    path = folder / "lrlab.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_project(path)


def test_every_kind(tmp_path):
    found = project(
        tmp_path,
        """
        [target.a]
        run = "train.py:train"
        unit = "step"
        budget = 20
        [target.b]
        recipe = "recipes:digits"
        lr = [1e-5, 1]
        [target.c]
        command = ["python", "train.py", "{lr}"]
        budget = 3
        timeout = 60
        freeze = false
        columns = {lr = "step size"}
        [target.d]
        data = {kind = "table", path = "data/rows.csv", target = "y", leave_out = ["id"]}
        batch_size = 8
        metric = "val_acc:max"
        [target.e]
        data = {kind = "text", path = "hf:imdb"}
        """,
    )
    a, b, c, d, e = found.targets
    assert [target.problem for target in found.targets] == [""] * 5
    folder = str(tmp_path)
    assert a.build_from() == {
        "kind": "python",
        "ref": "train.py:train",
        "folder": folder,
        "unit": "step",
        "budget": 20,
    }
    assert (b.kind, b.search) == ("recipe", {"lr": [1e-5, 1]})
    assert c.build_from() == {
        "kind": "command",
        "words": ["python", "train.py", "{lr}"],
        "folder": folder,
        "budget": 3,
        "timeout_s": 60,
        "freeze": False,
        "columns": {"lr": "step size"},
    }
    assert d.build_from() == {
        "kind": "data",
        "data": "table",
        "ref": str(tmp_path / "data" / "rows.csv"),
        "batch_size": 8,
        "metric": "val_acc:max",
        "target": "y",
        "leave_out": ["id"],
    }
    assert e.ref == "hf:imdb"
    assert found.target("d") is d
    with pytest.raises(NotFoundError, match=r"there is no target 'f'. There are: a, b, c, d, e"):
        found.target("f")


def test_an_empty_file_has_no_targets(tmp_path):
    assert project(tmp_path, "").targets == ()
    assert project(tmp_path, "\ufeff# with a mark\r\n").targets == ()


def test_the_nearest_file_counts(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "lrlab.toml").write_text("")
    assert find_project(deep) == tmp_path / "lrlab.toml"
    (tmp_path / "a" / "lrlab.toml").write_text("")
    assert find_project(deep) == tmp_path / "a" / "lrlab.toml"
    (deep / "lrlab.toml").mkdir()  # no file
    assert find_project(deep) == tmp_path / "a" / "lrlab.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[target",
            r"lrlab.toml(, line 1, column 8|, at its end): is no TOML: Expected ']' at the end of a table",
        ),
        ('[target.a]\nrun = "x', r"is no TOML: (Unterminated|Expected|Illegal)"),
        ("[target.a]\nrun train", r"lrlab.toml, line 2, column 5: is no TOML: Expected '=' after a key"),
        (
            "[target.a]\nbudget = 1\nbudget = 2",
            r"(line 3, column 11|at its end): is no TOML: Cannot overwrite a value",
        ),
        ("[target.a]\n[target.a]", r"line 2, column 10: is no TOML: Cannot declare"),
        (b"[target.a]\nrun = '\xff'", "lrlab.toml, line 2: is no UTF-8. Save it as UTF-8"),
        ("[targets.a]", "unknown key 'targets' at the top. Did you mean 'target'"),
        ("name = 1", r"unknown key 'name' at the top. There are: target."),
        ("target = 1", r"target must hold tables. A target is written \[target.NAME\]"),
        ('[target]\nrun = "a:b"', "target must hold tables"),
        ("[[target]]", "target must hold tables"),
        (b"x" * 2**21, "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_project(tmp_path, text, message):
    with pytest.raises(SpecError, match=message):
        project(tmp_path, text)
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        read_project(tmp_path)


GOOD = 'run = "train.py:train"\n'


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "exactly one of run, recipe, command and data must stand here, got none"),
        ("budget = 3", "got none"),
        ('rum = "train.py:train"', "got none. Did you mean 'run'?"),
        (GOOD + 'recipe = "a:b"', "got run and recipe"),
        (GOOD + "budgt = 3", "unknown key 'budgt' in a target with run. Did you mean 'budget'?"),
        (GOOD + 'read = "log.csv"', "unknown key 'read' in a target with run. It is for command."),
        (GOOD + "batch_size = 3", "It is for data. Leave it out."),
        ('recipe = "a:b"\nunit = "step"', "unknown key 'unit' in a target with recipe. It is for python and command."),
        (GOOD + "budget = 2.5", "budget must be like 20, got 2.5"),
        (GOOD + "budget = true", "budget must be like 20, got True"),
        (GOOD + 'budget = "20"', "budget must be like 20, got '20'"),
        (GOOD + "metric = 3", 'metric must be like "val_loss:min", got 3'),
        (GOOD + 'metric = "quality"', "cannot tell from the name 'quality' whether small or large is good"),
        (GOOD + 'lr = "fast"', "lr range: expected a pair such as"),
        (GOOD + 'lr = "1:1e-5"', "the low end must be below the high end"),
        (GOOD + "lr = 0.1", 'lr must be like "1e-5:1e-1", got 0.1'),
        (GOOD + "lr = [0.1]", "lr must be like"),
        (GOOD + "seeds = 1.5", "seeds must be like 3, got 1.5"),
        (GOOD + 'current_lr = "x"', "current_lr must be like 3e-4, got 'x'"),
        ('run = "train"', "run must be like \"train.py:train\", got 'train'"),
        ('run = ":train"', "run must be like"),
        ("recipe = 3", "recipe must be like"),
        ('command = "python train.py --lr {lr}"', "command must be like [\"python\", \"train.py\", \"--lr\", \"{lr}\"]"),
        ("command = []", "command must be like"),
        ("command = [1]", "command must be like"),
        ('command = ["a", "{lr}"]\ncolumns = {lr = 1}', "columns must be like {lr = \"step size\"}"),
        ('command = ["a", "{lr}"]\nfreeze = "no"', "freeze must be like false, got 'no'"),
        ('data = "rows.csv"', "data must be like {kind = \"table\""),
        ('data = {path = "a"}', "data: kind must be one of"),
        ('data = {kind = "tabel", path = "a"}', "got 'tabel'. Did you mean 'table'?"),
        ('data = {kind = "table"}', "data: path must be like \"data.csv\", got None"),
        ('data = {kind = "table", path = "a", targt = "y"}', "unknown key 'targt' in data of kind table. Did you mean 'target'"),
        ('data = {kind = "table", path = "a", model = "mlp"}', "data: model does not belong inside data"),
        ('data = {kind = "table", path = "a"}\ntarget = "y"', "It belongs inside data"),
        ('data = {kind = "table", path = "a", leave_out = "id"}', "leave_out must be like [\"id\"], got 'id'"),
    ],
)  # fmt: skip
def test_a_target_that_is_wrong_spoils_no_other(tmp_path, lines, message):
    found = project(tmp_path, f"[target.good]\n{GOOD}[target.bad]\n{lines}\n")
    good, bad = found.targets
    assert good.problem == ""
    assert "lrlab.toml, [target.bad]: " in bad.problem
    assert message in bad.problem
    with pytest.raises(SpecError):
        bad.build_from()


@pytest.mark.parametrize("name", [*RESERVED, '"a b"', '"-x"', '"../x"', '""', "x" * 101])
def test_a_name_that_cannot_be_typed(tmp_path, name):
    (target,) = project(tmp_path, f"[target.{name}]\n{GOOD}").targets
    assert "a target's name has 1 to 100 letters" in target.problem
