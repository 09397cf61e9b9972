"""``lrlab doctor``."""

import json as json_text
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from lrlab.cli.options import Json, Store
from lrlab.cli.output import Output

_LITTLE_DISK_GIB = 1.0
_LITTLE_MEMORY_GIB = 1.0

# Run in a process of its own: a broken build of torch may take its process with it.
_PROBE = """
import json, sqlite3
from importlib.util import find_spec
found = {"sqlite": sqlite3.sqlite_version, "torch": "", "devices": []}
if find_spec("torch"):
    import torch
    found["torch"] = torch.__version__
    found["devices"] = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found["devices"].append("Apple GPU (mps)")
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What.
        state: ``ok``, ``warning`` (worth knowing) or ``broken``.
        text: What was found, and what to do where it is not ok.
    """

    name: str
    state: Literal["ok", "warning", "broken"]
    text: str


def doctor(store: Store = None, json: Json = False) -> None:
    """Is everything in order? Versions, devices, memory, and the health of every study."""
    output = Output(json=json)
    checks = [*_programs(), *_machine(), *_store(store)]
    wide = max(len(check.name) for check in checks)
    for check in checks:
        output.result(f"{check.state:<8} {check.name:<{wide}}  {check.text}")
    broken = [check.name for check in checks if check.state == "broken"]
    content: dict[str, object] = {"checks": [asdict(check) for check in checks]}
    if broken:
        content["error"] = {"code": "broken", "message": f"broken: {', '.join(broken)}", "hint": ""}
    output.document("doctor", content, ok=not broken)
    if broken:
        raise typer.Exit(1)


def _programs() -> Iterator[Check]:
    from lrlab.api.environment import environment

    known = environment()
    yield Check(name="lrlab", state="ok", text=f"{known['lrlab']}, with Python {known['python']}")
    probe = _probed()
    if isinstance(probe, str):
        yield Check(name="torch", state="broken", text=probe)
        return
    yield Check(name="sqlite", state="ok", text=str(probe["sqlite"]))
    if not probe["torch"]:
        text = "not installed; functions train without it, recipes need it: pip install 'lrlab[torch]'"
        yield Check(name="torch", state="warning", text=text)
        return
    yield Check(name="torch", state="ok", text=str(probe["torch"]))
    yield Check(name="devices", state="ok", text=", ".join(probe["devices"]) or "CPU only")


def _probed() -> dict[str, Any] | str:
    """What a fresh Python says about SQLite and torch, or why it says nothing."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Python cannot be asked: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return f"import torch fails: {last} Install it again: pip install --force-reinstall torch"
    found: dict[str, Any] = json_text.loads(done.stdout.strip().splitlines()[-1])
    return found


def _machine() -> Iterator[Check]:
    import psutil

    from lrlab.api.engines import default_workers

    workers = default_workers()
    yield Check(name="cores", state="ok", text=f"{os.cpu_count()}; {workers} by default as workers")
    free = psutil.virtual_memory().available / 2**30
    little = free < _LITTLE_MEMORY_GIB
    text = f"{free:.1f} GiB free" + ("; training may run out of it" if little else "")
    yield Check(name="memory", state="warning" if little else "ok", text=text)


def _store(store: str | None) -> Iterator[Check]:
    from lrlab.api.engines import default_folder

    folder = Path(store).expanduser() if store else default_folder()
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    problem = _cannot_write(there)
    if problem:
        text = f"{folder} cannot be written: {problem}. Name another with --store or LRLAB_STORE."
        yield Check(name="store", state="broken", text=text)
    else:
        yield Check(
            name="store", state="ok", text=str(folder) + ("" if there == folder else " (not made yet)")
        )
    free = shutil.disk_usage(there).free / 2**30
    little = free < _LITTLE_DISK_GIB
    text = f"{free:.1f} GiB free" + ("; a study that meets a full disk ends" if little else "")
    yield Check(name="disk", state="warning" if little else "ok", text=text)
    if folder.is_dir():
        yield from _studies(folder)


def _cannot_write(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is no folder"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"lrlab")
    except OSError as error:
        return str(error.strerror or error)
    return ""


def _studies(folder: Path) -> Iterator[Check]:
    """Every study, read from end to end."""
    from lrlab.api.engines import open_store
    from lrlab.core.errors import LrlabError

    place = open_store(folder)
    sound = 0
    for name in place.names():
        try:
            place.load(name)
        except LrlabError as error:
            yield Check(name=f"study {name}", state="broken", text=str(error))
        else:
            sound += 1
    yield Check(name="studies", state="ok", text=f"{sound} can be read")
