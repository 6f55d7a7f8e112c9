"""``tappa model rebuild`` where no worker has to do anything: what it would change, and what it refuses. The rest is in
``tests/e2e/test_rebuild.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from stage_engine.model import SHIPPED, load_model, parse_model
from store.clickhouse import ClickHouseStore, connect
from store.migrate import migrate
from store.settings import StoreSettings
from stream.change import begin
from stream.log.memory import MemoryLog
from stream.rebuild import PAUSED_NOTE
from stream.settings import LogSettings
from tappa.settings import read
from tests.stream.touchpoints import DAY_MS, touchpoint
from tests.tappa.test_model_store_cli import Shop
from tests.typed import typed

CHANGED = (SHIPPED / "seven_stage.yaml").read_text().replace("to: loyalty, label: repeat_purchase", "to: advocacy")


class Changing(Shop):
    """A shop whose settings name a model file of its own."""

    def __init__(self, data: Path, store: StoreSettings) -> None:
        super().__init__(data, store)
        self.settings = store
        self.model = data / "mine.yaml"
        self.model.write_text(CHANGED)
        self.activate(str(self.model))

    def activate(self, *models: str) -> None:
        path = self.data / "tappa.toml"
        text = path.read_text().partition("[models]")[0]
        names = ", ".join(f'"{name}"' for name in models)
        path.write_text(f'{text}[models]\nactive = [{names}]\ndefault = "{models[0]}"\n')

    def ask(self, question: Callable[[ClickHouseStore], Coroutine[Any, Any, Any]]) -> Any:
        async def asked() -> Any:
            store = connect(self.settings)
            try:
                return await question(store)
            finally:
                await store.close()

        return asyncio.run(asked())

    def begin(self) -> int:
        """As a command that died at once; no worker reads that log."""

        async def begun(store: ClickHouseStore) -> int:
            database = await store.read_note("database_id")
            assert database is not None
            return await begin(MemoryLog(LogSettings()), store, database, [parse_model(self.model.read_text())])

        number: int = self.ask(begun)
        return number

    def refused(self, *arguments: str) -> str:
        done = self.tappa("rebuild", *arguments)
        assert done.exit_code == 1, done.output
        return done.output


@pytest.fixture
def shop(tmp_path: Path, embedded_store: StoreSettings, backend_ran: Callable[[str], None]) -> Changing:
    settings = embedded_store.model_copy(update={"database": "tappa_rebuild_commands"})
    asyncio.run(migrate(settings, default_model="seven_stage", reporting_currency="EUR"))
    backend_ran("store: clickhouse")
    shop = Changing(tmp_path, settings)
    bought = {"event": "Order Completed", "transaction": "sale"}
    shop.send(
        *(touchpoint(f"{n}", at=n * DAY_MS, user="ada", **bought) for n in range(2)),
        touchpoint("3", user="bob", **bought),
        touchpoint("4", at=DAY_MS, user="bob", contacts=("email:b@x",)),
        touchpoint("5", at=2 * DAY_MS, contacts=("email:b@x",), **bought),
    )
    return shop


def test_a_dry_run_says_who_would_change_stage_and_writes_nothing(shop: Changing) -> None:
    assert shop.said("rebuild", "--dry-run").splitlines() == [
        "seven_stage: of 2 customers 2 would change stage, 2 would have other visits",
        "  loyalty              -> advocacy                      2  user:ada, user:bob",
    ]
    assert "user:" not in shop.said("rebuild", "--dry-run", "--samples", "0")
    [found] = shop.json("rebuild", "--dry-run")["models"]
    assert (found["customers"], found["changed_stage"], found["changed_visits"]) == (2, 2, 2)
    assert {one.number for one in shop.ask(lambda store: store.read_models())} == {0}


def test_a_dry_run_of_an_added_model_counts_everybody(shop: Changing) -> None:
    shop.activate("linear")
    lines = shop.said("rebuild", "--dry-run").splitlines()
    assert lines[0] == "linear: of 2 customers 2 would change stage, 2 would have other visits"
    assert lines[1].startswith("  (none)               -> ")
    assert lines[-1] == "seven_stage: no longer active, would stop"


def test_without_a_difference_there_is_nothing_to_do(shop: Changing) -> None:
    shop.model.write_text("# a remark\n" + (SHIPPED / "seven_stage.yaml").read_text())
    assert shop.said("rebuild", "--dry-run") == "nothing to rebuild: the models of the settings are those in force\n"
    assert shop.said("rebuild") == "nothing to rebuild: the models of the settings are those in force\n"


def test_what_cannot_be_done_is_refused_with_a_reason(shop: Changing) -> None:
    assert "nonsense is not an active model; active are: " in shop.refused("nonsense")
    for what in ("--pause", "--resume", "--cancel"):
        assert "no rebuild is under way" in shop.refused(what)
    assert shop.tappa("rebuild", "--pause", "--cancel").exit_code == 2
    assert shop.tappa("rebuild", "--say-changes", "--cancel").exit_code == 2
    shop.activate(str(shop.model), "seven_stage")
    assert "2 active models are named seven_stage" in shop.refused()
    shop.model.write_text("name: [")
    assert "mine.yaml:1:" in shop.refused()


def test_one_under_way_can_rest_go_on_and_be_given_up(shop: Changing) -> None:
    number = shop.begin()
    note = PAUSED_NOTE.format(generation=number)
    assert shop.said("rebuild", "--pause") == "seven_stage: paused\n"
    assert shop.ask(lambda store: store.read_note(note)) == "1"
    assert shop.json("rebuild", "--resume") == {"state": "folding", "models": ["seven_stage"]}
    assert shop.ask(lambda store: store.read_note(note)) == ""
    assert shop.said("rebuild", "--cancel") == "seven_stage: given up; the version in force goes on\n"
    assert "no rebuild is under way" in shop.refused("--cancel")


def test_a_file_that_changes_once_more_does_not_end_in_the_version_before(shop: Changing) -> None:
    shop.begin()
    shop.model.write_text(CHANGED.replace("P90D", "P77D"))
    assert "its file has changed since" in shop.refused()


def test_where_no_worker_has_ever_run_it_says_so(shop: Changing) -> None:
    shop.ask(lambda store: store.execute("TRUNCATE TABLE models"))
    assert "no worker has ever started on this database" in shop.refused()


def test_where_the_store_does_not_run_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "tappa.toml").write_text("[store]\nport = 1\n")
    done = typed("model", "rebuild", "--data", str(tmp_path))
    assert done.exit_code == 1
    assert "Does it run? See: " in done.output


def test_the_tables_call_a_default_model_in_a_file_by_its_own_name(shop: Changing) -> None:
    from tappa.parts import default_model

    assert default_model(read(shop.data, {})) == "seven_stage"
    shop.model.write_text("name: [")
    assert default_model(read(shop.data, {})) == str(shop.model)
    assert load_model("linear").text
