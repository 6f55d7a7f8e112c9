"""CPU that ingest spends on one touchpoint of a batch: decode, judge, normalise, encode.

Run ``python -m benches.ingest_cpu``. Beside it, json.loads of the same messages: a busy machine slows both alike, so
the ratio is what to compare.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from uuid import UUID

from ingest.arrival import Arrival, Rules
from ingest.envelope import read_batch
from ingest.judge import Judgement
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source

BATCHES, BATCH, ROUNDS = 50, 100, 15


def message(rng: random.Random, number: int) -> dict[str, object]:
    """About 700 bytes, as a browser sends them."""
    return {
        "type": "track",
        "event": rng.choice(["Product Viewed", "Product Added", "Order Completed"]),
        "messageId": f"ajs-next-{number:032x}",
        "anonymousId": str(UUID(int=rng.getrandbits(128))),
        "userId": f"u{rng.randrange(10_000)}" if rng.random() < 0.3 else None,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.123Z", time.gmtime()),
        "properties": {
            "product_id": f"sku-{number % 500}",
            "name": "A fine pair of boots",
            "value": 129.9,
            "currency": "EUR",
            "category": "Shoes",
        },
        "context": {
            "page": {
                "path": "/p/1",
                "referrer": "https://www.google.com/",
                "title": "Boots",
                "url": f"https://shop.example/p/{number}",
            },
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Safari/537",
            "locale": "it-IT",
            "library": {"name": "analytics.js", "version": "npm:next-1.60.0"},
        },
        "integrations": {},
    }


def main() -> None:
    """Print the figures."""
    rng = random.Random(1)
    batches = [[message(rng, batch * BATCH + n) for n in range(BATCH)] for batch in range(BATCHES)]
    bodies = [json.dumps({"batch": batch}, separators=(",", ":")).encode() for batch in batches]
    rules = Rules.of(IngestSettings(), IdentitySettings(), "", lambda: "id")
    source = Source(name="web", write_keys=("benchmark",))

    def judge() -> None:
        for raw in bodies:
            arrival = Arrival(source=source, endpoint="/v1/batch", received_at=time.time_ns() // 1_000_000)
            judgement = Judgement(rules, arrival, 8)
            for index, item in enumerate(read_batch(raw).items):
                judgement.judge(index, item)
            assert judgement.accepted.total() == BATCH

    items = [item for raw in bodies for item in read_batch(raw).items]

    def parse() -> None:
        for item in items:
            json.loads(item)

    ours, plain = (min(cpu_s(work) for _ in range(ROUNDS)) / len(items) * 1e6 for work in (judge, parse))
    size = sum(map(len, items)) / len(items)
    print(f"{size:.0f} bytes: {ours:.1f} µs a touchpoint; json.loads alone {plain:.1f} µs; ratio {ours / plain:.2f}")


def cpu_s(work: Callable[[], None]) -> float:
    """CPU seconds of this process for one run."""
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    main()
