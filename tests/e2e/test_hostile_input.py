"""Hostile input through the whole chain: good items arrive, and each refused one is a dead letter to read."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.e2e.installation import Installation
from tests.ingest.test_hostile import CUT

pytestmark = pytest.mark.slow


async def test_refused_items_are_dead_letters_and_good_ones_in_the_same_batch_arrive(tmp_path: Path) -> None:
    with Installation(tmp_path) as tappa:
        auth = httpx.BasicAuth(next(iter(tappa.keys.values())), "")
        codes: Counter[str] = Counter()
        accepted = 0
        async with httpx.AsyncClient(base_url=tappa.url("ingest"), auth=auth, timeout=60) as client:
            for number, item in enumerate(CUT):
                good = f'{{"type":"page","anonymousId":"good","messageId":"good-{number}"}}'.encode()
                body = b'{"batch":[' + item + b"," + good + b"]}"
                answer = await client.post("/v1/batch", content=body)
                assert answer.status_code == 200, (item[:80], answer.text)
                verdicts = answer.json()
                codes.update(refusal["code"] for refusal in verdicts["rejected"])
                accepted += verdicts["accepted"]
            unreadable = await client.post("/v1/batch", content=b'{"batch":[{"type":"page"')
            bomb = await client.post(
                "/v1/batch", content=gzip.compress(b" " * 20_000_000), headers={"Content-Encoding": "gzip"}
            )
            torn = await client.post(
                "/v1/batch", content=gzip.compress(b'{"batch":[]}')[:-6], headers={"Content-Encoding": "gzip"}
            )
            unknown = await client.post("/v1/batch", content=b'{"batch":[]}', auth=("nobody's key", ""))
        tappa.wait_until_visible(60)
        assert [answer.status_code for answer in (unreadable, bomb, torn, unknown)] == [400, 413, 400, 401]
        letters = tappa.rows("SELECT code, reason, length(body) AS bytes FROM v_rejected")
        assert Counter(letter["code"] for letter in letters) == codes
        assert all(len(letter["reason"]) > 20 and int(letter["bytes"]) > 0 for letter in letters)
        (row,) = tappa.rows(
            "SELECT count() AS all, uniqExactIf(message_id, startsWith(message_id, 'good-')) AS good FROM v_touchpoints"
        )
        assert int(row["all"]) == accepted
        assert int(row["good"]) == len(CUT)
        counted = tappa.metrics("ingest")
        refused = {name: value for name, value in counted.items() if name.startswith("tappa_ingest_requests_total")}
        assert sum(value for name, value in refused.items() if 'status="4' in name) == 4
        assert not [name for name in refused if 'status="5' in name]
