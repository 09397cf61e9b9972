"""``lrlab ui`` and ``lrlab demo --ui`` as commands: what they print, refuse, and how they end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = "import sys; from lrlab.cli.main import main; main()"


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Any]:
    """Starts a command line in a process of its own; what still runs at the end is killed."""
    processes = []

    def started(*words: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=os.environ | {"LRLAB_STORE": str(tmp_path / "studies")} | environment,
        )  # fmt: skip
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def test_it_prints_a_link_serves_and_ends(begin: Any) -> None:
    process = begin("ui", "--no-browser")
    link = process.stdout.readline().split()[-1]
    address, _, code = link.partition("#")
    assert len(code) >= 32
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=10)
    connection.request("GET", "/api/v1/studies")
    answer = connection.getresponse()
    assert answer.status == 401
    answer.read()
    connection.request("GET", "/api/v1/health")
    assert connection.getresponse().status == 200
    connection.close()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, "The page has ended." in said) == (0, True)
    assert "Traceback" not in said


def test_on_every_address_the_token_is_asked_for_and_never_told(begin: Any) -> None:
    token = "a-token-of-this-test-9876543210"
    process = begin("ui", "--no-browser", "--host", "0.0.0.0", LRLAB_TOKEN=token)
    line = process.stdout.readline()
    port = int(line.split()[-1].partition("#")[0].rstrip("/").rpartition(":")[2])
    found = []
    for headers in (
        {},
        {"Authorization": "Bearer wrong-wrong-wrong-wrong"},
        {"Authorization": f"Bearer {token}"},
    ):
        for path in ("/api/v1/studies", "/api/v1/events", f"/api/v1/studies?token={token}"):
            if path.endswith("events") and token in headers.get("Authorization", ""):
                continue  # it has no end
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path, headers=headers)
            found.append(connection.getresponse().status)
            connection.close()
    assert found == [401] * 6 + [200] * 2
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert token not in line + out + err


def test_two_pages_have_two_ports(begin: Any) -> None:
    links = [begin("ui", "--no-browser").stdout.readline().split()[-1].partition("#")[0] for _ in range(2)]
    assert links[0] != links[1]


@pytest.mark.parametrize(
    ("words", "environment", "code", "said"),
    [
        (["--host", "0.0.0.0"], {}, 2, "needs a token of your own in LRLAB_TOKEN"),
        (["--host", "0.0.0.0", "--no-token"], {"LRLAB_TOKEN": "x" * 20}, 2, "--no-token"),
        (["--host", "192.168.0.1"], {}, 2, "ssh -L"),
        (["--host", "::"], {}, 2, "needs a token of your own"),
        ([], {"LRLAB_TOKEN": "short"}, 2, "a token has at least 16 printable ASCII characters, got 5"),
        (["--port", "0"], {}, 2, "--port must lie between 1 and 65535, got 0"),
        (["--port", "65536"], {}, 2, "--port must lie between 1 and 65535"),
        (["--port", "-1"], {}, 2, "--port"),
        (["--port", "http"], {}, 2, "--port"),
        (["--folder", "nowhere"], {}, 2, "--folder must be a folder that is there"),
        (["--store", "postgresql://x"], {}, 2, "only folders are supported"),
        (["--host", "no.such.host.invalid"], {"LRLAB_TOKEN": "x" * 20}, 8, "cannot be used"),
        (["extra"], {}, 2, "extra"),
    ],
)
def test_what_is_wrong_is_refused(
    begin: Any, words: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    process = begin("ui", "--no-browser", *words, **environment)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_pages_that_start_at_one_moment_have_two_ports(tmp_path: Path) -> None:
    """A port is taken when it is found, not when the page is served."""
    from lrlab.web.server import prepared

    places = [prepared(folder=tmp_path, store=None, host="127.0.0.1", port=None)[1] for _ in range(3)]
    assert len({place.getsockname()[1] for place in places}) == 3
    for place in places:
        place.close()


def test_a_port_that_is_taken_is_a_conflict(begin: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = begin("ui", "--no-browser", "--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "cannot be used" in err) == (8, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digits"], "no use of the name 'digits'"),
        (["--json"], "no use of --json"),
        (["--workers", "1"], "no use of --workers"),
    ],
)
def test_the_demo_of_the_page_refuses_what_it_would_not_heed(begin: Any, words: list[str], said: str) -> None:
    process = begin("demo", "--ui", "--no-browser", *words)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said in err + out


@pytest.mark.slow
def test_the_demo_fills_a_store_and_opens_the_page(begin: Any, tmp_path: Path) -> None:
    from lrlab.api.engines import open_lab
    from lrlab.core.command import Command

    process = begin("demo", "--ui", "--no-browser")
    assert "127.0.0.1" in process.stdout.readline()
    lab = open_lab(tmp_path / "studies")
    summaries = {summary.name: summary for summary in lab.studies()}
    assert set(summaries) == {"demo-finished", "demo-seeds", "demo-edge", "demo-diverged", "demo-running"}
    codes = {name: lab.answer(lab.study(name)).codes for name in summaries}
    assert "EDGE_HIGH" in codes["demo-edge"]
    assert "ALL_DIVERGED" in codes["demo-diverged"]
    assert summaries["demo-running"].state == "running"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert lab.store.heard("demo-running") is not None  # the page has ended, the study has not
    lab.order("demo-running", Command(kind="stop"), wait_s=20)
