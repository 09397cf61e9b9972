"""The YOLO adapter against the installed Ultralytics, on drawn images; nothing is downloaded."""

import csv
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import lrlab
from lrlab.adapters.yolo import find_program
from lrlab.core.errors import NotFoundError
from lrlab.tasks.run_folder import RunFolder

try:
    find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)
Image = pytest.importorskip("PIL.Image")

pytestmark = [pytest.mark.yolo, pytest.mark.slow]
SMALL = {"imgsz": 32, "batch": 8, "device": "cpu", "workers": 0}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares to detect, and dark and bright squares to classify."""
    root = tmp_path_factory.mktemp("drawn")
    random = np.random.default_rng(0)
    for part, count in (("train", 16), ("val", 8)):
        for folder in (
            f"boxes/images/{part}",
            f"boxes/labels/{part}",
            f"tones/{part}/dark",
            f"tones/{part}/light",
        ):
            (root / folder).mkdir(parents=True)
        for index in range(count):
            pixels = random.normal(120, 10, (32, 32, 3)).clip(0, 255).astype(np.uint8)
            x, y = random.integers(2, 14, 2)
            tone = index % 2
            pixels[y : y + 14, x : x + 14] = 250 if tone else 5
            Image.fromarray(pixels).save(root / f"boxes/images/{part}/{index}.png")
            Image.fromarray(pixels).save(root / f"tones/{part}/{('dark', 'light')[tone]}/{index}.png")
            box = f"{tone} {(x + 7) / 32:.4f} {(y + 7) / 32:.4f} {14 / 32:.4f} {14 / 32:.4f}\n"
            (root / f"boxes/labels/{part}/{index}.txt").write_text(box)
    place = root / "boxes"
    names = f"path: {place}\ntrain: images/train\nval: images/val\nnames: {{0: dark, 1: light}}\n"
    (place / "data.yaml").write_text(names)
    return root


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ultralytics keeps its settings in a folder of the test's own."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def rows(folder: Path) -> list[dict[str, float]]:
    """The run's results.csv without its clock."""
    with (folder / "train" / "results.csv").open() as file:
        return [
            {name.strip(): float(cell) for name, cell in row.items() if name.strip() != "time"}
            for row in csv.DictReader(file)
        ]


def folder_of(session: Any) -> RunFolder:
    folder: RunFolder = session._started.folder
    return folder


def test_rates_are_applied_and_the_weights_are_kept(drawn: Path, tmp_path: Path) -> None:
    task = lrlab.yolo("detect", drawn / "boxes/data.yaml", epochs=3, warmup_epochs=0, **SMALL)
    answer = lrlab.sweep(task, lr="1e-3:1e-1", searcher="grid:2", workers=1, store=tmp_path / "studies")
    assert sorted(run.lr for run in answer.runs) == [1e-3, 1e-1]
    for run in answer.runs:
        assert str(run.outcome) == "finished", run.detail
        applied = [record.metrics["lr"] for record in run.records]
        # Stepped at each epoch's start: after epoch e it is lr0 (1 - 0.99 e / E), with six digits.
        assert applied == pytest.approx([run.lr * (1 - 0.99 * e / 3) for e in range(3)], rel=1e-4)
        assert {"train/box_loss", "metrics/mAP50-95(B)", "val/cls_loss"} <= set(run.records[-1].metrics)
    assert answer.checkpoint is not None
    assert Path(answer.checkpoint).name == "best.pt"
    assert Path(answer.checkpoint).stat().st_size > 1e6


def test_a_frozen_training_uses_no_time_and_ends_as_if_it_had_not_been(drawn: Path, tmp_path: Path) -> None:
    def task(name: str) -> Any:
        made = lrlab.yolo("detect", drawn / "boxes/data.yaml", epochs=3, **SMALL)
        return lrlab.command(
            made.words, budget=3, metric=made.metric, read=made.read, runs_folder=tmp_path / name
        )

    with (
        closing(task("whole").start(0.01, seed=4)) as whole,
        closing(task("parts").start(0.01, seed=4)) as parts,
    ):
        records = list(whole.advance(3))
        first = list(parts.advance(1))
        below = psutil.Process().children(recursive=True)
        processes = [p for p in below if p.status() == psutil.STATUS_STOPPED]
        before = [sum(process.cpu_times()[:2]) for process in processes]
        time.sleep(2)
        after = [sum(process.cpu_times()[:2]) for process in processes]
        assert any("yolo" in " ".join(process.cmdline()) for process in processes)
        assert after == before
        assert [*first, *parts.advance(3)] == records
        assert rows(folder_of(parts).path) == rows(folder_of(whole).path)


def test_classification_learns(drawn: Path, tmp_path: Path) -> None:
    task = lrlab.yolo("classify", drawn / "tones", epochs=4, optimizer="AdamW", **SMALL)
    answer = lrlab.sweep(task, lr="1e-4:1e-2", searcher="grid:2", workers=1, store=tmp_path / "studies")
    assert answer.found
    assert 0 <= answer.score <= 1
    assert {"train/loss", "val/loss", "lr"} <= set(answer.runs[0].records[-1].metrics)


def test_what_ultralytics_refuses_is_told_in_its_own_words(drawn: Path, tmp_path: Path) -> None:
    task = lrlab.yolo("detect", drawn / "boxes/data.yaml", epochs=2, imagesize=32, device="cpu")
    with pytest.raises(lrlab.LrlabError, match="imagesize"):
        lrlab.sweep(task, lr="1e-3:1e-1", searcher="grid:3", workers=1, store=tmp_path / "studies")


def test_auto_would_ignore_the_rate(drawn: Path, tmp_path: Path) -> None:
    """Why the adapter refuses it: pinned against the installed version."""
    made = lrlab.yolo("detect", drawn / "boxes/data.yaml", epochs=1, **SMALL)
    words = [("optimizer=auto" if word.startswith("optimizer=") else word) for word in made.words]
    task = lrlab.command(words, budget=1, metric=made.metric, read=made.read, runs_folder=tmp_path / "auto")
    with closing(task.start(0.5, seed=0)) as session:
        list(session.advance(1))
        assert "ignoring 'lr0=0.5'" in folder_of(session).log()
        assert rows(folder_of(session).path)[0]["lr/pg0"] < 0.01
