"""Logs of runs by windows of lines: colours, bars that are drawn over themselves, growth, and a search."""

from pathlib import Path

import pytest
from page_samples import kept, troubled
from starlette.testclient import TestClient

from lrlab.api.engines import runs_folder
from lrlab.studies.lab import Lab
from lrlab.tasks.run_folder import COMMAND, OUTPUT, run_name
from lrlab.web.logs import Logs, pieces


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"plain", [("plain", "")]),
        (b"", []),
        (b"\x1b[31mred\x1b[0m rest", [("red", "red"), (" rest", "")]),
        (b"\x1b[1;92mok\x1b[22m!\x1b[39m.", [("ok", "green bold"), ("!", "green"), (".", "")]),
        (b"\x1b[38;5;208mwarm\x1b[m", [("warm", "red")]),
        (b"\x1b[38;5;12mb\x1b[38;5;250mw", [("b", "blue"), ("w", "white")]),
        (b"\x1b[38;2;10;200;190mc\x1b[48;5;1md", [("c", "cyan"), ("d", "cyan")]),
        (b"\x1b[2Ka\x1b]0;title\x07b", [("ab", "")]),
        (b"<b>\xff\x01\xe2\x80\xae", [("<b>\ufffd\\x01\\u202e", "")]),
        (b"\x1b[38;5mx\x1b[38my\x1b[999mz", [("x", ""), ("y", ""), ("z", "")]),
    ],
)
def test_a_line_comes_in_pieces_of_one_look(line: bytes, told: list[tuple[str, str]]) -> None:
    assert pieces(line) == told


def test_a_window_of_a_log_that_grows(tmp_path: Path) -> None:
    logs, path = Logs(), tmp_path / "output.log"
    assert logs.window(path, None, 5) == (0, 0, [])
    path.write_bytes(b"")
    assert logs.window(path, None, 5) == (0, 0, [])
    path.write_bytes(b"one\r\n10%\r50%\r100%\nthr")
    assert logs.window(path, None, 5) == (3, 0, [[("one", "")], [("100%", "")], [("thr", "")]])
    with path.open("ab") as file:
        file.write(b"ee\nfour\n")
    assert logs.window(path, None, 2) == (4, 2, [[("three", "")], [("four", "")]])
    assert logs.window(path, 1, 1) == (4, 1, [[("100%", "")]])
    assert logs.window(path, 9, 5) == (4, 4, [])
    path.write_bytes(b"anew\n")  # shorter: the run has begun again
    assert logs.window(path, None, 5) == (1, 0, [[("anew", "")]])


def test_a_long_line_shows_its_end(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(b"x" * 100_000 + b"end\nnext\n")
    _, _, (line, other) = Logs().window(path, 0, 2)
    assert len(line[0][0]) == 2**14
    assert line[0][0].endswith("xend")
    assert other == [("next", "")]


def test_a_search_goes_round(tmp_path: Path) -> None:
    logs, path = Logs(), tmp_path / "output.log"
    path.write_bytes(b"Alpha\nbeta\n\x1b[31mAL\x1b[0mPHA again\ngamma\n")
    assert logs.find(path, "alpha", 0) == 0
    assert logs.find(path, "alpha", 1) == 2
    assert logs.find(path, "alpha", 3) == 0
    assert logs.find(path, "ALPHA", 1, backwards=True) == 0
    assert logs.find(path, "gamma", 2, backwards=True) == 3
    assert logs.find(path, "delta", 0) is None
    assert logs.find(tmp_path / "none", "alpha", 0) is None


def test_the_api_gives_lines_and_finds_them(lab: Lab, filled: TestClient) -> None:
    kept(lab, troubled())
    run = troubled().runs[0]
    base = "/api/v1/studies/verdicts/runs/1/log"
    assert filled.get(f"{base}/lines").json() == {"total": 0, "first": 0, "lines": []}
    assert filled.get(f"{base}/find?text=a").json() == {"line": None}
    place = runs_folder(lab.store, "verdicts")
    assert place is not None
    place /= run_name(run.lr, run.seed)
    place.mkdir(parents=True)
    (place / COMMAND).write_text("train\n")
    (place / OUTPUT).write_text("".join(f"\x1b[32mstep {k}\x1b[0m\n" for k in range(5_000)))
    told = filled.get(f"{base}/lines?first=4000&count=2").json()
    assert told == {
        "total": 5_000,
        "first": 4_000,
        "lines": [[["step 4000", "green"]], [["step 4001", "green"]]],
    }
    assert filled.get(f"{base}/lines?count=1").json()["lines"] == [[["step 4999", "green"]]]
    assert filled.get(f"{base}/find?text=STEP%20123").json() == {"line": 123}
    assert filled.get(f"{base}/find?text=step%20123&start=124").json() == {"line": 1_230}
    for wrong in (
        "lines?first=-1",
        "lines?count=0",
        "lines?count=1001",
        "find?text=",
        "find?text=a&start=-1",
    ):
        assert filled.get(f"{base}/{wrong}").status_code == 422
    page = filled.get("/studies/verdicts/runs/1").text
    assert page.count('<span class="green">step ') == 200  # without script the end is there
