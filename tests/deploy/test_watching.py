"""Dashboards and alerts: they ask for what the processes export, and every alert says what to do."""

from __future__ import annotations

import re
from typing import Final

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from ingest.metrics import Metrics
from store.embedded.metrics import REGISTRY
from stream.metrics import WorkerMetrics
from tests.deploy.queries import DEPLOY, panels, queries, rules, selections

OPERATIONS: Final = (DEPLOY.parent / "docs" / "operations.md").read_text()
ENDINGS: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
PROMETHEUS_OWN: Final = {"up": frozenset({"job", "instance"})}


def exported() -> dict[str, frozenset[str]]:
    """Every series of ingest, worker and store, and its labels."""
    found = dict(PROMETHEUS_OWN)
    for registry in (Metrics().registry, WorkerMetrics().registry, REGISTRY):
        for metric in members(registry):
            for ending in ENDINGS[metric._type]:
                labels = {*metric._labelnames, "job", "instance", *(["le"] if ending == "_bucket" else [])}
                found[metric._name + ending] = frozenset(labels)
    return found


def members(registry: CollectorRegistry) -> list[MetricWrapperBase]:
    return [metric for metric in registry._collector_to_names if isinstance(metric, MetricWrapperBase)]


@pytest.mark.parametrize(("where", "expression"), queries(), ids=lambda text: text[:40])
def test_every_series_that_is_asked_for_is_exported_with_these_labels(where: str, expression: str) -> None:
    series = exported()
    asked = selections(expression)
    assert asked, where
    assert [name for name, _ in asked if name not in series] == []
    assert [(name, labels - series[name]) for name, labels in asked if labels - series[name]] == []


def test_every_alert_leads_to_its_heading() -> None:
    headings = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                for line in re.findall(r"^#+ (.*)$", OPERATIONS, re.MULTILINE)}  # fmt: skip
    for rule in rules():
        page, _, place = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert place == rule["alert"].lower()
        assert place in headings


def test_every_alert_says_how_urgent_it_is() -> None:
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}


def test_the_dashboard_shows_what_an_operator_asks_first() -> None:
    titles = {panel["title"] for panel in panels()}
    wanted = {"Accepted", "Lag", "Acknowledged within", "Visible within", "Refused by reason", "Refolds"}
    assert wanted | {"Cache of journeys"} <= titles


def test_prometheus_is_told_of_every_process_of_the_compose_file() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {target for job in scraped for config in job["static_configs"] for target in config["targets"]}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    ports = {"ingest": "TAPPA_INGEST__PORT", "worker-1": "TAPPA_WORKER__PORT", "worker-2": "TAPPA_WORKER__PORT"}
    assert {f"{name}:{services[name]['environment'][port]}" for name, port in ports.items()} <= targets


def test_the_files_that_the_compose_file_mounts_are_there() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    mounted = [volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])]
    files = [path for path in mounted if path.startswith("./")]
    assert len(files) == 5
    assert [path for path in files if not (DEPLOY / path).exists()] == []
