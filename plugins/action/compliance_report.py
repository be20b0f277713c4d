# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of compliance_report: it reads what the run left about every host, on the controller alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.account import account_headline
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.formats import FORMATS
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import summary_to_dict
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    Report,
    build_report,
    headline,
    violations,
)

ARGUMENT_SPEC = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "mode": {"type": "str", "choices": ["audit", "enforce", "account"], "default": "audit"},
    "dry_run": {"type": "bool", "default": False},
    "directory": {"type": "path", "default": "report"},
    "formats": {"type": "list", "elements": "str", "choices": sorted(FORMATS), "default": ["json", "text"]},
    "fail_on": {
        "type": "list",
        "elements": "str",
        "choices": ["noncompliant", "unknown"],
        "default": ["noncompliant", "unknown"],
    },
    "prepare": {"type": "bool", "default": False},
    "measured": {"type": "str", "default": "softtoken_measured"},
    "enforced": {"type": "str", "default": "softtoken_enforced"},
    "measured_again": {"type": "str", "default": "softtoken_measured_again"},
    "account": {"type": "str", "default": "softtoken_account_audit"},
}


class ActionModule(ActionBase):
    """Builds the report, and writes it on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result = super().run(tmp, task_vars)
        if "fail_on" in self._task.args:
            self._task.args["fail_on"] = listed(self._task.args["fail_on"])
        _validation, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        if options["prepare"]:
            return merge_hash(result, {"changed": False, "directory": self._prepare(options)})
        hostvars = (task_vars or {}).get("hostvars", {})
        report = build_report(
            (_answers(host, hostvars, options) for host in _unique(options["hosts"])),
            generated_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            mode=options["mode"],
            dry_run=options["dry_run"],
            account=_mapping((task_vars or {}).get(options["account"])),
        )
        account = report.account
        files = self._files(report, options)
        found = violations(report, options["fail_on"])
        return merge_hash(
            result,
            {
                "changed": bool(files),
                "files": files,
                "summary": summary_to_dict(report),
                "headline": headline(report),
                "violations": found,
                "failed_run": report.verdict in options["fail_on"] or bool(found),
                "account_headline": "" if account is None else account_headline(account),
                "failed_account": account is not None and account.verdict in options["fail_on"],
            },
        )

    def _prepare(self, options: Mapping[str, Any]) -> str:
        directory = Path(options["directory"]).absolute()
        if not self._play_context.check_mode:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=directory):
                    pass
            except OSError as exc:
                raise _cannot_write(directory, exc) from exc
        return str(directory)

    def _files(self, report: Report, options: Mapping[str, Any]) -> list[str]:
        directory = Path(options["directory"]).absolute()
        texts = {str(directory / FORMATS[name].file_name): FORMATS[name].render(report) for name in options["formats"]}
        if not self._play_context.check_mode:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                for path, text in texts.items():
                    _replace(path, text)
            except OSError as exc:
                raise _cannot_write(directory, exc) from exc
        return list(texts)


def listed(value: Any) -> Any:
    """Return the list that a text stands for, as C(-e) and surveys give it; an empty text is an empty list."""
    text = value.strip() if isinstance(value, str) else ""
    if not isinstance(value, str) or (text and not text.startswith("[")):
        return value
    try:
        return yaml.safe_load(text) or []
    except yaml.YAMLError as exc:
        raise AnsibleActionFail(f"fail_on is {text!r}, which is no list: write it as [noncompliant, unknown]") from exc


def _cannot_write(directory: Path, exc: OSError) -> AnsibleActionFail:
    return AnsibleActionFail(
        f"cannot write the report into {directory} on the controller: {exc.strerror or exc}; "
        "name a directory that may be written (option directory, softtoken_report_dir in the playbook)"
    )


def _unique(hosts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(hosts))


def _answers(host: str, hostvars: Mapping[str, Any], options: Mapping[str, Any]) -> HostAnswers:
    # hostvars has no usable get(): for a host that the inventory does not know it returns an undefined value.
    values = hostvars[host] if host in hostvars else {}  # noqa: SIM401
    facts = _plain(values.get("ansible_facts", {}).get("softtoken"))
    enforced = _mapping(values.get(options["enforced"]))
    again = _mapping(values.get(options["measured_again"]))
    if enforced is not None and (again is None or again.get("skipped")) and enforced.get("status") == "ok":
        # The role proved the host itself: its last measurement is the fact that holds now.
        again = {"ansible_facts": {"softtoken": facts}}
    return HostAnswers(
        host=host,
        measured=_mapping(values.get(options["measured"])),
        enforced=enforced,
        measured_again=again,
        cached=facts if isinstance(facts, Mapping) else None,
    )


def _mapping(value: Any) -> Mapping[str, Any] | None:
    plain = _plain(value)
    return plain if isinstance(plain, Mapping) else None


def _plain(value: Any) -> Any:
    """Return the value in Python's own types: Ansible's lazy and marked ones stay out of the report."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None if value is None else str(value)


def _replace(path: str, text: str) -> None:
    """Put a whole file in place at once: a reader sees the old report or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=str(Path(path).parent), prefix=".report-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
