"""Build the wheel and try it alone: a fresh environment, the core dependencies and nothing else.

Run by ``make bare``. Fails when the import is slow, when the command line or a sweep of a NumPy function needs an
extra, when the page, with its extra alone, does not stand in a browser, or when an extra does not resolve.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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
PAGE_BOUND_S = 5.0

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


def look_at_the_page(lrlab: Path, store: Path) -> None:
    """Serve the study ``bare`` from the wheel, with no other program on the PATH, and open it in Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("LRLAB_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("bare: chromium is not installed (LRLAB_CHROMIUM names it)")
    server = subprocess.Popen(
        [lrlab, "ui", "--no-browser", "--quiet", "--store", store],
        cwd=store,
        env=os.environ | {"PATH": str(lrlab.parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    wrong: list[str] = []
    try:
        link = server.stdout.readline().split()[-1]
        address = link.partition("#")[0].rstrip("/")
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            page = browser.new_page()
            page.goto(link)
            page.wait_for_selector("h1:has-text('Studies')")
            page.on("console", lambda said: wrong.append(said.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "request",
                lambda r: None if r.url.startswith((address, "data:", "blob:")) else wrong.append(r.url),
            )
            begun = time.perf_counter()
            page.goto(f"{address}/studies/bare")
            while (
                not page.evaluate("window.__lrlab?.ready === true")
                and time.perf_counter() - begun < PAGE_BOUND_S
            ):
                page.wait_for_timeout(20)
            took = time.perf_counter() - begun
            points = page.locator("#u-curve .point").count()
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
    print(f"bare: the page stood after {took:.1f} s (bound {PAGE_BOUND_S} s), {points} points in its curve")
    if wrong or not points or took > PAGE_BOUND_S:
        sys.exit(f"bare: the page does not stand: {wrong}")


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
        run(*pip, *constraints, f"{wheel}[web]")
        look_at_the_page(lrlab, folder / "studies")

        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        for extra in project["optional-dependencies"]:
            run(*pip, "--dry-run", *constraints, f"{wheel}[{extra}]")
            print(f"bare: lrlab[{extra}] resolves")


if __name__ == "__main__":
    main()
