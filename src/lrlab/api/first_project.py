"""A first ``lrlab.toml`` for a folder: with what can be told for certain, and comments for the rest."""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLES = (".csv", ".tsv", ".parquet")
_MOST_FILES = 200
_LARGEST_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstProject:
    """A file to write, and what was seen.

    Args:
        text: The file's content.
        target: Name of its target.
        seen: What the folder holds, a sentence; "" if nothing was recognised.
        to_do: What a person must still fill in or check, a sentence.
    """

    text: str
    target: str
    to_do: str
    seen: str = ""


def first_project(folder: Path) -> FirstProject:
    """What to write into ``folder``; looks at the files in it, and imports none of them."""
    functions = [f"{file}:{name}" for file, name in _functions(folder)]
    if functions:
        taken = next((ref for ref in functions if ref.endswith(":train")), functions[0])
        several = f"; {taken} is taken" if len(functions) > 1 else ""
        return _made(
            [f"run = {_quoted(taken)}", "budget = 20", 'metric = "val_loss:min"'],
            seen=f"a function train(run) that reports: {', '.join(functions[:5])}{several}.",
            to_do="Check budget (units of a full training) and metric.",
        )
    script = folder / "train.py"
    if script.is_file():
        return _made(
            [
                f"command = {_words(script)}",
                "budget = 20",
                'metric = "val_loss:min"',
                'read = "stdout:val_loss=([0-9.e+-]+)"  # or a file that it writes into {dir}: "log.csv"',
            ],
            seen="there is a script train.py.",
            to_do="Check command (its own name for the rate), budget, metric and read.",
        )
    tables = sorted(path.name for path in _files(folder) if path.suffix.lower() in _TABLES)
    if len(tables) == 1:
        return _made(
            [f'data = {{kind = "table", path = {_quoted(tables[0])}, target = "COLUMN"}}', "budget = 40"],
            seen=f"there is a table {tables[0]}.",
            to_do="Fill in target: the column to predict.",
        )
    return _made(
        ['run = "train.py:train"', "budget = 20", 'metric = "val_loss:min"'],
        to_do="Fill in run: FILE.py:NAME of a function train(run); or use recipe, command or data, as its comments tell.",
    )


def _made(lines: list[str], *, to_do: str, seen: str = "") -> FirstProject:
    return FirstProject(
        text=_HEAD + "\n".join(["[target.main]", *lines]) + _TAIL, target="main", seen=seen, to_do=to_do
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a string of JSON is one of TOML


def _words(script: Path) -> str:
    """The words that start a script, as far as its own source tells their names."""
    options = _texts(script)
    rate = next(
        (name for name in ("--lr", "--learning-rate", "--learning_rate", "--lr0") if name in options), "--lr"
    )
    length = next(
        (name for name in ("--epochs", "--num_train_epochs", "--max_epochs") if name in options), None
    )
    words = ["python", script.name, rate, "{lr}", *((length, "{budget}") if length else ())]
    return json.dumps(words)


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in sorted(folder.iterdir())[:_MOST_FILES] if path.is_file()]
    except OSError:
        return []


def _tree(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _texts(path: Path) -> set[str]:
    tree = _tree(path)
    nodes = ast.walk(tree) if tree is not None else ()
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _functions(folder: Path) -> Iterator[tuple[str, str]]:
    """File and name of functions of one argument that call its ``report``: trainings for lrlab, train.py's first."""
    files = [path for path in _files(folder) if path.suffix == ".py"]
    for path in sorted(files, key=lambda path: path.name != "train.py"):
        tree = _tree(path)
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _reports(node):
                yield path.name, node.name


def _reports(function: ast.FunctionDef) -> bool:
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    if len(names) != 1:
        return False
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "report"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == names[0]
        for node in ast.walk(function)
    )


_HEAD = """\
# Training targets of this project: lrlab targets lists them, lrlab sweep NAME trains one.
# Paths are seen from this file's folder. Options on the command line override what stands here.

"""
_TAIL = """
# lr = "1e-5:1e-1"       # rates to search; by default the target's own range
# current_lr = 3e-4      # your own rate: always tried, and the answer says what it would lose
# seeds = 3              # seeds of the final comparison

# A target has exactly one of:
#   run = "train.py:train"         a function train(run)
#   recipe = "recipes.py:digits"   an lrlab.torch.Recipe, or a function that makes one
#   command = ["python", "train.py", "--lr", "{lr}", "--epochs", "{budget}", "--out", "{dir}"]
#       with read = "log.csv" (seen from {dir}) or read = "stdout:val_loss=([0-9.e+-]+)"
#   data = {kind = "table", path = "data.csv", target = "label"}
"""
