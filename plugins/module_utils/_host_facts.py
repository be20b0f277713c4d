# Copyright: (c) 2026, softtoken.compliance contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of ``host_facts`` that runs on the host: one look, no opinion.

Private to this collection. The side effects come in as ports. What comes out is read and judged on the controller, by
the action plugin: it knows one witness more, and it loads the code for that once, not once a host.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import (
    SUBSETS,
    MeasureOptions,
    Ports,
    collect,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.gap import Gap
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.layout import read_os_release
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Process, Processes, Unavailable

__all__ = ["HostPorts", "ParameterError", "check_parameters", "chosen_subsets", "look_at_host"]

_POLICY = (
    "max_error",
    "warn_error",
    "min_sources",
    "authorised_sources",
    "max_reference_age",
    "max_drift",
    "totp_validator",
    "totp_min_probability",
)

_CLOCK = ("clock", "service", "config", "rivals", "witness")
_ALL = (*_CLOCK, "tokens", "serials", "role")

_TIMEOUTS = ("witness_timeout", "imds_timeout")
_LONGEST_TIMEOUT_S = 60.0

#: The name that ansible.builtin.package knows a package manager by, and its program; the first one found counts.
_PACKAGE_MANAGERS = (
    ("dnf5", "dnf5"),
    ("dnf", "dnf"),
    ("yum", "yum"),
    ("zypper", "zypper"),
    ("apk", "apk"),
    ("pacman", "pacman"),
    ("apt", "apt-get"),
)

#: What systemd, Podman and Docker leave in a container for programs to see.
_CONTAINER_MARKS = ("/run/systemd/container", "/run/.containerenv", "/.dockerenv")

#: What the role drift_agent installs, for what runs the agent's checks. Where there are both, a move to systemd was not
#: finished, and the line for cron is what the role has to know of.
_AGENTS = (("cron", "/etc/cron.d/softtoken-agent"), ("systemd", "/etc/systemd/system/softtoken-agent.service"))


class ParameterError(ValueError):
    """A parameter that cannot be meant so."""


class HostPorts(NamedTuple):
    """What the clock needs, and two things more."""

    clock: Ports
    #: Parameters of the metadata look-up to the role; raises Unavailable.
    attached_role: Callable[[], dict[str, Any] | None]
    #: Whether a Python library is there.
    has_library: Callable[[str], bool]


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Refuse what no argument spec can refuse. Raises ParameterError."""
    for name in _TIMEOUTS:
        if not 0 < parameters[name] <= _LONGEST_TIMEOUT_S:
            raise ParameterError(f"{name} is {parameters[name]:g}: it has to be above 0 and at most 60 seconds")
    if parameters["witness_servers"]:
        _check_servers(parameters["witness_servers"])
    for source in parameters["authorised_sources"] or ():
        if not source or source.split() != [source]:
            raise ParameterError(f"authorised_sources: {source!r} is no name, address or reference id of a time source")
    if parameters["config_file"] and not parameters["config_file"].startswith("/"):
        raise ParameterError(f"config_file is {parameters['config_file']!r}: it has to be an absolute path")
    chosen_subsets(parameters["gather_subset"])


def _check_servers(servers: Sequence[str]) -> None:
    # Imported here, as everything that few runs need: hosts compile what they import, on every run.
    from ansible_collections.softtoken.compliance.plugins.module_utils._clock.address import server_address

    for server in servers:
        try:
            server_address(server)
        except ValueError as exc:
            raise ParameterError(f"witness_servers: {exc}") from None


def chosen_subsets(words: Sequence[str]) -> frozenset[str]:
    """Return what ``gather_subset`` means. Raises ParameterError."""
    wanted = {word for word in words if not word.startswith("!")}
    unwanted = {word[1:] for word in words if word.startswith("!")}
    unknown = sorted((wanted | unwanted) - {*_ALL, "all"})
    if unknown:
        raise ParameterError(
            f"gather_subset: there is no {', '.join(unknown)}: take all or some of {', '.join(_ALL)}; !NAME leaves out"
        )
    chosen = set(_ALL) if "all" in wanted or not wanted else wanted
    chosen -= set(_ALL) if "all" in unwanted else unwanted
    if not chosen:
        raise ParameterError(f"gather_subset: {', '.join(words)} leaves nothing to gather")
    return frozenset(chosen)


def look_at_host(parameters: Mapping[str, Any], ports: HostPorts) -> dict[str, Any]:
    """Look at the host as the parameters say; returns what the action plugin makes the facts of."""
    return _Look(parameters, ports).result()


class _Look:
    def __init__(self, parameters: Mapping[str, Any], ports: HostPorts) -> None:
        self._parameters = parameters
        self._ports = ports
        self._files = ports.clock.files
        self._subsets = chosen_subsets(parameters["gather_subset"])
        self._gaps: list[Gap] = []

    def result(self) -> dict[str, Any]:
        started = self._ports.clock.clocks.wall()
        # One scan serves rivals and tokens.
        processes = _OneScan(self._ports.clock.processes)
        look = collect(self._ports.clock._replace(processes=processes), self._options())
        identity, evidence = self._identity(processes)
        result: dict[str, Any] = {
            "look": look,
            "identity": identity,
            "policy": {name: self._parameters[name] for name in _POLICY},
            "compare": "witness" in self._subsets,
            "kernel": self._kernel(),
        }
        if self._parameters["detail"]:
            result["detail"] = {
                "identity_gaps": [gap._asdict() for gap in self._gaps],
                "evidence": evidence,
                "system": self._system(),
            }
        return {**result, "started_s": started, "ended_s": self._ports.clock.clocks.wall()}

    def _options(self) -> MeasureOptions:
        return MeasureOptions(
            subsets=self._subsets & SUBSETS,
            chronyc_address=self._parameters["chronyc_address"],
            config_file=self._parameters["config_file"],
            witness_servers=tuple(self._parameters["witness_servers"]),
            witness_timeout_s=self._parameters["witness_timeout"],
            configured_names=self._parameters["authorised_sources"] is not None or self._parameters["detail"],
        )

    # --- soft tokens and MFA devices ---------------------------------------------------------------------------------

    def _identity(self, processes: _OneScan) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the facts beside the clock, null where nobody asked, and their long form."""
        # Imported as they are needed: hosts compile what they import, on every run.
        facts: dict[str, Any] = {"tokens": None, "serials": None, "attached_role": None}
        evidence: dict[str, Any] = {}
        references: tuple[Any, ...] = ()
        homes = self._homes() if self._subsets & {"tokens", "serials"} else ()
        if "serials" in self._subsets:
            from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import (
                role_profile_facts,
                serial_details,
                serial_facts,
            )
            from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.serials import find_serials

            report = find_serials(self._files, homes)
            self._gaps.extend(report.gaps)
            references = report.references
            facts["serials"] = serial_facts(report)
            if report.role_profiles:
                facts["role_profiles"] = role_profile_facts(report)
            evidence["serials"] = serial_details(report)
        if "tokens" in self._subsets:
            from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.evidence import find_evidence
            from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.facts import (
                token_details,
                token_facts,
            )

            traces = find_evidence(
                self._snapshot(processes), self._files, homes, self._ports.clock.runner.which, references
            )
            self._gaps.extend(traces.gaps)
            facts["tokens"] = token_facts(traces)
            evidence["tokens"] = token_details(traces)
        if "role" in self._subsets:
            facts["attached_role"] = self._role()
        return facts, evidence

    def _homes(self) -> tuple[Any, ...]:
        from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.homes import (
            parse_passwd,
            select_homes,
        )

        try:
            return select_homes(parse_passwd(self._files.read_text("/etc/passwd")), self._files)
        except OSError as exc:
            reason = f"cannot read /etc/passwd, so nobody's files were looked at: {exc.strerror or exc}"
            self._gaps.extend(Gap(subset, "", reason) for subset in ("tokens", "serials") if subset in self._subsets)
            return ()

    def _snapshot(self, processes: _OneScan) -> list[Process] | None:
        try:
            return processes.snapshot()
        except Unavailable as exc:
            self._gaps.append(Gap("tokens", "", str(exc)))
            return None

    def _role(self) -> dict[str, Any] | None:
        try:
            return self._ports.attached_role()
        except Unavailable as exc:
            self._gaps.append(Gap("role", "", str(exc)))
            return None

    # --- the host ----------------------------------------------------------------------------------------------------

    def _kernel(self) -> str:
        """Name the running kernel: who shares it shares its clock and is no witness."""
        try:
            return self._files.read_text("/proc/sys/kernel/random/boot_id").strip()
        except OSError:
            return ""

    def _system(self) -> dict[str, Any]:
        """Return what the controller cannot make out of the look."""
        # Here alone, so that a look without the long form does not compile it.
        from ansible_collections.softtoken.compliance.plugins.module_utils._tokens.ec2 import is_ec2

        release = read_os_release(self._files)
        return {
            "distribution": release.get("ID", "unknown"),
            "distribution_like": release.get("ID_LIKE", "").split(),
            "version": release.get("VERSION_ID", ""),
            "package_manager": self._package_manager(release),
            "ec2": is_ec2(self._files),
            "agent": next((name for name, path in _AGENTS if self._files.exists(path)), None),
            # A chroot may see the marks of the system around it.
            "container": self._files.own_root() is not False and any(map(self._files.exists, _CONTAINER_MARKS)),
            "systemd": self._files.exists("/usr/bin/systemctl"),
            "psutil": self._ports.has_library("psutil"),
            "ntplib": self._ports.has_library("ntplib"),
        }

    def _package_manager(self, release: Mapping[str, str]) -> str:
        which = self._ports.clock.runner.which
        if {"debian", "ubuntu"} & {release.get("ID", ""), *release.get("ID_LIKE", "").split()}:
            return "apt"  # which may well have an rpm and a dnf installed as tools
        return next((name for name, program in _PACKAGE_MANAGERS if which(program)), "unknown")


class _OneScan:
    """Lists the processes at most once; a scan that was not possible is not tried again either."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._found: list[Process] | None = None
        self._error: Unavailable | None = None

    def snapshot(self) -> list[Process]:
        if self._error is None and self._found is None:
            try:
                self._found = self._processes.snapshot()
            except Unavailable as exc:
                self._error = exc
        if self._error is not None:
            raise self._error
        return self._found or []
