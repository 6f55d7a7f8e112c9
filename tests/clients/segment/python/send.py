"""Sends with segment-analytics-python, one client for each run that it is told of, and tells in JSON what was not
delivered."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from segment.analytics import Client

failed: list[str] = []


def run(url: str, key: str, who: str, mode: dict[str, Any], at: int, tracks: int) -> None:
    client = Client(key, host=url, on_error=lambda error, items: failed.append(f"{error!r}: {len(items)}"), **mode)
    device = f"{who}-device"

    def after(seconds: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, UTC) + timedelta(seconds=seconds)

    client.identify(who, {"email": f"{who}@Example.com", "city": "Milan"}, anonymous_id=device, timestamp=after(0))
    context = {
        "campaign": {"source": "google", "medium": "cpc", "name": "spring"},
        "externalIds": [{"id": f"{who}-card", "type": "loyalty_card", "collection": "users", "encoding": "none"}],
    }
    order = {"total": 25.5, "currency": "EUR"}
    client.track(who, "Order Completed", order, context=context, timestamp=after(1))
    url_of_page = {"url": "https://shop.example.com/"}
    client.page(None, "Docs", "Home", url_of_page, anonymous_id=device, timestamp=after(2))
    client.screen(None, None, "Cart", {"items": 2}, anonymous_id=device, timestamp=after(3))
    client.group(who, "acme", {"plan": "pro"}, timestamp=after(4))
    client.alias(f"{who}-old", who, timestamp=after(5))
    for number in range(tracks):
        taken, _ = client.track(who, "Counted", {"number": number}, message_id=f"{who}-{number}")
        if not taken:
            failed.append("the queue is full")
        if number == tracks // 2:
            client.flush()
            print("half", flush=True)
        if number % 50 == 0:
            time.sleep(0.005)
    client.flush()
    if not mode.get("sync_mode"):
        client.shutdown()


asked = json.loads(sys.argv[1])
for one in asked["runs"]:
    run(asked["url"], asked["key"], **one)
print(json.dumps(failed))
