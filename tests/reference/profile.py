"""What is known of a customer, found in the plainest way: everything told, in total order, the last word counts."""

from __future__ import annotations

from typing import Any

from tests.reference.naive_model import Row


def profile(history: list[Row]) -> Row:
    """Of a customer's touchpoints in total order, voided sales included; the values of traits as they were told."""
    said: dict[str, dict[str, tuple[Any, int, str]]] = {"traits": {}, "group_traits": {}, "consent": {}}
    for one in history:
        context = one.get("context") or {}
        told = {
            "traits": one.get("traits") if one["type"] == "identify" else None,
            "group_traits": one.get("traits") if one["type"] == "group" else None,
            "consent": purposes(context.get("consent")),
        }
        for column, members in told.items():
            for name, value in (members or {}).items():
                said[column][name] = (value, one["occurred_at"], one["source"])
    row: Row = {"first_seen": history[0]["occurred_at"], "last_seen": history[-1]["occurred_at"]}
    for column, words in said.items():
        kept = {name: word for name, word in words.items() if word[0] is not None}
        for number, suffix in enumerate(("", "_at", "_source")):
            row[column + suffix] = {name: word[number] for name, word in kept.items()}
    return row


def purposes(consent: Any) -> Row:
    """What is yes or no of ``context.consent.categoryPreferences``."""
    told = consent.get("categoryPreferences") if isinstance(consent, dict) else None
    return {name: yes for name, yes in told.items() if isinstance(yes, bool)} if isinstance(told, dict) else {}
