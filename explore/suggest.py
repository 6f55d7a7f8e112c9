"""What the data says about a model: figures, and a patch of its file. Nothing is changed."""

# ruff: noqa: S608 - text goes into statements as literals only

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from explore.repurchase import Spanned, read_spans
from explore.suggested import ProposedSignal, ProposedTimeOut, RepurchaseGaps, StageEntered, Suggested
from explore.worthwhile import WorthwhileEvent, worthwhile
from stage_engine.example import TRANSACTIONS
from stage_engine.model import compiled
from stage_engine.model_file import ModelFile, read_model_file
from stage_engine.proposal import TimeOut, changed, patch, signal_names, time_outs
from stage_engine.repurchase import GAPS_MIN, Gaps, gaps_of
from store.clickhouse import ClickHouseStore
from store.sql import literal

SALE_EVENTS_MAX: Final = 100
"""Events that are sales; a shop has a handful."""


async def suggested(store: ClickHouseStore, text: str, filename: str) -> Suggested:
    """About the model that ``text`` describes; ``filename`` is for the patch. Raises ``ModelError`` and
    ``StoreError``."""
    file, problems = read_model_file(text, filename)
    model = compiled(file, problems)
    found = [(spanned, gaps_of(spanned.spans)) for spanned in await read_spans(store)]
    shop = next((gaps for spanned, gaps in found if not spanned.category), gaps_of(()))
    fitted = time_outs(file, await _sale_events(store), shop.usual) if shop.enough and shop.usual else ()
    events = await worthwhile(store, file.signals)
    names = signal_names([one.event for one in events], file.signals)
    stages = await _stages(store, file)
    never = tuple(one.stage for one in stages if not one.customers)
    return Suggested(
        model=model.name,
        model_version=model.version,
        gaps=tuple(_gaps(spanned, gaps) for spanned, gaps in found),
        time_outs=tuple(_time_out(file, one) for one in fitted),
        signals=tuple(_signal(name, one) for name, one in zip(names, events, strict=False)),
        stages=stages,
        never_entered=never,
        notes=tuple(_notes(shop, fitted, stages)),
        patch=patch(text, changed(text, fitted, names), filename),
    )


async def _sale_events(store: ClickHouseStore) -> frozenset[str]:
    rows = await store.rows(
        f"SELECT DISTINCT toString(event) FROM touchpoints WHERE transaction = 'sale' LIMIT {SALE_EVENTS_MAX:d}"
    )
    known = (event for event, transaction in TRANSACTIONS.items() if transaction == "sale")
    return frozenset(event for (event,) in rows).union(known)


async def _stages(store: ClickHouseStore, file: ModelFile) -> tuple[StageEntered, ...]:
    rows = await store.rows(
        f"SELECT stage, uniq(customer_id) FROM v_stage_visits WHERE model = {literal(file.name)} GROUP BY stage"
    )
    customers = dict(rows)
    stages = tuple(StageEntered(stage=stage.name, customers=customers.get(stage.name, 0)) for stage in file.stages)
    return stages if customers else ()


def _gaps(spanned: Spanned, gaps: Gaps) -> RepurchaseGaps:
    return RepurchaseGaps(
        category=spanned.category,
        gaps=gaps.came_back,
        waiting=gaps.waiting,
        coming_back=round(gaps.coming_back, 4),
        p50_days=gaps.p50,
        usual_days=gaps.usual,
        p90_days=gaps.p90,
    )


def _time_out(file: ModelFile, one: TimeOut) -> ProposedTimeOut:
    move = file.moves[one.place]
    return ProposedTimeOut(
        place=f"move {one.place + 1}",
        from_stages=tuple(origin for origin, _ in file.steps(move)),
        label=move.label or "",
        after=one.after,
        proposed=one.proposed,
    )


def _signal(name: str, event: WorthwhileEvent) -> ProposedSignal:
    return ProposedSignal(
        name=name,
        type=event.type,
        event=event.event,
        touchpoints=event.touchpoints,
        customers=event.customers,
        bought=round(event.bought / event.customers, 4),
        average=round(event.average, 4),
    )


def _notes(shop: Gaps, fitted: Sequence[TimeOut], stages: Sequence[StageEntered]) -> Iterator[str]:
    if not shop.enough:
        yield f"{shop.came_back} repurchase gaps: fewer than {GAPS_MIN} prove nothing, so no time-out is proposed"
    elif not fitted:
        yield "no time-out of a day or more leaves a stage after the purchase: there is none to fit"
    if shop.enough and shop.young:
        yield (
            f"nobody has been followed for more than {shop.followed} days after a purchase: where longer gaps are "
            "usual, these are told too short; ask again when there is more history"
        )
    if not stages:
        yield "no customer has stages under this model: only an active model tells which stages nobody enters"
