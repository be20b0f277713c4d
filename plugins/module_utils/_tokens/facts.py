# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``tokens``, ``serials`` and ``role_profiles`` parts of the facts (schema 1), and their long form.

Private to this collection.
"""

from __future__ import annotations

from typing import Any, Dict, List

from .model import SerialReport, TokenEvidence
from .text import shown

__all__ = ["role_profile_facts", "serial_details", "serial_facts", "token_details", "token_facts"]


def token_facts(evidence: TokenEvidence) -> Dict[str, Any]:
    """Return ``tokens``: whether there is a soft token (None: not known), and which kinds."""
    return {"present": evidence.present, "kinds": list(evidence.kinds)}


def token_details(evidence: TokenEvidence) -> List[Dict[str, Any]]:
    """Return every trace, for the long form."""
    return [{**trace._asdict(), "where": shown(trace.where)} for trace in evidence.details]


def serial_facts(report: SerialReport) -> List[Dict[str, Any]]:
    """Return ``serials``: each reference to an MFA device once."""
    unique = dict.fromkeys((found.serial, found.where, found.profile, found.user) for found in report.references)
    return [dict(zip(("serial", "where", "profile", "user"), found)) for found in unique]


def role_profile_facts(report: SerialReport) -> List[Dict[str, Any]]:
    """Return ``role_profiles``: the profiles for a role that name no MFA device. Hosts without any leave it out."""
    unique = dict.fromkeys((found.role_arn, found.where, found.profile, found.user) for found in report.role_profiles)
    return [dict(zip(("role_arn", "where", "profile", "user"), found)) for found in unique]


def serial_details(report: SerialReport) -> Dict[str, Any]:
    """Return references and role profiles with their lines, and who is given a serial by inheritance in some tools."""
    return {
        "references": [found._asdict() for found in report.references],
        "inherited": [found._asdict() for found in report.inherited],
        "role_profiles": [found._asdict() for found in report.role_profiles],
    }
