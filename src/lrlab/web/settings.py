"""What a page is started with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lrlab.core.errors import SpecError
from lrlab.web.security import Keys, own_hosts

PORT = 7432


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a page is served, and what it may start.

    Args:
        folder: Where ``lrlab.toml`` and data are looked for; sweeps start in it.
        store: Folder of studies, as a command names it; None for the usual one.
        host: Address that it listens on.
        port: Port that it listens on.
        names: Other names under which it is reached.
        keys: What opens it.
        used: Told when a link's code was used.

    Raises:
        SpecError: If the port is none.
    """

    folder: Path
    store: str | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    names: tuple[str, ...] = ()
    keys: Keys = field(default_factory=Keys)
    used: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise SpecError(f"ui: --port must lie between 1 and 65535, got {self.port}.")

    @property
    def hosts(self) -> frozenset[str]:
        """What ``Host`` may say."""
        return own_hosts(self.host, self.port, self.names)

    @property
    def cookie_name(self) -> str:
        """Name of the cookie."""
        return f"lrlab-{self.port}"

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "localhost") else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def link(self) -> str:
        """A link that opens the page once."""
        return f"{self.address}#{self.keys.new_code()}"
