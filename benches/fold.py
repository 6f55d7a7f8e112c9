"""What the fold costs: whole histories and steps under ``seven_stage``, under a model that asks much, and for a
customer with many visits.

Nothing is started: the touchpoints of the full mix pass ingest's judgement and are folded as a worker folds them, on
one core. All figures are CPU time of this process. What is compared is measured in turn, several times, of which the
best counts: a busy machine slows both alike.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from benches.figures import Figures
from benches.fold_model import WIDE
from benches.workload import DAY_MS, FULL, Workload, items
from ingest.arrival import Arrival, Rules
from ingest.judge import Judgement
from ingest.settings import IdentitySettings, IngestSettings
from ingest.sources import Source
from stage_engine.fold import fold, fold_placed, one_per_identity
from stage_engine.journey import Journey
from stage_engine.model import Model, load_model, parse_model
from stage_engine.touchpoint import Placed, Touchpoint, place
from store.customer_columns import customer_columns
from store.interface import CustomerRow
from stream.advance import advance
from stream.log.message import decode_frame, encode_frame

SEED: Final = 11
ITEMS: Final = 60_000
ITEMS_MIN: Final = 6_000
ITEMS_A_CUSTOMER: Final = 7.5
"""About as many as `make bench` sends."""
BATCHES: Final = 75
"""Of so many a customer has 1.3 touchpoints in a batch that has any: as a worker's, at 25,000 touchpoints/s of 100,000
customers."""
ROUNDS: Final = 7
VISITS: Final = (5, 500, 5_000)
VISIT_EVERY_MS: Final = 2 * 3_600_000
PAGES: Final = 5
"""A visit has so many: the customer with few visits, too, has more touchpoints than a journey remembers."""
STEPS: Final = 500

Batch = dict[str, list[Placed]]
"""By customer, in total order."""
Work = Callable[[], object]


def measured(now_ms: int, scale: float, rounds: int = ROUNDS) -> Figures:
    """All figures; ``rounds`` as for ``least_cpu_s``."""
    placed = one_per_identity(map(place, touchpoints(now_ms - 4 * DAY_MS, max(int(ITEMS * scale), ITEMS_MIN))))
    histories = [as_read(history) for history in by_customer(placed).values()]
    batches = [by_customer(some) for some in cut(placed, len(placed) // BATCHES + 1)]
    works: dict[str, Work] = {}
    for model in (load_model("seven_stage"), parse_model(WIDE, "wide.yaml")):
        works[f"{model.name}.histories"] = partial(fold_histories, model, histories)
        works[f"{model.name}.steps"] = partial(step_batches, model, batches)
    plain = [[touchpoint for _, _, touchpoint in history] for history in histories]
    works["seven_stage.unplaced"] = partial(fold_unplaced, load_model("seven_stage"), plain)
    figures = {f"{name}_per_s": len(placed) / seconds for name, seconds in least_cpu_s(works, rounds).items()}
    for kind in ("histories", "steps"):
        figures[f"wide.{kind}_of_seven_stage"] = figures[f"wide.{kind}_per_s"] / figures[f"seven_stage.{kind}_per_s"]
    figures |= of_many_visits(load_model("five_e"), rounds)
    return {f"fold.{name}": value for name, value in figures.items()}


def described() -> dict[str, Any]:
    """What is folded at scale 1: only results of which this is the same are compared."""
    return {"seed": SEED, "items": ITEMS, "items_a_customer": ITEMS_A_CUSTOMER, "batches": BATCHES, "visits": [*VISITS]}


def touchpoints(start_ms: int, count: int) -> Iterator[Touchpoint]:
    """The full mix, as ingest makes touchpoints of it; copies among them."""
    workload = Workload(
        seed=SEED, items=count, start_ms=start_ms, end_ms=start_ms + 4 * DAY_MS, mix=FULL,
        customers=int(count / ITEMS_A_CUSTOMER),
    )  # fmt: skip
    rules = Rules.of(IngestSettings(), IdentitySettings(), "EUR", lambda: "")
    source = Source(name="web", write_keys=("benchmark",))
    for item in items(workload):
        kind = item.kind if item.kind == "receipt" else ""
        arrival = Arrival(source=source, endpoint="/v1/batch", type=kind, received_at=workload.end_ms)
        judgement = Judgement(rules, arrival, 1)
        judgement.judge(0, item.body)
        [touchpoint] = decode_frame(encode_frame(judgement.messages[0]))
        assert isinstance(touchpoint, Touchpoint)
        yield touchpoint


def by_customer(placed: Sequence[Placed]) -> Batch:
    """Each under the identifier that it is filed under: who is who is measured elsewhere."""
    customers: Batch = {}
    for one in placed:
        customers.setdefault(one[2].home, []).append(one)
    return customers


def cut(placed: Sequence[Placed], size: int) -> Iterator[Sequence[Placed]]:
    """In parts of this size."""
    for start in range(0, len(placed), size):
        yield placed[start : start + size]


def as_read(history: Sequence[Placed]) -> list[Placed]:
    """The same in memory as a refold finds it, which has just read the customer's facts: one beside the other."""
    touchpoints = msgspec.msgpack.decode(msgspec.msgpack.encode([one[2] for one in history]), type=list[Touchpoint])
    return [place(touchpoint) for touchpoint in touchpoints]


def fold_histories(model: Model, histories: Sequence[Sequence[Placed]]) -> None:
    """Each customer from scratch, as a refold does when the facts have been read."""
    errors: Counter[str] = Counter()
    for history in histories:
        fold_placed(model, history, errors)


def fold_unplaced(model: Model, histories: Sequence[Sequence[Touchpoint]]) -> None:
    """The same from touchpoints whose order and identity nobody has made yet."""
    errors: Counter[str] = Counter()
    for history in histories:
        fold(model, history, errors)


def step_batches(model: Model, batches: Sequence[Batch]) -> None:
    """Batch for batch, each customer from what is known, as a worker does when nothing is late."""
    known: dict[str, Journey] = {}
    errors = {model.name: Counter[str]()}
    for batch in batches:
        for customer, placed in batch.items():
            journey = known.get(customer)
            before = None if journey is None else {model.name: journey}
            outcome = advance({model.name: model}, before, placed, errors, own=True)
            assert outcome.journeys is not None
            stepped = outcome.journeys[model.name]
            assert stepped is not None
            known[customer] = stepped


def of_many_visits(model: Model, rounds: int) -> Figures:
    """One step of customers with few and many visits, and apart what the worker does around it: to keep the journey
    encoded, and to make the columns of its row."""
    works: dict[str, Work] = {}
    for count in VISITS:
        journey = visitor(model, count)
        row = CustomerRow(
            customer_id="user:u", model=model.name, model_version=model.version, stages=model.stages, version=1,
            journey=journey,
        )  # fmt: skip
        works[f"step_us.{count}"] = partial(step_apart, model, journey)
        works[f"cache_us.{count}"] = partial(keep_encoded, journey)
        works[f"row_us.{count}"] = partial(customer_columns, [row])
    per_call = {"step_us": STEPS, "cache_us": 1, "row_us": 1}
    seconds = least_cpu_s(works, rounds)
    figures = {name: value / per_call[name.split(".")[0]] * 1e6 for name, value in seconds.items()}
    few, many = VISITS[0], VISITS[-1]
    figures["step_of_many_visits"] = figures[f"step_us.{many}"] / figures[f"step_us.{few}"]
    return {f"{model.name}.{name}": value for name, value in figures.items()}


def visitor(model: Model, count: int) -> Journey:
    """A customer who looks at ``PAGES`` pages every two hours, until they have at least so many visits."""
    pages = PAGES
    while True:
        journey = fold_placed(model, [page(number) for number in range(pages)])
        assert journey is not None
        if len(journey.visits) >= count:
            return journey
        pages += PAGES * max((count - len(journey.visits)) // 2, 1)


def page(number: int) -> Placed:
    at = VISIT_EVERY_MS * (number // PAGES + 1) + number % PAGES * 60_000
    return place(
        Touchpoint(
            source="web", message_id=f"{number:032x}", type="page", event="Page Viewed", channel="web", occurred_at=at,
            original_timestamp=at, received_at=at, user_id="u", content_hash=number.to_bytes(16, "big"),
        )
    )  # fmt: skip


def step_apart(model: Model, journey: Journey) -> None:
    """Many times the same step: each brings visits."""
    next_ = page(journey.touchpoints)
    errors = {model.name: Counter[str]()}
    for _ in range(STEPS):
        advance({model.name: model}, {model.name: journey}, [next_], errors, own=True)


def keep_encoded(journey: Journey) -> None:
    msgspec.msgpack.decode(msgspec.msgpack.encode(journey), type=Journey)


def least_cpu_s(works: Mapping[str, Work], rounds: int) -> dict[str, float]:
    """Of each the least CPU time of so many rounds, in which all take turns."""
    least: dict[str, float] = {}
    for _ in range(rounds):
        for name, work in works.items():
            gc.collect()
            begin = time.process_time()
            work()
            spent = time.process_time() - begin
            least[name] = min(spent, least.get(name, spent))
    return least
