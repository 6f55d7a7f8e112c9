"""The brute force: what every view must say of a set of touchpoints, found in the plainest way, from scratch.

It imports nothing of Tappa. A touchpoint is a dict: ``source message_id type event name channel acquisition_channel
offline``, ``occurred_at original_timestamp received_at`` (milliseconds), ``identifiers`` (a sorted list of
``kind:value``), ``properties traits context`` (dicts), ``value`` (integer, 1/10,000, or None), ``currency transaction
refers_to score_kind score`` and ``content`` (bytes that order copies). What is absent says nothing. ``sent.py`` makes
them of what a client sends.

Rows are dicts with the names of the views' columns, times in milliseconds, money in 1/10,000, in no particular order.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from tests.reference.identity import People
from tests.reference.naive_model import NaiveModel, Row, identity, place, totals
from tests.reference.profile import profile


def stays(visits: list[Row]) -> list[tuple[int, Row, int | None, float | None]]:
    """Number, visit, its end and its length in seconds."""
    ends: list[int | None] = [visit["entered_at"] for visit in visits[1:]]
    return [
        (seq, visit, end, None if end is None else (end - visit["entered_at"]) / 1000)
        for seq, (visit, end) in enumerate(zip(visits, [*ends, None], strict=True), 1)
    ]


class Reference:
    """All rows, for one model (the text of its file). Splits and limits as ``People`` takes them."""

    def __init__(
        self,
        touchpoints: list[Row],
        model: str,
        currency: str = "EUR",
        splits: Iterable[tuple[str, str]] = (),
        **limits: Any,
    ) -> None:
        self.model = NaiveModel(model)
        self.currency = currency
        copies = sorted(touchpoints, key=lambda one: (one["occurred_at"], one.get("content", b"")), reverse=True)
        self.touchpoints = sorted({identity(one): one for one in copies}.values(), key=place)
        self.people = People(self.touchpoints, splits, **limits)
        self.customers = {place(one): self.people.customer(one) for one in self.touchpoints}
        self.histories: dict[str, list[Row]] = {}
        for touchpoint in self.touchpoints:
            self.histories.setdefault(self.customers[place(touchpoint)], []).append(touchpoint)
        self.histories.pop("", None)
        self.kept = {customer: self.keep(history) for customer, history in self.histories.items()}
        self.kept = {customer: kept for customer, kept in self.kept.items() if kept}
        self.visits = {customer: self.model.travel(kept) for customer, kept in self.kept.items()}

    def keep(self, history: list[Row]) -> list[Row]:
        voids = [one for one in history if one.get("transaction") == "void"]
        gone = {void["refers_to"] for void in voids if void.get("refers_to")}
        sales = [one for one in history if one.get("transaction") in ("sale", "exchange") and one["message_id"] in gone]
        return [one for one in history if one not in voids and one not in sales]

    def v_touchpoints(self) -> list[Row]:
        return [{**one, **self.stages_around(one)} for one in self.touchpoints]

    def stages_around(self, touchpoint: Row) -> Row:
        customer = self.customers[place(touchpoint)]
        before = [visit["stage"] for visit in self.visits.get(customer, []) if visit["place"] <= place(touchpoint)]
        after = before[-1] if before else ""
        return {
            "customer_id": customer,
            "stage_before": self.model.found.get(place(touchpoint), after),
            "stage_after": after,
        }

    def v_stage_visits(self, now: int) -> list[Row]:
        return [
            {"customer_id": customer, "model": self.model.name, "seq": seq, "left_at": left, "duration": stay} | visit
            for customer in self.visits
            for seq, visit, left, stay in stays(self.shown(customer, now))
        ]

    def shown(self, customer: str, now: int) -> list[Row]:
        """As of now: the visits that touchpoints brought about, and those of silence whose time has come."""
        last = self.kept[customer][-1]["occurred_at"]
        return [visit for visit in self.visits[customer] if visit["entered_at"] <= max(last, now)]

    def v_customers(self, now: int) -> list[Row]:
        return [self.customer(customer, self.shown(customer, now), kept) for customer, kept in self.kept.items()]

    def v_customers_at(self, at: int) -> list[Row]:
        until = {customer: [one for one in kept if one["occurred_at"] <= at] for customer, kept in self.kept.items()}
        visits = {customer: [one for one in self.visits[customer] if one["entered_at"] <= at] for customer in until}
        return [self.customer(customer, visits[customer], kept) for customer, kept in until.items() if kept]

    def customer(self, customer: str, visits: list[Row], kept: list[Row]) -> Row:
        sums = totals(kept)
        last = visits[-1]
        here = {"stage": last["stage"], "stage_since": last["entered_at"], "highest_stage": self.model.highest(visits)}
        touched = {"first_touch_at": kept[0]["occurred_at"], "last_touch_at": kept[-1]["occurred_at"]}
        revenue = sums["revenue_by_currency"].get(self.currency, 0)
        return {"customer_id": customer, "model": self.model.name, "revenue": revenue, **here, **touched, **sums}

    def v_conflicts(self) -> list[Row]:
        rows = []
        by_id = sorted(self.touchpoints, key=lambda one: (one["source"], one["message_id"]))
        for (source, message_id), group in groupby(by_id, key=lambda one: (one["source"], one["message_id"])):
            same = list(group)
            times = sorted({one["original_timestamp"] for one in same})
            people = sorted({tuple(one["identifiers"]) for one in same})
            row = {"original_timestamps": times, "identifiers": [list(one) for one in people], "touchpoints": len(same)}
            rows += [{"source": source, "message_id": message_id, **row}] if len(same) > 1 else []
        return rows

    def v_identities(self) -> list[Row]:
        rows = []
        for one in self.people.everybody:
            kind, _, value = one.partition(":")
            stretches = self.people.whose(one)
            ends = [*(since for since, _ in stretches[1:]), None]
            for (since, customer), end in zip(stretches, ends, strict=True):
                row = {"kind": kind, "value": value, "identifier": one, "customer_id": customer}
                rows.append({**row, "valid_from": since, "valid_to": end})
        return rows

    def v_profiles(self) -> list[Row]:
        theirs: dict[str, set[str]] = {}
        for row in self.v_identities():
            theirs.setdefault(row["customer_id"], set()).add(row["identifier"])
        return [
            {"customer_id": customer, "identifiers": sorted(theirs[customer]), **profile(self.histories[customer])}
            for customer in self.kept
        ]
