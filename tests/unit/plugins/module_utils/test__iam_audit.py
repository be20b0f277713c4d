"""The flow of iam_mfa_audit_info, with files and AWS in memory."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import read_code
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts, run_audit

ROOT = Path(__file__).resolve().parents[4]
SAMPLE = (ROOT / "playbooks" / "files" / "sample_account.json").read_text(encoding="utf-8")
NOW = 1795255200.0  # 2026-11-21T10:00:00Z
BILLING = "arn:aws:iam::123456789012:role/billing"
IGNORE = {"rule": "MFA-C04", "resource": BILLING, "reason": "accepted", "expires": "2026-11-21"}
DEFAULTS: dict[str, Any] = {
    "snapshot": "/account.json",
    "snapshot_output": None,
    "scope": "account",
    "roles": [],
    "severity_threshold": "info",
    "ignore": [],
    "trusted_accounts": [],
    "host_serials": [],
    "trail_events": [],
    "code_paths": [],
    "inventories": [],
    "trail_hours": 0,
    "unassigned_after_days": 30,
}


class World:
    """Files and an AWS account."""

    def __init__(self, files: Mapping[str, str], live: Mapping[str, Any] | None = None) -> None:
        self.files = dict(files)
        self.live = live
        self.private: dict[str, str] = {}
        self.read_code: list[str] = []

    def ports(self) -> AuditPorts:
        return AuditPorts(self._read, self._write, self._collect, self._code, lambda: NOW)

    def _read(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def _write(self, path: str, text: str) -> None:
        if path.startswith("/full/"):
            raise OSError(28, "No space left on device")
        self.private[path] = text

    def _collect(self) -> Mapping[str, Any]:
        if self.live is None:
            raise AssertionError("AWS was asked")
        return self.live

    def _code(self, paths: Any) -> tuple[IacFile, ...]:
        self.read_code += paths
        return tuple(IacFile(path, "text") for path in paths)


def run(world: World | None = None, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    return run_audit({**DEFAULTS, **params}, (world or World({"/account.json": SAMPLE})).ports(), check_mode=check_mode)


def test_audits_a_snapshot_without_asking_aws() -> None:
    result = run()
    assert result["account"] == {
        "id": "123456789012",
        "partition": "aws",
        "collected_at": "2026-11-21T12:00:00Z",
        "source": "snapshot",
        "description": "SAMPLE: written by hand to show the audit. No real account, user or device.",
    }
    assert (result["verdict"], result["api_calls"]) == ("noncompliant", {})
    assert result["summary"]["findings"] == len(result["findings"]) > 0


def test_the_result_is_plain_json() -> None:
    result = run()
    assert json.loads(json.dumps(result)) == result


def test_the_sample_has_a_finding_of_every_family_and_is_read_whole() -> None:
    result = run()
    assert {rule[:5] for rule in result["summary"]["rules"]} == {rule[:5] for rule in RULES}
    assert result["coverage"]["complete"] is True
    assert [severity for severity, count in result["summary"]["severity"].items() if not count] == []


def test_the_sample_with_its_hosts_and_its_code_shows_every_rule() -> None:
    folder = ROOT / "playbooks" / "files"
    hosts = yaml.safe_load((folder / "sample_hosts.yml").read_text(encoding="utf-8"))
    world = World({"/account.json": SAMPLE})
    ports = world.ports()._replace(read_code=read_code)
    params = {"host_serials": hosts["softtoken_account_host_serials"], "code_paths": [str(folder / "sample_code")]}
    result = run_audit({**DEFAULTS, **params}, ports, check_mode=False)
    assert set(RULES) - set(result["summary"]["rules"]) == set()
    assert result["coverage"]["complete"] is True
    assert all(host["host"].startswith("sample-") for host in params["host_serials"])


def test_the_documents_of_findings_are_returned_once_each_and_no_others() -> None:
    result = run()
    about = {(found["resource"], found["document"]) for found in result["findings"]}
    places = [(place["resource"], place["document"]) for entry in result["documents"] for place in entry["places"]]
    assert len(places) == len(set(places))
    assert set(places) <= about
    # The rest are about devices, users and the account, where there is no document.
    assert {document.partition(":")[0] for _resource, document in about - set(places)} <= {"account", "trail"}
    billing = next(entry for entry in result["documents"] if entry["places"][0]["resource"] == BILLING)
    assert billing["policy"]["Statement"][0]["Condition"] == {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}


def test_documents_of_findings_that_are_left_out_are_left_out() -> None:
    result = run(severity_threshold="critical")
    assert {place["resource"] for entry in result["documents"] for place in entry["places"]} == {
        found["resource"] for found in result["findings"]
    }


def test_one_document_at_many_places_is_returned_once() -> None:
    sample = json.loads(SAMPLE)
    roles = sample["authorization_details"]["RoleDetailList"]
    billing = next(role for role in roles if role["Arn"] == BILLING)
    roles.append({**billing, "RoleName": "copy", "Arn": f"{BILLING}-copy", "RoleId": "AROACOPY"})
    entries = run(World({"/account.json": json.dumps(sample)}))["documents"]
    holding = [entry for entry in entries if {"resource": BILLING, "document": "trust"} in entry["places"]]
    assert [[place["resource"] for place in entry["places"]] for entry in holding] == [[BILLING, f"{BILLING}-copy"]]


def test_what_is_right_in_the_sample_gives_no_finding() -> None:
    right = (
        "role/admin",
        "role/github-deploy",
        "role/aws-service-role/",
        "role/aws-reserved/",
        "policy/self-manage-mfa",
    )
    wrong = {found["resource"].partition("123456789012:")[2] for found in run()["findings"]}
    assert {place for place in wrong if place.startswith(right[:4]) or place == right[4]} == set()


def test_live_and_from_the_snapshot_that_it_wrote_the_findings_are_the_same() -> None:
    world = World({}, {**json.loads(SAMPLE), "api_calls": {"iam:GetAccountSummary": 1}})
    live = run(world, snapshot=None, snapshot_output="/kept.json")
    assert live["account"]["source"] == "live"
    assert live["api_calls"] == {"iam:GetAccountSummary": 1}
    again = run(World(world.private), snapshot="/kept.json")
    assert again["findings"] == live["findings"]
    assert again["coverage"] == live["coverage"]


def test_check_mode_writes_no_snapshot() -> None:
    world = World({}, {**json.loads(SAMPLE), "api_calls": {}})
    run(world, check_mode=True, snapshot=None, snapshot_output="/kept.json")
    assert world.private == {}


def test_a_threshold_counts_what_it_leaves_out() -> None:
    whole = run()["summary"]
    result = run(severity_threshold="high")
    assert {found["severity"] for found in result["findings"]} == {"critical", "high"}
    assert result["summary"]["below_threshold"] == whole["findings"] - result["summary"]["findings"] > 0
    assert result["summary"]["severity"]["medium"] == 0


def test_an_exception_moves_a_finding_with_its_reason() -> None:
    result = run(ignore=[IGNORE])
    assert [(one["reason"], one["expires"], one["finding"]["rule"]) for one in result["ignored"]] == [
        ("accepted", "2026-11-21", "MFA-C04")
    ]
    assert "MFA-C04" not in result["summary"]["rules"]
    assert result["summary"]["ignored"] == 1
    assert result["warnings"] == []


def test_an_expired_exception_gives_the_finding_back_with_a_warning() -> None:
    result = run(ignore=[{**IGNORE, "expires": "2026-11-20"}])
    assert result["summary"]["rules"]["MFA-C04"] == 1
    assert result["expired_ignores"] == [{**IGNORE, "expires": "2026-11-20"}]
    assert result["warnings"] == [
        f"the exception for MFA-C04 on {BILLING} expired on 2026-11-20: its findings are back"
    ]


def test_an_exception_of_no_use_gives_a_warning() -> None:
    result = run(ignore=[{**IGNORE, "resource": "*role/gone"}])
    assert [entry["resource"] for entry in result["unused_ignores"]] == ["*role/gone"]
    assert result["warnings"] == [
        "the exception for MFA-C04 on *role/gone matches no finding: remove it, or correct it"
    ]


@pytest.mark.parametrize(
    "params",
    [{"scope": "roles", "roles": ["admin"], "ignore": [IGNORE]}, {"ignore": [{**IGNORE, "rule": "MFA-S08"}]}],
)
def test_an_exception_that_nothing_could_have_matched_is_not_called_useless(params: dict[str, Any]) -> None:
    # Of hosts nothing was given, so S08 said nothing; and in a part of the account the finding has no place.
    result = run(**params)
    assert (result["unused_ignores"], result["warnings"]) == ([], [])


def test_the_snapshot_is_kept_even_where_the_audit_fails() -> None:
    broken = {**json.loads(SAMPLE), "credential_report": [7], "api_calls": {}}
    world = World({}, broken)
    with pytest.raises(IamError, match="credential_report"):
        run(world, snapshot=None, snapshot_output="/kept.json")
    assert json.loads(world.private["/kept.json"]) == broken


OTHER = "arn:aws:iam::444455556666:mfa/"


def other_account(**parts: Any) -> str:
    return json.dumps(
        {
            "account_id": "444455556666",
            "authorization_details": {
                "UserDetailList": [],
                "GroupDetailList": [],
                "RoleDetailList": [],
                "Policies": [],
            },
            "virtual_mfa_devices": [{"SerialNumber": f"{OTHER}here"}],
            "mfa_devices": {},
            **parts,
        }
    )


def test_serials_of_another_account_are_held_against_its_inventory() -> None:
    serials = [{"host": "web1", "serial": f"{OTHER}{name}"} for name in ("here", "gone")]
    world = World({"/account.json": SAMPLE, "/other.json": other_account()})

    def found(**params: Any) -> set[tuple[str, str]]:
        findings = run(world, host_serials=serials, **params)["findings"]
        return {(one["serial"], one["rule"]) for one in findings if "web1" in one["resource"]}

    assert found() == {(f"{OTHER}here", "MFA-S06"), (f"{OTHER}gone", "MFA-S06")}
    assert found(inventories=["/other.json"]) == {(f"{OTHER}gone", "MFA-S01")}


@pytest.mark.parametrize("part", ["virtual_mfa_devices", "mfa_devices", "authorization_details"])
def test_half_an_inventory_is_none(part: str) -> None:
    world = World({"/account.json": SAMPLE, "/other.json": other_account(**{part: None})})
    with pytest.raises(IamError, match=r"inventories: /other\.json does not say which devices its account has: "):
        run(world, inventories=["/other.json"])


def test_a_record_with_an_odd_id_is_judged_like_any_other() -> None:
    assert run(trail_events=[{"eventName": "ConsoleLogin", "eventID": {}}])["verdict"] == "noncompliant"


def test_records_given_do_not_hide_that_a_look_up_was_refused() -> None:
    gap = {"part": "trail_events", "reason": "denied", "subject": "AssumeRole", "code": "AccessDeniedException"}
    world = World({"/account.json": json.dumps({**json.loads(SAMPLE), "coverage_gaps": [gap]})})
    result = run(world, trail_events=[{"eventName": "ConsoleLogin"}])
    assert "denied" in result["coverage"]["rules"]["partial"]["MFA-D05"]


def test_a_role_in_scope_that_is_not_there_is_no_clean_audit() -> None:
    result = run(scope="roles", roles=["nobody"])
    assert (result["verdict"], result["findings"]) == ("unknown", [])
    assert result["warnings"] == [
        "role nobody is in scope, but account 123456789012 has no such role: nothing was audited for it"
    ]


def test_an_account_without_findings_is_compliant_when_everything_was_read_and_unknown_otherwise() -> None:
    assert run(scope="roles", roles=["admin"])["verdict"] == "compliant"
    less = {key: value for key, value in json.loads(SAMPLE).items() if key != "organization_policies"}
    world = World({"/account.json": json.dumps(less)})
    assert run(world, scope="roles", roles=["admin"])["verdict"] == "unknown"


def test_information_alone_makes_no_account_noncompliant() -> None:
    result = run(scope="roles", roles=["vendor-monitoring"])
    assert (result["verdict"], result["summary"]["severity"]["info"]) == ("compliant", 1)


def test_serials_of_hosts_are_joined_with_the_inventory() -> None:
    gone = "arn:aws:iam::123456789012:mfa/nobody-has-this"
    entry = {"host": "web1", "serial": gone, "where": "/home/al/.aws/config", "profile": "prod", "user": "al"}
    found = [one for one in run(host_serials=[entry])["findings"] if one["serial"] == gone]
    assert [one["rule"] for one in found] == ["MFA-S01"]
    assert "web1" in found[0]["resource"] + found[0]["message"]
    assert gone not in json.dumps(run())


def test_code_is_read_where_it_is_asked_for() -> None:
    world = World({"/account.json": SAMPLE})
    run(world)
    assert world.read_code == []
    result = run(world, code_paths=["/infrastructure"])
    assert world.read_code == ["/infrastructure"]
    assert "MFA-D06" in result["coverage"]["rules"]["checked"]


def test_what_no_utf8_can_hold_is_written_out() -> None:
    odd = SAMPLE.replace('"PeopleWithMFA"', '"People\\ud800"', 1)
    assert odd != SAMPLE
    result = run(World({"/account.json": odd}))
    json.dumps(result, ensure_ascii=False).encode("utf-8")
    assert any(found["statement"] == "People\\ud800" for found in result["findings"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"snapshot": "/gone.json"}, "the snapshot /gone.json cannot be read: .*No such file"),
        ({"scope": "roles"}, "scope is roles, but roles is empty"),
        ({"trusted_accounts": ["1234"]}, "trusted_accounts: '1234' is no account id; an account id has 12 digits"),
        ({"ignore": [{**IGNORE, "reason": " "}]}, "ignore entry 1 has no reason"),
        ({"trail_hours": 2161}, "trail_hours is 2161: a number from 0 to 2160 is needed"),
        ({"trail_hours": -1}, "trail_hours is -1"),
        ({"unassigned_after_days": -1}, "unassigned_after_days is -1"),
        ({"trail_events": [{"eventSource": "x"}]}, r"trail_events\[0\].eventName is missing"),
        ({"trail_events": [{"CloudTrailEvent": "{"}]}, r"trail_events\[0\].CloudTrailEvent is not JSON"),
        ({"inventories": ["/gone.json"]}, "inventories: the snapshot /gone.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(params: dict[str, Any], message: str) -> None:
    with pytest.raises(IamError, match=message):
        run(**params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SAMPLE.rstrip()[:-3], r"^/account.json: The snapshot is not JSON \(the file ends too early\)"),
        ("[]", "^/account.json: The snapshot is an array"),
        ("{}", "The snapshot cannot be used: it has neither authorization_details"),
        (SAMPLE.replace('"UserName": "alice"', '"UserName": 7', 1), "UserDetailList"),
    ],
)
def test_a_broken_snapshot_is_an_error_that_names_the_place(text: str, message: str) -> None:
    with pytest.raises(IamError, match=message):
        run(World({"/account.json": text}))


def test_a_snapshot_that_cannot_be_kept_is_an_error() -> None:
    world = World({}, {**json.loads(SAMPLE), "api_calls": {}})
    with pytest.raises(IamError, match=r"cannot be written to /full/kept.json: .*No space left"):
        run(world, snapshot=None, snapshot_output="/full/kept.json")


@pytest.mark.parametrize("params", [{}, {"scope": "roles"}])
def test_the_garbage_collector_works_again_afterwards(params: dict[str, Any]) -> None:
    assert gc.isenabled()
    with contextlib.suppress(IamError):
        run(**params)
    assert gc.isenabled()
