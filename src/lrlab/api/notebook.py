"""Where things are shown: in the notebook that runs this, or in a browser.

IPython is only used where it runs already; nothing here imports it anew.
"""

import os
import sys
import tempfile
import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

from lrlab.report.notebook import framed

_LARGE = 2_000_000


def in_notebook() -> bool:
    """Whether a kernel runs this code: Jupyter, VS Code, Colab; IPython in a terminal is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None) is not None


class Output:
    """One output of the running cell that can be written anew, in place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, html: str, text: str) -> None:
        """Show ``html``, or ``text`` where there is only text."""
        data = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = import_module("IPython.display").display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def show_page(page: str, *, name: str, height: int) -> None:
    """Show an HTML document: in a frame of the notebook, else in a browser, else tell where it lies.

    Args:
        page: A document that loads nothing.
        name: What it is called; a file name.
        height: Of the frame, in pixels.
    """
    if in_notebook():
        Output().show(framed(page, height=height, title=f"lrlab: {name}"), f"The report of {name}.")
        if len(page) > _LARGE:
            print(f"The report adds {len(page) / 1e6:.1f} MB to this notebook while its output is kept.")
        return
    file = Path(tempfile.mkdtemp(prefix="lrlab-")) / f"{name}.html"
    file.write_text(page, encoding="utf-8")
    opened = may_open_browser() and webbrowser.open(file.as_uri())
    print(f"{'Opened' if opened else 'The report is'} {file}")


def may_open_browser() -> bool:
    """Whether a person is likely to see a browser: there is a screen, and nobody has said no.

    ``LRLAB_NO_BROWSER`` and ``CI`` say no; on Linux ``DISPLAY``, ``WAYLAND_DISPLAY`` or ``BROWSER`` tells of a screen.
    """
    if os.environ.get("LRLAB_NO_BROWSER") or os.environ.get("CI"):
        return False
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in screens)
