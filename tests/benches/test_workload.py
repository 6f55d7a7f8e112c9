"""The workload: the same bytes for everybody, with the shares it promises."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, combinations, pairwise
from pathlib import Path
from typing import Any

from benches.requests import grouped, read_table, write
from benches.workload import DAY_MS, FULL, NO_LINKS, Item, Mix, Workload, first_sights, items, markers, place, sights

WORKLOAD = Workload(seed=5, items=8_000, start_ms=1_790_000_000_000, end_ms=1_790_000_000_000 + DAY_MS, customers=5_000)


def message_id(body: dict[str, Any]) -> str:
    return str(body.get("messageId") or body["receipt_id"])


def time_of(body: dict[str, Any]) -> str:
    return str(body.get("timestamp") or body["sold_at"])[:23]


def identifiers(body: dict[str, Any]) -> str:
    who = body.get("customer", {})
    return str(body.get("userId") or body.get("anonymousId") or who.get("user_id") or who.get("loyalty_card") or "")


def people(body: dict[str, Any]) -> list[str]:
    """The user first, then the contacts, then the device."""
    who = body.get("customer", {})
    user = body.get("userId") or who.get("user_id")
    contacts = [who.get("loyalty_card"), who.get("email"), body.get("traits", {}).get("email")]
    return [each for each in (user, *contacts, body.get("anonymousId")) if each]


def links(stream: Iterable[Item]) -> list[list[tuple[str, str]]]:
    """Of each item the pairs of identifiers that it says belong together."""
    return [list(combinations(people(json.loads(item.body)), 2)) for item in stream]


def new_links(known: Iterable[Item], stream: Iterable[Item]) -> list[tuple[str, str]]:
    """The first pair of each item of the stream that says something new."""
    seen = set(chain.from_iterable(links(known)))
    found = []
    for pairs in links(stream):
        new = [pair for pair in pairs if pair not in seen]
        seen.update(new)
        found += new[:1]
    return found


def touchpoints(stream: list[Item]) -> set[tuple[str, str, str]]:
    """What tells touchpoints apart (DESIGN section 2)."""
    bodies = [json.loads(item.body) for item in stream]
    return {(message_id(body), time_of(body), identifiers(body)) for body in bodies}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, other = list(items(WORKLOAD)), replace(WORKLOAD, seed=6)
    assert first == list(items(WORKLOAD))
    assert first[0] != next(items(other))
    assert list(first_sights(WORKLOAD)) == list(first_sights(WORKLOAD))
    assert next(first_sights(WORKLOAD)) != next(first_sights(other))


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


def test_everybody_is_seen_once_before_the_others_and_account_holders_with_a_card_once_more() -> None:
    bodies = [json.loads(item.body) for item in first_sights(WORKLOAD)]
    devices = Counter(body["anonymousId"] for body in bodies if "anonymousId" in body)
    users = Counter(body["userId"] for body in bodies if "userId" in body)
    cards = Counter(body["customer"]["loyalty_card"] for body in bodies if "anonymousId" not in body)
    assert (len(bodies), len(devices), len(users), len(cards)) == (sights(5_000), 5_000, 3_000, 1_000)
    assert set((devices | users | cards).values()) == {1}


def test_first_sights_come_in_whole_requests_and_link_all_who_log_in(tmp_path: Path) -> None:
    everybody = replace(WORKLOAD, customers=32_000)
    requests = write(tmp_path / "bodies", first_sights(everybody), batch=100)
    assert {row.items for row in read_table(requests.table)} == {100}
    first = list(first_sights(WORKLOAD))
    assert len(new_links([], first)) == sum(len(people(json.loads(item.body))) > 1 for item in first) == 4_000
    times = [time_of(json.loads(item.body)) for item in first]
    assert times == sorted(times)


def test_after_the_first_sights_a_share_of_all_items_brings_a_new_link() -> None:
    known = list(first_sights(WORKLOAD))
    assert len(new_links(known, items(replace(WORKLOAD, mix=NO_LINKS)))) == 0
    assert 0.015 < len(new_links(known, items(WORKLOAD))) / WORKLOAD.items < 0.025
    mixed = new_links(known, items(replace(WORKLOAD, mix=replace(FULL, links=0.1))))
    assert 0.09 < len(mixed) / WORKLOAD.items < 0.11


def test_new_links_are_devices_then_cards_then_addresses() -> None:
    new = new_links(first_sights(WORKLOAD), items(replace(WORKLOAD, mix=Mix(links=0.1))))
    devices, addresses = (sum(mark in one for _, one in new) for mark in "-@")
    assert devices > len(new) - devices - addresses > addresses > 50


def test_new_identifiers_are_used_again() -> None:
    stream = list(items(replace(WORKLOAD, mix=Mix(links=0.05))))
    new = {one for _, one in new_links(first_sights(WORKLOAD), stream)}
    used = Counter(one for item in stream for one in people(json.loads(item.body)) if one in new)
    assert sum(count > 1 for count in used.values()) > 0.1 * len(new)


def test_no_identifier_becomes_shared_by_four_workloads_of_few_customers() -> None:
    few = replace(WORKLOAD, customers=100, mix=Mix(links=0.2))
    streams = [first_sights(few), *(items(replace(few, seed=seed)) for seed in range(4))]
    met: dict[str, set[str]] = defaultdict(set)
    for one, other in chain.from_iterable(map(chain.from_iterable, map(links, streams))):
        met[one].add(other)
        met[other].add(one)
    contacts = [Counter("@" in one for one in met[user] if "-" not in one) for user in met if user[0] == "u"]
    assert max(max(each.values()) for each in contacts if each) <= 20
    assert max(len(others) for one, others in met.items() if one[0] != "u") <= 5


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
