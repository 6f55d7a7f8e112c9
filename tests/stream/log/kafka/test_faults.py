"""What the log does while its broker is away: nothing is acknowledged, nothing piles up, and it goes on by itself."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator

import pytest

from stream.log.interface import LogError, LogFullError, LogUnavailableError
from stream.log.kafka.log import KafkaLog
from stream.settings import LogSettings
from tests.ingest.service import serving
from tests.kafka.running_broker import RunningBroker
from tests.stream.log.kafka.topics import on_kafka
from tests.stream.log.kafka.waiting import until
from tests.stream.log.messages import message, names_by_partition

pytestmark = pytest.mark.slow

START = dict.fromkeys(range(4), 0)
IMPATIENT = {"append_timeout_s": 1, "request_timeout_s": 1}


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """One that may be stopped."""
    with RunningBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def broker(own_broker: RunningBroker) -> RunningBroker:
    """It runs, whatever the test before did to it."""
    if own_broker.process is None:
        own_broker.start()
    return own_broker


async def there(log: KafkaLog) -> set[str]:
    records = await log.read(START, messages_max=1_000_000, wait_s=0)
    return {name for names in names_by_partition(records).values() for name in names}


async def append_until_told(log: KafkaLog, stop: asyncio.Event, task: int, acknowledged: list[str]) -> None:
    number = 0
    while not stop.is_set():
        name = f"{task}.{number}"
        try:
            await log.append({number % 4: [message(name, 500)]})
        except LogError:
            continue
        acknowledged.append(name)
        number += 1


async def test_a_broker_killed_under_load_loses_nothing_acknowledged_and_appends_go_on_when_it_is_back(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stream")
    acknowledged: list[str] = []
    stop = asyncio.Event()
    async with await KafkaLog.open(on_kafka(broker, IMPATIENT)) as log:
        tasks = [asyncio.create_task(append_until_told(log, stop, task, acknowledged)) for task in range(8)]
        await until(lambda: len(acknowledged) > 200)
        await asyncio.to_thread(broker.kill)
        await until(lambda: "nothing can be appended" in caplog.text)
        before = len(acknowledged)
        await asyncio.to_thread(broker.start)
        await until(lambda: len(acknowledged) > before + 200)
        stop.set()
        await asyncio.gather(*tasks)
        assert set(acknowledged) <= await there(log)
    said = [record.getMessage().split(":")[0] for record in caplog.records if record.name.endswith("kafka.writer")]
    assert said == ["nothing can be appended, trying until it can", "what is appended is acknowledged again"]


async def test_without_a_broker_an_append_gives_up_and_what_waits_is_bounded(broker: RunningBroker) -> None:
    settings = on_kafka(broker, IMPATIENT, waiting_appends_max=10)
    async with await KafkaLog.open(settings) as log:
        await log.append({0: [message("before")]})
        await asyncio.to_thread(broker.stop)
        told = await asyncio.gather(
            *(log.append({at % 4: [message(f"{at}", 100)]}) for at in range(50)), return_exceptions=True
        )
        assert [type(one) for one in told].count(LogUnavailableError) == 10
        assert [type(one) for one in told].count(LogFullError) == 40
        for ask in (log.ends, log.positions):
            with pytest.raises(LogUnavailableError, match="does not answer"):
                await ask()
        with pytest.raises(LogUnavailableError, match="does not answer"):
            await log.read(START, messages_max=10, wait_s=0.1)
        with pytest.raises(LogUnavailableError, match="does not answer"):
            await log.commit({0: 1})
        await asyncio.to_thread(broker.start)
        await again(log)
        await log.commit({0: 1})
        assert {"before", "after"} <= await there(log)
        assert (await log.positions())[0] == 1


async def test_ingest_without_a_broker_says_when_to_come_back_and_then_takes_it(broker: RunningBroker) -> None:
    page = {"userId": "ada", "name": "Home", "messageId": "once"}
    async with await KafkaLog.open(on_kafka(broker, IMPATIENT)) as log, serving(log, retry_after_s=7) as service:
        assert (await service.post("/v1/page", page)).status_code == 200
        await asyncio.to_thread(broker.kill)
        answer = await service.post("/v1/page", page)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(60):
            while (await service.post("/v1/page", page)).status_code != 200:
                pass
        assert {touchpoint.message_id for touchpoint in await service.touchpoints()} == {"once"}


async def test_a_broker_that_hangs_is_given_up_and_taken_up_again_when_it_goes_on(broker: RunningBroker) -> None:
    assert broker.process is not None
    async with await KafkaLog.open(on_kafka(broker, IMPATIENT)) as log:
        await log.append({0: [message("before")]})
        broker.process.send_signal(signal.SIGSTOP)
        with pytest.raises(LogUnavailableError, match="no acknowledgement in time"):
            await log.append({0: [message("given up")]})
        with pytest.raises(LogUnavailableError):
            await log.read(START, messages_max=10, wait_s=0)
        broker.process.send_signal(signal.SIGCONT)
        await again(log)
        assert {"before", "after"} <= await there(log)


async def test_a_log_closes_without_a_broker(broker: RunningBroker) -> None:
    log = await KafkaLog.open(on_kafka(broker, IMPATIENT))
    await asyncio.to_thread(broker.kill)
    appending = asyncio.create_task(log.append({0: [message("lost")]}))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogUnavailableError):
        await appending


async def test_a_broker_that_does_not_answer_is_named_with_what_to_check() -> None:
    settings = LogSettings.model_validate({"kafka": {"servers": "127.0.0.1:1"}})
    with pytest.raises(LogUnavailableError, match=r"127\.0\.0\.1:1 does not answer .*check \[log\.kafka\] servers"):
        await KafkaLog.open(settings)


async def again(log: KafkaLog) -> None:
    """Append once it can be."""
    while True:
        try:
            await log.append({0: [message("after")]})
        except LogError:
            continue
        return
