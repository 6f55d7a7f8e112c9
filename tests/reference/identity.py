"""Who everybody is, by brute force: from all touchpoints and splits to the customer of each, from scratch.

It imports nothing of Tappa. A touchpoint is a dict as in ``reference.py``; ``source message_id occurred_at
original_timestamp identifiers`` are looked at. Splits are pairs of identifiers, without the revoked ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import Any

Row = dict[str, Any]


def kind(identifier: str) -> str:
    return identifier.split(":")[0]


def is_on(identifier: str) -> bool:
    return kind(identifier) in ("device", "previous")


def place(one: Row) -> tuple[Any, ...]:
    return (one["occurred_at"], one["message_id"], one["source"], tuple(one["identifiers"]), one["original_timestamp"])


class People:
    def __init__(self, touchpoints: Iterable[Row], splits: Iterable[tuple[str, str]] = (), **limits: Any) -> None:
        """Limits: ``of_kind`` (by kind), ``values`` (of all others), ``group``, ``allowed`` and ``blocked``."""
        self.limits = {"of_kind": {"user": 20}, "values": 5, "group": 100, "allowed": (), "blocked": (), **limits}
        latest_first = sorted(touchpoints, key=place, reverse=True)
        self.touchpoints = sorted({place(one)[1:]: one for one in latest_first}.values(), key=place)
        self.splits = {frozenset(split) for split in splits}
        self.together: Any = defaultdict(lambda: defaultdict(list))  # identifier, other: touchpoints in total order
        self.on: dict[str, list[Row]] = defaultdict(list)  # device: touchpoints that it, or an alias of it, is on
        self.known: dict[str, list[tuple[int, str]]] = {}
        for touchpoint in self.touchpoints:
            for device in {f"device:{one[len(kind(one)) + 1 :]}" for one in touchpoint["identifiers"] if is_on(one)}:
                self.on[device].append(touchpoint)
            for one, other in self.pairs(touchpoint):
                self.together[one][other].append(touchpoint)
                self.together[other][one].append(touchpoint)
        self.shared = {one for one in self.together if self.is_shared(one)} | {*self.limits["blocked"]}
        everybody = {one for touchpoint in self.touchpoints for one in touchpoint["identifiers"]} | {*self.together}
        self.everybody = {one for one in everybody if kind(one) != "previous"}
        users = {one for one in self.everybody if kind(one) == "user"}
        self.cards = {one for one in self.everybody if kind(one) not in ("user", "device", "previous", "receipt")}
        self.user_groups, self.card_groups = self.components(users), self.components(self.cards)

    def is_shared(self, one: str) -> bool:
        values = Counter(kind(other) for other in self.together[one] if kind(other) not in ("device", "receipt"))
        limit = self.limits["of_kind"].get(kind(one), self.limits["values"])
        return one not in self.limits["allowed"] and max(values.values(), default=0) > limit

    def pairs(self, touchpoint: Row) -> list[tuple[str, str]]:
        here = [one for one in touchpoint["identifiers"] if kind(one) != "previous"]
        found = list(combinations(here, 2))
        for one in touchpoint["identifiers"]:
            if kind(one) == "previous":
                user = next(user for user in here if kind(user) == "user")
                device, gone = f"device:{one[9:]}", f"user:{one[9:]}"
                found += [] if device in here else [(user, device)] + [(user, gone)] * (gone != user)
        return found

    def joins(self, one: str, other: str) -> bool:
        return not ({one, other} & self.shared) and frozenset((one, other)) not in self.splits

    def components(self, members: set[str]) -> dict[str, set[str]]:
        component = {one: {one} for one in members}
        for one in members:
            for other in self.together[one]:
                if other in members and self.joins(one, other) and component[one] is not component[other]:
                    component[one] |= component[other]
                    for moved in component[other]:
                        component[moved] = component[one]
        return component

    def today(self, user: str) -> str:
        group = self.user_groups.get(user, {user})
        if len(group) > self.limits["group"]:
            return user
        joined = [(one, other) for one, other in combinations(group, 2) if self.joins(one, other)]
        said = [touchpoint for one, other in joined for touchpoint in self.together[one][other]]
        newest = max(said, key=place, default={"identifiers": [user]})
        return next(one for one in newest["identifiers"] if kind(one) == "user")

    def owner(self, contact: str) -> str:
        if contact in self.shared:
            return ""
        near = [contact, *(one for one in self.together[contact] if self.joins(contact, one))]
        group = set().union(*(self.card_groups[one] for one in near if one in self.cards))
        group = {contact} if len(group) > self.limits["group"] else group | {contact}
        users = [(one, user) for one in group for user in self.together[one] if kind(user) == "user"]
        seen = [(place(self.together[one][user][0]), user) for one, user in users if self.joins(one, user)]
        return self.today(min(seen)[1]) if seen else min(group & self.cards, default="")

    def marks(self, device: str) -> list[tuple[int, str]]:
        found = []
        for touchpoint in self.on[device]:
            here = touchpoint["identifiers"]
            users = [one for one in here if kind(one) == "user"]
            cards = sorted(one for one in here if one in self.cards) if device in here else []
            people = [one for one in users + cards if self.joins(one, device)]
            found += [(touchpoint["occurred_at"], self.whose(people[0])[0][1])] if people else []
        return found

    def whose(self, identifier: str) -> list[tuple[int, str]]:  # since when, 0 for ever
        if identifier not in self.known:
            self.known[identifier] = self.stretches(identifier)
        return self.known[identifier]

    def stretches(self, identifier: str) -> list[tuple[int, str]]:
        if kind(identifier) != "device":
            return [(0, self.today(identifier) if kind(identifier) == "user" else self.owner(identifier))]
        if identifier in self.shared:
            return [(0, "")]
        marks = self.marks(identifier)
        found = [(0, marks[0][1] if marks else identifier)]
        for at, customer in dict(marks).items():
            found += [(at, customer)] if found[-1][1] != customer else []
        return found

    def customer(self, touchpoint: Row) -> str:
        here = sorted(touchpoint["identifiers"], key=lambda one: (kind(one) != "user", kind(one) == "receipt", one))
        for one in here:
            if kind(one) not in ("device", "previous") and (kind(one) == "user" or self.whose(one)[0][1]):
                return self.whose(one)[0][1]
        devices = [one for one in here if kind(one) == "device"]
        before = [stretch for one in devices for stretch in self.whose(one) if stretch[0] <= touchpoint["occurred_at"]]
        return before[-1][1] if before else ""
