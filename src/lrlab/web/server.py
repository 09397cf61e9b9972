"""Serves a page on this machine until Ctrl-C."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import uvicorn

from lrlab.core.errors import ConflictError, SpecError
from lrlab.studies.lab import Lab
from lrlab.web.application import Page
from lrlab.web.security import Keys
from lrlab.web.settings import PORT, Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MOST_PORTS = 20
_GRACE_S = 3


def prepared(
    *,
    folder: Path,
    store: str | None,
    host: str,
    port: int | None,
    names: tuple[str, ...] = (),
    token: str | None = None,
) -> tuple[Settings, socket.socket]:
    """What a page is started with, and the socket that it listens on.

    Args:
        folder: Where ``lrlab.toml`` and data are looked for.
        store: Folder of studies.
        host: Address to listen on; other machines reach it only where it is not a loopback one.
        port: Port; None: 7432, or the next one that is free.
        names: Other names under which the page is reached.
        token: A token of the user's own, from ``LRLAB_TOKEN``; None makes one.

    Raises:
        SpecError: If other machines would reach the page without a token of the user's own, or the folder or address
            is none.
        ConflictError: If the port is taken.
    """
    if host not in _LOOPBACK and not token:
        raise SpecError(
            f"ui: --host {host} opens the page to other machines, and needs a token of your own in LRLAB_TOKEN.",
            hint="Safer: leave --host out, and reach it through ssh -L 7432:127.0.0.1:7432 THIS-MACHINE.",
        )
    if not folder.is_dir():
        raise SpecError(f"ui: --folder must be a folder that is there, got {folder}.")
    if port is not None and not 0 < port < 65536:
        raise SpecError(f"ui: --port must lie between 1 and 65535, got {port}.")
    keys = Keys(token or None)
    bound = _bound(host, port)
    settings = Settings(
        folder=folder.absolute(),
        store=store,
        host=host,
        port=bound.getsockname()[1],
        names=names,
        keys=keys,
    )
    return settings, bound


def serve(
    lab: Lab,
    settings: Settings,
    bound: socket.socket,
    *,
    ready: Callable[[str], None] = lambda link: None,
    used: Callable[[str], None] = lambda link: None,
) -> None:
    """Serve until Ctrl-C or SIGTERM; open pages are told, and it ends within four seconds.

    Args:
        lab: The studies.
        settings: What the page was started with.
        bound: The socket that it listens on.
        ready: Told the link that opens the page, once it is served.
        used: Told a new link whenever one was used.
    """
    page = Page(lab, replace(settings, used=lambda: used(settings.link())))
    config = uvicorn.Config(
        page,
        log_level="error",
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=5,
        limit_concurrency=200,
    )
    _Server(config, page, lambda: ready(settings.link())).run(sockets=[bound])


class _Server(uvicorn.Server):
    """A server that ends its streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, page: Page, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._page = page
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            # A browser that is opened may take its time; the server does not.
            threading.Thread(target=self._ready, daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End: a second signal ends at once."""
        super().handle_exit(sig, frame)
        self._page.news.end()


def _bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens on the port, or on the first free one from the usual one on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [port] if port is not None else [*range(PORT, PORT + _MOST_PORTS)]
    for each in tried:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, each))
            bound.listen()  # now: else another page that starts at this moment takes the same port, and one of them dies
        except OSError as error:
            bound.close()
            failed = error
        else:
            bound.set_inheritable(False)
            return bound
    where = f"port {port}" if port is not None else f"ports {PORT} to {PORT + _MOST_PORTS - 1}"
    raise ConflictError(
        f"ui: {where} on {host} cannot be used: {failed.strerror or failed}.",
        hint="Choose another one with --port.",
    )
