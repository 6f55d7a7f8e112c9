"""PostHog's cases of merging persons, sent as touchpoints: who is who and what is known of them, against what PostHog's
own tests expect. Where we differ, docs/identity-real-data.md says why."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from stage_engine.identity.limits import Limits
from stage_engine.touchpoint import Touchpoint
from tests.identity_data.answers import DATA, PAGE, Answers, answers, table
from tests.reference.profile import profile
from tests.stream.touchpoints import touchpoint

Case = dict[str, Any]
CASES: list[Case] = json.loads((DATA / "identity/posthog_person_merge.json").read_text(encoding="utf-8"))["cases"]
REFUSED = "REFUSE: anon side already identified"
NO_COUNTERPART = {"version", "loser_tombstone_version"}
"""How often PostHog wrote a person's row."""


def users_of(case: Case) -> set[str]:
    """The distinct ids that are users': of identified persons, and whoever an ``$identify`` names. All others are
    devices': PostHog has one kind of id for both."""
    event = case["event"]
    named = {event["distinct_id"]} if event["event"] == "$identify" else set()
    identified = {person["ids"][0] for person in case.get("persons", ()) if person["identified"]}
    return named | identified


def sent(case: Case, *, survivor_first: bool = False) -> list[Touchpoint]:
    """The persons that are there, told by a touchpoint each, and then the event. ``$set`` is told as traits;
    ``$set_once`` has no counterpart and is not told."""
    users, numbers = users_of(case), count()

    def told(user: str, device: str, traits: dict[str, int]) -> Touchpoint:
        number = next(numbers)
        made = touchpoint(f"m{number}", at=number, user=user, device=device)
        return replace(made, type="identify", traits=json.dumps(traits).encode())

    persons = case.get("persons", [])
    made = [
        told(
            next((one for one in person["ids"] if one in users), ""),
            next((one for one in person["ids"] if one not in users), ""),
            person.get("props", {}),
        )
        for person in (reversed(persons) if survivor_first else persons)
    ]
    event = case["event"]
    user = event["distinct_id"] if event["distinct_id"] in users else ""
    device = event.get("$anon_distinct_id") or ("" if user else event["distinct_id"])
    return [*made, told(user, device, event.get("$set", {}))]


def found_in(case: Case, found: Answers) -> dict[str, Any]:
    """Our answer to everything that the case expects."""
    facts = sent(case)
    customer = found.whose(facts[-1].home, facts[-1].occurred_at)
    users = users_of(case)
    ids = {one for person in case.get("persons", ()) for one in person["ids"]} | {
        case["event"][name] for name in ("distinct_id", "$anon_distinct_id") if name in case["event"]
    }
    history = [
        {
            "type": one.type,
            "occurred_at": one.occurred_at,
            "source": one.source,
            "traits": json.loads(one.traits),
        }
        for one in found.of(customer)
    ]
    whose = {one: found.whose(f"{'user' if one in users else 'device'}:{one}", facts[-1].occurred_at) for one in ids}
    return {
        "persons": len(found.customers),
        "survivor": customer.partition(":")[2],
        "ids": sorted(one for one in ids if whose[one] == customer),
        "is_identified": customer.startswith("user:"),
        "properties": profile(history)["traits"],
    }


async def compared(case: Case, *, survivor_first: bool = False) -> dict[str, tuple[Any, Any]]:
    """By expectation, what PostHog's test expects and what we find."""
    ours = found_in(case, await answers(sent(case, survivor_first=survivor_first), Limits()))
    return {name: (theirs, ours[name]) for name, theirs in case["expect"].items() if name not in NO_COUNTERPART}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_who_is_who_is_as_posthog_expects(case: Case) -> None:
    pairs = await compared(case)
    who = {name: pair for name, pair in pairs.items() if name != "properties"}
    assert {name: ours for name, (_, ours) in who.items()} == {name: theirs for name, (theirs, _) in who.items()}


@pytest.mark.parametrize(
    "case", [case for case in CASES if "properties" in case["expect"]], ids=lambda case: case["name"]
)
async def test_what_is_known_is_as_posthog_expects_but_for_what_is_set_once(case: Case) -> None:
    theirs, ours = (await compared(case))["properties"]
    once = case["event"].get("$set_once", {})
    unknown = {name: value for name, value in theirs.items() if name not in ours}
    assert ours == {name: value for name, value in theirs.items() if name not in unknown}
    assert unknown.items() <= once.items()


async def test_of_two_who_become_one_the_last_word_counts_whoever_said_it() -> None:
    [case] = [case for case in CASES if case["name"].startswith("identify merges two")]
    assert (await compared(case))["properties"] == ({"a": 1, "b": 3, "c": 4},) * 2
    theirs, ours = (await compared(case, survivor_first=True))["properties"]
    assert (theirs, ours) == ({"a": 1, "b": 3, "c": 4}, {"a": 1, "b": 2, "c": 4})


async def test_an_alias_of_the_refused_two_would_make_them_one() -> None:
    [case] = [case for case in CASES if case["name"] == REFUSED]
    facts = sent(case)
    alias = replace(touchpoint("alias", at=100, user="new-user"), type="alias", previous_id="old-user")
    assert len((await answers(facts, Limits())).customers) == 2
    assert (await answers([*facts, alias], Limits())).customers == {"user:new-user"}


async def test_the_page_has_what_was_computed() -> None:
    assert await cases_table() in PAGE, "python -m tests.identity_data.test_posthog"


async def cases_table() -> str:
    rows = []
    expected = alike = without = 0
    for case in CASES:
        pairs = await compared(case)
        other = [f"{name}: {theirs} there, {ours} here" for name, (theirs, ours) in pairs.items() if theirs != ours]
        counts = len(pairs), len(pairs) - len(other), len(case["expect"]) - len(pairs)
        rows.append((case["name"], *counts[:2], "; ".join(other), counts[2]))
        expected, alike, without = expected + counts[0], alike + counts[1], without + counts[2]
    heads = ["case", "expectations", "alike", "different", "without a counterpart"]
    return table(heads, [*rows, ("all", expected, alike, "", without)])


if __name__ == "__main__":
    print(asyncio.run(cases_table()))
