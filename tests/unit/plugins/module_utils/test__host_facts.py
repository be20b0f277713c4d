"""What the module does with its parameters, and what it sends back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.collect import Ports
from ansible_collections.softtoken.compliance.plugins.module_utils._host_facts import (
    HostPorts,
    ParameterError,
    check_parameters,
    look_at_host,
)
from ansible_collections.softtoken.compliance.plugins.module_utils._ports import Process, Unavailable

from tests.fakes.files import RootedFiles
from tests.fakes.runner import ScriptedRunner

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS: dict[str, Any] = {
    "gather_subset": ["all"],
    "detail": False,
    "max_error": 1.0,
    "warn_error": None,
    "min_sources": 1,
    "authorised_sources": None,
    "max_reference_age": 4096.0,
    "max_drift": 50.0,
    "witness_servers": [],
    "witness_timeout": 2.0,
    "totp_validator": "rfc6238",
    "totp_min_probability": 0.95,
    "config_file": None,
    "chronyc_address": None,
    "imds_timeout": 1.0,
}
ARN = "arn:aws:iam::123456789012:mfa/alice"


class Host:
    """A host without chrony and with one user, who has an MFA device and a code generator that runs."""

    def __init__(self, root: Path) -> None:
        self.files = RootedFiles(root)
        self.files.write("/etc/os-release", 'ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n')
        self.files.write("/etc/passwd", "alice:x:1000:1000::/home/alice:/bin/bash\n")
        self.files.write("/home/alice/.aws/config", f"[profile prod]\nmfa_serial = {ARN}\n")
        self.files.write("/proc/sys/kernel/random/boot_id", "0f3c\n")
        self.files.write("/usr/bin/dnf", "")
        self.scans = 0
        self.psutil = True
        self.role: dict[str, Any] | str | None = {"account": "123456789012", "role": "ci-runner"}
        self.time = 1000.0

    def look(self, **parameters: Any) -> dict[str, Any]:
        runner = ScriptedRunner({})
        runner.which = self.files.which  # type: ignore[method-assign]
        ports = HostPorts(
            clock=Ports(runner, self.files, self, self, self),  # type: ignore[arg-type]
            attached_role=self._role,
            has_library=lambda name: name == "psutil",
        )
        return look_at_host({**DEFAULTS, **parameters}, ports)

    def _role(self) -> dict[str, Any] | None:
        if isinstance(self.role, str):
            raise Unavailable(self.role)
        return self.role

    def wall(self) -> float:
        self.time += 1.0
        return self.time

    def snapshot(self) -> list[Process]:
        self.scans += 1
        if not self.psutil:
            raise Unavailable("install python3-psutil")
        return [
            Process(1, "keepassxc", ("/usr/bin/keepassxc", "--secret"), "alice"),
            Process(2, "ntpd", ("ntpd",), "ntp"),
        ]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_one_scan_serves_rivals_and_tokens(host: Host) -> None:
    result = host.look()
    assert host.scans == 1
    assert [process.name for process in result["look"].processes] == ["ntpd"]
    assert result["identity"]["tokens"] == {"present": True, "kinds": ["keepassxc", "aws-config"]}


def test_command_lines_of_other_programs_stay_on_the_host(host: Host) -> None:
    assert "--secret" not in json.dumps(host.look(detail=True))


def test_serials_and_role(host: Host) -> None:
    identity = host.look()["identity"]
    (serial,) = identity["serials"]
    assert serial == {"serial": ARN, "where": "/home/alice/.aws/config", "profile": "prod", "user": "alice"}
    assert identity["attached_role"] == {"account": "123456789012", "role": "ci-runner"}


def test_a_profile_for_a_role_without_a_serial_is_a_fact_only_where_there_is_one(host: Host) -> None:
    assert "role_profiles" not in host.look()["identity"]
    role = "arn:aws:iam::123456789012:role/ops"
    with (host.files.root / "home/alice/.aws/config").open("a", encoding="utf-8") as config:
        config.write(f"\n[profile ops]\nrole_arn = {role}\nsource_profile = prod\n")
    result = host.look(detail=True)
    entry = {"role_arn": role, "where": "/home/alice/.aws/config", "profile": "ops", "user": "alice"}
    assert result["identity"]["role_profiles"] == [entry]
    ((found),) = result["detail"]["evidence"]["serials"]["role_profiles"]
    assert found["line"] > 1
    assert {key: found[key] for key in entry} == entry


def test_without_psutil_tokens_are_seen_as_far_as_files_go(host: Host) -> None:
    host.psutil = False
    (host.files.root / "home/alice/.aws/config").unlink()
    result = host.look(detail=True)
    assert host.scans == 1
    assert result["identity"]["tokens"]["present"] is None
    assert "install python3-psutil" in [gap["reason"] for gap in result["detail"]["identity_gaps"]]


def test_a_role_that_cannot_be_found_out_is_a_gap(host: Host) -> None:
    host.role = "no answer"
    result = host.look(detail=True)
    assert result["identity"]["attached_role"] is None
    assert {"subset": "role", "code": "", "reason": "no answer"} in result["detail"]["identity_gaps"]


def test_what_is_left_out_is_null_and_not_looked_at(host: Host) -> None:
    result = host.look(gather_subset=["clock", "service"])
    assert result["identity"] == {"tokens": None, "serials": None, "attached_role": None}
    assert not any(path.startswith("/home") for path in host.files.opened)
    assert result["look"].subsets == ("clock", "service")
    assert result["compare"] is False


def test_the_stamps_enclose_the_look(host: Host) -> None:
    result = host.look()
    assert result["started_s"] < result["look"].taken_at_s < result["ended_s"]
    assert result["kernel"] == "0f3c"


def test_the_long_form_comes_when_asked_for(host: Host) -> None:
    assert "detail" not in host.look()
    assert host.look(detail=True)["detail"]["system"] == {
        "distribution": "rocky",
        "distribution_like": ["rhel", "centos", "fedora"],
        "version": "9.4",
        "package_manager": "dnf",
        "ec2": False,
        "agent": None,
        "container": False,
        "systemd": False,
        "psutil": True,
        "ntplib": False,
    }


@pytest.mark.parametrize(
    ("path", "agent"),
    [
        ("/etc/systemd/system/softtoken-agent.service", "systemd"),
        ("/etc/cron.d/softtoken-agent", "cron"),
        ("/usr/bin/softtoken-agent", None),
    ],
)
def test_the_agent_is_told_by_what_runs_its_checks(host: Host, path: str, agent: str | None) -> None:
    host.files.write(path, "")
    assert host.look(detail=True)["detail"]["system"]["agent"] == agent


def test_a_line_for_cron_is_told_even_where_there_is_a_service(host: Host) -> None:
    host.files.write("/etc/systemd/system/softtoken-agent.service", "")
    host.files.write("/etc/cron.d/softtoken-agent", "")
    assert host.look(detail=True)["detail"]["system"]["agent"] == "cron"


@pytest.mark.parametrize("mark", ["/run/systemd/container", "/run/.containerenv", "/.dockerenv"])
@pytest.mark.parametrize(("own_root", "container"), [(True, True), (None, True), (False, False)])
def test_a_container_is_told_by_its_marks_and_a_chroot_in_it_is_none(
    host: Host, mark: str, own_root: bool | None, container: bool
) -> None:
    host.files.write(mark, "")
    host.files.own = own_root
    assert host.look(detail=True)["detail"]["system"]["container"] is container


def test_systemd_is_installed_where_its_command_is(host: Host) -> None:
    host.files.write("/usr/bin/systemctl", "")
    assert host.look(detail=True)["detail"]["system"]["systemd"] is True


@pytest.mark.parametrize(
    ("release", "programs", "manager"),
    [
        ("ID=debian", ["apt-get", "dnf", "yum"], "apt"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", ["apt-get"], "apt"),
        ("ID=fedora", ["dnf5", "dnf", "apt-get"], "dnf5"),
        ("ID=amzn", ["yum"], "yum"),
        ("ID=opensuse-leap", ["zypper"], "zypper"),
        ("ID=alpine", ["apk"], "apk"),
        ("ID=arch", ["pacman"], "pacman"),
        ("ID=other", [], "unknown"),
    ],
)
def test_package_manager(host: Host, release: str, programs: list[str], manager: str) -> None:
    (host.files.root / "usr/bin/dnf").unlink()
    host.files.write("/etc/os-release", release)
    for program in programs:
        host.files.write(f"/usr/bin/{program}", "")
    assert host.look(detail=True)["detail"]["system"]["package_manager"] == manager


@pytest.mark.parametrize(
    ("words", "looked_at"),
    [
        (["all"], {"clock", "config", "rivals", "service", "witness"}),
        (["!rivals"], {"clock", "config", "service", "witness"}),
        (["all", "!rivals", "!clock"], {"config", "service", "witness"}),
        (["clock", "witness", "!witness"], {"clock"}),
        (["tokens"], set()),
    ],
)
def test_subsets(host: Host, words: list[str], looked_at: set[str]) -> None:
    assert set(host.look(gather_subset=words)["look"].subsets) == looked_at


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"gather_subset": ["clocks"]}, "there is no clocks: take all or some of clock, service"),
        ({"gather_subset": ["!clocks"]}, "there is no clocks"),
        ({"gather_subset": ["clock", "!clock"]}, "leaves nothing to gather"),
        ({"gather_subset": ["!all"]}, "leaves nothing to gather"),
        ({"witness_servers": ["a", "http://b"]}, "witness_servers: 'http://b' is no time server"),
        ({"witness_servers": ["a:99999"]}, "ports go from 1 to 65535"),
        ({"witness_timeout": 0.0}, "witness_timeout is 0: it has to be above 0"),
        ({"witness_timeout": float("nan")}, "witness_timeout is nan"),
        ({"imds_timeout": 61.0}, "imds_timeout is 61"),
        ({"authorised_sources": ["a b"]}, "authorised_sources: 'a b' is no name"),
        ({"authorised_sources": [""]}, "authorised_sources: '' is no name"),
        ({"config_file": "chrony.conf"}, "absolute path"),
    ],
)
def test_parameters_that_cannot_be_meant(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_parameters({**DEFAULTS, **parameters})


def test_parameters_that_can() -> None:
    check_parameters(DEFAULTS)
    check_parameters({**DEFAULTS, "authorised_sources": [], "witness_servers": ["[::1]:5"], "config_file": "/c"})
