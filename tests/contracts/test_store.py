"""The laws of the store over every store."""

from pathlib import Path

import pytest

from lrlab.store.memory import MemoryStore
from lrlab.store.protocol import Store
from lrlab.store.sql import SqliteStore
from lrlab.testing.store_kit import StoreKit


class TestMemoryStore(StoreKit):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSqliteStore(StoreKit):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return SqliteStore(tmp_path / "studies")

    def again(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return SqliteStore(store.folder)
