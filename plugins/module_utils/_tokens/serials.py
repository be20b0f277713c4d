# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to MFA devices in the AWS configuration of every user and of the host.

Private to this collection. Reads ``mfa_serial`` and ``aws_mfa_device`` in AWS configuration and credentials files, and
the variables that tools take a serial from in shell and environment files. Access keys are passed over: of a file
only serials, the roles of profiles without one, profile names and line numbers leave here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .._ports import Files
from .homes import OpenHome, hidden_gap, names_in, open_homes
from .model import AwsFile, Gap, Home, InheritedSerial, RoleProfile, SerialReference, SerialReport
from .text import read_regular, shown, why

if TYPE_CHECKING:
    from .environment import Assignment
    from .ini import IniFile, Setting

__all__ = ["find_serials"]

SERIAL_KEYS = ("mfa_serial", "aws_mfa_device")
# The AWS CLI and SDKs read none of these; aws-vault reads the first, aws-mfa the last, scripts the others.
SERIAL_VARIABLES = (
    "AWS_MFA_SERIAL",
    "AWS_MFA_SERIAL_NUMBER",
    "AWS_MFA_ARN",
    "AWS_MFA_DEVICE",
    "AWS_MFA_DEVICE_ARN",
    "MFA_SERIAL",
    "MFA_SERIAL_NUMBER",
    "MFA_DEVICE",
)
CONFIG_VARIABLE = "AWS_CONFIG_FILE"
CREDENTIALS_VARIABLES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CREDENTIAL_FILE")
VARIABLES = (*SERIAL_VARIABLES, CONFIG_VARIABLE, *CREDENTIALS_VARIABLES)
# Which tool takes a profile's serial from the profile that a setting names.
INHERITANCE = (("source_profile", "awsume"), ("include_profile", "aws-vault"), ("parent_profile", "aws-vault"))

HOST_FILES = (
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/zshrc",
    "/etc/zsh/zshenv",
    "/etc/zsh/zshrc",
    "/etc/zsh/zprofile",
)
HOST_DIRECTORIES = (("/etc/profile.d", ".sh"), ("/etc/environment.d", ".conf"))
HOME_FILES = (
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".env",
    ".envrc",
    ".pam_environment",
    ".config/fish/config.fish",
)
HOME_DIRECTORIES = ((".bashrc.d", ""), (".config/environment.d", ".conf"), (".config/fish/conf.d", ".fish"))
LEAPP_LOCK = ".Leapp/Leapp-lock.json"

_KEYS_READ = frozenset((*SERIAL_KEYS, *(setting for setting, _tool in INHERITANCE)))
MAX_REFERENCES = 1000  # a file
# Reading these is no look at a file: they may block or change the machine's state.
KERNEL_DIRECTORIES = ("/proc/", "/sys/", "/dev/")


class _Place(NamedTuple):
    """Whose files are being read; both None for the host's own."""

    user: Optional[str]
    home: Optional[str]


class _Profile(NamedTuple):
    """What of a profile matters for inheritance."""

    serial: str
    refers: Dict[str, str]


def find_serials(files: Files, homes: Sequence[Home]) -> SerialReport:
    """Read the host's environment files, then every home."""
    search = _Search(files)
    search.place(_Place(None, None), [*HOST_FILES, *search.listed(HOST_DIRECTORIES)], [])
    opened, hidden = open_homes(files, homes)
    search.hidden.extend(hidden)
    for home in opened:
        search.home(home)
    gaps = (*search.gaps, *hidden_gap("serials", search.hidden))
    return SerialReport(
        tuple(dict.fromkeys(search.references)),
        tuple(dict.fromkeys(search.inherited)),
        gaps,
        tuple(dict.fromkeys(search.role_profiles)),
    )


class _Search:
    """What has been found so far."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.references: List[SerialReference] = []
        self.inherited: List[InheritedSerial] = []
        self.role_profiles: List[RoleProfile] = []
        self.gaps: List[Gap] = []
        self.hidden: List[str] = []

    def home(self, home: OpenHome) -> None:
        """Read one user's files."""
        environment = [f"{home.path}/{name}" for name in HOME_FILES if home.may_have(name)]
        directories = [(f"{home.path}/{name}", suffix) for name, suffix in HOME_DIRECTORIES if home.may_have(name)]
        environment += self.listed(directories, home.user)
        sources = []
        if home.may_have(".aws"):
            sources = [AwsFile(f"{home.path}/.aws/{name}", name == "credentials") for name in ("config", "credentials")]
        self.place(_Place(home.user, home.path), environment, sources)
        lock = f"{home.path}/{LEAPP_LOCK}"
        if home.may_have(LEAPP_LOCK) and self._files.exists(lock):
            self._gap(f"{lock} is encrypted: MFA devices that Leapp uses are not in the list")

    def place(self, place: _Place, environment: Sequence[str], sources: Sequence[AwsFile]) -> None:
        """Read environment files, then the AWS configuration files known and those that the environment names."""
        more: List[AwsFile] = []
        for path in environment:
            text = self._read(path, place)
            if not any(name in text for name in VARIABLES):
                continue
            # Imported where there is something to read: hosts compile what they import, on every run.
            from .environment import read_assignments

            for found in read_assignments(text, VARIABLES, home=place.home, user=place.user):
                if found.name in SERIAL_VARIABLES:
                    self._variable(found, path, place)
                else:
                    more += self._named_source(found, path, place)
        self._configuration(place, list(dict.fromkeys([*sources, *more])))

    def listed(self, directories: Sequence[Tuple[str, str]], user: Optional[str] = None) -> List[str]:
        """Return the paths in the directories whose names end as wanted, in the order they are read."""
        paths: List[str] = []
        for directory, suffix in directories:
            names = names_in(self._files, directory)
            if names is None and user is not None:
                self.hidden.append(user)
            paths += [f"{directory}/{name}" for name in sorted(names or ()) if name.endswith(suffix)]
        return paths

    def _gap(self, reason: str) -> None:
        self.gaps.append(Gap("serials", "", reason))

    def _read(self, path: str, place: _Place) -> str:
        try:
            return read_regular(self._files, path) or ""
        except OSError as exc:
            if place.user is not None and isinstance(exc, PermissionError):
                self.hidden.append(place.user)
            elif not self._files.is_dir(path):
                self._gap(f"cannot read {shown(path)}: {why(exc)}")
            return ""

    def _variable(self, found: Assignment, path: str, place: _Place) -> None:
        if found.value is None:
            where = f"{shown(path)}:{found.line}"
            self._gap(f"{where}: {found.name} is made of other variables or a command: only that shell knows it")
        elif found.name.startswith("AWS_") or found.value.startswith("arn:") or found.value.isalnum():
            # Elsewhere a variable called MFA_DEVICE may well name a device file.
            from .ini import Setting

            self._reference(Setting("", found.name, found.value, found.line), path, None, place)

    def _named_source(self, found: Assignment, path: str, place: _Place) -> List[AwsFile]:
        value = found.value or ""
        if value.startswith("~/") and place.home is not None:
            value = place.home + value[1:]
        if not value.startswith("/") or "\0" in value or value.startswith(KERNEL_DIRECTORIES):
            where = f"{shown(path)}:{found.line}"
            self._gap(f"{where}: {found.name} names no file that can be told from here: that file was not read")
            return []
        return [AwsFile(value, found.name != CONFIG_VARIABLE)]

    def _configuration(self, place: _Place, sources: Sequence[AwsFile]) -> None:
        profiles: Dict[str, _Profile] = {}
        read: List[Tuple[AwsFile, IniFile]] = []
        for source in sources:
            text = self._read(source.path, place)
            if not text:
                continue
            from .ini import read_ini

            ini = read_ini(text)
            read.append((source, ini))
            self._problems(ini, source.path)
            room = len(self.references) + MAX_REFERENCES
            for setting in ini.settings:
                if setting.key in SERIAL_KEYS and len(self.references) >= room:
                    self._gap(f"{shown(source.path)} has more than {MAX_REFERENCES} MFA serials: the rest was not read")
                    break
                self._setting(setting, source, place, profiles)
        self.inherited += _inherited(profiles, place.user)
        if any(setting.key == "role_arn" for _source, ini in read for setting in ini.settings):
            from .role_profiles import find_role_profiles

            found, reasons = find_role_profiles(read, place.user)
            self.role_profiles += found
            self.gaps += (Gap("serials", "", reason) for reason in reasons)

    def _problems(self, ini: IniFile, path: str) -> None:
        if ini.problems:
            first = ini.problems[0]
            more = f" (and {len(ini.problems) - 1} more problems)" if len(ini.problems) > 1 else ""
            self._gap(f"{shown(path)}: line {first.line} {first.what}{more}: the AWS CLI refuses the whole file")

    def _setting(self, setting: Setting, source: AwsFile, place: _Place, profiles: Dict[str, _Profile]) -> None:
        if not setting.value or setting.key not in _KEYS_READ:
            return
        from .ini import profile_name

        name = profile_name(setting.section, source)
        if name is None:
            name = setting.section
            if setting.key in SERIAL_KEYS:
                where = f"{shown(source.path)}:{setting.line}"
                self._gap(f"{where}: stands in a section that is no profile for the AWS CLI (write [profile NAME])")
        profile = profiles.get(name, _Profile("", {}))
        if setting.key in SERIAL_KEYS:
            serial = self._reference(setting, source.path, name, place)
            if setting.key == "mfa_serial":
                profile = profile._replace(serial=serial)
        else:
            profile.refers[setting.key] = setting.value
        profiles[name] = profile

    def _reference(self, setting: Setting, path: str, profile: Optional[str], place: _Place) -> str:
        from .serial import read_serial

        serial = read_serial(setting.value)
        if serial.problem:
            self._gap(f"{shown(path)}:{setting.line}: {setting.key} is malformed: {serial.problem}")
        if serial.text:
            name = None if profile is None else shown(profile)
            reference = SerialReference(serial.text, shown(path), name, place.user, setting.line, setting.key)
            self.references.append(reference)
        return serial.text


def _inherited(profiles: Dict[str, _Profile], user: Optional[str]) -> Iterator[InheritedSerial]:
    for name, profile in profiles.items():
        if profile.serial:
            continue
        for setting, tool in INHERITANCE:
            other = profile.refers.get(setting, "")
            if other != name and other in profiles and profiles[other].serial:
                yield InheritedSerial(profiles[other].serial, shown(name), user, shown(other), setting, tool)
