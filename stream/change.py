"""A change of the journey models, seen from outside the workers: what is to be rebuilt, how it is begun, and how it
ends. One at a time may change them; each step may be repeated after a crash."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from msgspec.structs import replace

from stage_engine.model import Model
from store.interface import PROGRESS_END, Generation, State, Store
from stream.folding import foldings
from stream.log.interface import Log
from stream.log.message import Rebuild, encode_message


class UnfinishedError(RuntimeError):
    """Not everybody is folded under the new versions yet: nothing was switched."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How the models that somebody wants differ from those that serve."""

    changed: tuple[Model, ...]
    """Those of which another version serves."""
    added: tuple[Model, ...]
    """Those of which none does."""
    dropped: tuple[str, ...]
    """The names of those that serve and are not wanted."""

    @property
    def to_fold(self) -> tuple[Model, ...]:
        """Those under which everybody has to be folded."""
        return (*self.changed, *self.added)


def difference(listed: Sequence[Generation], wanted: Sequence[Model]) -> Difference:
    """What differs between the models that the store lists and those that are wanted. Raises ``ModelError``."""
    serving = {one.model.name: one.model for one in foldings(listed, State.SERVING)}
    return Difference(
        changed=tuple(one for one in wanted if one.name in serving and serving[one.name].version != one.version),
        added=tuple(one for one in wanted if one.name not in serving),
        dropped=tuple(sorted(serving.keys() - {one.name for one in wanted})),
    )


def under_way(listed: Sequence[Generation]) -> list[Generation]:
    """The generations that are being folded."""
    return [one for one in listed if one.state is State.REBUILDING]


async def begin(log: Log, store: Store, database: str, models: Sequence[Model]) -> int:
    """Have all workers fold everybody under these models, beside those that serve. Returns the number of the new
    generations. Raises ``StoreError`` and ``LogError``; after the latter ``tell`` makes up for what is missing."""
    number = 1 + max((one.number for one in await store.read_models()), default=0)
    await store.write_models(
        [
            Generation(model=one.name, number=number, version=one.version, text=one.text, state=State.REBUILDING)
            for one in models
        ]
    )
    await tell(log, database, number)
    return number


async def tell(log: Log, database: str, number: int) -> None:
    """Tell the owner of every partition to fold by what the store lists now; harmless when repeated."""
    message = encode_message(Rebuild(database=database, generation=number))
    await log.append({partition: [message] for partition in range(log.partitions)}, internal=True)


async def is_done(log: Log, store: Store, number: int) -> bool:
    """Whether everybody is folded under the new generations."""
    progress = await store.read_progress(number)
    return {one.partition for one in progress if one.done == PROGRESS_END} == set(range(log.partitions))


async def switch(log: Log, store: Store, database: str, *, dropped: Collection[str] = ()) -> None:
    """Have the views show the generations that were folded in place of their models' former ones, and no longer the
    models that are ``dropped``: by one insert. Then tell the workers. Raises ``UnfinishedError``."""
    listed = await store.read_models()
    new = under_way(listed)
    for number in {one.number for one in new}:
        if not await is_done(log, store, number):
            raise UnfinishedError(f"rebuild {number} has not folded everybody yet")
    leaving = {one.model for one in new}.union(dropped)
    old = [one for one in listed if one.state is State.SERVING and one.model in leaving]
    await store.write_models(
        [
            *(replace(one, state=State.SERVING) for one in new),
            *(replace(one, state=State.GONE) for one in old),
        ]
    )
    await tell(log, database, max(one.number for one in listed))


async def cancel(log: Log, store: Store, database: str) -> list[Generation]:
    """Give up what is being folded; returns it. What serves goes on."""
    given_up = under_way(await store.read_models())
    if given_up:
        await store.write_models([replace(one, state=State.GONE) for one in given_up])
        await tell(log, database, max(one.number for one in given_up))
    return given_up


async def leftovers(store: Store) -> list[Generation]:
    """The generations that are gone and whose rows are still there. Workers may not have been told: whoever dropped
    them may have died before."""
    modelled = await store.read_modelled()
    return [one for one in await store.read_models() if one.state is State.GONE and (one.model, one.number) in modelled]
