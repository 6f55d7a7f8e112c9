"""Every client connects to the embedded store as the analyst, reads, and cannot write."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from store.settings import StoreSettings
from tests.clients.readers import READERS, Question, Told

pytestmark = pytest.mark.slow

QUESTION = Question(
    sql="SELECT id, name, grown_at, tags FROM v_garden "
    "WHERE id >= {first:UInt64} AND name != {name:String} ORDER BY id",
    parameters={"first": "2", "name": "it's"},
    streamed="SELECT number, toString(number) AS text FROM numbers(500000)",
    refused=(
        "INSERT INTO garden (id) VALUES (9)",
        "DROP TABLE garden",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
        "SELECT nothing FROM garden",
    ),
)
CODES = ["164", "164", "164", "497", "497", "47"]


@pytest.fixture(scope="module")
def garden(embedded_store: StoreSettings) -> StoreSettings:
    """A store with a small table and a view of it."""
    auth = (embedded_store.user, embedded_store.password.get_secret_value())
    with httpx.Client(base_url=embedded_store.url, auth=auth, timeout=60) as writer:
        for sql in (
            "CREATE OR REPLACE TABLE tappa.garden (id UInt64, name String, grown_at DateTime64(3, 'UTC'), "
            "tags Array(String)) ENGINE = MergeTree ORDER BY id",
            "INSERT INTO tappa.garden VALUES (1, 'apple', '2026-01-01 10:00:00', []), "
            "(2, 'pèche', '2026-01-02 10:00:00', ['a', 'b']), (3, 'it\\'s', '2026-01-03 10:00:00', ['c'])",
            "CREATE OR REPLACE VIEW tappa.v_garden AS SELECT * FROM tappa.garden",
        ):
            writer.post("/", content=sql).raise_for_status()
    return embedded_store


@pytest.fixture(params=READERS)
def told(request: pytest.FixtureRequest, garden: StoreSettings, backend_ran: Callable[[str], None]) -> Told:
    answer = READERS[request.param](garden, QUESTION)
    backend_ran(f"client: {request.param}")
    return answer


def test_reads_a_view_with_parameters_streams_rows_and_cannot_write(told: Told) -> None:
    assert [row[:2] for row in told.rows] == [["2", "pèche"]]
    assert told.rows[0][2].startswith("2026-01-02 10:00:00")
    assert told.streamed == 500_000
    assert told.codes == CODES
