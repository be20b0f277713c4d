# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_guardrails_info`` and ``_scp`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import identify
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.guardrails import (
    Wishes,
    look_back,
    read_state,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.scp import ScpCalls
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.session import Session
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.shape import moment
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.trail import Lookup, home_region
from ansible_collections.softtoken.compliance.plugins.module_utils._guardrails_info import (
    GuardrailPorts,
    Seen,
    Trail,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.encoding import decoded
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot_monitoring import read_trail_events
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot_values import Malformed

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["guardrail_ports", "read_files", "scp_calls"]

_REGION = "us-east-1"
_ATTEMPTS = 10
# Beside its records a trail delivers files that prove them.
_DIGESTS = "/CloudTrail-Digest/"
_PAGES = 200  # of 50 records, for each name of an event


def guardrail_ports(module: AnsibleAWSModule) -> GuardrailPorts:
    """Return the ports on this host, with the module's credentials."""
    return GuardrailPorts(
        look=lambda parts, names, log_group, groups: _look(module, parts, Wishes(names, log_group, groups)),
        look_back=lambda names, hours, regions: _look_back(module, names, hours, regions),
        read_files=read_files,
    )


def scp_calls(module: AnsibleAWSModule) -> ScpCalls:
    """Return the calls on service control policies, with the module's credentials."""
    return ScpCalls(_session(module).client("organizations"))


def _session(module: AnsibleAWSModule) -> Session:
    return Session(module.client, region=module.region or _REGION, workers=2, attempts=_ATTEMPTS)


def _look(module: AnsibleAWSModule, parts: Sequence[str], wishes: Wishes) -> Seen:
    session = _session(module)
    identity = identify(session)
    return Seen(identity.account, identity.partition, read_state(session, identity, parts, wishes))


def _look_back(module: AnsibleAWSModule, names: Optional[List[str]], hours: int, regions: Sequence[str]) -> Trail:
    session = _session(module)
    identity = identify(session)
    until = datetime.now(timezone.utc)
    lookup = Lookup(until - timedelta(hours=hours), until, _PAGES)
    # Roles are assumed by the endpoint of a region, and recorded there.
    where = list(dict.fromkeys([home_region(identity.partition, session.region), session.region, *regions]))
    records = look_back(session, where, names, lookup, time.sleep, module.debug)
    gaps = [f"{gap.get('subject', '')}: {gap['reason']}".lstrip(": ") for gap in session.gaps]
    try:
        management = ScpCalls(session.client("organizations")).organization().management_account
    except IamError:
        management = ""  # not known to this account: nobody is passed over then
    span = (moment(lookup.since), moment(lookup.until))
    return Trail(records, tuple(gaps), management, (identity.account,), span)


def read_files(paths: Sequence[str]) -> Trail:
    """Read records from files of CloudTrail (as a trail delivers them, gzipped or not) and of its commands."""
    records: List[Mapping[str, Any]] = []
    for path in _files(paths):
        records.extend(_records_of(path))
    return Trail(records)


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        names = [os.path.join(folder, name) for folder, _folders, inside in os.walk(path) for name in inside]
        found = sorted(name for name in names if name.endswith((".json", ".json.gz")) and _DIGESTS not in name)
        if not found:
            raise IamError(f"trail_files: {path} holds no file that ends in .json or .json.gz")
        yield from found


def _records_of(path: str) -> Tuple[Mapping[str, Any], ...]:
    try:
        with open(path, "rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return read_trail_events(json.loads(decoded(content)))
    except (OSError, EOFError, ValueError, RecursionError) as exc:
        raise IamError(f"trail_files: {path} cannot be read as records of CloudTrail: {exc}") from exc
    except Malformed as exc:
        raise IamError(f"trail_files: {path}{exc}") from None
