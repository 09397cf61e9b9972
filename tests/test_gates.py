"""The gates of the test session itself, each seen to fail."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
ROOT = HERE.parent

PASSES = "def test_passes():\n    assert True\n"
SKIPS = "import pytest\n\n@pytest.mark.skip(reason='no browser')\ndef test_skips():\n    pass\n"
SKIPS_WHOLE = "import pytest\n\npytest.importorskip('no_such_module_anywhere')\n"
EXPECTED = "import pytest\n\n@pytest.mark.xfail\ndef test_known():\n    assert False\n"
DATA = "import pytest\n\n@pytest.mark.data\ndef test_on_data():\n    pass\n"


def session(folder: Path, *tests: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of a pytest session of its own, under the real conftest."""
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    data: real data\n")
    for index, source in enumerate((PASSES, *tests) if tests else ()):
        (folder / f"test_{index}.py").write_text(source)
    clean = {name: v for name, v in os.environ.items() if name not in ("LRLAB_NO_SKIP", "LRLAB_DATA", "CI")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, folder],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("skipping", [SKIPS, SKIPS_WHOLE], ids=["test", "file"])
def test_a_skip_fails_only_where_nothing_may_be_skipped(tmp_path: Path, skipping: str) -> None:
    status, output = session(tmp_path, skipping)
    assert (status, "1 passed, 1 skipped" in output) == (0, True), output
    status, output = session(tmp_path, skipping, LRLAB_NO_SKIP="1")
    assert (status, "SKIPPED IS FAILED" in output) == (1, True), output


def test_a_session_that_collects_nothing_fails(tmp_path: Path) -> None:
    assert session(tmp_path)[0] == pytest.ExitCode.NO_TESTS_COLLECTED
    assert session(tmp_path, LRLAB_NO_SKIP="1")[0] == pytest.ExitCode.NO_TESTS_COLLECTED


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    status, output = session(tmp_path, EXPECTED, LRLAB_NO_SKIP="1")
    assert status == 0, output


def test_missing_data_is_forgiven_outside_ci_only(tmp_path: Path) -> None:
    status, output = session(tmp_path, DATA, LRLAB_NO_SKIP="1")
    assert (status, "1 skipped" in output) == (0, True), output
    assert session(tmp_path, DATA, LRLAB_NO_SKIP="1", CI="true")[0] == 1
    status, output = session(tmp_path, DATA, LRLAB_NO_SKIP="1", CI="true", LRLAB_DATA=str(tmp_path))
    assert (status, "2 passed" in output) == (0, True), output


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_the_network_is_shut(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as tried, pytest.raises(RuntimeError, match="do not use the network"):
        tried.connect((address, 9))
    with socket.socket(family) as tried, pytest.raises(RuntimeError, match="do not use the network"):
        tried.connect_ex((address, 9))


def test_this_machine_is_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
        assert client.getpeername() == server.getsockname()


def test_properties_are_tried_without_luck() -> None:
    assert settings.default.derandomize
    assert settings.default.deadline is None


def test_everything_runs_with_nothing_skipped() -> None:
    """`make all` sets the variable that the gates above read, and the CI script calls it."""
    assert "LRLAB_NO_SKIP=1 $(MAKE) test" in (ROOT / "Makefile").read_text()
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert {"stage make setup", "stage make all"} <= set(script.read_text().splitlines())
    subprocess.run(["bash", "-n", script], check=True)
