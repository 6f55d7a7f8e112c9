"""The settings, all of them: one tree, composed of what each package says it needs.

Only this package reads files and the environment. A name that is not in the tree is refused (``tappa.load``), and
``docs/settings.md`` is made from it (``tappa.settings_page``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from explore.settings import ExploreSettings
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source, by_key
from store.settings import StoreSettings
from stream.settings import LogSettings, WorkerSettings
from tappa.load import load

FILE: Final = "tappa.toml"


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MoneySettings(Section):
    """In what sums are reported."""

    currency: str = Field(
        default="EUR",
        pattern=r"^[A-Z]{3}$",
        description="The reporting currency (ISO 4217): `revenue` in the views is the sum in this one; "
        "the others are in `revenue_by_currency`. Values that name no currency are taken to be in it.",
    )


class ModelsSettings(Section):
    """The journey models that are folded."""

    active: tuple[str, ...] = Field(
        default=("seven_stage",),
        min_length=1,
        description="The models that every customer is folded under: names of shipped ones, or paths of files.",
    )
    default: str = Field(
        default="seven_stage", description="The one that `v_touchpoints` shows the stages of; one of `active`."
    )

    @model_validator(mode="after")
    def _default_is_active(self) -> Self:
        if self.default not in self.active:
            raise ValueError(f"default is {self.default!r}, which is not one of active: {', '.join(self.active)}")
        return self


class SupervisorSettings(Section):
    """How `tappa up` looks after its processes."""

    ready_within_s: float = Field(
        default=120.0,
        gt=0,
        description="A part that has not answered so long after its start is killed and started again: the store may "
        "have to recover after a crash.",
    )
    health_interval_s: float = Field(default=1.0, gt=0, description="Between two questions whether a part is well.")
    health_timeout_s: float = Field(
        default=3.0,
        gt=0,
        description="A question is unanswered after this time; longer than a busy machine makes a healthy part wait.",
    )
    health_failures_max: int = Field(
        default=5,
        ge=1,
        description="So many questions unanswered in a row, and the part hangs: it is killed and started again.",
    )
    backoff_s: float = Field(
        default=0.2, gt=0, description="Wait before the first restart; doubled each time a part ends again soon."
    )
    backoff_s_max: float = Field(default=30.0, gt=0, description="The longest wait before a restart.")
    steady_after_s: float = Field(
        default=60.0, gt=0, description="A part that ran so long starts with the first wait again."
    )
    stop_within_s: float = Field(
        default=9.0,
        gt=0,
        le=60,
        description="Stopping in order (ingest, worker, store) takes at most this long; what is left then is killed.",
    )
    log_file_bytes_max: int = Field(
        default=5_000_000,
        ge=100_000,
        description="Size of a file in `logs/`, of which one older is kept for each part.",
    )


class Settings(Section):
    """All settings. ``sources`` come from ``[[sources]]``."""

    ingest: IngestSettings = Field(default_factory=IngestSettings)
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    explore: ExploreSettings = Field(default_factory=ExploreSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    money: MoneySettings = Field(default_factory=MoneySettings)
    models: ModelsSettings = Field(default_factory=ModelsSettings)
    supervisor: SupervisorSettings = Field(default_factory=SupervisorSettings)
    sources: tuple[Source, ...] = Field(
        default=(), description="Who may send, and with which write keys: see `tappa sources`."
    )

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        writing = by_key(self.sources)
        if both := next((writing[key].name for key in self.explore.read_keys if key in writing), None):
            raise ValueError(f"a read key is also a write key of source {both!r}: a write key must not read; rotate it")
        return self


def read(data: Path, environment: Mapping[str, str]) -> Settings:
    """The settings of the data directory. Raises ``tappa.load.SettingsError``."""
    return load(Settings, data / FILE, environment)
