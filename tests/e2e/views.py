"""What the views say, in the form that ``tests.reference`` gives its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.e2e.installation import Installation
from tests.reference.reference import Reference

Row = dict[str, Any]

MODEL_FILE: Final = Path(__file__).parents[2] / "stage_engine" / "models" / "seven_stage.yaml"
JSON: Final = ("properties", "traits", "context", "extra")
TOUCHPOINT: Final = (
    *("customer_id", "stage_before", "stage_after", "message_id", "source", "type", "event", "name", "channel"),
    *("acquisition_channel", "offline", "occurred_at", "original_timestamp", "user_id", "anonymous_id", "previous_id"),
    *("group_id", "contacts", "identifiers", "value", "currency", "transaction", "refers_to", "score_kind", "score"),
    *JSON,
)
CUSTOMER: Final = (
    *("customer_id", "model", "stage", "stage_since", "highest_stage", "first_touch_at", "last_touch_at"),
    *("touchpoints", "purchases", "revenue", "revenue_by_currency"),
)
VISIT: Final = (
    *("customer_id", "model", "seq", "stage", "entered_at", "left_at", "duration", "from_stage", "label"),
    *("cause_message_id", "cause_event", "cause_channel"),
)
IDENTITY: Final = ("kind", "value", "identifier", "customer_id", "valid_from", "valid_to")
PROFILE: Final = (
    *("customer_id", "identifiers", "first_seen", "last_seen", "traits", "traits_at", "traits_source"),
    *("group_traits", "group_traits_at", "group_traits_source", "consent", "consent_at"),
)
CONFLICT: Final = ("source", "message_id", "touchpoints", "original_timestamps", "identifiers")
TIMES: Final = frozenset(
    {"occurred_at", "original_timestamp", "stage_since", "first_touch_at", "last_touch_at", "entered_at", "left_at"}
    | {"valid_from", "valid_to", "first_seen", "last_seen"}
)
MAPS_OF_TIMES: Final = frozenset({"traits_at", "group_traits_at", "consent_at"})
RECEIVED: Final = {
    "v_touchpoints": "received_at",
    "v_conflicts": "first_received_at, last_received_at",
}
"""The columns of each view that say when something was received: only they may differ from one run to the next."""
AT: Final = "v_customers_at(at = {at:String})"
VIEWS: Final = (*("v_touchpoints", "v_stage_visits", "v_customers", AT, "v_conflicts", "v_identities", "v_profiles"),)


def column(view: str, name: str) -> str:
    """A column as an exact whole number, a text, or an array of them."""
    if name in TIMES:
        return f"toUnixTimestamp64Milli({name}) AS {name}"
    if name in MAPS_OF_TIMES:
        return f"mapApply((key, at) -> (key, toUnixTimestamp64Milli(at)), {name}) AS {name}"
    match name:
        case "original_timestamps":
            return f"arrayMap(one -> toUnixTimestamp64Milli(one), {name}) AS {name}"
        case "value" if view == "v_identities":
            return name
        case "value" | "revenue":
            return f"toInt64({name} * 10000) AS {name}"
        case "revenue_by_currency":
            return f"mapApply((currency, money) -> (currency, toInt64(money * 10000)), {name}) AS {name}"
        case _:
            return name


def actual(tappa: Installation, view: str, columns: tuple[str, ...], **parameters: str) -> list[Row]:
    """The rows of a view."""
    # The inner query keeps a column's new form from taking its place in another's expression.
    selected = ", ".join(column(view, name) for name in columns)
    rows = tappa.rows(f"SELECT {selected} FROM {view}", **parameters)
    if view == "v_profiles":
        for row in rows:
            for name in ("traits", "group_traits"):
                row[name] = {trait: json.loads(value) for trait, value in row[name].items()}
    return rows


def expected(rows: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """The reference's rows, with these columns."""
    return [{name: row[name] for name in columns} for row in rows]


def in_order(rows: list[Row]) -> list[str]:
    """Rows as lines that can be compared, whatever their order and the spelling of JSON within them."""
    return sorted(json.dumps({name: plain(name, row[name]) for name in row}, sort_keys=True) for row in rows)


def plain(name: str, value: Any) -> Any:
    if name in JSON and isinstance(value, str):
        return json.loads(value) if value else {}
    if name == "offline":
        return int(value)
    return float(value) if name in ("score", "duration") and value is not None else value


def differences(
    tappa: Installation,
    touchpoints: list[Row],
    *,
    now_ms: int,
    at_ms: int,
    models: Sequence[str] = (MODEL_FILE.read_text(),),
    **decided: Any,
) -> dict[str, list[str]]:
    """For each view the rows that it has and should not have (``+``) and those that it lacks (``-``). ``models`` are
    the texts of those in force, the default first. What was ``decided`` are the splits and limits, as the reference
    takes them."""
    references = [Reference(touchpoints, text, **decided) for text in models]
    reference = references[0]
    pairs: dict[str, tuple[tuple[str, ...], list[Row], dict[str, str]]] = {
        "v_touchpoints": (TOUCHPOINT, reference.v_touchpoints(), {}),
        "v_stage_visits": (VISIT, [row for one in references for row in one.v_stage_visits(now_ms)], {}),
        "v_customers": (CUSTOMER, [row for one in references for row in one.v_customers(now_ms)], {}),
        AT: (CUSTOMER, [row for one in references for row in one.v_customers_at(at_ms)], {"at": seconds(at_ms)}),
        "v_conflicts": (CONFLICT, reference.v_conflicts(), {}),
        "v_identities": (IDENTITY, reference.v_identities(), {}),
        "v_profiles": (PROFILE, reference.v_profiles(), {}),
    }
    found = {}
    for view, (columns, rows, parameters) in pairs.items():
        is_there = in_order(actual(tappa, view, columns, **parameters))
        should_be = in_order(expected(rows, columns))
        assert should_be, f"the traffic brings nothing to {view}"
        if is_there != should_be:
            extra, missing = set(is_there) - set(should_be), set(should_be) - set(is_there)
            found[view] = [f"{len(is_there)} rows, {len(should_be)} expected"]
            found[view] += [f"+ {row}" for row in sorted(extra)[:5]] + [f"- {row}" for row in sorted(missing)[:5]]
    return found


def dump(tappa: Installation, view: str, *, at_ms: int) -> bytes:
    """Every row of a view, as bytes, but for when things were received."""
    received = RECEIVED.get(view)
    columns = f"* EXCEPT ({received})" if received else "*"
    parameters = {"at": seconds(at_ms)} if "at:" in view else {}
    return tappa.query(f"SELECT {columns} FROM {view} ORDER BY ALL FORMAT TSVWithNames", **parameters)


def seconds(at_ms: int) -> str:
    """A moment as a parameter of a query."""
    return f"{at_ms / 1000:.3f}"
