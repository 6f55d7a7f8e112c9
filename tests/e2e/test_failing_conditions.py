"""Conditions that cannot be evaluated, through the whole chain: they mean no, are counted, and stop nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.installation import Installation

pytestmark = pytest.mark.slow

MODEL = """
name: {name}
stages: [{{name: outside}}, {{name: inside}}]
signals:
  looked: {{event: Looked}}
  counted: {{event: Looked, when: event.properties.missing > 1}}
counters:
  ratings: {{last: event.properties.rating / 0, on: looked}}
entry: [{{to: outside}}]
moves:
  - {{from: outside, on: counted, to: inside}}
  - {{from: outside, on: looked, to: inside, when: 1 / (state.purchases - state.purchases) > 0}}
  - {{from: outside, on: looked, to: inside, when: event.properties.missing == 'x'}}
  - {{from: outside, on: looked, to: inside, when: event.properties.rating > 3}}
  - {{from: outside, on: looked, to: inside, when: "{long}"}}
  - {{from: outside, on: looked, label: looked_again, when: state.touchpoints % 2 == 1}}
"""
LONG = " + ".join(["string(event.properties.note)"] * 30) + " == 'x'"
"""The slowest that a condition may be: thirty copies of nearly all that an event may carry, and then a no."""
NAMES = ("first", "second", "third")
CUSTOMERS, LOOKS = 20, 10
FAILURES = {
    "counter ratings": LOOKS,
    "signal counted": LOOKS - 1,
    "move 2 to inside": LOOKS - 1,
    "move 3 to inside": LOOKS - 1,
    "move 4 to inside": LOOKS - 1,
}
"""By place: how often each customer's touchpoints ask it; the first asks no move."""


def looked(customer: int, number: int) -> dict[str, Any]:
    properties = {"rating": "many", "note": "n" * 20_000}
    at = f"2026-01-01T10:{number:02}:{customer:02}Z"
    return {"type": "track", "event": "Looked", "userId": f"u{customer}", "timestamp": at, "properties": properties}


def test_conditions_that_fail_are_counted_by_model_and_move_and_no_partition_stops(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.yaml" for name in NAMES]
    for path in paths:
        path.write_text(MODEL.format(name=path.stem, long=LONG))
    active = json.dumps(["seven_stage", *map(str, paths)])
    with Installation(tmp_path, TAPPA_MODELS__ACTIVE=active) as tappa:
        with httpx.Client(base_url=tappa.url("ingest"), auth=(tappa.keys["app"], ""), timeout=60) as client:
            for number in range(LOOKS):
                for start in range(0, CUSTOMERS, 10):
                    batch = [looked(customer, number) for customer in range(start, start + 10)]
                    answer = client.post("/v1/batch", json={"batch": batch}).json()
                    assert answer["accepted"] == len(batch), answer
        tappa.wait_until_visible(60)
        stages = tappa.rows(
            "SELECT model, stage, highest_stage, touchpoints, count() AS customers FROM v_customers "
            "GROUP BY ALL ORDER BY model"
        )
        labels = tappa.rows("SELECT model, label, count() AS visits FROM v_stage_visits GROUP BY ALL ORDER BY ALL")
        metrics = tappa.metrics("worker")
    assert {(row["model"], row["stage"], int(row["touchpoints"]), int(row["customers"])) for row in stages} == {
        ("seven_stage", "discovery", LOOKS, CUSTOMERS),
        *((name, "outside", LOOKS, CUSTOMERS) for name in NAMES),
    }
    again = Counter({row["model"]: int(row["visits"]) for row in labels if row["label"] == "looked_again"})
    assert again == dict.fromkeys(NAMES, CUSTOMERS * LOOKS // 2)
    assert metrics["tappa_worker_fold_errors_total"] == metrics["tappa_worker_refolds_total"] == 0
    failures = {name: value for name, value in metrics.items() if "condition_errors_total" in name}
    assert failures == {
        f'tappa_worker_condition_errors_total{{model="{name}",place="{place}"}}': CUSTOMERS * asked
        for name in NAMES
        for place, asked in FAILURES.items()
    }
