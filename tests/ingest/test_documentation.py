from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.documentation import ENDPOINTS, generated, refusal_body, with_generated
from ingest.metrics import Metrics
from ingest.refusals import TABLE, Code
from ingest.settings import IdentitySettings, IngestSettings
from tests.ingest.service import Service
from tests.ingest.signing import signed

HTTP_MD = Path(__file__).parents[2] / "docs" / "http.md"


def test_the_page_about_http_is_up_to_date() -> None:
    text = HTTP_MD.read_text("utf-8")
    assert with_generated(text) == text, "run `python -m ingest.documentation`"


def test_the_page_about_http_has_every_generated_part() -> None:
    text = HTTP_MD.read_text("utf-8")
    assert [name for name, part in generated().items() if part not in text] == []


async def test_every_endpoint_is_documented_and_every_documented_one_is_there(service: Service) -> None:
    spec: dict[str, Any] = (await service.client.get("/openapi.json")).json()
    assert set(spec["paths"]) == set(ENDPOINTS)


async def test_every_metric_is_documented(service: Service) -> None:
    text = HTTP_MD.read_text("utf-8")
    exposed = (await service.client.get("/metrics")).text
    names = {line.split()[2] for line in exposed.splitlines() if line.startswith("# TYPE") and "_created" not in line}
    assert names == {f"{m.name}_total" if m.type == "counter" else m.name for m, _ in Metrics().described()}
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS.values() if e.method == "POST"], ids=lambda e: e.path)
async def test_every_example_of_a_body_is_accepted(service: Service, endpoint: Any) -> None:
    for example in endpoint.requests.values():
        body = json.dumps(example).encode()
        hook = endpoint.path.split("/")[3] if "/hooks/" in endpoint.path else ""
        headers = {"X-Shopify-Topic": "orders/create", **signed(hook, body)} if hook else {}
        answer = await service.post(endpoint.path.format(source=hook), body, headers=headers)
        assert answer.status_code == 200
        assert answer.json().get("accepted", 1) >= 1


async def test_the_page_for_people_shows_every_endpoint_example_and_error(service: Service) -> None:
    page = (await service.client.get("/docs")).text
    assert [e.path for e in ENDPOINTS.values() if e.path not in page] == []
    assert [
        code for code in TABLE if code not in {Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED} and f"<code>{code}<" not in page
    ] == []
    assert "http://" not in page.replace("http://127.0.0.1", "")


async def test_refusals_look_as_documented(service: Service) -> None:
    assert (await service.post("/v1/page", {}, key=None)).json() == refusal_body(Code.MISSING_WRITE_KEY)


def test_every_refusal_tells_what_to_do() -> None:
    assert set(TABLE) == set(Code)
    assert [code for code, row in TABLE.items() if not row.sentence.endswith(".") or len(row.sentence) < 20] == []


def test_only_statuses_on_which_segments_clients_send_again_are_retryable() -> None:
    sent_again = {408, 410, 429, 500, 502, 503, 504}
    assert [code for code, row in TABLE.items() if row.status and row.retryable != (row.status in sent_again)] == []


def test_every_setting_says_what_it_is() -> None:
    fields = {**IngestSettings.model_fields, **IdentitySettings.model_fields}
    assert [name for name, field in fields.items() if not (field.description or "").endswith(".")] == []
