"""What holds for every test: no network, one thread, no luck, and no test that is silently left out."""

import ipaddress
import os
import socket
import tempfile
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hypothesis import settings

# Before a test imports NumPy or PyTorch, here and in the processes that it starts: libraries that each take
# every core make a small machine slow, and sums in another order give other last bits.
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"

settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")

_skipped: list[str] = []


def _guarded(connect: Callable[..., object]) -> Callable[..., object]:
    def guarded(self: socket.socket, address: object, *rest: object) -> object:
        if isinstance(address, tuple) and self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]).partition("%")[0]
            if host != "localhost" and not ipaddress.ip_address(host or "127.0.0.1").is_loopback:
                raise RuntimeError(f"tests do not use the network, and one connects to {address}")
        return connect(self, address, *rest)

    return guarded


def pytest_configure(config: pytest.Config) -> None:
    """Shut the network, and keep the user's own studies out of reach."""
    socket.socket.connect = _guarded(socket.socket.connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = _guarded(socket.socket.connect_ex)  # type: ignore[method-assign]
    folder = tempfile.TemporaryDirectory(prefix="lrlab-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    os.environ["LRLAB_STORE"] = os.path.join(folder.name, "studies")
    os.environ["XDG_DATA_HOME"] = folder.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests on the real data are skipped by name where there is none; those of other frameworks have an environment of
    their own, where nothing else runs (``make frameworks``)."""
    if find_spec("optax") is None:
        elsewhere = [item for item in items if item.get_closest_marker("frameworks")]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]
    if os.environ.get("LRLAB_DATA"):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="LRLAB_DATA is not set"))


def _may_skip(report: pytest.TestReport) -> bool:
    """Outside CI nobody is asked to have the real data; an expected failure is no skip."""
    no_data = "data" in report.keywords and not os.environ.get("LRLAB_DATA") and not os.environ.get("CI")
    return no_data or hasattr(report, "wasxfail")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test."""
    if report.skipped and not _may_skip(report):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that skipped itself whole."""
    if report.skipped:
        _skipped.append(report.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under LRLAB_NO_SKIP=1 a skip fails the session; collecting nothing always does."""
    if not session.testscollected and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    if os.environ.get("LRLAB_NO_SKIP") == "1" and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a session without a failed test has failed."""
    if os.environ.get("LRLAB_NO_SKIP") == "1" and _skipped:
        terminalreporter.section("LRLAB_NO_SKIP=1 and skipped")
        for nodeid in _skipped:
            terminalreporter.line(f"SKIPPED IS FAILED {nodeid}", red=True)
