"""The webhook of a source: who signs, with what, and what its bodies are."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ingest.hooks.mapping import mapped
from stage_engine.yaml_source import SOURCE_CHARS_MAX

DAY_S: Final = 86_400

HookSecret = Annotated[SecretStr, Field(min_length=8, max_length=512)]
Kind = Literal["shopify", "square", "signed", "mapped"]
Scheme = Literal["timestamped", "standard"]


class Hook(BaseModel):
    """What is posted to `/v1/hooks/KIND/SOURCE`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(
        description="`shopify`, `square`, `signed`: your own sender, which signs a batch of messages or receipts; or "
        "`mapped`: any other, whose payload `mapping` makes messages of."
    )
    secrets: tuple[HookSecret, ...] = Field(
        min_length=1,
        max_length=2,
        description="What its bodies are signed with; while one is being replaced both work.",
    )
    url: str = Field(
        default="",
        description="Of `square`: the notification URL exactly as it is registered there, which is signed, too.",
    )
    window_s: int = Field(
        default=7 * DAY_S,
        ge=60,
        le=90 * DAY_S,
        description="Of `signed` and `mapped`: the oldest signature that is taken. Tills that were offline send days "
        "later, and platforms go on trying for days.",
    )
    customer_ids: bool = Field(
        default=False,
        description="The platform's customer ids are the user ids of your other sources, too; else people are known by "
        "e-mail address and phone number only.",
    )

    scheme: Scheme = Field(
        default="timestamped",
        description="Of `mapped`, how it signs. `timestamped`: `X-Signature: t=UNIX,v1=HEX`. `standard`: as "
        "standardwebhooks.com says, with `webhook-id`, `webhook-timestamp` and `webhook-signature`.",
    )
    mapping: str = Field(
        default="",
        max_length=SOURCE_CHARS_MAX,
        description="Of `mapped`: the mapping, as YAML. `tappa sources hook NAME mapped --mapping FILE` checks it and "
        "puts it here.",
    )

    @model_validator(mode="after")
    def _mapped_has_a_mapping(self) -> Self:
        if (self.kind == "mapped") != bool(self.mapping):
            raise ValueError("a mapped hook needs a mapping, and no other has one")
        if self.mapping:
            mapped(self.mapping)
        return self

    @model_validator(mode="after")
    def _square_signs_its_url(self) -> Self:
        if self.kind == "square" and not self.url:
            raise ValueError("a square hook needs url: the notification URL as it is registered at Square")
        return self
