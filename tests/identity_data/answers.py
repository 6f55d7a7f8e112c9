"""Who is who in real data: the real worker over touchpoints, on the log and store of the process's memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stage_engine.identity.limits import Limits
from stage_engine.identity.resolve import EVER, whose_at
from stage_engine.touchpoint import Touchpoint
from store.memory import MemoryStore
from stream.metrics import WorkerMetrics
from stream.worker import Worker
from tests.stream.test_worker import MODEL, SETTINGS, append, drain, new_log

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
PAGE = (ROOT / "docs" / "identity-real-data.md").read_text(encoding="utf-8")


class Answers:
    """What the worker has written about identities."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        facts = [one for known in store.touchpoints.values() for one in known.values()]
        self.touchpoints = sorted(facts, key=lambda one: one.order)
        self.customers = {customer for (customer, _), row in store.customers.items() if row.journey is not None}

    def whose(self, identifier: str, at: int) -> str:
        """The customer that an identifier stands for at a time."""
        row = self._store.identities.get(identifier)
        return whose_at(row.stretches if row else ((EVER, identifier),), at)

    def customer(self, touchpoint: Touchpoint) -> str:
        """Whose the touchpoint is."""
        return self.whose(touchpoint.home, touchpoint.occurred_at)

    def of(self, customer: str) -> list[Touchpoint]:
        """All of a customer's, in order."""
        return [one for one in self.touchpoints if self.customer(one) == customer]


async def answers(touchpoints: Sequence[Touchpoint], limits: Limits) -> Answers:
    """The answers once everything is worked off; everybody who has touchpoints has a journey."""
    log, store = new_log(), MemoryStore()
    worker = Worker(log, store, (MODEL,), SETTINGS, WorkerMetrics(), limits=limits)
    await append(log, *touchpoints)
    await worker.start()
    await drain(worker)
    found = Answers(store)
    assert found.customers == {found.customer(one) for one in found.touchpoints}
    return found


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """As a page of the docs has it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
