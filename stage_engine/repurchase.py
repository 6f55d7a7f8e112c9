"""How long customers take to buy again, from those who did and those who have not yet.

The estimator is Kaplan and Meier's (Journal of the American Statistical Association 53, 1958): whoever has not come
back yet counts as somebody who stayed away at least so long. Leaving them out would make every shop look faster than it
is, young shops most. Some never come back, so the curve ends on a plateau; gaps are told of those who do come back, as
the part of the plateau that is reached (the mixture cure model of Maller and Zhou, Survival Analysis with Long-Term
Survivors, 1996).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

USUAL: Final = 0.63
"""The quantile that a time-out is proposed from. Where customers come at random it is their mean gap (by which
1 - 1/e of them have come back); where they buy at a steady rhythm it is just past that rhythm. The median would be 0.7
of the mean gap in the first case, the 90 % quantile 2.3 of it (``docs/decisions/model-suggest.md``)."""
GAPS_MIN: Final = 30
"""Fewer prove nothing: then nothing is proposed."""
ALL: Final = 0.9
"""Where so many come back there is nobody left whom a longer history would show to do so."""
LEAP_MAX: Final = 0.01
"""Where so few are left that a single return moves the curve by more (and by more than three times what it did at
first), the curve ends: one late return says nothing of those who never came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Silences after a purchase that lasted so long."""

    days: int
    came_back: int
    """Those that the next purchase ended."""
    waiting: int
    """Those that nothing has ended yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """How long it takes until the next purchase, in days, of those who come back; None: nobody did."""

    came_back: int
    """Gaps that were seen."""
    waiting: int
    """Customers who have not come back yet."""
    coming_back: float
    """The part of purchases that another one follows, sooner or later, as far as can be seen."""
    p50: int | None
    usual: int | None
    """By the quantile ``USUAL``."""
    p90: int | None
    followed: int
    """The longest silence, ended or not: longer gaps cannot have been seen."""

    @property
    def young(self) -> bool:
        """Whether many of those who seem never to come back may only not have had the time."""
        return self.p90 is not None and self.coming_back < ALL and 2 * self.p90 > self.followed

    @property
    def enough(self) -> bool:
        """Whether something can be proposed from them."""
        return self.came_back >= GAPS_MIN and self.usual is not None


def gaps_of(spans: Iterable[Spans]) -> Gaps:
    """The gaps that the spans show; in any order, each number of days as often as one likes."""
    spans = list(spans)
    curve = curve_of(spans)
    plateau = curve[-1][1] if curve else 0.0
    return Gaps(
        came_back=sum(span.came_back for span in spans),
        waiting=sum(span.waiting for span in spans),
        coming_back=plateau,
        p50=reached(curve, 0.5 * plateau),
        usual=reached(curve, USUAL * plateau),
        p90=reached(curve, 0.9 * plateau),
        followed=max((span.days for span in spans if span.came_back or span.waiting), default=0),
    )


def curve_of(spans: Iterable[Spans]) -> list[tuple[int, float]]:
    """By days: the part that has come back by then. Who is still waiting at some day has stayed away that day."""
    came_back: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for span in sorted(spans, key=lambda span: span.days):
        came_back[span.days] = came_back.get(span.days, 0) + span.came_back
        waiting[span.days] = waiting.get(span.days, 0) + span.waiting
    at_risk = sum(came_back.values()) + sum(waiting.values())
    leap_max = max(LEAP_MAX, 3 / at_risk) if at_risk else LEAP_MAX
    away = 1.0
    curve: list[tuple[int, float]] = []
    for days, back in came_back.items():
        if back:
            if away / at_risk > leap_max:
                break
            away *= 1 - back / at_risk
            curve.append((days, 1 - away))
        at_risk -= back + waiting[days]
    return curve


def reached(curve: list[tuple[int, float]], part: float) -> int | None:
    """The first day by which so large a part has come back; None: never, as far as can be seen."""
    return next((days for days, back in curve if back >= part - 1e-12), None)
