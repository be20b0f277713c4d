"""What the controller makes of what a host sent. Real runs: tests/integration/test_host_facts.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.action.host_facts import ActionModule, facts_of
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Look
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import Directive, EffectiveConfig
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import Layout
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import Unit
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult, Process

NOW = 1795310252.0
REPORTS = (
    f"C0000201,192.0.2.1,3,{NOW - 12:.9f},0.000001,0.0,0.0,4.4,-0.2,16.3,0.000013,0.000416,64.2,Normal\n"
    "^,*,192.0.2.1,2,6,377,12,-0.000001,-0.000001,0.000006\n"
    "1,0,0,0,0\n"
    "*,192.0.2.1,N,-,-,-,-,-,-,-,-,-,-,12,1.0,-0.000001,0.000001,Normal\n"
)
CONFIG = EffectiveConfig(
    "/c",
    ("/c",),
    tuple(
        Directive(name, arguments, "/c", line)
        for line, (name, arguments) in enumerate(
            [("server", ("192.0.2.1",)), ("makestep", ("1", "3")), ("rtcsync", ())], start=1
        )
    ),
    (),
)
LOOK = Look(
    subsets=("clock", "config", "rivals", "service", "witness"),
    taken_at_s=NOW,
    layout=Layout(
        "debian", "/c", "/d", "/s", "chrony", "_chrony", chronyd="/usr/sbin/chronyd", chronyc="/usr/bin/chronyc"
    ),
    init="systemd",
    container=False,
    reports=CommandResult(0, REPORTS.replace("0.0,0.0", "0.000000000,0.000000000"), ""),
    version=CommandResult(0, "chronyd (chrony) version 4.6.1 (+CMDMON)", ""),
    units=(Unit("chrony", active=True, enabled=True, main_pid=7),),
    processes=(Process(7, "chronyd", ("/usr/sbin/chronyd",), "_chrony"),),
    config_file="/c",
    config=CONFIG,
    parsed=CommandResult(0, "", ""),
)
#: The controller's clock shows the same, and each way takes 50 ms.
STARTED, ENDED = NOW - 0.25, NOW + 0.25


def sent(look: Look = LOOK, **changes: Any) -> dict[str, Any]:
    """What the module returns, as it comes off the wire."""
    measured = {
        "look": look,
        "identity": {"tokens": {"present": False, "kinds": []}, "serials": [], "attached_role": None},
        "policy": {"max_error": 1.0, "warn_error": None, "min_sources": 1},
        "compare": True,
        "kernel": "of another machine",
        "started_s": NOW - 0.2,
        "ended_s": NOW + 0.2,
        **changes,
    }
    result: dict[str, Any] = json.loads(json.dumps(measured))
    return result


def facts(measured: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = facts_of(measured, STARTED, ENDED)["ansible_facts"]["softtoken"]
    return found


def test_a_healthy_host_has_compact_facts() -> None:
    found = facts(sent())
    assert (found["schema"], found["verdict"], found["reasons"]) == (1, "compliant", [])
    assert found["chrony"]["version"] == "4.6.1"
    assert len(json.dumps(found)) < 1024


def test_role_profiles_are_a_fact_where_there_are_some() -> None:
    identity: dict[str, Any] = {"tokens": None, "serials": [], "attached_role": None}
    assert "role_profiles" not in facts(sent(identity=identity))
    entry = {"role_arn": "arn:aws:iam::123456789012:role/ops", "where": "/x", "profile": "ops", "user": None}
    assert facts(sent(identity={**identity, "role_profiles": [entry]}))["role_profiles"] == [entry]


def test_the_controller_is_a_witness() -> None:
    (witness,) = facts(sent())["clock"]["witnesses"]
    assert witness["kind"] == "controller"
    assert witness["source"]
    assert (witness["offset_s"], witness["uncertainty_s"]) == (0.0, 0.05)


@pytest.mark.parametrize("offset", [300.0, -300.0])
def test_a_controller_that_contradicts_chronyd_spoils_the_verdict(offset: float) -> None:
    measured = sent(started_s=NOW - 0.2 + offset, ended_s=NOW + 0.2 + offset)
    found = facts(measured)
    assert found["verdict"] == "noncompliant"
    assert "witness.disagrees" in found["reasons"]
    assert found["clock"]["witnesses"][0]["offset_s"] == offset


def test_a_controller_on_the_same_kernel_is_no_witness() -> None:
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    result = facts_of(sent(kernel=kernel, detail={"system": {}}), STARTED, ENDED)
    assert result["ansible_facts"]["softtoken"]["clock"]["witnesses"] == []
    assert result["ansible_facts"]["softtoken"]["verdict"] == "compliant"
    assert any("same kernel" in gap["reason"] for gap in result["detail"]["gaps"])


def test_a_look_without_witnesses_gets_none() -> None:
    assert facts(sent(compare=False))["clock"]["witnesses"] == []


def test_the_long_form_says_what_is_wrong_and_what_the_host_is() -> None:
    look = LOOK._replace(units=(Unit("chronyd", active=True, enabled=False, masked=True),), container=True)
    detail = facts_of(sent(look, detail={"system": {"distribution": "debian"}}), STARTED, ENDED)["detail"]
    assert detail["messages"] == ["chronyd is not enabled, so it will not run after the next boot: enable its service"]
    assert detail["measurement"]["tracking"]["reference"] == "192.0.2.1"
    assert detail["system"]["distribution"] == "debian"
    assert detail["system"]["chrony_unit"] == "chronyd"
    assert detail["system"]["chrony_masked"] is True


def test_the_policy_of_the_task_counts() -> None:
    found = facts(sent(policy={"max_error": 0.0001, "min_sources": 2}))
    assert {"clock.bound_exceeded", "source.too_few"} <= set(found["reasons"])


def run(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> dict[str, Any]:
    plugin = ActionModule.__new__(ActionModule)
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_a, **_k: {})
    monkeypatch.setattr(ActionModule, "_execute_module", lambda *_a, **_k: answer)
    return plugin.run(task_vars={})


@pytest.mark.parametrize(
    "answer",
    [
        {"failed": True, "msg": "max_error is too small"},
        {"unreachable": True, "msg": "no route"},
        {"skipped": True},
    ],
)
def test_what_is_no_measurement_passes_untouched(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    assert run(monkeypatch, answer) == answer


@pytest.mark.parametrize(
    "measured",
    [
        {},
        [],
        "text",
        sent(look=LOOK._replace(init=5)),  # type: ignore[arg-type]
        {**sent(), "look": sent()["look"][:-1]},
        {**sent(), "started_s": "soon"},
        {**sent(), "started_s": None},
        {**sent(), "identity": {}},
        {**sent(), "policy": {"max_error": -1.0}},
        {**sent(), "policy": []},
        {**sent(), "kernel": None, "compare": 1, "ended_s": []},
    ],
)
def test_nonsense_from_a_host_fails_the_task_and_gives_no_facts(monkeypatch: pytest.MonkeyPatch, measured: Any) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": measured})
    assert result["failed"] is True
    assert "msg" in result
    assert "ansible_facts" not in result


def test_the_private_measurement_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": sent()})
    assert set(result) == {"changed", "ansible_facts"}
