"""The rules and the dashboard in ``deploy/monitoring`` ask for what is really exported."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mailcore import Mailcore
from mailcore.monitoring.metrics import Metrics
from mailcore.values.alerts import AlertHealth, AlertKind
from tests.support.driving import Tables
from tests.support.queueing import queue

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
#: What Grafana puts in.
VARIABLES = {"$__rate_interval": "5m", "$project": ".*", "$alias": ".*"}
#: Of a metric: each label, and the values that it can have; None for any.
Labels = dict[str, set[str] | None]
NAMES = {"alias", "project"}


@pytest.fixture
def exported(core: Mailcore, authorised: str, tables: Tables) -> dict[str, Labels]:
    """Everything that a deployment exports in which there is something of everything."""
    core.queue.set_limits(
        "alerts", messages_per_second=1, messages_per_day=5, recipients_per_day=5, by="ann"
    )
    queue(core)
    tables("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    health = AlertHealth(channels=1, open=1, waiting=1, silent_since=datetime.now(UTC), error=None)
    metrics = Metrics(core.settings, core._database, lambda: health)
    found: dict[str, Labels] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        assert family.samples, f"{family.name} has no series, so its labels cannot be checked"
        for sample in family.samples:
            labels = found.setdefault(sample.name, dict.fromkeys(sample.labels, None))
            for label, value in sample.labels.items():
                if label not in NAMES:
                    labels[label] = (labels[label] or set()) | {value}
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Every query, by where it is."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], with_variables(target["expr"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            [(query, label)] = re.findall(r"^label_values\((.+), (\w+)\)$", variable["definition"])
            yield variable["name"], f"count by ({label}) ({with_variables(query)})"


def with_variables(query: str) -> str:
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return query


def check(part: Any, exported: dict[str, Labels]) -> set[str]:
    """Check all that a query names, and return the labels that its result can have."""
    if isinstance(part, promql_parser.VectorSelector):
        return check_selector(part, exported)
    if isinstance(part, promql_parser.AggregateExpr):
        inner = check(part.expr, exported)
        wanted = set(part.modifier.labels) if part.modifier else set()
        assert wanted <= inner, f"{part} groups by what is not there"
        return wanted
    if isinstance(part, promql_parser.BinaryExpr):
        return check_matching(part, exported)
    if isinstance(part, promql_parser.Call):
        return set().union(*(check(each, exported) for each in part.args or []))
    if isinstance(part, promql_parser.MatrixSelector):
        return check(part.vector_selector, exported)
    if isinstance(part, promql_parser.ParenExpr):
        return check(part.expr, exported)
    assert isinstance(part, promql_parser.NumberLiteral), type(part)
    return set()


def check_selector(part: Any, exported: dict[str, Labels]) -> set[str]:
    assert part.name in exported, f"{part.name} is not exported"
    labels = exported[part.name]
    for matcher in part.matchers.matchers:
        assert matcher.name in labels, f"{part.name} has no label {matcher.name}"
        values = labels[matcher.name]
        if values is not None and matcher.op == promql_parser.MatchOp.Equal:
            assert matcher.value in values, f"{matcher.name} is never {matcher.value}"
    return set(labels)


def check_matching(part: Any, exported: dict[str, Labels]) -> set[str]:
    left, right = check(part.lhs, exported), check(part.rhs, exported)
    matching = part.modifier and part.modifier.matching
    if matching:
        assert set(matching.labels) <= left & right
    elif left and right:
        assert left == right, f"nothing of {part} matches"
    return left or right


def test_every_query_finds_what_is_exported(exported: dict[str, Labels]) -> None:
    """A rule that asks for a misspelled metric never fires, and nobody notices."""
    asked = list(queries())
    assert len(asked) > 25
    for where, query in asked:
        labels = check(promql_parser.parse(query), exported)
        texts = [rule["annotations"]["summary"] for rule in RULES if rule["alert"] == where]
        texts += [
            target["legendFormat"]
            for panel in DASHBOARD["panels"]
            for target in panel["targets"]
            if panel["title"] == where and target["expr"] == query
        ]
        for text in texts:
            shown = set(re.findall(r"\$labels\.(\w+)", text) + re.findall(r"{{(\w+)}}", text))
            assert shown <= labels, where


def test_every_metric_is_asked_for(exported: dict[str, Labels]) -> None:
    """What neither a rule nor the dashboard shows might as well not be there."""
    text = " ".join(query for _, query in queries())
    unused = {name for name in exported if name not in text}
    # For whoever looks closer.
    assert unused == {
        "palemail_collection_seconds",
        "palemail_alerts_silent_since_timestamp_seconds",
    }


def test_every_alert_has_its_page_in_the_runbook() -> None:
    """Whoever is woken at night finds what to do."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    for rule in RULES:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/runbook.md"
        assert anchor in anchors
        assert rule["labels"]["severity"] in {"warning", "critical"}
    assert {kind.value.replace(" ", "-") for kind in AlertKind} <= anchors


def test_the_dashboard_is_one_that_grafana_draws() -> None:
    """Panels do not lie upon each other, and use the data source that the reader chooses."""
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        spot = panel["gridPos"]
        covered = {
            (spot["x"] + right, spot["y"] + down)
            for right in range(spot["w"])
            for down in range(spot["h"])
        }
        assert not covered & places
        assert max(x for x, _ in covered) < 24
        places |= covered
        assert panel["datasource"]["uid"] == "${datasource}"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "rules.yaml"), ("test", "rules", "rules_test.yaml")]
)
def test_promtool_takes_the_rules(arguments: tuple[str, ...]) -> None:
    """They load, and fire when they should."""
    ran = subprocess.run(
        ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
