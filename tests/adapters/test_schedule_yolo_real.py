"""The rates of an installed Ultralytics, from its results.csv, beside what the exported arguments promise."""

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lrlab.adapters.schedule_export import export_schedule
from lrlab.adapters.schedule_yolo import yolo_curve
from lrlab.adapters.yolo import find_program
from lrlab.api.schedule_record import read_rates
from lrlab.core.errors import NotFoundError
from lrlab.schedules.recognise import recognise
from lrlab.schedules.text import parse

try:
    PROGRAM = find_program()
except NotFoundError as error:
    pytest.skip(f"{error}", allow_module_level=True)
Image = pytest.importorskip("PIL.Image")

pytestmark = [pytest.mark.yolo, pytest.mark.slow]
EPOCHS, BATCHES, LR = 8, 2, 0.02


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark and bright squares to classify."""
    root = tmp_path_factory.mktemp("drawn") / "tones"
    for part, count in (("train", 16), ("val", 4)):
        for name, value in (("dark", 20), ("light", 240)):
            (root / part / name).mkdir(parents=True)
            for index in range(count // 2):
                pixels = np.full((32, 32, 3), value, dtype=np.uint8)
                pixels[index, :] = 128
                Image.fromarray(pixels).save(root / part / name / f"{index}.png")
    return root


@pytest.mark.parametrize("text", ["linear to 0.1", "warmup 6 then cosine to 0.01"])
def test_results_csv(text: str, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    steps = EPOCHS * BATCHES
    words = export_schedule(
        parse(text), "yolo", lr=LR, total_steps=steps, steps_per_epoch=BATCHES
    ).text.split()
    fixed = ["model=yolo11n-cls.yaml", f"data={tones}", "imgsz=32", "batch=8", "nbs=8", "device=cpu", "workers=0",
             "optimizer=SGD", f"project={tmp_path}", "name=run", "plots=False", "amp=False"]  # fmt: skip
    done = subprocess.run(
        [*([str(PROGRAM)] if not isinstance(PROGRAM, list | tuple) else PROGRAM), "classify", "train", *fixed, *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results = tmp_path / "run" / "results.csv"
    with results.open() as file:
        told = [float(row["lr/pg0"]) for row in csv.DictReader(file, skipinitialspace=True)]
    warmup = 6 if "warmup" in text else 0
    promised = LR * yolo_curve(
        epochs=EPOCHS,
        steps_per_epoch=BATCHES,
        lrf=0.1 if "0.1" in text else 0.01,
        cos_lr="cosine" in text,
        warmup_steps=warmup,
    )
    last_of_epoch = promised[BATCHES - 1 :: BATCHES]  # what results.csv tells
    np.testing.assert_allclose(told, last_of_epoch, rtol=1e-5)  # it writes six digits
    if not warmup:
        record = read_rates(str(results))
        found = recognise(record.steps, record.rates, unit=record.unit).best
        assert found is not None
        assert (str(found.spec), found.offset) == (f"{text} over {EPOCHS}ep", -1)
        assert found.lr == pytest.approx(LR, rel=1e-4)
