from __future__ import annotations

from msgspec.structs import replace

from explore.unmatched import UNMATCHED_MAX, unmatched
from stage_engine.model_file import SignalFile
from tests.explore.conftest import World
from tests.stream.touchpoints import touchpoint


async def test_the_most_frequent_events_come_first_and_are_at_most_ten(world: World) -> None:
    names = [f"{event}-{n}" for event in range(15) for n in range(event + 1)]
    await world.send(*(touchpoint(name, at=at, user="ada", event=name.split("-")[0]) for at, name in enumerate(names)))
    found = await unmatched(world.store, {"known": SignalFile(event=["14"])})
    assert len(found) == UNMATCHED_MAX
    assert [(one.event, one.touchpoints, one.customers) for one in found[-2:]] == [("5", 6, 1), ("4", 5, 1)]


async def test_an_event_that_a_signal_knows_in_another_channel_only_is_told_with_its_channels(world: World) -> None:
    shown = touchpoint("1", user="ada", event="It's \\ shown")
    await world.send(shown, replace(shown, message_id="2", channel="store", user_id="bob"))
    [found] = await unmatched(world.store, {"seen": SignalFile(event=["It's \\ shown"], channel=["store"])})
    assert (found.type, found.event, found.channels, found.touchpoints) == ("track", "It's \\ shown", ("web",), 1)
    everything = await unmatched(world.store, {"any": SignalFile(when="event.offline")})
    assert [(one.channels, one.customers) for one in everything] == [(("store", "web"), 2)]
