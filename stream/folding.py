"""Under which models customers are folded: what the store lists, whatever the files say."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from stage_engine.model import Model, parse_model
from stage_engine.problem import ModelError
from store.interface import Fold, Generation, State

logger = logging.getLogger(__name__)

TEXTS_MAX: Final = 64
"""Compiled models that are remembered."""


class Folding(msgspec.Struct, frozen=True, kw_only=True):
    """A model with the generation whose rows it makes."""

    model: Model
    generation: Generation

    @property
    def key(self) -> str:
        """What a customer's journeys are kept by."""
        return self.generation.key

    @property
    def fold(self) -> Fold:
        """What the store calls its rows."""
        return Fold(model=self.generation.model, generation=self.generation.number, version=self.model.version)


def first_generations(models: Iterable[Model], modelled: Iterable[tuple[str, int]]) -> list[Generation]:
    """What to list where nothing is: these models serve; others under which there are rows (``modelled``, as of
    ``Store.read_modelled``) no longer do."""
    serving = [
        Generation(model=one.name, number=0, version=one.version, text=one.text, state=State.SERVING) for one in models
    ]
    gone = sorted({name for name, _ in modelled} - {one.model for one in serving})
    return [
        *serving,
        *(Generation(model=name, number=0, version="", text="", state=State.GONE) for name in gone),
    ]


def foldings(generations: Sequence[Generation], state: State) -> list[Folding]:
    """Those of the generations that are in this state. One that is still being folded, and that this code reads
    otherwise than the code that began it, is left out: its rows could not be told apart. Raises ``ModelError`` for a
    text that is no model."""
    found = []
    for one in generations:
        if one.state is not state:
            continue
        model = compiled(one.text, one.model)
        if state is State.REBUILDING and model.version != one.version:
            logger.warning(
                "another version of Tappa began the rebuild of %s: cancel it (tappa model rebuild --cancel) "
                "and begin again",
                one.model,
            )
            continue
        found.append(Folding(model=model, generation=one))
    return found


@lru_cache(maxsize=TEXTS_MAX)
def compiled(text: str, name: str) -> Model:
    """The model of a text in the store. Raises ``ModelError``."""
    try:
        return parse_model(text, f"the stored text of {name}")
    except ModelError:
        logger.error("the model %s, as the store has it, cannot be read by this version of Tappa", name)
        raise
