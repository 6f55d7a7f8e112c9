"""What the commands about identity share: the store as it runs, identifiers as they are typed, decisions."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from tappa.cli.options import Decorator, NotDoneError, hint, read_settings
from tappa.exits import EXIT_NOT_DONE

if TYPE_CHECKING:
    from stage_engine.identity.limits import Limits
    from store.clickhouse import ClickHouseStore
    from store.interface import Decision
    from tappa.identifiers import Normaliser
    from tappa.settings import Settings

T = TypeVar("T")

VISIBLE_S_MAX: Final = 60.0
"""How long a command waits until a decision counts everywhere."""

_reason: Decorator = click.option("--reason", default="", help="Why: kept with the decision.")
_by: Decorator = click.option("--by", default="", help="Who decides.  [default: the user of this machine]")
_revoke: Decorator = click.option("--revoke", is_flag=True, help="Take the decision back.")


def decision_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``reason``, ``by`` and ``revoke``: what every decision is taken with."""
    return _reason(_by(_revoke(command)))


class Context:
    """What a question needs."""

    def __init__(self, data: Path, settings: Settings, store: ClickHouseStore) -> None:
        from tappa.identifiers import Normaliser
        from tappa.limits import limits_of

        self.data = data
        self.settings = settings
        self.store = store
        self.limits: Limits = limits_of(settings.identity)
        self.normalise: Normaliser = Normaliser(settings.identity)


def asked(data: Path, question: Callable[[Context], Coroutine[Any, Any, T]]) -> T:
    """The answer; what keeps it from being given ends the command with a sentence."""
    from explore.refusals import RefusedError
    from store.clickhouse import connect
    from store.interface import StoreError
    from stream.log.interface import LogError
    from tappa.decide import UndecidableError
    from tappa.running import store_settings

    settings = read_settings(data)

    async def answer() -> T:
        store = connect(store_settings(data, settings))
        try:
            return await question(Context(data, settings, store))
        finally:
            await store.close()

    try:
        return asyncio.run(answer())
    except (RefusedError, UndecidableError, LogError) as error:
        raise NotDoneError(str(error)) from None
    except StoreError as error:
        raise NotDoneError(f"{error}. Does it run? See: {hint('status', data)}") from None


def decide(
    data: Path,
    kind: Literal["split", "allow", "block"],
    identifiers: Sequence[str],
    *,
    reason: str,
    by: str,
    revoke: bool,
) -> dict[str, Any]:
    """Record a decision, wait until it counts, and say what came of it: as ``--json`` shows it."""
    from stream.log.opening import open_log
    from tappa.decide import Wanted, consider, record, told, whose
    from tappa.waiting import followed_up

    if not reason.strip():
        raise click.UsageError("say why: --reason TEXT")
    decision = _decision(kind, reason.strip(), by.strip() or getpass.getuser(), revoke)

    async def recorded(context: Context) -> Wanted:
        typed = [context.normalise(text) for text in identifiers]
        wanted = await consider(context.store, context.limits, typed, decision)
        async with await open_log(data / "log", context.settings.log) as log:
            await record(log, wanted.decision)
        return wanted

    wanted = asked(data, recorded)
    done = asked(data, lambda context: _followed_up(data, context, followed_up))
    after = asked(data, lambda context: whose(context.store, context.limits, wanted.decision.about))
    return {
        "kind": kind,
        "identifiers": list(wanted.decision.about),
        "revoked": revoke,
        "reason": wanted.decision.reason,
        "decided_by": wanted.decision.decided_by,
        "decided_at": wanted.decision.decided_at,
        "visible": done,
        "met": wanted.met,
        "customers": {one: {"before": told(wanted.before[one]), "after": told(after[one])} for one in after},
    }


async def _followed_up(data: Path, context: Context, wait: Callable[..., bool]) -> bool:
    return await asyncio.to_thread(wait, data / "log", context.settings.log, VISIBLE_S_MAX, progress)


def tell(found: dict[str, Any], data: Path) -> None:
    """What came of a decision, for people."""
    verb = {"split": "split", "allow": "allowed: never shared", "block": "blocked: always shared"}[found["kind"]]
    click.echo(shown(f"{' and '.join(found['identifiers'])}: {'no longer ' if found['revoked'] else ''}{verb}"))
    for one, customers in found["customers"].items():
        if customers["before"] == customers["after"]:
            click.echo(shown(f"  {one} stays with {customers['after']}"))
        else:
            click.echo(shown(f"  {one} goes from {customers['before']} to {customers['after']}"))
    if not found["visible"]:
        click.echo(
            f"It is recorded, and not yet worked off after {VISIBLE_S_MAX:g} s: it will be. "
            f"See: {hint('status', data)}",
            err=True,
        )
        click.get_current_context().exit(EXIT_NOT_DONE)


def progress(left: int) -> None:
    """How much is left to be worked off."""
    click.echo(f"waiting: {left:,} messages to go", err=True)


def row_of(decision: Decision) -> dict[str, Any]:
    """A decision as ``--json`` lists it."""
    from explore.answers import moment

    at = moment(decision.decided_at)
    return {
        "kind": decision.kind,
        "identifiers": list(decision.about),
        "revoked": decision.revoked,
        "decided_at": at.isoformat(timespec="milliseconds") if at else None,
        "decided_by": decision.decided_by,
        "reason": decision.reason,
    }


def line_of(decision: Decision) -> str:
    """A decision as a line."""
    row = row_of(decision)
    state = "revoked" if decision.revoked else decision.kind
    who = "  ".join(decision.about)
    return shown(f"{str(row['decided_at'])[:19]}  {state:<8} {who}  by {decision.decided_by}: {decision.reason}")


def shown(text: object) -> str:
    """What senders wrote, without what a terminal would act on."""
    return "".join(letter if letter.isprintable() else "·" for letter in str(text))


def _decision(kind: Literal["split", "allow", "block"], reason: str, by: str, revoke: bool) -> Decision:
    from store.interface import Decision

    return Decision(
        kind=kind,
        one="",
        revoked=revoke,
        decided_at=time.time_ns() // 1_000_000,
        decided_by=by,
        reason=reason,
    )
