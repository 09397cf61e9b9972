"""Who may ask the page for anything: one layer around the whole application that lets nothing through by default."""

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from lrlab.core.errors import SpecError
from lrlab.web.problems import problem_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH = "/api/v1/health"
EXCHANGE = "/api/v1/session"
SHELL = "/"
STATIC = "/static/"
# Everything that answers without the token; a test holds the routes to it. The shell without a cookie is the door:
# it shows no study, it only exchanges the link's code.
PUBLIC = frozenset({("GET", HEALTH), ("POST", EXCHANGE), ("GET", SHELL), ("HEAD", SHELL)})

LARGEST_BODY = 2**20
_SHORTEST_TOKEN = 16
_MOST_FAILURES, _WITHIN_S = 10, 60.0
_READS = ("GET", "HEAD")
_POLICY = (
    # Plotly sets styles from its script; no script is ever inline.
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Keys:
    """The token, the codes of printed links, and how often somebody has guessed wrongly.

    Args:
        token: What opens the page, at least 16 characters; None makes one. It is never shown or stored.
        clock: Seconds, monotonic.

    Raises:
        SpecError: If the token is short, or more than printable ASCII.
    """

    def __init__(self, token: str | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        if token is not None and (
            len(token) < _SHORTEST_TOKEN or not (token.isascii() and token.isprintable())
        ):
            raise SpecError(
                f"ui: a token has at least {_SHORTEST_TOKEN} printable ASCII characters, got {len(token)}.",
                hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        self._token = token or secrets.token_urlsafe(32)
        self._clock = clock
        self._codes: set[str] = set()
        self._failures: deque[float] = deque(maxlen=_MOST_FAILURES)

    @property
    def cookie(self) -> str:
        """What a browser holds instead of the token; the same after a restart with the same token."""
        return hmac.new(self._token.encode(), b"lrlab page cookie", hashlib.sha256).hexdigest()

    def new_code(self) -> str:
        """A code for a link; it opens the page once."""
        code = secrets.token_urlsafe(24)
        self._codes.add(code)
        return code

    def exchange(self, code: str) -> bool:
        """Whether the code opens the page; it never does again."""
        known = next((own for own in self._codes if _same(own, code)), None)
        self._codes.discard(known or "")
        return known is not None or self._failed()

    def bears(self, authorization: str) -> bool:
        """Whether an ``Authorization`` header has the token."""
        scheme, _, given = authorization.partition(" ")
        return (scheme.lower() == "bearer" and _same(given.strip(), self._token)) or self._failed()

    def has_cookie(self, header: str, name: str) -> bool:
        """Whether a ``Cookie`` header has what ``cookie`` is; an old one is no guess."""
        pairs = (part.strip().partition("=") for part in header.split(";"))
        return any(key == name and _same(value, self.cookie) for key, _, value in pairs)

    @property
    def guessed_too_often(self) -> bool:
        """Whether ten guesses within the last minute were wrong."""
        return len(self._failures) == _MOST_FAILURES and self._clock() - self._failures[0] < _WITHIN_S

    def _failed(self) -> bool:
        # The eleventh within a minute is told so; it does not push the first out.
        if not self.guessed_too_often:
            self._failures.append(self._clock())
        return False

    def __repr__(self) -> str:
        return "Keys()"


def _same(first: str, second: str) -> bool:
    return hmac.compare_digest(first.encode("utf-8", "replace"), second.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not let through."""

    status: int
    code: str
    title: str
    hint: str = ""


_WRONG_HOST = Refusal(
    status=421,
    code="wrong_host",
    title="This address is not one of the page's.",
    hint="Open the address that lrlab ui printed, or name this one: lrlab ui --allowed-host NAME.",
)
_NO_KEY = Refusal(
    status=401,
    code="no_token",
    title="The page opens with the link that lrlab ui printed.",
    hint="Open that link, or send the header Authorization: Bearer TOKEN.",
)
_TOO_MANY = Refusal(
    status=429, code="too_many_guesses", title="Ten wrong tokens within a minute.", hint="Wait a minute."
)
_ELSEWHERE = Refusal(
    status=403, code="cross_origin", title="Another page must not change anything here.",
    hint="With the cookie, a change needs the header X-LRLab: 1 and this page's own Origin.",
)  # fmt: skip
_NO_JSON = Refusal(
    status=415, code="no_json", title="A body must be JSON.", hint="Send Content-Type: application/json."
)
_TOO_LARGE = Refusal(status=413, code="too_large", title="A body has at most 1 MiB.")


@dataclass(kw_only=True)
class Guard:
    """The outermost layer: what it does not know, it refuses.

    Args:
        app: What it guards.
        keys: What opens it.
        hosts: Values of ``Host`` that are this server's, lower case, with the port.
        cookie_name: Name of the cookie; it holds the port, because browsers do not tell ports apart.
        door: The page that a browser without the cookie sees.
    """

    app: App
    keys: Keys
    hosts: frozenset[str]
    cookie_name: str
    door: bytes
    _headers: tuple[tuple[bytes, bytes], ...] = field(default=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a websocket, or something that is not known yet
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await self._refuse(refusal, scope, send)
            return
        await self.app(scope, _bounded(receive), self._dressed(scope, send))

    def _refusal(self, scope: Scope) -> Refusal | None:
        said = _Said(scope)
        hosts = said.all("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _WRONG_HOST
        if (origin := said.one("origin")) is not None and origin not in (f"http://{hosts[0].lower()}",):
            return _ELSEWHERE
        method, path = scope["method"], scope["path"]
        length = said.one("content-length") or "0"
        has_body = length != "0" or said.one("transfer-encoding") is not None
        if (
            has_body
            and (said.one("content-type") or "").partition(";")[0].strip().lower() != "application/json"
        ):
            return _NO_JSON
        if not length.isdecimal() or len(length) > 9 or int(length) > LARGEST_BODY:
            return _TOO_LARGE
        scope["lrlab.opened"] = False
        credentials = self._credentials(said, method)
        if isinstance(credentials, Refusal):
            return credentials
        scope["lrlab.opened"] = credentials
        if credentials or (method, path) in PUBLIC or (method in _READS and is_static(path)):
            return None
        return _NO_KEY

    def _credentials(self, said: "_Said", method: str) -> "bool | Refusal":
        """Whether the request has what opens the page, or why it must not be carried out."""
        site = said.one("sec-fetch-site")
        if (bearer := said.one("authorization")) is not None:
            if self.keys.bears(bearer):
                return True
            return _TOO_MANY if self.keys.guessed_too_often else _NO_KEY
        if not self.keys.has_cookie(said.one("cookie") or "", self.cookie_name):
            return False
        if (
            method in _READS
        ):  # a link on another page brings no cookie; a request out of it must have no use of one
            return site in (None, "same-origin", "none")
        own = said.one("origin") is not None and said.one("x-lrlab") == "1" and site in (None, "same-origin")
        return True if own else _ELSEWHERE

    async def _refuse(self, refusal: Refusal, scope: Scope, send: Send) -> None:
        body = problem_body(refusal.status, refusal.code, refusal.title, hint=refusal.hint)
        kind = b"application/problem+json"
        page = scope["method"] in _READS and not scope["path"].startswith("/api/")
        if refusal is _NO_KEY and page:
            body, kind = self.door, b"text/html; charset=utf-8"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *self._headers]
        headers.append((b"cache-control", b"no-store"))
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})

    def _dressed(self, scope: Scope, send: Send) -> Send:
        """``send``, with the headers of the policy on every answer, whatever made it."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in self._headers}
                kept = [(k, v) for k, v in message.get("headers", ()) if k.lower() not in own]
                if not is_static(scope["path"]) and not any(k.lower() == b"cache-control" for k, _ in kept):
                    kept.append((b"cache-control", b"no-store"))
                message["headers"] = [*kept, *self._headers]
            await send(message)

        return dressed


def is_static(path: str) -> bool:
    """Whether a path is one of the program's own files, which show no study."""
    return path.startswith(STATIC) and ".." not in path and "\\" not in path


def own_hosts(host: str, port: int, names: Iterable[str] = ()) -> frozenset[str]:
    """What ``Host`` may say of a server on ``host`` and ``port`` that is also reached by ``names``."""
    known = {"127.0.0.1", "localhost", "[::1]", *(name.lower() for name in names)}
    if host not in ("0.0.0.0", "::"):  # noqa: S104 (it is compared, not bound)
        known.add(f"[{host}]" if ":" in host else host.lower())
    return frozenset({f"{name}:{port}" for name in known} | (known if port == 80 else set()))


class _Said:
    """The headers of a request."""

    def __init__(self, scope: Scope) -> None:
        self._pairs = [(k.lower().decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self._pairs if key == name]

    def one(self, name: str) -> str | None:
        """A header's value; of several, what no rule accepts."""
        values = self.all(name)
        return None if not values else values[0] if len(values) == 1 else "\0"


def _bounded(receive: Receive) -> Receive:
    """``receive``, which ends a body that goes on for longer than it may."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            return {"type": "http.disconnect"}
        return message

    return bounded
