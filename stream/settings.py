"""Settings of the log and of the worker. Every limit is here, with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB


class KafkaSettings(BaseModel):
    """The log on Kafka, in place of the embedded one as soon as `servers` says where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: str = Field(
        default="",
        description="Addresses of some brokers, `host:port`, with commas between them. Empty: the embedded log.",
    )
    topic: str = Field(
        default="tappa",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="The topic. It is made at the first start, unless it is there. Those that follow it, with more "
        "partitions, have `.2`, `.3` and so on behind its name.",
    )
    changes_topic: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]{0,200}$",
        description="The topic that gets every stage change, for whoever reacts to them. It is made at the first "
        "start, unless it is there. Empty: none; they are in the table `stage_changes` all the same.",
    )
    group: str = Field(
        default="tappa",
        min_length=1,
        description="The workers' consumer group: they share its partitions. Topics that follow have theirs.",
    )
    replicas: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Copies of a new topic; 0: as many as there are brokers, but not more than 3.",
    )
    in_sync_replicas_min: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Copies that have a touchpoint before it is acknowledged (`min.insync.replicas`), of a new topic, "
        "and at least as many of one that is there; 0: 2 where there are 3 copies or more, else 1.",
    )
    retention_s: float = Field(
        default=7 * 24 * 3600.0,
        ge=3600,
        description="How long the brokers keep what was appended (`retention.ms`), worked off or not. When the workers "
        "are behind by half of it, ingest answers 503, so that nothing is forgotten unread.",
    )
    compression: Literal["zstd", "snappy", "lz4", "gzip", "none"] = Field(
        default="zstd", description="Of what is appended."
    )
    append_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="How long an append waits for the brokers' acknowledgement; then ingest answers 503.",
    )
    request_timeout_s: float = Field(
        default=5.0, ge=0.5, description="How long one request to a broker may take before it is tried again."
    )
    fetch_bytes_max: int = Field(
        default=4 * MIB,
        ge=64 * KIB,
        description="Bytes of one answer to a read, compressed as they are: bounds memory to about eight times that.",
    )
    session_timeout_s: float = Field(
        default=6.0,
        ge=1,
        description="A worker that has not been heard of for so long loses its partitions to the others.",
    )
    rebalance_timeout_s: float = Field(
        default=30.0,
        ge=1,
        description="How long a worker may take to finish its batch when partitions are shared out anew.",
    )
    tls: bool = Field(default=False, description="Whether connections are encrypted.")
    ca_file: Path | None = Field(
        default=None, description="Certificates that the brokers' are checked against, in place of the system's."
    )
    certificate_file: Path | None = Field(
        default=None, description="Tappa's own certificate, where the brokers want one."
    )
    key_file: Path | None = Field(default=None, description="The key of that certificate.")
    sasl: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="", description="How Tappa says who it is, where the brokers want to know."
    )
    user: str = Field(default="", description="Name for `sasl`.")
    password: SecretStr | None = Field(default=None, description="Password for `sasl`.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.sasl and not (self.user and self.password):
            raise ValueError(f"sasl is {self.sasl}, which wants user and password, too")
        if self.sasl == "PLAIN" and not self.tls:
            raise ValueError("sasl is PLAIN, which sends the password as it is: set tls = true, or use SCRAM-SHA-512")
        if not self.tls and (self.ca_file or self.certificate_file or self.key_file):
            raise ValueError("certificates are for encrypted connections: set tls = true")
        return self


class LogSettings(BaseModel):
    """The log, and the embedded one's file. All processes of an installation read the same ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partitions: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Partitions of a new log. Fixed once it exists: a customer's touchpoints must stay in one of them. "
        "On Kafka, `tappa log grow` makes more.",
    )
    frame_messages_max: int = Field(
        default=2_000,
        ge=1,
        description="Messages in one record. A batch never splits a record, so it overshoots by at most as many.",
    )
    frame_bytes_max: int = Field(
        default=MIB,
        ge=1,
        description="Bytes in one record (Kafka's brokers take 1 MiB); a larger message gets its own record.",
    )
    commit_bytes_max: int = Field(
        default=8 * MIB,
        ge=1,
        description="Bytes that share one commit: bounds how long the others wait for it.",
    )
    waiting_bytes_max: int = Field(
        default=64 * MIB,
        ge=1,
        description="Bytes that wait for the disk in one process; more are refused at once (503). Bounds its memory.",
    )
    waiting_appends_max: int = Field(
        default=10_000,
        ge=1,
        description="Appends that wait for the disk in one process; more are refused at once (503).",
    )
    backlog_bytes_max: int = Field(
        default=4 * GIB,
        ge=1,
        description="Bytes that no worker has committed yet; with more, ingest answers 503 until the workers catch up.",
    )
    disk_reserve_bytes: int = Field(
        default=256 * MIB,
        ge=0,
        description="Free space left to the workers and the store: with less on the disk, ingest answers 503.",
    )
    read_bytes_max: int = Field(
        default=32 * MIB,
        ge=1,
        description="Bytes of one read, about: bounds the memory of a worker's batch.",
    )
    poll_interval_s: float = Field(
        default=0.01,
        gt=0,
        description="How often a waiting reader looks for new records: 100 looks a second take 1 to 2 % of a core.",
    )
    checkpoint_bytes: int = Field(
        default=4 * MIB,
        ge=64 * KIB,
        description="Size at which the write-ahead file is moved into the log. Larger: longer pauses; smaller: more.",
    )
    lock_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="How long one process waits for another's commit before it gives up.",
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)


class WorkerSettings(BaseModel):
    """The worker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address of the worker's /metrics and /healthz.")
    port: int = Field(
        default=8001, ge=0, le=65535, description="Their port; 0 picks a free one. Of several workers, the first one's."
    )
    processes: int = Field(
        default=1,
        ge=1,
        description="Workers that `tappa up` runs, unless told otherwise with `--workers`; each owns an equal share of "
        "the log's partitions, so there are at most as many.",
    )
    batch_messages_max: int = Field(
        default=40_000,
        ge=1,
        description="Messages in one batch, about. Large inserts are cheap, but take memory, and a crash repeats them.",
    )
    batch_wait_s: float = Field(
        default=0.4,
        ge=0,
        description="Shortest time from one batch to the next, so that the store gets few inserts. Part of the delay.",
    )
    poll_wait_s: float = Field(default=1.0, gt=0, description="How long a read of the log waits when there is nothing.")
    cache_customers_max: int = Field(default=200_000, ge=1, description="Journeys kept in memory, about 1 KB each.")
    load_customers_max: int = Field(
        default=5_000,
        ge=1,
        description="Customers in one question for journeys: bounds the length of the statement.",
    )
    refold_customers_max: int = Field(
        default=500,
        ge=1,
        description="Customers whose histories are read at once to fold them again: bounds memory.",
    )
    rebuild_touchpoints_max: int = Field(
        default=100_000,
        ge=1,
        description="Touchpoints that `tappa model rebuild` has folded between two batches, about: more are faster, "
        "take more memory (1 KB each), and hold up what arrives for longer.",
    )
    rest_touchpoints: int = Field(
        default=10_000,
        ge=1,
        description="A customer who was folded again rests for one batch per so many touchpoints before the next time: "
        "one with very many who gets late ones all the time must not hold up everybody else.",
    )
    stage_changes: bool = Field(
        default=True,
        description="Whether every stage visit, and every correction, is said: in the table `stage_changes`, and on "
        "Kafka in `changes_topic`.",
    )
    silence_wait_s: float = Field(
        default=3.0,
        ge=0,
        le=60,
        description="A visit that silence had brought before its customer's last touchpoint was worked off (an import "
        "of old ones) is said only after so long: the next touchpoint may take it back.",
    )
    silence_look_s: float = Field(
        default=60.0,
        gt=0,
        description="How often the store is asked to whom silence will soon bring a visit, which is then said in time: "
        "each time it reads the planned visits of all customers.",
    )
    changes_review_s: float = Field(
        default=3600.0,
        ge=0,
        description="How often what was said of every customer is compared with what is true, and put right: what a "
        "crash, or a worker that had lost its partitions, left behind.",
    )
    changes_review_customers_max: int = Field(
        default=500, ge=1, description="Customers compared so between two batches: more are faster, and hold up more."
    )
    retry_s_max: float = Field(default=5.0, gt=0, description="Longest pause between tries while the store is away.")
    hang_s: float = Field(
        default=60.0,
        gt=0,
        description="Without a sign of life for so long, /healthz says 503 and the worker is restarted.",
    )
    tidy_interval_s: float = Field(
        default=1.0, gt=0, description="How often the lag is measured and the positions are noted beside the data."
    )
    trim_interval_s: float = Field(
        default=60.0, gt=0, description="How often the log drops what retention does not cover."
    )
    retention_s: float = Field(
        default=7 * 24 * 3600.0,
        ge=0,
        description="How long committed records stay in the log, for a replay or a restored store.",
    )
    retention_bytes: int = Field(
        default=GIB,
        ge=0,
        description="How much stays in the log; the oldest committed records go first, uncommitted ones never.",
    )
