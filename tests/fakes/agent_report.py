"""A report as the agent writes it, and what the fast path's command prints about it."""

from __future__ import annotations

from typing import Any

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.report import (
    Point,
    Report,
    machine_key,
    to_json,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION
from ansible_collections.softtoken.compliance.plugins.modules.host_facts import ARGUMENT_SPEC

BOOT_ID = "11111111-2222-3333-4444-555555555555"
MACHINE_ID = "0123456789abcdef0123456789abcdef"
HOSTNAME = "web1"
#: For how long the host had been running when the report was made.
UP_S = 5000.0
LISTED = (
    "drwxr-xr-x 20 root root 600 Nov 22 05:20 /run",
    "drwxr-xr-x 2 softtoken softtoken 60 Nov 22 05:20 /run/softtoken",
    "-rw-r--r-- 1 softtoken softtoken 9000 Nov 22 05:20 /run/softtoken/report.json",
)
PARAMETERS: dict[str, Any] = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}


def report_of(measured: dict[str, Any], **changes: Any) -> str:
    """Return the file's text; ``changes`` are fields of the report."""
    report = Report(
        agent_version=VERSION,
        machine=machine_key(MACHINE_ID),
        hostname=HOSTNAME,
        boot_id=BOOT_ID,
        sequence=7,
        taken_at_s=1795310252.0,
        boottime_s=UP_S,
        monotonic_s=UP_S,
        stale=None,
        notices=[],
        parameters={**PARAMETERS, "detail": True},
        measured=measured,
        facts={"chrony": {"active": True}},
        messages=[],
        warnings=[],
        history=[Point(1795309952.0, None, None), Point(1795310252.0, 0.0001, 0.0005)],
    )
    return to_json(report._replace(**changes))


def answer_of(
    text: str,
    *,
    wall_s: float,
    age_s: float,
    boot_id: str = BOOT_ID,
    machine_id: str = MACHINE_ID,
    hostname: str = HOSTNAME,
    changed: str = "no",
    chronyd: str = "runs",
    fraction: bool = True,
    listed: tuple[str, ...] = LISTED,
) -> str:
    """Return what the command prints, ``age_s`` after the report was made, where the wall clock shows ``wall_s``."""
    up = UP_S + age_s
    nanoseconds = f"{int(wall_s % 1 * 1e9):09}" if fraction else "%N"
    lines = [
        "softtoken-report 1",
        f"boot_id {boot_id}",
        f"machine_id {machine_id}",
        f"hostname {hostname}",
        f"before {up:.2f}",
        f"wall {int(wall_s)} {nanoseconds}",
        f"after {up:.2f}",
        f"changed {changed}",
        f"chronyd {chronyd}",
        *listed,
        "report",
        text,
    ]
    return "\n".join(lines)
