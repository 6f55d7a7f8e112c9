"""Silence: how its length is written, and the chain of moves that it brings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from stage_engine.way import Lapse

SILENCE_MAX_MS: Final = 3_650 * 86_400_000
"""Ten years: the longest time-out, and the longest chain of them, so that every planned visit fits into a
DateTime64."""
SILENCE_MIN_MS: Final = 60_000
"""One minute: a time-out of no length would be a loop."""

_DURATION: Final = re.compile(r"P(?:(?P<days>\d{1,5})D)?(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?)?")


class CircleError(ValueError):
    """Silence leads back to a stage that it left. ``place``: the time-out that closes the circle."""

    def __init__(self, stages: Sequence[str], place: int) -> None:
        super().__init__(f"silence leads in a circle ({' to '.join(stages)}): take one 'after' out")
        self.place = place


def silence_ms(text: str) -> int:
    """Milliseconds of an ISO 8601 duration in days, hours and minutes. Raises ``ValueError``."""
    match = _DURATION.fullmatch(text)
    length = 0
    if match:
        days, hours, minutes = (int(match[unit] or 0) for unit in ("days", "hours", "minutes"))
        length = ((days * 24 + hours) * 60 + minutes) * 60_000
    if not match or not SILENCE_MIN_MS <= length <= SILENCE_MAX_MS:
        raise ValueError(f"'{text}' is no silence: write days, hours or minutes (P30D, PT12H, P1DT30M), PT1M to P3650D")
    return length


def chain_from(stage: str, lapses: Sequence[Lapse]) -> tuple[Lapse, ...]:
    """All that silence brings to somebody who is in ``stage`` after their last touchpoint, each at its offset from that
    touchpoint: of a stage's ``lapses`` in order of length, those that stay fire one after another, and the first that
    leaves begins the next stage's. Raises ``CircleError``."""
    chain: list[Lapse] = []
    passed = [stage]
    entered_ms = 0
    while lapse := _leave(passed[-1], entered_ms, lapses, chain):
        if lapse.to in passed:
            raise CircleError([*passed, lapse.to], lapse.place)
        passed.append(lapse.to)
        entered_ms = lapse.offset_ms
    return tuple(chain)


def _leave(stage: str, entered_ms: int, lapses: Sequence[Lapse], chain: list[Lapse]) -> Lapse | None:
    """Append what silence does in ``stage`` to ``chain``; return the lapse that leaves it."""
    for lapse in sorted((each for each in lapses if each.from_stage == stage), key=lambda each: each.offset_ms):
        chain.append(replace(lapse, offset_ms=entered_ms + lapse.offset_ms))
        if lapse.to != stage:
            return chain[-1]
    return None
