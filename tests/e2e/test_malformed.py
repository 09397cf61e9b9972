"""Whatever is in a file or behind an option: an answer, or a sentence and a documented exit code; and nothing is lost.

Every case goes through the command line. ``ci`` is derandomized, so the cases are the same each time.
"""

import contextlib
import io
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lrlab.cli.help import EXIT_CODES
from lrlab.cli.main import run

pytest.importorskip("torch")
image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.torch

CODES = {code for code, _, _ in EXIT_CODES}
SMALL = ("--workers", "0", "--searcher", "grid:2", "--lr", "1e-3:1e-1", "--budget", "1", "--study", "tried")
TRAIN = """
def train(run):
    weight = 1.0
    for _ in run.units():
        weight -= run.lr * weight
        run.report(val_loss=weight**2)
"""


class Said(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


class Bench:
    """A folder with a training and a study that was there before, which nothing may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bowl.py").write_text(TRAIN)
        before = self.call("sweep", "python", "bowl.py:train", "--budget", "4", *SMALL[:6], "--study", "kept")
        assert before.code in (0, 5), before.err
        self.kept = self.export()
        assert json.loads(self.kept)["study"]

    def call(self, *words: str) -> Said:
        """Call a command line in this process."""
        out, err = (
            io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2)
        )
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
        for stream in (out, err):
            stream.flush()
        return Said(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]

    def holds(self, *words: str) -> int:
        """Call a command line, and see that the contract of errors is kept; its exit code."""
        said = self.call(*words)
        assert said.code in CODES, said
        assert said.code != 1, said
        assert "internal error" not in said.err, said
        assert "Traceback" not in said.err + said.out, said
        if said.code not in (0, 3, 4, 5) and words != (
            "targets",
        ):  # 3 and 4 may be answers; targets lists what is broken
            said_last = [line for line in said.err.splitlines() if line.startswith("lrlab: ")]
            assert len(said_last) == 1, said
            assert len(said_last[0]) < 1200, said
            assert said.out == "", said
            assert not any(ord(char) < 32 and char != "\n" for char in said.err), said
        if said.code == 2:
            assert "tried" not in self.studies(), said
        if "tried" in self.studies():
            assert self.call("delete", "tried", "--yes").code == 0
        return said.code

    def studies(self) -> list[str]:
        """Which studies there are."""
        return sorted(path.stem for path in (self.folder / "studies").glob("*.sqlite"))

    def export(self) -> str:
        """The study from before, whole."""
        return self.call("export", "kept", "--format", "json", "-o", "-").out

    def file(self, name: str, content: bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LRLAB_STORE", str(folder / "studies"))
        made = Bench(folder)
        yield made
        assert made.studies() == ["kept"]
        assert made.export() == made.kept


def tries(count: int) -> Callable[..., object]:
    """So many cases; the bench is one folder for all of them."""
    return settings(max_examples=count, suppress_health_check=list(HealthCheck))


# Good files, and what goes wrong in them.

_draw = random.Random(0)
TABLE = "age,smokes,dose,outcome\n" + "".join(
    f"{_draw.randrange(20, 80)},{_draw.choice(['yes', 'no', ''])},{_draw.random():.2f},{(k % 2 and 'ill') or 'well'}\n"
    for k in range(40)
)
TEXTS = "review,label\n" + "".join(
    f'"the {_draw.choice(["fine", "poor"])} thing, no {k}",{(k % 2 and "good") or "bad"}\n' for k in range(40)
)
GRID = "lr,epoch,val_loss,seed\n" + "".join(
    f"{lr},{epoch},{1 / epoch + lr},0\n" for lr in (1e-3, 1e-2, 0.1) for epoch in (1, 2, 3)
)
LINES = "".join(
    json.dumps({"lr": lr, "epoch": epoch, "val_loss": lr / epoch}) + "\n"
    for lr in (0.1, 1.0)
    for epoch in (1, 2)
)
LOG = "epoch,val_loss,lr\n1,0.5,1e-3\n2,0.4,1e-3\n3,0.3,1e-3\n"
TOML = """
[target.main]
run = "bowl.py:train"
budget = 1
metric = "val_loss:min"
lr = "1e-3:1e-1"
searcher = "grid:2"

[target.script]
command = ["true", "{lr}"]
budget = 3
read = "log.csv"
columns = {lr = "step size"}

[target.rows]
data = {kind = "table", path = "table.csv", target = "outcome"}
"""
NASTY = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b",", b";", b"\t", b"\n", b"\r", b"\r\n\r\n", b'"', b"'", b"nan", b"-inf",
    b"1e999", b"-", b"9" * 400, b"\xd9\xa3", b"\xe2\x98\x83", b"\x1b[31m", b"{", b"}", b"[", b"]", b"=", b"#", b":",
    b"null", b"true", b"\xc3", b"1_000", b"0x1", b" ", b"\\", b"\xed\xa0\x80", b"A" * 3000, b"-1", b"0", b"\x85",
    b"\xe2\x80\xa8", b"\x0b",
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with one to four faults in it."""
    content = good
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["insert", "replace", "cut", "end", "swap", "double", "drop"])):
            case "insert":
                content = content[:place] + draw(st.sampled_from(NASTY)) + content[place:]
            case "replace":
                content = content[:place] + draw(st.sampled_from(NASTY)) + content[place + 1 :]
            case "cut":
                content = content[:place] + content[place + draw(st.integers(1, 30)) :]
            case "end":
                content = content[:place]
            case kind:
                lines = content.split(b"\n")
                one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                if kind == "swap":
                    lines[one], lines[other] = lines[other], lines[one]
                elif kind == "double":
                    lines.insert(one, lines[other])
                else:
                    del lines[one]
                content = b"\n".join(lines)
    return content


def files(good: str | bytes) -> st.SearchStrategy[bytes]:
    """Mostly spoiled good files, and some noise."""
    content = good.encode() if isinstance(good, str) else good
    return spoiled(content) | spoiled(content) | spoiled(content) | st.binary(max_size=200)


@tries(25)
@given(content=files(TABLE))
@example(content=b"")
@example(content=TABLE.encode("utf-16"))
def test_tables(bench: Bench, content: bytes) -> None:
    path = bench.file("table.csv", content)
    bench.holds("sweep", "table", "table.csv", "--target", "outcome", *SMALL)
    assert path.read_bytes() == content


@tries(15)
@given(content=files(TEXTS))
@example(content=b"")
@example(content=TEXTS.encode("utf-16"))
def test_texts(bench: Bench, content: bytes) -> None:
    path = bench.file("texts.csv", content)
    bench.holds("sweep", "text", "texts.csv", *SMALL)
    assert path.read_bytes() == content


def _picture(form: str) -> bytes:
    out = io.BytesIO()
    image.frombytes("L", (8, 8), bytes(range(64))).save(out, form)
    return out.getvalue()


PICTURES = {form: _picture(form) for form in ("PNG", "JPEG", "BMP", "GIF", "TIFF")}


@tries(15)
@given(form=st.sampled_from(sorted(PICTURES)), data=st.data())
def test_images(bench: Bench, form: str, data: st.DataObject) -> None:
    for k in range(6):
        bench.file(f"photos/{'ab'[k % 2]}/{k}.png", PICTURES["PNG"])
    spoiled_one = bench.file("photos/a/x.png", data.draw(files(PICTURES[form])))
    bench.holds("sweep", "images", "photos", *SMALL)
    spoiled_one.unlink()


@tries(10)
@given(content=files(b"PK\x03\x04" + zlib.compress(bytes(range(256)))))
@pytest.mark.parametrize("name", ["x.npz", "train-images-idx3-ubyte", "x.npz.gz"])
def test_image_arrays(bench: Bench, name: str, content: bytes) -> None:
    bench.file(name, content)
    bench.holds("sweep", "images", name, *SMALL)


@tries(30)
@given(content=files(GRID), name=st.sampled_from(["grid.csv", "grid.tsv", "grid.txt", "grid.parquet"]))
@example(content=b"", name="grid.csv")
def test_imported_tables(bench: Bench, content: bytes, name: str) -> None:
    bench.file(name, content)
    bench.holds("import", name, "--study", "tried")


@tries(20)
@given(content=files(LINES))
def test_imported_lines(bench: Bench, content: bytes) -> None:
    bench.file("grid.jsonl", content)
    bench.holds("import", "grid.jsonl", "--study", "tried")


@tries(30)
@given(data=st.data())
def test_imported_studies(bench: Bench, data: st.DataObject) -> None:
    bench.file("study.json", data.draw(files(bench.kept)))
    bench.holds("import", "study.json", "--study", "tried")


@tries(30)
@given(content=files(TOML), name=st.sampled_from(["main", "script", "rows", "nothing"]))
def test_projects(bench: Bench, content: bytes, name: str) -> None:
    bench.file("table.csv", TABLE.encode())
    path = bench.file("lrlab.toml", content)
    bench.holds("targets")
    bench.holds("sweep", name, "--workers", "0", "--budget", "1", "--searcher", "grid:2", "--study", "tried")
    assert path.read_bytes() == content
    path.unlink()


@tries(4)
@given(content=files(LOG))
def test_logs_of_commands(bench: Bench, content: bytes) -> None:
    bench.file("made.log", content)
    words = ("--", "sh", "-c", "cp made.log {dir}/log.csv; cat made.log # {lr}")
    bench.holds("sweep", "--read", "log.csv", *SMALL, *words)


@tries(4)
@given(content=files(b"\n".join(b"epoch %d val_loss=%f" % (k, 1 / k) for k in range(1, 4))))
def test_outputs_of_commands(bench: Bench, content: bytes) -> None:
    bench.file("made.log", content)
    bench.holds("sweep", *SMALL, "--", "sh", "-c", "cat made.log # {lr}")


# Options: words of their own language, put together at random.

WORDS = [
    "1e-3", "1e-1", ":", "0", "-1", "nan", "inf", "1e999", "1e-999", "0x1", "val_loss", "min", "max", "acc", ",", " ",
    "grid", "race", "halving", "optuna", "tpe", "16", "1", "+asha", "cosine", "warmup", "5%", "then", "wsd", "101%",
    "(", ")", "=", "step", "(?P<val_loss>", "[", "\\d+", "*", "é", "\u2603", "\x1b[0m", "\n", "{", "{lr}", "-",
    "--", "stdout:", "log.csv", "9" * 400, ".", "/", "..", "~", "%", "linear", "constant", "epochs", "٣", "$HOME",
]  # fmt: skip
texts = st.lists(st.sampled_from(WORDS), min_size=0, max_size=4).map("".join) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=8
)
OPTIONS = [
    "--lr", "--metric", "--searcher", "--budget", "--seed", "--seeds", "--current-lr", "--max-cost", "--tolerance",
    "--reduce", "--unit", "--optimizer", "--schedule", "--read", "--column", "--workers", "--devices", "--threads",
    "--memory", "--study", "--max-time", "--epochs-from", "--timeout",
]  # fmt: skip


def _too_long(option: str, text: str) -> bool:
    """Whether a good value would train for long, in many processes, or on other devices."""
    number = re.fullmatch(r"\s*[-+]?[0-9.e+]+\s*", text)
    return option in ("--budget", "--seeds", "--workers", "--threads", "--searcher") and (
        number is not None or re.search(r":\d{2}", text) is not None or text in ("race", "halving")
    )


@tries(120)
@given(option=st.sampled_from(OPTIONS), text=texts)
def test_options(bench: Bench, option: str, text: str) -> None:
    if _too_long(option, text):
        return
    words = [word for pair in zip(SMALL[::2], SMALL[1::2], strict=True) if pair[0] != option for word in pair]
    if option == "--study":
        words += ["--lr", "1e-1:1e-3"]  # refused in any case: a good name must not be left behind
    code = bench.holds("sweep", "python", "bowl.py:train", *words, f"{option}={text}")
    assert option != "--study" or code == 2


@tries(30)
@given(
    option=st.sampled_from(["--schedule", "--lr", "--metric", "--optimizer", "--batch-size", "--model"]),
    text=texts,
)
def test_options_of_data(bench: Bench, option: str, text: str) -> None:
    bench.file("table.csv", TABLE.encode())
    words = [word for pair in zip(SMALL[::2], SMALL[1::2], strict=True) if pair[0] != option for word in pair]
    bench.holds("sweep", "table", "table.csv", "--target", "outcome", *words, f"{option}={text}")


COMMANDS = [
    ("runs", "kept"), ("runs", "kept", "--lr"), ("runs", "kept", "--state"), ("runs", "kept", "--sort"),
    ("runs", "kept", "--best"), ("plot", "kept", "-o"), ("studies", "--sort"), ("studies", "--state"),
    ("studies", "--limit"), ("studies", "show"), ("resume",), ("pause",), ("stop",), ("report", "kept", "--store"),
    ("extend", "kept", "--lr"), ("delete",), ("help",), ("import",), ("export", "kept", "--format"), ("init",),
    ("sweep",), ("sweep", "python"), ("sweep", "recipe"), ("sweep", "table"), ("sweep", "text"), ("sweep", "images"),
    ("sweep", "yolo"), ("export", "kept", "--what"), ("export",), ("doctor",), ("version",), ("targets",), (),
]  # fmt: skip


@tries(120)
@given(words=st.sampled_from(COMMANDS), text=texts)
def test_words_of_commands(bench: Bench, words: tuple[str, ...], text: str) -> None:
    if words[-1:] == ("--store",) or words[-1:] == ("-o",):
        text = "nothing/" + text  # whatever is written stays in the folder
    before = sorted(path.name for path in bench.folder.iterdir())
    said = bench.call(*words, text)
    assert said.code in CODES, said
    assert "internal error" not in said.err, said
    assert "Traceback" not in said.err + said.out, said
    assert bench.studies() == ["kept"]
    assert set(before) <= {path.name for path in bench.folder.iterdir()}
