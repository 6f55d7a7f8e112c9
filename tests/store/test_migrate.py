"""Bringing a database to what the code needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import msgspec
import pytest

from stage_engine.identity.link import link_at
from stage_engine.journey import Journey
from stage_engine.touchpoint import place
from store.clickhouse import ClickHouseStore, connect
from store.interface import PROGRESS_END, Fold, StoreError, StoreUnavailableError
from store.migrate import SchemaError, migrate
from store.schema_text import migrations, views
from store.settings import StoreSettings
from tests.store.test_contract import touchpoint

DATABASES = (f"tappa_to_migrate_{number}" for number in count())


@pytest.fixture
async def database(embedded_store: StoreSettings) -> AsyncIterator[StoreSettings]:
    """The name of a database that is not there yet."""
    name = next(DATABASES)
    yield embedded_store.model_copy(update={"database": name})
    server = ClickHouseStore(embedded_store, database="default")
    await server.execute(f"DROP DATABASE IF EXISTS {name}")
    await server.close()


@pytest.fixture
async def store(database: StoreSettings) -> AsyncIterator[ClickHouseStore]:
    store = connect(database)
    yield store
    await store.close()


async def brought_up(database: StoreSettings, *, currency: str = "EUR") -> None:
    await migrate(database, default_model="seven_stage", reporting_currency=currency)


async def texts(store: ClickHouseStore) -> dict[str, str]:
    statement = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
    return dict(await store.rows(statement))


async def test_an_empty_server_gets_every_table_and_view(database: StoreSettings, store: ClickHouseStore) -> None:
    await brought_up(database)
    names = {"touchpoints", "customers", "rejected", "positions", "settings", "schema_migrations"}
    names |= {"identity_links", "identities", "splits", "models", "rebuild_progress", "stage_changes", "stores"}
    assert set(await texts(store)) == names | {view.name for view in views("seven_stage", "EUR")}


async def test_doing_it_again_changes_nothing(database: StoreSettings, store: ClickHouseStore) -> None:
    await brought_up(database)
    before = await texts(store)
    await store.write_note("kept", "yes")
    await brought_up(database)
    assert await texts(store) == before
    assert await store.read_note("kept") == "yes"


@pytest.mark.parametrize("done", range(1, 5))
async def test_a_crash_between_statements_is_repaired_by_doing_it_again(
    database: StoreSettings, store: ClickHouseStore, done: int
) -> None:
    server = ClickHouseStore(database, database="default")
    await server.execute(f"CREATE DATABASE {database.database}")
    await server.close()
    for statement in migrations()[0].statements[:done]:
        await store.execute(statement)
    await brought_up(database)
    assert {"touchpoints", "settings", "v_customers_at"} <= set(await texts(store))


async def test_corrected_clocks_of_older_facts_are_found_by_their_devices(
    database: StoreSettings, store: ClickHouseStore
) -> None:
    await brought_up(database)
    said = {"user_id": "", "anonymous_id": "a", "original_timestamp": 1_750_000_000_123}
    plain, moved = touchpoint("m1", **said), touchpoint("m2", occurred_at=1_750_000_300_123, **said)
    await store.write_touchpoints([place(plain), place(moved)])
    await store.execute("DELETE FROM schema_migrations WHERE number = 3")
    await brought_up(database)
    assert await store.read_corrected([link_at(plain.order), link_at(moved.order)]) == {moved.identity}


async def test_rows_from_before_there_were_generations_go_on_serving(
    database: StoreSettings, store: ClickHouseStore
) -> None:
    server = ClickHouseStore(database, database="default")
    await server.execute(f"CREATE DATABASE {database.database}")
    await server.close()
    for migration in migrations()[:3]:
        for statement in migration.statements:
            await store.execute(statement)
    older, today = ["an older program's, with own as its last field", True], Journey(touchpoints=2)
    for customer, written in (("user:1", older), ("user:2", today)):
        state = msgspec.msgpack.encode(written).hex()
        await store.execute(
            "INSERT INTO customers (customer_id, model, model_version, version, state) "
            f"VALUES ('{customer}', 'seven_stage', 'v1', 1, unhex('{state}'))"
        )
    await brought_up(database)
    await store.execute("DELETE FROM schema_migrations WHERE number = 4")  # as after a crash
    await brought_up(database)
    fold = Fold(model="seven_stage", generation=0, version="v1")
    assert await store.read_journeys(["user:1", "user:2"], [fold]) == {("user:1", fold): None, ("user:2", fold): today}
    standings = await store.read_standings(fold, 0, PROGRESS_END, [0], 1)
    assert {one.customer_id: one.own for one in standings} == {"user:1": True, "user:2": False}
    assert len(await store.rows("SELECT customer_id FROM v_customers")) == 2


async def test_a_database_of_newer_code_is_refused(database: StoreSettings, store: ClickHouseStore) -> None:
    await brought_up(database)
    await store.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES (9000, 'later', 'x')")
    with pytest.raises(SchemaError, match=r"step 9000, this version of Tappa knows \d+: start the version that wrote"):
        await brought_up(database, currency="USD")
    assert "'USD'" not in (await texts(store))["v_customers"]


async def test_a_step_that_was_edited_after_it_was_applied_is_noticed(
    database: StoreSettings, store: ClickHouseStore
) -> None:
    await brought_up(database)
    await store.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES (1, 'first_tables', 'other')")
    with pytest.raises(SchemaError, match=r"step 1 \(first_tables\) .* must never be edited"):
        await brought_up(database)


async def test_views_follow_the_settings_and_their_text(database: StoreSettings, store: ClickHouseStore) -> None:
    await brought_up(database)
    await store.execute("CREATE OR REPLACE VIEW v_conflicts AS SELECT 1 AS changed_by_hand")
    await store.execute("DROP VIEW v_rejected")
    await brought_up(database, currency="US'D")
    after = await texts(store)
    assert "revenue_by_currency['US\\'D']" in after["v_customers"]
    assert "v_rejected" in after


async def test_a_server_that_is_not_there_is_unavailable_not_refusing(embedded_store: StoreSettings) -> None:
    nowhere = embedded_store.model_copy(update={"port": 1})
    with pytest.raises(StoreUnavailableError):
        await migrate(nowhere, default_model="seven_stage", reporting_currency="EUR")


async def test_an_error_tells_what_was_refused_without_the_values(
    store: ClickHouseStore, database: StoreSettings
) -> None:
    await brought_up(database)
    with pytest.raises(StoreError) as refused:
        await store.rows("SELECT nothing FROM touchpoints WHERE home = 'user:ann'")
    assert "nothing" in str(refused.value)
    assert "ann" not in str(refused.value)
    assert not isinstance(refused.value, StoreUnavailableError)
