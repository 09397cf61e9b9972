"""``lrlab ui``."""

import contextlib
import html
import os
import sys
import tempfile
import time
import webbrowser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli import options
from lrlab.cli.output import Output

_PATIENCE_S = 20.0  # for a browser to read the file that opens the page
_NEEDED = ("fastapi", "uvicorn", "jinja2", "plotly")


def ui(
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Port; by default 7432, or the next one that is free.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. One that other machines reach needs a token in LRLAB_TOKEN.",
        ),
    ] = "127.0.0.1",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another name under which the page is reached; repeatable.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Where new studies find lrlab.toml and data."),
    ] = Path(),
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the link only.")] = False,
    store: options.Store = None,
    quiet: options.Quiet = False,
) -> None:
    """Open the local page: studies live, their answers and curves, control, new studies.

    It prints a link that opens the page once; Ctrl-C ends the page, and no study.
    """
    show(
        Output(quiet=quiet), port=port, host=host, names=tuple(allowed_host or ()), folder=folder,
        browser=not no_browser, store=store,
    )  # fmt: skip


def check_installed() -> None:
    """Refuse where something that the page needs is not installed.

    Raises:
        NotFoundError: The sentence names it.
    """
    from lrlab.core.errors import NotFoundError

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise NotFoundError(
            f"ui: {' and '.join(missing)} not installed, and the page needs it.",
            hint="Install it with: pip install 'lrlab[web]'",
        )


def show(
    output: Output,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    names: tuple[str, ...] = (),
    folder: Path = Path(),
    browser: bool = True,
    store: str | None = None,
) -> None:
    """Serve the page until Ctrl-C; the link is the result."""
    from lrlab.api.engines import open_lab

    check_installed()
    server = import_module("lrlab.web.server")  # the page is a root beside this one
    lab = open_lab(store)
    settings, bound = server.prepared(
        folder=folder, store=store, host=host, port=port, names=names, token=os.environ.get("LRLAB_TOKEN")
    )

    def ready(link: str) -> None:
        output.result(f"lrlab: {link}")
        sys.stdout.flush()  # a pipe hears it at once
        output.note("The link opens the page once. Ctrl-C ends the page, and no study.")
        if browser:
            _open(link)

    def used(link: str) -> None:
        output.note(f"Opened. For another browser: {link}")

    with contextlib.closing(bound), contextlib.suppress(KeyboardInterrupt):
        server.serve(lab, settings, bound, ready=ready, used=used)
    output.note("The page has ended.")


def show_demo(output: Output, *, store: str | None = None, browser: bool = True) -> None:
    """Fill a store with one study of every state, one of them running, and serve the page."""
    from lrlab.api.demo_page import EXAMPLES, fill
    from lrlab.api.engines import open_lab

    check_installed()
    lab = open_lab(store)
    launcher = import_module("lrlab.web.launch").Launcher(Path.cwd())
    own = (f"--store={folder}",) if (folder := getattr(lab.store, "folder", None)) else ()
    known = set(lab.store.names())
    for example in EXAMPLES:
        if example.watched and example.name not in known:
            output.note(f"{example.name}: {example.about}")
            launcher.start(example.name, example.name, (*example.words, *own))
    fill(lab, told=output.note)
    try:
        show(output, browser=browser, store=store)
    finally:
        launcher.close()


def _open(link: str) -> None:
    """Open the browser by a file that only its owner can read: a command line can be read by everybody."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="lrlab-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(f'<!DOCTYPE html><meta http-equiv="refresh" content="0;url={html.escape(link)}">')
    place = Path(file.name)
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(place.as_uri())
        time.sleep(_PATIENCE_S)
    place.unlink(missing_ok=True)
