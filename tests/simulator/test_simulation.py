"""The law under the simulator, and the simulator's teeth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import pytest
from msgspec.structs import replace

from stage_engine.identity.link import Link
from stage_engine.identity.news import Herald, Judgement, News
from stage_engine.identity.reading import Reading, reading_of
from stage_engine.identity.resolve import Stretches
from store import memory
from store.interface import CustomerRow, Sighting
from store.memory import MemoryStore
from stream import routing, worker
from stream.identities import Identities
from stream.words import Words
from stream.worker import Worker
from tests.simulator.seeds import failures, in_words, noticed, replay, smallest, wrong

SEEDS: Final = int(os.environ.get("TAPPA_SIMULATE_SEEDS", "1000"))


@pytest.mark.slow
def test_every_history_ends_in_the_rows_of_brute_force() -> None:
    bad = [(seed, errors) for seed, errors in failures(range(SEEDS)) if errors]
    if bad:
        seed, errors = bad[0]
        history, interleaving = smallest(seed)
        lines = [f"{len(bad)} of {SEEDS} histories went wrong; seed {seed}:", *errors, str(history.limits)]
        pytest.fail("\n".join([*lines, in_words(history), replay(history, interleaving)]))


Sabotage = Callable[[pytest.MonkeyPatch], None]


def no_versions(patch: pytest.MonkeyPatch) -> None:
    async def write_customers(self: MemoryStore, rows: Sequence[CustomerRow]) -> None:
        self.generations |= {(row.customer_id, row.model, row.generation): row for row in rows}

    patch.setattr(MemoryStore, "write_customers", write_customers)


def links_after_reading(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Identities, "sightings", lambda self, links: [])


def silent_before_settled(patch: pytest.MonkeyPatch) -> None:
    read = reading_of

    def all_settled(identifier: str, links: Iterable[Link]) -> Reading:
        return read(identifier, [replace(link, settled=True) for link in links])

    patch.setattr(memory, "reading_of", all_settled)


def shared_before_settled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reading, "told", lambda self: self)


def nobody_is_told_of_changes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Words, "changed", lambda self, identifiers: None)


def only_its_own_identifiers_are_told(patch: pytest.MonkeyPatch) -> None:
    news = Herald.news

    def some(self: Herald, judgements: Iterable[Judgement]) -> News:
        judgements = list(judgements)
        own = frozenset(one for judgement in judgements for one in judgement.said.about)
        found = news(self, judgements)
        return replace(found, changed=found.changed & own)

    patch.setattr(Herald, "news", some)


def settled_before_told(patch: pytest.MonkeyPatch) -> None:
    sightings = Identities.sightings

    def settled(self: Identities, links: Iterable[Link]) -> list[Sighting]:
        return [(one, replace(link, settled=True)) for one, link in sightings(self, links)]

    patch.setattr(Identities, "sightings", settled)


def nothing_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    remember = Identities.remember

    def once(self: Identities, home: str, stretches: Stretches) -> None:
        if self.whose(home) is None:
            remember(self, home, stretches)

    patch.setattr(Identities, "heard", lambda self, changed: {})
    patch.setattr(Identities, "remember", once)


def customers_are_not_folded_again(patch: pytest.MonkeyPatch) -> None:
    async def alone(changed: Iterable[str], *rest: Any, **named: Any) -> routing.Changes:
        *others, _ = rest
        found = await routing.look_again(changed, *others, Words("", 1), **named)
        return replace(found, refolds=found.refolds & found.whose.keys())

    patch.setattr(worker, "look_again", alone)


def changed_identifiers_are_not_folded_again(patch: pytest.MonkeyPatch) -> None:
    async def others(changed: Iterable[str], *rest: Any, **named: Any) -> routing.Changes:
        found = await routing.look_again(changed, *rest, **named)
        return replace(found, refolds=found.refolds - found.whose.keys(), gone=set())

    patch.setattr(worker, "look_again", others)


def all_that_is_gone_went_right(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Identities, "all_went", lambda self, identifier, stretches, words: True)


def words_of_others_are_foreseen(patch: pytest.MonkeyPatch) -> None:
    heard = Identities.heard

    def mine(self: Identities, changed: Mapping[str, int]) -> dict[str, Stretches]:
        self.said(changed, changed)
        return heard(self, changed)

    patch.setattr(Identities, "heard", mine)


def committed_first(patch: pytest.MonkeyPatch) -> None:
    settle = Worker._settle

    async def early(self: Worker, taken: Any) -> None:
        if taken is not None:
            self._positions |= taken.batch.positions
            await self._log.commit(taken.batch.positions)
            await self._note_positions()
        await settle(self, taken)

    patch.setattr(Worker, "_settle", early)


RULES: Final[Mapping[str, tuple[Sabotage, int, int]]] = {
    "2: links are inserted before anything is read": (links_after_reading, 2, 300),
    "3: a link is silent only because of settled ones": (silent_before_settled, 6, 300),
    "4: others are told, and not only the link's own identifiers": (only_its_own_identifiers_are_told, 6, 300),
    "4: an identifier counts as shared only by settled links": (shared_before_settled, 6, 300),
    "6: a link is settled only after its messages are in the log": (settled_before_told, 6, 300),
    "7: the customers that a changed identifier stands for are folded again": (customers_are_not_folded_again, 3, 300),
    "7: a changed identifier is folded again itself": (changed_identifiers_are_not_folded_again, 4, 300),
    "7: nothing is folded again only where all went where it goes now": (all_that_is_gone_went_right, 70, 300),
    "7: nothing is foreseen of what others tell": (words_of_others_are_foreseen, 287, 600),
    "10: the position is committed last": (committed_first, 3, 600),
}
"""Rules of DESIGN 3.1, how to break each, a seed at which the simulator is likely to notice, and within how many it has
to. For the rest, which chance seldom meets, ``test_directed.py`` has a history each."""


@pytest.mark.parametrize("rule", RULES)
def test_the_simulator_notices_when_a_rule_is_broken(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sabotage, likely, within = RULES[rule]
    sabotage(monkeypatch)
    assert noticed(likely, within, wrong), f"broken rule {rule} went unnoticed in {within} histories"


def test_without_a_broken_rule_nothing_is_noticed() -> None:
    assert [seed for seed in range(20) if wrong(seed)] == []
