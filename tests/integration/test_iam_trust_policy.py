"""A role's trust policy is repaired and put back, by module and playbook, against AWS's double over real HTTP."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trust_policy import TrustCalls
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust import TrustPorts, run_trust

from tests.fakes.aws import ACCOUNT, FakeAws
from tests.integration.playbooks import PLAYBOOKS, ROOT, Run, ansible_playbook, inventory_of

PRINCIPAL = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
OPS = f"arn:aws:iam::{ACCOUNT}:role/team/ops"


def trust(condition: Any) -> dict[str, Any]:
    """Write a trust policy as the published broken one is, with this condition."""
    statement = {"Effect": "Allow", "Principal": PRINCIPAL, "Action": "sts:AssumeRole", "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


BROKEN = trust({"ArnLike": {"aws:MultiFactorAuthAge": f"arn:aws:iam::{ACCOUNT}:mfa/old-device"}})
INTENDED = trust({**MFA, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}})


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with FakeAws() as aws:
        yield aws


@pytest.fixture
def aws(server: FakeAws) -> Iterator[FakeAws]:
    server.forget()
    iam = server.client("iam")
    iam.create_role(RoleName="ops", Path="/team/", AssumeRolePolicyDocument=json.dumps(BROKEN))
    yield server
    server.forget()
    iam.delete_role(RoleName="ops")


def present(aws: FakeAws, name: str = "ops") -> Any:
    return aws.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]


def put(aws: FakeAws, document: Any) -> None:
    aws.client("iam").update_assume_role_policy(RoleName="ops", PolicyDocument=json.dumps(document))


def by_module(aws: FakeAws, *flags: str, **parameters: Any) -> tuple[str, dict[str, Any]]:
    """Run the module as a user does; gives what comes before the result, and the result."""
    argv = [str(Path(sys.executable).with_name("ansible")), "localhost", *flags]
    argv += ["-m", "softtoken.compliance.iam_mfa_trust_policy", "-a", json.dumps({"role": "ops", **parameters})]
    environment = {**os.environ, **aws.environment, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    before, _arrow, result = done.stdout.partition(" => ")
    assert result, done.stdout + done.stderr
    return before, json.loads(result)


def ports(aws: FakeAws, **replaced: Any) -> TrustPorts:
    calls = TrustCalls(aws.client("iam"))
    whole = TrustPorts(
        read_role=calls.read, write_trust=calls.write, read_file=lambda _path: None,
        write_private=lambda _path, _text: None, wait=lambda _seconds: None,
    )  # fmt: skip
    return whole._replace(**replaced)


def run(aws: FakeAws, using: TrustPorts | None = None, **parameters: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "role": "ops", "state": "present", "policy": None, "fix_rules": None, "backup": None, "expected": None,
        "lockout_check": True, "trusted_accounts": [], "severity_threshold": "info",
    }  # fmt: skip
    return run_trust({**defaults, **parameters}, using or ports(aws), check_mode=False)


def test_the_published_broken_policy_is_repaired_shown_and_put_back(aws: FakeAws, tmp_path: Path) -> None:
    backup = tmp_path / "ops.json"
    wanted = {"fix_rules": ["MFA-C01"], "backup": str(backup)}
    shown, plan = by_module(aws, "--check", "--diff", **wanted)
    assert (plan["changed"], plan["policy"], plan["previous"]) == (True, INTENDED, BROKEN)
    assert '-        "ArnLike": {' in shown
    assert '+          "aws:MultiFactorAuthPresent": "true"' in shown
    assert '+          "aws:MultiFactorAuthAge": "3600"' in shown
    assert present(aws) == BROKEN
    assert not backup.exists()

    shown_again, applied = by_module(aws, "--diff", expected=plan["previous_hash"], **wanted)
    assert shown_again == shown
    assert present(aws) == INTENDED
    assert applied["fixes"][0]["rule"] == "MFA-C01"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert json.loads(backup.read_text())["previous"] == BROKEN

    assert by_module(aws, **wanted)[1]["changed"] is False

    _shown, undone = by_module(aws, "--diff", state="restored", backup=str(backup))
    assert undone["changed"] is True
    assert present(aws) == BROKEN


def test_another_plan_than_the_one_that_was_shown_is_not_applied(aws: FakeAws) -> None:
    with pytest.raises(IamError, match="is not the expected one"):
        run(aws, fix_rules=["MFA-C01"], expected="sha256:0")
    assert present(aws) == BROKEN


def test_an_edit_between_the_look_and_the_write_is_seen(aws: FakeAws) -> None:
    calls = TrustCalls(aws.client("iam"))
    edited = trust({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    looks = 0

    def read(name: str) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            put(aws, edited)
        return calls.read(name)

    with pytest.raises(IamError, match="changed by somebody else"):
        run(aws, ports(aws, read_role=read), fix_rules=["MFA-C01"])
    assert present(aws) == edited


def test_a_write_that_somebody_undoes_at_once_is_seen(aws: FakeAws) -> None:
    def write(_name: str, text: str) -> None:
        put(aws, json.loads(text))
        put(aws, trust({"Bool": {"aws:SecureTransport": "true"}}))

    with pytest.raises(IamError, match="somebody else wrote at the same time"):
        run(aws, ports(aws, write_trust=write), fix_rules=["MFA-C01"])


def test_a_policy_that_locks_everybody_out_is_refused_unless_wanted(aws: FakeAws) -> None:
    put(aws, INTENDED)
    with pytest.raises(IamError, match=f"locks out arn:aws:iam::{ACCOUNT}:root"):
        run(aws, policy=BROKEN)
    assert present(aws) == INTENDED
    assert run(aws, policy=BROKEN, lockout_check=False)["locked_out"] == [f"arn:aws:iam::{ACCOUNT}:root"]
    assert present(aws) == BROKEN


def test_a_backup_is_made_before_the_write_and_never_lost(aws: FakeAws, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "ops.json"
    _shown, failed = by_module(aws, fix_rules=["MFA-C01"], backup=str(path))
    assert "cannot be written, so nothing was changed" in failed["msg"]
    assert present(aws) == BROKEN
    other = tmp_path / "ops.json"
    other.write_text(json.dumps({"role_arn": "x", "previous": {}, "replacement_hash": "y"}))
    _shown, failed = by_module(aws, fix_rules=["MFA-C01"], backup=str(other))
    assert "holds another backup already" in failed["msg"]
    assert json.loads(other.read_text())["role_arn"] == "x"
    assert present(aws) == BROKEN


def test_restoring_does_not_undo_what_came_after(aws: FakeAws) -> None:
    saved: dict[str, str] = {}
    using = ports(aws, read_file=saved.get, write_private=saved.__setitem__)
    run(aws, using, fix_rules=["MFA-C01"], backup="ops.json")
    later = trust({**MFA, "StringEquals": {"sts:ExternalId": "x"}})
    put(aws, later)
    with pytest.raises(IamError, match="was changed after the backup") as caught:
        run(aws, using, state="restored", backup="ops.json")
    assert present(aws) == later
    known = next(word for word in str(caught.value).split() if word.startswith("sha256:")).rstrip("):")
    assert run(aws, using, state="restored", backup="ops.json", expected=known)["policy"] == BROKEN
    assert present(aws) == BROKEN


@pytest.mark.parametrize(
    ("api", "code", "says"),
    [
        ("iam:GetRole", "AccessDenied", "lack iam:GetRole"),
        ("iam:UpdateAssumeRolePolicy", "AccessDenied", "lack iam:UpdateAssumeRolePolicy"),
        ("iam:GetRole", "NoSuchEntity", "no such role"),
        ("iam:UpdateAssumeRolePolicy", "MalformedPolicyDocument", "IAM takes no such trust policy"),
        ("iam:UpdateAssumeRolePolicy", "LimitExceeded", "have the quota raised"),
        ("iam:UpdateAssumeRolePolicy", "UnmodifiableEntity", "only that service changes it"),
    ],
)
def test_a_refusal_says_what_to_do(aws: FakeAws, api: str, code: str, says: str) -> None:
    aws.deny(api, code=code, status=400)
    with pytest.raises(IamError, match=says) as caught:
        run(aws, fix_rules=["MFA-C01"])
    assert api in str(caught.value)
    aws.forget()
    assert present(aws) == BROKEN


def test_a_role_that_is_not_there_is_an_error_of_the_module(aws: FakeAws) -> None:
    _shown, failed = by_module(aws, role="gone", fix_rules=["MFA-C01"])
    assert failed["msg"].startswith("role gone: iam:GetRole failed: NoSuchEntity")


@pytest.mark.parametrize("path", ["/aws-service-role/x.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_roles_that_aws_owns_are_left_alone(aws: FakeAws, path: str) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="owned", Path=path, AssumeRolePolicyDocument=json.dumps(BROKEN))
    try:
        with pytest.raises(IamError, match="cannot be changed"):
            run(aws, role="owned", policy=INTENDED)
        assert run(aws, role="owned", fix_rules=["MFA-C01"])["changed"] is False
        assert present(aws, "owned") == BROKEN
    finally:
        iam.delete_role(RoleName="owned")


def test_an_arn_of_another_account_is_not_taken_for_its_name(aws: FakeAws) -> None:
    with pytest.raises(IamError, match="use that account's credentials"):
        run(aws, role="arn:aws:iam::999999999999:role/team/ops", fix_rules=["MFA-C01"])
    assert run(aws, role=OPS, fix_rules=["MFA-C01"])["changed"] is True


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"Version": "2012-10-17"}, "no Statement"),
        (trust({"Boole": {"aws:MultiFactorAuthPresent": "true"}}), "no such operator"),
        ({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}, "names a Principal"),
        (trust({"StringEquals": {"sts:ExternalId": "x" * 4096}}), "4096 at most"),
    ],
)
def test_what_iam_would_refuse_is_not_sent(aws: FakeAws, policy: Any, says: str) -> None:
    with pytest.raises(IamError, match=says):
        run(aws, policy=policy)
    assert aws.count("iam:UpdateAssumeRolePolicy") == 0


def test_a_principal_that_iam_rewrites_is_no_change(aws: FakeAws) -> None:
    short = trust(MFA)
    short["Statement"][0]["Principal"] = {"AWS": [ACCOUNT]}
    put(aws, trust(MFA))
    assert run(aws, policy=short)["changed"] is False


def test_findings_without_a_correction_are_returned_with_the_reason(aws: FakeAws) -> None:
    role = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/ci"}
    mixed = trust({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})
    mixed["Statement"][0]["Principal"] = role
    put(aws, mixed)
    result = run(aws, fix_rules=["MFA-C04", "MFA-T01"])
    assert result["changed"] is False
    assert all("No automatic fix: " in one["message"] for one in result["unfixed"])
    assert result["unfixed"]


# --- the playbook ----------------------------------------------------------------------------------------------------


def remediate(aws: FakeAws, folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str, **variables: Any) -> Run:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return ansible_playbook(folder, PLAYBOOKS / "iam_remediate.yml", inventory_of({}), *flags, **variables)


def test_the_playbook_plans_first_then_repairs_what_it_may_and_reports_the_rest(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = aws.client("iam")
    bypass = trust({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})
    iam.create_role(RoleName="bypass", AssumeRolePolicyDocument=json.dumps(bypass))
    try:
        planned = remediate(aws, tmp_path, monkeypatch, "--diff")
        assert planned.rc == 0, planned.output
        assert "ArnLike on aws:MultiFactorAuthAge becomes Bool" in planned.output
        plan = json.loads((tmp_path / "remediation" / "plan.json").read_text())
        assert {entry["role"].rpartition("/")[2]: entry["policy"] for entry in plan["roles"]} == {
            "ops": INTENDED,
            "bypass": trust(MFA),
        }
        assert (present(aws), present(aws, "bypass")) == (BROKEN, bypass)
        assert planned.recap["localhost"]["changed"] == 0

        aws.deny("iam:UpdateAssumeRolePolicy", RoleName="bypass")
        backups = tmp_path / "backups"
        applied = remediate(aws, tmp_path, monkeypatch, softtoken_apply=True, softtoken_backup_dir=str(backups))
        assert applied.rc == 2, applied.output
        assert "role/bypass could not be repaired" in applied.output
        assert (present(aws), present(aws, "bypass")) == (INTENDED, bypass)
        assert json.loads((backups / "ops.json").read_text())["previous"] == BROKEN
    finally:
        iam.delete_role(RoleName="bypass")


def test_the_playbook_keeps_to_the_rules_and_roles_it_is_given(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"softtoken_apply": True, "softtoken_rules": ["MFA-C04"]}
    assert remediate(aws, tmp_path, monkeypatch, **wanted).rc == 0
    assert present(aws) == BROKEN
    absent = remediate(aws, tmp_path, monkeypatch, softtoken_apply=True, softtoken_account_roles=["gone"])
    assert absent.rc == 2
    assert "gone could not be repaired, or is no role of the account" in absent.output
    assert present(aws) == BROKEN


BYPASS = trust({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})


@pytest.fixture
def roles(aws: FakeAws) -> Iterator[tuple[str, ...]]:
    """Give the account more roles with a bypass."""
    iam, names = aws.client("iam"), ("alpha", "beta", "gamma")
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(BYPASS))
    yield names
    for name in names:
        iam.delete_role(RoleName=name)


def plan_of(folder: Path) -> dict[str, dict[str, Any]]:
    plan = json.loads((folder / "remediation" / "plan.json").read_text())
    return {entry["role"].rpartition("/")[2]: entry for entry in plan["roles"]}


def test_a_rule_that_does_not_exist_or_cannot_be_judged_stops_the_run(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = remediate(
        aws, tmp_path, monkeypatch, softtoken_apply=True, softtoken_rules=["MFA-C01", "MFA-C99", "MFA-G06"]
    )
    assert done.rc == 2
    assert "MFA-C99, MFA-G06 cannot be corrected" in done.output
    assert present(aws) == BROKEN


def test_nothing_to_correct_is_a_plan_without_roles(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = remediate(aws, tmp_path, monkeypatch, softtoken_apply=True, softtoken_rules="MFA-C07, MFA-C04")
    assert done.rc == 0, done.output
    assert plan_of(tmp_path) == {}
    assert done.recap["localhost"]["changed"] == 0
    assert [one.name for one in (tmp_path / "remediation").iterdir()] == ["plan.json"]


def test_a_role_that_fails_in_the_middle_leaves_the_others_repaired_and_a_second_run_does_the_rest(
    aws: FakeAws, roles: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.deny("iam:UpdateAssumeRolePolicy", RoleName="beta")
    chosen = {"softtoken_apply": True, "softtoken_account_roles": list(roles)}
    done = remediate(aws, tmp_path, monkeypatch, **chosen)
    assert done.rc == 2
    assert f"{ACCOUNT}:role/beta could not be repaired" in done.output
    assert [present(aws, name) for name in roles] == [trust(MFA), BYPASS, trust(MFA)]
    assert present(aws) == BROKEN  # not chosen
    aws.forget()
    again = remediate(aws, tmp_path, monkeypatch, **chosen)
    assert again.rc == 0, again.output
    assert list(plan_of(tmp_path)) == ["beta"]
    assert present(aws, "beta") == trust(MFA)
    last = remediate(aws, tmp_path, monkeypatch, **chosen)
    assert (last.rc, last.recap["localhost"]["changed"], plan_of(tmp_path)) == (0, 0, {})


def test_only_what_was_reviewed_is_applied(
    aws: FakeAws, roles: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remediate(aws, tmp_path, monkeypatch, softtoken_account_roles=["alpha", "beta"]).rc == 0
    edited = trust({**BYPASS["Statement"][0]["Condition"], "StringEquals": {"sts:ExternalId": "x"}})
    aws.client("iam").update_assume_role_policy(RoleName="beta", PolicyDocument=json.dumps(edited))
    reviewed = str(tmp_path / "remediation" / "plan.json")
    # gamma is in nobody's plan.
    done = remediate(
        aws,
        tmp_path,
        monkeypatch,
        softtoken_apply=True,
        softtoken_reviewed=reviewed,
        softtoken_account_roles=list(roles),
    )
    assert done.rc == 2
    assert f"{ACCOUNT}:role/beta, arn:aws:iam::{ACCOUNT}:role/gamma could not be repaired" in done.output
    assert [present(aws, name) for name in roles] == [trust(MFA), edited, BYPASS]


def test_a_finding_below_the_severity_is_left(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_accident = {"StringEquals": {"aws:MultiFactorAuthPresent": "true"}}
    two = trust(by_accident)
    two["Statement"].append({**two["Statement"][0], "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "yes"}}})
    put(aws, two)
    assert remediate(aws, tmp_path, monkeypatch, softtoken_apply=True).rc == 0
    assert [one["Condition"] for one in present(aws)["Statement"]] == [by_accident, MFA]


def test_a_finding_that_the_role_alone_does_not_show_is_in_the_plan(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="alice")
    try:
        mine = trust(MFA)
        mine["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"}
        put(aws, mine)
        done = remediate(aws, tmp_path, monkeypatch, softtoken_rules=["MFA-T06"], softtoken_account_severity="medium")
        assert done.rc == 0, done.output
        (entry,) = plan_of(tmp_path).values()
        assert [one["rule"] for one in entry["unfixed"]] == ["MFA-T06"]
        assert "the user needs a device" in done.output
    finally:
        iam.delete_user(UserName="alice")


def test_the_playbook_takes_the_audits_variables(
    aws: FakeAws, roles: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = {"rule": "MFA-C04", "reason": "moving", "expires": "2999-12-31"}
    done = remediate(
        aws, tmp_path, monkeypatch, softtoken_apply=True, softtoken_account_roles="alpha, beta",
        softtoken_account_organization=True,
        softtoken_account_ignore=[{**accepted, "resource": "*/beta"}],
    )  # fmt: skip
    assert done.rc == 0, done.output
    assert [present(aws, name) for name in roles] == [trust(MFA), BYPASS, BYPASS]
    services = {asked.api.partition(":")[0] for asked in aws.requests}
    assert "organizations" in services
    assert not services & {"config", "logs", "cloudwatch"}


def test_a_scope_that_passes_the_roles_over_is_refused(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"softtoken_account_roles": ["alpha"], "softtoken_account_scope": "account"}
    done = remediate(aws, tmp_path, monkeypatch, softtoken_apply=True, **chosen)
    assert done.rc == 2
    assert "leave one of them out" in done.output
    assert present(aws) == BROKEN


def test_a_plan_from_a_snapshot_is_that_of_the_account_and_is_applied_to_the_live_one_alone(
    aws: FakeAws, roles: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"softtoken_account_snapshot_output": "kept.json"}
    assert remediate(aws, tmp_path, monkeypatch, **kept).rc == 0
    live = plan_of(tmp_path)
    assert set(live) == {"ops", *roles}
    aws.forget()
    offline = remediate(aws, tmp_path, monkeypatch, softtoken_account="kept.json", softtoken_plan="offline/plan.json")
    assert offline.rc == 0, offline.output
    assert aws.requests == []
    parts = ("previous_hash", "policy_hash", "fixes", "unfixed", "change")
    from_file = json.loads((tmp_path / "offline" / "plan.json").read_text())["roles"]
    assert {entry["role"].rpartition("/")[2]: [entry[part] for part in parts] for entry in from_file} == {
        name: [entry[part] for part in parts] for name, entry in live.items()
    }
    refused = remediate(aws, tmp_path, monkeypatch, softtoken_account="kept.json", softtoken_apply=True)
    assert refused.rc == 2
    assert "softtoken_apply needs the live account" in refused.output
    assert present(aws) == BROKEN
    reviewed = {"softtoken_apply": True, "softtoken_reviewed": "offline/plan.json"}
    assert remediate(aws, tmp_path, monkeypatch, **reviewed).rc == 0
    assert [present(aws, name) for name in ("ops", *roles)] == [INTENDED, *[trust(MFA)] * 3]


def test_an_account_that_cannot_be_read_has_no_plan(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.forget()
    missing = remediate(aws, tmp_path, monkeypatch, softtoken_account="nosuch.json")
    assert missing.rc == 2
    assert f"there is no file {tmp_path / 'nosuch.json'}" in missing.output
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    broken = remediate(aws, tmp_path, monkeypatch, softtoken_account="broken.json")
    assert broken.rc == 2
    assert "Nothing can be planned: " in broken.output
    assert not (tmp_path / "remediation").exists()
    assert aws.requests == []
