# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats a report can be written in. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .csv_report import render_findings_csv, render_hosts_csv
from .html_report import render_html
from .json_report import render_json
from .junit_report import render_junit
from .model import Report
from .openmetrics_report import render_openmetrics
from .sarif_report import render_sarif
from .text_report import render_text

__all__ = ["DEFAULT_FORMATS", "FORMATS", "Format"]


class Format(NamedTuple):
    """One format: the files it is written to, and what makes the text of each."""

    files: Mapping[str, Callable[[Report], str]]


FORMATS: dict[str, Format] = {
    "json": Format({"report.json": render_json}),
    "text": Format({"report.txt": render_text}),
    "html": Format({"index.html": render_html}),
    "csv": Format({"hosts.csv": render_hosts_csv, "findings.csv": render_findings_csv}),
    "junit": Format({"junit.xml": render_junit}),
    "sarif": Format({"report.sarif": render_sarif}),
    "openmetrics": Format({"metrics.prom": render_openmetrics}),
}
DEFAULT_FORMATS = ("json", "text", "html")
