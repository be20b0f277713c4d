# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account as the audit sees it: who is in it, which policies say what, which MFA devices exist, and what is unknown.

Private to this collection. None always means "not known", never "no". What could not be read is a CoverageGap; its
part has the name of the snapshot's key.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Optional, Tuple

__all__ = [
    "ALARM_TOPICS",
    "CREDENTIAL_REPORT",
    "METRIC_ALARMS",
    "ROOT_USER",
    "Account",
    "Alarm",
    "ConfigRule",
    "CoverageGap",
    "Device",
    "Group",
    "InlinePolicy",
    "ManagedPolicy",
    "MetricFilter",
    "OrganizationPolicy",
    "PolicyRef",
    "ResourcePolicy",
    "Role",
    "Root",
    "User",
]

# Parts of a snapshot beside those that the catalogue names.
CREDENTIAL_REPORT = "credential_report"
METRIC_ALARMS = "metric_alarms"
ALARM_TOPICS = "alarm_topics"

# The credential report's name for root; no user can have it.
ROOT_USER = "<root_account>"

_SERVICE_LINKED = "/aws-service-role/"
_SSO_RESERVED = "/aws-reserved/sso.amazonaws.com/"


class CoverageGap(NamedTuple):
    """Something that was not read, so that rules which need it can say nothing.

    ``api`` and ``code`` are the call that failed and its error code, "" where no call was made. ``subject`` narrows the
    part to one thing in it (a user's name, a region), "" for all of it. ``rules`` is for the audit to fill in.
    """

    part: str
    reason: str
    rules: Tuple[str, ...] = ()
    api: str = ""
    code: str = ""
    subject: str = ""


class PolicyRef(NamedTuple):
    """A policy document and where it stands.

    ``kind`` is a finding's "document": trust, inline:NAME, managed:ARN@vN, boundary, scp:ID or resource:ARN.
    ``resource`` is the ARN of the role, user, group, policy or resource that carries it (the id of an SCP without ARN).
    ``text`` is the document as it came: a mapping, or text that may be URL-encoded.
    """

    kind: str
    resource: str
    text: Any

    @property
    def family(self) -> str:
        """The kind without the name: trust, inline, managed, boundary, scp or resource."""
        return self.kind.partition(":")[0]


class InlinePolicy(NamedTuple):
    """A policy that is part of a user, group or role."""

    name: str
    text: Any


class User(NamedTuple):
    """An IAM user.

    ``devices`` are serials, of any kind; ``devices_complete`` says whether there can be no others.
    ``password``, ``active_keys`` and ``mfa_active`` come from the credential report.
    """

    name: str
    arn: str
    id: str
    path: str = "/"
    groups: Tuple[str, ...] = ()
    inline: Tuple[InlinePolicy, ...] = ()
    attached: Tuple[str, ...] = ()
    boundary: Optional[str] = None
    created_at: Optional[str] = None
    devices: Tuple[str, ...] = ()
    devices_complete: bool = False
    password: Optional[bool] = None
    active_keys: Optional[int] = None
    mfa_active: Optional[bool] = None

    @property
    def has_mfa(self) -> Optional[bool]:
        """Whether the user holds a device; the list of devices, where it is complete, is newer than the report."""
        if self.devices:
            return True
        return False if self.devices_complete else self.mfa_active


class Group(NamedTuple):
    """An IAM group."""

    name: str
    arn: str
    id: str
    path: str = "/"
    inline: Tuple[InlinePolicy, ...] = ()
    attached: Tuple[str, ...] = ()


class Role(NamedTuple):
    """An IAM role."""

    name: str
    arn: str
    id: str
    trust: Any
    path: str = "/"
    inline: Tuple[InlinePolicy, ...] = ()
    attached: Tuple[str, ...] = ()
    boundary: Optional[str] = None
    created_at: Optional[str] = None
    instance_profiles: Tuple[str, ...] = ()

    @property
    def service_linked(self) -> bool:
        """Whether AWS made it for one of its services: nobody else can change or assume it."""
        return self.path.startswith(_SERVICE_LINKED)

    @property
    def sso_reserved(self) -> bool:
        """Whether IAM Identity Center made it, and owns its trust policy."""
        return self.path.startswith(_SSO_RESERVED)


class ManagedPolicy(NamedTuple):
    """A managed policy with every version that is known, by id; ``default`` is the version in force."""

    arn: str
    name: str
    default: str
    versions: Mapping[str, Any]
    attachments: Tuple[str, ...] = ()  # ARNs of users, groups and roles
    bounds: Tuple[str, ...] = ()  # ARNs of users and roles whose permissions boundary it is

    @property
    def aws_managed(self) -> bool:
        """Whether it is AWS's own, which no account can change."""
        return ":iam::aws:policy/" in self.arn

    @property
    def kind(self) -> str:
        """The "document" of a finding in the version in force."""
        return f"managed:{self.arn}@{self.default}"


class Device(NamedTuple):
    """An MFA device. ``kind`` as parse_serial says; ``user`` is None when it is assigned to nobody."""

    serial: str
    kind: str
    user: Optional[str] = None
    enabled_at: Optional[str] = None
    path: str = "/"


class Root(NamedTuple):
    """The account's root user."""

    mfa_enabled: Optional[bool] = None
    active_keys: Optional[bool] = None
    devices: Tuple[str, ...] = ()  # virtual ones only: nobody but root can list the others


class OrganizationPolicy(NamedTuple):
    """A service control policy; ``targets`` are the ids of accounts, units and roots, None when not known."""

    id: str
    name: str
    text: Any
    arn: str = ""
    targets: Optional[Tuple[str, ...]] = None


class ResourcePolicy(NamedTuple):
    """The policy of a bucket, key, queue..."""

    arn: str
    text: Any


class ConfigRule(NamedTuple):
    """A rule of AWS Config; ``identifier`` is the managed rule's, as IAM_USER_MFA_ENABLED."""

    name: str
    identifier: str
    owner: str = ""
    state: str = ""
    region: str = ""


class Alarm(NamedTuple):
    """A CloudWatch alarm; ``subscribers`` counts the confirmed ones of all its topics, None when not known."""

    name: str
    enabled: bool
    actions: Tuple[str, ...]
    subscribers: Optional[int] = None


class MetricFilter(NamedTuple):
    """A metric filter over a log group; ``metrics`` are (namespace, name), ``alarms`` None when not known."""

    name: str
    pattern: str
    log_group: str
    metrics: Tuple[Tuple[str, str], ...] = ()
    alarms: Optional[Tuple[Alarm, ...]] = None
    region: str = ""


class Account(NamedTuple):
    """Everything that is known about an account.

    Roles and policies are found by ARN, users and groups by name, devices by serial. ``trail_events`` are CloudTrail
    records as they came. ``summary`` is GetAccountSummary's map.
    """

    account_id: str
    partition: str = "aws"
    collected_at: Optional[str] = None
    users: Mapping[str, User] = {}
    groups: Mapping[str, Group] = {}
    roles: Mapping[str, Role] = {}
    policies: Mapping[str, ManagedPolicy] = {}
    devices: Mapping[str, Device] = {}
    root: Root = Root()
    organization_policies: Tuple[OrganizationPolicy, ...] = ()
    resource_policies: Tuple[ResourcePolicy, ...] = ()
    trail_events: Tuple[Mapping[str, Any], ...] = ()
    config_rules: Tuple[ConfigRule, ...] = ()
    metric_filters: Tuple[MetricFilter, ...] = ()
    summary: Mapping[str, int] = {}
    gaps: Tuple[CoverageGap, ...] = ()

    def documents(self) -> Iterator[PolicyRef]:
        """Yield every policy document in force, once for each place where it stands.

        A managed policy stands once as itself, however many carry it, and once more as a boundary if it is one. Old
        versions of managed policies are not in force.
        """
        for role in self.roles.values():
            yield PolicyRef("trust", role.arn, role.trust)
        for holders in (self.users, self.groups, self.roles):
            for holder in holders.values():
                yield from _inline(holder.arn, holder.inline)
        for policy in self.policies.values():
            yield from _managed(policy)
        for scp in self.organization_policies:
            yield PolicyRef(f"scp:{scp.id}", scp.arn or scp.id, scp.text)
        for resource in self.resource_policies:
            yield PolicyRef(f"resource:{resource.arn}", resource.arn, resource.text)

    def user_policies(self, user: User) -> Iterator[PolicyRef]:
        """Yield what grants or denies a user something: its own policies and its groups', without the boundary."""
        yield from self._identity(user.arn, user.inline, user.attached)
        for name in user.groups:
            group = self.groups.get(name)
            if group is not None:
                yield from self._identity(group.arn, group.inline, group.attached)

    def role_policies(self, role: Role) -> Iterator[PolicyRef]:
        """Yield what grants or denies the sessions of a role something, without the boundary and the trust policy."""
        return self._identity(role.arn, role.inline, role.attached)

    def boundary_policy(self, principal: Any) -> Optional[PolicyRef]:
        """Return the boundary of a user or role; None where it has none, or where its text is not known."""
        policy = self.policies.get(principal.boundary or "")
        return None if policy is None else PolicyRef("boundary", policy.arn, policy.versions[policy.default])

    def _identity(self, arn: str, inline: Tuple[InlinePolicy, ...], attached: Tuple[str, ...]) -> Iterator[PolicyRef]:
        yield from _inline(arn, inline)
        for policy_arn in attached:
            policy = self.policies.get(policy_arn)
            if policy is not None:
                yield PolicyRef(policy.kind, policy.arn, policy.versions[policy.default])


def _inline(arn: str, policies: Tuple[InlinePolicy, ...]) -> Iterator[PolicyRef]:
    for policy in policies:
        yield PolicyRef(f"inline:{policy.name}", arn, policy.text)


def _managed(policy: ManagedPolicy) -> Iterator[PolicyRef]:
    text = policy.versions[policy.default]
    # One that is nobody's yet may be attached to anybody tomorrow; one that only bounds grants nothing.
    if policy.attachments or not policy.bounds:
        yield PolicyRef(policy.kind, policy.arn, text)
    if policy.bounds:
        yield PolicyRef("boundary", policy.arn, text)
