"""Real Jupyter kernels, and what their cells show."""

import gc
import time
from itertools import count
from pathlib import Path

import psutil
import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")
pytest.importorskip("nbformat")
manager = pytest.importorskip("jupyter_client.manager")

SLOW = 120  # seconds that a cell may take
COUNT = count()


def named(folder: Path) -> dict[str, str]:
    """Settings of a kernel that is spoken to through files of its own, not through ports."""
    return {"kernel_name": "lrlab-tests", "transport": "ipc", "ip": str(folder / f"ipc-{next(COUNT)}")}


class Kernel:
    """A kernel, and what its cells show."""

    def __init__(self, folder: Path) -> None:
        self.manager = manager.KernelManager(**named(folder))
        self.manager.start_kernel(cwd=folder)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.process = psutil.Process(self.manager.provisioner.pid)

    def begin(self, code: str) -> "Cell":
        return Cell(self, self.client.execute(code, store_history=False))

    def run(self, code: str) -> "Cell":
        cell = self.begin(code)
        cell.finish()
        return cell

    def value(self, code: str) -> object:
        """What an expression is, as the kernel prints it."""
        cell = self.run(f"print(repr({code}))")
        assert not cell.error, cell.error
        return eval(cell.text("stdout"))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        gc.collect()  # what was left open is to be heard of here, not in another test


class Cell:
    """One execution: outputs as a front end keeps them, an updated one in its first place."""

    def __init__(self, kernel: Kernel, request: str) -> None:
        self.kernel = kernel
        self.request = request
        self.outputs: list[dict] = []
        self.places: dict[str, int] = {}
        self.history: list[tuple[float, str]] = []  # when an output was shown or written anew, as text
        self.streams: list[tuple[str, str]] = []
        self.error: list[str] = []
        self.over = False

    def take(self, timeout_s: float = SLOW) -> None:
        message = self.kernel.client.get_iopub_msg(timeout=timeout_s)
        if message["parent_header"].get("msg_id") != self.request:
            return
        kind, content = message["header"]["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data", "execute_result"):
            name = content.get("transient", {}).get("display_id", "")
            if kind == "update_display_data":
                self.outputs[self.places[name]] = content["data"]
            else:
                self.places[name] = len(self.outputs)
                self.outputs.append(content["data"])
            self.history.append((time.monotonic(), content["data"]["text/plain"]))
        elif kind == "stream":
            self.streams.append((content["name"], content["text"]))
        elif kind == "error":
            self.error = [content["ename"], *content["traceback"]]
        elif kind == "status" and content["execution_state"] == "idle":
            self.over = True

    def finish(self) -> None:
        while not self.over:
            self.take()

    def text(self, name: str) -> str:
        return "".join(text for stream, text in self.streams if stream == name)
