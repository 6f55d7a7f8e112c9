"""The log of the settings: embedded, or on Kafka as soon as they say where."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stream.log.interface import LogStatus, Read
from stream.log.sqlite import SqliteLog, read_status
from stream.settings import LogSettings

if TYPE_CHECKING:
    from stream.log.kafka.log import KafkaLog


async def open_log(directory: Path, settings: LogSettings, read: Read | None = None) -> SqliteLog | KafkaLog:
    """Open it, and make it when there is none; ``directory`` is the embedded one's. Whoever works it off says what
    of it is ``read``. Raises ``LogUnavailableError``."""
    if not settings.kafka.servers:
        return await SqliteLog.open(directory, settings)
    from stream.log.kafka.log import KafkaLog

    return await KafkaLog.open(settings, read=read)


async def open_topics(directory: Path, settings: LogSettings) -> Sequence[SqliteLog | KafkaLog]:
    """Open all topics that the log has had and that are there, the earliest first. Raises ``LogUnavailableError``."""
    if not settings.kafka.servers:
        return [await SqliteLog.open(directory, settings)]
    from stream.log.kafka.log import KafkaLog

    return await KafkaLog.open_all(settings)


def log_status(directory: Path, settings: LogSettings) -> LogStatus | None:
    """How it stands, whoever has it open; None when there is none. Blocks; creates nothing. Raises
    ``LogUnavailableError``."""
    if not settings.kafka.servers:
        return read_status(directory, settings)
    from stream.log.kafka.standing import kafka_status

    return asyncio.run(kafka_status(settings))
