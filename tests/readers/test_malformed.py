"""What is malformed gets a sentence that says where, what was expected and what to do; never another exception."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.errors import SpecError
from lrlab.readers.choose import check_source, open_reader
from tests.readers import event_writer

HEAD = "epoch,val_loss,lr\n"

# The log, and what the sentence says.
CSV = [
    ("1,2,3\n", "line 1: expected a header that names the columns, got '1,2,3'"),
    ("0.5\n0.4\n", "line 1: expected a header"),
    ("nan,1\n", "line 1: expected a header"),
    ("-1e-3;2\n", "line 1: expected a header"),
    ("1 2 3\n4 5 6\n", "line 1: expected a header"),
    ("loss,loss\n1,2\n", "line 1: two columns are named loss"),
    ("a, b ,b\n", "line 1: two columns are named b"),
    (HEAD + "1,0.5\n", "line 2: expected 3 cells, as the header has, got 2. The header is epoch, val_loss, lr"),
    (HEAD + "1,0.5,1e-3\n2,0.4,1e-3,7\n", "line 3: expected 3 cells, as the header has, got 4"),
    (HEAD + "1,0.5,1e-3\n2\n", "line 3: expected 3 cells, as the header has, got 1"),
    (HEAD + "1,0.5,1e-3\n2,0.43,0.4,1e-3\n", "line 3: expected 3 cells"),
    (HEAD + "1,0,5,1e-3\n", "line 2: expected 3 cells"),
    (HEAD + "1,0.5,1e-3\n2,abc,1e-3\n", "line 3, column val_loss: expected a number, got 'abc'"),
    (HEAD + "1,0.5,1e-3\n2,0.5.5,1e-3\n", "line 3, column val_loss: expected a number, got '0.5.5'"),
    (HEAD + "1,0.5,1e-3\n2,1e,1e-3\n", "line 3, column val_loss: expected a number, got '1e'"),
    (HEAD + "1,0.5,1e-3\n2,0x10,1e-3\n", "line 3, column val_loss: expected a number, got '0x10'"),
    (HEAD + "1,0.5,1e-3\n2,1_000,1e-3\n", "line 3, column val_loss: expected a number, got '1_000'"),
    (HEAD + "1,0.5,1e-3\n2,٣,1e-3\n", "line 3, column val_loss: expected a number, got '٣'"),
    (HEAD + "1,0.5,1e-3\n2,50%,1e-3\n", "line 3, column val_loss: expected a number, got '50%'"),
    (HEAD + "1,0.5,1e-3\n2,True,1e-3\n", "line 3, column val_loss: expected a number, got 'True'"),
    (HEAD + "1,0.5,1e-3\n2,tensor([1;2]),1e-3\n", "line 3, column val_loss: expected a number"),
    (HEAD + "1,0.5,1e-3\n2,tensor(x),1e-3\n", "line 3, column val_loss: expected a number, got 'tensor\\(x\\)'"),
    (HEAD + "1,0.5,1e-3\n2," + "9" * 100 + "x,1\n", "line 3, column val_loss: expected a number, got '9999"),
    (HEAD + "1,0.5,1e-3\nTraceback (most recent call last):\n", "line 3: expected 3 cells"),
    (HEAD + "-1,0.5,1e-3\n", "line 2, column epoch: expected an epoch of at least 0, got -1"),
    (HEAD + "nan,0.5,1e-3\n", "line 2, column epoch: expected an epoch of at least 0, got nan"),
    (HEAD + "1e10,0.5,1e-3\n", "line 2, column epoch: expected an epoch"),
    ("step,loss\n0.5,1\n", "line 2, column step: expected a step, a whole number of at least 0, got 0.5"),
    ("global_step,loss\n-3,1\n", "line 2, column global_step: expected a step"),
    ("Iteration,loss\ninf,1\n", "line 2, column Iteration: expected a step"),
    (HEAD + '1,"0.5,1e-3\n', "line 2: expected cells parted by ','"),
    (HEAD + '1,"0.5"x,1e-3\n', "line 2: expected cells parted by ','"),
    ('"epoch,val_loss\n', "line 1: expected cells parted by ','"),
    ("epoch;val_loss\n1;0.5\n2;0.5;1\n", "line 3: expected 2 cells"),
    ("epoch;val_loss\n1;0,5\n", "line 2, column val_loss: expected a decimal point, got '0,5'. Write the file again"),
    ("epoch\tval_loss\n1\t-2,5e-3\n", "line 2, column val_loss: expected a decimal point"),
    ("epoch 0 loss: 2.31\nepoch 1 loss: 2.2\n", "line 1: expected a header that names the columns, got 'epoch 0 loss"),
    ("epoch\tval_loss\n1\n", "line 2: expected 2 cells"),
    ("epoch loss\n1 2 3\n", "line 2: expected 2 cells"),
    ("# epoch,loss\n1,2\n1,2,3\n", "line 3: expected 2 cells"),
    ("# epoch,loss\n1,2,3\n", "line 2: expected a header that names the columns, got '1,2,3'"),
    ("# a comment\n1,2,3\n", "line 2: expected a header that names the columns, got '1,2,3'"),
]  # fmt: skip
JSONL = [
    ("[1, 2]\n", "line 1: expected a JSON object, got a list"),
    ("0.5\n", "line 1: expected a JSON object, got '0.5'"),
    ('"val_loss"\n', "line 1: expected a JSON object"),
    ("null\n", "line 1: expected a JSON object, got 'null'"),
    ('{"a": 1}\n{"a": 2\n', "line 2, column 8: expected one JSON object a line"),
    ('{"a": 1}\n\nnot json\n', "line 3, column 1: expected one JSON object a line"),
    ('{"a": 1} {"a": 2}\n', "line 1, column 10: expected one JSON object a line"),
    ("{'a': 1}\n", "line 1, column 2: expected one JSON object a line"),
    ('{"a": 1,}\n', "line 1, column \\d+: expected one JSON object a line"),
    ('{"a": .5}\n', "line 1, column 7: expected one JSON object a line"),
    ('{"a": nan}\n', "line 1, column 7: expected one JSON object a line"),
    ('{"a": 0x1}\n', "line 1, column 8: expected one JSON object a line"),
    ("{\n", "line 1, column \\d+: expected one JSON object a line"),
    ('{"a": ' + "[" * 100_000 + "}\n", "line 1"),
    ('{"a": ' + "9" * 5_000 + "}\n", "line 1: expected one flat JSON object"),
    ('{"epoch": -1, "a": 1}\n', "line 1, column epoch: expected an epoch of at least 0, got -1"),
    ('{"epoch": NaN}\n', "line 1, column epoch: expected an epoch"),
    ('{"step": 1.5, "a": 1}\n', "line 1, column step: expected a step"),
    ('{"step": Infinity, "a": 1}\n', "line 1, column step: expected a step"),
    ('{"global_step": -2}\n', "line 1, column global_step: expected a step"),
    ("epoch,val_loss\n1,2\n", "line 1, column 1: expected one JSON object a line"),
]  # fmt: skip
STATE = [
    ("", "expected the Trainer's state as JSON"),
    ("{", "expected the Trainer's state as JSON"),
    ("[]", "expected the Trainer's state, an object with the list"),
    ("3", "expected the Trainer's state, an object with the list"),
    ("{}", 'an object with the list "log_history"'),
    ('{"log_history": {}}', 'an object with the list "log_history"'),
    ('{"log_history": [1]}', "log_history\\[0\\]: expected an object, got 1"),
    ('{"log_history": [{"epoch": 1}, null]}', "log_history\\[1\\]: expected an object, got None"),
    ('{"log_history": [{"epoch": -1}]}', "log_history\\[0\\], column epoch: expected an epoch"),
    ('{"log_history": [{"step": 0.5}]}', "log_history\\[0\\], column step: expected a step"),
    ("[" * 100_000, "expected the Trainer's state as JSON"),
]  # fmt: skip
SCALAR = event_writer.scalar(1, val_loss=0.5)
EVENTS = [
    (b"hello, world, this is no event file", "byte 0: the checksum of a record's length is wrong"),
    (b"\0" * 64, "byte 0: the checksum of a record's length is wrong"),
    (SCALAR + b"x" * 20, f"byte {len(SCALAR)}: the checksum of a record's length is wrong"),
    (SCALAR[:12] + b"x" + SCALAR[13:], "byte 0: the checksum of a record is wrong"),
    (SCALAR[:-1] + b"x", "byte 0: the checksum of a record is wrong"),
    (event_writer.frame(b"\x12\xff"), "byte 0: a record is no event"),
    (event_writer.frame(b"\x0f"), "byte 0: a record is no event \\(unknown kind of field 7\\)"),
    (event_writer.frame(b"\xff" * 12), "byte 0: a record is no event \\(a number is too long\\)"),
    (event_writer.frame(b"\x09\x00"), "byte 0: a record is no event \\(a field is longer than its message\\)"),
    (event_writer.frame(b"\x2a\x04\x0a\x05ab"), "byte 0: a record is no event"),
    (event_writer.frame(event_writer.field(5, 2, event_writer.field(1, 2, b"\x0a\x01\xff"))), "is no event"),
    (event_writer.frame(b"\x80"), "byte 0: a record is no event"),
]  # fmt: skip
BYTES = [
    (b"epoch,val_loss\n1,\xff\n", "line 2, byte 3: expected UTF-8 text"),
    (b"\xff\xfee\0p\0o\0c\0h\0\n\0", "is UTF-16 text, expected UTF-8"),
    (b"\xfe\xff\0e\0\n", "is UTF-16 text, expected UTF-8"),
    (b"epoch,val_loss\n1,\0\n", "line 2: expected text, got binary data"),
    (b"PK\x03\x04\x14\0\n", "line 1: expected text, got binary data"),
    (b"\x89PNG\r\n\x1a\n", "line 1, byte 1: expected UTF-8 text"),
]  # fmt: skip
SOURCES = [
    ("", "names no file"),
    ("   ", "names no file"),
    ("csv:", "names no file"),
    ("jsonl: ", "names no file"),
    ("stdout:", "has no group"),
    ("stdout:val_loss", "has no group, so it names no number"),
    ("stdout:val_loss=([0-9.]+", "is no regular expression: missing \\)"),
    ("stdout:*([0-9.]+)", "is no regular expression: nothing to repeat"),
    ("stdout:val_loss=([0-9.e+-]+)[", "is no regular expression"),
    ("stdout:(?P<a>x)(?P<a>y)", "is no regular expression: redefinition"),
    ("stdout:(?P<1>x)", "is no regular expression: bad character in group name"),
    ("stdout:(epoch) ([0-9]+)", "has 2 groups, and none has a name"),
    ("stdout:(?:val_loss)=[0-9]+", "has no group"),
    ("stdout:\\", "is no regular expression: bad escape"),
    ("model.pt", "is no log that can be read \\(.pt\\)"),
    ("weights.safetensors", "is no log that can be read"),
    ("runs/curve.PNG", "is no log that can be read \\(.png\\)"),
    ("table.parquet", "is no log that can be read"),
    ("log.csv.gz", "is no log that can be read \\(.gz\\)"),
    ("study.sqlite", "is no log that can be read"),
]  # fmt: skip
OUTPUTS = [
    (r"loss=(\S+)", "loss=high\n", "the output, line 1: the pattern's val_loss must be a number, got 'high'"),
    (r"loss=(\S+)", "x\nloss=1.2.3\n", "the output, line 2: the pattern's val_loss must be a number"),
    (r"loss=(.*)", "loss=\n", "the output, line 1: the pattern's val_loss must be a number, got ''"),
    (r"loss=(.*)", "loss=0.5 acc=1\n", "the pattern's val_loss must be a number, got '0.5 acc=1'"),
    (r"ep (?P<epoch>\S+) (?P<loss>\S+)", "ep one 0.5\n", "the pattern's epoch must be a number, got 'one'"),
    (r"ep (?P<epoch>\S+)", "ep -1\n", "the output, line 1, column epoch: expected an epoch of at least 0"),
    (r"step (?P<step>\S+)", "step 0.5\n", "the output, line 1, column step: expected a step"),
]  # fmt: skip


def refuse(path: Path, content: str | bytes, says: str, form: str) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SpecError, match=says) as caught:
        open_reader(f"{form}:{path}").read(final=True)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize(("content", "says"), CSV)
def test_csv(tmp_path: Path, content: str, says: str) -> None:
    refuse(tmp_path / "log.csv", content, says, "csv")


@pytest.mark.parametrize(("content", "says"), JSONL, ids=range(len(JSONL)))
def test_json_lines(tmp_path: Path, content: str, says: str) -> None:
    refuse(tmp_path / "log.jsonl", content, says, "jsonl")


@pytest.mark.parametrize(("content", "says"), STATE, ids=range(len(STATE)))
def test_trainer_state(tmp_path: Path, content: str, says: str) -> None:
    refuse(tmp_path / "trainer_state.json", content, says, "trainer_state")


@pytest.mark.parametrize(("content", "says"), EVENTS)
def test_event_files(tmp_path: Path, content: bytes, says: str) -> None:
    refuse(tmp_path / "x.tfevents.1", content, says, "tensorboard")


@pytest.mark.parametrize(("content", "says"), BYTES)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_no_text(tmp_path: Path, content: bytes, says: str, form: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=r"line|UTF-16"):
        open_reader(f"{form}:{path}").read(final=True)
    if form == "csv":
        refuse(path, content, says, form)


@pytest.mark.parametrize(("text", "says"), SOURCES)
def test_sources(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        check_source(text, metric="val_loss")


@pytest.mark.parametrize(("pattern", "printed", "says"), OUTPUTS)
def test_outputs(tmp_path: Path, pattern: str, printed: str, says: str) -> None:
    (tmp_path / "out").write_text(printed)
    reader = open_reader(f"stdout:{pattern}", metric="val_loss", output=tmp_path / "out")
    with pytest.raises(SpecError, match=says):
        reader.read()


def test_an_output_that_is_not_there() -> None:
    with pytest.raises(SpecError, match="reads a program's output, and there is none here"):
        open_reader("stdout:loss=([0-9]+)", metric="loss")


def test_a_list_of_objects_is_no_json_lines(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('[{"val_loss": 1}]\n')
    with pytest.raises(SpecError, match="expected one JSON object a line, got one list"):
        open_reader("log.json", folder=tmp_path).read()


def test_there_are_a_hundred_of_them() -> None:
    assert sum(map(len, (CSV, JSONL, STATE, EVENTS, BYTES, SOURCES, OUTPUTS))) >= 100


def reads_or_refuses(path: Path, content: bytes, form: str) -> None:
    """Any other exception fails the test."""
    path.write_bytes(content)
    with contextlib.suppress(SpecError):
        if form == "output":
            open_reader(r"stdout:loss=(\S+)", metric="loss", output=path).read(final=True)
        else:
            open_reader(f"{form}:{path}" if form else str(path)).read(final=True)


FORMS = ("", "csv", "jsonl", "trainer_state", "tensorboard", "output")
GOOD = {
    "": b"epoch,val_loss\n0,1\n",
    "csv": b"epoch,val_loss,lr\n0,1.5,nan\n1,,1e-3\n",
    "jsonl": b'{"epoch": 0, "val_loss": 1.5, "in": {"lr": NaN}}\n{"step": 3}\n',
    "trainer_state": b'{"log_history": [{"epoch": 0.5, "loss": 1, "step": 2}]}',
    "tensorboard": event_writer.version() + SCALAR + event_writer.scalar(2, tensor=True, val_loss=0.25),
    "output": b"\x1b[1mloss=0.5\x1b[0m\rloss=nan\nloss=1e-3\n",
}


@given(data=st.data(), form=st.sampled_from(FORMS))
def test_a_good_log_with_faults_in_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, form: str
) -> None:
    content = bytearray(GOOD[form])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from([b",", b"\n", b"\r", b'"', b"{", b"nan", b"-", b"9" * 400]),
            )
        )
    reads_or_refuses(tmp_path_factory.mktemp("log") / "log", bytes(content), form)


@given(
    content=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode())),
    form=st.sampled_from(FORMS),
)
def test_anything(tmp_path_factory: pytest.TempPathFactory, content: bytes, form: str) -> None:
    reads_or_refuses(tmp_path_factory.mktemp("log") / "log", content, form)


@given(pattern=st.text(alphabet="()[]{}?P<>ab01.*+|\\", max_size=20))
def test_any_pattern(tmp_path_factory: pytest.TempPathFactory, pattern: str) -> None:
    path = tmp_path_factory.mktemp("log") / "out"
    path.write_text("ab01 a0b1\n(?P)\n")
    with contextlib.suppress(SpecError):
        open_reader(f"stdout:{pattern}", metric="loss", output=path).read(final=True)
