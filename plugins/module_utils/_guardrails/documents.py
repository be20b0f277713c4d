# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardrails as data: what is put into an account, for its partition and its owner's choices.

Private to this collection. Each text here is what the role mfa_guardrails applies, what the proof judges, and what
drift is measured against.

The self-management policy is the one that AWS documents for users who manage their own MFA devices: a device may bear
any name (``mfa/*``), what acts on a user is limited to ``user/${aws:username}``, to deactivate takes MFA, and without
MFA everything is denied but what gets a user to it. Nothing in it deletes a device (``mfa/*`` would be everybody's),
and nothing that MFA opens is granted by it.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

__all__ = [
    "ALARM_NAMESPACE",
    "CONFIG_RULES",
    "ENROLMENTS",
    "NEEDED",
    "PARTS",
    "SENSITIVE",
    "SIGN_IN_PATTERN",
    "Choices",
    "Names",
    "config_rules_of",
    "documents_of",
    "names_of",
]

PARTS = ("self_management", "resync_only", "scp", "config_rules", "login_alarm")
#: Who enrols a user's first device: whoever has the user's keys or password, the password alone, or an administrator.
ENROLMENTS = ("keys", "console", "administrator")

Policy = Dict[str, Any]

_VERSION = "2012-10-17"
_PRESENT = "aws:MultiFactorAuthPresent"
_ENROL = ("iam:CreateVirtualMFADevice", "iam:EnableMFADevice")
_LOOK = ("iam:GetMFADevice", "iam:GetUser", "iam:ListMFADevices")
#: What a user without MFA has to be able to ask for, to get to it and to keep a device in step.
NEEDED = (*_ENROL, "iam:ListMFADevices", "iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken")

#: What takes MFA under the service control policy, unless the owner says otherwise: who may do what, what shows what
#: was done, keys of data, and to become a role. Stacks belong here because services that act for a user are spared,
#: and GetFederationToken, since the federated user that it makes is no IAM user any more, and not bound.
SENSITIVE = (
    "cloudformation:CreateStack",
    "cloudformation:CreateStackSet",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:UpdateStack",
    "cloudformation:UpdateStackSet",
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "config:DeleteConfigRule",
    "config:DeleteConfigurationRecorder",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "guardduty:UpdateDetector",
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateUser",
    "iam:DeactivateMFADevice",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteVirtualMFADevice",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "organizations:LeaveOrganization",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "sts:AssumeRole",
    "sts:GetFederationToken",
)

#: Managed rules of AWS Config, by identifier: the rule's name, and what it reports.
CONFIG_RULES = {
    "IAM_USER_MFA_ENABLED": ("iam-users", "IAM users without an MFA device"),
    "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS": (
        "console-users",
        "users with a console password and no MFA device",
    ),
    "ROOT_ACCOUNT_MFA_ENABLED": ("root", "a root user without MFA"),
    "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED": (
        "root-hardware",
        "a root user whose MFA is a virtual device",
    ),
}
# AWS offers the rules on root in its commercial partition only.
_ROOT_RULES = ("ROOT_ACCOUNT_MFA_ENABLED", "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED")

#: Successful sign-ins of IAM users and root without MFA. Filters compare by case, and CloudTrail writes Yes for users
#: and YES for root. A sign-in through IAM Identity Center or another provider always says No, and is an AssumedRole.
SIGN_IN_PATTERN = (
    '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") && '
    '($.additionalEventData.MFAUsed != "YES") && '
    '(($.userIdentity.type = "IAMUser") || ($.userIdentity.type = "Root")) && '
    '($.responseElements.ConsoleLogin = "Success") }'
)
ALARM_NAMESPACE = "SofttokenCompliance"


class Choices(NamedTuple):
    """What the owner of the account decides."""

    partition: str = "aws"
    enrolment: str = "keys"
    scp_actions: Tuple[str, ...] = SENSITIVE
    scp_exempt: Tuple[str, ...] = ()  # ARNs of IAM users, with * and ?


class Names(NamedTuple):
    """What the guardrails are called in the account."""

    self_management: str
    resync_only: str
    scp: str
    sign_in: str  # the metric filter, its metric, the alarm and the topic
    config_rules: str  # what the names of rules begin with


def names_of(prefix: str) -> Names:
    """Name everything with a prefix."""
    return Names(
        f"{prefix}self-management",
        f"{prefix}resync-only",
        f"{prefix}sensitive-actions",
        f"{prefix}sign-in-without-mfa",
        prefix,
    )


def documents_of(choices: Choices) -> Dict[str, Policy]:
    """Return the policy documents, by part."""
    return {
        "self_management": _self_management(choices),
        "resync_only": _resync_only(choices),
        "scp": _service_control(choices),
    }


def config_rules_of(partition: str) -> List[str]:
    """Return the identifiers of the managed rules that a partition has."""
    return [one for one in CONFIG_RULES if partition == "aws" or one not in _ROOT_RULES]


def _own(partition: str) -> List[str]:
    # The variable is the name alone: users with a path need the second form.
    user = f"arn:{partition}:iam::*:user"
    return [user + "/${aws:username}", user + "/*/${aws:username}"]


def _self_management(choices: Choices) -> Policy:
    enrols = choices.enrolment != "administrator"
    spared = [*(_ENROL if enrols else ()), *_LOOK, "iam:ListVirtualMFADevices", "iam:ResyncMFADevice"]
    own = [*(("iam:EnableMFADevice",) if enrols else ()), *_LOOK, "iam:ResyncMFADevice"]
    statements: List[Policy] = [
        {"Sid": "ListDevices", "Effect": "Allow", "Action": ["iam:ListVirtualMFADevices"], "Resource": "*"},
        {"Sid": "ManageOwnDevices", "Effect": "Allow", "Action": own, "Resource": _own(choices.partition)},
        {
            "Sid": "DenyAllButTheWayToMFAWithoutMFA",
            "Effect": "Deny",
            "NotAction": [*spared, "sts:GetSessionToken"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {_PRESENT: "false"}},
        },
    ]
    if enrols:
        statements[1:1] = [
            {
                "Sid": "CreateDevices",
                "Effect": "Allow",
                "Action": ["iam:CreateVirtualMFADevice"],
                "Resource": f"arn:{choices.partition}:iam::*:mfa/*",
            }
        ]
        statements.insert(
            3,
            {
                "Sid": "DeactivateOwnDevicesWithMFA",
                "Effect": "Allow",
                "Action": ["iam:DeactivateMFADevice"],
                "Resource": _own(choices.partition),
                "Condition": {"Bool": {_PRESENT: "true"}},
            },
        )
    if choices.enrolment == "console":
        # Only temporary credentials, as a console session has, carry the time of issue.
        statements.append(
            {
                "Sid": "DenyEnrolmentWithAccessKeys",
                "Effect": "Deny",
                "Action": list(_ENROL),
                "Resource": "*",
                "Condition": {"Null": {"aws:TokenIssueTime": "true"}},
            }
        )
    return {"Version": _VERSION, "Statement": statements}


def _resync_only(choices: Choices) -> Policy:
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "ResynchroniseOwnDevices",
                "Effect": "Allow",
                "Action": ["iam:ListMFADevices", "iam:ResyncMFADevice"],
                "Resource": _own(choices.partition),
            }
        ],
    }


def _service_control(choices: Choices) -> Policy:
    """Deny to IAM users alone: sessions of roles carry no MFA, and what a service does for a user says false."""
    condition: Policy = {
        "ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"},
        "BoolIfExists": {_PRESENT: "false", "aws:ViaAWSService": "false"},
    }
    if choices.scp_exempt:
        condition["ArnNotLike"] = {"aws:PrincipalArn": list(choices.scp_exempt)}
    return {
        "Version": _VERSION,
        "Statement": [
            {
                "Sid": "DenyUsersSensitiveActionsWithoutMFA",
                "Effect": "Deny",
                "Action": list(choices.scp_actions),
                "Resource": "*",
                "Condition": condition,
            }
        ],
    }
