"""What the controller makes of what a host sent. Real runs: tests/integration/test_host_facts.py."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.action.host_facts import ActionModule, facts_of
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.judgement import judge_measured
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Look
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import Directive, EffectiveConfig
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import Layout
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.service import Unit
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult, Process

from tests.fakes.agent_report import answer_of, report_of

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


def test_the_agent_makes_the_same_facts_of_the_same_look() -> None:
    entry = {"role_arn": "arn:aws:iam::123456789012:role/ops", "where": "/x", "profile": "ops", "user": None}
    identity = {"tokens": None, "serials": [], "attached_role": None, "role_profiles": [entry]}
    measured = sent(identity=identity, compare=False)
    assert judge_measured({**measured, "look": LOOK}).facts == facts(measured)


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


def run(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], printed: str | None = None, **options: Any
) -> dict[str, Any]:
    """Run the plugin where the module gives ``answer``, and the command prints ``printed`` (None: it may not run)."""
    plugin = ActionModule.__new__(ActionModule)
    plugin._task = SimpleNamespace(args={"max_report_age": 0 if printed is None else 900, **options})
    commands = iter([] if printed is None else [{"stdout": printed}])
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_a, **_k: {})
    monkeypatch.setattr(ActionModule, "_low_level_execute_command", lambda *_a: next(commands))
    monkeypatch.setattr(ActionModule, "_execute_module", lambda *_a, **_k: dict(answer))
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


def test_values_so_deep_that_no_report_could_be_made_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: Any = 1
    for _level in range(5000):
        deep = [deep]
    fact = {"schema": 1, "verdict": "compliant", "reasons": [], "x": deep}
    for answer in (
        {"ansible_facts": {"softtoken": fact}},
        {"measurement": sent(), "warnings": deep},
    ):
        result = run(monkeypatch, answer)
        assert set(result) == {"failed", "msg"}
        assert "levels" in result["msg"]


def test_the_private_measurement_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": sent()})
    assert set(result) == {"changed", "ansible_facts", "source"}


# --- the agent's report ----------------------------------------------------------------------------------------------


def test_a_report_stands_for_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, UNMEASURED, printed())
    assert (result["source"], result["changed"]) == ("agent", False)
    assert result["report_age_s"] == pytest.approx(10.0, abs=0.5)
    assert "detail" not in result
    found = result["ansible_facts"]["softtoken"]
    assert (found["verdict"], found["clock"]["reference"]) == ("compliant", "192.0.2.1")
    (witness,) = found["clock"]["witnesses"]
    assert (witness["kind"], abs(witness["offset_s"]) < 1.0) == ("controller", True)


def test_the_long_form_is_in_the_report_too(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, UNMEASURED, printed(), detail=True)
    assert result["source"] == "agent"
    assert result["detail"]["system"]["distribution"] == "debian"
    assert result["detail"]["measurement"]["tracking"]["reference"] == "192.0.2.1"
    assert result["detail"]["history"] == [[1795309952.0, None, None], [1795310252.0, 0.0001, 0.0005]]


def test_a_measurement_has_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = {"system": {"distribution": "debian"}, "identity_gaps": [], "evidence": {}}
    result = run(monkeypatch, {"changed": False, "measurement": sent(detail=detail)}, detail=True)
    assert "history" not in result["detail"]


def test_the_bound_grows_with_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    young, old = (
        run(monkeypatch, UNMEASURED, printed(age_s=age), max_drift=100)["ansible_facts"]["softtoken"]["clock"]
        for age in (0.0, 500.0)
    )
    assert old["bound_s"] - young["bound_s"] == pytest.approx(0.05, abs=1e-4)
    assert old["offset_s"] == young["offset_s"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        # The reference was 12 s old when the agent looked, and no policy's patience was that long since.
        ({"max_reference_age": 300}, "clock.stale"),
        ({"max_error": 0.01, "warn_error": 0.01}, "clock.bound_exceeded"),
    ],
)
def test_what_only_the_age_of_a_report_makes_wrong_is_measured(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], reason: str
) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": sent()}, printed(age_s=500.0), **options)
    assert result["source"] == "module"
    assert f"500 s old, too old to rule out {reason}" in result["report"]
    fresh = run(monkeypatch, UNMEASURED, printed(age_s=20.0), **options)
    assert (fresh["source"], fresh["ansible_facts"]["softtoken"]["verdict"]) == ("agent", "compliant")


def test_what_was_wrong_when_the_agent_looked_is_told_by_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, UNMEASURED, printed(age_s=500.0), max_reference_age=5, min_sources=2)
    assert result["source"] == "agent"
    assert {"clock.stale", "source.too_few"} <= set(result["ansible_facts"]["softtoken"]["reasons"])


def test_the_age_of_a_report_hides_no_step_back(monkeypatch: pytest.MonkeyPatch) -> None:
    # Something stepped the clock back by 100 s before the agent looked: the last update lies in the future.
    result = run(monkeypatch, UNMEASURED, printed(age_s=100.0, reference_age_s=-100.0))["ansible_facts"]["softtoken"]
    assert result["verdict"] == "noncompliant"
    assert "clock.stale" in result["reasons"]
    assert result["clock"]["bound_s"] > 100


@pytest.mark.parametrize("moment", [-1e308, 1e308, 1e18])
def test_a_report_of_an_impossible_time_is_measured(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    answer = {"changed": False, "measurement": sent()}
    result = run(monkeypatch, answer, printed(taken_at_s=moment))
    assert result["source"] == "module"
    assert "it makes no sense" in result["report"]


def test_the_task_policy_counts_and_not_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, UNMEASURED, printed(), min_sources=2, authorised_sources=["198.51.100.1"])
    assert result["source"] == "agent"
    assert {"source.too_few", "source.unauthorised"} <= set(result["ansible_facts"]["softtoken"]["reasons"])


@pytest.mark.parametrize("offset", [90.0, -90.0])
def test_the_clock_as_it_is_now_contradicts_an_honest_looking_report(
    monkeypatch: pytest.MonkeyPatch, offset: float
) -> None:
    # chronyd believes its sources, and the agent believes chronyd. The clock was wrong when the report was made, too.
    result = run(monkeypatch, {"changed": False, "measurement": sent()}, printed(wrong_s=offset))
    assert result["source"] == "module"
    assert "contradicted" in result["report"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"units": None, "units_error": "nobody told"}, "does not tell enough: chrony.state_unknown"),
        ({"init": 5}, "makes no sense"),
    ],
)
def test_what_tells_nothing_is_measured(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], reason: str) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": sent()}, printed(look=LOOK._replace(**change)))
    assert result["source"] == "module"
    assert reason in result["report"]


def test_a_host_without_a_report_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"changed": False, "measurement": sent()}, "")
    assert result["source"] == "module"
    assert "report" not in result


@pytest.mark.parametrize("options", [{"max_report_age": 0}, {"max_report_age": -1}, {"no_such": 1}, {"max_error": 0}])
def test_where_no_report_can_count_none_is_read(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    assert run(monkeypatch, {"failed": True, "msg": "the module's own"}, **options)["msg"] == "the module's own"


#: The module's answer where it must not have been asked.
UNMEASURED: dict[str, Any] = {"failed": True, "msg": "the module ran"}


def printed(
    *,
    age_s: float = 10.0,
    wrong_s: float = 0.0,
    look: Look = LOOK,
    reference_age_s: float = 12.0,
    taken_at_s: float | None = None,
) -> str:
    """What the command prints on a host that an agent measured ``age_s`` ago, whose clock is ``wrong_s`` off."""
    now = time.time() + wrong_s
    then = now - age_s
    reports = REPORTS.replace("0.0,0.0", "0.000000000,0.000000000").replace(
        f"{NOW - 12:.9f}", f"{then - reference_age_s:.9f}"
    )
    if look.reports is not None:
        look = look._replace(taken_at_s=taken_at_s or then, reports=CommandResult(0, reports, ""))
    detail = {"system": {"distribution": "debian"}, "identity_gaps": [], "evidence": {}}
    return answer_of(report_of(sent(look, detail=detail), taken_at_s=then), wall_s=now, age_s=age_s)
