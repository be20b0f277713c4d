# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the guardrails is in the account, what is not, and what has been changed there.

Private to this collection. ``State`` is what was read; a part that could not be read is unknown with its reason, and
never in place.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.digest import digest

from .documents import ALARM_NAMESPACE, CONFIG_RULES, SIGN_IN_PATTERN, Names, Policy

__all__ = ["Delivery", "Item", "State", "Wanted", "compare"]

IN_PLACE, MISSING, DRIFTED, UNKNOWN = "in_place", "missing", "drifted", "unknown"
FOREIGN = "foreign"  # what bears the name is something else, and somebody else's
_ANOTHER_NAME = "it is not touched: take it away, rename it, or choose another name_prefix"


class Item(NamedTuple):
    """One thing that is to be in the account. ``key`` names it for the role, ``details`` say what is not as wanted."""

    part: str
    key: str
    name: str
    state: str
    details: Tuple[str, ...] = ()
    before: Optional[Any] = None
    after: Optional[Any] = None


class Delivery(NamedTuple):
    """The trail that fills a log group, and whether it is logging; None is not known, for a reason.

    ``error`` is why no record reaches the log group. CloudTrail's troubleshooting page: the status holds
    LatestCloudWatchLogsDeliveryError where there is a failure. It bears no time, so that no delivery outdates it.
    """

    trail: str
    logging: Optional[bool] = None
    reason: str = ""
    error: str = ""
    one_region: bool = False

    @property
    def works(self) -> Optional[bool]:
        """Whether all records reach the log group; None is not known."""
        return self.logging and not (self.error or self.one_region)


class State(NamedTuple):
    """What the account has, by name; ``unread`` holds the reason for each part that could not be read."""

    policies: Mapping[str, Tuple[Policy, Tuple[str, ...]]] = {}  # text in force, and groups that have it
    elsewhere: Mapping[str, str] = {}  # ARNs of policies of these names under another path, by name
    scp: Optional[Tuple[Policy, Tuple[str, ...]]] = None  # text, and targets
    config_rules: Sequence[Mapping[str, Any]] = ()
    metric_filter: Optional[Mapping[str, Any]] = None
    alarm: Optional[Mapping[str, Any]] = None
    topic: str = ""  # its ARN, whether it is there or not
    has_topic: bool = False
    subscriptions: Tuple[Tuple[str, str], ...] = ()
    pending: Tuple[str, ...] = ()  # endpoints that have not confirmed
    log_group: str = ""
    no_log_group: str = ""  # why there is none
    delivery: Optional[Delivery] = None  # None: no trail of the account delivers to the log group
    unread: Mapping[str, str] = {}


class Wanted(NamedTuple):
    """What is to be there."""

    parts: Tuple[str, ...]
    names: Names
    documents: Mapping[str, Policy]
    groups: Mapping[str, Tuple[str, ...]]  # by part
    scp_targets: Tuple[str, ...]
    config_rules: Tuple[str, ...]
    subscriptions: Tuple[Tuple[str, str], ...]


def compare(wanted: Wanted, state: State) -> List[Item]:
    """Compare part by part, in the order in which they are applied."""
    judges = {
        "self_management": lambda: _identity_policy("self_management", wanted.names.self_management, wanted, state),
        "resync_only": lambda: _identity_policy("resync_only", wanted.names.resync_only, wanted, state),
        "scp": lambda: _service_control(wanted, state),
        "config_rules": lambda: _config_rules(wanted, state),
        "login_alarm": lambda: _login_alarm(wanted, state),
    }
    items: List[Item] = []
    for part in wanted.parts:
        reason = state.unread.get(part)
        items.extend([Item(part, part, part, UNKNOWN, (reason,))] if reason else judges[part]())
    return items


def _item(part: str, key: str, name: str, faults: Sequence[str], before: Any, after: Any) -> Item:
    state = MISSING if before is None else DRIFTED if faults else IN_PLACE
    details = ("it is not there",) if before is None else tuple(faults)
    shown = (None, None) if state == IN_PLACE else (before, after)
    return Item(part, key, name, state, details, *shown)


def _identity_policy(part: str, name: str, wanted: Wanted, state: State) -> Iterator[Item]:
    found = state.policies.get(name)
    after = wanted.documents[part]
    other = state.elsewhere.get(name)
    if other is None or found:
        yield _item(part, part, name, _text_faults(found and found[0], after), found[0] if found else None, after)
    else:
        why = f"{other} bears its name under a path, and a name is there once in an account; {_ANOTHER_NAME}"
        yield Item(part, part, name, FOREIGN, (why,), other, after)
    has = found[1] if found else ()
    for group in wanted.groups.get(part, ()):
        faults = [] if group in has else [f"the group {group} does not have the policy {name}"]
        yield Item(part, f"{part}_group", group, MISSING if faults else IN_PLACE, tuple(faults))


def _service_control(wanted: Wanted, state: State) -> Iterator[Item]:
    after: Dict[str, Any] = {"document": wanted.documents["scp"], "targets": list(wanted.scp_targets)}
    if state.scp is None:
        yield _item("scp", "scp", wanted.names.scp, (), None, after)
        return
    text, targets = state.scp
    faults = _text_faults(text, wanted.documents["scp"])
    faults += [f"it is not attached to {one}" for one in wanted.scp_targets if one not in targets]
    if not (targets or wanted.scp_targets):
        faults.append("it is attached to nothing, and binds nobody: name roots, units or accounts (scp_targets)")
    yield _item("scp", "scp", wanted.names.scp, faults, {"document": text, "targets": list(targets)}, after)


def _text_faults(before: Optional[Policy], after: Policy) -> List[str]:
    if before is None or digest(before) == digest(after):
        return []
    return ["its text was changed"]


def _config_rules(wanted: Wanted, state: State) -> Iterator[Item]:
    """Compare by what a rule checks: it may bear any name. One of another name that rests is nobody's business."""
    for identifier in wanted.config_rules:
        name = wanted.names.config_rules + CONFIG_RULES[identifier][0]
        same = [
            one
            for one in state.config_rules
            if one.get("Source", {}).get("SourceIdentifier") == identifier
            and (_is_active(one) or one.get("ConfigRuleName") == name)
        ]
        # One's own is what is taken away, whatever else there is.
        same.sort(key=lambda one: one.get("ConfigRuleName") != name)
        active = [one for one in same if _is_active(one)]
        before = same[0] if same else None
        shown = before["ConfigRuleName"] if before else name
        after = {"name": shown, "identifier": identifier}
        taken = [one for one in state.config_rules if before is None and one.get("ConfigRuleName") == name]
        if taken:
            yield Item("config_rules", identifier, name, FOREIGN, (_checks(taken[0]),), _kept(taken[0]), after)
            continue
        faults = [] if active else [f"it is {one.get('ConfigRuleState')}" for one in same]
        yield _item("config_rules", identifier, shown, faults, before and _kept(before), after)


def _kept(rule: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: rule.get(key) for key in ("ConfigRuleName", "Source", "ConfigRuleState")}


def _checks(rule: Mapping[str, Any]) -> str:
    source = rule.get("Source", {})
    what = " ".join(source[key] for key in ("Owner", "SourceIdentifier") if source.get(key))
    return f"a rule of that name checks something else ({what}); {_ANOTHER_NAME}"


def _is_active(rule: Mapping[str, Any]) -> bool:
    return rule.get("ConfigRuleState", "ACTIVE") in ("ACTIVE", "EVALUATING")


def _login_alarm(wanted: Wanted, state: State) -> Iterator[Item]:
    name = wanted.names.sign_in
    yield _topic(wanted, state, name)
    if state.log_group:
        yield _trail(state)
        yield _filter(state, name)
    else:
        yield Item("login_alarm", "metric_filter", name, UNKNOWN, (state.no_log_group,))
    yield _alarm(state, name)


def _topic(wanted: Wanted, state: State, name: str) -> Item:
    after = {"subscriptions": _shown(wanted.subscriptions)}
    lost = [one for one in wanted.subscriptions if one not in state.subscriptions]
    faults = [f"{endpoint} ({protocol}) is not subscribed" for protocol, endpoint in _shown(lost)]
    if state.has_topic and not (state.subscriptions or wanted.subscriptions):
        faults.append("nobody is subscribed, so that nobody hears of the alarm")
    before = {"subscriptions": _shown(state.subscriptions)} if state.has_topic else None
    item = _item("login_alarm", "topic", name, faults, before, after)
    waiting = tuple([f"{_masked(endpoint)} has not confirmed the subscription yet" for endpoint in state.pending])
    return item._replace(details=(*item.details, *waiting))


def _shown(subscriptions: Sequence[Tuple[str, str]]) -> List[List[str]]:
    return [[protocol, _masked(endpoint)] for protocol, endpoint in subscriptions]


def _masked(endpoint: str) -> str:
    """Leave of an address of the web its host: the rest often holds a key."""
    scheme, web, rest = endpoint.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/..." if web and host != rest else endpoint


def _trail(state: State) -> Item:
    """Judge what fills the log group: a filter counts nothing where no records come."""
    group, found = state.log_group, state.delivery
    if found is None:
        why = f"no trail of this account delivers to the log group {group}, so that it is not known what comes there"
        return Item("login_alarm", "trail", group, UNKNOWN, (why,))
    if found.logging is None:
        why = f"whether the trail {found.trail} is logging is not known: {found.reason}"
        return Item("login_alarm", "trail", found.trail, UNKNOWN, (why,))
    before = {"logging": found.logging, "error": found.error, "all_regions": not found.one_region}
    after = {"logging": True, "error": "", "all_regions": True}
    return _item("login_alarm", "trail", found.trail, list(_trail_faults(found, group)), before, after)


def _trail_faults(found: Delivery, group: str) -> Iterator[str]:
    if not found.logging:
        yield (
            f"the trail {found.trail} is stopped, so that no sign-in is counted: start it (cloudtrail:StartLogging). "
            "The trail is not one of the guardrails, and is not started with them"
        )
    if found.error:
        yield (
            f"the trail {found.trail} cannot deliver to {group}: {found.error}. No sign-in is counted meanwhile: see "
            "that the log group and the trail's role for CloudWatch Logs are there, and that the role may write to it"
        )
    if found.one_region:
        yield (
            f"the trail {found.trail} is of one region, and the region of a sign-in varies, so that most are missed: "
            "make it a trail of all regions (cloudtrail:UpdateTrail)"
        )


def _filter(state: State, name: str) -> Item:
    after = {
        "pattern": SIGN_IN_PATTERN,
        "log_group": state.log_group,
        "metric": f"{ALARM_NAMESPACE}/{name}",
        "value": "1",
        "dimensions": {},
    }
    found = state.metric_filter
    before = None
    if found is not None:
        metric = (found.get("metricTransformations") or [{}])[0]
        before = {
            "pattern": found.get("filterPattern", ""),
            "log_group": state.log_group,
            "metric": f"{metric.get('metricNamespace')}/{metric.get('metricName')}",
            "value": metric.get("metricValue"),
            "dimensions": metric.get("dimensions") or {},
        }
    faults = [f"its {key} was changed" for key in after if before is not None and before[key] != after[key]]
    return _item("login_alarm", "metric_filter", name, faults, before, after)


def _alarm(state: State, name: str) -> Item:
    after: Dict[str, Any] = {
        "metric": f"{ALARM_NAMESPACE}/{name}",
        "comparison": "GreaterThanOrEqualToThreshold",
        "threshold": 1.0,
        "period": 300,
        "evaluation_periods": 1,
        "statistic": "Sum",
        "enabled": True,
        "dimensions": [],
        "action": [state.topic],
    }
    found = state.alarm
    before: Optional[Dict[str, Any]] = None
    if found is not None:
        actions = list(found.get("AlarmActions") or ())
        before = {
            "metric": f"{found.get('Namespace')}/{found.get('MetricName')}",
            "comparison": found.get("ComparisonOperator"),
            "threshold": found.get("Threshold"),
            "period": found.get("Period"),
            "evaluation_periods": found.get("EvaluationPeriods"),
            "statistic": found.get("Statistic"),
            "enabled": found.get("ActionsEnabled", True),
            "dimensions": list(found.get("Dimensions") or ()),
            "action": actions,
        }
        # Others may be told as well, and go on to be.
        after["action"] = actions if state.topic in actions else [*actions, state.topic]
    faults = [f"its {key} was changed" for key in after if before is not None and before[key] != after[key]]
    return _item("login_alarm", "alarm", name, faults, before, after)
