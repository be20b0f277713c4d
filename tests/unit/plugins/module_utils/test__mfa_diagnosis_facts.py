"""What an account's snapshot has a gap for is unknown to a diagnosis, and what a host sends is not trusted."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.model import Facts, Known, Unknown
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    CoverageGap,
    Device,
    Group,
    InlinePolicy,
    ManagedPolicy,
    OrganizationPolicy,
    Role,
    User,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import NOT_ASKED
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis_facts import account_facts, host_of

ACCOUNT = "123456789012"
SERIAL = f"arn:aws:iam::{ACCOUNT}:mfa/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops"
ALICE = User(
    "alice", f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDA1", groups=("staff",), inline=(InlinePolicy("own", {}),),
    boundary="arn:limit", devices=(SERIAL,), devices_complete=True,
)  # fmt: skip
WHOLE = Account(
    ACCOUNT,
    users={"alice": ALICE},
    groups={"staff": Group("staff", "arn:staff", "AGPA1", attached=("arn:shared",))},
    roles={ROLE: Role("ops", ROLE, "AROA1", {"Statement": []})},
    policies={
        "arn:shared": ManagedPolicy("arn:shared", "shared", "v1", {"v1": {}}),
        "arn:limit": ManagedPolicy("arn:limit", "limit", "v1", {"v1": {}}),
    },
    devices={
        SERIAL: Device(SERIAL, "virtual", "alice"),
        "GAHT12345678": Device("GAHT12345678", "hardware", "bob"),
    },
    organization_policies=(
        OrganizationPolicy("p-all", "all", {}, targets=None),
        OrganizationPolicy("p-root", "root", {}, targets=("r-abcd",)),
        OrganizationPolicy("p-mine", "mine", {}, targets=(ACCOUNT,)),
        OrganizationPolicy("p-other", "other", {}, targets=("210987654321",)),
        OrganizationPolicy("p-nobody", "nobody", {}, targets=()),
    ),
)


def facts_of(account: Account, user: str = "alice", role: str = ROLE) -> Facts:
    return account_facts(Facts(), account, user, role)


def known(part: Any) -> Any:
    assert isinstance(part, Known), part
    return part.value


def refused(part: str, code: str = "AccessDenied", subject: str = "", reason: str = "refused") -> CoverageGap:
    return CoverageGap(part, reason, api="iam:Call", code=code, subject=subject)


def test_what_was_read_is_known() -> None:
    facts = facts_of(WHOLE)
    assert known(facts.user).name == "alice"
    assert [device.serial for device in known(facts.devices)] == [SERIAL]
    assert [device.serial for device in known(facts.inventory)] == [SERIAL]
    assert [policy.kind for policy in known(facts.policies)] == ["inline:own", "managed:arn:shared@v1"]
    assert known(facts.boundary).resource == "arn:limit"
    assert [scp.kind for scp in known(facts.scps)] == ["scp:p-all", "scp:p-root", "scp:p-mine"]
    assert known(facts.trust).resource == ROLE


def test_where_the_identities_were_refused_everything_that_rests_on_them_is_unknown() -> None:
    gone = Account(ACCOUNT, devices=WHOLE.devices, gaps=(refused("authorization_details"),))
    facts = facts_of(gone)
    for part in (facts.user, facts.policies, facts.boundary, facts.trust):
        assert part == Unknown("refused", "iam:Call", "AccessDenied")
    # Asked for by name, so there can be no others.
    assert [device.serial for device in known(facts.devices)] == [SERIAL]


@pytest.mark.parametrize(
    ("gap", "part"),
    [("virtual_mfa_devices", "inventory"), ("organization_policies", "scps")],
)
def test_a_refused_list_is_unknown_and_nothing_else(gap: str, part: str) -> None:
    facts = facts_of(WHOLE._replace(gaps=(refused(gap),)))
    unknown = [
        name for name, value in facts._asdict().items() if value == Unknown("refused", "iam:Call", "AccessDenied")
    ]
    assert unknown == [part]


def test_the_own_devices_are_unknown_where_their_list_was_refused() -> None:
    incomplete = ALICE._replace(devices_complete=False)
    account = WHOLE._replace(
        users={"alice": incomplete},
        gaps=(CoverageGap("mfa_devices", NOT_ASKED), refused("mfa_devices", subject="alice")),
    )
    assert facts_of(account).devices == Unknown("refused", "iam:Call", "AccessDenied")
    assert isinstance(facts_of(account._replace(gaps=())).devices, Unknown)


def test_a_user_who_is_not_there_is_known_not_to_be() -> None:
    nobody = WHOLE._replace(gaps=(refused("mfa_devices", "NoSuchEntity", "nobody"),))
    facts = facts_of(nobody, "nobody")
    assert (known(facts.user), known(facts.devices), known(facts.policies)) == (None, (), ())
    # By the list of devices alone, too.
    hidden = Account(ACCOUNT, gaps=(*nobody.gaps, refused("authorization_details")))
    assert known(facts_of(hidden, "nobody").user) is None


def test_a_policy_that_is_attached_and_was_not_read_leaves_them_all_unknown() -> None:
    facts = facts_of(WHOLE._replace(policies={}))
    assert isinstance(facts.policies, Unknown)
    assert "arn:shared" in facts.policies.reason
    assert isinstance(facts.boundary, Unknown)


def test_the_trust_of_a_role_is_read_where_the_role_can_be() -> None:
    assert known(facts_of(WHOLE, role=f"arn:aws:iam::{ACCOUNT}:role/gone").trust) is None
    foreign = facts_of(WHOLE, role="arn:aws:iam::210987654321:role/ops").trust
    assert isinstance(foreign, Unknown)
    assert "210987654321" in foreign.reason
    assert isinstance(facts_of(WHOLE, role="").trust, Unknown)


def test_a_hosts_facts_are_read() -> None:
    host = known(
        host_of(
            "ws",
            {
                "verdict": "noncompliant", "reasons": ["totp.at_risk"], "measured_at": "2026-11-21T12:05:00Z",
                "clock": {"offset_s": -90, "bound_s": 90.5},
                "serials": [{"serial": SERIAL, "where": "/home/alice/.aws/config", "profile": None}],
            },
        )
    )  # fmt: skip
    assert (host.name, host.verdict, host.reasons) == ("ws", "noncompliant", ("totp.at_risk",))
    assert (host.offset_s, host.bound_s, host.measured_at) == (-90.0, 90.5, "2026-11-21T12:05:00Z")
    assert [tuple(one) for one in host.serials] == [(SERIAL, "/home/alice/.aws/config", "")]


@pytest.mark.parametrize("facts", [None, [], {}, {"verdict": "fine"}, "compliant"])
def test_what_is_no_measurement_is_unknown(facts: Any) -> None:
    assert isinstance(host_of("ws", facts), Unknown)


def test_values_that_make_no_sense_are_not_known() -> None:
    odd = {
        "verdict": "compliant", "reasons": "none", "measured_at": 5, "clock": {"offset_s": True, "bound_s": "1"},
        "serials": [1, {"serial": None}, {"where": "x"}],
    }  # fmt: skip
    host = known(host_of("ws", odd))
    assert (host.offset_s, host.bound_s, host.serials, host.reasons, host.measured_at) == (None, None, (), (), "")
    assert known(host_of("ws", {"verdict": "unknown", "clock": "?"})).offset_s is None
    for number in (float("nan"), float("inf"), -float("inf"), 10**400, 1e308):
        assert known(host_of("ws", {"verdict": "noncompliant", "clock": {"offset_s": number}})).offset_s is None
