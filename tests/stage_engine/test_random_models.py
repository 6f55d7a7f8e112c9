"""Any model and any history: steps, the fold and the brute force agree, and the journey survives being written."""

from __future__ import annotations

import msgspec
from hypothesis import assume, given, settings
from jsonschema import Draft202012Validator

from stage_engine.fold import Bearing, bearing, fold, step
from stage_engine.journey import Journey
from stage_engine.model import Model, ModelError, parse_model
from stage_engine.schema import model_schema
from stage_engine.touchpoint import Touchpoint
from stage_engine.yaml_source import read_source
from tests.reference.reference import Reference
from tests.stage_engine.histories import histories
from tests.stage_engine.models import models
from tests.stage_engine.test_fold import plain, read, reference_rows, rows

JUDGE = Draft202012Validator(model_schema())


def parsed(text: str) -> Model:
    """A forward-only model may have a move that can never be made, which is refused: another one is drawn then."""
    try:
        return parse_model(text)
    except ModelError as error:
        assume(not all("it only leads back" in problem for problem in error.problems))
        raise


def written(journey: Journey) -> Journey:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(journey), type=Journey)


@settings(max_examples=150, deadline=None)
@given(text=models(), history=histories(size_max=12))
def test_the_fold_under_any_model_is_what_the_brute_force_finds(text: str, history: list[Touchpoint]) -> None:
    model = parsed(text)
    reference = Reference([plain(touchpoint) for touchpoint in history], text)
    journey = fold(model, history)
    if journey is None:
        assert reference.visits == {}
        return
    assert rows(journey) == reference_rows(reference.visits["user:u"])
    assert read(model, journey) == reference.model.counts


@settings(max_examples=100, deadline=None)
@given(text=models(), history=histories(size_max=12))
def test_steps_under_any_model_give_the_fold_even_when_written_and_read_in_between(
    text: str, history: list[Touchpoint]
) -> None:
    model = parsed(text)
    journey = None
    for arrived, touchpoint in enumerate(history, 1):
        whole = fold(model, history[:arrived])
        found = Bearing.DOUBT if journey is None else bearing(journey, touchpoint)
        if journey is not None and found is Bearing.NEW:
            journey = step(model, written(journey), touchpoint)
        elif found is Bearing.DOUBT:
            journey = whole
        assert journey == whole


@given(text=models())
def test_any_such_model_fits_the_schema(text: str) -> None:
    JUDGE.validate(read_source(text).data)
