# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_mfa_diagnosis`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection. boto3 is only needed for a live account.
"""

from __future__ import annotations

import gzip
import json
import os
import time
import zlib
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._aws.diagnosis import LiveAccount, LiveOptions
from ansible_collections.softtoken.compliance.plugins.module_utils._diagnosis.timeline import (
    LIFECYCLE_EVENTS,
    POLICY_EVENTS,
    SIGN_IN_EVENTS,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.encoding import decoded
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot_monitoring import read_trail_events
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.snapshot_values import Malformed
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import need_sdk, read_text
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_diagnosis import DiagnosisPorts

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["diagnosis_ports", "live_options", "read_records"]

_SUFFIXES = (".json", ".json.gz", ".jsonl", ".log", ".log.gz")


def diagnosis_ports(module: AnsibleAWSModule) -> DiagnosisPorts:
    """Return the ports on this host, with the module's credentials."""
    return DiagnosisPorts(
        read=read_text,
        read_records=read_records,
        connect=lambda: _connect(module),
        now=time.time,
    )


def _connect(module: AnsibleAWSModule) -> LiveAccount:
    need_sdk()
    options = live_options(module.params, module.region or CollectOptions().region)
    return LiveAccount(module.client, options, _progress(module))


def live_options(params: Mapping[str, Any], region: str) -> LiveOptions:
    """Read what is to be asked from the module's parameters."""
    return LiveOptions(
        user=params["user"],
        names=(*SIGN_IN_EVENTS, *POLICY_EVENTS),
        device_names=LIFECYCLE_EVENTS,
        region=region,
        regions=tuple(params["regions"] or ()),
        organization=params["organization"],
        log_group=(params["log_group"] or "") if params["trail"] == "logs" else "",
        event_data_store=(params["event_data_store"] or "") if params["trail"] == "lake" else "",
        pages=params["trail_pages"],
    )


def _progress(module: AnsibleAWSModule) -> Callable[[str], None]:
    """Say what is being done where the action part of the module reads it, or to the log."""
    path = module.params["progress_file"]
    if not path:
        return module.debug

    def say(message: str) -> None:
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(message + "\n")
        except OSError as exc:
            # Nothing is worse for it: with become another user may run the module.
            module.debug(f"{message} ({path} cannot be written: {exc})")

    return say


def read_records(paths: Sequence[str]) -> List[Mapping[str, Any]]:
    """Read CloudTrail's records from files as CloudTrail, LookupEvents or a query leave them, and below directories."""
    return [record for path in paths for file in _files(path) for record in _read(file)]


def _files(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    found = False
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.endswith(_SUFFIXES):
                found = True
                yield os.path.join(folder, name)
    if not found:
        raise IamError(f"trail_files: below {path} is no file that ends with {', '.join(_SUFFIXES)}")


def _read(path: str) -> Sequence[Mapping[str, Any]]:
    try:
        with open(path, "rb") as file:
            content = file.read()
        text = decoded(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as exc:
        raise IamError(f"trail_files: {path} cannot be read: {exc}") from exc
    try:
        return read_trail_events(_parsed(text))
    except (ValueError, RecursionError, Malformed) as exc:
        raise IamError(f"trail_files: {path} holds no CloudTrail records: {exc}") from exc


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]
