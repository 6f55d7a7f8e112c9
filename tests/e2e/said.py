"""What was said of stage visits, put together as ``docs/stage-changes.md`` tells its readers to, beside what is so."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from tests.e2e.installation import Installation
from tests.e2e.views import VISIT, Row, actual

TRUE_WITHIN_S: Final = 60.0
SAYING: Final = (
    *("customer_id", "model", "kind", "visit_id", "version", "stage", "from_stage", "label", "cause_message_id"),
    *("cause_source", "cause_identifiers", "cause_event", "cause_channel"),
)
SETTINGS: Final = {"TAPPA_WORKER__CHANGES_REVIEW_S": "1", "TAPPA_WORKER__SILENCE_WAIT_S": "0.2"}
"""Whatever deaths leave behind is put right at once."""
NO_CAUSE: Final = dict.fromkeys(("message_id", "source", "original_timestamp", "event", "channel"), "") | {
    "identifiers": ()
}
COMPARED: Final = tuple(name for name in VISIT if name not in ("left_at", "duration"))
"""These two follow from the next visit."""


def in_the_table(tappa: Installation) -> list[Row]:
    """All that was said, repeats included."""
    columns = [*SAYING, "toUnixTimestamp64Micro(said_at) AS said_at"]
    columns += [f"toUnixTimestamp64Milli({name}) AS {name}" for name in ("entered_at", "cause_original_timestamp")]
    return tappa.rows(f"SELECT {', '.join(columns)} FROM stage_changes")


def row_of(record: Row) -> Row:
    """A record of the topic as a row of the table."""
    cause = {f"cause_{name}": value for name, value in (record["cause"] or NO_CAUSE).items()}
    texts = {name: record[name] or "" for name in ("from_stage", "label", "corrects")}
    times = {"entered_at": _ms(record["entered_at"]), "said_at": record["said_at"]}
    original = cause["cause_original_timestamp"]
    return {**record, **cause, **texts, **times, "cause_original_timestamp": _ms(original) if original else 0}


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def put_together(said: Iterable[Row]) -> list[Row]:
    """The visits that took place by all that was said, as rows of ``v_stage_visits``."""
    last: dict[tuple[str, str, str], Row] = {}
    for one in said:
        place = (one["customer_id"], one["model"], one["visit_id"])
        known = last.get(place)
        if known is None or _rank(one) >= _rank(known):
            last[place] = one
    there: dict[tuple[str, str], list[Row]] = {}
    for (customer_id, model, _), one in last.items():
        if one["kind"] != "retracted":
            there.setdefault((customer_id, model), []).append(one)
    return [
        {name: seq if name == "seq" else visit[name] for name in COMPARED}
        for visits in there.values()
        for seq, visit in enumerate(sorted(visits, key=_order), 1)
    ]


def untrue(tappa: Installation, said: Sequence[Row]) -> list[str]:
    """Where that differs from ``v_stage_visits``."""
    found = sorted(map(repr, put_together(said)))
    so = sorted(repr({name: row[name] for name in COMPARED}) for row in actual(tappa, "v_stage_visits", VISIT))
    assert so, "there are no visits"
    extra, missing = set(found) - set(so), set(so) - set(found)
    return [f"+ {row}" for row in sorted(extra)[:5]] + [f"- {row}" for row in sorted(missing)[:5]]


def wait_until_true(tappa: Installation) -> None:
    """Return once all that was said, put together, is so: deaths leave something behind that is looked for."""
    deadline = time.monotonic() + TRUE_WITHIN_S
    while wrong := untrue(tappa, in_the_table(tappa)):
        assert time.monotonic() < deadline, f"what was said is not so: {wrong}\n{tappa.said()}"
        time.sleep(0.3)


def _rank(one: Row) -> tuple[int, Any]:
    return (int(one["version"]), one["said_at"])


def _order(one: Row) -> tuple[Any, ...]:
    return (
        *(one["entered_at"], one["cause_message_id"], one["cause_source"], one["cause_identifiers"]),
        one["cause_original_timestamp"],
    )
