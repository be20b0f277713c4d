# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a reader of a run's result may want next, made like the one that was run. Private, pure.

Nothing that may be secret is repeated: of ``-e`` only the names of files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from shlex import quote
from typing import Any

__all__ = ["Commands", "commands_like", "shell_lines"]

NAMED_HOSTS = 8
_COLLECTION = "softtoken.compliance"
_FLAGS = {"become": "--become", "ask_pass": "--ask-pass", "become_ask_pass": "--ask-become-pass"}
_NAMED = {"remote_user": "--user", "private_key_file": "--private-key"}
_OWN = {form.format(name) for name in ("compliance", "iam_audit") for form in ("{}.yml", _COLLECTION + ".{}")}
# What is none of these may be an operator in a pattern of hosts.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """How to go on after a run. Each method returns the words of one command."""

    programs: str = ""  # folder of Ansible's programs, with a slash, where they may not be on the path
    options: tuple[str, ...] = ()  # of every command: inventory, user, privileges
    variables: tuple[str, ...] = ()  # -e @file of ansible-playbook
    more_variables: bool = False  # there were others, which are not repeated
    playbook: str = f"{_COLLECTION}.compliance"
    account: str = ""  # softtoken_account of the run

    def enforce(self, hosts: Sequence[str], *, check: bool) -> list[str]:
        """Enforce, or show what that would change."""
        mode = ["-e", "softtoken_mode=enforce", *(["--check", "--diff"] if check else [])]
        words = [*self.options, self.playbook, *self.variables, *mode, *_limit(hosts)]
        return [f"{self.programs}ansible-playbook", *words]

    def ask(self, hosts: Sequence[str], command: str) -> list[str]:
        """Run one command on hosts."""
        return self._module(hosts, "ansible.builtin.command", "-a", command)

    def ping(self, hosts: Sequence[str]) -> list[str]:
        """See whether hosts can be reached, and by what connection."""
        return self._module(hosts, "ansible.builtin.ping", "-vvv")

    def measure(self, hosts: Sequence[str]) -> list[str]:
        """Measure hosts with all that Ansible can say about it."""
        return self._module(hosts, f"{_COLLECTION}.host_facts", "-vvv")

    def remediate(self) -> list[str]:
        """Show the corrections of an account's trust policies."""
        account = ["-e", f"softtoken_account={self.account}"] if self.account not in {"", "live"} else []
        return [f"{self.programs}ansible-playbook", self._beside("iam_remediate"), "--diff", *account]

    def _module(self, hosts: Sequence[str], module: str, *arguments: str) -> list[str]:
        return [f"{self.programs}ansible", *self.options, _pattern(hosts), "-m", module, *arguments]

    def _beside(self, name: str) -> str:
        path = PurePath(self.playbook)
        return (
            str(path.with_name(f"{name}{path.suffix}")) if path.suffix in {".yml", ".yaml"} else f"{_COLLECTION}.{name}"
        )


def commands_like(
    options: Mapping[str, Any],
    *,
    program: str,
    directory: str,
    account: str = "",
    inventory: Sequence[str] = (),
) -> Commands:
    """Return the commands that go with a run: of this program, with these options, in this working directory.

    ``inventory`` is what needs no option, ``account`` the run's softtoken_account.
    """
    playbooks = [_from(directory, str(playbook)) for playbook in options.get("args") or ()]
    own = [
        name for name in playbooks if PurePath(name).stem.removeprefix(f"{_COLLECTION}.") in {"compliance", "iam_audit"}
    ]
    given = [
        text for value in options.get("extra_vars") or () if not (text := str(value)).startswith("softtoken_mode=")
    ]
    files = [value for value in given if value.startswith("@")]
    sources = [str(source) for source in options.get("inventory") or ()]
    words = [word for source in sources if source not in inventory for word in ("-i", _from(directory, source))]
    words += [word for name, word in _FLAGS.items() if options.get(name)]
    words += [part for name, word in _NAMED.items() if options.get(name) for part in (word, str(options[name]))]
    # A virtual environment below the working directory works in any shell by its path, activated or not.
    folder = _from(directory, str(PurePath(program).parent))
    return Commands(
        programs="" if PurePath(folder).is_absolute() or folder == "." else f"{folder}/",
        options=tuple(words),
        variables=tuple(word for value in files for word in ("-e", f"@{_from(directory, value[1:])}")),
        more_variables=len(files) < len(given),
        playbook=own[0] if len(own) == 1 else f"{_COLLECTION}.compliance",
        account=_from(directory, account),
    )


def shell_lines(words: Sequence[str], width: int) -> list[str]:
    """Return a command as a shell takes it, over several lines where it is long."""
    lines, line = [], ""
    for word in _units(words):
        if line and len(line) + len(word) + 3 > width:
            lines.append(f"{line} \\")
            line = f"    {word}"
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _units(words: Sequence[str]) -> list[str]:
    """Keep an option and its value together."""
    units: list[str] = []
    for word in words:
        quoted = quote(word)
        if units and units[-1] in {"-i", "-e", "-m", "-a", "--limit", "--user", "--private-key"}:
            units[-1] += f" {quoted}"
        else:
            units.append(quoted)
    return units


def _limit(hosts: Sequence[str]) -> list[str]:
    pattern = _pattern(hosts)
    return [] if pattern == "all" else ["--limit", pattern]


def _pattern(hosts: Sequence[str]) -> str:
    """Return a pattern of these hosts, or of all where they are too many or their names are no plain ones."""
    plain = len(hosts) <= NAMED_HOSTS and all(_PLAIN_NAME.fullmatch(host) for host in hosts)
    return ",".join(hosts) if plain else "all"


def _from(directory: str, path: str) -> str:
    return path.removeprefix(f"{directory}/")
