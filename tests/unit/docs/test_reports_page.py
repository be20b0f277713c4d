"""docs/reports.md names every format, file, column, level and metric, and none that is not there."""

from __future__ import annotations

import re

import yaml
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.csv_report import (
    FINDING_COLUMNS,
    HOST_COLUMNS,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.formats import DEFAULT_FORMATS, FORMATS
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.openmetrics_report import render_openmetrics
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.sarif_report import (
    LEVELS,
    SECURITY_SEVERITIES,
)
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.rigs.reports import ROOT, every_report

PAGE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")


def table(header: str) -> list[list[str]]:
    """Return the cells of the table with this header, line for line."""
    _before, _header, rest = PAGE.partition(f"\n| {header} |")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def columns(section: str) -> list[str]:
    part = PAGE.partition(f"Columns of `{section}`")[2].split("\n\n")[1]
    return [name for line in part.splitlines()[2:] for name in names(line.split(" | ")[0])]


def test_formats_and_files() -> None:
    assert [(names(row[0]), names(row[1])) for row in table("format | files | for")] == [
        ([name], list(made.files)) for name, made in FORMATS.items()
    ]
    listed = ", ".join(f"`{name}`" for name in DEFAULT_FORMATS[:-1])
    assert f"Without the variable: {listed} and `{DEFAULT_FORMATS[-1]}`." in PAGE


def test_columns() -> None:
    assert columns("hosts.csv") == list(HOST_COLUMNS)
    assert columns("findings.csv") == list(FINDING_COLUMNS)


def test_levels() -> None:
    assert table("severity | level | `security-severity` of the rule") == [
        [severity, f"`{level}`", SECURITY_SEVERITIES[severity]] for severity, level in LEVELS.items()
    ]


def test_metrics_and_their_labels() -> None:
    made: dict[str, set[str]] = {}
    for report in every_report().values():
        for family in text_string_to_metric_families(render_openmetrics(report)):
            for sample in family.samples:
                made.setdefault(sample.name, set()).update(sample.labels)
    assert {names(row[0])[0]: set(names(row[1])) for row in table("metric | labels |")} == made


def test_examples_name_formats_that_there_are() -> None:
    given = re.findall(r"softtoken_formats=(\S+)", PAGE)
    assert len(given) >= 4
    for one in given:
        assert set(one.split(",")) <= set(FORMATS)


def test_examples_are_yaml() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert yaml.safe_load(block)
