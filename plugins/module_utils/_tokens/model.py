# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the token code passes around.

Private to this collection. Nothing here ever holds a seed, a key, a code or a
command line: a program is known by its name, a file by its path.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .._clock.gap import Gap

__all__ = [
    "AwsFile",
    "Evidence",
    "Gap",
    "Home",
    "InheritedSerial",
    "RoleProfile",
    "SerialReference",
    "SerialReport",
    "TokenEvidence",
]


class Home(NamedTuple):
    """The home directory of one user."""

    user: str
    path: str


class Evidence(NamedTuple):
    """One trace of a soft token. ``user`` is None where it belongs to the whole host."""

    kind: str  # a kind of the catalogue, or aws-config
    how: str  # process | package | executable | configuration | aws-config
    where: str  # the program's or the package's name, or a path
    user: Optional[str] = None


class TokenEvidence(NamedTuple):
    """All traces of soft tokens on a host.

    ``present`` is False only when everything could be looked at; None when nothing was found but something was hidden.
    """

    present: Optional[bool]
    kinds: Tuple[str, ...]
    details: Tuple[Evidence, ...]
    gaps: Tuple[Gap, ...]


class AwsFile(NamedTuple):
    """One AWS configuration file. In a credentials file every section is a profile."""

    path: str
    credentials: bool


class SerialReference(NamedTuple):
    """One place that names an MFA device.

    ``profile`` is the AWS profile, None for an environment variable; ``user`` is None for files of the whole host.
    """

    serial: str
    where: str
    profile: Optional[str]
    user: Optional[str]
    line: Optional[int] = None  # 1-based
    key: str = ""  # the setting or the variable that names it


class InheritedSerial(NamedTuple):
    """A profile that names no MFA device itself and gets one, in some tools, from another profile."""

    serial: str
    profile: str
    user: Optional[str]
    from_profile: str
    setting: str  # source_profile | include_profile | parent_profile
    tool: str  # the tool that inherits; the AWS CLI and SDKs do not


class RoleProfile(NamedTuple):
    """A profile that assumes a role with a user's credentials and names no MFA device."""

    role_arn: str
    where: str
    profile: str
    user: Optional[str]  # None for files of the whole host
    line: int  # of role_arn, 1-based


class SerialReport(NamedTuple):
    """Every reference found, what could not be read, and the role profiles that name no device."""

    references: Tuple[SerialReference, ...]
    inherited: Tuple[InheritedSerial, ...]
    gaps: Tuple[Gap, ...]
    role_profiles: Tuple[RoleProfile, ...] = ()
