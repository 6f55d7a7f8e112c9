"""Asking who is who: what a question needs is read in rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from msgspec.structs import replace

from stage_engine.identity.limits import Limits
from stage_engine.identity.link import Link
from stage_engine.identity.news import Herald
from stage_engine.identity.resolve import UnreadError
from stage_engine.touchpoint import identity_of
from store.interface import Store

Answer = TypeVar("Answer")
Item = TypeVar("Item")

WHOLE_GROUP: Final = 1_000_000
READ_MAX: Final = 5_000
"""Identifiers in one question to the store."""


class Patience(Protocol):
    """Whoever knows how often the store is asked again when it does not answer."""

    async def __call__(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The store's answer."""


async def at_once(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """No patience: what the store raises comes through."""
    return await ask()


class Asking:
    """A ``Herald`` that reads what it needs: one state of the links, for the questions of one batch. Several may ask at
    once, and then share the reading."""

    def __init__(self, herald: Herald, limits: Limits, store: Store, patience: Patience) -> None:
        self.herald = herald
        self.limits = limits
        self._store = store
        self._patiently = patience
        self._unread: set[str] = set()
        self._neighbours_of: set[str] = set()
        self._reading: asyncio.Future[None] | None = None

    async def answers(self, questions: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """The answers to all questions, in a few rounds of reading."""
        answers: dict[int, Answer] = {}
        open_questions = list(range(len(questions)))
        while open_questions:
            unread: set[str] = set()
            neighbours_of: set[str] = set()
            still_open: list[int] = []
            for number in open_questions:
                try:
                    answers[number] = questions[number]()
                except UnreadError as error:
                    unread |= error.identifiers
                    neighbours_of |= error.neighbours_of
                    still_open.append(number)
            open_questions = still_open
            await self._read(unread, neighbours_of)
        return [answers[number] for number in range(len(questions))]

    async def corrected(self, links: Sequence[Link]) -> set[bytes]:
        """By identity those of the touchpoints that carry no user, and of which a copy is there whose clock was
        corrected, be it this one."""
        found = {identity_of(link.order) for link in links if link.is_corrected}
        plain = [link for link in links if not link.is_corrected]
        for some in chunks(plain, READ_MAX):
            found |= await self._patiently(partial(self._store.read_corrected, some))
        return found

    async def _read(self, unread: Collection[str], neighbours_of: Collection[str]) -> None:
        """Read these, together with what others who ask at the same time want read."""
        if not (unread or neighbours_of):
            return
        self._unread.update(unread)
        self._neighbours_of.update(neighbours_of)
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read_soon())
        await self._reading

    async def _read_soon(self) -> None:
        await asyncio.sleep(0)
        unread, neighbours_of, self._reading = sorted(self._unread), sorted(self._neighbours_of), None
        self._unread.clear()
        self._neighbours_of.clear()
        for some in chunks(unread, READ_MAX):
            self.herald.learn(await self._patiently(partial(self._store.read_readings, some, self.limits)))
        for some in chunks(neighbours_of, READ_MAX):
            self.herald.learn_neighbours(await self._patiently(partial(self._store.read_neighbours, some)))


async def fresh_asking(
    store: Store, limits: Limits, patience: Patience = at_once, *, unshared: Collection[str] = ()
) -> Asking:
    """A fresh start: what is read from now on sees all that was written before. With ``unshared`` as if nobody of these
    was shared, and no group too large: so it finds everybody whom a decision about them concerns."""
    decided = await patience(store.read_decisions)
    limits = replace(
        limits,
        allowed=(limits.allowed | decided.allowed).union(unshared),
        blocked=(limits.blocked | decided.blocked).difference(unshared),
        group_max=WHOLE_GROUP if unshared else limits.group_max,
    )
    return Asking(Herald(limits, decided.splits), limits, store, patience)


def chunks(items: Sequence[Item], size: int) -> Iterable[Sequence[Item]]:
    """``items`` in pieces of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
