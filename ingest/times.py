"""Times as senders write them, and the correction of a clock that is wrong (DESIGN 5.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from ingest.refusals import Code, ItemRefusedError
from ingest.settings import IngestSettings

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DATETIME64_MIN: Final = -2_208_988_800_000
DATETIME64_MAX: Final = 10_413_791_999_999
"""What ClickHouse's DateTime64 can hold: 1900 to 2299."""

SECONDS_FROM: Final = 100_000_000
MILLISECONDS_FROM: Final = 100_000_000_000
MILLISECONDS_TO: Final = 100_000_000_000_000
"""Numbers from the first on are seconds since 1970 (1973 to 5138), from the second on milliseconds (1973 to 5138);
others could be either, or finer, and are refused."""

_DAY: Final = r"\d{4}-?\d{2}-?\d{2}"
_HOUR: Final = r"[Tt ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d{1,9})?)?)?"
_OFFSET: Final = r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)"

ISO_8601: Final = f"^{_DAY}(?:{_HOUR}{_OFFSET}?)?$"
"""The forms of ISO 8601 that are understood, here and in the published schema."""
ISO_8601_WITH_OFFSET: Final = f"^{_DAY}{_HOUR}{_OFFSET}$"
SINCE_1970: Final = r"^[1-9][0-9]{8,13}(?:\.[0-9]*)?$"
"""Texts that are numbers of seconds or milliseconds."""
DAY: Final = f"^{_DAY}$"

_ISO_8601: Final = re.compile(ISO_8601, re.ASCII)
_ISO_8601_WITH_OFFSET: Final = re.compile(ISO_8601_WITH_OFFSET, re.ASCII)
_SINCE_1970: Final = re.compile(SINCE_1970, re.ASCII)
_FRACTION: Final = re.compile(r"[.,](\d{1,9})")
_USUAL: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII)
"""One of the forms of ``ISO_8601_WITH_OFFSET``, which nearly all senders write and Python reads as it is."""
_MILLISECOND: Final = timedelta(milliseconds=1)


def parse_time(value: str | int | float) -> int:
    """Milliseconds since 1970 UTC. Texts are ISO 8601 with any offset and precision (without an offset: UTC) or a
    number; numbers are seconds or milliseconds since 1970. What is finer than a millisecond is cut off. Raises
    ``ValueError``."""
    if isinstance(value, str):
        if len(value) == 24 and value[23] == "Z" and value[10] == "T" and value[19] == "." and value[5] in "01":
            return _milliseconds(datetime.fromisoformat(value))
        return _parse_text(value)
    return _from_number(value)


def parse_time_with_offset(value: str) -> int:
    """As ``parse_time``, of a text that says its offset. Raises ``ValueError``."""
    if _USUAL.fullmatch(value):
        return _milliseconds(datetime.fromisoformat(value))
    if not _ISO_8601_WITH_OFFSET.fullmatch(value):
        raise ValueError("it must be ISO 8601 with an offset from UTC")
    return parse_time(value)


def _parse_text(text: str) -> int:
    if _SINCE_1970.fullmatch(text):
        return _from_number(float(text))
    if not _ISO_8601.fullmatch(text):
        raise ValueError("it is not ISO 8601")
    text = _FRACTION.sub(lambda found: "." + found[1].ljust(6, "0")[:6], text.upper())
    moment = datetime.fromisoformat(text)
    return _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _from_number(number: int | float) -> int:
    if SECONDS_FROM <= number < MILLISECONDS_FROM:
        return int(number * 1000)
    if MILLISECONDS_FROM <= number < MILLISECONDS_TO:
        return int(number)
    raise ValueError("a number must be seconds or milliseconds since 1970")


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MILLISECOND


class Clock(msgspec.Struct, frozen=True, gc=False):
    """What is plausible and what is corrected, in milliseconds."""

    skew: int
    future_max: int
    earliest: int
    browser_age_max: int

    @classmethod
    def of(cls, settings: IngestSettings) -> Clock:
        """The settings' rules."""
        return cls(
            skew=settings.clock_skew_s * 1000,
            future_max=settings.future_s_max * 1000,
            earliest=_milliseconds(datetime(settings.earliest_year, 1, 1, tzinfo=UTC)),
            browser_age_max=settings.browser_age_s_max * 1000,
        )

    def correction(self, received_at: int, sent_at: int | None) -> int:
        """What to add to a sender's times: nothing while its clock is off by no more than network delay explains,
        else the skew rounded towards zero to whole steps. So all that a device sends keeps its order as long as its
        skew stays in one step."""
        if sent_at is None:
            return 0
        skew = received_at - sent_at
        if abs(skew) <= self.skew:
            return 0
        steps = abs(skew) // self.skew * self.skew
        return steps if skew > 0 else -steps

    def check(self, occurred_at: int, original: int, received_at: int, *, browser: bool) -> None:
        """Raises ``ItemRefusedError`` for a time that cannot be."""
        if occurred_at > received_at + self.future_max:
            raise ItemRefusedError(Code.IMPLAUSIBLE_TIME, "it lies in the future")
        if occurred_at < self.earliest:
            raise ItemRefusedError(Code.IMPLAUSIBLE_TIME, "it lies too far in the past")
        if not DATETIME64_MIN <= original <= DATETIME64_MAX:
            raise ItemRefusedError(Code.IMPLAUSIBLE_TIME, "the sender's clock is before 1900 or after 2299")
        if browser and occurred_at < received_at - self.browser_age_max:
            raise ItemRefusedError(Code.TIME_TOO_OLD)
