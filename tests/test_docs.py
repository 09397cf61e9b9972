"""Documentation runs: every Python block, every doctest, every command line and link."""

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
GENERATED = ROOT / "docs" / "cli.md"  # `make check` compares it with the command line itself
PAGES = sorted({ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")} - {GENERATED})

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")

# A gate that runs nothing passes, so here is how much there must be to run.
FEWEST_BLOCKS = 3
FEWEST_DOCTESTS = 5
FEWEST_COMMANDS = 3


def blocks(page: Path, *languages: str) -> list[tuple[int, str]]:
    """Fenced blocks of a page in these languages: the line where each begins, and what it says."""
    text = page.read_text(encoding="utf-8")
    found = [match for match in FENCE.finditer(text) if match[1] in languages]
    return [(text.count("\n", 0, match.start(2)), match[2]) for match in found]


def as_program(page: Path) -> str:
    """The Python blocks of a page as one program that has every line where the page has it."""
    program = ""
    for line, block in blocks(page, "python"):
        program += "\n" * (line - program.count("\n")) + block
    return program


def commands(page: Path, program: str) -> list[str]:
    """What a page types after ``program``, in shell blocks and in code spans."""
    lines = [line for _, block in blocks(page, "sh", "console") for line in block.splitlines()]
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    lines += [match[1] for match in SPAN.finditer(prose)]
    typed = [line.strip().removeprefix("$ ").partition(" #")[0] for line in lines]
    return [line.removeprefix(program).strip() for line in typed if line.startswith(f"{program} ")]


RUNNABLE = [page for page in PAGES if as_program(page)]
COMMANDS = sorted({line for page in PAGES for line in commands(page, "lrlab")})
TESTED = [file for file in sorted(SOURCE.rglob("*.py")) if ">>>" in file.read_text(encoding="utf-8")]


def test_there_is_enough_to_run() -> None:
    assert sum(len(blocks(page, "python")) for page in RUNNABLE) >= FEWEST_BLOCKS
    assert len(TESTED) >= FEWEST_DOCTESTS
    assert len(COMMANDS) >= FEWEST_COMMANDS


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_a_page_runs(page: Path, tmp_path: Path) -> None:
    program = as_program(page)
    for package in ("torch", "transformers"):
        if package in program:
            pytest.importorskip(package)
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        env=os.environ | {"LRLAB_STORE": str(tmp_path / "studies")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}, same line numbers:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("file", TESTED, ids=[str(file.relative_to(SOURCE)) for file in TESTED])
def test_doctests(file: Path) -> None:
    if file.name.startswith("torch_"):
        pytest.importorskip("torch")
    module = import_module(".".join(file.relative_to(SOURCE).with_suffix("").parts))
    result = doctest.testmod(module, extraglobs={"__name__": "__main__"}, optionflags=doctest.ELLIPSIS)
    assert (result.failed, result.attempted > 0) == (0, True), f"python -m doctest {file} tells more"


def help_of(*names: str) -> str:
    """What ``lrlab NAMES --help`` says."""
    program = "import lrlab.cli.main as cli, sys; sys.argv[0] = 'lrlab'; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *names, "--help"],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_exists(line: str) -> None:
    """The command exists and knows every option that a page gives it."""
    own = line.partition(" -- ")[0].split()
    names = own[:1] if own[0][0] != "-" else []
    told = help_of(*names)
    if "Commands:" in told and own[1:2] and own[1].isalpha():
        told = help_of(*own[:2])
    for word in own:
        if re.fullmatch(r"--?[a-z][a-z-]*", word):
            assert re.search(rf"(?<![\w-]){word}(?![\w-])", told), f"{own} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[0] for line in commands(page, "make")}
    assert named <= targets


def test_the_readme_begins_with_its_two_commands() -> None:
    first, *_ = blocks(ROOT / "README.md", "sh")
    assert first[0] < 15
    assert [line.partition(" #")[0].strip() for line in first[1].splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    inside = [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    assert [target for target in inside if not (page.parent / target).exists()] == []


def test_a_page_that_is_wrong_is_seen(tmp_path: Path) -> None:
    """The readers above find what they are there to find, on the right line."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n```python\nvalue = 1\n```\n\nThen `lrlab sweep --lr 1`:\n\n```python\nassert not value\n```\n"
    )
    assert commands(page, "lrlab") == ["sweep --lr 1"]
    with pytest.raises(AssertionError, match=r"(?s)page.md.*line 10"):
        test_a_page_runs(page, tmp_path)
