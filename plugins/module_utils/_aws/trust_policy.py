# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that read and write a role's trust policy.

Private to this collection. Every refusal becomes an error that says what was tried and what to do next.
"""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_trust_plan import RoleTrust

from .session import Failure, failure_of, failures

__all__ = ["TrustCalls"]

_ADVICE: Dict[str, str] = {
    "AccessDenied": "The credentials lack {api} on the role, or a boundary or service control policy denies it.",
    "NoSuchEntity": "The account of these credentials has no such role: check the name, without its path, and the "
    "account.",
    "MalformedPolicyDocument": "IAM takes no such trust policy: principals must exist, and a trust policy names no "
    "Resource.",
    "LimitExceeded": "The document is longer than the account's quota for trust policies (2048 characters, 4096 at "
    "most): shorten it, or have the quota raised.",
    "UnmodifiableEntity": "AWS made the role for one of its services; only that service changes it.",
    "ConcurrentModification": "Somebody else is changing the role: run again.",
}
_NO_ANSWER: Dict[str, str] = {
    "iam:UpdateAssumeRolePolicy": "AWS did not answer, so whether the policy was written is unknown: run again to see.",
}


class TrustCalls:
    """A role's trust policy in the account of a client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, name: str) -> RoleTrust:
        """Return the role with its trust policy."""
        role = self._call("iam:GetRole", name, lambda: self._client.get_role(RoleName=name))["Role"]
        return RoleTrust(role["RoleName"], role["Arn"], role["Path"], role["RoleId"], role["AssumeRolePolicyDocument"])

    def write(self, name: str, text: str) -> None:
        """Replace the trust policy."""
        self._call(
            "iam:UpdateAssumeRolePolicy",
            name,
            lambda: self._client.update_assume_role_policy(RoleName=name, PolicyDocument=text),
        )

    def _call(self, api: str, name: str, call: Any) -> Any:
        try:
            return call()
        except failures() as exc:
            answered = getattr(exc, "response", None) is not None
            raise IamError(_explain(failure_of(exc, api), name, answered=answered)) from exc


def _explain(failure: Failure, name: str, *, answered: bool) -> str:
    code = "AccessDenied" if failure.code.startswith("AccessDenied") else failure.code
    advice = _ADVICE.get(code, "") if answered else _NO_ANSWER.get(failure.api, "")
    return f"role {name}: {failure}. {advice.format(api=failure.api)}".rstrip()
