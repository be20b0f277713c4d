# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of the audit: its public id, how bad a finding of it is, what it says, and what it has to know.

Private to this collection. Ids and severities are public: docs/rules.md lists them, and a test compares.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

from .account import ALARM_TOPICS, CREDENTIAL_REPORT, METRIC_ALARMS

__all__ = [
    "AUTHORIZATION",
    "CONFIG_RULES",
    "DEVICES",
    "FILES",
    "HOSTS",
    "METRIC_FILTERS",
    "NOT_ASKED",
    "ORGANIZATION",
    "PARTS",
    "RULES",
    "SEVERITIES",
    "SUMMARY",
    "TRAIL",
    "VIRTUAL",
    "Rule",
    "at_least",
    "severity_rank",
]

SEVERITIES = ("critical", "high", "medium", "low", "info")  # worst first

# The parts of an account, by their names in a snapshot, and in a coverage gap.
AUTHORIZATION = "authorization_details"
VIRTUAL = "virtual_mfa_devices"
DEVICES = "mfa_devices"
SUMMARY = "account_summary"
ORGANIZATION = "organization_policies"
TRAIL = "trail_events"
CONFIG_RULES = "config_rules"
METRIC_FILTERS = "metric_filters"
# What the caller hands in beside the account: without it there is nothing to look at, which is no gap.
HOSTS = "host_serials"
FILES = "files"
# The reason of a gap that the caller wanted: nothing that was asked for is missing.
NOT_ASKED = "not asked for"
PARTS = (
    AUTHORIZATION, VIRTUAL, DEVICES, SUMMARY, CREDENTIAL_REPORT, ORGANIZATION, TRAIL, CONFIG_RULES, METRIC_FILTERS,
    METRIC_ALARMS, ALARM_TOPICS, HOSTS, FILES,
)  # fmt: skip


class Rule(NamedTuple):
    """One rule.

    Without all of ``needs`` the rule can say nothing that is certainly true: it yields nothing and is unknown.
    ``also`` is where it looks besides: when some of that is missing its findings stand, but there may be more.
    """

    id: str
    severity: str  # the usual one; a finding may carry another where the catalogue's text says so
    title: str
    references: Tuple[str, ...]
    needs: Tuple[str, ...]
    also: Tuple[str, ...] = ()


def severity_rank(severity: str) -> int:
    """Return 0 for the worst severity."""
    return SEVERITIES.index(severity)


def at_least(severity: str, threshold: str) -> bool:
    """Return whether a severity is as bad as the threshold, or worse."""
    return severity_rank(severity) <= severity_rank(threshold)


_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_MFA_API = _IAM + "id_credentials_mfa_configure-api-require.html"
_KEYS = _IAM + "reference_policies_condition-keys.html"
_OPERATORS = _IAM + "reference_policies_elements_condition_operators.html"
_MULTI = _IAM + "reference_policies_condition-single-vs-multi-valued-context-keys.html"
_SELF = _IAM + "reference_policies_examples_aws_my-sec-creds-self-manage.html"
_IDENTIFIERS = _IAM + "reference_identifiers.html"
_PRINCIPAL = _IAM + "reference_policies_elements_principal.html"
_ACTIONS = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"
)
_CLI = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html"
_ASSUME = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"
_MFA = _IAM + "id_credentials_mfa.html"
_VIRTUAL = _IAM + "id_credentials_mfa_enable_virtual.html"
_SYNC = _IAM + "id_credentials_mfa_sync.html"
_LOST = _IAM + "id_credentials_mfa_lost-or-broken.html"
_EXTERNAL = _IAM + "id_roles_common-scenarios_third-party.html"
_LOGIC = _IAM + "reference_policies_evaluation-logic.html"
_TRAIL = _IAM + "cloudtrail-integration.html"
_CONSOLE = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html"
_SCP = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html"
_CONFIG = "https://docs.aws.amazon.com/config/latest/developerguide/"
_ALARM = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html"
_QUOTAS = _IAM + "reference_iam-quotas.html"
_BULLETIN = "https://aws.amazon.com/security/security-bulletins/AWS-2023-004/"

_POLICIES = (AUTHORIZATION,)


def _rules() -> Tuple[Rule, ...]:
    return (*_serial_rules(), *_condition_rules(), *_trust_rules(), *_guardrail_rules(), *_device_rules())


def _serial_rules() -> Tuple[Rule, ...]:
    anywhere = (AUTHORIZATION, ORGANIZATION, HOSTS, FILES)
    return (
        Rule("MFA-S01", "high", "MFA device does not exist", (_IDENTIFIERS, _VIRTUAL), (VIRTUAL,), anywhere),
        Rule("MFA-S02", "high", "No user holds this MFA serial any more", (_MFA,), (DEVICES,), anywhere),
        Rule("MFA-S03", "medium", "MFA device exists but is assigned to nobody", (_VIRTUAL,), (VIRTUAL,), anywhere),
        Rule(
            "MFA-S04", "high", "MFA device belongs to another user", (_ASSUME, _CLI), (VIRTUAL,), (DEVICES, *anywhere)
        ),
        Rule(
            "MFA-S05",
            "medium",
            "MFA serial nearly names an existing device",
            (_IDENTIFIERS,),
            (VIRTUAL,),
            (DEVICES, *anywhere),
        ),
        Rule("MFA-S06", "medium", "MFA device of another account or partition", (_IDENTIFIERS,), (), anywhere),
        Rule("MFA-S07", "high", "Not an MFA serial where one belongs", (_IDENTIFIERS, _CLI), (), anywhere),
        Rule(
            "MFA-S08", "medium", "mfa_serial names a FIDO key, which CLI and STS do not take", (_CLI, _ASSUME), (HOSTS,)
        ),
        Rule(
            "MFA-S09", "medium", "MFA serial is hard-coded in a self-management policy", (_SELF,), _POLICIES, (FILES,)
        ),
        Rule(
            "MFA-S10", "medium", "MFA device as Resource of an action on users", (_ACTIONS,), _POLICIES, (ORGANIZATION,)
        ),
        Rule("MFA-S11", "low", "Creation is limited to devices named after the user", (_SELF, _VIRTUAL), _POLICIES),
        Rule(
            "MFA-S12",
            "high",
            "MFA device stands where a principal belongs",
            (_PRINCIPAL, _KEYS),
            _POLICIES,
            (ORGANIZATION,),
        ),
        Rule(
            "MFA-S13",
            "medium",
            "Role profile without mfa_serial for a role that requires MFA",
            (_CLI,),
            (AUTHORIZATION, HOSTS),
        ),
        Rule(
            "MFA-S14",
            "medium",
            "CloudTrail shows an MFA serial that the account does not have",
            (_TRAIL,),
            (TRAIL, VIRTUAL),
            (DEVICES,),
        ),
    )


def _condition_rules() -> Tuple[Rule, ...]:
    also = (ORGANIZATION,)
    return (
        Rule(
            "MFA-C01",
            "high",
            "Operator of another type on aws:MultiFactorAuthAge",
            (_KEYS, _OPERATORS),
            _POLICIES,
            also,
        ),
        Rule(
            "MFA-C02",
            "high",
            "Operator or value that is no Boolean on aws:MultiFactorAuthPresent",
            (_KEYS, _OPERATORS),
            _POLICIES,
            also,
        ),
        Rule("MFA-C03", "high", "Deny with Bool does not reach access keys", (_KEYS, _MFA_API), _POLICIES, also),
        Rule(
            "MFA-C04",
            "high",
            "Allow with IfExists lets access keys pass without MFA",
            (_KEYS, _MFA_API),
            _POLICIES,
            also,
        ),
        Rule("MFA-C05", "high", "MFA condition is the wrong way round", (_KEYS,), _POLICIES, also),
        Rule(
            "MFA-C06",
            "medium",
            "Null on aws:MultiFactorAuthPresent is no test for MFA",
            (_KEYS, _OPERATORS),
            _POLICIES,
            also,
        ),
        Rule("MFA-C07", "high", "ForAllValues on an MFA key is true without it", (_MULTI,), _POLICIES, also),
        Rule("MFA-C08", "medium", "MFA condition key is misspelt or written twice", (_KEYS,), _POLICIES, also),
        Rule("MFA-C09", "medium", "aws:MultiFactorAuthAge has a value that makes no sense", (_KEYS,), _POLICIES, also),
        Rule(
            "MFA-C10",
            "high",
            "Deny on the age of MFA alone does not reach requests without MFA",
            (_KEYS, _MFA_API),
            _POLICIES,
            also,
        ),
        Rule("MFA-C11", "low", "Boolean condition with several values", (_OPERATORS,), _POLICIES, also),
        Rule(
            "MFA-C12",
            "high",
            "MFA is required together with something that never carries it",
            (_KEYS, _MFA_API),
            _POLICIES,
            also,
        ),
    )


def _trust_rules() -> Tuple[Rule, ...]:
    return (
        Rule("MFA-T01", "medium", "Role can be assumed without MFA", (_MFA_API, _ASSUME), _POLICIES, (ORGANIZATION,)),
        Rule("MFA-T02", "critical", "Another statement allows the same without MFA", (_LOGIC, _MFA_API), _POLICIES),
        Rule(
            "MFA-T03",
            "high",
            "MFA is required of a principal that can never present it",
            (_MFA_API, _PRINCIPAL),
            _POLICIES,
        ),
        Rule("MFA-T04", "high", "MFA is required of a role's sessions, which carry none", (_KEYS, _MFA_API), _POLICIES),
        Rule("MFA-T05", "high", "Trusted principal was deleted", (_PRINCIPAL, _IDENTIFIERS), _POLICIES),
        Rule(
            "MFA-T06",
            "medium",
            "Trusted user has no device that makes codes",
            (_ASSUME, _CLI),
            (AUTHORIZATION, VIRTUAL, DEVICES),
        ),
        Rule("MFA-T07", "info", "MFA of a third party is in that party's hands", (_EXTERNAL,), _POLICIES),
    )


def _guardrail_rules() -> Tuple[Rule, ...]:
    return (
        Rule(
            "MFA-G01",
            "critical",
            "MFA devices can be removed without MFA",
            (_SELF, _MFA_API),
            _POLICIES,
            (ORGANIZATION,),
        ),
        Rule(
            "MFA-G02",
            "high",
            "Deny without MFA leaves out too little or too much",
            (_SELF,),
            _POLICIES,
            (ORGANIZATION,),
        ),
        Rule("MFA-G03", "high", "Self-management reaches other users", (_SELF,), _POLICIES),
        Rule(
            "MFA-G04",
            "high",
            "Service control policy on MFA misses or hits the wrong principals",
            (_SCP, _KEYS),
            (ORGANIZATION,),
        ),
        Rule(
            "MFA-G05",
            "medium",
            "Access keys alone can enrol the MFA that gives privileges",
            (_BULLETIN, _SELF),
            (AUTHORIZATION, VIRTUAL, DEVICES),
            (ORGANIZATION,),
        ),
        Rule(
            "MFA-G06",
            "medium",
            "AWS Config rule for MFA is missing",
            (_CONFIG + "mfa-enabled-for-iam-console-access.html", _CONFIG + "root-account-mfa-enabled.html"),
            (CONFIG_RULES,),
        ),
        Rule(
            "MFA-G07",
            "medium",
            "Nobody is told of sign-ins without MFA",
            (_ALARM, _CONSOLE),
            (METRIC_FILTERS,),
            (METRIC_ALARMS, ALARM_TOPICS),
        ),
    )


def _device_rules() -> Tuple[Rule, ...]:
    return (
        Rule(
            "MFA-D01",
            "high",
            "Root user has no MFA, or virtual MFA only",
            (_IAM + "root-user-best-practices.html",),
            (SUMMARY, VIRTUAL),
            (CREDENTIAL_REPORT,),
        ),
        Rule("MFA-D02", "high", "User without MFA", (_MFA,), (AUTHORIZATION, CREDENTIAL_REPORT), (VIRTUAL, DEVICES)),
        Rule("MFA-D03", "medium", "MFA device has long been assigned to nobody", (_VIRTUAL,), (VIRTUAL,)),
        Rule(
            "MFA-D04", "low", "User has no spare MFA device, no room for one, or SMS", (_MFA, _LOST), (VIRTUAL, DEVICES)
        ),
        Rule("MFA-D05", "medium", "MFA codes are refused again and again", (_SYNC, _CONSOLE), (TRAIL,)),
        Rule("MFA-D06", "high", "Seed of an MFA device lies in clear", (_VIRTUAL,), (FILES,)),
        Rule("MFA-D07", "medium", "Corrected policy exceeds the size quota", (_QUOTAS,), _POLICIES, (ORGANIZATION,)),
    )


RULES: Dict[str, Rule] = {rule.id: rule for rule in _rules()}
