"""Crowds: what their touchpoints name, and in which order."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benches.crowds import SHAPES, Crowds, Shape
from benches.requests import write
from benches.workload import Item
from ingest.settings import IngestSettings

START_MS = 1_790_000_000_000
DEVICES, TILL_CARD, CHAIN, GROUP = SHAPES


def crowds() -> Crowds:
    return Crowds(1, START_MS)


def bodies(stream: list[Item]) -> list[dict[str, Any]]:
    return [json.loads(item.body) for item in stream]


def named(shape: Shape, size: int) -> list[set[tuple[str, str]]]:
    return [{(kind, value) for kind, value in shape.who(n)._asdict().items() if value} for n in range(size)]


def test_visitors_are_nobody_until_they_log_in_as_the_user_of_the_same_name() -> None:
    here = crowds()
    visits = bodies(list(here.visits("v", range(3), 2)))
    logins = bodies(list(here.logins("v", range(3))))
    assert [body["anonymousId"] for body in visits] == ["v-0", "v-0", "v-1", "v-1", "v-2", "v-2"]
    assert not any("userId" in body for body in visits)
    assert [(body["userId"], body["anonymousId"]) for body in logins] == [(f"v-{one}", f"v-{one}") for one in range(3)]
    assert {body["type"] for body in logins} == {"identify"}


def test_each_touchpoint_is_later_than_all_before_but_a_late_one_older_than_everything() -> None:
    here = crowds()
    times = [body["timestamp"] for body in bodies([*here.visits("v", range(3), 3), *here.history("u", 3)])]
    late = [body["timestamp"] for body in bodies([here.late("u"), here.late("u")])]
    assert all(earlier < later for earlier, later in pairwise(times))
    assert late[1] < late[0] < times[0]


def test_a_visitors_touchpoints_come_from_one_sender() -> None:
    senders = {(json.loads(item.body)["anonymousId"], item.sender) for item in crowds().visits("v", range(500), 3)}
    assert len(senders) == 500
    assert {sender for _, sender in senders} == set(range(5))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.name))
def test_a_shape_is_the_same_whether_made_at_once_or_in_halves(shape: Shape) -> None:
    at_once, in_halves = crowds(), crowds()
    whole = list(at_once.shape(shape, range(100)))
    assert whole == [*in_halves.shape(shape, range(50)), *in_halves.shape(shape, range(50, 100))]
    assert all(len(names) == 2 for names in named(shape, 100))


@pytest.mark.parametrize(
    ("shape", "one"), [(DEVICES, ("user", "everywhere")), (TILL_CARD, ("card", "till-7"))], ids=["devices", "till_card"]
)
def test_a_crowd_around_one_meets_somebody_new_with_each_touchpoint(shape: Shape, one: tuple[str, str]) -> None:
    others = [names - {one} for names in named(shape, 100)]
    assert {len(each) for each in others} == {1}
    assert len(set[tuple[str, str]]().union(*others)) == 100


@pytest.mark.parametrize("shape", [CHAIN, GROUP], ids=lambda shape: str(shape.name))
def test_each_touchpoint_of_a_chain_shares_one_name_with_the_one_before(shape: Shape) -> None:
    assert all(len(one & other) == 1 for one, other in pairwise(named(shape, 100)))
    assert len(set[tuple[str, str]]().union(*named(shape, 100))) == 101


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.name))
def test_a_request_of_a_shape_is_not_too_large_for_ingest(shape: Shape, tmp_path: Path) -> None:
    requests = write(tmp_path / "bodies", crowds().shape(shape, range(2_000)), batch=shape.batch)
    assert requests.count == 2_000 // shape.batch
    assert requests.bytes / requests.count < IngestSettings().body_bytes_max
