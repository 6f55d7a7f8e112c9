"""Random journey models, as the text of their files: valid, small, and with everything that the language has."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

STAGES = ("s0", "s1", "s2", "s3")
SIGNALS: dict[str, Any] = {
    "page": {"type": "page"},
    "paid": {"event": ["Order Completed", "Receipt Issued"]},
    "store": {"channel": ["store", "email"]},
    "scored": {"score_kind": "nps"},
    "rated": {"when": "event.properties.rating > 2"},
    "dear": {"event": ["Order Completed", "Product Added"], "when": "event.value >= 100.0 || event.currency == 'USD'"},
}
VALUES = (
    "event.value",
    "event.score",
    "event.channel",
    "event.properties.rating",
    "event.properties.product_id",
    "event.value / 3.0",
    "event.type + event.channel",
    "event.offline",
    "1 / (size(event.channel) - 5)",
)
NAMES = st.sampled_from(sorted(SIGNALS))
LABELS = st.sampled_from((None, "one", "two"))
SILENCES = st.sampled_from(("PT5M", "PT30M", "P1D", "P14D", "P30D", "P90D"))
SOURCES = st.one_of(st.just("any"), st.lists(st.sampled_from(STAGES), min_size=1, max_size=3, unique=True))
EVENT_CONDITIONS = st.sampled_from((None, "event.value > 50.0", "has(event.properties.rating)", "event.offline"))
STATE_CONDITIONS = (
    "state.purchases % 2 == 1",
    "state.label == 'one'",
    "state.silence_s <= 300",
    "state.highest_stage != state.stage",
    "state.touchpoints > 3 || event.offline",
    "state.revenue.EUR > 50.0",
)


@st.composite
def counters(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(("count", "sum", "last", "first", "distinct", "days_since")))
    if kind in ("count", "days_since"):
        return {kind: draw(NAMES)}
    counter = {kind: draw(st.sampled_from(VALUES)), "on": draw(NAMES)}
    return {**counter, "max": draw(st.integers(1, 3))} if kind == "distinct" else counter


@st.composite
def moves(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    move = {"from": draw(SOURCES), "to": draw(st.sampled_from((None, *STAGES))), "label": draw(LABELS)}
    if move["to"] is None and move["label"] is None:
        move["label"] = "stays"
    about = [f"has(state.{name}) && state.{name} {test}" for name in names for test in ("> 1", "== 'web'", "!= 2.0")]
    about += [f"state.{name} < 30" for name in names]
    when = draw(st.sampled_from((None, None, *STATE_CONDITIONS, *about)))
    return {key: value for key, value in {**move, "on": draw(NAMES), "when": when}.items() if value is not None}


@st.composite
def lapses(draw: st.DrawFn) -> dict[str, Any]:
    """Only to a later stage or where it is, so that no circle can come of it."""
    origin = draw(st.integers(0, len(STAGES) - 1))
    to = draw(st.integers(origin, len(STAGES) - 1))
    lapse = {"from": STAGES[origin], "after": draw(SILENCES)}
    return {**lapse, "label": "silent"} if to == origin else {**lapse, "to": STAGES[to]}


@st.composite
def models(draw: st.DrawFn) -> str:
    """JSON, which is YAML."""
    counted = draw(st.lists(counters(), max_size=4))
    names = [f"c{number}" for number in range(len(counted))]
    entry = st.fixed_dictionaries({"on": NAMES, "to": st.sampled_from(STAGES)}, optional={"when": EVENT_CONDITIONS})
    entries = [{k: v for k, v in one.items() if v is not None} for one in draw(st.lists(entry, max_size=2))]
    backward = draw(st.booleans())
    model = {
        "name": "random",
        "stages": [{"name": name} for name in STAGES],
        "signals": SIGNALS,
        "counters": dict(zip(names, counted, strict=True)),
        "entry": [*entries, {"to": draw(st.sampled_from(STAGES))}],
        "moves": draw(st.lists(st.one_of(moves(names), lapses()), max_size=8)),
    }
    return json.dumps(model if backward else {**model, "forward_only": True})
