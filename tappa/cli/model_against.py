"""A model file held against what the store has: ``tappa model check --against``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tappa.cli.identity import Context, asked, shown
from tappa.cli.model_reading import read_model

if TYPE_CHECKING:
    from explore.unmatched import UnmatchedEvent
    from stage_engine.problem import Problem


def unmatched_events(name: str, data: Path) -> list[Problem]:
    """A doubt for each of the most frequent events that no signal matches, the most frequent first. Ends the command
    where the store cannot be asked."""
    from explore.unmatched import unmatched

    file, problems, _ = read_model(name)

    async def question(context: Context) -> list[UnmatchedEvent]:
        return await unmatched(context.store, file.signals)

    return [problems.problem(("signals",), _doubt(event)) for event in asked(data, question)]


def _doubt(event: UnmatchedEvent) -> str:
    where = f" ({', '.join(filter(None, event.channels))})" if any(event.channels) else ""
    touchpoints = "1 touchpoint" if event.touchpoints == 1 else f"{event.touchpoints:,} touchpoints"
    customers = "1 customer" if event.customers == 1 else f"{event.customers:,} customers"
    return shown(
        f"no signal matches {event.type} '{event.event}'{where}, {touchpoints} of {customers}: "
        "add it to a signal, or leave it if it says nothing of the journey"
    )
