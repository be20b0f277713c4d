# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's findings for code scanning: report.sarif (SARIF 2.1.0). Private to this collection.

Hosts are not in it: their clocks are no code. Without an audit there is no run, and a failed one has no results: an
empty list of results would close every alert of the run before. docs/reports.md says how GitHub reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.softtoken.compliance.plugins.module_utils._agent.version import VERSION
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import RULES, Rule

from .account import AccountAudit, one_line
from .gaps import Gap, gaps_of
from .model import Report
from .rule_help import RULE_HELP

__all__ = ["LEVELS", "SECURITY_SEVERITIES", "fingerprint", "render_code_sarif", "render_sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://github.com/softtoken/compliance"
PAGE = f"{HOME}/blob/main/docs/rules.md"

LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
#: As GitHub reads them: above 9.0 critical, from 7.0 high, from 4.0 medium, above 0 low.
SECURITY_SEVERITIES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0", "info": "0.5"}

_FINGERPRINT = "softtokenFinding/v1"
_GITHUB_FINGERPRINT = "primaryLocationLineHash"  # the only one that GitHub compares
_GAP_LEVELS = {"audit": "error", "rule": "error"}  # the others leave something judged: warnings
_INDEX = {rule: index for index, rule in enumerate(RULES)}
_FILE_LINE = re.compile(r"(?!arn:)(.+):([1-9]\d{0,8})", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_LINK = re.compile(r"\[([^\[\]]*)\](?=\()")


def render_sarif(report: Report) -> str:
    """Return the text of report.sarif."""
    audit = report.account
    runs = [] if audit is None else [_run(audit, f"account-{_segment(audit.name)}", report.generated_at)]
    return _document(runs)


def render_code_sarif(review: AccountAudit, generated_at: str) -> str:
    """Return the text of a SARIF file on infrastructure code that was audited without any account."""
    return _document([_run(review, "code-review", generated_at)])


def _document(runs: list[dict[str, Any]]) -> str:
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, indent=1, allow_nan=False) + "\n"


def _run(audit: AccountAudit, category: str, generated_at: str) -> dict[str, Any]:
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"softtoken.compliance/{category}/{_segment(generated_at)}"},
        "invocations": [
            {
                "executionSuccessful": not audit.message,
                "endTimeUtc": generated_at,
                "toolExecutionNotifications": [_notification(gap) for gap in gaps_of(audit)],
            }
        ],
        "columnKind": "unicodeCodePoints",
    }
    return run if audit.message else {**run, "results": list(_results(audit))}


def _driver() -> dict[str, Any]:
    return {
        "name": "softtoken.compliance",
        "version": VERSION,
        "semanticVersion": VERSION,
        "informationUri": HOME,
        "rules": [_rule(rule) for rule in RULES.values()],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    told = RULE_HELP[rule.id]
    links = "\n".join(f"- <{link}>" for link in rule.references)
    markdown = f"{told.meaning}\n\n**Do:** {told.action}\n\n{links}"
    return {
        "id": rule.id,
        "name": "".join(map(str.capitalize, re.findall(r"[A-Za-z0-9]+", rule.title.replace("'", "")))),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": _unmarked(told.meaning)},
        "helpUri": f"{PAGE}#{_anchor(f'{rule.id}: {rule.title}')}",
        "help": {
            "text": "\n".join([_unmarked(told.meaning), f"Do: {_unmarked(told.action)}", *rule.references]),
            "markdown": markdown,
        },
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "mfa", "iam"],
            "precision": "high",
            "security-severity": SECURITY_SEVERITIES[rule.severity],
        },
    }


def _unmarked(markdown: str) -> str:
    return markdown.replace("`", "")


def _anchor(heading: str) -> str:
    """Return the name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _results(audit: AccountAudit) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for found in audit.findings:
        yield _result(found, seen)
    for one in audit.ignored:
        accepted = f"{one['reason']} (accepted until {one['expires']})"
        suppression = {"kind": "external", "status": "accepted", "justification": _said(accepted)}
        yield {**_result(one["finding"], seen), "suppressions": [suppression]}


def fingerprint(found: Mapping[str, Any], seen: Counter[str]) -> str:
    """Return what is the same for a finding in each run; ``seen`` counts those that cannot be told apart."""
    _place, same = _location(found)
    identity = hashlib.sha256("\0".join((str(found["rule"]), *same)).encode("utf-8", "replace")).hexdigest()[:32]
    seen[identity] += 1
    return f"{identity}:{seen[identity]}"


def _result(found: Mapping[str, Any], seen: Counter[str]) -> dict[str, Any]:
    rule, severity = str(found["rule"]), str(found["severity"])
    location, _same = _location(found)
    same = fingerprint(found, seen)
    return {
        "ruleId": rule,
        **({"ruleIndex": _INDEX[rule]} if rule in _INDEX else {}),
        "level": LEVELS.get(severity, "warning"),
        "message": {"text": _said(f"{found['title']}: {found['message']}")},
        "locations": [location],
        "partialFingerprints": {_FINGERPRINT: same, _GITHUB_FINGERPRINT: same},
        "properties": _properties(found),
    }


def _properties(found: Mapping[str, Any]) -> dict[str, Any]:
    fix = found.get("fix")
    return {
        "severity": found["severity"],
        **{
            key: found.get(key) for key in ("account", "resource", "document", "statement", "path", "serial", "witness")
        },
        "hosts": list(found.get("hosts") or ()),
        "fix": None if not fix else fix.get("summary"),
    }


def _location(found: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return where a finding is, and what makes it the same finding in another run."""
    resource, document = str(found["resource"]), str(found["document"])
    statement = "" if found.get("statement") is None else str(found["statement"])
    account, path, serial = str(found.get("account")), str(found.get("path") or ""), str(found.get("serial") or "")
    line = 1
    identity: tuple[str, ...]
    on_host = document.startswith("profile:")
    in_file = None if on_host else _FILE_LINE.fullmatch(resource)
    if in_file is not None:
        # Lines move: the address in the file stays.
        uri, line = _file_uri(in_file[1]), int(in_file[2])
        identity = (uri, document, statement, path, serial)
    else:
        uri = _pseudo_file(resource, *(("hosts",) if on_host else ("aws", account)))
        identity = (account, resource, _unversioned(document), statement, path, serial)
    qualified = "/".join(part for part in (resource, document, statement, path) if part)
    region = {"startLine": line, "startColumn": 1, "endLine": line, "endColumn": 1}
    location = {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": region},
        "logicalLocations": [
            {"name": one_line(resource), "fullyQualifiedName": one_line(qualified), "kind": "resource"}
        ],
    }
    return location, identity


def _unversioned(document: str) -> str:
    """A new version of a managed policy with the old mistake has the old finding."""
    return re.sub(r"@v\d+$", "", document)


def _file_uri(path: str) -> str:
    """Return the path below the working directory, which is where a repository mostly is; another one whole."""
    below = f"{Path.cwd()}/"
    uri = "/".join(map(_segment, path.removeprefix(below).split("/")))
    return uri if path.startswith(below) or not path.startswith("/") else f"file://{uri}"


def _pseudo_file(resource: str, *below: str) -> str:
    """Return a path for what is in no file of a repository: GitHub shows no result without one."""
    # arn:partition:service:region:account:resource
    parts = resource.split(":", 5)
    own = f"{parts[2]}/{parts[5]}" if parts[0] == "arn" and len(parts) == 6 else resource.replace(":", "/")
    return "/".join(_segment(segment) for segment in (*below, *own.split("/")) if segment)


def _segment(text: str) -> str:
    """Return one part of a path that cannot lead anywhere else."""
    return "_" if text in {".", ".."} else quote(text, safe="", errors="replace")


def _notification(gap: Gap) -> dict[str, Any]:
    place = ", ".join(text for text in (gap.resource, gap.document) if text)
    told = {
        "descriptor": {"id": f"coverage/{gap.kind}"},
        "level": _GAP_LEVELS.get(gap.kind, "warning"),
        "message": {"text": _said(": ".join(text for text in (gap.rule, place, gap.reason) if text))},
    }
    if gap.rule in _INDEX:
        told["associatedRule"] = {"id": gap.rule, "index": _INDEX[gap.rule]}
    return told


def _said(text: str) -> str:
    """Return a message in which nothing is a placeholder or a link: both would be somebody else's."""
    return _LINK.sub(r"\\[\1\\]", _PLACEHOLDER.sub(r"{{\1}}", one_line(text)))
