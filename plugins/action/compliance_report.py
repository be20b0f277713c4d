# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action part of compliance_report: it reads what the run left about every host, on the controller alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.account import account_headline
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.formats import DEFAULT_FORMATS, FORMATS
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.json_report import summary_to_dict
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.model import (
    HostAnswers,
    HostEntry,
    Report,
    assemble,
    headline,
    host_entry,
    violations,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.reduce import Reduced, reduce_slices
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.slices import (
    Slice,
    SliceError,
    SliceName,
    pack,
    run_name,
    slice_name,
)
from ansible_collections.softtoken.compliance.plugins.plugin_utils._slice_artifacts import (
    file_name,
    identities,
    slices_in_files,
    slices_in_variables,
)

ARGUMENT_SPEC = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "mode": {"type": "str", "choices": ["audit", "enforce", "account"], "default": "audit"},
    "dry_run": {"type": "bool", "default": False},
    "directory": {"type": "path", "default": "report"},
    "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": list(DEFAULT_FORMATS)},
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
    "slice": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "run": {"type": "str", "required": True},
            "job": {"type": "str", "default": ""},
            "directory": {"type": "path"},
        },
    },
    "slices": {
        "type": "dict",
        "options": {"run": {"type": "str"}, "count": {"type": "int"}, "directory": {"type": "path"}},
    },
}

#: Lists that may come as text, with how they are written.
LISTS = {"fail_on": "[noncompliant, unknown]", "formats": "[json, text, html]"}


class ActionModule(ActionBase):
    """Builds the report, and writes it on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what C(RETURN) of the module documents."""
        result = super().run(tmp, task_vars)
        for name in LISTS:
            if name in self._task.args:
                self._task.args[name] = listed(self._task.args[name], name)
        _validation, options = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC, mutually_exclusive=[["slice", "slices"]]
        )
        try:
            return merge_hash(result, self._done(options, task_vars or {}))
        except SliceError as exc:
            raise AnsibleActionFail(str(exc)) from exc

    def _done(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        own = None if options["slice"] is None else _own_slice(options["slice"])
        reduced = None if options["slices"] is None else _reduced(options, task_vars)
        if options["prepare"]:
            prepared = {"changed": False, "directory": self._prepare(options)}
            return prepared | (
                {} if reduced is None else {"slices": _told(reduced), "identities": identities(reduced.hosts)}
            )
        hostvars = task_vars.get("hostvars", {})
        hosts = (
            [host_entry(_answers(host, hostvars, options)) for host in _unique(options["hosts"])]
            if reduced is None
            else reduced.hosts
        )
        report = assemble(
            hosts,
            generated_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            mode=options["mode"] if reduced is None else reduced.mode,
            dry_run=options["dry_run"] if reduced is None else reduced.dry_run,
            account=_mapping(task_vars.get(options["account"])),
            notes=_notes(own, reduced),
        )
        result = self._reported(report, options)
        if reduced is not None:
            result["slices"] = _told(reduced)
        if own is not None:
            result |= self._leave(own, hosts, report, now, options["slice"]["directory"])
        return result

    def _reported(self, report: Report, options: Mapping[str, Any]) -> dict[str, Any]:
        account = report.account
        files = self._files(report, options)
        found = violations(report, options["fail_on"])
        return {
            "changed": bool(files),
            "files": files,
            "summary": summary_to_dict(report),
            "headline": headline(report),
            "violations": found,
            "failed_run": report.verdict in options["fail_on"] or bool(found),
            "account_headline": "" if account is None else account_headline(account),
            "failed_account": account is not None and account.verdict in options["fail_on"],
        }

    def _leave(
        self, own: _OwnSlice, hosts: Sequence[HostEntry], report: Report, now: datetime, directory: str | None
    ) -> dict[str, Any]:
        """Hand the slice to the job that makes the report of all: as set_stats does, and as a file where asked to."""
        artifact = pack(
            Slice(
                name=own.name,
                run=own.run,
                written_at=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                mode=report.mode,
                dry_run=report.dry_run,
                hosts=tuple(hosts),
            )
        )
        told = {"key": own.name.key, "run": own.run, "hosts": len(hosts), "bytes": len(artifact["data"]), "file": None}
        if directory:
            path = Path(directory).absolute() / file_name(own.name.key, own.run)
            told["file"] = str(path)
            self._write(path.parent, {str(path): json.dumps(artifact)}, "the slice", "softtoken_slices_dir")
        stats = {"data": {own.name.key: artifact}, "per_host": False, "aggregate": False}
        return {"slice": told, "ansible_stats": stats}

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
        texts = {
            str(directory / file): render(report)
            for name in options["formats"]
            for file, render in FORMATS[name].files.items()
        }
        self._write(directory, texts)
        return list(texts)

    def _write(
        self,
        directory: Path,
        texts: Mapping[str, str],
        what: str = "the report",
        variable: str = "softtoken_report_dir",
    ) -> None:
        if self._play_context.check_mode:
            return
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for path, text in texts.items():
                _replace(path, text)
        except OSError as exc:
            raise _cannot_write(directory, exc, what, variable) from exc


class _OwnSlice(NamedTuple):
    """The slice that this run is."""

    name: SliceName
    run: str


def _own_slice(options: Mapping[str, Any]) -> _OwnSlice:
    return _OwnSlice(slice_name(options["name"], options["job"]), run_name(options["run"]))


def _reduced(options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> Reduced:
    """Read the slices wherever they are: among the variables of the job, and in files where it was told a directory."""
    asked = options["slices"]
    artifacts = [(key, _plain(value)) for key, value in slices_in_variables(task_vars)]
    if asked["directory"]:
        directory = Path(asked["directory"]).absolute()
        try:
            artifacts += slices_in_files(directory)
        except OSError as exc:
            raise SliceError(
                f"cannot read the slices in {directory} on the controller: {exc.strerror or exc}; give the directory "
                "that the slices wrote into (softtoken_slices_dir)"
            ) from exc
    run = run_name(asked["run"]) if asked["run"] else None
    return reduce_slices(artifacts, hosts=_unique(options["hosts"]), run=run, count=asked["count"])


def _notes(own: _OwnSlice | None, reduced: Reduced | None) -> Sequence[str]:
    """Say of a slice that it is no more than that: its report looks like one of a whole fleet."""
    if own is not None:
        return [f"only {own.name} of run {own.run}: compliance_reduce makes one report of all slices"]
    return () if reduced is None else reduced.notes


def _told(reduced: Reduced) -> dict[str, Any]:
    return {
        "run": reduced.run,
        "arrived": list(reduced.slices),
        "lost": list(reduced.lost),
        "notes": list(reduced.notes),
    }


def listed(value: Any, name: str) -> Any:
    """Return the list that a text stands for, as C(-e) and surveys give it; an empty text is an empty list."""
    text = value.strip() if isinstance(value, str) else ""
    if not isinstance(value, str):
        return value
    if text and not text.startswith("["):
        return [item.strip() for item in text.split(",")]
    try:
        return yaml.safe_load(text) or []
    except yaml.YAMLError as exc:
        raise AnsibleActionFail(f"{name} is {text!r}, which is no list: write it as {LISTS[name]}") from exc


def _cannot_write(
    directory: Path, exc: OSError, what: str = "the report", variable: str = "softtoken_report_dir"
) -> AnsibleActionFail:
    return AnsibleActionFail(
        f"cannot write {what} into {directory} on the controller: {exc.strerror or exc}; "
        f"name a directory that may be written (option directory, {variable} in the playbook)"
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
        # Half a character, as JSON can bring from a host, is no UTF-8: it is written as JSON writes it.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
