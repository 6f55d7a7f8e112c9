"""A journey model interpreted in the plainest way: from its YAML and a customer's touchpoints to all their visits.

It imports nothing of Tappa. ``reference.py`` says what a touchpoint is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import cel
import yaml

Row = dict[str, Any]
compiled = lru_cache(cel.compile)
parsed = lru_cache(yaml.safe_load)


def identity(touchpoint: Row) -> tuple[Any, ...]:
    return (
        touchpoint["source"],
        touchpoint["message_id"],
        touchpoint["original_timestamp"],
        tuple(touchpoint["identifiers"]),
    )


def place(touchpoint: Row) -> tuple[Any, ...]:
    """Its place in the total order."""
    source, message_id, original, identifiers = identity(touchpoint)
    return (touchpoint["occurred_at"], message_id, source, identifiers, original)


def milliseconds(duration: str) -> int:
    units = {"D": 86_400_000, "H": 3_600_000, "M": 60_000}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([DHM])", duration))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class NaiveModel:
    """One model, from the text of its file."""

    def __init__(self, text: str) -> None:
        self.model = parsed(text)
        self.name = self.model["name"]
        self.stages = [stage["name"] for stage in self.model["stages"]]
        self.found: dict[tuple[Any, ...], str] = {}
        """By place: the stage in which a touchpoint found its customer."""
        self.counts: dict[str, int] = {}
        """The counters after the last customer's journey."""

    def travel(self, kept: list[Row]) -> list[Row]:
        """All visits of a customer, those to come by silence included."""
        visits: list[Row] = []
        counts: dict[str, int] = {}
        for number, touchpoint in enumerate(kept):
            now = touchpoint["occurred_at"]
            before = kept[number - 1]["occurred_at"] if number else 0
            if visits:
                visits += [visit for visit in self.silences(visits[-1]["stage"], before) if visit["entered_at"] <= now]
            self.found[place(touchpoint)] = visits[-1]["stage"] if visits else ""
            state = self.state(visits, kept[:number], now - before, counts)
            move = self.move(visits, touchpoint, state)
            if move is not None:
                stage = visits[-1]["stage"] if visits else ""
                visits.append(self.visit(move.get("to", stage), now, stage, move, touchpoint))
            for name, counter in self.model.get("counters", {}).items():
                counts[name] = counts.get(name, 0) + self.says(counter["count"], touchpoint)
        self.counts = counts
        return visits + self.silences(visits[-1]["stage"], kept[-1]["occurred_at"])

    def visit(self, stage: str, at: int, origin: str, move: Row, cause: Row | None) -> Row:
        said = {name: (cause or {}).get(name, "") for name in ("message_id", "source", "event", "channel")}
        row = {f"cause_{name}": value for name, value in said.items()}
        moved = {"stage": stage, "entered_at": at, "from_stage": origin, "label": move.get("label", "")}
        return {**moved, **row, "place": place(cause) if cause else (at,)}

    def silences(self, stage: str, since: int) -> list[Row]:
        """What silence brings to somebody in ``stage`` whose last touchpoint was at ``since``."""
        visits: list[Row] = []
        fired: list[Row] = []
        while True:
            waiting = [move for move in self.model.get("moves", []) if "after" in move and self.leads(move, stage)]
            waiting = [move for move in waiting if move not in fired]
            if not waiting:
                return visits
            move = min(waiting, key=lambda one: milliseconds(one["after"]))
            due = since + milliseconds(move["after"])
            to = move.get("to", stage)
            visits.append(self.visit(to, due, stage, move, None))
            if to == stage:
                fired.append(move)
            else:
                stage, since, fired = to, due, []

    def leads(self, move: Row, stage: str) -> bool:
        to = move.get("to", stage)
        if self.model.get("forward_only") and self.stages.index(to) < self.stages.index(stage):
            return False
        return stage in listed(move["from"]) or (move["from"] in ("any", ["any"]) and move.get("to") != stage)

    def move(self, visits: list[Row], touchpoint: Row, state: Row) -> Row | None:
        ways = self.model.get("moves", []) if visits else self.model["entry"]
        for way in ways:
            signal = way.get("on", way.get(True))  # YAML 1.1 reads the word on as true
            if "after" in way or (visits and not self.leads(way, visits[-1]["stage"])):
                continue
            if (signal is None or self.says(signal, touchpoint)) and self.holds(way.get("when"), touchpoint, state):
                return dict(way)
        return None

    def says(self, signal: str, touchpoint: Row) -> bool:
        tests = self.model["signals"][signal]
        named = all(
            touchpoint.get(name, "") in listed(tests[name])
            for name in ("type", "event", "channel", "score_kind")
            if name in tests
        )
        return named and self.holds(tests.get("when"), touchpoint, {})

    def holds(self, condition: str | None, touchpoint: Row, state: Row) -> bool:
        if condition is None:
            return True
        event = {name: value for name, value in touchpoint.items() if value is not None and name != "content"}
        event = {"properties": {}, "traits": {}, "context": {}, **event}
        if "value" in event:
            event["value"] /= 10_000
        try:
            return compiled(condition.strip()).execute({"event": event, "state": state}) is True
        except Exception:
            return False

    def state(self, visits: list[Row], before: list[Row], silence: int, counts: dict[str, int]) -> Row:
        if not visits:
            return {}
        sums = totals(before)
        money = {currency: amount / 10_000 for currency, amount in sums["revenue_by_currency"].items()}
        own = {"stage": visits[-1]["stage"], "label": visits[-1]["label"], "highest_stage": self.highest(visits)}
        names = {name: counts.get(name, 0) for name in self.model.get("counters", {})}
        numbers = {"touchpoints": sums["touchpoints"], "purchases": sums["purchases"], "revenue": money}
        return {**names, **numbers, **own, "silence_s": silence // 1000}

    def highest(self, visits: list[Row]) -> str:
        return max((visit["stage"] for visit in visits), key=self.stages.index)


def totals(kept: list[Row]) -> Row:
    money: dict[str, int] = {}
    for one in kept:
        if one.get("transaction") in ("sale", "return") and one.get("value") is not None:
            amount = one["value"] if one["transaction"] == "sale" else -abs(one["value"])
            money[one.get("currency", "")] = money.get(one.get("currency", ""), 0) + amount
    sales = sum(one.get("transaction") == "sale" for one in kept)
    return {"touchpoints": len(kept), "purchases": sales, "revenue_by_currency": money}
