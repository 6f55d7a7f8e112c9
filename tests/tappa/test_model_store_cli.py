"""``tappa model`` over what the store has: a real store, filled by the real worker."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from msgspec.structs import replace

from stage_engine.model import SHIPPED
from stage_engine.touchpoint import Touchpoint
from store.migrate import migrate
from store.settings import StoreSettings
from tests.emptied import emptied
from tests.explore.conftest import World
from tests.stream.touchpoints import DAY_MS, touchpoint
from tests.typed import typed


class Shop:
    """A data directory whose settings name a store."""

    def __init__(self, data: Path, store: StoreSettings) -> None:
        self.data = data
        self._store = store
        (data / "tappa.toml").write_text(
            f'[store]\nhost = "{store.host}"\nport = {store.port}\nuser = "{store.user}"\n'
            f'password = "{store.password.get_secret_value()}"\ndatabase = "{store.database}"\n'
        )

    def send(self, *touchpoints: Touchpoint) -> None:
        """All that follows from them is visible on return."""

        async def sent() -> None:
            async with emptied(self._store) as store:
                await World(store).send(*touchpoints)

        asyncio.run(sent())

    def tappa(self, *arguments: str) -> Result:
        return typed("model", *arguments, "--data", str(self.data))

    def said(self, *arguments: str) -> str:
        done = self.tappa(*arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.said(*arguments, "--json"))


@pytest.fixture
def shop(tmp_path: Path, embedded_store: StoreSettings, backend_ran: Callable[[str], None]) -> Shop:
    settings = embedded_store.model_copy(update={"database": "tappa_model_commands"})
    asyncio.run(migrate(settings, default_model="seven_stage", reporting_currency="EUR"))
    backend_ran("store: clickhouse")
    return Shop(tmp_path, settings)


def page(name: str, at: int) -> Touchpoint:
    return replace(touchpoint(name, at=at, user="ada", event="Page Viewed"), type="page")


def test_explain_says_of_each_touchpoint_what_it_did_and_why(shop: Shop) -> None:
    shop.send(
        page("1", 0),
        page("2", 60_000),
        touchpoint("3", at=DAY_MS, user="ada", event="Order Completed", transaction="sale", contacts=("email:a@x",)),
        touchpoint("4", at=100 * DAY_MS, user="ada", event="Lunch\x1b[2J"),
        touchpoint("5", at=10_000 * DAY_MS, user="ada", event="Lunch"),
        touchpoint("6", at=-7_000 * DAY_MS, user="bob", event="Order Completed", transaction="sale"),
    )
    assert shop.said("explain", "email:a@x").splitlines() == [
        "email:a@x leads to user:ada, under seven_stage",
        "",
        "2025-06-15 15:06:40 web          Page Viewed [visited]: begins in discovery (entry 11)",
        "2025-06-15 15:07:40 web          Page Viewed [visited]: no move from discovery",
        "    move 24 on visited: condition `state.silence_s >= 1800 && state.silence_s <= 1209600` was no "
        "(state.silence_s was 60)",
        "2025-06-16 15:06:40 web          Order Completed [bought]: discovery -> purchase (move 1)",
        "2025-09-14 15:06:40              silence: purchase -> purchase, lapsing (move 26)",
        "2025-09-23 15:06:40 web          Lunch·[2J: no move from purchase",
        "    no signal",
        "2025-12-22 15:06:40              silence: purchase -> purchase, lapsing (move 26)",
        "2026-09-23 15:06:40              silence: purchase -> purchase, lost (move 27)",
        "2052-10-31 15:06:40 web          Lunch: no move from purchase",
        "    no signal",
        "",
        "planned, if nobody arrives before",
        "2053-01-29 15:06:40              silence: purchase -> purchase, lapsing (move 26)",
        "2053-10-31 15:06:40              silence: purchase -> purchase, lost (move 27)",
    ]
    assert shop.said("explain", "user:bob").splitlines()[2:] == [
        "2006-04-16 15:06:40 web          Order Completed [bought]: begins in purchase (entry 1)",
        "2006-07-15 15:06:40              silence: purchase -> purchase, lapsing (move 26)",
        "2007-04-16 15:06:40              silence: purchase -> purchase, lost (move 27)",
    ]
    assert "\n5 touchpoints; the first 4 are left out (--last)\n" in shop.said("explain", "user:ada", "--last", "1")


def test_explain_answers_machines_in_json_under_any_model(shop: Shop) -> None:
    shop.send(touchpoint("1", user="ada", event="Order Completed", transaction="sale"))
    found = shop.json("explain", "user:ada", "--model", "linear")
    assert (found["model"], found["customer_id"], found["touchpoints_count"]) == ("linear", "user:ada", 1)
    [step] = found["touchpoints"]
    assert (step["signals"], step["move"]["to_stage"]) == (["bought"], "purchase")
    assert [one["label"] for one in found["planned"]] == ["settled", "lapsing"]


def test_explain_refuses_who_was_never_seen_and_what_is_no_model(shop: Shop) -> None:
    shop.send()
    done = shop.tappa("explain", "user:nobody")
    assert done.exit_code == 1
    assert "user:nobody: No touchpoint ever carried this identifier." in done.output
    done = shop.tappa("explain", "user:nobody", "--model", "nonsense")
    assert done.exit_code == 1
    assert "cannot be read (" in done.output


MINE = """\
name: mine
stages: [{name: look}, {name: buy}]
signals:
  bought: {event: Order Completed}
  visited: {type: page, channel: store}
  rated: {score_kind: nps, when: event.score > 8}
entry: [{to: look}]
moves: [{from: look, on: bought, to: buy}, {from: look, on: visited, to: buy}, {from: look, on: rated, to: buy}]
"""


def test_check_against_the_store_warns_of_the_events_that_no_signal_matches(shop: Shop) -> None:
    mine = shop.data / "mine.yaml"
    mine.write_text(MINE)
    shop.send(
        page("1", 0),
        touchpoint("2", at=1, user="ada", event="Lunch"),
        touchpoint("3", at=2, user="bob", event="Lunch"),
        touchpoint("4", at=3, user="bob", event="Order Completed", transaction="sale"),
        touchpoint("5", at=4, user="bob", event="Receipt Voided", transaction="void", refers_to="4"),
        replace(touchpoint("6", at=5, user="ada", event="Answered"), score_kind="nps", score=1.0),
    )
    assert shop.said("check", str(mine), "--against").splitlines() == [
        f"{mine}:3:1: warning: no signal matches track 'Lunch' (web), 2 touchpoints of 2 customers: "
        "add it to a signal, or leave it if it says nothing of the journey",
        f"{mine}:3:1: warning: no signal matches page 'Page Viewed' (web), 1 touchpoint of 1 customer: "
        "add it to a signal, or leave it if it says nothing of the journey",
        f"{mine}: can be used; warnings: 2",
    ]
    assert shop.json("check", str(mine), "--against")["ok"]
    assert shop.said("check", str(mine)) == f"{mine}: can be used\n"


def test_check_against_a_store_that_does_not_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "tappa.toml").write_text("[store]\nport = 1\n")
    done = typed("model", "check", "seven_stage", "--against", "--data", str(tmp_path))
    assert done.exit_code == 1
    assert "Does it run? See: " in done.output


def regulars() -> list[Touchpoint]:
    """Twenty customers who buy every thirty days, four times, and ask for a fitting first."""
    bought = [
        touchpoint(f"{n}-{time}", at=(time * 30 + 1) * DAY_MS + n, user=f"u{n}", event="Order Completed",
                   transaction="sale")
        for n in range(20)
        for time in range(4)
    ]  # fmt: skip
    asked = [touchpoint(f"fit{n}", at=n, user=f"u{n}", event="Fitting\x1b Booked") for n in range(20)]
    return [*bought, *asked, *(touchpoint(f"look{n}", at=n, user=f"v{n}") for n in range(20))]


def test_suggest_prints_figures_and_a_patch_that_can_be_applied(shop: Shop) -> None:
    shop.send(*regulars())
    said = shop.said("suggest")
    assert said.splitlines()[:10] == [
        "seven_stage: what the data says",
        "",
        "days until the next purchase, of those who come back",
        f"  {'':<24}      gaps   waiting  come back    p50    p63    p90",
        f"  {'all':<24}        60        20       100%     30     30     30",
        "",
        "time-outs that fit",
        "  move 26 from purchase, post_sale, loyalty, advocacy, lapsing: P90D -> P30D",
        "  move 27 from purchase, post_sale, loyalty, advocacy, lost: P365D -> P122D",
        "",
    ]
    assert "  track 'Fitting· Booked': 100% of 20 customers, 20 touchpoints\n" in said
    assert f"  {'post_sale':<24}         0  nobody enters it\n" in said
    found = shop.json("suggest")
    mine = shop.data / "seven_stage.yaml"
    mine.write_text(SHIPPED.joinpath("seven_stage.yaml").read_text())
    subprocess.run(["patch", str(mine)], input=found["patch"], text=True, check=True, capture_output=True)
    again = shop.json("suggest", "--model", str(mine))
    assert [one["after"] for one in again["time_outs"]] == ["P30D", "P122D"]
    assert (again["patch"], again["signals"]) == ("", [])
    assert shop.tappa("suggest", "--model", "nonsense").exit_code == 1
