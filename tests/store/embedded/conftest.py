"""The store process as its two users see it, over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from store.settings import StoreSettings


@pytest.fixture(scope="session")
def writer(embedded_store: StoreSettings) -> Iterator[httpx.Client]:
    """The user that may write."""
    auth = (embedded_store.user, embedded_store.password.get_secret_value())
    with httpx.Client(base_url=embedded_store.url, auth=auth, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def analyst(embedded_store: StoreSettings) -> Iterator[httpx.Client]:
    """The user that may only read."""
    auth = (embedded_store.analyst, embedded_store.analyst_password.get_secret_value())
    with httpx.Client(base_url=embedded_store.url, auth=auth, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def fruit(writer: httpx.Client) -> str:
    """A table in the analyst's database with three rows, a view of it, and one with a parameter."""
    for sql in (
        "CREATE DATABASE IF NOT EXISTS tappa",
        "CREATE OR REPLACE TABLE tappa.fruit (id UInt64, name String, kind String DEFAULT '') "
        "ENGINE = MergeTree ORDER BY id",
        "INSERT INTO tappa.fruit (id, name) VALUES (1, 'apple'), (2, 'pear'), (3, 'plum')",
        "CREATE OR REPLACE VIEW tappa.v_fruit AS SELECT id, name FROM tappa.fruit",
        "CREATE OR REPLACE VIEW tappa.v_fruit_from AS SELECT id, name FROM tappa.fruit WHERE id >= {first:UInt64}",
        "CREATE DATABASE IF NOT EXISTS elsewhere",
        "CREATE OR REPLACE TABLE elsewhere.secret (id UInt64) ENGINE = MergeTree ORDER BY id",
        "CREATE OR REPLACE TABLE elsewhere.joined (id UInt64, v String) ENGINE = Join(ANY, LEFT, id)",
    ):
        writer.post("/", content=sql).raise_for_status()
    return "tappa.fruit"
