"""Why a customer's journey went as it did, under any model: the one that is folded, or one that might be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from explore.asked import Typed
from explore.explained import Explained, ExplainedTouchpoint, MoveMade, MoveRefused, Silence
from explore.owner import owner_of
from stage_engine.explain import Asked, Silent, Step, explain
from stage_engine.identity.limits import Limits
from stage_engine.model import Model
from stage_engine.way import Move
from store.clickhouse import ClickHouseStore
from store.histories import read_histories

STEPS_MAX: Final = 1_000
"""Most touchpoints that an answer explains."""


async def explained(store: ClickHouseStore, limits: Limits, asked: Typed, model: Model, last: int) -> Explained:
    """The last touchpoints of the customer that the identifier leads to today, each with what it did. Who is who is as
    of now, and so is what each touchpoint did; a worker that has not caught up yet still shows less. Raises
    ``RefusedError`` and ``StoreError``."""
    owner = await owner_of(store, limits, asked)
    histories = await read_histories(store, [owner.customer_id], owner.asking)
    walk = explain(model, histories.get(owner.customer_id, []))
    return Explained(
        asked=owner.asked,
        customer_id=owner.customer_id,
        model=model.name,
        model_version=model.version,
        touchpoints_count=len(walk.steps),
        touchpoints=tuple(map(_touchpoint, walk.steps[-last:])),
        planned=tuple(map(_silence, walk.planned)),
    )


def _touchpoint(step: Step) -> ExplainedTouchpoint:
    touchpoint = step.touchpoint
    return ExplainedTouchpoint(
        occurred_at=_moment(touchpoint.occurred_at),
        type=touchpoint.type,
        event=touchpoint.event,
        channel=touchpoint.channel,
        source=touchpoint.source,
        message_id=touchpoint.message_id,
        skipped=step.skipped,
        silence=tuple(map(_silence, step.silence)),
        stage_before=step.found,
        signals=step.signals,
        move=_made(step.move) if step.move else None,
        refused=tuple(map(_refused, step.asked)),
        reasons=tuple(_reasons(step)),
    )


def _silence(silent: Silent) -> Silence:
    lapse = silent.lapse
    return Silence(
        at=_moment(silent.entered_at),
        from_stage=lapse.from_stage,
        to_stage=lapse.to,
        label=lapse.label,
        place=f"move {lapse.place + 1}",
    )


def _made(move: Move) -> MoveMade:
    return MoveMade(from_stage=move.from_stage, to_stage=move.to, label=move.label, place=_place(move))


def _refused(asked: Asked) -> MoveRefused:
    move = asked.move
    return MoveRefused(
        place=_place(move),
        signal=_signal(move),
        condition=_condition(move),
        answer=asked.answer,
        state=dict(asked.state),
    )


def _reasons(step: Step) -> Iterator[str]:
    if step.skipped == "void":
        yield f"skipped: it takes back {step.touchpoint.refers_to or 'nothing that it names'}"
    if step.skipped == "voided":
        yield "skipped: this sale was taken back, as if it had never been sent"
    for name in step.signals_failed:
        yield f"signal {name}: its condition could not be evaluated, which means no"
    for asked in step.asked:
        said = "was no" if asked.answer == "no" else "could not be evaluated, which means no"
        read = ", ".join(f"state.{name} was {_shown(value)}" for name, value in sorted(asked.state.items()))
        where = f"{_place(asked.move)} on {_signal(asked.move)}"
        yield f"{where}: condition `{_condition(asked.move)}` {said}" + (f" ({read})" if read else "")
    if step.move is None and not step.skipped:
        yield from _unmoved(step)


def _unmoved(step: Step) -> Iterator[str]:
    """Signals that no move from the stage asks for."""
    asked = {_signal(one.move) for one in step.asked}
    unused = [name for name in step.signals if name not in asked]
    if not step.signals:
        yield "no signal"
    elif unused:
        yield f"no move from {step.found} on {_listed(unused)}"


def _listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _place(move: Move) -> str:
    return f"{'move' if move.from_stage else 'entry'} {move.place + 1}"


def _signal(move: Move) -> str:
    return move.signal.name if move.signal else ""


def _condition(move: Move) -> str:
    return " ".join(move.when.text.split()) if move.when else ""


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
