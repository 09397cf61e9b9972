"""What counts as memory that frozen runs keep."""

import subprocess
import sys

from lrlab.runners.memory import LEAST_HOST_BYTES, MemoryBound, _resident_bytes


def test_what_a_frozen_command_holds_counts() -> None:
    before = _resident_bytes()
    program = "held = bytearray(b'x') * 2**27; print('ready', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    held = _resident_bytes() - before
    child.communicate("\n")
    assert 2**27 <= held < 2**28
    assert _resident_bytes() - before < 2**26


def test_a_roomy_bound_is_kept() -> None:
    assert not MemoryBound(host_bytes=max(2**40, LEAST_HOST_BYTES)).exceeded()
