"""Settings of ingest: every limit has a name here, and the reason for its size."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from stage_engine.identity.identifier import USER
from stage_engine.identity.limits import GROUP_MAX, USER_VALUES_MAX, VALUES_MAX

KILOBYTE: Final = 1_000
MEGABYTE: Final = 1_000_000

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Country = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")]

RESERVED_KINDS: Final = frozenset({"user", "device", "previous", "receipt"})
"""Kinds of identifier that are not contacts."""


class IdentitySettings(BaseModel):
    """What counts as an identifier, and how much one may join."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact_kinds: tuple[Slug, ...] = Field(
        default=("email", "loyalty_card", "phone"),
        description="Kinds of contact. A trait of that name (`loyalty_card` or `loyaltyCard`), an entry of "
        "`context.externalIds` "
        "of that type and a field of a receipt's customer are such a contact.",
    )
    block_list: tuple[str, ...] = Field(
        default=(
            "null",
            "undefined",
            "none",
            "nil",
            "nan",
            "anonymous",
            "[object object]",
            "test@*",
        ),
        description="Values that are no identifiers, whatever the case of their letters; a `*` at the end stands "
        "for any rest. Values of "
        "only zeros and hyphens are always among them. They are dropped from the identifiers, not from the payload.",
    )
    phone_country: Country = Field(
        default="",
        description="Country (ISO 3166, two letters) of phone numbers without an international prefix, for "
        "sources that "
        "name none. Empty: such numbers are not identifiers.",
    )
    identifier_bytes_max: int = Field(
        default=256,
        ge=64,
        le=4096,
        description="Longest identifier, message id and receipt key, in UTF-8 bytes: long enough for every known "
        "client, "
        "short enough for sorting keys.",
    )
    phone_cache_entries: int = Field(
        default=20_000,
        ge=0,
        description="Phone numbers whose E.164 form is remembered, because parsing one costs 30 µs.",
    )
    values_max: int = Field(
        default=VALUES_MAX,
        ge=1,
        le=1_000,
        description="Other users, or contacts of one kind, that an identifier may be seen with; with one more it is "
        "shared and joins nothing: a family shares a card, everybody a shop's tablet. Once changed: "
        "`tappa shared apply`.",
    )
    values_max_of_kind: dict[Slug, Annotated[int, Field(ge=1, le=1_000)]] = Field(
        default={USER: USER_VALUES_MAX},
        description="The same for identifiers of some kinds (`user`, `device`, a kind of contact); `user` is 20 "
        "unless it is named here: a person changes addresses and cards over the years.",
    )
    group_max: int = Field(
        default=GROUP_MAX,
        ge=1,
        le=1_000,
        description="Contacts, or aliased users, that are held together as one person; a larger group joins nothing. "
        "A group is read as a whole. Once changed: `tappa shared apply`.",
    )

    @field_validator("contact_kinds")
    @classmethod
    def _no_reserved_kind(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        reserved = sorted(RESERVED_KINDS & set(kinds))
        if reserved:
            raise ValueError(f"{', '.join(reserved)}: this name is taken by another kind of identifier; choose another")
        return kinds

    @field_validator("values_max_of_kind")
    @classmethod
    def _with_users(cls, limits: dict[str, int]) -> dict[str, int]:
        return {USER: USER_VALUES_MAX, **limits}

    @model_validator(mode="after")
    def _limits_of_known_kinds(self) -> Self:
        known = {"user", "device", "receipt", *self.contact_kinds}
        if unknown := sorted(self.values_max_of_kind.keys() - known):
            raise ValueError(
                f"values_max_of_kind: there is no kind {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        return self


class IngestSettings(BaseModel):
    """The HTTP write side."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    drain_s: float = Field(
        default=3.0,
        ge=0,
        le=300,
        description="How long ingest, when it is told to stop, goes on answering, each answer the last on its "
        "connection. Longer than clients leave a connection unused between two requests, then none of them fails. It "
        "ends earlier when nobody is connected. `tappa up` ends its parts after some seconds whatever this says.",
    )
    public_url: str = Field(
        default="",
        description="Address under which browsers reach ingest (`https://touch.example.com`), told to Segment's "
        "browser client. "
        "Empty: the one it asked at.",
    )
    body_bytes_max: int = Field(
        default=500 * KILOBYTE,
        ge=1 * KILOBYTE,
        description="Largest body of a message or batch, unpacked: Segment's own limit.",
    )
    receipts_bytes_max: int = Field(
        default=10 * MEGABYTE,
        ge=1 * KILOBYTE,
        description="Largest body of receipts as NDJSON, unpacked: a store's day.",
    )
    item_bytes_max: int = Field(
        default=32 * KILOBYTE,
        ge=256,
        description="Largest message, the envelope's context included: Segment's own limit.",
    )
    receipt_bytes_max: int = Field(
        default=256 * KILOBYTE, ge=256, description="Largest receipt: about a thousand lines."
    )
    batch_items_max: int = Field(
        default=10_000,
        ge=1,
        description="Most messages in a batch, because each costs an answer, and tiny ones amplify.",
    )
    receipts_items_max: int = Field(default=50_000, ge=1, description="Most receipts in a body, for the same reason.")
    receipt_lines_max: int = Field(default=2_000, ge=1, description="Most lines and payments of a receipt.")
    expanded_bytes_max: int = Field(
        default=5 * MEGABYTE,
        ge=1 * KILOBYTE,
        description="Largest batch once the envelope's context is merged into each message: a large context must "
        "not multiply.",
    )
    depth_max: int = Field(
        default=64,
        ge=4,
        le=256,
        description="Deepest nesting of a message, so that nobody who reads it later runs out of stack.",
    )

    file_bytes_max: int = Field(
        default=10_000 * MEGABYTE,
        ge=1 * KILOBYTE,
        description="Largest file for `/v1/files`, unpacked: years of a chain. It is streamed, and costs no memory.",
    )
    files_max: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Files that are taken at the same time; a further one is told 503. Each has a thread, and a few "
        "megabytes of `in_flight_bytes_max`.",
    )
    file_log_wait_s: float = Field(
        default=60.0,
        ge=0,
        description="How long a file waits, without being read further, while the log is full; then its sender is "
        "told 503.",
    )

    body_timeout_s: float = Field(
        default=20.0,
        gt=0,
        description="Time for a body to arrive, of a file for its next bytes: a slow sender is told 408 and tries "
        "again.",
    )
    in_flight_bytes_max: int = Field(
        default=64 * MEGABYTE,
        ge=1 * MEGABYTE,
        description="Bytes of all bodies that are being received or worked on. Beyond it new bodies are told 503: "
        "memory is bounded "
        "however many senders there are.",
    )
    retry_after_s: int = Field(
        default=5, ge=1, le=300, description="What a sender is told to wait when the log cannot take more."
    )

    rate_per_s: float = Field(
        default=0.0, ge=0, description="Touchpoints a second that one write key may send in the long run. 0: no limit."
    )
    rate_burst: int = Field(
        default=10_000, ge=1, description="Touchpoints that a write key may send at once on top of the rate."
    )

    clock_skew_s: int = Field(
        default=300,
        ge=1,
        description="Smallest difference between a sender's clock and ours that network delay cannot explain; "
        "times are corrected "
        "only beyond it, in steps of it.",
    )
    future_s_max: int = Field(default=86_400, ge=0, description="How far ahead of our clock a touchpoint may lie.")
    earliest_year: int = Field(default=2000, ge=1971, le=2200, description="Touchpoints of earlier years are refused.")
    browser_age_s_max: int = Field(
        default=30 * 86_400,
        ge=3_600,
        description="Oldest touchpoint that a browser source may send: its write key is public.",
    )

    sources_check_s: float = Field(
        default=1.0, ge=0, description="How often the settings file is looked at for new and removed write keys."
    )
    ready_timeout_s: float = Field(default=2.0, gt=0, description="Time that the log has to answer `/readyz`.")
