"""The manifests for Kubernetes and the compose file fit Tappa: their settings are settings, their commands commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import click
import pytest
import yaml

from tappa.cli import main
from tappa.load import load
from tappa.settings import Settings
from tests.deploy.compose import services

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"


def resources() -> list[dict[str, Any]]:
    """Of the base."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [one for file in listed for one in yaml.safe_load_all((KUBERNETES / file).read_text())]


def workloads() -> dict[str, dict[str, Any]]:
    """By name what has pods, as their specification."""
    found = [one for one in resources() if one["kind"] in ("Deployment", "StatefulSet")]
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in found}


def containers() -> Iterator[dict[str, Any]]:
    for workload in workloads().values():
        yield from workload["containers"]


def variables(container: dict[str, Any]) -> dict[str, str]:
    """Those that the container sets by itself or has from the base's settings."""
    [common] = [one["data"] for one in resources() if one["kind"] == "ConfigMap"]
    own = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    return {**common, **own}


def test_every_file_of_the_base_is_listed() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert {file.name for file in KUBERNETES.glob("*.yaml")} == {*listed, "kustomization.yaml"}


@pytest.mark.parametrize("container", list(containers()), ids=lambda one: one["name"])
def test_a_container_runs_a_command_with_settings_that_there_are_and_is_confined(container: dict[str, Any]) -> None:
    assert container["args"][0] in main.list_commands(click.Context(main))
    settings = load(Settings, Path("none.toml"), variables(container))
    section = getattr(settings, container["args"][0])
    assert section.host == "0.0.0.0"
    assert container["ports"][0]["containerPort"] == section.port
    assert settings.log.kafka.servers
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(container)


def test_no_pod_is_roots_and_each_workload_may_be_disturbed_one_pod_at_a_time() -> None:
    assert [name for name, one in workloads().items() if not one["securityContext"]["runAsNonRoot"]] == []
    budgets = {one["metadata"]["name"] for one in resources() if one["kind"] == "PodDisruptionBudget"}
    assert budgets == set(workloads())


def test_there_are_never_more_workers_than_partitions() -> None:
    [workers] = [
        one["spec"] for one in resources()
        if one["kind"] == "HorizontalPodAutoscaler" and one["spec"]["scaleTargetRef"]["name"] == "tappa-worker"
    ]  # fmt: skip
    [common] = [one["data"] for one in resources() if one["kind"] == "ConfigMap"]
    assert 3 * workers["maxReplicas"] <= int(common["TAPPA_LOG__PARTITIONS"])


@pytest.mark.parametrize("name", ["ingest", "worker-1", "worker-2"])
def test_a_service_of_the_compose_file_has_settings_that_there_are(name: str) -> None:
    service = services()[name]
    settings = load(Settings, Path("none.toml"), service["environment"])
    assert settings.log.kafka.servers == "kafka:9092"
    assert settings.store.host == "clickhouse"
    assert service["read_only"]
    assert service["command"][0] in main.list_commands(click.Context(main))


def test_every_image_has_a_version() -> None:
    images = [one["image"] for one in services().values()] + [one["image"] for one in containers()]
    images += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert [image for image in images if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)] == []


def test_what_the_dockerfile_copies_is_there_and_let_through() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {name for names in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for name in names.split()}
    let_through = set(re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert copied == let_through
    assert [name for name in copied if not (DEPLOY.parent / name).exists()] == []
    assert {"explore", "ingest", "stage_engine", "store", "stream", "tappa"} <= copied


@pytest.mark.parametrize("file", sorted((DEPLOY / "clickhouse").glob("*.xml")), ids=lambda file: file.name)
def test_the_files_for_clickhouse_are_xml(file: Path) -> None:
    assert ElementTree.fromstring(file.read_text()).tag == "clickhouse"
