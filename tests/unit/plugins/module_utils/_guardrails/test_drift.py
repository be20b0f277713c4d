"""Drift: each thing in place, missing, changed or not read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.documents import (
    ALARM_NAMESPACE,
    CONFIG_RULES,
    PARTS,
    SIGN_IN_PATTERN,
    Choices,
    config_rules_of,
    documents_of,
    names_of,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails.drift import (
    Delivery,
    Item,
    State,
    Wanted,
    compare,
)

NAMES = names_of("g-")
DOCUMENTS = documents_of(Choices())
TOPIC = "arn:aws:sns:us-east-1:123456789012:g-sign-in-without-mfa"
MAIL = ("email", "sec@example.com")
WANTED = Wanted(
    PARTS, NAMES, DOCUMENTS, {"self_management": ("people",)}, ("ou-1",), tuple(config_rules_of("aws")), (MAIL,)
)


def rule(identifier: str, **more: Any) -> dict[str, Any]:
    name = f"g-{CONFIG_RULES[identifier][0]}"
    return {"ConfigRuleName": name, "Source": {"Owner": "AWS", "SourceIdentifier": identifier}, **more}


IN_PLACE = State(
    policies={
        NAMES.self_management: (DOCUMENTS["self_management"], ("people", "others")),
        NAMES.resync_only: (DOCUMENTS["resync_only"], ()),
    },
    scp=(DOCUMENTS["scp"], ("ou-1", "ou-2")),
    config_rules=tuple(rule(one, ConfigRuleState="ACTIVE") for one in CONFIG_RULES),
    metric_filter={
        "filterPattern": SIGN_IN_PATTERN,
        "metricTransformations": [
            {"metricNamespace": ALARM_NAMESPACE, "metricName": NAMES.sign_in, "metricValue": "1"}
        ],
    },
    alarm={
        "Namespace": ALARM_NAMESPACE, "MetricName": NAMES.sign_in,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1.0, "Period": 300,
        "EvaluationPeriods": 1, "Statistic": "Sum", "ActionsEnabled": True,
        "AlarmActions": [TOPIC, "arn:aws:sns:us-east-1:123456789012:other"],
    },
    topic=TOPIC,
    has_topic=True,
    subscriptions=(MAIL,),
    log_group="trail",
    delivery=Delivery("main", logging=True),
)  # fmt: skip


def transformed(**changes: Any) -> dict[str, Any]:
    found = IN_PLACE.metric_filter or {}
    return {**found, "metricTransformations": [{**found["metricTransformations"][0], **changes}]}


def wrong_of(wanted: Wanted, state: State) -> list[Item]:
    return [item for item in compare(wanted, state) if item.state != "in_place"]


def wrong(state: State) -> list[Item]:
    return wrong_of(WANTED, state)


def test_everything_is_in_place() -> None:
    assert wrong(IN_PLACE) == []
    assert {item.part for item in compare(WANTED, IN_PLACE)} == set(PARTS)


def test_an_empty_account_has_none_of_it() -> None:
    items = compare(WANTED, State(log_group="trail", topic=TOPIC))
    assert {item.state for item in items if item.key != "trail"} == {"missing"}
    assert len(items) == 12


@pytest.mark.parametrize(
    ("change", "key", "state", "told"),
    [
        (
            {"policies": {**IN_PLACE.policies, NAMES.resync_only: (DOCUMENTS["scp"], ())}},
            "resync_only", "drifted", "text",
        ),
        (
            {"policies": {**IN_PLACE.policies, NAMES.self_management: (DOCUMENTS["self_management"], ())}},
            "self_management_group", "missing", "people does not have",
        ),
        ({"scp": (DOCUMENTS["scp"], ())}, "scp", "drifted", "not attached to ou-1"),
        ({"scp": (DOCUMENTS["resync_only"], ("ou-1",))}, "scp", "drifted", "text"),
        ({"config_rules": IN_PLACE.config_rules[1:]}, "IAM_USER_MFA_ENABLED", "missing", "not there"),
        (
            {"config_rules": (*IN_PLACE.config_rules[1:], rule("IAM_USER_MFA_ENABLED", ConfigRuleState="DELETING"))},
            "IAM_USER_MFA_ENABLED", "drifted", "DELETING",
        ),
        (
            {"metric_filter": {**(IN_PLACE.metric_filter or {}), "filterPattern": SIGN_IN_PATTERN.lower()}},
            "metric_filter", "drifted", "pattern",
        ),
        ({"metric_filter": transformed(metricValue="0")}, "metric_filter", "drifted", "value"),
        ({"metric_filter": transformed(dimensions={"a": "$.b"})}, "metric_filter", "drifted", "dimensions"),
        ({"alarm": {**(IN_PLACE.alarm or {}), "Dimensions": [{"Name": "a", "Value": "b"}]}}, "alarm", "drifted", "dim"),
        ({"alarm": {**(IN_PLACE.alarm or {}), "ActionsEnabled": False}}, "alarm", "drifted", "enabled"),
        ({"alarm": {**(IN_PLACE.alarm or {}), "AlarmActions": []}}, "alarm", "drifted", "action"),
        ({"alarm": {**(IN_PLACE.alarm or {}), "Threshold": 100.0}}, "alarm", "drifted", "threshold"),
        ({"subscriptions": ()}, "topic", "drifted", "is not subscribed"),
        ({"log_group": "", "no_log_group": "no trail"}, "metric_filter", "unknown", "no trail"),
        ({"delivery": Delivery("main", logging=False)}, "trail", "drifted", "main is stopped"),
        ({"delivery": Delivery("main", reason="AccessDenied")}, "trail", "unknown", "AccessDenied"),
        (
            {"delivery": Delivery("main", logging=True, error="AccessDenied")},
            "trail", "drifted", "the trail main cannot deliver to trail: AccessDenied",
        ),
        (
            {"delivery": Delivery("main", logging=True, one_region=True)},
            "trail", "drifted", "the trail main is of one region",
        ),
        ({"delivery": None}, "trail", "unknown", "no trail of this account delivers to the log group trail"),
    ],
)  # fmt: skip
def test_one_thing_is_off(change: dict[str, Any], key: str, state: str, told: str) -> None:
    [item] = wrong(IN_PLACE._replace(**change))
    assert (item.key, item.state) == (key, state)
    assert told in " ".join(item.details)


def test_a_rule_may_bear_any_name() -> None:
    renamed = tuple({**one, "ConfigRuleName": f"theirs-{number}"} for number, one in enumerate(IN_PLACE.config_rules))
    state = IN_PLACE._replace(config_rules=renamed)
    assert wrong(state) == []
    assert "theirs-0" in [item.name for item in compare(WANTED, state)]


def test_ones_own_rule_is_the_one_that_is_named_whatever_checks_the_same() -> None:
    theirs = {**IN_PLACE.config_rules[0], "ConfigRuleName": "a-rule-of-theirs"}
    state = IN_PLACE._replace(config_rules=(theirs, *IN_PLACE.config_rules))
    names = [item.name for item in compare(WANTED, state) if item.part == "config_rules"]
    assert "g-iam-users" in names
    assert "a-rule-of-theirs" not in names
    resting = {**theirs, "ConfigRuleState": "DELETING_RESULTS"}
    [item] = wrong(IN_PLACE._replace(config_rules=(resting, *IN_PLACE.config_rules[1:])))
    assert (item.state, item.name) == ("missing", "g-iam-users")  # theirs is not made anew


def taken(source: dict[str, Any], **more: Any) -> State:
    theirs = {"ConfigRuleName": "g-iam-users", "Source": source, "ConfigRuleState": "ACTIVE", **more}
    return IN_PLACE._replace(config_rules=(theirs, *IN_PLACE.config_rules[1:]))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"}, "ACCESS_KEYS_ROTATED"),
        ({"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": "arn:aws:lambda:eu-west-1:1:function:f"}, "function:f"),
        ({"Owner": "CUSTOM_POLICY"}, "CUSTOM_POLICY"),
    ],
)
def test_a_rule_of_ones_name_that_checks_something_else_is_somebody_elses(source: dict[str, Any], told: str) -> None:
    [item] = wrong(taken(source))
    assert (item.key, item.name, item.state) == ("IAM_USER_MFA_ENABLED", "g-iam-users", "foreign")
    assert told in item.details[0]
    assert "name_prefix" in item.details[0]
    assert item.before == {"ConfigRuleName": "g-iam-users", "Source": source, "ConfigRuleState": "ACTIVE"}


def test_a_rule_of_ones_name_is_nobodys_business_where_another_checks_the_same() -> None:
    state = taken({"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"})
    same = {**IN_PLACE.config_rules[0], "ConfigRuleName": "theirs"}
    assert wrong(state._replace(config_rules=(*state.config_rules, same))) == []


def test_a_policy_of_ones_name_under_another_path_is_somebody_elses() -> None:
    arn = "arn:aws:iam::123456789012:policy/team/g-self-management"
    others = {name: held for name, held in IN_PLACE.policies.items() if name != NAMES.self_management}
    items = wrong(IN_PLACE._replace(policies=others, elsewhere={NAMES.self_management: arn}))
    assert [(item.key, item.state) for item in items] == [
        ("self_management", "foreign"), ("self_management_group", "missing"),
    ]  # fmt: skip
    assert arn in items[0].details[0]


def test_who_else_hears_of_an_alarm_goes_on_to() -> None:
    [alarm] = wrong(IN_PLACE._replace(alarm={**(IN_PLACE.alarm or {}), "AlarmActions": ["arn:theirs"]}))
    assert (alarm.after or {})["action"] == ["arn:theirs", TOPIC]
    [alarm] = wrong(IN_PLACE._replace(alarm={**(IN_PLACE.alarm or {}), "Threshold": 9.0}))
    assert (alarm.after or {})["action"] == (IN_PLACE.alarm or {})["AlarmActions"]


def test_a_service_control_policy_that_is_attached_to_nothing_is_not_in_place() -> None:
    nowhere = IN_PLACE._replace(scp=(DOCUMENTS["scp"], ()))
    states = {item.key: item for item in compare(WANTED._replace(scp_targets=()), nowhere)}
    assert states["scp"].state == "drifted"
    assert "binds nobody" in states["scp"].details[0]
    assert compare(WANTED._replace(parts=("scp",), scp_targets=()), IN_PLACE)[0].state == "in_place"


def test_what_was_not_read_is_unknown_and_never_in_place() -> None:
    state = IN_PLACE._replace(unread={"config_rules": "config:DescribeConfigRules failed: AccessDeniedException"})
    [item] = wrong(state)
    assert (item.part, item.state) == ("config_rules", "unknown")
    assert "AccessDenied" in item.details[0]


def test_an_alarm_that_nobody_hears_is_no_alarm() -> None:
    [item] = [
        one
        for one in compare(WANTED._replace(subscriptions=()), IN_PLACE._replace(subscriptions=()))
        if one.state != "in_place"
    ]
    assert "nobody" in item.details[0]


def test_keys_in_addresses_of_the_web_are_not_shown() -> None:
    hooks = tuple(("https", f"https://{one}") for one in ("me:k3y@a.example", "b.example/k3y", "c.example?k=k3y"))
    [item] = wrong_of(WANTED._replace(subscriptions=hooks), IN_PLACE)
    shown = str(item)
    assert "k3y" not in shown
    assert all(f"https://{host}/..." in shown for host in ("a.example", "b.example", "c.example"))


def test_who_has_not_confirmed_is_named() -> None:
    state = IN_PLACE._replace(pending=("sec@example.com",))
    [topic] = [item for item in compare(WANTED, state) if item.key == "topic"]
    assert topic.state == "in_place"
    assert topic.details == ("sec@example.com has not confirmed the subscription yet",)
