"""What it costs to find out who is who: joins, refolds, a burst of merges, and the crowds that are hard to tell apart.

Everything is measured once, on an installation of its own. What is loaded before a measurement is worked off before it
begins. ``Installation.wait_until_quiet`` says when all is visible without asking the store, which so has only the
workers' questions to answer; single touchpoints are looked for as an analyst would.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benches.costs import WORDS, costs, percentiles
from benches.crowds import SHAPES, Crowds, Shape
from benches.figures import Figures
from benches.generator import read_times
from benches.installation import QUIET_S_MAX, Analyst, Installation, NotAtRestError
from benches.processes import ProcessEndedError
from benches.requests import Requests, write
from benches.sending import PhaseError, nothing, send, when_seen
from benches.workload import DAY_MS, Item

BATCH: Final = 100
SEED: Final = 7
HISTORY_DAYS: Final = 5
WARM: Final = 10
"""Joins before the first that counts, so that nobody asks a thing for the first time."""
JOINS, JOINED, JOIN_EVERY_S = 100, 30, 0.3
"""So many visitors log in, with so many touchpoints each, one after the other."""
MERGES, MERGED = 10_000, 3
"""So many visitors with so many touchpoints each log in at once."""
SMALL, SMALL_TIMES = 1_000, 5
LARGE, LARGE_TIMES = 100_000, 2
"""A customer's touchpoints, and how often a late one comes. The second time the large customer rests."""
SIZE_MIN: Final = 10
HALF_S_MAX: Final = 40.0
"""Longest wait for half a shape: workers that take longer do not bound what it costs."""
COUNTED: Final = {"SelectQuery": "questions", "SelectedRows": "rows_read"}
"""What the store counts, and what it is called here."""
GROWING: Final = ("visible_s", "messages", "questions", "rows_read", "cpu_us.worker", "cpu_us.store")
"""What is compared between the first half of a shape and the second."""


class IdentityMeasurement:
    """One new installation. Figures come together in ``figures``; each method raises ``PhaseError`` when something was
    refused, lost, or is not whose it should be."""

    def __init__(self, installation: Installation, directory: Path, now_ms: int, scale: float) -> None:
        self._installation = installation
        self._analyst = Analyst(installation.connection)
        self._counts = Analyst(installation.writer)
        self._directory = directory
        self._crowds = Crowds(SEED, now_ms - HISTORY_DAYS * DAY_MS)
        self._scale = scale
        self._touchpoints = 0
        self.figures: Figures = {}

    def close(self) -> None:
        self._analyst.close()
        self._counts.close()

    def run(self, part: Part) -> bool:
        """Measure it. False: the workers were busy for too long with it, or one died of it, and the installation is
        good for nothing more."""
        try:
            part.measure(self)
        except (NotAtRestError, ProcessEndedError) as error:
            self._note(part.name, {"left_out": 1.0})
            print(f"  {part.name} is left out: {error}", file=sys.stderr)
            return False
        return True

    def joins(self) -> None:
        """Each of some visitors, one after the other on an idle machine, identifies: until both views show all of their
        touchpoints under the user."""
        visitors = range(scaled(JOINS, self._scale))
        warm = range(len(visitors), len(visitors) + WARM)
        self._load(self._crowds.visits("join", [*visitors, *warm], JOINED))
        self._load(self._crowds.logins("join", warm))
        requests = self._write(self._crowds.logins("join", visitors), 1)
        with costs(self._installation) as figures:
            outcome, seen_ns = send(
                self._installation,
                requests,
                self._times,
                lambda began_ns: when_seen(
                    [began_ns + int(number * JOIN_EVERY_S * 1e9) for number in visitors], self._joined
                ),
                rate_per_s=1 / JOIN_EVERY_S,
                limit_s=len(visitors) * JOIN_EVERY_S + 1,
            )
        self._touchpoints += outcome.fresh
        began, _ = read_times(self._times)
        figures |= percentiles("visible", [(seen - at) / 1e6 for at, seen in zip(began, seen_ns, strict=True)])
        self._note("join", figures | {"joins": len(visitors), "joined": JOINED, "every_s": JOIN_EVERY_S})

    def merges(self) -> None:
        """Many visitors identify at once, as fast as they are acknowledged: until the last is joined."""
        visitors = range(scaled(MERGES, self._scale))
        self._load(self._crowds.visits("merge", visitors, MERGED))
        self._note("merge", self._burst(self._crowds.logins("merge", visitors)) | {"joined": MERGED})
        self._expect("startsWith(customer_id, 'user:merge-')", len(visitors) * (MERGED + 1))

    def shape(self, shape: Shape) -> None:
        """In two halves, to compare what one touchpoint costs in them."""
        size = scaled(shape.size, self._scale)
        first = self._half(shape, range(size // 2), "first")
        second = self._half(shape, range(size // 2, size), "second")
        growth = {name: second[name] / first[name] for name in GROWING if first[name]}
        self._note(f"{shape.name}.growth", growth)

    def refolds(self) -> None:
        """A late touchpoint of a customer who has many."""
        for name, size, times in (("refold_small", SMALL, SMALL_TIMES), ("refold_large", LARGE, LARGE_TIMES)):
            touchpoints = scaled(size, self._scale)
            self._load(self._crowds.history(name, touchpoints))
            several = [self._late(name, touchpoints + number + 1) for number in range(times)]
            self._note(name, several[0] | {"touchpoints": touchpoints})
            self._note(f"{name}.next", {key: statistics.median(one[key] for one in several[1:]) for key in several[0]})

    def check(self) -> None:
        """What the analyst counts must be what was acknowledged."""
        counted = int(self._analyst.ask("SELECT count() FROM v_touchpoints")[0])
        if counted != self._touchpoints:
            raise PhaseError(f"{self._touchpoints} touchpoints were acknowledged, v_touchpoints has {counted}")

    def _half(self, shape: Shape, numbers: range, half: str) -> Figures:
        figures = self._burst(self._crowds.shape(shape, numbers), shape.batch, HALF_S_MAX)
        self._expect(shape.theirs, numbers.stop)
        self._note(f"{shape.name}.{half}", figures)
        return figures

    def _burst(self, stream: Iterable[Item], batch: int = BATCH, limit_s: float = QUIET_S_MAX) -> Figures:
        """Send as fast as is acknowledged, and wait until all is worked off; what it cost, for each touchpoint."""
        requests = self._write(stream, batch)
        before = self._counted()
        with costs(self._installation) as figures:
            outcome, _ = send(self._installation, requests, self._times, nothing)
            quiet_ns = self._installation.wait_until_quiet(limit_s)
            figures["cpu_s.generator"] = outcome.cpu_s
        self._touchpoints += outcome.fresh
        count, seconds = outcome.accepted, (quiet_ns - outcome.began_ns) / 1e9
        for name, value in self._counted().items():
            figures[name] = (value - before[name]) / count
        for process in ("worker", "store"):
            figures[f"cpu_us.{process}"] = figures[f"cpu_s.{process}"] / count * 1e6
        messages = sum(figures[f"worker_messages.{kind}"] for kind in WORDS) / count
        return figures | {"touchpoints": count, "visible_s": seconds, "per_s": count / seconds, "messages": messages}

    def _late(self, user: str, touchpoints: int) -> Figures:
        """From the moment at which a late touchpoint is sent until the customer has so many."""
        requests = self._write([self._crowds.late(user)], 1)
        question = f"SELECT count() FROM v_customers WHERE customer_id = 'user:{user}' AND touchpoints = {touchpoints}"

        def visible(numbers: list[int]) -> Collection[int]:
            return numbers if self._analyst.ask(question) == ["1"] else ()

        with costs(self._installation) as figures:
            outcome, (began_ns, seen_ns) = send(
                self._installation,
                requests,
                self._times,
                lambda began_ns: (began_ns, *when_seen([began_ns], visible)),
            )
        self._touchpoints += outcome.fresh
        self._installation.wait_until_quiet()
        return figures | {"visible_s": (seen_ns - began_ns) / 1e9}

    def _joined(self, numbers: list[int]) -> set[int]:
        """Those of these visitors whose touchpoints are all the user's, in both views."""
        names = ",".join(f"'user:join-{number}'" for number in numbers)
        all_theirs = JOINED + 1
        found = self._analyst.ask(
            f"SELECT customer_id FROM v_customers WHERE customer_id IN ({names}) AND touchpoints = {all_theirs}"
        )
        if found:
            names = ",".join(f"'{name}'" for name in found)
            found = self._analyst.ask(
                f"SELECT customer_id FROM v_touchpoints WHERE customer_id IN ({names}) "
                f"GROUP BY customer_id HAVING count() = {all_theirs}"
            )
        return {int(name.removeprefix("user:join-")) for name in found}

    def _load(self, stream: Iterable[Item]) -> None:
        """Send, and wait until all is worked off; nothing is measured."""
        outcome, _ = send(self._installation, self._write(stream, BATCH), self._times, nothing)
        self._installation.wait_until_quiet()
        self._touchpoints += outcome.fresh

    def _write(self, stream: Iterable[Item], batch: int) -> Requests:
        return write(self._directory / "identity", stream, batch=batch)

    @property
    def _times(self) -> Path:
        return self._directory / "times"

    def _expect(self, theirs: str, touchpoints: int) -> None:
        counted = self._analyst.ask(f"SELECT sum(touchpoints) FROM v_customers WHERE {theirs}")
        if counted != [str(touchpoints)]:
            raise PhaseError(f"{touchpoints} touchpoints are theirs where {theirs}; v_customers says {counted}")

    def _counted(self) -> Figures:
        """What the store has counted so far."""
        names = ",".join(f"'{name}'" for name in COUNTED)
        lines = self._counts.ask(f"SELECT event, value FROM system.events WHERE event IN ({names})")
        return {COUNTED[event]: float(value) for event, value in (line.split("\t") for line in lines)}

    def _note(self, name: str, figures: Figures) -> None:
        self.figures |= {f"identity.{name}.{key}": value for key, value in figures.items()}


def scaled(size: int, scale: float) -> int:
    """So many at this scale, and an even number."""
    return max(int(size * scale) // 2 * 2, SIZE_MIN)


@dataclass(frozen=True, slots=True)
class Part:
    """What can be measured by itself."""

    name: str
    measure: Callable[[IdentityMeasurement], None]


PARTS: Final = (
    Part("join", IdentityMeasurement.joins),
    Part("merge", IdentityMeasurement.merges),
    *(Part(shape.name, partial(IdentityMeasurement.shape, shape=shape)) for shape in SHAPES),
    Part("refold", IdentityMeasurement.refolds),
)
"""In this order: the joins while the store is nearly empty, and the large customer last."""


def described() -> dict[str, Any]:
    """What is sent at scale 1: only results of which this is the same are compared."""
    return {
        "seed": SEED,
        "joins": [JOINS, JOINED, JOIN_EVERY_S],
        "merges": [MERGES, MERGED],
        "refolds": [[SMALL, SMALL_TIMES], [LARGE, LARGE_TIMES]],
        "shapes": {shape.name: [shape.size, shape.batch] for shape in SHAPES},
    }
