"""The flow of organizations_scp, with an organization in memory."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.scp import Organization, ServiceControl
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import Choices, documents_of
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.digest import digest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._scp import ScpPorts, run_scp

from tests.rigs.iam_rules import MISTAKES, policy

SOUND = documents_of(Choices())["scp"]
SEED = policy(MISTAKES["service_control_policy"])
NOW = 1_800_000_000.0  # 2027-01-15
MANAGEMENT, MEMBER, OTHER = "111111111111", "222222222222", "333333333333"
DRY_RUN: dict[str, Any] = {
    "policy_hash": digest(SOUND), "until": "2027-01-14T00:00:00Z", "judged": 100, "denied": [], "unclear": [],
    "accounts": [MEMBER, OTHER], "gaps": [],
}  # fmt: skip
CALL = {
    "principal": f"arn:aws:iam::{MEMBER}:user/deploy", "action": "sts:AssumeRole", "count": 7,
    "credential": "long_term_key",
}  # fmt: skip


class Calls:
    """An organization that keeps one policy."""

    def __init__(self, found: ServiceControl | None = None) -> None:
        self.found = found
        self.done: list[tuple[str, ...]] = []

    def find(self, _name: str) -> ServiceControl | None:
        return self.found

    def organization(self) -> Organization:
        return Organization(MANAGEMENT, (MANAGEMENT, MEMBER, OTHER))

    def create(self, name: str, description: str, document: dict[str, Any]) -> str:
        self.done.append(("create", name, description, digest(document)))
        return "p-1"

    def update(self, policy: str, description: str, document: dict[str, Any]) -> None:
        self.done.append(("update", policy, description, digest(document)))

    def attach(self, policy: str, target: str) -> None:
        self.done.append(("attach", policy, target))

    def detach(self, policy: str, target: str) -> None:
        self.done.append(("detach", policy, target))

    def delete(self, policy: str) -> None:
        self.done.append(("delete", policy))


def there(*targets: str, document: Any = None, **more: Any) -> ServiceControl:
    return ServiceControl("p-1", "arn:p-1", "guard", "why", document or SOUND, targets, **more)


def scp(calls: Calls, *, check_mode: bool = False, partition: str = "aws", **parameters: Any) -> dict[str, Any]:
    defaults = {
        "name": "guard", "state": "present", "content": SOUND, "description": "why", "targets": [],
        "purge_targets": False, "dry_run": None, "dry_run_max_age": 7, "accepted_principals": [],
        "accepted_accounts": [], "accepted_gaps": False,
    }  # fmt: skip
    ports = ScpPorts(calls, lambda: NOW, partition)
    return run_scp({**defaults, **parameters}, ports, check_mode=check_mode)


def test_it_is_made_and_attached() -> None:
    calls = Calls()
    made = scp(calls, targets=["ou-1", "ou-1"])
    assert calls.done == [("create", "guard", "why", digest(SOUND)), ("attach", "p-1", "ou-1")]
    assert (made["changed"], made["policy"]["targets"], made["diff"]["before"]) == (True, ["ou-1"], "")
    assert made["policy"]["hash"] == digest(SOUND)


def test_check_mode_tells_the_same_and_does_nothing() -> None:
    calls = Calls()
    told = scp(calls, targets=["ou-1"], check_mode=True)
    assert calls.done == []
    assert (told["changed"], told["policy"]["targets"], told["policy"]["id"]) == (True, ["ou-1"], None)
    assert '"ou-1"' in told["diff"]["after"]


def test_what_is_as_wanted_is_left_alone() -> None:
    calls = Calls(there("ou-1", "ou-2"))
    again = scp(calls, targets=["ou-1"], description=None)
    assert (again["changed"], calls.done, again["policy"]["targets"]) == (False, [], ["ou-1", "ou-2"])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_what_differs_is_brought_in_line() -> None:
    calls = Calls(there("ou-1", "ou-2", document=SEED))
    scp(calls, targets=["ou-2", "ou-3"], purge_targets=True)
    assert calls.done == [
        ("update", "p-1", "why", digest(SOUND)), ("attach", "p-1", "ou-3"), ("detach", "p-1", "ou-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("check_mode", [False, True])
def test_it_is_taken_away(check_mode: bool) -> None:
    calls = Calls(there("ou-1", "r-1"))
    assert scp(calls, state="absent", content=None, check_mode=check_mode)["changed"]
    gone = [("detach", "p-1", "ou-1"), ("detach", "p-1", "r-1"), ("delete", "p-1")]
    assert calls.done == ([] if check_mode else gone)
    assert not scp(Calls(), state="absent", content=None)["changed"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_policy_of_aws_is_not_touched(state: str) -> None:
    with pytest.raises(IamError, match="policy of AWS"):
        scp(Calls(there(aws_managed=True)), state=state)


def test_the_published_policy_is_refused_with_the_reasons_whatever_it_is_attached_to() -> None:
    calls = Calls()
    with pytest.raises(IamError) as refused:
        scp(calls, content=SEED)
    told = str(refused.value)
    assert "sts:AssumeRole is denied for role_session" in told
    assert "Limit it to IAM users: ArnLike aws:PrincipalArn arn:*:iam::*:user/*" in told
    assert "denied!" in told
    assert calls.done == []


@pytest.mark.parametrize(("written_for", "partition", "sound"), [
    ("aws-us-gov", "aws-us-gov", True), ("aws-us-gov", "aws", False), ("aws", "aws-cn", False), ("*", "aws-cn", True),
])  # fmt: skip
def test_it_is_proven_for_the_partition_of_the_organization(written_for: str, partition: str, sound: bool) -> None:
    text = copy.deepcopy(SOUND)
    text["Statement"][0]["Condition"]["ArnLike"]["aws:PrincipalArn"] = f"arn:{written_for}:iam::*:user/*"
    if sound:
        assert scp(Calls(), content=text, partition=partition)["changed"]
        return
    with pytest.raises(IamError, match="is allowed for long_term_key, and should be denied"):
        scp(Calls(), content=text, partition=partition)


@pytest.mark.parametrize("target", ["Workloads", " ou-1", "", "arn:aws:organizations::1:root/o-1/r-1", "12345"])
def test_a_target_that_can_be_none_is_refused_before_anything_is_made(target: str) -> None:
    calls = Calls()
    with pytest.raises(IamError, match="give ids, of roots"):
        scp(calls, targets=[MEMBER, target])
    assert calls.done == []


def test_whoever_is_exempt_does_not_upset_the_proof() -> None:
    exempt = Choices(scp_exempt=("arn:aws:iam::*:user/alice", "arn:aws:iam::*:user/a*"))
    assert scp(Calls(), content=documents_of(exempt)["scp"])["changed"]
    with pytest.raises(IamError, match="should be denied"):
        scp(Calls(), content=documents_of(Choices(scp_exempt=("arn:aws:iam::*:user/*",)))["scp"])


def test_a_document_that_is_none_is_refused() -> None:
    broken = copy.deepcopy(SOUND)
    broken["Statement"][0]["Verdict"] = broken["Statement"][0].pop("Effect")
    with pytest.raises(IamError, match="Verdict"):
        scp(Calls(), content=broken)


# --- the root --------------------------------------------------------------------------------------------------------


def test_the_whole_organization_after_a_dry_run() -> None:
    calls = Calls()
    scp(calls, targets=["r-1"], dry_run=DRY_RUN)
    assert ("attach", "p-1", "r-1") in calls.done


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, "There is no dry run"),
        ({**DRY_RUN, "policy_hash": digest(SEED)}, "of another text"),
        ({**DRY_RUN, "until": "2027-01-01T00:00:00Z"}, "records until 2027-01-08"),
        ({**DRY_RUN, "until": None}, "make it again"),
        ({**DRY_RUN, "judged": 0}, "no call at all"),
        ({**DRY_RUN, "denied": [CALL]}, "would have been denied: .*user/deploy sts:AssumeRole .7 times"),
        ({**DRY_RUN, "unclear": [CALL]}, "may have been denied: .*user/deploy"),
        ({**DRY_RUN, "gaps": ["AssumeRole: AccessDenied"]}, "lacks records: AssumeRole: AccessDenied"),
        ({**DRY_RUN, "accounts": [MEMBER]}, f"no records of the accounts {OTHER}:"),
    ],
)
def test_the_whole_organization_is_refused(made: Any, told: str) -> None:
    calls = Calls()
    with pytest.raises(IamError, match=told):
        scp(calls, targets=["r-1"], dry_run=made)
    with pytest.raises(IamError, match=told):
        scp(calls, targets=["r-1"], dry_run=made, check_mode=True)
    assert calls.done == []


@pytest.mark.parametrize(
    ("made", "accepted"),
    [
        ({**DRY_RUN, "denied": [CALL]}, {"accepted_principals": ["arn:aws:iam::*:user/dep*"]}),
        ({**DRY_RUN, "gaps": ["x"]}, {"accepted_gaps": True}),
        ({**DRY_RUN, "accounts": [MEMBER]}, {"accepted_accounts": [OTHER]}),
    ],
)
def test_what_the_owner_accepts(made: dict[str, Any], accepted: dict[str, Any]) -> None:
    assert scp(Calls(), targets=["r-1"], dry_run=made, **accepted)["changed"]


def test_a_new_text_for_the_whole_organization_takes_one_too() -> None:
    with pytest.raises(IamError, match="There is no dry run"):
        scp(Calls(there("r-1", document=policy())))
    assert not scp(Calls(there("r-1")), targets=["r-1"])["changed"]
    # Off the root with the same run: nobody is bound anew.
    assert scp(Calls(there("r-1", document=policy())), purge_targets=True)["changed"]
