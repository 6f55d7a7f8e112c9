"""What a model reads of a touchpoint."""

from __future__ import annotations

import pytest

from stage_engine.model import load_model, parse_model, shipped_models
from stage_engine.reads import fields_read

MODEL = """
name: reading
stages: [{name: one}, {name: two}]
signals:
  paid: {event: Order Completed, when: event.value > 3.0}
  met: {when: event.context.page == 'x'}
counters: {rated: {last: event.properties.rating, on: paid}}
entry: [{on: met, to: two, when: event.offline}, {to: one}]
moves: [{from: one, on: paid, to: two, when: event.score > 3.0 && state.purchases > 1}]
"""


def test_every_condition_and_counter_is_asked_of_the_events_of_its_signal() -> None:
    paid = frozenset({"Order Completed"})
    found = fields_read([parse_model(MODEL)])
    assert found == {
        **{"value": paid, "properties": paid, "score": paid},
        **{"context": None, "offline": None},
        "event": None,
    }


def test_what_one_model_reads_of_all_is_read_of_all() -> None:
    other = MODEL.replace("{event: Order Completed, when: event.value", "{when: event.value").replace(
        "reading", "other"
    )
    assert fields_read([parse_model(MODEL), parse_model(other)])["value"] is None


@pytest.mark.parametrize("model", shipped_models())
def test_no_shipped_model_reads_what_is_long(model: str) -> None:
    found = fields_read([load_model(model)])
    assert not found.keys() & {"traits", "context"}
    assert found.get("properties", frozenset()) is not None
