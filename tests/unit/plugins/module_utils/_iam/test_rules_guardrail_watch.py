"""MFA-G06 and MFA-G07, what watches the account: for each a fault, a sound account, and one that only looks faulty."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import (
    Account,
    Alarm,
    ConfigRule,
    CoverageGap,
    MetricFilter,
)

from tests.rigs.iam_rules import ACCOUNT, ROOT, only, rules

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
