"""Nothing is let through that is not known: tokens, cookies, hosts, origins, headers, for every route that there is."""

from collections.abc import Callable

import pytest
from page_samples import HOST, ORIGIN, TOKEN
from starlette.routing import Route
from starlette.testclient import TestClient

from lrlab.core.errors import SpecError
from lrlab.web.security import LARGEST_BODY, PUBLIC, Keys, own_hosts

Opened = Callable[..., TestClient]

BEARER = {"authorization": f"Bearer {TOKEN}"}
STATIC = {"/static/plotly.js", "/static/colors.css", "/static/{name}"}
# Every route that there is, with what it needs; a new one fails a test until it stands here.
DECIDED = {
    ("GET", "/"): "door", ("HEAD", "/"): "door",
    ("GET", "/api/v1/health"): "open", ("POST", "/api/v1/session"): "open", ("GET", "/api/v1/session"): "token",
    **{(method, path): "open" for path in STATIC for method in ("GET",)},
    ("GET", "/api/v1/openapi.json"): "token", ("HEAD", "/api/v1/openapi.json"): "token",
    ("GET", "/api/v1/events"): "token",
    ("GET", "/api/v1/studies"): "token", ("POST", "/api/v1/studies"): "token",
    ("GET", "/api/v1/studies/{name}"): "token", ("DELETE", "/api/v1/studies/{name}"): "token",
    ("GET", "/api/v1/studies/{name}/answer"): "token", ("GET", "/api/v1/studies/{name}/u-curve"): "token",
    ("GET", "/api/v1/studies/{name}/curves"): "token", ("GET", "/api/v1/studies/{name}/spark.svg"): "token",
    ("GET", "/api/v1/studies/{name}/timeline"): "token", ("GET", "/api/v1/studies/{name}/verdicts"): "token",
    ("GET", "/api/v1/studies/{name}/runs/{run}/verdicts"): "token",
    ("GET", "/api/v1/studies/{name}/export.csv"): "token", ("GET", "/api/v1/studies/{name}/export.json"): "token",
    ("GET", "/api/v1/studies/{name}/report.html"): "token",
    ("GET", "/api/v1/studies/{name}/runs"): "token", ("GET", "/api/v1/studies/{name}/runs/{run}"): "token",
    ("GET", "/api/v1/studies/{name}/runs/{run}/series"): "token",
    ("GET", "/api/v1/studies/{name}/runs/{run}/log"): "token",
    ("GET", "/api/v1/studies/{name}/runs/{run}/log/lines"): "token",
    ("GET", "/api/v1/studies/{name}/runs/{run}/log/find"): "token",
    ("GET", "/api/v1/studies/{name}/reading"): "token", ("POST", "/api/v1/studies/{name}/lost"): "token",
    ("POST", "/api/v1/studies/{name}/commands"): "token", ("GET", "/api/v1/studies/{name}/commands/{id}"): "token",
    ("GET", "/api/v1/targets"): "token", ("GET", "/api/v1/data"): "token", ("POST", "/api/v1/command-line"): "token",
    ("GET", "/api/v1/starts/{id}"): "token",
    ("GET", "/studies/{name}"): "token", ("GET", "/studies/{name}/runs/{number}"): "token", ("GET", "/new"): "token",
    ("GET", "/settings"): "token", ("GET", "/help"): "token",
}  # fmt: skip


def routes(client: TestClient) -> set[tuple[str, str]]:
    """Method and path of every route of a page."""
    found: set[tuple[str, str]] = set()
    waiting = list(client.app.inner.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, Route) or hasattr(route, "methods"):
            found |= {(method, route.path) for method in route.methods or ()}
        else:
            nested = getattr(route, "effective_candidates", None) or getattr(route, "routes", None)
            assert nested is not None, f"a route of a kind that no test knows: {route!r}"
            waiting += list(nested() if callable(nested) else nested)
    return found


def place(path: str) -> str:
    return path.format(name="race", run=1, number=1, id="x")


def test_every_route_has_a_decision(opened: Opened) -> None:
    assert routes(opened()) == set(DECIDED)


@pytest.mark.parametrize(("method", "path"), sorted(DECIDED))
def test_without_a_token_only_what_is_open_answers(door: TestClient, method: str, path: str) -> None:
    client = door
    client.cookies.clear()
    response = client.request(method, place(path), json={"code": "x"} if method == "POST" else None)
    decision = DECIDED[method, path]
    if decision == "token":
        assert response.status_code == 401
    elif (method, path) == ("POST", "/api/v1/session"):
        assert (response.status_code, response.json()["code"]) == (401, "no_token")  # the code is wrong
    else:
        assert response.status_code in (200, 404)
    if decision == "door":
        assert response.text == "" if method == "HEAD" else "Open the page" in response.text


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/api/v1/session", "/static/app.js", "/nowhere"])
def test_a_method_that_nobody_decided_on_needs_the_token(door: TestClient, method: str, path: str) -> None:
    client = door
    client.cookies.clear()
    assert client.request(method, path).status_code in (401, 403, 405)


def test_the_public_list_is_what_it_is() -> None:
    assert {("GET", "/api/v1/health"), ("POST", "/api/v1/session"), ("GET", "/"), ("HEAD", "/")} == PUBLIC


HOSTS = [
    "evil.example", "evil.example:7432", "localhost", "localhost.:7432", "127.0.0.1", "127.1:7432", "2130706433:7432",
    "0.0.0.0:7432", "127.0.0.1.evil:7432", "127.0.0.1:7433", "127.0.0.1:07432", "[::]:7432", "[::1]", "::1:7432",
    "user@127.0.0.1:7432", "127.0.0.1:7432/", "127.0.0.1:7432?x", "", " 127.0.0.1:7432x", "127.0.0.1:7432,evil",
    "xn--localhost-:7432", "LOCALHOST.EXAMPLE:7432", "0x7f.1:7432", "169.254.1.1:7432", "10.0.0.1:7432",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/studies", "/api/v1/events", "/api/v1/health", "/static/app.js"]
)
def test_another_host_is_misdirected(door: TestClient, host: str, path: str) -> None:
    response = door.get(path, headers=BEARER | {"host": host})
    assert (response.status_code, response.json()["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("host", [HOST, "LocalHost:7432", "[::1]:7432", "box.lan:7432"])
def test_its_own_hosts_are_let_in(door: TestClient, host: str) -> None:
    assert door.get("/api/v1/studies", headers=BEARER | {"host": host}).status_code == 200


def test_no_host_or_two_is_no_host(opened: Opened) -> None:
    client = opened()
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    for headers in ([], [(b"host", HOST.encode())] * 2):
        sent.clear()
        scope = {"type": "http", "method": "GET", "path": "/api/v1/health", "headers": headers}
        client.portal.call(client.app, scope, receive, send)
        assert sent[0]["status"] == 421


def test_a_websocket_is_closed(opened: Opened) -> None:
    from starlette.websockets import WebSocketDisconnect

    with (
        pytest.raises(WebSocketDisconnect, check=lambda closed: closed.code == 1008),
        opened().websocket_connect("/api/v1/events"),
    ):
        pass


ORIGINS = [
    "http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:7433", "https://127.0.0.1:7432",
    "http://localhost:7432", "http://127.0.0.1:7432.evil", "http://evil/http://127.0.0.1:7432", "file://", "",
]  # fmt: skip


def cookie(client: TestClient) -> dict[str, str]:
    """The header of a browser that has opened a link."""
    settings = client.app.room.settings
    return {"cookie": f"other=1; {settings.cookie_name}={settings.keys.cookie}"}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_origin_does_nothing(door: TestClient, origin: str, method: str) -> None:
    client = door
    client.cookies.clear()
    for headers in ({"authorization": f"Bearer {TOKEN}"}, cookie(client) | {"x-lrlab": "1"}):
        response = client.request(method, "/api/v1/studies/race", headers=headers | {"origin": origin})
        assert response.status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x-lrlab": "1"}, 403),  # no origin
        ({"origin": ORIGIN}, 403),
        ({"x-lrlab": "0", "origin": ORIGIN}, 403),
        ({"x-lrlab": "1", "origin": ORIGIN, "sec-fetch-site": "cross-site"}, 403),
        ({"x-lrlab": "1", "origin": ORIGIN, "sec-fetch-site": "same-site"}, 403),
        ({"x-lrlab": "1", "origin": ORIGIN, "sec-fetch-site": "none"}, 403),
        ({"x-lrlab": "1", "origin": ORIGIN, "sec-fetch-site": "same-origin"}, 404),
        ({"x-lrlab": "1", "origin": ORIGIN}, 404),
    ],
)
def test_a_change_with_the_cookie_needs_more(door: TestClient, headers: dict[str, str], status: int) -> None:
    client = door
    client.cookies.clear()
    assert client.delete("/api/v1/studies/none", headers=cookie(client) | headers).status_code == status


@pytest.mark.parametrize(("site", "status"), [(None, 200), ("same-origin", 200), ("none", 200), ("cross-site", 401), ("same-site", 401)])  # fmt: skip
def test_a_read_with_the_cookie_comes_from_here(door: TestClient, site: str | None, status: int) -> None:
    client = door
    client.cookies.clear()
    headers = {"sec-fetch-site": site} if site else {}
    assert client.get("/api/v1/studies", headers=cookie(client) | headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path"), sorted(pair for pair, decision in DECIDED.items() if decision == "token" and pair[0] not in ("GET", "HEAD"))
)  # fmt: skip
def test_every_change_is_refused_to_another_page_and_open_to_the_token(
    door: TestClient, method: str, path: str
) -> None:
    client = door
    client.cookies.clear()
    held = cookie(client)
    body = {} if method == "POST" else None
    assert client.request(method, place(path), json=body).status_code == 401
    assert client.request(method, place(path), json=body, headers=held).status_code == 403
    crossing = held | {"x-lrlab": "1", "origin": ORIGIN, "sec-fetch-site": "cross-site"}
    assert client.request(method, place(path), json=body, headers=crossing).status_code == 403
    assert client.request(method, place(path), json=body, headers=BEARER).status_code not in (401, 403)


def test_a_link_opens_once(opened: Opened) -> None:
    told = []
    client = opened(token=None, used=lambda: told.append("used"))
    settings = client.app.room.settings
    address, _, code = settings.link().partition("#")
    assert (address, len(code) >= 32) == (f"{ORIGIN}/", True)
    answer = client.post("/api/v1/session", json={"code": code})
    assert answer.status_code == 204
    given = answer.headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/", "lrlab-7432="):
        assert word in given
    assert TOKEN not in given
    assert told == ["used"]
    assert client.get("/api/v1/studies").status_code == 200  # the client keeps cookies
    client.cookies.clear()
    again = client.post("/api/v1/session", json={"code": code})
    assert (again.status_code, "new link" in again.json()["hint"]) == (401, True)


def test_guessing_is_slowed_down_and_the_right_token_is_not(opened: Opened) -> None:
    client = opened(token=None)
    wrong = [client.get("/api/v1/studies", headers={"authorization": f"Bearer {k}"}) for k in range(11)]
    assert [response.status_code for response in wrong] == [401] * 9 + [429] * 2
    assert client.post("/api/v1/session", json={"code": "guess"}).status_code == 429
    right = {"authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/v1/studies", headers=right).status_code == 200


def test_a_minute_later_guessing_is_forgotten() -> None:
    now = [0.0]
    keys = Keys(TOKEN, clock=lambda: now[0])
    assert not any(keys.bears("Bearer nonsense") for _ in range(10))
    assert keys.guessed_too_often
    now[0] = 61.0
    assert not keys.guessed_too_often


@pytest.mark.parametrize(
    "given", ["", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"]
)
def test_a_token_is_right_or_wrong(given: str) -> None:
    assert not Keys(TOKEN).bears(given)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "ü" * 20, "a b\n" * 9])
def test_a_poor_token_is_refused(token: str) -> None:
    with pytest.raises(SpecError, match="a token has at least 16 printable ASCII characters"):
        Keys(token)


def test_the_token_is_told_nowhere(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    client = opened()
    page = client.app
    assert TOKEN not in repr(page.room.settings) + repr(page.room) + repr(page.room.settings.keys)
    texts = [
        client.get(path).text
        for path in ("/", "/help", "/settings", "/new", "/api/v1/openapi.json", "/nowhere")
    ]
    client.post("/api/v1/studies", json={"target": "x"})
    assert not any(TOKEN in text for text in [*texts, caplog.text])


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/health", "/static/page.css", "/nowhere", "/studies/none", "/api/v1/studies/none"]
)
@pytest.mark.parametrize("token", [TOKEN, None])
def test_every_answer_carries_the_policy(door: TestClient, path: str, token: str | None) -> None:
    headers = door.get(path, headers=BEARER if token else {}).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert not any(name.startswith("access-control") for name in headers)
    assert path.startswith("/static/") or headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/new", "/settings", "/help", "/nowhere"])
def test_no_page_has_a_script_of_its_own(door: TestClient, path: str) -> None:
    text = door.get(path, headers=BEARER).text
    assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')
    assert " onclick" not in text
    assert "://" not in text.replace("http://127.0.0.1:7432", "").replace("http://www.w3.org", "")


def test_a_body_is_json_and_small(opened: Opened) -> None:
    client = opened()
    form = client.post("/api/v1/studies", data={"target": "x"})
    assert (form.status_code, form.json()["code"]) == (415, "no_json")
    plain = client.post("/api/v1/studies", content=b"{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    huge = client.post("/api/v1/command-line", json={"lr": "x" * LARGEST_BODY})
    assert (huge.status_code, huge.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret",
        "/static/..%2fsecret",
        "/static/%2e%2e/secret",
        "/static/a%5cb.css",
        "/static/nothing.css",
        "/static/",
        "/static/page.css.bak",
    ],
)
def test_static_is_a_list_of_files(door: TestClient, path: str) -> None:
    assert door.get(path).status_code in (401, 404)


def test_a_server_on_another_address_knows_its_names() -> None:
    assert "192.168.1.5:80" in own_hosts("192.168.1.5", 80)
    assert "192.168.1.5" in own_hosts("192.168.1.5", 80)
    assert own_hosts("0.0.0.0", 7432, ["Box.LAN"]) == {
        "127.0.0.1:7432", "localhost:7432", "[::1]:7432", "box.lan:7432",
    }  # fmt: skip
