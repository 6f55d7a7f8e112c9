"""The workload: the same bytes for everybody, with the shares it promises."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benches.requests import grouped, read_table, write
from benches.workload import DAY_MS, FULL, Item, Workload, items, markers, place

WORKLOAD = Workload(seed=5, items=8_000, start_ms=1_790_000_000_000, end_ms=1_790_000_000_000 + DAY_MS, customers=5_000)


def message_id(body: dict[str, Any]) -> str:
    return str(body.get("messageId") or body["receipt_id"])


def time_of(body: dict[str, Any]) -> str:
    return str(body.get("timestamp") or body["sold_at"])[:23]


def identifiers(body: dict[str, Any]) -> str:
    who = body.get("customer", {})
    return str(body.get("userId") or body.get("anonymousId") or who.get("user_id") or who.get("loyalty_card") or "")


def touchpoints(stream: list[Item]) -> set[tuple[str, str, str]]:
    """What tells touchpoints apart (DESIGN section 2)."""
    bodies = [json.loads(item.body) for item in stream]
    return {(message_id(body), time_of(body), identifiers(body)) for body in bodies}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = list(items(WORKLOAD))
    assert first == list(items(WORKLOAD))
    assert first[0] != next(items(replace(WORKLOAD, seed=6)))


def test_items_are_json_of_about_700_bytes() -> None:
    sizes = [len(item.body) for item in items(WORKLOAD) if json.loads(item.body)]
    assert 650 < sum(sizes) / len(sizes) < 750
    assert max(sizes) < 1_000


def test_a_fifth_are_receipts_and_customers_follow_zipf() -> None:
    stream = list(items(WORKLOAD))
    assert sum(item.kind == "receipt" for item in stream) == 0.2 * len(stream)
    customers = Counter(identifiers(json.loads(item.body)) for item in stream if item.kind != "receipt")
    ordered = [count for _, count in customers.most_common()]
    assert ordered[0] > 5 * ordered[100] > 0
    assert len(customers) > 1_500


def test_without_a_mix_every_customers_times_go_up_at_one_sender() -> None:
    times: dict[tuple[int, str], list[str]] = defaultdict(list)
    senders: dict[str, set[int]] = defaultdict(set)
    for item in items(WORKLOAD):
        body = json.loads(item.body)
        times[item.sender, identifiers(body)].append(time_of(body))
        senders[identifiers(body)].add(item.sender)
    assert all(earlier <= later for each in times.values() for earlier, later in pairwise(each))
    del senders[""]
    assert {len(each) for each in senders.values()} == {1}


def test_without_a_mix_every_item_is_a_touchpoint_of_its_own() -> None:
    stream = list(items(WORKLOAD))
    assert all(item.fresh for item in stream)
    assert len(touchpoints(stream)) == len(stream)


def test_a_full_mix_has_its_shares_and_says_how_many_touchpoints_there_are() -> None:
    stream = list(items(replace(WORKLOAD, mix=FULL)))
    copies = sum(not item.fresh for item in stream)
    assert 0.04 < copies / len(stream) < 0.06
    assert len(touchpoints(stream)) == len(stream) - copies
    bodies = [json.loads(item.body) for item in stream]
    start = time_of(json.loads(next(items(WORKLOAD)).body))
    assert 0.02 < sum(time_of(body) < start for body in bodies) / len(stream) < 0.04
    assert len({message_id(body) for body in bodies}) < len(stream) - copies


def test_markers_are_customers_whom_nobody_else_is() -> None:
    bodies = [json.loads(item.body) for item in markers("m-", 3, 1_790_000_000_000)]
    assert [body["userId"] for body in bodies] == ["m-0", "m-1", "m-2"]
    assert len({message_id(body) for body in bodies}) == 3


def test_requests_hold_one_sender_and_messages_or_receipts_but_not_both(tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", items(WORKLOAD), batch=100)
    assert (requests.count, requests.items) == (80, 8_000)
    whole = requests.path.read_bytes()
    rows = read_table(requests.table)
    sent = [json.loads(whole[row.begin : row.end]) for row in rows]
    assert {(row.items, row.fresh) for row in rows} == {(100, 100)}
    assert {len(body["batch"]) if isinstance(body, dict) else len(body) for body in sent} == {100}
    assert [row.sender for row in rows[:17]] == [place(WORKLOAD, 100 * number)[0] for number in range(17)]
    assert all(len({item.sender for item in group}) == 1 for group in grouped(items(WORKLOAD), 70))
