"""A journey model interpreted in the plainest way: from its YAML and a customer's touchpoints to all their visits.

It imports nothing of Tappa. ``reference.py`` says what a touchpoint is.
"""

from __future__ import annotations

import math
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
        self.counts: Row = {}
        """What conditions would read of the counters at the last touchpoint of the last customer's journey, that
        touchpoint counted; what is absent is not there."""

    def travel(self, kept: list[Row]) -> list[Row]:
        """All visits of a customer, those to come by silence included."""
        visits: list[Row] = []
        for number, touchpoint in enumerate(kept):
            now = touchpoint["occurred_at"]
            before = kept[number - 1]["occurred_at"] if number else 0
            if visits:
                visits += [visit for visit in self.silences(visits[-1]["stage"], before) if visit["entered_at"] <= now]
            self.found[place(touchpoint)] = visits[-1]["stage"] if visits else ""
            state = self.state(visits, kept[:number], now)
            move = self.move(visits, touchpoint, state)
            if move is not None:
                stage = visits[-1]["stage"] if visits else ""
                visits.append(self.visit(move.get("to", stage), now, stage, move, touchpoint))
        self.counts = self.counters(kept, kept[-1]["occurred_at"])
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
            waiting = [move for move in waiting if all(move is not one for one in fired)]
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
        return condition is None or self.value(condition, touchpoint, state) is True

    def value(self, expression: str, touchpoint: Row, state: Row) -> Any:
        """None for what cannot be evaluated."""
        event = {name: value for name, value in touchpoint.items() if value is not None and name != "content"}
        event = {"properties": {}, "traits": {}, "context": {}, **event}
        if "value" in event:
            event["value"] /= 10_000
        try:
            return compiled(expression.strip()).execute({"event": event, "state": state})
        except Exception:
            return None

    def state(self, visits: list[Row], before: list[Row], now: int) -> Row:
        if not visits:
            return {}
        sums = totals(before)
        money = {currency: amount / 10_000 for currency, amount in sums["revenue_by_currency"].items()}
        own = {"stage": visits[-1]["stage"], "label": visits[-1]["label"], "highest_stage": self.highest(visits)}
        numbers = {"touchpoints": sums["touchpoints"], "purchases": sums["purchases"], "revenue": money}
        silence = (now - before[-1]["occurred_at"]) // 1000
        return {**self.counters(before, now), **numbers, **own, "silence_s": silence}

    def counters(self, before: list[Row], now: int) -> Row:
        """What conditions read of the counters at ``now``, when all of ``before`` has come."""
        read = {name: self.counter(one, before, now) for name, one in self.model.get("counters", {}).items()}
        return {name: value for name, value in read.items() if value is not None}

    def counter(self, counter: Row, before: list[Row], now: int) -> Any:
        [kind] = {"count", "sum", "last", "first", "distinct", "days_since"} & counter.keys()
        on = counter.get("on", counter.get(True, counter[kind]))
        there = [touchpoint for touchpoint in before if self.says(on, touchpoint)]
        if kind == "count":
            return len(there)
        if kind == "days_since":
            return (now - there[-1]["occurred_at"]) // 86_400_000 if there else None
        values = [self.value(counter[kind], touchpoint, {}) for touchpoint in there]
        if kind == "sum":
            return added([value for value in values if type(value) in (int, float) and math.isfinite(value)])
        values = [value for value in values if type(value) in (int, bool) or is_text(value) or is_decimal(value)]
        if kind == "distinct":
            return min(counter["max"], len({(type(value) in (int, float), value) for value in values}))
        return (values[0] if kind == "first" else values[-1]) if values else None

    def highest(self, visits: list[Row]) -> str:
        return max((visit["stage"] for visit in visits), key=self.stages.index)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 256


def is_decimal(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def added(values: list[float]) -> float:
    total = 0
    for value in values:
        more = total + round(value * 10_000)
        total = more if abs(more) <= 10**18 else total
    return total / 10_000


def totals(kept: list[Row]) -> Row:
    money: dict[str, int] = {}
    for one in kept:
        if one.get("transaction") in ("sale", "return", "exchange") and one.get("value") is not None:
            amount = -abs(one["value"]) if one["transaction"] == "return" else one["value"]
            money[one.get("currency", "")] = money.get(one.get("currency", ""), 0) + amount
    sales = sum(one.get("transaction") == "sale" for one in kept)
    return {"touchpoints": len(kept), "purchases": sales, "revenue_by_currency": money}
