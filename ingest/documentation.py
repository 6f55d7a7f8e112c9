"""What `/docs`, `/openapi.json` and `docs/http.md` say of each endpoint: its bodies, examples and errors, from one
table.

``python -m ingest.documentation`` brings the generated parts of ``docs/http.md`` up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec

from ingest.hooks.signature import HEADERS
from ingest.metrics import Metrics
from ingest.refusals import TABLE, Code
from ingest.schema import schemas
from ingest.settings import IdentitySettings, IngestSettings

OVERVIEW: Final = (
    "Touchpoints in, over HTTP. Any Segment client works unchanged when it is pointed here. An answer 200 means "
    "that all accepted "
    "touchpoints are on disk; it has a verdict for each item that was not accepted. The write key goes into the "
    "Basic user name, into "
    "`writeKey` in the query, or into `writeKey` in the body."
)

MESSAGE: Final = {
    "type": "track",
    "event": "Order Completed",
    "userId": "42",
    "messageId": "order-1001",
    "timestamp": "2026-03-01T09:30:00.000Z",
    "properties": {"order_id": "1001", "revenue": 59.8, "currency": "EUR"},
}
RECEIPT: Final = {
    "receipt_id": "1001",
    "store_id": "milan-1",
    "till_id": "3",
    "business_date": "2026-03-01",
    "sold_at": "2026-03-01T10:15:00+01:00",
    "total": 59.8,
    "currency": "EUR",
    "kind": "sale",
    "lines": [{"sku": "A1", "name": "Boots", "quantity": 1, "unit_price": 59.8}],
    "customer": {"loyalty_card": "9900"},
}
ACCEPTED: Final = {"success": True, "accepted": 1, "rejected": []}
MIXED: Final = {
    "success": True,
    "accepted": 1,
    "rejected": [
        {
            "index": 1,
            "message_id": "m2",
            "code": Code.MISSING_IDENTIFIER,
            "message": TABLE[Code.MISSING_IDENTIFIER].sentence,
        }
    ],
}

_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "track": MESSAGE,
    "identify": {"userId": "42", "anonymousId": "a-7", "traits": {"email": "ann@example.com", "loyaltyCard": "9900"}},
    "page": {
        "anonymousId": "a-7",
        "name": "Home",
        "context": {"page": {"url": "https://shop.example/", "referrer": ""}},
    },
    "screen": {"anonymousId": "a-7", "name": "Home"},
    "group": {"userId": "42", "groupId": "acme", "traits": {"name": "Acme"}},
    "alias": {"userId": "42", "previousId": "41"},
}
_WHAT: Final = {
    "track": "Somebody did something",
    "identify": "Who somebody is: a user, their contacts, what is known about them",
    "page": "A page was seen",
    "screen": "A screen of an app was seen",
    "group": "A user belongs to a group",
    "alias": "Two ids are one user; `previousId` goes",
}
_SHORT: Final = {"track": "t", "identify": "i", "page": "p", "screen": "s", "group": "g", "alias": "a"}
_KEY_CODES: Final = {Code.MISSING_WRITE_KEY, Code.UNKNOWN_WRITE_KEY}
_OTHERS: Final = {
    *(
        Code.INVALID_FILE,
        Code.NOT_FOUND,
        Code.METHOD_NOT_ALLOWED,
        Code.UNKNOWN_HOOK,
        Code.INVALID_SIGNATURE,
        Code.STALE_SIGNATURE,
    ),
}
_WRITE_CODES: Final = tuple(code for code, row in TABLE.items() if row.status is not None and code not in _OTHERS)

_HOOK_CODES: Final = (
    *(Code.UNKNOWN_HOOK, Code.INVALID_SIGNATURE, Code.STALE_SIGNATURE),
    *(code for code in _WRITE_CODES if code not in _KEY_CODES),
)
_HOOKS: Final[dict[str, tuple[str, Any]]] = {
    "shopify": (
        "Webhooks of a Shopify shop: orders, refunds, customers.",
        {"id": 820982911946154508, "created_at": "2026-03-01T10:15:00+01:00", "email": "ann@example.com",
         "total_price": "59.80", "currency": "EUR", "source_name": "web"},
    ),
    "square": (
        "Webhooks of Square: payments, refunds, orders, customers.",
        {"type": "payment.updated", "event_id": "6a8f5f28", "data": {"object": {"payment": {
            "id": "hYy9pRFVxpDsO1FB05SunFWUe9JZY", "status": "COMPLETED", "created_at": "2026-03-01T09:15:00Z",
            "total_money": {"amount": 5980, "currency": "EUR"}, "customer_id": "W92WH6P11H4Z77CTET0RNTGFW8"}}}},
    ),
    "signed": ("Receipts, or a batch of messages, signed by your own sender.", RECEIPT),
    "mapped": (
        "Webhooks of any other sender, made into messages by a mapping of yours.",
        [{"email": "ann@example.com", "timestamp": 1772359200, "event": "open", "sg_event_id": "b3Blbg"}],
    ),
}  # fmt: skip
"""By kind of webhook: what it is, and an example."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint, as it is documented."""

    method: str
    path: str
    summary: str
    description: str = ""
    body: dict[str, Any] | None = None
    """Its JSON Schema."""
    requests: dict[str, Any] = {}
    """Examples by name."""
    answer: Any = ""
    refusals: tuple[Code, ...] = ()
    media_types: tuple[str, ...] = ("application/json",)
    query: dict[str, str] = {}
    """Parameters in the address, and what each is."""


def _endpoints() -> Iterable[Endpoint]:
    message, receipt = ({k: v for k, v in schema.items() if k != "$schema"} for schema in schemas().values())
    batch = {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "items": message},
            "context": {
                "type": ["object", "null"],
                "description": "Counts for each message; a message's own members go before.",
            },
            "sentAt": {"description": "The sender's clock as it sends: a wrong clock is corrected by it."},
            "writeKey": {"type": "string"},
        },
    }
    for type_, what in _WHAT.items():
        single = {**message, "required": [], "description": "One message; the endpoint says its type."}
        for path in (f"/v1/{type_}", f"/v1/{_SHORT[type_]}"):
            yield Endpoint(
                method="POST",
                path=path,
                summary=f"{what}.",
                body=single,
                requests={type_: {k: v for k, v in _EXAMPLES[type_].items() if k != "type"}},
                answer=ACCEPTED,
                refusals=_WRITE_CODES,
                media_types=("application/json", "text/plain"),
            )
    for path in ("/v1/batch", "/v1/import", "/v1/b"):
        yield Endpoint(
            method="POST",
            path=path,
            summary="Many messages at once.",
            description="A bad message costs the others nothing: it goes to the dead letters with its reason.",
            body=batch,
            requests={
                "two messages": {
                    "batch": [MESSAGE, {"type": "page", "messageId": "m2"}],
                    "sentAt": "2026-03-01T09:30:01Z",
                }
            },
            answer=MIXED,
            refusals=_WRITE_CODES,
            media_types=("application/json", "text/plain"),
        )
    yield Endpoint(
        method="POST",
        path="/v1/receipts",
        summary="Receipts of tills: one, a list, or lines of them (NDJSON).",
        description="Its key is store, till, business date and number: sent again it is the same touchpoint.",
        body={"anyOf": [receipt, {"type": "array", "items": {"$ref": "#/anyOf/0"}}]},
        requests={
            "a sale": RECEIPT,
            "a return": [{**RECEIPT, "receipt_id": "1002", "kind": "return", "refers_to": "1001"}],
            "an exchange": {
                **RECEIPT,
                "receipt_id": "1004",
                "kind": "exchange",
                "total": 20.1,
                "refers_to": "1001",
                "lines": [
                    {"sku": "A1", "name": "Boots", "quantity": -1, "unit_price": 59.8},
                    {"sku": "A2", "name": "High boots", "quantity": 1, "unit_price": 79.9},
                ],
            },
            "a void": {
                **RECEIPT,
                "receipt_id": "1003",
                "kind": "void",
                "refers_to": {"receipt_id": "1001", "till_id": "4"},
            },
        },
        answer=ACCEPTED,
        refusals=_WRITE_CODES,
        media_types=("application/json", "application/x-ndjson", "text/plain"),
    )
    yield Endpoint(
        method="POST",
        path="/v1/files",
        summary="A file of touchpoints or receipts, of any size: NDJSON, JSON, POSLog, or CSV with a mapping.",
        description="Streamed, plain or packed with gzip or zstd. The answer comes when all of it is on disk. Sent "
        "again it brings the same touchpoints. Every line needs its time.",
        query={
            "format": "`ndjson` (messages by lines, the default), `json` (an array of them), `receipts` (one a line), "
            "`csv`, `tsv` or `poslog` (XML of tills)",
            "mapping": "Of csv, tsv and poslog: the name of a mapping that the source has, by `tappa sources mapping`",
            "name": "The file's name, kept with each touchpoint",
        },
        body={"description": "The file as it is."},
        requests={"a line": MESSAGE},
        answer={"success": True, "accepted": 99_998, "refused": 1, "left_out": 1, "rejected": [
            {"line": 17, "message_id": "m2", "code": Code.MISSING_IDENTIFIER,
             "message": TABLE[Code.MISSING_IDENTIFIER].sentence}]},
        refusals=(*_WRITE_CODES, Code.INVALID_FILE),
        media_types=("application/x-ndjson", "text/csv", "application/octet-stream", "multipart/form-data"),
    )  # fmt: skip
    for kind, (summary, example) in _HOOKS.items():
        yield Endpoint(
            method="POST",
            path=f"/v1/hooks/{kind}/{{source}}",
            summary=summary,
            description=f"Signed in `{HEADERS[kind]}`, over the raw body. `docs/hooks.md` says how to set it up.",
            body={"type": ["object", "array"]},
            requests={"a body": example},
            answer=ACCEPTED,
            refusals=_HOOK_CODES,
        )
    yield Endpoint(
        method="GET",
        path="/v1/projects/{write_key}/settings",
        summary="Where to send: what Segment's browser client asks before anything else.",
        answer={
            "integrations": {"Segment.io": {"apiKey": "KEY", "apiHost": "touch.example.com/v1", "protocol": "https"}}
        },
        refusals=(Code.UNKNOWN_WRITE_KEY,),
    )
    yield Endpoint(
        method="POST",
        path="/v1/m",
        summary="Metrics of Segment's browser client: taken and thrown away.",
        requests={"metrics": {"series": []}},
        answer={"success": True},
    )
    yield Endpoint(method="GET", path="/healthz", summary="Whether the process is alive.", answer={"status": "ok"})
    yield Endpoint(
        method="GET",
        path="/readyz",
        summary="Whether the log can be written.",
        answer={"status": "ready"},
        refusals=(Code.LOG_UNAVAILABLE,),
    )
    yield Endpoint(
        method="GET", path="/metrics", summary="Metrics for Prometheus.", answer="tappa_ingest_in_flight_bytes 0.0"
    )
    yield Endpoint(method="GET", path="/docs", summary="This page.", answer="<!doctype html>")


ENDPOINTS: Final = {endpoint.path: endpoint for endpoint in _endpoints()}


def of(path: str) -> dict[str, Any]:
    """What FastAPI is told of an endpoint."""
    endpoint = ENDPOINTS[path]
    extra: dict[str, Any] = {}
    if endpoint.requests:
        examples = {name: {"value": value} for name, value in endpoint.requests.items()}
        content = {media: {"schema": endpoint.body or {}, "examples": examples} for media in endpoint.media_types}
        extra["requestBody"] = {"required": True, "content": content}
    if endpoint.query:
        extra["parameters"] = [
            {"name": name, "in": "query", "required": False, "description": what, "schema": {"type": "string"}}
            for name, what in endpoint.query.items()
        ]
    media = "application/json" if isinstance(endpoint.answer, dict) else "text/plain"
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "Done.", "content": {media: {"example": endpoint.answer}}}
    }
    for code in endpoint.refusals:
        status = TABLE[code].status or 400
        empty: dict[str, Any] = {"description": "", "content": {"application/json": {"examples": {}}}}
        answer = answers.setdefault(status, empty)
        answer["content"]["application/json"]["examples"][str(code)] = {"value": refusal_body(code)}
        answer["description"] = f"{answer['description']} `{code}`".strip()
    return {
        "summary": endpoint.summary,
        "description": endpoint.description,
        "responses": answers,
        "openapi_extra": extra,
    }


def refusal_body(code: Code) -> dict[str, Any]:
    """The answer that a refused request gets."""
    return {"success": False, "code": str(code), "message": TABLE[code].sentence}


def page() -> str:
    """``/docs``: one page that needs nothing from anywhere else."""
    parts = [
        f"<h1>Tappa ingest</h1><p>{_prose(OVERVIEW)}</p>",
        "<p>As a machine reads it: <a href=openapi.json>openapi.json</a></p>",
    ]
    for endpoint in ENDPOINTS.values():
        parts.append(
            f"<h2><code>{endpoint.method} {escape(endpoint.path)}</code></h2><p>{_prose(endpoint.summary)}</p>"
        )
        parts.append(f"<p>{_prose(endpoint.description)}</p>" if endpoint.description else "")
        parts.extend(f"<p><code>?{escape(name)}=</code> {_prose(what)}.</p>" for name, what in endpoint.query.items())
        parts.extend(f"<h3>Body: {escape(name)}</h3>{_pre(value)}" for name, value in endpoint.requests.items())
        parts.append(f"<h3>Answer 200</h3>{_pre(endpoint.answer)}")
        if endpoint.body:
            parts.append(f"<details><summary>JSON Schema of the body</summary>{_pre(endpoint.body)}</details>")
        if endpoint.refusals:
            parts.append(f"<details><summary>Errors</summary>{_table_of(endpoint.refusals)}</details>")
    items = tuple(code for code, row in TABLE.items() if row.status is None)
    parts.append(
        f"<h2>Why an item is rejected</h2><p>In an answer 200, under <code>rejected</code>.</p>{_table_of(items)}"
    )
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>Tappa ingest</title><style>{_STYLE}</style>"
    return head + "".join(parts)


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "pre{background:#f4f4f2;padding:.8rem;overflow:auto;font-size:14px}h2{border-top:1px solid #ccc;padding-top:1rem}"
    "h3{font-size:1rem}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem;border-top:1px "
    "solid #ddd}"
)


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _pre(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"


def _table_of(codes: tuple[Code, ...]) -> str:
    cells = ((str(TABLE[code].status or ""), f"<code>{code}</code>", _prose(TABLE[code].sentence)) for code in codes)
    rows = "".join("<tr><td>" + "<td>".join(row) for row in cells)
    return f"<table><tr><th>Status<th>Code<th>What to do{rows}</table>"


def generated() -> dict[str, str]:
    """The generated parts of ``docs/http.md``, by name."""
    return {
        "endpoints": _markdown(
            ("endpoint", "what it takes"), ((f"`{e.method} {e.path}`", e.summary) for e in ENDPOINTS.values())
        ),
        "refusals of requests": _markdown(
            ("status", "code", "sent again later", "what to do"),
            (
                (str(row.status), f"`{code}`", "yes" if row.retryable else "no", row.sentence)
                for code, row in TABLE.items()
                if row.status is not None
            ),
        ),
        "refusals of items": _markdown(
            ("code", "what to do"), ((f"`{code}`", row.sentence) for code, row in TABLE.items() if row.status is None)
        ),
        "settings": _markdown(
            ("setting", "default", "what it is"),
            (
                (f"`{section}{name}`", f"`{json.dumps(field.default)}`", field.description or "")
                for section, model in (("ingest.", IngestSettings), ("identity.", IdentitySettings))
                for name, field in model.model_fields.items()
            ),
        ),
        "metrics": _markdown(
            ("metric", "labels", "what it counts"),
            (
                (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", labels, family.documentation)
                for family, labels in Metrics().described()
            ),
        ),
    }


def with_generated(text: str) -> str:
    """The page with its generated parts as they should be."""
    parts = generated()

    def fresh(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n{parts[found[1]]}\n<!-- end -->"

    return re.sub(r"<!-- generated: ([a-z ]+) -->.*?<!-- end -->", fresh, text, flags=re.DOTALL)


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    http_md = Path(__file__).parents[1] / "docs" / "http.md"
    http_md.write_text(with_generated(http_md.read_text(encoding="utf-8")), encoding="utf-8")
