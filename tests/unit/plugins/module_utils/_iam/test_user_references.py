from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import Account, ResourcePolicy
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.context import AuditContext, AuditOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.document import parse_document
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import ACCOUNT as ACCOUNT_MARK
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile, IacPolicy, IacValue
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import (
    CodeLine,
    Subject,
    UserReference,
    find_user_references,
    uses_of,
)

from tests.rigs.iam_serials import account, allow, arn, inline, managed, mfa, policy, profile, role, trust

ID = "AIDACKCEVSQ6C2EXAMPLE"
TOKEN = "GAHT12345678"  # noqa: S105 - a serial
ALICE = Subject("alice", (arn("user/staff/alice"),), (ID,), (mfa("alice"), TOKEN))
STALE = trust({"ArnLike": {"aws:MultiFactorAuthAge": mfa("alice")}})


def find(known: Account, lines: tuple[CodeLine, ...] = (), **options: Any) -> tuple[UserReference, ...]:
    return find_user_references(AuditContext(known, AuditOptions(**options)), ALICE, lines)


def in_trust(document: Any) -> tuple[UserReference, ...]:
    return find(account(roles=[role("ops", document)]))


def deny(value: str) -> dict[str, Any]:
    return policy(allow("iam:GetUser", value))


def test_a_serial_in_a_trust_policy_says_where_it_stands() -> None:
    (found,) = in_trust(STALE)
    assert found == UserReference("serial", mfa("alice"), True, found.spot)
    assert (found.spot.resource, found.spot.document, found.spot.statement, found.spot.path) == (
        arn("role/ops"), "trust", "0", "Condition.ArnLike.aws:MultiFactorAuthAge",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("inline", "inline:p"),
        ("managed", f"managed:{arn('policy/p')}@v1"),
        ("boundary", "boundary"),
        ("scp", "scp:p-0"),
        ("resource", "resource:arn:aws:s3:::records"),
        ("code", "code:aws_iam_policy.p"),
    ],
)
def test_wherever_a_policy_stands(kind: str, document: str) -> None:
    text = deny(mfa("alice"))
    iac = IacPolicy(parse_document(text, "p"), "identity", 3, "aws_iam_policy.p", "policy")
    known = {
        "inline": lambda: account(roles=[role("r", trust(), inline=inline(text))]),
        "managed": lambda: account(policies=[managed("p", text)]),
        "boundary": lambda: account(policies=[managed("p", text)._replace(bounds=(arn("role/r"),))]),
        "scp": lambda: account(scps=[json.dumps(text)]),
        "resource": lambda: account(resource_policies=(ResourcePolicy("arn:aws:s3:::records", text),)),
        "code": account,
    }[kind]()
    files = (IacFile("main.tf", "terraform", policies=(iac,)),) if kind == "code" else ()
    (found,) = find(known, files=files)
    assert (found.kind, found.spot.document, found.spot.path) == ("serial", document, "Resource")


@pytest.mark.parametrize(
    ("element", "kind", "value"),
    [
        ({"Principal": {"AWS": arn("user/staff/alice")}}, "user", arn("user/staff/alice")),
        ({"Principal": {"AWS": [arn("root"), ID]}}, "unique_id", ID),
        ({"NotPrincipal": {"AWS": ID}, "Effect": "Deny"}, "unique_id", ID),
        ({"Condition": {"StringLike": {"aws:userid": [f"{ID}:*"]}}}, "unique_id", ID),
        ({"Condition": {"StringNotEquals": {"aws:userid": ID}}}, "unique_id", ID),
        ({"Condition": {"StringEquals": {"AWS:UserName": "alice"}}}, "user", "alice"),
        ({"Condition": {"ArnEquals": {"aws:PrincipalArn": arn("user/staff/alice")}}}, "user", arn("user/staff/alice")),
        ({"Condition": {"StringEquals": {"aws:RequestTag/token": TOKEN}}}, "serial", TOKEN),
        ({"Nonsense": {"deep": [[mfa("alice")]]}}, "serial", mfa("alice")),
    ],
)
def test_whatever_of_the_user_a_statement_names(element: dict[str, Any], kind: str, value: str) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arn("root")}, **element}
    if "NotPrincipal" in element:
        del statement["Principal"]
    (found,) = in_trust(policy(statement))
    assert (found.kind, found.value, found.exact) == (kind, value, True)


@pytest.mark.parametrize(
    "text",
    [
        mfa("alice-2"), mfa("malice"), mfa("staff/alice"), mfa("alice/phone"), mfa("Alice"), mfa("*"), mfa("?????"),
        mfa("${aws:username}"), arn("user/staff/alice2"), arn("user/alice"), arn("user/staff/*"), f"{ID}X", f"X{ID}",
        "AIDA*", f"{TOKEN}9", f"9{TOKEN}", arn("mfa/alice", "210987654321"), "alice",
    ],
)  # fmt: skip
def test_near_misses_and_what_means_everybody_are_no_references(text: str) -> None:
    assert find(account(policies=[managed("p", deny(text))])) == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (mfa("ali*"), mfa("alice")),
        (arn("mfa/alice", "*"), mfa("alice")),
        (arn("user/*/alice"), arn("user/staff/alice")),
        (f"{ID[:10]}*", ID),
    ],
)
def test_a_wildcard_that_means_this_user_is_one_and_says_so(text: str, value: str) -> None:
    (found,) = find(account(policies=[managed("p", deny(text))]))
    assert (found.value, found.exact) == (value, False)


def test_versions_that_are_not_in_force_are_searched() -> None:
    old = managed("p", deny("*"))._replace(default="v2", versions={"v1": deny(mfa("alice")), "v2": deny("*")})
    (found,) = find(account(policies=[old]))
    assert (found.in_force, found.spot.document) == (False, f"managed:{old.arn}@v1")


@pytest.mark.parametrize("old", [False, True])
def test_documents_that_are_no_policies_are_searched_as_text(old: bool) -> None:
    broken = quote(quote('{"Statement": [' + mfa("alice")))
    known = managed("p", broken)
    if old:
        known = known._replace(default="v2", versions={"v1": broken, "v2": deny("*")})
    (found,) = find(account(policies=[known]))
    assert (found.value, found.in_force) == (mfa("alice"), not old)


def test_one_document_at_two_places_is_two_references() -> None:
    found = find(account(roles=[role("a", STALE), role("b", STALE)]))
    assert [one.spot.resource for one in found] == [arn("role/a"), arn("role/b")]


def test_settings_in_code_with_the_account_left_to_the_run() -> None:
    value = IacValue(f"arn:aws:iam::{ACCOUNT_MARK}:mfa/alice", 7, "locals", "mfa_serial")
    (found,) = find(account(), files=(IacFile("main.tf", "terraform", values=(value,)),))
    assert (found.spot.resource, found.spot.document, found.value) == ("main.tf:7", "code:locals", mfa("alice"))


def test_a_line_of_code_counts_once_and_only_where_nothing_better_is_known() -> None:
    value = IacValue(mfa("alice"), 7, "locals", "mfa_serial")
    lines = (CodeLine("main.tf", 7, mfa("alice")), CodeLine("delete.sh", 2, TOKEN), CodeLine("delete.sh", 3, ID))
    found = find(account(), lines, files=(IacFile("main.tf", "terraform", values=(value,)),))
    assert [(one.spot.resource, one.spot.document, one.kind) for one in found] == [
        ("delete.sh:2", "code", "serial"), ("delete.sh:3", "code", "unique_id"), ("main.tf:7", "code:locals", "serial"),
    ]  # fmt: skip


def test_profiles_on_hosts() -> None:
    (found,) = find(account(), host_serials=(profile(mfa("alice")), profile(mfa("bob"), profile="other")))
    assert (found.spot.resource, found.spot.document) == ("web1:/home/x/.aws/config", "profile:prod")


def test_a_subject_of_whom_nothing_is_known_is_nowhere() -> None:
    nobody = Subject("alice", (), (), ())
    assert find_user_references(AuditContext(account(roles=[role("ops", STALE)]), AuditOptions()), nobody) == ()


def test_uses_in_cloudtrail_are_counted_with_the_last_one() -> None:
    def event(time: str, serial: str, name: str = "AssumeRole") -> dict[str, Any]:
        who = {"userName": "alice", "arn": arn("user/staff/alice")}
        return {"eventID": time + name, "eventName": name, "eventTime": time, "userIdentity": who,
                "requestParameters": {"serialNumber": serial}}  # fmt: skip

    events = (
        event("2026-11-20T08:00:00Z", mfa("alice")),
        event("2026-11-21T08:00:00Z", mfa("alice"), "GetSessionToken"),
        event("2026-11-22T08:00:00Z", mfa("alice"), "DeactivateMFADevice"),
        event("2026-11-22T08:00:00Z", mfa("bob")),
    )
    ((serial, count, last),) = uses_of(AuditContext(account(trail_events=events), AuditOptions()), ALICE)
    assert (serial, count, last.event, last.time) == (mfa("alice"), 2, "GetSessionToken", "2026-11-21T08:00:00Z")
