from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from explore.suggest import suggested
from explore.suggested import Suggested
from stage_engine.model import model_text
from stage_engine.silence import silence_ms
from stage_engine.touchpoint import Touchpoint, place
from tests.explore.conftest import World
from tests.stream.touchpoints import DAY_MS, touchpoint

DAYS = 730


def sale(name: str, at: float, user: str, *categories: str) -> Touchpoint:
    made = touchpoint(name, at=round(at), user=user, event="Order Completed", transaction="sale", value=100_000)
    products = [{"product_id": "p", "category": category} for category in categories]
    return replace(made, properties=json.dumps({"products": products}).encode()) if categories else made


def shop(gap: int, rhythm: str, seed: int) -> Iterator[Touchpoint]:
    """Two years of customers who begin at any time, and of whom a quarter leaves for good after each purchase."""
    dice = random.Random(seed)
    for number in range(400):
        at = dice.uniform(0, DAYS)
        serial = 0
        while at < DAYS:
            yield sale(f"{number}-{serial}", at * DAY_MS, f"u{number}")
            serial += 1
            if dice.random() < 0.25:
                break
            at += max(1.0, dice.gauss(gap, 0.2 * gap)) if rhythm == "steady" else dice.expovariate(1 / gap)
    yield touchpoint("last", at=DAYS * DAY_MS, user="u0")


async def asked(world: World, name: str = "seven_stage") -> Suggested:
    return await suggested(world.store, *model_text(name))


@pytest.mark.parametrize("rhythm", ["steady", "at random"])
@pytest.mark.parametrize("gap", [20, 200])
async def test_the_time_outs_are_those_of_the_shop(world: World, gap: int, rhythm: str) -> None:
    await world.store.write_touchpoints([place(one) for one in shop(gap, rhythm, seed=gap)])
    found = await asked(world)
    lapsing, lost = found.time_outs
    assert (lapsing.label, lapsing.after, lost.label, lost.after) == ("lapsing", "P90D", "lost", "P365D")
    assert silence_ms(lapsing.proposed) / DAY_MS == pytest.approx(gap, rel=0.2)
    assert silence_ms(lost.proposed) / silence_ms(lapsing.proposed) == pytest.approx(365 / 90, rel=0.05)
    assert "-  - {from: [purchase, post_sale, loyalty, advocacy], after: P90D, label: lapsing}\n" in found.patch
    assert f"after: {lapsing.proposed}, label: lapsing}}\n" in found.patch
    assert found.gaps[0].coming_back == pytest.approx(0.75, abs=0.08)


async def test_a_history_that_is_too_short_for_its_gaps_is_told(world: World) -> None:
    first = [sale(f"first{n}", n, f"u{n}") for n in range(100)]
    again = [sale(f"again{n}", (n + 1) * DAY_MS, f"u{n}") for n in range(40)]
    await world.send(*first, *again, touchpoint("last", at=60 * DAY_MS, user="u0"))
    [note] = (await asked(world)).notes
    assert note.startswith("nobody has been followed for more than 60 days after a purchase: ")


async def test_gaps_are_told_by_category_and_voided_or_split_sales_make_none(world: World) -> None:
    await world.send(
        *(sale(f"{n}", n * 10 * DAY_MS, "ada", "shoes", "shoes") for n in range(4)),
        sale("parcel", 1_000, "ada", "socks"),
        sale("hats", 35 * DAY_MS, "ada", "hats"),
        sale("wrong", 45 * DAY_MS, "ada", "hats"),
        touchpoint("void", at=45 * DAY_MS + 1, user="ada", event="Order Voided", transaction="void", refers_to="wrong"),
        touchpoint("last", at=80 * DAY_MS, user="ada"),
    )
    found = await asked(world)
    assert [(one.category, one.gaps, one.waiting, one.p50_days) for one in found.gaps] == [
        ("", 4, 1, 10),
        ("shoes", 3, 1, 10),
        ("hats", 0, 1, None),
        ("socks", 0, 1, None),
    ]
    assert (found.time_outs, found.patch) == ((), "")
    assert found.notes == ("4 repurchase gaps: fewer than 30 prove nothing, so no time-out is proposed",)


def visits() -> Iterator[Touchpoint]:
    """Sixty people have a fitting or a lunch; two of three buy after a fitting, one of ten after a lunch."""
    for n in range(60):
        yield touchpoint(f"f{n}", at=n, user=f"f{n}", event="Fitting Booked")
        yield touchpoint(f"l{n}", at=n, user=f"l{n}", event="Lunch")
    yield from (sale(f"sf{n}", DAY_MS + n, f"f{n}") for n in range(60) if n % 3)
    yield from (sale(f"sl{n}", DAY_MS + n, f"l{n}") for n in range(60) if n % 10 == 0)
    yield from (sale(f"late{n}", 31 * DAY_MS + n, f"l{n}") for n in range(60) if n % 10)


async def test_an_event_that_purchases_follow_is_worth_a_signal_and_one_that_they_do_not_is_none(world: World) -> None:
    await world.send(*visits())
    found = await asked(world)
    [signal] = found.signals
    assert (signal.name, signal.event, signal.touchpoints, signal.customers) == (
        "fitting_booked", "Fitting Booked", 60, 60,
    )  # fmt: skip
    assert (signal.bought, signal.average) == (pytest.approx(40 / 60, abs=1e-4), pytest.approx(46 / 120, abs=1e-4))
    assert '+  fitting_booked: {event: "Fitting Booked"}\n' in found.patch


async def test_stages_that_nobody_enters_are_told_of_an_active_model_only(world: World) -> None:
    await world.send(touchpoint("1", user="ada"), sale("2", 5, "ada"))
    found = await asked(world)
    assert [(one.stage, one.customers) for one in found.stages if one.customers] == [("discovery", 1), ("purchase", 1)]
    assert found.never_entered == ("evaluation", "interest", "post_sale", "loyalty", "advocacy")
    other = await asked(world, "linear")
    assert (other.stages, other.never_entered) == ((), ())
    assert any("only an active model" in note for note in other.notes)


async def test_an_empty_store_says_that_it_is_too_early(world: World) -> None:
    found = await asked(world)
    assert (found.gaps, found.time_outs, found.signals, found.patch) == ((), (), (), "")
    assert len(found.notes) == 2
