"""report.sarif: valid by the schema, and what GitHub asks for besides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.rule_help import RULE_HELP
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.sarif_report import (
    LEVELS,
    SECURITY_SEVERITIES,
    render_sarif,
)

from tests.rigs.reports import (
    ACCEPTED,
    FAILED_AUDIT,
    ROOT,
    SCHEMAS,
    audited,
    every_report,
    hosts_of_all_kinds,
    report_of,
)

VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8")),
    format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
)


def finding(**more: Any) -> dict[str, Any]:
    return {
        "rule": "MFA-C04", "severity": "critical", "title": "Title", "account": "123456789012",
        "resource": "arn:aws:iam::123456789012:role/team/web", "document": "trust", "statement": "People", "path": "",
        "serial": None, "witness": None, "message": "Keys pass.", "fix": None, "references": [], **more,
    }  # fmt: skip


def run_of(account: dict[str, Any]) -> dict[str, Any]:
    (run,) = json.loads(render_sarif(report_of(account=account, mode="account")))["runs"]
    assert isinstance(run, dict)
    return run


def results(*findings: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_of({**audited(), "findings": list(findings)})["results"]
    return found


def uri(**more: Any) -> str:
    (found,) = results(finding(**more))
    return str(found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def fingerprint(**more: Any) -> str:
    (found,) = results(finding(**more))
    return str(found["partialFingerprints"]["primaryLocationLineHash"])


@pytest.mark.parametrize("name", list(every_report()))
def test_it_is_valid(name: str) -> None:
    VALIDATOR.validate(json.loads(render_sarif(every_report()[name])))


def test_the_schema_refuses_what_is_wrong() -> None:
    broken = json.loads(render_sarif(every_report()["whole"]))
    broken["runs"][0]["results"][0]["level"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(broken)


def test_every_finding_is_a_result_with_all_that_github_requires() -> None:
    account = audited()
    run = run_of(account)
    assert [one["ruleId"] for one in run["results"]] == [one["rule"] for one in account["findings"]]
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        (location,) = one["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"]
        assert set(location["physicalLocation"]["region"]) == {"startLine", "startColumn", "endLine", "endColumn"}
        assert one["level"] == LEVELS[one["properties"]["severity"]]
    hashes = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
    assert len(set(hashes)) == len(hashes)


def test_rules_have_what_github_shows() -> None:
    rules = run_of(audited())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert 0 < len(rule["name"]) <= 255
        assert "Do: " in rule["help"]["text"]
        assert rule["properties"]["security-severity"] == SECURITY_SEVERITIES[RULES[rule["id"]].severity]
        assert "security" in rule["properties"]["tags"]


def test_security_severities_mean_to_github_what_they_are() -> None:
    bounds = {"critical": (9.0, 10.0), "high": (6.9, 8.9), "medium": (3.9, 6.9), "low": (0.0, 3.9), "info": (0.0, 3.9)}
    for severity, (above, most) in bounds.items():
        assert above < float(SECURITY_SEVERITIES[severity]) <= most


def test_the_help_says_what_the_page_says() -> None:
    page = " ".join((ROOT / "docs" / "rules.md").read_text(encoding="utf-8").split())
    assert set(RULE_HELP) == set(RULES)
    for rule, told in RULE_HELP.items():
        assert f"{told.meaning} **Do:** {told.action}" in page[page.index(f"### {rule}: ") :][:1500], rule


def test_links_lead_to_the_headings_of_the_page() -> None:
    headings = [
        line.removeprefix("### ").lower()
        for line in (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("### ")
    ]
    anchors = {"".join(c for c in text if c.isalnum() or c in "-_ ").replace(" ", "-") for text in headings}
    links = [rule["helpUri"].partition("#") for rule in run_of(audited())["tool"]["driver"]["rules"]]
    assert {anchor for _page, _hash, anchor in links} == anchors
    assert {page for page, _hash, _anchor in links} == {
        "https://github.com/softtoken/compliance/blob/main/docs/rules.md"
    }


def test_a_finding_in_code_has_its_file_and_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = results(finding(resource=f"{tmp_path}/terraform/my file.tf:6", document="resource:aws_iam_role.web"))
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "terraform/my%20file.tf"
    assert place["region"]["startLine"] == 6


def test_a_file_elsewhere_has_its_whole_path() -> None:
    assert uri(resource="/srv/code/main.tf:6", document="resource:x") == "file:///srv/code/main.tf"
    assert uri(resource="code/main.tf:6", document="resource:x") == "code/main.tf"


def test_what_is_in_no_file_has_a_path_of_its_own_and_its_name() -> None:
    assert uri() == "aws/123456789012/iam/role/team/web"
    assert uri(resource="p-guard", document="scp:p-guard") == "aws/123456789012/p-guard"
    assert uri(resource="laptop:/home/a/.aws/config", document="profile:x") == "hosts/laptop/home/a/.aws/config"
    assert uri(resource="laptop:/home/a/x:7", document="profile:x") == "hosts/laptop/home/a/x/7"
    (found,) = results(finding())
    assert found["locations"][0]["logicalLocations"] == [
        {
            "name": "arn:aws:iam::123456789012:role/team/web",
            "fullyQualifiedName": "arn:aws:iam::123456789012:role/team/web/trust/People",
            "kind": "resource",
        }
    ]


def test_no_name_leads_out_of_its_folder() -> None:
    assert uri(resource="host:/../../etc/x", document="profile:x") == "hosts/host/_/_/etc/x"
    assert uri(resource="javascript:alert(1)//", document="x") == "aws/123456789012/javascript/alert%281%29"
    assert unquote(uri(resource="a b#?%\ud800", document="x")) == "aws/123456789012/a b#?%?"


def test_fingerprints_stay_when_lines_and_versions_move_and_only_then() -> None:
    code = {"resource": "/srv/main.tf:6", "document": "resource:x", "path": "default"}
    assert fingerprint(**code) == fingerprint(**{**code, "resource": "/srv/main.tf:60"})
    assert fingerprint(**code) != fingerprint(**{**code, "path": "other"})
    policy = "managed:arn:aws:iam::123456789012:policy/x@v"
    assert fingerprint(document=f"{policy}1") == fingerprint(document=f"{policy}22")
    assert fingerprint() == fingerprint(message="said otherwise", severity="high", fix={"summary": "x", "document": {}})
    others = [
        fingerprint(**more)
        for more in (
            {},
            {"rule": "MFA-C03"},
            {"statement": 0},
            {"serial": "x"},
            {"account": "2"},
            {"document": "boundary"},
        )
    ]
    assert len(set(others)) == len(others)


def test_the_same_finding_twice_has_two_fingerprints() -> None:
    first, second = (one["partialFingerprints"]["softtokenFinding/v1"] for one in results(finding(), finding()))
    assert first != second
    assert first.partition(":")[0] == second.partition(":")[0]


def test_what_was_accepted_is_suppressed_with_the_reason() -> None:
    suppressed = [one for one in run_of(audited(ACCEPTED))["results"] if "suppressions" in one]
    assert [(one["ruleId"], one["suppressions"]) for one in suppressed] == [
        (
            "MFA-C04",
            [
                {
                    "kind": "external",
                    "status": "accepted",
                    "justification": "migration until December (accepted until 2026-12-01)",
                }
            ],
        )
    ]


def test_what_could_not_be_judged_is_notified() -> None:
    account = audited(without="mfa_devices")
    (invocation,) = run_of(account)["invocations"]
    told = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is True
    rules = account["coverage"]["rules"]
    assert [one["associatedRule"]["id"] for one in told] == [*rules["unknown"], *rules["partial"]]
    assert told[0]["level"] == "error"
    assert "mfa_devices: not in the snapshot" in told[0]["message"]["text"]


def test_a_failed_audit_has_no_results_which_is_not_an_empty_list() -> None:
    run = run_of(FAILED_AUDIT)
    assert "results" not in run
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "Unable to locate credentials" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_without_an_audit_there_is_no_run() -> None:
    assert json.loads(render_sarif(report_of(*hosts_of_all_kinds())))["runs"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${aws:username} {x} {}", "${aws:username} {x} {}"),
        ("{0}", "{{0}}"),
        ("[click](https://evil.example)", "\\[click\\](https://evil.example)"),
        ("[0] (x)", "[0] (x)"),
        ("a\x1b[2J\n", "a\\x1b[2J\\n"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_message_holds_no_placeholder_link_or_control_sequence(text: str, said: str) -> None:
    (found,) = results(finding(message=text))
    assert found["message"]["text"] == f"Title: {said}"


def test_a_rule_of_a_newer_release_is_a_result_without_its_rule() -> None:
    (found,) = results(finding(rule="MFA-Z99", severity="critical"))
    assert found["ruleId"] == "MFA-Z99"
    assert "ruleIndex" not in found


def test_the_tool_says_its_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    driver = run_of(audited())["tool"]["driver"]
    assert (driver["version"], driver["semanticVersion"]) == (version, version)
