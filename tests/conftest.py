"""For all tests: which backends they really ran on is said at the end, so that a suite that quietly left one out is
seen."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from store.settings import StoreSettings
from tests.kafka.running_broker import RunningBroker, running_broker
from tests.running_store import running_store

EXPECTED = {"log: sqlite", "log: memory", "store: clickhouse", "store: memory"}
"""In `make test-fast`, too."""
EXPECTED_SLOW = {
    "broker: kafka", "log: kafka", "store: clickhouse, two shards", "client: node", "client: jdbc",
    "client: clickhouse-connect", "client: segment node", "client: segment python", "client: segment java",
    "browser: chromium", "client: analytics-next",
}  # fmt: skip

# Speed is measured in benches/: a busy machine fails nothing here. What failed can be played again.
settings.register_profile("tappa", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("tappa")

_ran = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ran] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests come first: of two processes none works on alone in the end."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def backend_ran(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Called with a backend's name (``log: sqlite``) by whoever has just used it."""

    def ran(name: str) -> None:
        pytestconfig.stash[_ran][name] += 1

    return ran


def missing(config: pytest.Config) -> set[str]:
    """The backends that had to run and did not: asked of a run of everything only."""
    whole = not config.args or config.args == config.getini("testpaths")
    if not whole or config.getoption("keyword"):
        return set()
    expected = EXPECTED if config.getoption("markexpr") else EXPECTED | EXPECTED_SLOW
    return expected - set(config.stash[_ran])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # a worker of pytest-xdist tells whoever started it
        session.config.workeroutput["backends"] = dict(session.config.stash[_ran])
        return
    if os.environ.get("CI") and missing(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    ran: Counter[str] = node.config.stash[_ran]
    ran.update(getattr(node, "workeroutput", {}).get("backends", {}))  # one that was killed has told nothing


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[_ran]:
        told = ", ".join(f"{name} ({count})" for name, count in sorted(config.stash[_ran].items()))
        terminalreporter.write_line(f"backends that ran: {told}")
    if absent := missing(config):
        terminalreporter.write_line(f"backends that did NOT run: {', '.join(sorted(absent))}", red=True)


@pytest.fixture(scope="session")
def embedded_store() -> Iterator[StoreSettings]:
    """A real store process, one for all tests that ask: each takes a database or tables of its own."""
    with running_store() as settings:
        yield settings


@pytest.fixture(scope="session")
def kafka(backend_ran: Callable[[str], None]) -> Iterator[RunningBroker]:
    """A real Kafka broker, one for all tests that ask: each takes topics of its own."""
    with running_broker() as broker:
        backend_ran("broker: kafka")
        yield broker
