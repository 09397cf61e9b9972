"""The house rules that a program can check, each seen to fail.

The arrows between the rooms are import-linter contracts in pyproject.toml; here a violation of each is
planted in a copy. The rest are rules over the syntax trees of ``src``, tried on planted sources too.
"""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
FILES = sorted((SOURCE / "lrlab").rglob("*.py"))

LONGEST_FILE = 400
EMPTY_NAMES = {"utils", "helpers", "common", "base", "manager"}
PICKLES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
SQL_CALLS = {"text", "execute", "executemany", "executescript", "exec_driver_sql", "scalar", "scalars"}
HEAVY = (
    "torch",
    "fastapi",
    "pydantic",
    "sqlalchemy",
    "alembic",
    "typer",
    "rich",
    "numpy",
    "scipy",
    "matplotlib",
    "plotly",
)
IMPORT_BOUND_S = 0.1
HELP_BOUND_S = 0.6


# --- arrows -------------------------------------------------------------------------------------------------

CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}

# Contract, file to plant, what it says.
PLANTED = [
    ("layers", "core/planted.py", "import lrlab.tasks.protocol"),
    ("layers", "schedules/planted.py", "import lrlab.tasks.protocol"),
    ("layers", "readers/planted.py", "import lrlab.schedules.protocol"),
    ("layers", "searchers/planted.py", "import lrlab.store.protocol"),
    ("layers", "testing/planted.py", "import lrlab.api"),
    ("layers", "api/planted.py", "def late():\n    import lrlab.cli\n"),
    ("layers", "garage/__init__.py", ""),
    ("values-only", "report/planted.py", "import lrlab.store.protocol"),
    ("values-only", "store/planted.py", "from lrlab.tasks.protocol import Task"),
    ("pure", "studies/planted.py", "import rich"),
    ("pure", "core/planted.py", "import torch"),
    ("engines", "studies/planted.py", "import lrlab.store.sql"),
    ("engines", "cli/planted.py", "import lrlab.runners.processes"),
    ("torch", "runners/planted.py", "from torch import nn"),
    ("huggingface", "tasks/planted.py", "from transformers import Trainer"),
    ("database", "api/planted.py", "import sqlalchemy.orm"),
    ("database", "cli/planted.py", "import sqlite3"),
    ("drawing", "report/planted.py", "import plotly.graph_objects"),
    ("drawing", "api/planted.py", "import matplotlib.pyplot"),
    ("terminal", "report/planted.py", "from rich.table import Table"),
    ("terminal", "runners/planted.py", "import typer"),
    ("page", "api/planted.py", "import fastapi"),
    ("page", "report/planted.py", "from jinja2 import Template"),
    ("layers", "cli/planted.py", "import lrlab.web.server"),
    ("acyclic", "core/planted.py", "import lrlab.core.planted_too"),
]


def lint_imports(folder: Path, contracts: Path) -> tuple[int, str]:
    """Exit status and report of import-linter over the copy of lrlab in ``folder``."""
    command = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-logo", "--no-cache", contracts],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    pytest.importorskip("importlinter")
    shutil.copytree(SOURCE / "lrlab", tmp_path / "lrlab", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_arrows_hold(copy: Path) -> None:
    status, output = lint_imports(copy, ROOT / "pyproject.toml")
    assert (status, "0 broken" in output) == (0, True), output


@pytest.mark.parametrize(
    ("contract", "file", "code"), PLANTED, ids=[f"{file}: {code}" for _, file, code in PLANTED]
)
def test_a_wrong_arrow_is_seen(copy: Path, contract: str, file: str, code: str) -> None:
    planted = copy / "lrlab" / file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(code)
    if "planted_too" in code:
        (planted.parent / "planted_too.py").write_text("import lrlab.core.planted")
    status, output = lint_imports(copy, ROOT / "pyproject.toml")
    assert status == 1
    assert f"{CONTRACTS[contract]} BROKEN" in output, output


def test_every_contract_is_seen_to_fail() -> None:
    assert set(CONTRACTS) == {contract for contract, _, _ in PLANTED}


# --- rules over syntax trees --------------------------------------------------------------------------------


def name_of(function: ast.expr) -> str:
    """``torch.load`` of the called ``torch.load(...)``; the last name alone after an expression."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        return f"{name_of(function.value)}.{function.attr}".lstrip(".")
    return ""


def is_constant(value: ast.expr) -> bool:
    """A literal, or a NAME that says that it is one: what a PRAGMA, which takes no parameters, may hold."""
    return isinstance(value, ast.Constant) or name_of(value).rpartition(".")[2].isupper()


def is_built(value: ast.expr) -> bool:
    """Whether a string is put together from values: an f-string, ``%``, ``+`` or ``.format``."""
    if isinstance(value, ast.JoinedStr):
        parts = [part.value for part in value.values if isinstance(part, ast.FormattedValue)]
        return not all(is_constant(part) for part in parts)
    if isinstance(value, ast.BinOp):
        return any(isinstance(leaf, ast.JoinedStr | ast.Constant) for leaf in ast.walk(value))
    return isinstance(value, ast.Call) and name_of(value.func).endswith("format")


def imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module]
    return []


def faults_of_call(node: ast.Call) -> Iterator[str]:
    called = name_of(node.func)
    if called in ("eval", "exec", "torch.load", "yaml.load", "os.system", "os.popen"):
        yield f"calls {called}"
    for keyword in node.keywords:
        if keyword.arg in ("shell", "allow_pickle") and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        ):
            yield f"passes {keyword.arg}"
    if called.rpartition(".")[2] in SQL_CALLS and node.args and is_built(node.args[0]):
        yield "builds SQL from values"


def may_know_torch(file: str) -> bool:
    """Whether a file may import torch, or a task that does; the tree loads it when a state holds a tensor only."""
    room, _, name = file.partition("/")
    if room == "adapters":
        return name.startswith(("huggingface", "torch_"))
    return room == "tasks" and (name.startswith("torch_") or name == "checkpoint_tree.py")


def faults_of_import(modules: list[str], file: str) -> Iterator[str]:
    room = file.partition("/")[0]
    for module in modules:
        package = module.partition(".")[0]
        if package in PICKLES and room != "runners":
            yield f"imports {package}"
        if package == "torch" and not may_know_torch(file):
            yield "imports torch"
        picks = room in ("api", "testing") or may_know_torch(file)
        if package in ("accelerate", "transformers") and not file.startswith("adapters/huggingface"):
            yield f"imports {package}"
        if module.startswith("lrlab.tasks.torch_") and not picks:
            yield "picks a concrete task"


def faults(source: str, file: str) -> list[str]:
    """What a source file, named from ``src/lrlab`` on, does against the rules."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        found.extend(faults_of_import(imported(node), file))
        if "lrlab" in imported(node) and [alias.name for alias in node.names] != ["__version__"]:
            found.append("uses the public names")
        if isinstance(node, ast.Call):
            found.extend(faults_of_call(node))
    return found


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(SOURCE)) for file in FILES])
def test_a_file_keeps_the_rules(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    name = file.relative_to(SOURCE / "lrlab").as_posix()
    assert name == "__init__.py" or faults(source, name) == []
    assert len(source.splitlines()) <= LONGEST_FILE, "a name is missing"
    assert not EMPTY_NAMES & set(file.relative_to(SOURCE).with_suffix("").parts), "a name that says nothing"
    if file.name == "__init__.py" and file.parent.name != "lrlab":
        assert source == "", "package files are empty"


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize(
    ("source", "file", "fault"),
    [
        ("import pickle", "store/planted.py", "imports pickle"),
        ("from cloudpickle import dumps", "tasks/planted.py", "imports cloudpickle"),
        ("import torch\ntorch.load(path)", "tasks/planted.py", "calls torch.load"),
        ("yaml.load(text)", "cli/planted.py", "calls yaml.load"),
        ("eval(text)", "core/planted.py", "calls eval"),
        ("exec(text)", "runners/planted.py", "calls exec"),
        ("os.system(command)", "cli/planted.py", "calls os.system"),
        ("subprocess.run(command, shell=True)", "tasks/planted.py", "passes shell"),
        ("numpy.load(path, allow_pickle=choice)", "store/planted.py", "passes allow_pickle"),
        ("session.execute(f'SELECT {column}')", "store/planted.py", "builds SQL from values"),
        ("session.execute(text(f'PRAGMA {name}'))", "store/planted.py", "builds SQL from values"),
        ("db.exec_driver_sql('DROP TABLE ' + name)", "store/planted.py", "builds SQL from values"),
        ("db.execute('SELECT %s' % name)", "store/planted.py", "builds SQL from values"),
        ("db.execute('SELECT {}'.format(name))", "store/planted.py", "builds SQL from values"),
        ("import torch", "tasks/planted.py", "imports torch"),
        ("from torch import nn", "api/torch_planted.py", "imports torch"),
        ("import torch", "adapters/planted.py", "imports torch"),
        ("from transformers import Trainer", "adapters/planted.py", "imports transformers"),
        ("import accelerate.state", "tasks/torch_planted.py", "imports accelerate"),
        ("from lrlab.tasks.torch_recipe import Recipe", "studies/planted.py", "picks a concrete task"),
        ("import lrlab.tasks.torch_recipe", "tasks/planted.py", "picks a concrete task"),
        ("import lrlab", "runners/planted.py", "uses the public names"),
        ("from lrlab import sweep", "core/planted.py", "uses the public names"),
    ],
)
def test_a_broken_rule_is_seen(source: str, file: str, fault: str) -> None:
    assert fault in faults(source, file)


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("import cloudpickle", "runners/planted.py"),
        ("import torch\nimport lrlab.tasks.torch_loop", "tasks/torch_planted.py"),
        ("from lrlab.tasks.torch_recipe import Recipe", "api/torch.py"),
        ("from lrlab import __version__", "cli/planted.py"),
        ("session.execute(text('SELECT 1'), {'name': name})", "store/planted.py"),
        ("db.exec_driver_sql(f'PRAGMA user_version={schema.VERSION}')", "store/planted.py"),
        ("subprocess.run(command, shell=False)", "tasks/planted.py"),
        ("axes.text(0.5, 0.5, f'{rate}')", "report/planted.py"),
    ],
)
def test_what_is_allowed_passes(source: str, file: str) -> None:
    assert faults(source, file) == []


# --- how light it is ----------------------------------------------------------------------------------------

TIME_THE_IMPORT = """
import sys, time
started = time.perf_counter()
import lrlab
print(time.perf_counter() - started, *(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_import_is_light() -> None:
    seconds = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", TIME_THE_IMPORT, *HEAVY], capture_output=True, text=True, check=True
        )
        taken, *heavy = done.stdout.split()
        assert heavy == []
        seconds.append(float(taken))
    assert min(seconds) < IMPORT_BOUND_S


def test_help_is_quick() -> None:
    time_the_help = "import time\nstarted = time.perf_counter()\nimport lrlab.cli.main as cli, sys, atexit\n"
    time_the_help += "atexit.register(lambda: print(time.perf_counter() - started, file=sys.stderr))\n"
    time_the_help += "sys.argv = ['lrlab', '--help']\ncli.main()\n"
    seconds = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", time_the_help], capture_output=True, text=True, check=True
        )
        assert "sweep" in done.stdout
        seconds.append(float(done.stderr.split()[-1]))
    assert min(seconds) < HELP_BOUND_S
