"""``tappa stores`` on a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stage_engine.touchpoint import place
from store.clickhouse import ClickHouseStore
from store.migrate import migrate
from store.settings import StoreSettings
from tests.emptied import emptied
from tests.store.test_receipt_views import read, receipt
from tests.typed import typed

STORES = "store_id,name,place,country\nmilan/1,Duomo,Milano,IT\nbari,Centro,Bari,IT\n"


class Shop:
    """A data directory whose settings name a store that is empty."""

    def __init__(self, data: Path, store: StoreSettings) -> None:
        self.data = data
        self._store = store
        (data / "tappa.toml").write_text(
            f'[store]\nhost = "{store.host}"\nport = {store.port}\nuser = "{store.user}"\n'
            f'password = "{store.password.get_secret_value()}"\ndatabase = "{store.database}"\n'
        )

    def sell(self, *receipts: dict[str, Any]) -> None:
        async def written(store: ClickHouseStore) -> None:
            await store.write_touchpoints([place(read(one)) for one in receipts])

        self.asked(written)

    def asked(self, question: Callable[[ClickHouseStore], Any]) -> None:
        async def answered() -> None:
            async with emptied(self._store) as store:
                await question(store)

        asyncio.run(answered())

    def tappa(self, *arguments: str) -> Result:
        return typed("stores", *arguments, "--data", str(self.data))

    def load(self, text: str, *arguments: str, encoding: str = "utf-8") -> Result:
        file = self.data / "stores.csv"
        file.write_text(text, encoding=encoding)
        return self.tappa("load", str(file), *arguments)

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.tappa("list", "--json", *arguments)
        assert done.exit_code == 0, done.output
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def names(self) -> list[str]:
        return [one["store_id"] for one in self.listed()]


@pytest.fixture
def shop(tmp_path: Path, embedded_store: StoreSettings, backend_ran: Callable[[str], None]) -> Shop:
    settings = embedded_store.model_copy(update={"database": "tappa_stores_commands"})
    asyncio.run(migrate(settings, default_model="seven_stage", reporting_currency="EUR"))
    shop = Shop(tmp_path, settings)
    shop.sell()
    backend_ran("store: clickhouse")
    return shop


def test_what_is_loaded_is_listed_with_what_its_receipts_come_to(shop: Shop) -> None:
    shop.sell(receipt(1, total=10), receipt(2, total="4.50", kind="return"), receipt(1, store_id="nowhere", total=3))
    done = shop.load(STORES)
    assert (done.exit_code, done.stdout) == (
        0, "stores.csv: 2 added, 0 changed, 0 unchanged, 0 removed, 0 rejected\n"
    )  # fmt: skip
    assert shop.tappa("list").stdout.splitlines() == [
        "bari  Centro, Bari, IT",
        "milan/1  Duomo, Milano, IT  2 receipts, the last on 2026-02-27, 5.50 EUR",
        "nowhere  not in the directory  1 receipt, the last on 2026-02-27, 3.00 EUR",
    ]
    assert shop.listed("--unlisted") == [
        {
            "store_id": "nowhere", "is_listed": False, "name": "", "place": "", "country": "", "time_zone": "",
            "receipts": 1, "first_receipt_at": "2026-02-27T23:30:00.000+00:00",
            "last_receipt_at": "2026-02-27T23:30:00.000+00:00", "revenue_by_currency": {"EUR": "3.0000"},
            "touchpoints": 1,
        }
    ]  # fmt: skip


def test_loading_it_again_changes_nothing_and_a_correction_one_store(shop: Shop) -> None:
    shop.load(STORES)
    assert "0 added, 0 changed, 2 unchanged" in shop.load(STORES).stdout
    assert "0 added, 1 changed, 1 unchanged" in shop.load(STORES.replace("Centro", "Murat")).stdout
    assert [one["name"] for one in shop.listed()] == ["Murat", "Duomo"]


def test_stores_that_the_file_no_longer_has_go_with_replace_only(shop: Shop) -> None:
    shop.load(STORES)
    fewer = "store_id\nbari\nroma\n"
    assert "1 added, 1 changed, 0 unchanged, 0 removed" in shop.load(fewer).stdout
    assert shop.names() == ["bari", "milan/1", "roma"]
    assert "0 added, 0 changed, 2 unchanged, 1 removed" in shop.load(fewer, "--replace").stdout
    assert shop.names() == ["bari", "roma"]


@pytest.mark.parametrize("text", ["store_id\n", "store_id,country\nroma,IT\nbari,XX\n"])
def test_replace_takes_nothing_out_by_a_file_that_could_not_be_read_as_a_whole(shop: Shop, text: str) -> None:
    shop.load(STORES)
    done = shop.load(text, "--replace")
    assert done.exit_code == 1
    assert "no store was taken out" in done.stderr
    assert {"bari", "milan/1"} <= set(shop.names())


def test_bad_rows_are_told_and_the_good_ones_loaded(shop: Shop) -> None:
    text = "store_id,country,chief\nroma,IT,Ann\n,IT,Bob\n"
    done = shop.load(text)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == ["column chief is left out", "line 3: store_id is empty"]
    assert shop.names() == ["roma"]
    told = json.loads(shop.load(text, "--json").stdout)
    assert told == {
        "added": 0, "changed": 0, "unchanged": 1, "removed": 0, "left_out": ["chief"],
        "rejected": [{"line": 3, "reason": "store_id is empty"}],
    }  # fmt: skip


def test_a_file_of_another_encoding_is_read_when_it_is_named(shop: Shop) -> None:
    text = "store_id;name\nmuc;Münchner Freiheit\n"
    done = shop.load(text, encoding="cp1252")
    assert done.exit_code == 1
    assert "--encoding cp1252" in done.stderr
    assert shop.load(text, "--encoding", "cp1252", encoding="cp1252").exit_code == 0
    assert [one["name"] for one in shop.listed()] == ["Münchner Freiheit"]


def test_a_file_that_is_none_of_stores_is_not_loaded(shop: Shop) -> None:
    done = shop.load("id,name\n1,x\n")
    assert done.exit_code == 1
    assert "names no column store_id" in done.stderr


def test_without_a_store_it_says_where_to_look(tmp_path: Path) -> None:
    done = typed("stores", "list", TAPPA_DATA=str(tmp_path), TAPPA_STORE__PORT="1")
    assert done.exit_code == 1
    assert "Does it run?" in done.stderr


def test_the_words_of_the_command_name_every_column() -> None:
    from store.listing import FIELDS

    told = typed("stores", "load", "--help").stdout
    assert [name for name in FIELDS if name not in told] == []
