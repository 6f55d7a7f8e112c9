"""Settings of the log and of the worker. Every limit is here, with its reason."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class LogSettings(BaseModel):
    """The embedded log. All processes of an installation read the same ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Partitions of a new log. Fixed once the log exists: an order of a customer's touchpoints hangs on it.",
    )
    frame_messages_max: int = Field(
        default=2_000,
        ge=1,
        description="Messages in one record. A worker's batch never splits a record, so this bounds how far it overshoots.",
    )
    frame_bytes_max: int = Field(
        default=MIB,
        ge=1,
        description="Bytes in one record; a message that is larger gets a record to itself. Kafka's brokers refuse more than 1 MiB.",
    )
    commit_bytes_max: int = Field(
        default=8 * MIB,
        ge=1,
        description="Bytes that share one commit. Bounds how long those that wait for the disk wait.",
    )
    waiting_bytes_max: int = Field(
        default=64 * MIB,
        ge=1,
        description="Bytes that wait for the disk in one process; more are refused at once (503), which bounds its memory.",
    )
    waiting_appends_max: int = Field(
        default=10_000,
        ge=1,
        description="Appends that wait for the disk in one process; more are refused at once (503).",
    )
    backlog_bytes_max: int = Field(
        default=4 * GIB,
        ge=1,
        description="Bytes that no worker has committed yet; with more, new ones are refused (503) until the workers catch up.",
    )
    disk_reserve_bytes: int = Field(
        default=256 * MIB,
        ge=0,
        description="Free space to leave on the disk. Below it new messages are refused (503), so that workers and store can finish.",
    )
    read_bytes_max: int = Field(
        default=32 * MIB,
        ge=1,
        description="Bytes of one read, about; bounds the memory of a worker's batch.",
    )
    poll_interval_s: float = Field(
        default=0.01,
        gt=0,
        description="How often a waiting reader looks for new records: 1 % of a core, and at most as much delay.",
    )
    checkpoint_bytes: int = Field(
        default=4 * MIB,
        ge=64 * KIB,
        description="Size of the write-ahead file at which it is moved into the log. Larger: longer pauses; smaller: more of them.",
    )
    lock_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="How long one process waits for another's commit before it gives up.",
    )
    retention_s: float = Field(
        default=7 * 24 * 3600.0,
        ge=0,
        description="How long committed records are kept, for a replay.",
    )
    retention_bytes: int = Field(
        default=GIB,
        ge=0,
        description="How many bytes of records are kept; the oldest committed ones go first, uncommitted ones never.",
    )


class WorkerSettings(BaseModel):
    """The worker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address of the worker's /metrics and /healthz.")
    port: int = Field(default=8001, ge=0, le=65535, description="Port of the worker's /metrics and /healthz; 0 picks a free one.")
    batch_messages_max: int = Field(
        default=20_000,
        ge=1,
        description="Messages in one batch, about: large enough that an insert pays, small enough for memory and for what a crash repeats.",
    )
    batch_wait_s: float = Field(
        default=0.1,
        ge=0,
        description="How long a small batch waits for more, so that the store gets few inserts. A part of the time until visible.",
    )
    poll_wait_s: float = Field(default=1.0, gt=0, description="How long a read of the log waits when there is nothing.")
    cache_customers_max: int = Field(default=200_000, ge=1, description="Journeys kept in memory.")
    cache_bytes: int = Field(default=256 * MIB, ge=0, description="Bytes of journeys kept in memory, about.")
    store_retry_s_max: float = Field(default=5.0, gt=0, description="Longest pause between tries while the store is away.")
    trim_interval_s: float = Field(default=60.0, gt=0, description="How often records that retention no longer covers are dropped.")
