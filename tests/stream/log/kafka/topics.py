"""Settings of a log on the tests' broker, on a topic of its own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from stream.settings import LogSettings
from tests.kafka.running_broker import RunningBroker


def on_kafka(broker: RunningBroker, kafka: dict[str, Any] | None = None, **settings: Any) -> LogSettings:
    """``kafka`` are those of ``[log.kafka]``; topic and group are new ones unless they are named."""
    name = f"test-{uuid4().hex}"
    chosen = {"servers": broker.address, "topic": name, "group": name, **(kafka or {})}
    return LogSettings.model_validate({"partitions": 4, **settings, "kafka": chosen})
