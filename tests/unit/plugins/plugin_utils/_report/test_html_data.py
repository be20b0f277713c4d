"""What a host sends of a size that nothing has, and what of it gets into the page."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_data import pack
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.html_report import render_html
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import HostAnswers

from tests.rigs.reports import report_of

Maker = Callable[..., dict[str, Any]]


def test_what_nobody_can_read_is_shortened_and_that_is_said(result: Maker) -> None:
    measured = result()
    sent = measured["ansible_facts"]["softtoken"]
    sent["clock"]["reference"] = "x" * 1_000_000
    sent["serials"] = [{"serial": f"s{place}", "where": "/x", "profile": None, "user": None} for place in range(5000)]
    packed = pack(report_of(HostAnswers(host="a", measured=measured), HostAnswers(host="b", measured=result())))
    (_name, _codes, _messages, parts, *_more, cut), whole = packed["hosts"]
    assert cut is True
    assert parts["clock"]["reference"] == f"{'x' * 2000}..."
    assert [one["serial"] for one in packed["pool"][parts["serials"]]] == [f"s{place}" for place in range(1000)]
    assert len(whole) == 7


def test_the_largest_floats_of_a_history_leave_the_page_whole(result: Maker) -> None:
    checks = [[1795250000.0, sys.float_info.max, 0.1], [1795250900.0, 0.001, 0.1]]
    measured = {**result(), "detail": {"history": checks}}
    assert "1795250900.0,0.001,0.1" in render_html(report_of(HostAnswers(host="a", measured=measured)))
