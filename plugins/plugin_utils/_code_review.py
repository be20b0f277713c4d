# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The offline audit of policies in code, as a command: for pre-commit, for the GitHub Action, for a terminal.

Private to this collection; docs/code-review.md describes the command. It needs neither Ansible nor an account.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import (
    file_content,
    is_code,
    read_code,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import SEVERITIES, at_least
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.encoding import decoded
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.errors import IamError
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.finding import Finding, to_dict
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.ignore import Sifted, read_ignores, sift
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.review import (
    Reviewed,
    Unjudged,
    file_candidates,
    review,
)

from ._report.account import AccountAudit, one_line
from ._report.sarif_report import render_code_sarif

__all__ = ["CLEAN", "FOUND", "UNJUDGED", "USAGE", "main", "run"]

# Exit statuses.
CLEAN = 0
FOUND = 1
UNJUDGED = 2
USAGE = 64

_NEVER = "never"
_ACCOUNT = "in-code"
_TERRAFORM = (".tf", ".tf.json", ".tofu", ".tofu.json")
_MODULE = (".tf", ".tofu", ".json")


class _Result(NamedTuple):
    files: int
    reviewed: Reviewed
    sifted: Sifted


class _Parser(argparse.ArgumentParser):
    """Keeps the exit status of wrong arguments apart from those of the audit."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main() -> NoReturn:
    """Run the command and leave."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Audit what the arguments name, say what was found, and return the exit status."""
    options = _parser().parse_args(arguments)
    now = datetime.datetime.now(datetime.UTC)
    try:
        result = _audited(options, now.date())
        if options.sarif:
            Path(options.sarif).write_text(_sarif(result, now), encoding="utf-8")
    except (IamError, OSError) as exc:
        sys.stderr.write(f"softtoken-mfa-review: {exc}\n")
        return USAGE
    sys.stdout.write("".join(f"{line}\n" for line in _lines(result)))
    return _status(result, options.fail_on, fail_on_unjudged=options.unjudged == "fail")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="softtoken-mfa-review",
        description="Judges the MFA conditions of IAM policies in Terraform, CloudFormation and JSON files.",
        epilog="Exit status: 0 nothing found, 1 findings, 2 something could not be judged, 64 wrong arguments.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="file or directory")
    parser.add_argument("--paths-from", metavar="FILE", help="read paths from this file, each ended by a NUL byte")
    parser.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0 there")
    parser.add_argument("--ignore", metavar="FILE", help="exceptions: a list of rule, resource, reason and expires")
    parser.add_argument("--fail-on", default="low", choices=(*SEVERITIES, _NEVER), help="and worse; default low")
    parser.add_argument("--unjudged", default="fail", choices=("fail", "report"), help="default fail")
    return parser


def _audited(options: argparse.Namespace, today: datetime.date) -> _Result:
    paths = [*options.paths, *(filter(is_code, _listed(options.paths_from)) if options.paths_from else ())]
    if not paths and not options.paths_from:
        raise IamError("nothing to look at: name files or directories (. is the working directory)")
    ignores = read_ignores(_exceptions(options.ignore) if options.ignore else ())
    files = _with_named(_read(paths))
    reviewed = review(files, _text, beside=_read(_beside(files)))
    return _Result(len(files), reviewed, sift(reviewed.findings, ignores, today=today))


def _read(paths: Sequence[str]) -> tuple[IacFile, ...]:
    return tuple(_at_home(file) for file in read_code([os.path.normpath(path) for path in paths], policies=True))


def _with_named(files: tuple[IacFile, ...]) -> tuple[IacFile, ...]:
    """Read the policies that file("...") names too: they are a part of the file that does."""
    known = {file.path for file in files}
    named: list[str] = []
    for file in files:
        for use in file.uses:
            path = next(filter(os.path.isfile, file_candidates(file.path, use)), None)
            if path is not None and path not in known:
                known.add(path)
                named.append(path)
    return (*files, *_read(named))


def _beside(files: Sequence[IacFile]) -> list[str]:
    """Return the other files of Terraform in the same folders: together they are a module, and name its JSON."""
    known = {file.path for file in files}
    folders = dict.fromkeys(
        folder for path in known if path.endswith(_MODULE) and (folder := Path(path).parent).is_dir()
    )
    others = (one for folder in folders for one in sorted(folder.iterdir()) if one.name.endswith(_TERRAFORM))
    return [str(one) for one in others if str(one) not in known and one.is_file()]


def _listed(path: str) -> list[str]:
    return [os.fsdecode(one) for one in Path(path).read_bytes().split(b"\0") if one]


def _exceptions(path: str) -> Sequence[Any]:
    try:
        entries = yaml.safe_load(decoded(file_content(path)))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise IamError(f"{path} is no YAML and no JSON: {one_line(str(exc))}") from exc
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise IamError(f"{path} holds no list of exceptions, each with rule, resource, reason and expires")
    return entries


def _at_home(file: IacFile) -> IacFile:
    """Name a file below the working directory from there on, as code scanning wants it."""
    path = os.path.normpath(file.path)
    if Path(path).is_absolute():
        below = os.path.relpath(path)
        path = path if below.startswith(os.pardir) else below
    return file._replace(path=path, problems=tuple(one.replace(file.path, path, 1) for one in file.problems))


def _text(path: str) -> str:
    try:
        return decoded(file_content(path))
    except (OSError, UnicodeDecodeError):
        return ""  # it was read a moment ago: then a finding has the line of its policy


def _status(result: _Result, fail_on: str, *, fail_on_unjudged: bool) -> int:
    if fail_on != _NEVER and any(at_least(found.severity, fail_on) for found in result.sifted.findings):
        return FOUND
    return UNJUDGED if fail_on_unjudged and result.reviewed.unjudged else CLEAN


# --- on the terminal -------------------------------------------------------------------------------------------------


def _lines(result: _Result) -> Iterator[str]:
    for found in result.sifted.findings:
        yield from _told(found)
    for one in result.reviewed.unjudged:
        yield one_line(f"{one.resource}: not judged: {_reason(one)}")
    for entry in (*result.sifted.expired, *result.sifted.unused):
        what = "has expired" if entry in result.sifted.expired else "matches nothing here"
        yield one_line(f"exception for {entry.rule} on {entry.resource}: {what}")
    yield _summary(result)


def _told(found: Finding) -> Iterator[str]:
    yield one_line(f"{found.resource}: {found.severity} {found.rule}: {found.title}")
    where = ", ".join(
        part
        for part in (found.document, "" if found.statement is None else f"statement {found.statement}", found.path)
        if part
    )
    yield one_line(f"    where: {where}")
    yield one_line(f"    what:  {found.message}")
    if found.fix is not None:
        yield one_line(f"    fix:   {found.fix.summary}")


def _reason(one: Unjudged) -> str:
    return f"{one.document}: {one.reason}" if one.document else one.reason


def _summary(result: _Result) -> str:
    findings, unjudged = result.sifted.findings, len(result.reviewed.unjudged)
    counts = ", ".join(
        f"{count} {severity}" for severity in SEVERITIES if (count := sum(one.severity == severity for one in findings))
    )
    told = [f"{_count(len(findings), 'finding')}{f' ({counts})' if counts else ''}"]
    told += [f"{unjudged} not judged"] if unjudged else []
    told += [f"{len(result.sifted.ignored)} accepted"] if result.sifted.ignored else []
    looked_at = f"{_count(result.reviewed.policies, 'policy', 'policies')} in {_count(result.files, 'file')}"
    return f"softtoken-mfa-review: {', '.join(told)}; {looked_at} looked at"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


# --- SARIF -----------------------------------------------------------------------------------------------------------


def _sarif(result: _Result, now: datetime.datetime) -> str:
    ignored = tuple(
        {"reason": one.entry.reason, "expires": one.entry.expires.isoformat(), "finding": to_dict(one.finding)}
        for one in result.sifted.ignored
    )
    audit = AccountAudit(
        verdict="unknown" if result.reviewed.unjudged else "compliant",
        account={"id": _ACCOUNT},
        findings=tuple(to_dict(found) for found in result.sifted.findings),
        ignored=ignored,
        coverage={"unreadable": [one._asdict() for one in result.reviewed.unjudged]},
    )
    return render_code_sarif(audit, now.strftime("%Y-%m-%dT%H:%M:%SZ"))
