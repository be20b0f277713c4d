# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From AWS's answers to the entries of a snapshot: only what the audit reads is kept.

Private to this collection. Tags, descriptions, access key ids, seeds, addresses of callers and of subscribers stay out:
a snapshot is a file that people hand around.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Union

__all__ = [
    "ALARM",
    "CONFIG_RULE",
    "DETAILS",
    "DEVICE",
    "DIAGNOSIS_EVENT",
    "METRIC_FILTER",
    "SUBSCRIPTION",
    "TRAIL_EVENT",
    "VIRTUAL",
    "keep",
    "moment",
]

# What to keep of an entry: of each key either everything (True), or of the object or of each object in the array that
# stands there only some keys again.
Shape = Mapping[str, Union[bool, "Shape"]]

_ATTACHED: Shape = {"PolicyName": True, "PolicyArn": True}
_INLINE: Shape = {"PolicyName": True, "PolicyDocument": True}
_BOUNDARY: Shape = {"PermissionsBoundaryType": True, "PermissionsBoundaryArn": True}

DETAILS: Mapping[str, Shape] = {
    "UserDetailList": {
        "Path": True,
        "UserName": True,
        "UserId": True,
        "Arn": True,
        "CreateDate": True,
        "UserPolicyList": _INLINE,
        "GroupList": True,
        "AttachedManagedPolicies": _ATTACHED,
        "PermissionsBoundary": _BOUNDARY,
    },
    "GroupDetailList": {
        "Path": True,
        "GroupName": True,
        "GroupId": True,
        "Arn": True,
        "CreateDate": True,
        "GroupPolicyList": _INLINE,
        "AttachedManagedPolicies": _ATTACHED,
    },
    "RoleDetailList": {
        "Path": True,
        "RoleName": True,
        "RoleId": True,
        "Arn": True,
        "CreateDate": True,
        "AssumeRolePolicyDocument": True,
        "InstanceProfileList": {"InstanceProfileName": True, "Arn": True},
        "RolePolicyList": _INLINE,
        "AttachedManagedPolicies": _ATTACHED,
        "PermissionsBoundary": _BOUNDARY,
    },
    "Policies": {
        "PolicyName": True,
        "PolicyId": True,
        "Arn": True,
        "Path": True,
        "DefaultVersionId": True,
        "PolicyVersionList": {"Document": True, "VersionId": True, "IsDefaultVersion": True},
    },
}
VIRTUAL: Shape = {"SerialNumber": True, "User": {"UserName": True, "UserId": True, "Arn": True}, "EnableDate": True}
DEVICE: Shape = {"UserName": True, "SerialNumber": True, "EnableDate": True}
CONFIG_RULE: Shape = {
    "ConfigRuleName": True,
    "ConfigRuleArn": True,
    "Source": {"Owner": True, "SourceIdentifier": True},
    "ConfigRuleState": True,
}
METRIC_FILTER: Shape = {
    "filterName": True,
    "filterPattern": True,
    "logGroupName": True,
    "metricTransformations": {"metricName": True, "metricNamespace": True},
}
ALARM: Shape = {
    "AlarmName": True,
    "AlarmArn": True,
    "ActionsEnabled": True,
    "AlarmActions": True,
    "MetricName": True,
    "Namespace": True,
}
SUBSCRIPTION: Shape = {"SubscriptionArn": True, "Protocol": True}
TRAIL_EVENT: Shape = {
    "eventID": True,
    "eventTime": True,
    "eventSource": True,
    "eventName": True,
    "awsRegion": True,
    "recipientAccountId": True,
    "errorCode": True,
    "errorMessage": True,
    "userIdentity": {
        "type": True,
        "arn": True,
        "accountId": True,
        "userName": True,
        "sessionContext": {
            "attributes": {"mfaAuthenticated": True},
            "sessionIssuer": {"type": True, "arn": True, "userName": True},
        },
    },
    "requestParameters": {
        "serialNumber": True,
        "roleArn": True,
        "roleSessionName": True,
        "userName": True,
        "virtualMFADeviceName": True,
        "path": True,
    },
    "responseElements": {"ConsoleLogin": True, "virtualMFADevice": {"serialNumber": True}},
    "additionalEventData": {"MFAUsed": True, "MFAIdentifier": True, "MobileVersion": True},
}
# What a diagnosis reads beside that: what became of policies, and where from a request came. It is in no snapshot.
DIAGNOSIS_EVENT: Shape = {
    **TRAIL_EVENT,
    "sourceIPAddress": True,
    "userIdentity": {
        "type": True,
        "arn": True,
        "accountId": True,
        "userName": True,
        "accessKeyId": True,  # leads from a session of a role to the user who opened it
        "sessionContext": {
            "attributes": {"mfaAuthenticated": True},
            "sessionIssuer": {"type": True, "arn": True, "userName": True},
            "sourceIdentity": True,
        },
    },
    "responseElements": {
        "ConsoleLogin": True,
        "virtualMFADevice": {"serialNumber": True},
        "credentials": {"accessKeyId": True},
    },
    "requestParameters": {
        "serialNumber": True,
        "roleArn": True,
        "roleSessionName": True,
        "roleName": True,
        "userName": True,
        "groupName": True,
        "virtualMFADeviceName": True,
        "path": True,
        "policyArn": True,
        "policyName": True,
        "policyDocument": True,
        "policyId": True,
        "content": True,
        "targetId": True,
        "versionId": True,
        "setAsDefault": True,
        "permissionsBoundary": True,
    },
}


def keep(entry: Mapping[str, Any], shape: Shape, **more: str) -> Dict[str, Any]:
    """Return what the shape keeps of an entry, as JSON knows it, and what is put in beside it."""
    kept = {key: _kept(entry[key], inner) for key, inner in shape.items() if entry.get(key) is not None}
    return {**kept, **more}


def moment(when: datetime) -> str:
    """Write a moment as the snapshot does."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _kept(value: Any, shape: Union[bool, Shape]) -> Any:  # noqa: FBT001
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(shape, bool):
        return value
    if isinstance(value, (list, tuple)):
        return [_kept(item, shape) for item in value]
    return keep(value, shape) if isinstance(value, Mapping) else value
