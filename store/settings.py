"""Settings of the store: where it is, who may use it, and the limits of the embedded one, each with its reason."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

MEGABYTE: Final = 1_000_000

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]


class EmbeddedStoreSettings(BaseModel):
    """The store process of one machine (chdb behind the ClickHouse HTTP interface); your own server has its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory_bytes_max: int = Field(
        default=2_000 * MEGABYTE,
        ge=256 * MEGABYTE,
        description="Memory that the engine may use in all; about half of the machine or container.",
    )
    query_memory_bytes_max: int = Field(
        default=1_500 * MEGABYTE,
        ge=64 * MEGABYTE,
        description="Memory that one statement of the writer may use: the engine's total alone does not hold a large "
        "GROUP BY.",
    )
    analyst_memory_bytes_max: int = Field(
        default=800 * MEGABYTE,
        ge=64 * MEGABYTE,
        description="Memory that one query of the analyst may use, so that a question never stops the writes.",
    )
    analyst_seconds_max: float = Field(default=60.0, gt=0, description="Time that one query of the analyst may take.")
    analyst_threads_max: int = Field(
        default=2, ge=1, description="Threads that one query of the analyst may use, so that the worker keeps a core."
    )
    analyst_temporary_bytes_max: int = Field(
        default=4_000 * MEGABYTE,
        ge=MEGABYTE,
        description="Disk that one query of the analyst may use to sort and group.",
    )
    mark_cache_bytes: int = Field(
        default=64 * MEGABYTE, ge=MEGABYTE, description="Cache of index marks: enough for the tables of one machine."
    )
    background_threads: int = Field(
        default=2, ge=1, le=64, description="Merges and mutations at once: more would take the cores from the queries."
    )
    old_parts_seconds: int = Field(
        default=60, ge=1, description="How long replaced parts stay on disk; an erasure has to wait for them."
    )
    fsync: bool = Field(
        default=True,
        description="Whether an insert is on disk, not only with the kernel, when it is acknowledged: 3 to 5 ms each.",
    )
    queries_max: int = Field(
        default=16, ge=1, le=256, description="Statements that run at once; each holds a thread and its memory."
    )
    analyst_queries_max: int = Field(
        default=8, ge=1, le=256, description="How many of them may be the analyst's, so that the worker finds a place."
    )
    queries_waiting_max: int = Field(
        default=64, ge=0, description="Statements that wait for a place; more are told 503, and to come again."
    )
    queries_waiting_s_max: float = Field(default=5.0, gt=0, description="Time that a statement waits for a place.")
    statement_bytes_max: int = Field(
        default=64 * MEGABYTE,
        ge=4_096,
        description="Longest SQL text and longest form, held in memory: the worker asks for many customers at once. "
        "The data of inserts stream.",
    )
    analyst_statement_bytes_max: int = Field(
        default=1_048_576, ge=4_096, description="The same for the analyst; four times ClickHouse's own limit."
    )
    result_bytes_max: int = Field(
        default=128 * MEGABYTE,
        ge=MEGABYTE,
        description="Largest result in a format that cannot be streamed (JSON, Parquet, …); Native, RowBinary, CSV, "
        "TSV and JSON lines have no limit.",
    )
    client_seconds_max: float = Field(
        default=60.0, gt=0, description="Time that a client may take to send or to take the next piece of a body."
    )
    sessions_max: int = Field(
        default=1_000, ge=1, description="Sessions at once; the least recently used one goes first."
    )
    session_seconds_max: int = Field(default=3_600, ge=1, description="Longest time a session may ask to be kept.")
    stop_seconds: float = Field(
        default=3.0, gt=0, description="Time that running statements have to end once the process is told to stop."
    )


class ClusterSettings(BaseModel):
    """ClickHouse on several servers: shards, and replicas of each, as in the servers' own `remote_servers`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal[""] | Identifier = Field(
        default="", description="The cluster with all shards and all their replicas. Empty: a single server."
    )
    designated: Literal[""] | Identifier = Field(
        default="",
        description="The cluster with the same shards and one designated replica of each, which is the one that is "
        "written to and asked: a worker must see what another has just written.",
    )
    replicas_written_min: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Replicas of a shard that have an insert when it is acknowledged (`insert_quorum`), so that the "
        "loss of a server loses nothing; 1: the designated one only.",
    )
    keeper_path: str = Field(
        default="/clickhouse/tables/{shard}",
        pattern=r"^(/[A-Za-z0-9_.{}-]+)+$",
        description="Where the replicas of a table find each other in Keeper; `{shard}` and `{replica}` are macros of "
        "each server.",
    )
    ddl_timeout_s: int = Field(
        default=180, ge=1, description="How long a change of the tables waits for all servers to have made it."
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.name) != bool(self.designated):
            raise ValueError(
                "a cluster wants both: name, and designated for the one replica of each shard that is asked"
            )
        if self.name and self.name == self.designated and self.replicas_written_min > 1:
            raise ValueError(
                "name and designated are the same, so each shard has one replica: replicas_written_min must be 1"
            )
        return self


class StoreSettings(BaseModel):
    """Where ClickHouse answers, and as whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        default="127.0.0.1", description="Host of ClickHouse's HTTP interface; the embedded store listens there."
    )
    port: int = Field(default=8123, ge=0, le=65535, description="Its port. The embedded store picks a free one for 0.")
    secure: bool = Field(default=False, description="Whether to speak HTTPS. The embedded store does not.")
    database: Identifier = Field(default="tappa", description="Database of all tables and views.")
    user: str = Field(
        default="tappa", min_length=1, description="User that reads and writes everything in the database."
    )
    password: SecretStr = Field(default=SecretStr(""), description="Its password; the first start generates one.")
    analyst: str = Field(default="analyst", min_length=1, description="User that may only read the database.")
    analyst_password: SecretStr = Field(
        default=SecretStr(""), description="Its password; the first start generates one."
    )

    connect_timeout_s: float = Field(
        default=5.0, ge=1, description="Time for a connection to the store; the driver counts whole seconds."
    )
    request_timeout_s: float = Field(
        default=120.0, gt=0, description="Time for one statement of ours before it counts as lost and is tried again."
    )
    connections_max: int = Field(default=8, ge=1, description="Connections of one process to the store.")

    embedded: EmbeddedStoreSettings = EmbeddedStoreSettings()
    cluster: ClusterSettings = ClusterSettings()

    @property
    def url(self) -> str:
        """The address of the HTTP interface."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"
