"""The log on Kafka: what one process appends and reads, on a broker of its own on this machine.

``python -m benches.kafka_log [SECONDS]`` prints touchpoints/s, acknowledged; each row runs for so many seconds (3). The
broker shares the cores with the client: read the time of CPU beside the rates.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

from benches.customers import Who
from benches.machine import machine_type
from benches.messages import message
from stage_engine.touchpoint import Touchpoint
from stream.log.kafka.log import KafkaLog
from stream.log.message import encode_message, partition_of
from stream.settings import LogSettings
from tests.kafka.running_broker import JAVA_FOR_SPEED, RunningBroker

TOUCHPOINTS: Final = 20_000
AT_MS: Final = 1_750_000_000_000
PARTITIONS: Final = 12
WARM_UP_S: Final = 5.0
LOADS: Final = ((1, 1), (1, 100), (100, 1), (100, 16), (1000, 4))
"""Touchpoints in an append, and how many appends are under way."""

Messages = Sequence[tuple[int, bytes]]


def messages() -> Messages:
    """Touchpoints of a shop, encoded, each with its partition."""
    rng = Random(1)
    made: list[tuple[int, bytes]] = []
    for number in range(TOUCHPOINTS):
        device = str(UUID(int=rng.getrandbits(128)))
        message_id = str(UUID(int=rng.getrandbits(128)))
        kind, text = message(rng, Who("", device, "", ""), message_id, AT_MS + number)
        one = Touchpoint(
            source="web",
            message_id=message_id,
            type=kind,
            event="Product Viewed",
            channel="web",
            occurred_at=AT_MS + number,
            original_timestamp=AT_MS + number,
            received_at=AT_MS + number + 1,
            anonymous_id=device,
            properties=text.encode(),
        )
        made.append((partition_of(one.home, PARTITIONS), encode_message(one)))
    return made


async def appended(log: KafkaLog, some: Messages, batch: int, callers: int, seconds: float) -> str:
    """``callers`` append one after the other."""
    waits_ms: list[float] = []
    until = time.perf_counter() + seconds

    async def call(number: int) -> None:
        rng = Random(number)
        while (began := time.perf_counter()) < until:
            parts: dict[int, list[bytes]] = {}
            for partition, one in rng.choices(some, k=batch):
                parts.setdefault(partition, []).append(one)
            await log.append(parts)
            waits_ms.append((time.perf_counter() - began) * 1000)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call(number) for number in range(callers)))
    count = batch * len(waits_ms)
    rate = count / (time.perf_counter() - began)
    per_cpu_s = count / (time.process_time() - cpu)
    waits_ms.sort()
    p50, p99 = waits_ms[len(waits_ms) // 2], waits_ms[len(waits_ms) * 99 // 100]
    return f"{batch:>6} {callers:>8} {rate:>10,.0f} {per_cpu_s:>14,.0f} {p50:>8.2f} {p99:>8.2f}"


async def read_back(log: KafkaLog) -> str:
    """Everything, in batches as a worker takes them."""
    ends, positions, count = await log.ends(), dict.fromkeys(range(PARTITIONS), 0), 0
    began, cpu = time.perf_counter(), time.process_time()
    while positions != ends:
        for record in await log.read(positions, messages_max=40_000, wait_s=1):
            positions[record.partition] = record.offset + 1
            count += record.count
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return f"read back: {count / wall_s:,.0f} touchpoints/s, {count / cpu_s:,.0f} per second of CPU"


async def measure(broker: RunningBroker, seconds: float) -> None:
    some = messages()
    print(f"{machine_type()}, touchpoints of {sum(len(one) for _, one in some) // len(some)} bytes")
    for compression in ("zstd", "none"):
        settings = LogSettings.model_validate(
            {
                "partitions": PARTITIONS,
                "backlog_bytes_max": 1 << 40,
                "kafka": {"servers": broker.address, "topic": compression, "compression": compression},
            }
        )
        async with await KafkaLog.open(settings) as log:
            await appended(log, some, 100, 16, WARM_UP_S)
            print(f"\ncompression: {compression}\n batch  callers   append/s  per CPU second      p50      p99 ms")
            for batch, callers in LOADS:
                print(await appended(log, some, batch, callers, seconds))
            print(await read_back(log))


def main(seconds: float) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="tappa-bench-", dir=Path.cwd()) as data,
        RunningBroker(Path(data), java=JAVA_FOR_SPEED) as broker,
    ):
        asyncio.run(measure(broker, seconds))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
