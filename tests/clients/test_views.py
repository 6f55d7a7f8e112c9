"""Every client reads the views of a real installation, as the analyst."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from store.settings import StoreSettings
from tests.clients.readers import READERS, Question
from tests.e2e.installation import Installation

pytestmark = pytest.mark.slow

QUESTION = Question(
    sql="SELECT c.customer_id, c.stage, v.stage, t.event FROM v_customers AS c "
    "JOIN v_stage_visits AS v ON v.customer_id = c.customer_id "
    "JOIN v_touchpoints AS t ON t.customer_id = c.customer_id "
    "WHERE c.customer_id = {who:String}",
    parameters={"who": "user:ada"},
    streamed="SELECT * FROM v_touchpoints",
    refused=("INSERT INTO customers (customer_id) VALUES ('user:eve')",),
)


def test_every_client_reads_the_views_and_cannot_write(tmp_path: Path) -> None:
    with Installation(tmp_path) as tappa:
        auth = (next(iter(tappa.keys.values())), "")
        order = {"userId": "ada", "event": "Order Completed", "properties": {"total": 5}}
        httpx.post(f"{tappa.url('ingest')}/v1/track", json=order, auth=auth, timeout=30).raise_for_status()
        tappa.wait_until_visible(60)
        door = json.loads(tappa.command("connect", "--json"))
        settings = StoreSettings(
            host=door["host"], port=door["port"], analyst=door["user"], analyst_password=SecretStr(door["password"])
        )
        told = {name: reader(settings, QUESTION) for name, reader in READERS.items()}
    assert len(told) == 3
    assert all(answer.rows == [["user:ada", "purchase", "purchase", "Order Completed"]] for answer in told.values())
    assert {(answer.streamed, *answer.codes) for answer in told.values()} == {(1, "164")}
