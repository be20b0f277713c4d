# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of ``_iam_references`` on an ``AnsibleAWSModule`` and the host it runs on.

Private to this collection.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.softtoken.compliance.plugins.module_utils._aws.collect import CollectOptions, collect
from ansible_collections.softtoken.compliance.plugins.module_utils._iac_files import (
    PASSED_OVER,
    file_content,
    read_code,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.account import CoverageGap
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.catalogue import FILES
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.iac import IacFile
from ansible_collections.softtoken.compliance.plugins.module_utils._iam.user_references import CodeLine, expression
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit import AuditPorts
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_audit_ports import audit_ports, need_sdk
from ansible_collections.softtoken.compliance.plugins.module_utils._iam_references import CodeSearch

if TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

__all__ = ["code_below", "reference_ports", "search_code"]


def reference_ports(module: AnsibleAWSModule) -> AuditPorts:
    """Return the ports on this host, with the module's credentials."""
    return audit_ports(module)._replace(collect=lambda: _collect(module), read_code=code_below)


def code_below(paths: Sequence[str]) -> Tuple[IacFile, ...]:
    """Read infrastructure code. Of directories that hold none nothing is missing: search_code reads all there is."""
    return tuple(file for file in read_code(paths) if not os.path.isdir(file.path))


def _collect(module: AnsibleAWSModule) -> Mapping[str, Any]:
    need_sdk()
    params = module.params
    options = CollectOptions(
        region=module.region or CollectOptions().region,
        organization=params["organization"],
        monitoring=False,
        trail_hours=params["trail_hours"],
        users=(params["user"],),
    )
    return collect(module.client, options, module.debug)


def search_code(paths: Sequence[str], texts: Sequence[str]) -> CodeSearch:
    """Look for texts in every line of every file below some paths, whatever language it is in."""
    lines: List[CodeLine] = []
    problems: List[CoverageGap] = []
    for path in _files(paths, problems):
        try:
            content = file_content(path)
        except OSError as exc:
            problems.append(_problem(path, exc))
            continue
        # Nothing that people write has a NUL, and what machines write is no place to take a serial out of.
        if b"\0" not in content and any(text.encode() in content for text in texts):
            lines.extend(_lines(path, content.decode("utf-8", errors="replace"), texts))
    return CodeSearch(tuple(lines), tuple(problems))


def _files(paths: Sequence[str], problems: List[CoverageGap]) -> Iterator[str]:
    def note(exc: OSError) -> None:
        problems.append(_problem(str(exc.filename), exc))

    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=note):
            folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
            for name in sorted(names):
                full = os.path.join(folder, name)
                if os.path.isfile(full) and not os.path.islink(full):
                    yield full


def _problem(path: str, exc: OSError) -> CoverageGap:
    return CoverageGap(FILES, f"{path} cannot be read: {exc.strerror or exc}", subject=path)


def _lines(path: str, content: str, texts: Sequence[str]) -> Iterator[CodeLine]:
    wanted = [(text, re.compile(expression(text))) for text in texts]
    for number, line in enumerate(content.splitlines(), 1):
        for text, pattern in wanted:
            if pattern.search(line):
                yield CodeLine(path, number, text)
