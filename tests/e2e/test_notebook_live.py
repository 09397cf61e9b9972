"""Notebooks: the live view, and an interrupted kernel. Each test has a real kernel."""

import queue
import time
from itertools import pairwise

import psutil
import pytest

from tests.e2e.kernels import Kernel

pytestmark = [pytest.mark.slow, pytest.mark.plot]
TRAIN = """
import threading
import numpy as np
import lrlab

def train(run):
    # A valley with a steep and a flat direction; a unit takes as long on every machine.
    weights, slopes, nobody = np.ones(2), np.array([50.0, 1.0]), threading.Event()
    run.log(at=0, val_loss=float(slopes @ weights**2))
    for _ in run.units():
        nobody.wait(UNIT_S)
        weights = weights - run.lr * slopes * weights
        run.report(val_loss=float(slopes @ weights**2))

def digest(answer):
    from lrlab.api.results import digest
    return digest(answer)
"""


@pytest.fixture
def kernel(jupyter):
    kernel = Kernel(jupyter)
    yield kernel
    kernel.close()


def test_the_live_view_is_one_output_written_anew_at_most_once_a_second(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.05"))
    cell = kernel.run("answer = lrlab.sweep(train, lr=(1e-4, 1.0), budget=80, workers=0, store='memory')")
    assert not cell.error, cell.error
    assert len(cell.outputs) == 1
    *times, _ = [at for at, _ in cell.history]  # the last word does not wait
    assert len(times) >= 4
    assert min(b - a for a, b in pairwise(times)) > 0.9
    texts = [text for _, text in cell.history]
    assert "Interrupting the kernel saves." in texts[0]
    assert any("So far: use LR" in text for text in texts)
    assert texts[-1].startswith("Use LR ")
    assert cell.text("stderr") == ""


def test_the_answer_does_not_depend_on_being_watched(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.001"))
    ask = "digest(lrlab.sweep(train, lr=(1e-4, 1.0), budget=30, workers=0, store='memory', progress={}))"
    watched = kernel.run(f"print({ask.format(None)})")
    assert len(watched.outputs) == 1
    silent = kernel.run(f"print({ask.format(False)})")
    assert silent.outputs == []
    assert silent.text("stdout") == watched.text("stdout")


@pytest.mark.parametrize("broken", ["live_html", "live_pictures", "so_far"])
def test_an_error_inside_the_display_does_not_stop_the_sweep(kernel, broken):
    kernel.run(TRAIN.replace("UNIT_S", "0.05"))
    kernel.run(
        f"import lrlab.api.live as live\ndef fails(*_, **__): raise OSError('no screen')\nlive.{broken} = fails"
    )
    cell = kernel.run("print(lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers=0, store='memory'))")
    assert not cell.error, cell.error
    assert cell.text("stdout").startswith("Use LR ")
    assert cell.text("stderr").count("the live view has failed and is left out") == 1
    assert len(cell.text("stderr").splitlines()) == 1


def test_a_training_that_fails_does_not_look_alive(kernel):
    kernel.run("import lrlab\ndef train(run):\n    raise OSError('no such data')")
    cell = kernel.run("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=0, store='memory')")
    assert cell.error[0] == "TaskError"
    assert "no such data" in "".join(cell.error)
    (output,) = cell.outputs
    assert "ended by an error" in output["text/plain"]


def test_workers_end_with_the_sweep_and_run_what_stands_in_no_file(kernel):
    kernel.run(TRAIN.replace("UNIT_S", "0.001"))
    cell = kernel.run(
        "a = lrlab.sweep(lambda run: train(run), lr=(1e-4, 1.0), budget=9, workers=2, store='memory')"
    )
    assert not cell.error, cell.error
    assert kernel.process.children(recursive=True) == []
    kernel.run("b = lrlab.sweep(lambda run: train(run), lr=(1e-4, 1.0), budget=9, workers=0, store='memory')")
    assert kernel.value("digest(a) == digest(b)")


# Interrupting.


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_interrupted_kernel_saves_and_the_next_cell_goes_on(kernel, workers):
    kernel.run(TRAIN.replace("UNIT_S", "0.03"))
    ask = f"lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers={workers}, study='stopped-{workers}')"
    cell = kernel.begin(f"answer = {ask}")
    started: set[psutil.Process] = set()
    while not any("So far: use LR" in text for _, text in cell.history):
        cell.take()
        started |= set(kernel.process.children(recursive=True))
        assert not cell.over, cell.error
    kernel.manager.interrupt_kernel()
    began = time.monotonic()
    cell.finish()
    assert time.monotonic() - began < 10
    # One line in place of a traceback, and the picture stays: no answer has come that would have it.
    assert cell.error == [
        "StudyInterrupted",
        f'Saved. Continue with: lrlab.sweep(..., study="stopped-{workers}")',
    ]
    (output,) = cell.outputs
    assert f"stopped-{workers}: interrupted and saved" in output["text/plain"]
    assert len(started) >= workers
    assert not [process for process in started if process.is_running()]
    assert kernel.process.children(recursive=True) == []

    saved = f"from lrlab.api.engines import open_lab\nstudy = open_lab().study('stopped-{workers}')"
    assert not kernel.run(saved).error
    assert kernel.value("study.state.value") == "interrupted"
    done = kernel.value("study.cost")
    assert done > 0

    again = kernel.run(f"answer = {ask}")
    assert not again.error, again.error
    kernel.run(
        "whole = lrlab.sweep(train, lr=(1e-4, 1.0), budget=60, workers=0, store='memory', progress=False)"
    )
    assert kernel.value("digest(answer) == digest(whole)")
    assert kernel.process.children(recursive=True) == []


def test_a_second_interrupt_ends_at_once_and_leaves_nothing(kernel, tmp_path):
    begun = tmp_path / "begun"
    kernel.run(
        f"import lrlab, threading\ndef train(run):\n    open({str(begun)!r}, 'w')\n    threading.Event().wait(60)"
    )
    cell = kernel.begin("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=1, store='memory')")
    while not begun.exists():
        cell.take()
        assert not cell.over, cell.error
    started = kernel.process.children(recursive=True)
    kernel.manager.interrupt_kernel()
    with pytest.raises(queue.Empty):  # it waits for the unit under way, and shows nothing meanwhile
        while not cell.over:
            cell.take(timeout_s=1)
    kernel.manager.interrupt_kernel()
    began = time.monotonic()
    cell.finish()
    assert time.monotonic() - began < 5
    assert cell.error[0] == "KeyboardInterrupt"
    psutil.wait_procs(started, timeout=5)
    assert not [process for process in started if process.is_running()]


def test_workers_end_with_the_kernel(kernel):
    kernel.run("import lrlab, threading\ndef train(run):\n    threading.Event().wait(60)")
    cell = kernel.begin("lrlab.sweep(train, lr=(1e-4, 1.0), budget=9, workers=2, store='memory')")
    while not cell.history or len(kernel.process.children()) < 2:
        cell.take()
        assert not cell.over, cell.error
    started = kernel.process.children(recursive=True)
    kernel.process.kill()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
