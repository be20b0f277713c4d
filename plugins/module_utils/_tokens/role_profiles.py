# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles that assume a role with a user's credentials and name no MFA device.

Private to this collection. Where the role wants MFA the AWS CLI and SDKs fail with such a profile, since they take
``mfa_serial`` from the profile itself and not from its ``source_profile``. Left out is where ``mfa_serial`` is not what
is missing: credentials of an instance, of an identity provider, of another role, or of a session that may have been
opened with MFA already.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Sequence, Tuple

from .ini import profile_name
from .model import AwsFile, RoleProfile
from .text import shown

if TYPE_CHECKING:
    from .ini import IniFile, Setting

    Profiles = Dict[str, Dict[str, Setting]]

__all__ = ["find_role_profiles"]

# Nothing else is shown: what stands in the wrong setting is often a secret.
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)
MAX_PROFILES = 1000  # of a user

# The order is botocore's and the SDKs': in a role profile these come before source_profile ...
_NO_SOURCE = frozenset(("credential_source", "web_identity_token_file"))
# ... in a source profile these before keys, or they make the keys a session's, opened with MFA perhaps ...
_BEFORE_KEYS = frozenset(
    ("aws_session_token", "aws_security_token", "sso_account_id", "sso_role_name", "web_identity_token_file")
)
# ... and these count without keys.
_WITHOUT_KEYS = _BEFORE_KEYS.union(
    ("role_arn", "credential_source", "credential_process", "login_session", "sso_session", "sso_start_url")
)


def find_role_profiles(
    read: Sequence[Tuple[AwsFile, IniFile]], user: Optional[str]
) -> Tuple[List[RoleProfile], List[str]]:
    """Return the profiles in one user's files, or in the host's own, and the reasons for what cannot be told."""
    found: List[RoleProfile] = []
    reasons: List[str] = []
    for file, name, setting in _candidates([(file, _profiles(file, ini)) for file, ini in read]):
        where = shown(file.path)
        if len(found) >= MAX_PROFILES:
            reasons.append(f"{where} has role profiles beyond the {MAX_PROFILES} of this user that are listed")
            break
        if _ROLE_ARN.fullmatch(setting.value):
            found.append(RoleProfile(setting.value, where, shown(name), user, setting.line))
        else:
            reasons.append(f"{where}:{setting.line}: role_arn is no ARN of a role: whether it wants MFA is not known")
    return found, reasons


def _candidates(files: Sequence[Tuple[AwsFile, Profiles]]) -> Iterator[Tuple[AwsFile, str, Setting]]:
    kinds = {kind: _merged([own for file, own in files if file.credentials is kind]) for kind in (False, True)}
    for file, own in files:
        # Tools read one configuration and one credentials file together. Which ones, the environment says.
        beside = kinds[not file.credentials]
        for name, settings in own.items():
            if "role_arn" in settings and _lacks_serial(name, own, beside):
                yield file, name, settings["role_arn"]


def _profiles(file: AwsFile, ini: IniFile) -> Profiles:
    profiles: Profiles = {}
    for setting in ini.settings:
        name = profile_name(setting.section, file) if setting.value else None
        if name is not None:
            profiles.setdefault(name, {})[setting.key] = setting
    return profiles


def _merged(parts: Sequence[Profiles]) -> Profiles:
    merged: Profiles = {}
    for profiles in parts:
        for name, settings in profiles.items():
            merged.setdefault(name, {}).update(settings)
    return merged


def _lacks_serial(name: str, own: Profiles, beside: Profiles) -> bool:
    profile = {**own[name], **beside.get(name, {})}
    if "source_profile" not in profile or "mfa_serial" in profile or not _NO_SOURCE.isdisjoint(profile):
        return False
    source_name = profile["source_profile"].value
    source = set(own.get(source_name, ())) | set(beside.get(source_name, ()))
    if source_name == name:  # for keys in the same profile
        source.discard("role_arn")
    return (_BEFORE_KEYS if "aws_access_key_id" in source else _WITHOUT_KEYS).isdisjoint(source)
