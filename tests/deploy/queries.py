"""What the alert rules and dashboards ask Prometheus. ``python -m tests.deploy.queries`` fails for one that it would
not understand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
RULES: Final = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARDS: Final = DEPLOY / "grafana" / "dashboards"


def rules() -> list[dict[str, Any]]:
    """The alerts."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> Iterator[dict[str, Any]]:
    """Those that show something, of all dashboards."""
    for file in sorted(DASHBOARDS.glob("*.json")):
        yield from (panel for panel in json.loads(file.read_text())["panels"] if panel["type"] != "row")


def queries() -> list[tuple[str, str]]:
    """Where it is asked, and what. Grafana's interval is put in."""
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    asked += [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    return [(where, expression.replace("$__rate_interval", "5m")) for where, expression in asked]


def selections(expression: str) -> list[tuple[str, frozenset[str]]]:
    """The name of each series that the expression asks for, and the labels that it is asked by. Raises ``ValueError``
    for what is no PromQL."""
    found: list[tuple[str, frozenset[str]]] = []
    _walk(promql_parser.parse(expression), frozenset(), found)
    return found


def _walk(node: Any, grouped: frozenset[str], found: list[tuple[str, frozenset[str]]]) -> None:
    if isinstance(node, promql_parser.VectorSelector):
        found.append((node.name, grouped | {matcher.name for matcher in node.matchers.matchers}))
    elif isinstance(node, promql_parser.MatrixSelector):
        _walk(node.vector_selector, grouped, found)
    elif isinstance(node, promql_parser.AggregateExpr):
        by = frozenset(node.modifier.labels) if node.modifier else frozenset()
        _walk(node.expr, grouped | by, found)
    elif isinstance(node, promql_parser.BinaryExpr):
        _walk(node.lhs, grouped, found)
        _walk(node.rhs, grouped, found)
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            _walk(argument, grouped, found)
    elif isinstance(node, promql_parser.ParenExpr | promql_parser.SubqueryExpr | promql_parser.UnaryExpr):
        _walk(node.expr, grouped, found)


def main() -> None:
    """Read all of them."""
    broken = []
    for where, expression in queries():
        try:
            selections(expression)
        except ValueError as error:
            broken.append(f"{where}: {error}")
    if broken:
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
