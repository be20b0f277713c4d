"""MFA-G01 to MFA-G07: for each a fault, a sound policy, and one that only looks faulty."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    Alarm,
    ConfigRule,
    CoverageGap,
    MetricFilter,
)

from tests.rigs.iam_rules import (
    ACCOUNT,
    MISTAKES,
    POLICY,
    PRESENT,
    RECOMMENDED,
    ROOT,
    found,
    group,
    managed,
    only,
    policy,
    rules,
    scp,
    statement,
    user,
    with_inline,
)

OWN = "arn:aws:iam::*:user/${aws:username}"
NO_MFA = {"BoolIfExists": {PRESENT: "false"}}
MFA = {"Bool": {PRESENT: "true"}}
USERS = {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}}
ADMIN = policy(statement("Allow", Action="*"))


def self_management(add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> Any:
    """Give AWS's own policy with something more, or less, left out of its Deny."""
    document = copy.deepcopy(RECOMMENDED["self_management"]["document"])
    deny = document["Statement"][-1]
    deny["NotAction"] = [action for action in [*deny["NotAction"], *add] if action not in remove]
    return document


# --- MFA-G01 ---------------------------------------------------------------------------------------------------------


def test_g01_a_guard_that_leaves_deactivation_out() -> None:
    one = only(managed(self_management(add=("iam:DeactivateMFADevice",))), "G01")
    assert (one.severity, one.statement) == ("critical", "DenyAllExceptListedIfNoMFA")
    assert one.witness == ("long_term_key", "allowed")
    assert "iam:DeactivateMFADevice" in one.message
    assert "alice" in one.message


def test_g01_an_allow_by_name_without_a_guard() -> None:
    allow = statement("Allow", Action=["iam:*MFADevice"], Resource=["arn:aws:iam::*:mfa/${aws:username}", OWN])
    assert only(managed(policy(allow)), "G01").message.count("iam:") == 2
    assert rules(managed(policy(allow))._replace(users={})) == ["G01"]


def test_g01_under_a_guard_that_does_not_reach_keys_it_is_the_allow() -> None:
    allow = statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN, Sid="Own")
    guard = statement("Deny", {"Bool": {PRESENT: "false"}}, NotAction="iam:GetUser")
    assert only(managed(policy(allow, guard)), "G01").statement == "Own"


def test_g01_through_another_policy_of_the_user() -> None:
    guard = policy(self_management(add=("iam:DeleteVirtualMFADevice",))["Statement"][-1])
    assert rules(with_inline(guard=guard)) == []
    assert only(with_inline(guard=guard, admin=ADMIN), "G01").document == "inline:guard"


@pytest.mark.parametrize(
    "documents",
    [
        {"mfa": self_management()},
        {"admin": ADMIN},
        {"admin": ADMIN, "narrow": policy(statement("Deny", NO_MFA))},
        {"mfa": policy(statement("Allow", MFA, Action="iam:DeactivateMFADevice", Resource=OWN))},
        {"mfa": policy(statement("Allow", Action=["iam:EnableMFADevice", "iam:ListMFADevices"], Resource=OWN))},
        {
            "mfa": policy(statement("Allow", Action="iam:DeactivateMFADevice", Resource=OWN)),
            "never": policy(statement("Deny", Action="iam:Deactivate*")),
        },
    ],
)
def test_g01_near_miss(documents: Any) -> None:
    assert rules(with_inline(**documents)) == []


def test_g01_of_a_group_is_one_finding_that_names_its_users() -> None:
    document = self_management(add=("iam:DeactivateMFADevice",))
    one = only(group(document, "ann", "ben", "cat", "dan", "eve", "fay", "gus"), "G01")
    assert one.resource == f"arn:aws:iam::{ACCOUNT}:group/team"
    assert "ann, ben, cat, dan, eve and 2 more" in one.message


def test_g01_is_judged_for_each_user_where_a_policy_tells_them_apart() -> None:
    document = policy(statement("Allow", Action="iam:DeactivateMFADevice", Resource=f"arn:aws:iam::{ACCOUNT}:user/ann"))
    message = only(group(document, "ann", "ben"), "G01").message
    assert "for ann." in message


# --- MFA-G02 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["iam:EnableMFADevice", "iam:CreateVirtualMFADevice", "iam:ResyncMFADevice"])
def test_g02_a_guard_that_locks_out(action: str) -> None:
    one = only(managed(self_management(remove=(action,))), "G02")
    assert (one.severity, one.path) == ("high", "NotAction")
    assert one.witness == ("session_without_mfa", "denied")
    assert action in one.message


def test_g02_a_deny_of_everything() -> None:
    documents = {"admin": ADMIN, "guard": policy(statement("Deny", NO_MFA, Action="*"))}
    assert only(with_inline(**documents), "G02").document == "inline:guard"


@pytest.mark.parametrize("pattern", ["iam:*", "iam:Create*", "*"])
def test_g02_a_guard_that_leaves_out_too_much(pattern: str) -> None:
    one = only(managed(policy(statement("Deny", NO_MFA, NotAction=[pattern, "sts:GetSessionToken"]))), "G02")
    assert one.witness == ("long_term_key", "allowed")
    assert "iam:CreateUser" in one.message


@pytest.mark.parametrize(
    "documents",
    [
        {"mfa": self_management(remove=("sts:GetSessionToken", "iam:GetUser"))},
        {"mfa": self_management(add=("iam:ChangePassword", "iam:GetAccountPasswordPolicy"))},
        {"resync": RECOMMENDED["resync_only"]["document"], "admin": ADMIN},
        {"narrow": policy(statement("Deny", NO_MFA, Action="ec2:*")), "admin": ADMIN},
        {"guard": policy(statement("Deny", NO_MFA, Action="*"))},
    ],
)
def test_g02_near_miss(documents: Any) -> None:
    assert rules(with_inline(**documents)) == []


# --- MFA-G03 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wide",
    ["*", "arn:aws:iam::*:user/*", f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:iam::*:user/${aws:username}*"],
)
def test_g03_self_management_that_reaches_others(wide: str) -> None:
    document = policy(
        statement("Allow", Action=["iam:ChangePassword"], Resource=OWN),
        statement("Allow", MFA, Action=["iam:EnableMFADevice", "iam:ResyncMFADevice"], Resource=[OWN, wide], Sid="Mfa"),
    )
    one = only(managed(document), "G03")
    assert (one.severity, one.statement, one.path) == ("high", "Mfa", "Resource")
    assert wide in one.message


@pytest.mark.parametrize(
    "written",
    [
        statement("Allow", Action=["iam:ListVirtualMFADevices", "iam:ListUsers"]),
        statement("Allow", Action=["iam:CreateVirtualMFADevice"], Resource="arn:aws:iam::*:mfa/*"),
        statement(
            "Allow", MFA, Action=["iam:EnableMFADevice"], Resource=["arn:aws:iam::*:user/*/${aws:username}", OWN]
        ),
        statement("Allow", MFA, Action="*"),
    ],
)
def test_g03_near_miss_in_a_self_management_policy(written: Any) -> None:
    own = statement("Allow", Action=["iam:EnableMFADevice"], Resource=OWN)
    assert rules(managed(policy(own, written))) == []


def test_g03_near_miss_a_help_desk() -> None:
    assert rules(managed(policy(statement("Allow", MFA, Action="iam:ResyncMFADevice")))) == []


# --- MFA-G04 ---------------------------------------------------------------------------------------------------------


def test_g04_the_published_policy_stops_roles_too() -> None:
    account = scp(policy(MISTAKES["service_control_policy"]))
    one = only(account, "G04")
    assert (one.severity, one.resource, one.document) == ("high", "p-1", "scp:p-1")
    assert one.witness == ("role_session", "denied")
    assert rules(account) == ["G04"]


def test_g04_with_bool_it_stops_no_key() -> None:
    one = only(scp(policy(statement("Deny", {"Bool": {PRESENT: "false"}, **USERS}))), "G04")
    assert one.witness == ("long_term_key", "allowed")


@pytest.mark.parametrize(
    "statements",
    [
        [statement("Deny", {**NO_MFA, **USERS})],
        [statement("Deny", {**NO_MFA, "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})],
        [statement("Deny", {**NO_MFA, "Null": {"aws:username": "false"}})],
        [
            statement("Deny", {"Bool": {PRESENT: "false"}, **USERS}),
            statement("Deny", {"Null": {PRESENT: "true"}, **USERS}),
        ],
        [statement("Deny", {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})],
    ],
)
def test_g04_near_miss(statements: list[Any]) -> None:
    assert [one.rule for one in found(scp(policy(*statements))) if one.rule == "MFA-G04"] == []


def test_g04_an_exception_for_one_role_is_not_enough() -> None:
    spared = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/breakglass"}}
    assert rules(scp(policy(statement("Deny", {**NO_MFA, **spared})))) == ["G04"]


# --- MFA-G05 ---------------------------------------------------------------------------------------------------------


def newcomer(**fields: Any) -> Account:
    """Give an account whose user has AWS's own policy and more, and no device."""
    known = {"devices_complete": True, "active_keys": 1, **fields}
    account = with_inline(mfa=self_management(), work=policy(statement("Allow", Action=["ec2:*"])))
    return account._replace(users={"alice": account.users["alice"]._replace(**known)})


def test_g05_keys_alone_lead_to_what_mfa_protects() -> None:
    one = only(newcomer(), "G05")
    assert (one.severity, one.resource) == ("medium", f"arn:aws:iam::{ACCOUNT}:user/alice")
    assert one.witness == ("long_term_key", "allowed")
    assert "ec2:*" in one.message


@pytest.mark.parametrize(
    "fields",
    [
        {"devices": (f"arn:aws:iam::{ACCOUNT}:mfa/alice",)},
        {"active_keys": 0},
        {"devices_complete": False},
        {"mfa_active": True, "devices_complete": False},
    ],
)
def test_g05_near_miss(fields: Any) -> None:
    assert rules(newcomer(**fields)) == []


def test_g05_near_miss_nothing_is_gained_or_administrators_enrol() -> None:
    plain = managed(self_management(), devices_complete=True, active_keys=1)
    assert rules(plain) == []
    account = newcomer()
    alice = account.users["alice"]
    gated = (alice.inline[0]._replace(text=RECOMMENDED["resync_only"]["document"]), alice.inline[1])
    assert rules(account._replace(users={"alice": alice._replace(inline=gated)})) == []


def test_g05_is_unknown_where_devices_are() -> None:
    gap = CoverageGap("mfa_devices", "AccessDenied")
    account = newcomer()
    assert rules(account._replace(gaps=(*account.gaps, gap))) == []


# --- MFA-G06 ---------------------------------------------------------------------------------------------------------

IDENTIFIERS = (
    "IAM_USER_MFA_ENABLED",
    "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
    "ROOT_ACCOUNT_MFA_ENABLED",
    "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED",
)
SIGN_IN = (
    '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
    '($.userIdentity.type = "IAMUser") && ($.responseElements.ConsoleLogin = "Success") }'
)
ALARM = Alarm("sign-in", enabled=True, actions=("arn:aws:sns:us-east-1:123456789012:ops",), subscribers=2)


def watched(**fields: Any) -> Account:
    """Give an account that AWS Config and CloudWatch watch as they should."""
    config = tuple(ConfigRule(name.lower(), name, "AWS", "ACTIVE") for name in IDENTIFIERS)
    filters = (MetricFilter("sign-in", SIGN_IN, "trail", (("Logs", "SignIn"),), (ALARM,)),)
    return Account(ACCOUNT, **{"config_rules": config, "metric_filters": filters, **fields})


def test_an_account_that_is_watched_gives_no_finding() -> None:
    assert rules(watched()) == []


@pytest.mark.parametrize("missing", IDENTIFIERS)
def test_g06_a_missing_rule(missing: str) -> None:
    config = tuple(rule for rule in watched().config_rules if rule.identifier != missing)
    one = only(watched(config_rules=config), "G06")
    assert (one.severity, one.resource, one.document) == ("medium", ROOT, "account")
    assert missing in one.message


def test_g06_a_rule_that_is_being_deleted_does_not_count() -> None:
    config = tuple(rule._replace(state="DELETING") for rule in watched().config_rules)
    assert rules(watched(config_rules=config)) == ["G06"] * 4


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_g06_near_miss_partitions_without_the_root_rules(partition: str) -> None:
    config = tuple(rule for rule in watched().config_rules if not rule.identifier.startswith("ROOT"))
    assert rules(watched(config_rules=config, partition=partition)) == []


def test_g06_and_g07_are_unknown_when_not_read() -> None:
    gaps = (CoverageGap("config_rules", "AccessDenied"), CoverageGap("metric_filters", "AccessDenied"))
    assert rules(watched(config_rules=(), metric_filters=(), gaps=gaps)) == []


# --- MFA-G07 ---------------------------------------------------------------------------------------------------------


def test_g07_no_filter() -> None:
    other = MetricFilter("root", '{ $.userIdentity.type = "Root" }', "trail", (), (ALARM,))
    one = only(watched(metric_filters=(other,)), "G07")
    assert (one.severity, one.document) == ("medium", "account")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"Yes"', '"YES"', "matches every sign-in"),
        ('!= "Yes"', '= "no"', "never matches"),
        ('!= "Yes"', '= "Yes"', "with MFA instead"),
        ("MFAUsed", "MfaUsed", "count by case"),
        ('"ConsoleLogin")', '"consoleLogin")', "count by case"),
        ('($.userIdentity.type = "IAMUser") && ', "", "IAM Identity Center"),
    ],
)
def test_g07_a_filter_that_counts_something_else(old: str, new: str, says: str) -> None:
    pattern = SIGN_IN.replace(old, new)
    assert pattern != SIGN_IN
    filters = tuple(one._replace(pattern=pattern) for one in watched().metric_filters)
    assert says in only(watched(metric_filters=filters), "G07").message


@pytest.mark.parametrize(
    ("alarms", "says"),
    [
        ((), "no alarm"),
        ((ALARM._replace(enabled=False),), "no alarm"),
        ((ALARM._replace(actions=()),), "no alarm"),
        ((ALARM._replace(subscribers=0),), "nobody is subscribed"),
    ],
)
def test_g07_a_filter_that_tells_nobody(alarms: Any, says: str) -> None:
    filters = tuple(one._replace(alarms=alarms) for one in watched().metric_filters)
    assert says in only(watched(metric_filters=filters), "G07").message


@pytest.mark.parametrize(
    "changes",
    [
        {"alarms": None},
        {"alarms": (ALARM._replace(subscribers=None),)},
        {"alarms": (ALARM._replace(subscribers=0), ALARM)},
        {"pattern": SIGN_IN.replace('!= "Yes"', '= "No"')},
        {"pattern": SIGN_IN.replace('type = "IAMUser"', 'type != "AssumedRole"')},
        {"pattern": SIGN_IN.replace('"ConsoleLogin")', "ConsoleLogin)")},
    ],
)
def test_g07_near_miss(changes: Any) -> None:
    filters = tuple(one._replace(**changes) for one in watched().metric_filters)
    assert rules(watched(metric_filters=filters)) == []


def test_g07_one_good_filter_is_enough() -> None:
    good = watched().metric_filters
    assert rules(watched(metric_filters=(good[0]._replace(name="old", alarms=()), *good))) == []


def test_a_policy_in_use_is_not_judged_again_as_if_it_were_nobodys() -> None:
    account = managed(self_management(add=("iam:DeactivateMFADevice",)))
    two = {"alice": account.users["alice"], "bob": user("bob", attached=(POLICY,))}
    assert rules(account._replace(users=two)) == ["G01"]
