# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces of soft tokens on a host: running programs, packages, executables, configuration.

Private to this collection. Files that may hold seeds are never opened: that they exist is the evidence. Command
lines are read for the program's name and go no further, since ``oathtool`` takes its seed there.
"""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Tuple

from .._ports import Files, Process
from .catalogue import CATALOGUE, PAM_DIRECTORIES, TokenProgram
from .homes import OpenHome, hidden_gap, names_in, open_homes
from .model import Evidence, Gap, Home, SerialReference, TokenEvidence
from .packages import installed_packages
from .text import lines, read_regular, shown, why

__all__ = ["find_evidence"]

AWS_CONFIG = "aws-config"

# Where programs lie that are not on the search path of a remote Ansible session.
PROGRAM_DIRECTORIES = (
    "/usr/local/bin",
    "/snap/bin",
    "/var/lib/flatpak/exports/bin",
    "/home/linuxbrew/.linuxbrew/bin",
)
HOME_PROGRAM_DIRECTORIES = (
    ".local/bin",
    "bin",
    "go/bin",
    ".cargo/bin",
    ".nix-profile/bin",
    ".local/share/flatpak/exports/bin",
)
INTERPRETERS = ("python", "bash", "sh", "dash", "zsh", "node", "perl", "ruby")

_NAME_LIMIT = 15  # the kernel cuts a process's name there
_KINDS: Dict[str, TokenProgram] = {program: entry for entry in CATALOGUE for program in entry.programs}
_CUT_NAMES: Dict[str, str] = {program[:_NAME_LIMIT]: program for program in _KINDS if len(program) > _NAME_LIMIT}
# Executables that are evidence by being there.
_PROGRAMS: Dict[str, TokenProgram] = {name: entry for name, entry in _KINDS.items() if not entry.subcommand}


def _home_traces() -> Dict[str, List[Tuple[str, str, str]]]:
    """Group what to look for in a home by directory, so that each directory is listed once: name, kind, how."""
    traces: Dict[str, List[Tuple[str, str, str]]] = {
        directory: [(name, entry.kind, "executable") for name, entry in _PROGRAMS.items()]
        for directory in HOME_PROGRAM_DIRECTORIES
    }
    for entry in CATALOGUE:
        for relative in entry.configuration:
            directory, _slash, name = relative.rpartition("/")
            traces.setdefault(directory, []).append((name, entry.kind, "configuration"))
    return traces


_HOME_TRACES = _home_traces()


def find_evidence(
    processes: Optional[Sequence[Process]],
    files: Files,
    homes: Sequence[Home],
    which: Callable[[str], Optional[str]],
    serials: Sequence[SerialReference] = (),
) -> TokenEvidence:
    """Collect every trace. ``processes`` is None when they could not be listed: then nothing found means unknown.

    ``serials`` (from ``find_serials``) make the kind ``aws-config``: who names an MFA device makes codes somewhere.
    """
    gaps: List[Gap] = []
    if processes is None:
        gaps.append(Gap("tokens", "", "running processes could not be listed: what only runs was not seen"))
    opened, hidden = open_homes(files, homes)
    packages, unread = installed_packages(files, frozenset(name for entry in CATALOGUE for name in entry.packages))
    gaps.extend(unread)

    found: List[Evidence] = []
    found.extend(_running(processes or ()))
    found.extend(_packages(packages))
    found.extend(_executables(files, which))
    found.extend(_configuration(files, opened, hidden))
    found.extend(_pam(files, gaps))
    found.extend(Evidence(AWS_CONFIG, AWS_CONFIG, serial.where, serial.user) for serial in serials)
    gaps.extend(hidden_gap("tokens", hidden))

    details = tuple(dict.fromkeys(found))
    kinds = tuple(kind for kind in _kind_order() if any(trace.kind == kind for trace in details))
    present: Optional[bool] = True if details else (None if gaps else False)
    return TokenEvidence(present, kinds, details, tuple(gaps))


def _kind_order() -> Iterator[str]:
    for entry in CATALOGUE:
        yield entry.kind
    yield AWS_CONFIG


def _running(processes: Iterable[Process]) -> Iterator[Evidence]:
    for process in processes:
        for name, arguments in _names(process):
            entry = _KINDS.get(name)
            if entry is None or (entry.subcommand and arguments[:1] != (entry.subcommand,)):
                continue
            yield Evidence(entry.kind, "process", name, process.user)
            break


def _names(process: Process) -> Iterator[Tuple[str, Tuple[str, ...]]]:
    """Yield the names a process may go by, each with the arguments that follow it."""
    words = process.cmdline
    yield _CUT_NAMES.get(process.name, process.name), words[1:]
    if not words:
        return
    program = _base_name(words[0])
    yield program, words[1:]
    if program.rstrip("0123456789.") in INTERPRETERS:
        # A script: the interpreter's first word that is no option.
        for index, word in enumerate(words[1:], start=1):
            if not word.startswith("-"):
                yield _base_name(word), words[index + 1 :]
                return


def _base_name(path: str) -> str:
    return path.rpartition("/")[2]


def _packages(installed: FrozenSet[str]) -> Iterator[Evidence]:
    for entry in CATALOGUE:
        for name in entry.packages:
            if name in installed:
                yield Evidence(entry.kind, "package", name)


def _executables(files: Files, which: Callable[[str], Optional[str]]) -> Iterator[Evidence]:
    for program, entry in _PROGRAMS.items():
        path = which(program)
        if path:
            yield Evidence(entry.kind, "executable", path)
    for directory in PROGRAM_DIRECTORIES:
        names = names_in(files, directory) or frozenset()
        for name, entry in _PROGRAMS.items():
            if name in names:
                yield Evidence(entry.kind, "executable", f"{directory}/{name}")


def _configuration(files: Files, homes: Sequence[OpenHome], hidden: List[str]) -> Iterator[Evidence]:
    for entry in CATALOGUE:
        for path in entry.system:
            if files.exists(path):
                yield Evidence(entry.kind, "configuration", path)
    for home in homes:
        for directory, traces in _HOME_TRACES.items():
            if directory and not home.may_have(directory):
                continue
            path = f"{home.path}/{directory}" if directory else home.path
            names = names_in(files, path) if directory else home.names
            if names is None:
                hidden.append(home.user)
                continue
            for name, kind, how in traces:
                if name in names:
                    yield Evidence(kind, how, f"{path}/{name}", home.user)


def _pam(files: Files, gaps: List[Gap]) -> Iterator[Evidence]:
    for directory in PAM_DIRECTORIES:
        try:
            names = files.list_dir(directory)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            gaps.append(Gap("tokens", "", f"cannot list {directory}: {why(exc)}"))
            continue
        for name in names:
            yield from _pam_service(files, f"{directory}/{name}", gaps)


def _pam_service(files: Files, path: str, gaps: List[Gap]) -> Iterator[Evidence]:
    try:
        text = read_regular(files, path) or ""
    except OSError as exc:
        if files.is_dir(path):
            return
        gaps.append(Gap("tokens", "", f"cannot read {shown(path)}: {why(exc)}"))
        return
    active = [line.partition("#")[0] for line in lines(text)]
    for entry in CATALOGUE:
        if entry.pam and any(entry.pam in line for line in active):
            yield Evidence(entry.kind, "configuration", shown(path))
