"""Corrections: what each rule's finding becomes, what stays as it was, and what is left to a person."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    InlinePolicy,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.audit import audit
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.rules_device import policy_size

from tests.rigs.iam_rules import (
    ACCOUNT,
    AGE,
    POLICY,
    PRESENT,
    ROLE,
    ROOT,
    USER,
    carried,
    group,
    managed,
    policy,
    role,
    statement,
    trusting,
    with_inline,
)

DEVICE = f"arn:aws:iam::{ACCOUNT}:mfa/old-device"
TEXT = "No automatic fix: "


def one(account: Account, rule: str) -> Finding:
    (found,) = [found for found in audit(account, AuditOptions()).findings if found.rule == f"MFA-{rule}"]
    return found


def condition_of(found: Finding) -> Any:
    assert found.fix is not None, found.message
    return found.fix.document["Statement"][0]["Condition"]


def test_the_published_broken_policy_becomes_what_its_author_intended() -> None:
    broken = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    found = one(role(policy({**broken, "Condition": {"ArnLike": {AGE: DEVICE}}})), "C01")
    intended = {**broken, "Condition": {"Bool": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}}}
    assert found.fix is not None
    assert found.fix.document == policy(intended)
    assert "3600" in found.fix.summary


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("C01", {"StringEquals": {PRESENT: "true"}, "ArnLike": {AGE: DEVICE}},
         {"StringEquals": {PRESENT: "true"}, "NumericLessThan": {AGE: "3600"}}),
        ("C01", {"ArnLike": {AGE: DEVICE}, "NumericLessThan": {AGE: "900"}},
         {"Bool": {PRESENT: "true"}, "NumericLessThan": {AGE: "900"}}),
        ("C02", {"StringLike": {PRESENT: "true"}}, {"Bool": {PRESENT: "true"}}),
        ("C02", {"Bool": {PRESENT: "yes"}}, {"Bool": {PRESENT: "true"}}),
        ("C02", {"Null": {PRESENT: "no"}}, {"Bool": {PRESENT: "true"}}),
        ("C02", {"NumericEquals": {PRESENT: "1"}}, {"Bool": {PRESENT: "true"}}),
        ("C04", {"BoolIfExists": {PRESENT: "true"}}, {"Bool": {PRESENT: "true"}}),
        ("C04", {"NumericLessThanIfExists": {AGE: "3600"}}, {"NumericLessThan": {AGE: "3600"}}),
        ("C04", {"NumericNotEquals": {AGE: "3600"}}, {"NumericNotEquals": {AGE: "3600"}, "Bool": {PRESENT: "true"}}),
        ("C05", {"Bool": {PRESENT: "false"}}, {"Bool": {PRESENT: "true"}}),
        ("C06", {"Null": {PRESENT: "false"}}, {"Bool": {PRESENT: "true"}}),
        ("C07", {"ForAllValues:Bool": {PRESENT: "true"}}, {"Bool": {PRESENT: "true"}}),
        ("C08", {"Bool": {"aws:MultiFactorAuthPresnt": "true"}}, {"Bool": {PRESENT: "true"}}),
        ("C08", {"Bool": {PRESENT: "true", PRESENT.lower(): "true"}}, {"Bool": {PRESENT: "true"}}),
        ("C09", {"NumericLessThan": {AGE: "3600000"}}, {"NumericLessThan": {AGE: "3600"}}),
        ("C09", {"NumericLessThan": {AGE: "1h"}}, {"NumericLessThan": {AGE: "3600"}}),
        ("C09", {"NumericLessThan": {AGE: "60 Mins"}}, {"NumericLessThan": {AGE: "3600"}}),
        ("C09", {"NumericLessThan": {AGE: "900000ms"}}, {"NumericLessThan": {AGE: "900"}}),
        ("C09", {"NumericLessThan": {AGE: "43200000"}}, {"NumericLessThan": {AGE: "43200"}}),
        ("C11", {"Bool": {PRESENT: ["true", "true"]}}, {"Bool": {PRESENT: "true"}}),
    ],
)  # fmt: skip
def test_an_allow_for_people_is_corrected(rule: str, before: Any, after: Any) -> None:
    other = {"StringEquals": {"sts:ExternalId": "x"}}
    if "StringEquals" in before:
        other = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    found = one(role(policy(trusting({"AWS": ROOT}, {**other, **before}))), rule)
    assert condition_of(found) == {**other, **after}


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("C01", {"ArnNotLike": {AGE: DEVICE}}, {"BoolIfExists": {PRESENT: "false"}}),
        ("C03", {"Bool": {PRESENT: "false"}}, {"BoolIfExists": {PRESENT: "false"}}),
        ("C05", {"Bool": {PRESENT: "true"}}, {"BoolIfExists": {PRESENT: "false"}}),
        ("C06", {"Null": {PRESENT: "true"}}, {"BoolIfExists": {PRESENT: "false"}}),
        ("C10", {"NumericGreaterThan": {AGE: "3600"}}, {"NumericGreaterThanIfExists": {AGE: "3600"}}),
    ],
)
def test_a_deny_on_a_user_is_corrected(rule: str, before: Any, after: Any) -> None:
    everything = policy(statement("Deny", before), statement("Allow", Action="*"))
    assert condition_of(one(with_inline(mfa=everything), rule)) == after


def test_nothing_but_the_condition_changes_and_nothing_of_the_account_itself() -> None:
    document = policy(
        trusting({"AWS": [ROOT]}, {"BoolIfExists": {PRESENT: "true"}}, Sid="People"),
        trusting({"Service": "ec2.amazonaws.com"}, Sid="Hosts"),
    )
    document["Id"] = "keep"
    before = copy.deepcopy(document)
    found = one(role(document), "C04")
    assert document == before
    assert found.fix is not None
    before["Statement"][0]["Condition"] = {"Bool": {PRESENT: "true"}}
    assert found.fix.document == before
    assert list(found.fix.document) == list(before)


def test_a_sibling_that_voids_mfa_is_asked_for_it_too() -> None:
    guarded = trusting({"AWS": ROOT}, {"Bool": {PRESENT: "true"}})
    found = one(role(policy(guarded, trusting({"AWS": USER}, Sid="Open"))), "T02")
    assert found.fix is not None
    assert found.fix.document["Statement"][0] == guarded
    assert found.fix.document["Statement"][1]["Condition"] == {"Bool": {PRESENT: "true"}}


@pytest.mark.parametrize(
    ("principal", "who"),
    [
        ({"AWS": [ROOT, f"arn:aws:iam::{ACCOUNT}:role/ci"]}, "role sessions"),
        ({"AWS": ROOT, "Service": "ec2.amazonaws.com"}, "services"),
        ({"AWS": ROOT, "Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/x"}, "federated users"),
    ],
)
def test_who_cannot_present_mfa_and_is_named_is_not_locked_out(principal: Any, who: str) -> None:
    found = one(role(policy(trusting(principal, {"BoolIfExists": {PRESENT: "true"}}))), "C04")
    assert found.fix is None
    assert f"{TEXT}it would lock out" in found.message
    assert who in found.message


def test_a_deny_is_not_widened_to_roles() -> None:
    document = policy(statement("Deny", {"Bool": {PRESENT: "false"}}), statement("Allow", Action="*"))
    assert one(managed(document), "C03").fix is not None
    found = one(carried(document), "C03")
    assert found.fix is None
    assert "it would lock out role sessions" in found.message


def test_a_deny_for_users_alone_is_corrected_wherever_it_is_attached() -> None:
    users = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
    document = policy(statement("Deny", {"Bool": {PRESENT: "false"}, **users}), statement("Allow", Action="*"))
    found = one(carried(document), "C03")
    assert condition_of(found) == {"BoolIfExists": {PRESENT: "false"}, **users}


@pytest.mark.parametrize(
    ("which", "kept_in"),
    [
        ({"StringEquals": {"aws:PrincipalType": "User"}}, False),
        ({"StringNotLike": {"aws:PrincipalType": "Assumed*"}}, False),
        ({"StringLike": {"aws:PrincipalType": "*"}}, True),
        ({"StringLike": {"aws:PrincipalType": ["User", "Assumed*"]}}, True),
        ({"StringEqualsIgnoreCase": {"aws:PrincipalType": "assumedrole"}}, True),
        ({"StringLike": {"aws:PrincipalType": "${aws:PrincipalTag/kind}"}}, True),
        ({"StringNotEquals": {"aws:PrincipalType": "assumedrole"}}, True),
        ({"StringNotLike": {"aws:PrincipalArn": "arn:*:iam::*:role/*"}}, False),
        ({"ArnNotEqualsIfExists": {"aws:PrincipalArn": ["arn:aws:iam::*:role/*"]}}, False),
        ({"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, True),  # there a * is no wildcard
        ({"StringNotEqualsIgnoreCase": {"aws:PrincipalArn": ["*", "arn:aws:iam::*:role/*"]}}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin/*"}}, True),
    ],
)
def test_roles_that_a_wildcard_lets_in_are_not_locked_out(which: Any, *, kept_in: bool) -> None:
    document = policy(statement("Deny", {"Bool": {PRESENT: "false"}, **which}), statement("Allow", Action="*"))
    found = one(carried(document), "C03")
    assert (found.fix is None) is kept_in


@pytest.mark.parametrize(
    ("rule", "condition", "why"),
    [
        ("C02", {"Bool": {PRESENT: "maybe"}}, "neither true nor false"),
        ("C08", {"Bool": {PRESENT: "true", PRESENT.lower(): "false"}}, "which of the two values"),
        ("C09", {"NumericLessThan": {AGE: "15"}}, "how many seconds"),
        ("C09", {"NumericLessThan": {AGE: "0"}}, "how many seconds"),
        ("C09", {"NumericLessThan": {AGE: "60ms"}}, "how many seconds"),  # no minutes
        ("C09", {"NumericLessThan": {AGE: "2592000"}}, "how many seconds"),  # 30 days, or 43 minutes and 12 seconds
        ("C09", {"NumericLessThan": {AGE: "180000"}}, "how many seconds"),  # 50 hours, or 3 minutes
        ("C09", {"NumericLessThan": {AGE: "2001000"}}, "how many seconds"),  # nobody means 2001 seconds
        ("C02", {"Null": {PRESENT: "yes"}}, "wrong way round"),  # for those who have no such key
        ("C09", {"NumericLessThan": {AGE: ["3600", "x"]}}, "which value"),
    ],
)
def test_what_only_its_author_knows_is_left_to_the_author(rule: str, condition: Any, why: str) -> None:
    found = one(role(policy(trusting({"AWS": ROOT}, condition))), rule)
    assert found.fix is None
    assert TEXT in found.message
    assert why in found.message


def test_an_inverted_allow_outside_a_trust_policy_is_left_to_its_author() -> None:
    found = one(with_inline(mfa=policy(statement("Allow", {"Bool": {PRESENT: "false"}}))), "C05")
    assert found.fix is None
    assert TEXT in found.message


@pytest.mark.parametrize("path", ["/aws-service-role/x.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_policies_of_roles_that_aws_owns_are_left_alone(path: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role{path}ops"
    account = role(policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}})), path=path, arn=arn)
    found = one(account, "C04")
    assert found.fix is None
    assert TEXT in found.message


def test_a_document_that_iam_would_refuse_anyway_has_no_correction() -> None:
    document = policy(trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}), {"Effect": "Maybe"})
    found = one(role(document), "C04")
    assert found.fix is None
    assert "malformed" in found.message


def test_statements_of_one_name_are_not_mistaken_for_each_other() -> None:
    same = [trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}, Sid="Same") for _number in range(2)]
    findings = [found for found in audit(role(policy(*same)), AuditOptions()).findings if found.rule == "MFA-C04"]
    assert [found.statement for found in findings] == [0, 1]
    assert all(found.fix is None and "same Sid" in found.message for found in findings)


def test_a_statement_whose_sid_is_its_own_keeps_it() -> None:
    faulty = trusting({"AWS": ROOT}, {"BoolIfExists": {PRESENT: "true"}}, Sid="Own")
    others = [trusting({"AWS": ROOT}, {"Bool": {PRESENT: "true"}}, Sid="Same") for _number in range(2)]
    found = one(role(policy(*others, faulty)), "C04")
    assert found.statement == "Own"
    assert found.fix is not None


def test_thousands_of_faults_in_one_statement_are_not_tried_one_by_one() -> None:
    def misspelt(count: int) -> list[Finding]:
        keys = {f"aws:MFAPresent{number}": "true" for number in range(count)}
        findings = audit(role(policy(trusting({"AWS": ROOT}, {"Bool": keys}))), AuditOptions()).findings
        return [found for found in findings if found.rule == "MFA-C08"]

    assert all("50 conditions" not in found.message for found in misspelt(50))
    many = misspelt(51)
    assert len(many) == 51
    assert all("the statement has 51 conditions, and with more than 50 none is tried" in one.message for one in many)
    most = misspelt(3000)
    assert len(most) == 3000
    assert all(f"more than any policy may have (20480): shorten it. {TEXT}" in f"{one.message} {TEXT}" for one in most)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"NumericGreaterThan": {AGE: "3600"}}, f"what NumericGreaterThan on {AGE} was to test"),
        ({"StringEquals": {PRESENT: "false"}}, f"what StringEquals on {PRESENT} was to test"),
        ({"Bool": {PRESENT: "false"}, "Null": {AGE: "true"}}, "more than one condition makes it"),
    ],
)
def test_an_inverted_condition_of_another_kind_says_what_to_decide(condition: Any, why: str) -> None:
    account = role(policy(trusting({"AWS": ROOT}, condition)))
    messages = [found.message for found in audit(account, AuditOptions()).findings if found.rule == "MFA-C05"]
    assert [f"{TEXT}{why}" in message for message in messages] == [True]


@pytest.mark.parametrize("place", ["own", "group", "managed"])
def test_keys_alone_that_enrol_are_said_to_be_the_owners_to_judge_wherever_the_policy_stands(place: str) -> None:
    document = policy(statement("Allow", Action=["iam:CreateVirtualMFADevice", "iam:EnableMFADevice"]),
                      statement("Allow", {"Bool": {PRESENT: "true"}}))  # fmt: skip
    account = {"own": with_inline(mfa=document), "group": group(document, "alice"), "managed": managed(document)}[place]
    alice = account.users["alice"]._replace(devices_complete=True, active_keys=1)
    found = one(account._replace(users={"alice": alice}), "G05")
    document_of = {"own": "inline:mfa", "group": "group:team:inline:mfa", "managed": f"managed:{POLICY}@v1"}
    assert (found.resource, found.document) == (alice.arn, document_of[place])
    assert found.message.count(f"{TEXT}the user needs a device") == 1


def sized(size: int, condition: Any) -> Any:
    """Write a trust policy of this many characters."""
    short = policy(trusting({"AWS": ROOT}, {**condition, "StringEquals": {"sts:ExternalId": ""}}))
    rest = "x" * (size - policy_size(short))
    return policy(trusting({"AWS": ROOT}, {**condition, "StringEquals": {"sts:ExternalId": rest}}))


def test_a_correction_beyond_the_quota_is_a_finding_of_its_own() -> None:
    findings = audit(role(sized(2040, {"ArnLike": {AGE: DEVICE}})), AuditOptions()).findings
    (fault,) = [found for found in findings if found.rule == "MFA-C01"]
    assert fault.fix is None
    assert "exceeds the size quota" in fault.message
    (size,) = [found for found in findings if found.rule == "MFA-D07"]
    assert "2048" in size.message


@pytest.mark.parametrize(
    ("size", "fits"), [(2045, True), (2046, False), (2048, False), (2049, True), (4093, True), (4094, False)]
)
def test_a_policy_beyond_the_usual_quota_shows_that_the_accounts_is_higher(size: int, *, fits: bool) -> None:
    document = sized(size, {"Bool": {PRESENT: "1"}})  # which becomes true: three characters more
    found = audit(role(document), AuditOptions()).findings
    assert [one.fix is not None for one in found if one.rule == "MFA-C02"] == [fits]
    assert [one.rule for one in found if one.rule == "MFA-D07"] == ([] if fits else ["MFA-D07"])


def test_a_correction_that_makes_a_policy_no_longer_always_fits() -> None:
    found = one(role(sized(4100, {"BoolIfExists": {PRESENT: "true"}})), "C04")
    assert found.fix is not None


@pytest.mark.parametrize(("total", "fits"), [(2040, True), (2041, False)])
def test_inline_policies_share_one_quota(total: int, *, fits: bool) -> None:
    faulty = policy(statement("Deny", {"Bool": {PRESENT: "false"}}), statement("Allow", Action="*"))
    empty = policy(statement("Allow", Action="s3:", Sid=""))
    other = policy(statement("Allow", Action="s3:", Sid="x" * (total - policy_size(empty) - policy_size(faulty))))
    findings = audit(with_inline(faulty=faulty, other=json.dumps(other)), AuditOptions()).findings
    (fault,) = [found for found in findings if found.rule == "MFA-C03"]
    assert (fault.fix is not None) is fits
    sizes = [found.message for found in findings if found.rule == "MFA-D07"]
    assert bool(sizes) is not fits
    assert all("all inline policies of one" in message for message in sizes)


def test_a_finding_about_a_serial_in_a_policy_says_why_there_is_no_correction() -> None:
    document = policy(statement("Allow", Action="iam:DeleteVirtualMFADevice", Resource=DEVICE))
    found = [found for found in audit(with_inline(mfa=document), AuditOptions()).findings if found.rule[4] == "S"]
    assert found
    assert all(one.fix is None and TEXT in one.message for one in found)


def test_what_the_rest_of_a_condition_looks_like_is_kept() -> None:
    before = {"StringLike": {}, "BoolIfExists": {PRESENT: "true"}, "IpAddress": {"aws:SourceIp": ["192.0.2.1"]}}
    after = condition_of(one(role(policy(trusting({"AWS": ROOT}, before))), "C04"))
    assert json.dumps(after) == json.dumps({
        "StringLike": {}, "Bool": {PRESENT: "true"}, "IpAddress": {"aws:SourceIp": ["192.0.2.1"]}
    })  # fmt: skip


def test_the_same_policy_at_many_places_is_corrected_at_each() -> None:
    document = policy(statement("Deny", {"Bool": {PRESENT: "false"}}), statement("Allow", Action="*"))
    account = with_inline(one=document, two=document)
    alice = account.users["alice"]
    worker = carried(document).roles[ROLE]._replace(inline=(InlinePolicy("one", document),))
    findings = [
        found
        for found in audit(account._replace(roles={ROLE: worker}), AuditOptions()).findings
        if found.rule == "MFA-C03"
    ]
    by_place = {(found.resource, found.document): found.fix is not None for found in findings}
    assert by_place[(alice.arn, "inline:one")]
    assert by_place[(alice.arn, "inline:two")]
    assert not by_place.get((ROLE, "inline:one"), False)
