"""Decisions about identifiers, as an operator takes them at the command line."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.installation import Installation
from tests.e2e.items import plain

GIVE_UP_S: Final = 240.0
PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A split of two identifiers, or the word that one is never (``allow``) or always (``block``) shared."""

    kind: str
    typed: tuple[str, ...]
    """The identifiers, as somebody types them."""
    revoked: bool = False
    """Whether it takes back what was decided before."""

    @property
    def about(self) -> tuple[str, ...]:
        """The identifiers, as touchpoints have them."""
        parts = (one.partition(":") for one in self.typed)
        return tuple(sorted(f"{kind}:{plain(value)}" for kind, _, value in parts))

    @property
    def command(self) -> list[str]:
        """How it is said to ``tappa``."""
        command = ["split"] if self.kind == "split" else ["shared", self.kind]
        return [*command, *self.typed, "--reason", "a test", "--json", *["--revoke"] * self.revoked]


async def decide(tappa: Installation, decision: Decision) -> None:
    """Return when the decision is recorded and visible; say it again as long as processes that are killed, or
    identifiers that are not visible yet, stand in its way. Decisions that revoke each other one after the other."""
    deadline = time.monotonic() + GIVE_UP_S
    done = "no such decision" if decision.revoked else "decided already"
    while True:
        answer = await asyncio.to_thread(tappa.attempt, *decision.command)
        visible = answer.returncode == 0 and json.loads(answer.stdout)["visible"]
        if visible or done in answer.stderr:
            return
        assert time.monotonic() < deadline, f"{decision}: {answer.stdout}{answer.stderr}\n{tappa.said()}"
        await asyncio.sleep(PAUSE_S)


def decided(decisions: Iterable[Decision], limits: dict[str, Any]) -> dict[str, Any]:
    """What counts after all of them, taken in this order, in the words of ``tests.reference``."""
    last = {(one.kind, one.about): one.revoked for one in decisions}
    standing = [about for about, revoked in last.items() if not revoked]
    return {
        **limits,
        "splits": [about for kind, about in standing if kind == "split"],
        "allowed": {one for kind, about in standing for one in about if kind == "allow"},
        "blocked": {one for kind, about in standing for one in about if kind == "block"},
    }
