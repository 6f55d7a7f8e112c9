"""What ``/docs`` shows people of the read side, below what it shows of ingest."""

from __future__ import annotations

import re
from html import escape

from explore.refusals import TABLE

ENDPOINTS = {
    "/v1/why": (
        "Why two identifiers are one customer, or why they are not: the shortest chain of touchpoints, or what keeps "
        "them apart (shared, split, never met).",
        "curl -H 'Authorization: Bearer READ_KEY' 'http://127.0.0.1:8000/v1/why?a=user:42&b=device:a-7'",
    ),
    "/v1/customers/{identifier}": (
        "One customer, by any identifier that leads to them: identifiers with their stretches, traits, stage and "
        "visits under each model, the last touchpoints (`?touchpoints=` so many, at most 1,000).",
        "curl -H 'Authorization: Bearer READ_KEY' http://127.0.0.1:8000/v1/customers/email:ann@example.com",
    ),
}


def section() -> str:
    """A piece of HTML."""
    parts = [
        "<h1>Reading</h1><p>With a read key, as <code>Authorization: Bearer KEY</code> or as the Basic user name; "
        "<code>tappa readers</code> lists the keys. A write key does not read. The forms of all answers are in "
        "<a href=openapi.json>openapi.json</a>.</p>"
    ]
    for path, (what, example) in ENDPOINTS.items():
        parts.append(f"<h2><code>GET {escape(path)}</code></h2><p>{_prose(what)}</p><pre>{escape(example)}</pre>")
    cells = ((str(row.status), f"<code>{code}</code>", _prose(row.sentence)) for code, row in TABLE.items())
    rows = "".join("<tr><td>" + "<td>".join(row) for row in cells)
    parts.append(f"<h2>Errors of reading</h2><table><tr><th>Status<th>Code<th>What to do{rows}</table>")
    return "".join(parts)


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
