"""Build the wheel and try it alone: a fresh environment, the core dependencies and nothing else.

Run by ``make bare``. Fails when the import is slow, when the command line or a sweep of a NumPy function needs an
extra, or when an extra does not resolve.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS_ONLY = (
    "torch",
    "matplotlib",
    "plotly",
    "sklearn",
    "fastapi",
    "uvicorn",
    "pyarrow",
    "optuna",
    "transformers",
)
IMPORT_BOUND_S = 0.1
HELP_BOUND_S = 0.6

TIME_THE_IMPORT = "import time; t = time.perf_counter(); import lrlab; print(time.perf_counter() - t)"
TIME_THE_HELP = """
import subprocess, sys, time
t = time.perf_counter()
subprocess.run([sys.argv[1], "--help"], check=True, capture_output=True)
print(time.perf_counter() - t)
"""
FIND_EXTRAS = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"


def run(*command: object) -> str:
    """Output of a command; its errors are shown and end this program."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"bare: {' '.join(map(str, command))} failed\n{done.stdout}{done.stderr}")
    return done.stdout


def best_of_five(what: str, bound_s: float, *command: object) -> None:
    best = min(float(run(*command)) for _ in range(5))
    print(f"bare: {what} took {best:.3f} s (bound {bound_s} s)")
    if best > bound_s:
        sys.exit(f"bare: {what} is too slow")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
        (wheel,) = folder.glob("*.whl")
        venv.create(folder / "bare", with_pip=True)
        python, lrlab = folder / "bare/bin/python", folder / "bare/bin/lrlab"
        pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        constraints = ("--constraint", ROOT / "constraints.txt")
        run(*pip, "pip>=25.1")
        run(*pip, *constraints, wheel)
        print(f"bare: {wheel.name} ({wheel.stat().st_size / 1024:.0f} KiB) installed alone")

        found = run(python, "-c", FIND_EXTRAS, *EXTRAS_ONLY).split()
        if found:
            sys.exit(f"bare: the core dependencies bring {found}, which belong to extras")
        best_of_five("import lrlab", IMPORT_BOUND_S, python, "-c", TIME_THE_IMPORT)
        best_of_five("lrlab --help", HELP_BOUND_S, python, "-c", TIME_THE_HELP, lrlab)
        print(f"bare: lrlab version says {run(lrlab, 'version').strip()}")
        target = f"{ROOT / 'examples' / 'first_sweep.py'}:train"
        kept = ("--store", folder / "studies")
        said = run(
            lrlab,
            "sweep",
            "python",
            target,
            "--budget",
            4,
            "--lr",
            "1e-4:100",
            "--study",
            "bare",
            "-q",
            *kept,
        )
        print(f"bare: a sweep says {said.splitlines()[0]}")
        if "finished" not in run(lrlab, "runs", "bare", *kept):
            sys.exit("bare: the study of the sweep has no finished run")

        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for extra in project["optional-dependencies"]:
            run(*pip, "--dry-run", *constraints, f"{wheel}[{extra}]")
            print(f"bare: lrlab[{extra}] resolves")


if __name__ == "__main__":
    main()
