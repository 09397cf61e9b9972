"""The YOLO adapter against a program that stands in for ``yolo``."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

import lrlab
from lrlab.adapters.yolo import YoloWords, find_program
from lrlab.api.targets import build, target_of
from lrlab.cli.main import run
from lrlab.core.errors import NotFoundError, SpecError, TaskError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data and a yolo program."""
    program = tmp_path / "programs" / "yolo"
    program.parent.mkdir()
    source = Path(__file__).with_name("stand_in_yolo.py").read_text()
    program.write_text(source.replace("/usr/bin/env python3", sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("LRLAB_YOLO", str(program))
    monkeypatch.setenv("LRLAB_STORE", str(tmp_path / "studies"))
    (tmp_path / "data.yaml").write_text("train: images/train\nval: images/val\nnames: {0: cell}\n")
    (tmp_path / "cells" / "train").mkdir(parents=True)
    (tmp_path / "weights.pt").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words_of(task: object) -> dict[str, str]:
    return dict(word.split("=", 1) for word in task.words if "=" in word)  # type: ignore[attr-defined]


def test_the_words_name_optimizer_rate_and_all_epochs(place: Path) -> None:
    task = lrlab.yolo("detect", "data.yaml", epochs=60, imgsz=160, batch=8)
    words = words_of(task)
    assert task.words[0] == "env"
    assert words["optimizer"] == "SGD"
    assert (words["lr0"], words["epochs"], words["seed"], words["project"]) == (
        "{lr}",
        "{budget}",
        "{seed}",
        "{dir}",
    )
    assert (words["imgsz"], words["batch"], words["model"]) == ("160", "8", "yolo11n.yaml")
    assert words["data"] == str(place / "data.yaml")
    assert words["YOLO_OFFLINE"] == "true"
    assert (task.budget, str(task.metric), task.schedule, task.resumes) == (
        60,
        "metrics/mAP50-95(B):max",
        "linear",
        "live",
    )


@pytest.mark.parametrize(
    ("task", "metric", "model"),
    [
        ("segment", "metrics/mAP50-95(M):max", "yolo11n-seg.yaml"),
        ("pose", "metrics/mAP50-95(P):max", "yolo11n-pose.yaml"),
        ("obb", "metrics/mAP50-95(B):max", "yolo11n-obb.yaml"),
    ],
)
def test_every_task_has_its_metric_and_model(place: Path, task: str, metric: str, model: str) -> None:
    made = lrlab.yolo(task, "data.yaml")
    assert (str(made.metric), words_of(made)["model"], made.budget) == (metric, model, 100)


def test_ranges_follow_the_optimizer_and_end_where_yolo_refuses(place: Path) -> None:
    assert lrlab.yolo("detect", "data.yaml", optimizer="musgd").default_lr_range.high == 1.0
    assert lrlab.yolo("detect", "data.yaml", optimizer="adamw").default_lr_range.high == 0.1
    with pytest.raises(SpecError, match=r"accepts rates up to 1, and the range goes to 10\..*--lr 1e-3:1"):
        lrlab.sweep(lrlab.yolo("detect", "data.yaml", epochs=2), lr="1e-3:10", store="memory", workers=0)


def test_a_cosine_schedule_is_told_to_the_searcher(place: Path) -> None:
    assert lrlab.yolo("detect", "data.yaml", cos_lr=True).schedule == "cosine"


def test_what_is_in_the_environment_already_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "false")
    assert "YOLO_OFFLINE" not in words_of(lrlab.yolo("detect", "data.yaml"))


def test_weights_that_are_here_pass_through(place: Path) -> None:
    assert words_of(lrlab.yolo("detect", "data.yaml", model="weights.pt"))["model"] == str(
        place / "weights.pt"
    )


def test_the_task_is_built_again_from_what_is_stored(place: Path) -> None:
    task = lrlab.yolo("detect", "data.yaml", epochs=7, optimizer="AdamW", note="{odd}")
    again = build(json.loads(json.dumps(target_of(task))))
    assert again == task


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "track"}, r"the task must be detect, segment, pose, obb, classify, got 'track'"),
        ({"data": "coco8.yaml"}, r"no 'coco8.yaml' here; detect needs the YAML file.*downloads no data"),
        ({"data": "cells"}, r"detect needs the YAML file of the data, and 'cells' is a folder"),
        ({"task": "classify"}, r"classify needs a folder with train and val, and 'data.yaml' is a file"),
        ({"task": "classify", "data": "programs"}, r"and 'programs' has no train.*in every run anew"),
        ({"model": "yolo11n.pt"}, r"no model 'yolo11n.pt' here.*downloads no weights"),
        ({"model": "mine/net.yaml"}, r"no model 'mine/net.yaml' here"),
        ({"optimizer": "auto"}, r"optimizer=auto ignores lr0"),
        ({"optimizer": "AdanW"}, r"must be SGD, MuSGD.*got 'AdanW'\. Did you mean Adam"),
        ({"lr0": 0.1}, r"lr0 cannot be given here: lrlab searches it"),
        ({"seed": 3}, r"seed cannot be given here"),
        ({"project": "x"}, r"project cannot be given here"),
        ({"resume": True}, r"resume cannot be given here"),
        ({"save": False}, r"save cannot be given here: without its weights"),
        ({"time": 2}, r"time cannot be given here: it would change the number of epochs"),
        ({"cfg": "x.yaml"}, r"cfg cannot be given here"),
        ({"epochs": 0}, r"epochs: must be at least 1, got 0"),
        ({"epochs": 2.5}, r"epochs: must be a whole number, got 2.5"),
        ({"metric": "fitness"}, r"cannot tell from the name 'fitness'"),
        ({"im-gsz": 64}, r"'im-gsz' is no argument of yolo"),
    ],
)
def test_wrong_arguments_are_refused(place: Path, settings: dict[str, object], message: str) -> None:
    whole: dict[str, object] = {"task": "detect", "data": "data.yaml"} | settings
    with pytest.raises((SpecError, NotFoundError), match=message):
        lrlab.yolo(whole.pop("task"), whole.pop("data"), **whole)  # type: ignore[arg-type]


def test_without_a_program_the_error_says_how_to_get_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRLAB_YOLO", "no-such-program")
    with pytest.raises(NotFoundError, match="LRLAB_YOLO names 'no-such-program', which is no program"):
        find_program()
    monkeypatch.delenv("LRLAB_YOLO")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NotFoundError, match=r"pip install ultralytics; its licence is AGPL-3.0"):
        find_program()


def test_the_command_line_tells_data_from_arguments() -> None:
    said = YoloWords.parse(["imgsz=160", "data.yaml", "device=cpu"])
    assert (said.data, said.arguments) == ("data.yaml", {"imgsz": "160", "device": "cpu"})
    assert YoloWords.parse(["data=x.yaml"]).data == "x.yaml"
    with pytest.raises(SpecError, match="one place of data is needed, got none"):
        YoloWords.parse(["imgsz=160"])
    with pytest.raises(SpecError, match=r"got 2: a.yaml, b.yaml"):
        YoloWords.parse(["a.yaml", "b.yaml"])


def test_a_sweep_finds_the_rate_although_the_metric_is_silent_at_first(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(
        ["sweep", "yolo", "detect", "data.yaml", "--epochs", "24", "imgsz=64", "--study", "s", "--json"]
    )
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert 0.01 < told["lr"] < 0.04
    assert told["cost"] < 2.6
    assert told["score"] == pytest.approx(0.4, abs=0.05)
    best = Path(told["checkpoint"])
    assert best.parts[-3:] == ("train", "weights", "best.pt")
    assert float(best.read_bytes()) == told["lr"]
    assert not {"METRIC_SILENT", "NOTHING_LEARNED", "FLAT"} & {w["code"] for w in told["warnings"]}
    assert run(["studies", "show", "s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == told["checkpoint"]


def test_a_metric_that_stays_silent_is_said(place: Path) -> None:
    answer = lrlab.sweep(
        lrlab.yolo("detect", "data.yaml", epochs=3, metric="val/box_loss"), workers=0, searcher="grid:3"
    )
    assert "METRIC_SILENT" in answer.codes


def test_classification_and_options_of_lrlab(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        "sweep yolo classify cells --epochs 6 --imgsz 32 --optimizer SGD --searcher grid:4 --lr 1e-3:1 --json"
    )
    assert run(line.split()) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metric"] == "metrics/accuracy_top1:max"
    (place / "studies").exists()
    arguments = next((place / "studies").glob("*.files/runs/*/train/args.yaml")).read_text()
    assert "imgsz: 32" in arguments
    assert "optimizer: SGD" in arguments


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sweep yolo", "which task of YOLO"),
        ("sweep yolo detect", "one place of data is needed"),
        ("sweep yolo detect data.yaml --imgsz 64 imgsz=32", "imgsz is given twice"),
        ("sweep yolo detect data.yaml --epochs 5 epochs=6", "epochs is given twice"),
        ("sweep yolo detect data.yaml --read x.csv", "--read is not for yolo"),
        ("sweep yolo detect data.yaml --epochs 2 epochs", "one place of data is needed, got 2"),
        ("sweep python train.py:train extra", "'extra' is one word too many"),
        ("sweep python train.py:train --imgsz 3", "--imgsz is for yolo, and this is a python"),
    ],
)
def test_wrong_lines_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert run(line.split()) == 2
    assert message in capsys.readouterr().err


def test_a_training_that_ignores_its_rate_ends_the_study(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_RATE", "0.001429")
    with pytest.raises(TaskError, match=r"ignores the learning rate.*all applied"):
        lrlab.sweep(lrlab.yolo("detect", "data.yaml", epochs=8), workers=0)
    assert os.environ["STAND_IN_RATE"]


def test_an_optimizer_that_chooses_its_rate_is_named_as_the_cause(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_RATE", "0.001429")
    words = [
        str(place / "programs" / "yolo"),
        "detect",
        "train",
        "epochs={budget}",
        "lr0={lr}",
        "project={dir}",
        "name=train",
    ]
    for own, cause in (
        ([], "optimizer=auto, the default of yolo, ignores lr0"),
        (["optimizer=auto"], "optimizer=auto ignores lr0"),
    ):
        task = lrlab.command(
            [*words, *own],
            budget=8,
            metric="metrics/mAP50-95(B):max",
            read="train/results.csv",
            epochs_from=1,
        )
        with pytest.raises(TaskError, match=rf"ignores the learning rate.*{cause}.*such as optimizer=SGD"):
            lrlab.sweep(task, workers=0, store="memory")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"cos_lr": True},
        {"lrf": 0.2, "warmup_epochs": 0},
        {"lrf": 1, "optimizer": "MuSGD"},
        {"cos_lr": True, "lrf": 0.0, "warmup_epochs": 1.5, "optimizer": "AdamW"},
        {"warmup_epochs": 50},
    ],
)
def test_a_sound_training_applies_its_plan(place: Path, arguments: dict[str, object]) -> None:
    task = lrlab.yolo("detect", "data.yaml", epochs=10, **arguments)  # type: ignore[arg-type]
    assert task.planned is not None
    answer = lrlab.sweep(task, lr=(1e-3, 1e-1), searcher="grid:2", workers=0, store="memory")
    assert "RATE_DEVIATES" not in answer.codes
    assert build(target_of(task)).planned == task.planned  # type: ignore[attr-defined]


def test_a_column_that_deviates_is_told_with_the_first_epoch(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_HELD", "6")
    task = lrlab.yolo("detect", "data.yaml", epochs=12)
    answer = lrlab.sweep(task, lr=(1e-3, 1e-1), searcher="grid:2", workers=0, store="memory")
    [caution] = [caution for caution in answer.warnings if caution.code == "RATE_DEVIATES"]
    assert "From step 7 (planned" in caution.text
    assert "From step 7 on the rate stays at" in caution.text
    assert caution.text.endswith("Steps are counted in units, from 0.")


def test_a_plan_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="command: the plan 'plateau patience 3' looks at a metric"):
        lrlab.command(["train", "{lr}"], budget=3, plan="plateau patience 3")
    assert lrlab.command(["train", "{lr}"], budget=3).planned is None
