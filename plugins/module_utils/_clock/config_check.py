# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks chronyd itself whether a planned configuration is one, before any file is touched.

Private to this collection. ``chronyd -p`` does not look into ``.sources`` files,
and AppArmor or SELinux may keep it from a file that lies in an unusual place. It
also takes directives as arguments: so it gets every directive that will be in
effect, those of the ``.sources`` files included, and there is no file at all.
"""

from __future__ import annotations

import re
from typing import Tuple

from .._ports import Runner
from .config_lint import lint_config
from .config_read import EffectiveConfig
from .config_write import ConfigError

__all__ = ["chronyd_version", "refuse_invalid", "refuse_never_synchronising"]

#: Replaced by what they bring in.
_READS_FILES = ("include", "confdir", "sourcedir")
_AT_LINE = re.compile(r" at line (\d+)(?: in file \S+)?")
_VERSION = re.compile(r"version (\d+)\.(\d+)")
_PREFIX = re.compile(r"^\S+ Fatal error : ")

#: Findings with which a configuration is accepted, and the clock never set.
_NEVER = ("source.too_few", "config.authselectmode")


def chronyd_version(runner: Runner, chronyd: str) -> Tuple[int, int]:
    """The version of the installed chronyd. Raises ConfigError."""
    result = runner.run([chronyd, "--version"])
    found = _VERSION.search(result.stdout)
    if found is None:
        said = (result.stderr or result.stdout).strip()
        raise ConfigError(f"{chronyd} --version did not say its version (status {result.rc}): {said}")
    return int(found.group(1)), int(found.group(2))


def refuse_invalid(runner: Runner, chronyd: str, config: EffectiveConfig) -> None:
    """Let chronyd (4.0 or later) parse every directive. Raises ConfigError with the file and line at fault."""
    directives = [one for one in config.directives if one.name not in _READS_FILES]
    result = runner.run([chronyd, "-p", "--", *(one.text for one in directives)])
    if result.rc == 0 and not result.timed_out:
        return
    said = (result.stderr or result.stdout).strip().splitlines()
    message = _PREFIX.sub("", said[-1]) if said else f"status {result.rc}"
    found = _AT_LINE.search(message)
    number = int(found.group(1)) if found else 0
    if not found or not 1 <= number <= len(directives):
        raise ConfigError(f"chronyd refuses the configuration: {message}")
    fault = directives[number - 1]
    raise ConfigError(f"chronyd refuses '{fault.text}' ({fault.file}, line {fault.line}): {_AT_LINE.sub('', message)}")


def refuse_never_synchronising(config: EffectiveConfig) -> None:
    """Refuse what chronyd takes and never synchronises with. Raises ConfigError."""
    for finding in lint_config(config):
        if finding.severity == "error" and finding.code in _NEVER and finding.file:
            raise ConfigError(f"{finding.message} ({finding.code}, {finding.file}, line {finding.line})")
