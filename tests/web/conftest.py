"""Pages over studies that are made by hand; nothing is trained unless a test asks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("jinja2")
pytest.importorskip("plotly")
sys.path.insert(0, str(Path(__file__).parent))

from page_samples import ORIGIN, TOKEN, hostile, kept, with_answer
from starlette.testclient import TestClient

from lrlab.api.engines import open_lab
from lrlab.studies.lab import Lab
from lrlab.web.application import Page
from lrlab.web.security import Keys
from lrlab.web.settings import Settings

Opened = Callable[..., TestClient]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """An empty store on disk."""
    return open_lab(tmp_path / "studies")


@pytest.fixture
def opened(lab: Lab, tmp_path: Path) -> Iterator[Opened]:
    """Opens a page over ``lab``: a client with the token, or with other headers."""
    clients = []
    (tmp_path / "work").mkdir()

    def client(*, token: str | None = TOKEN, **settings: Any) -> TestClient:
        made = Settings(**{"folder": tmp_path / "work", "keys": Keys(TOKEN), **settings})
        headers = {"authorization": f"Bearer {token}"} if token else {}
        found = TestClient(Page(lab, made), base_url=ORIGIN, headers=headers, raise_server_exceptions=False)
        found.__enter__()
        clients.append(found)
        return found

    yield client
    for each in clients:
        each.__exit__(None, None, None)


def _fill(lab: Lab) -> None:
    """A finished study, one that diverged, one at the edge, one with seeds, and a hostile one."""
    samples = {"race": "race", "diverged": "all_diverged", "edge": "edge", "seeds": "seeds"}
    for name, sample in samples.items():
        kept(lab, with_answer(name, sample))
    kept(lab, hostile())


@pytest.fixture
def filled(lab: Lab, opened: Opened) -> TestClient:
    """A page with five studies that a test may change."""
    _fill(lab)
    return opened()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The same page, for tests that only look."""
    folder = tmp_path_factory.mktemp("shown")
    lab = open_lab(folder / "studies")
    _fill(lab)
    page = Page(lab, Settings(folder=folder, keys=Keys(TOKEN)))
    headers = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(page, base_url=ORIGIN, headers=headers, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An empty page, and a client without the token."""
    folder = tmp_path_factory.mktemp("door")
    page = Page(open_lab(folder / "studies"), Settings(folder=folder, keys=Keys(TOKEN), names=("box.lan",)))
    with TestClient(page, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client
