"""What the linter finds, what it lets pass, and how bad it takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_lint import lint_config
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.config_read import read_config
from ansible_collections.softtoken.compliance.plugins.module_utils._clock.model import ConfigFinding

from tests.fakes.files import DeniedFiles, RootedFiles

MAIN = "/etc/chrony.conf"
HEALTHY = "rtcsync\nmakestep 1 3\n"
AWS = "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4\n"


def lint(tmp_path: Path, text: str, **options: Any) -> tuple[ConfigFinding, ...]:
    files = RootedFiles(tmp_path)
    files.write(MAIN, text)
    return lint_config(read_config(files, MAIN), **options)


def codes(found: tuple[ConfigFinding, ...]) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in found]


@pytest.mark.parametrize(
    "sources",
    [
        AWS,
        AWS + "server fd00:ec2::123 iburst\npool time.aws.com iburst\n",
        AWS + "server time1.google.com\n",  # the same shape of smear
        "pool time.aws.com iburst\n",
        "pool 2.debian.pool.ntp.org iburst\n",
        "refclock PHC /dev/ptp_ena poll 0\npool 0.pool.ntp.org\n",
        "server 10.0.0.1\nserver 10.0.0.2\nminsources 2\n",
        "pool a.example.com\nminsources 4\n",
        "server a.example.com nts\nauthselectmode require\n",
        "server a.example.com key 1\nauthselectmode require\n",
        "server a.example.com\nauthselectmode mix\n",
        AWS + "server 0.pool.ntp.org noselect\n",
        "server notaws.com.example.org\nserver 0.pool.ntp.org\n",
    ],
)
def test_lets_pass(tmp_path: Path, sources: str) -> None:
    assert lint(tmp_path, HEALTHY + sources) == ()


@pytest.mark.parametrize(
    ("sources", "severity"),
    [
        ("server 169.254.169.123\npool 2.debian.pool.ntp.org\n", "error"),
        ("server FD00:EC2::123\nserver time.nist.gov\n", "error"),
        ("server time.google.com\nrefclock PPS /dev/pps0\n", "error"),
        ("server time.facebook.com\nserver time.aws.com\n", "error"),
        (AWS + "refclock PHC /dev/ptp_ena prefer\n", "error"),
        # What Amazon Linux 2 comes with: while the preferred source is there, the others are not followed.
        (AWS + "pool 2.amazon.pool.ntp.org iburst\n", "warning"),
        (AWS.replace("prefer ", "") + "refclock PHC /dev/ptp_ena poll 0 prefer\n", "warning"),
        (AWS + "server 10.0.0.1\n", "warning"),
    ],
)
def test_smearing_sources_beside_others(tmp_path: Path, sources: str, severity: str) -> None:
    (finding,) = lint(tmp_path, HEALTHY + sources)
    assert (finding.code, finding.severity) == ("config.smear_mixed", severity)
    assert finding.line == 3


def test_a_leap_second_would_be_applied_twice(tmp_path: Path) -> None:
    found = lint(tmp_path, HEALTHY + AWS + "leapsectz right/UTC\n")
    assert codes(found) == [("config.leap_smeared_twice", "warning")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("makestep 1 3\n", [("config.no_rtcsync", "warning")]),
        ("makestep 1 3\nrtcfile /var/lib/chrony/rtc\n", []),
        ("rtcsync\n", [("config.no_makestep", "error")]),
        ("rtcsync\nmakestep 1 0\n", [("config.no_makestep", "error")]),
        ("rtcsync\nmakestep 1 3\nmakestep 1 0\n", [("config.no_makestep", "error")]),
        ("rtcsync\nmakestep 1 -1\n", []),
        ("rtcsync\ninitstepslew 10 a.example.com\n", []),
        ("", [("config.no_makestep", "error"), ("config.no_rtcsync", "error")]),
    ],
)
def test_a_clock_that_boots_wrong(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    assert codes(lint(tmp_path, text + "server a.example.com\n")) == expected


def test_a_container_has_no_clock_of_its_own(tmp_path: Path) -> None:
    assert lint(tmp_path, "server a.example.com\n", container=True) == ()


@pytest.mark.parametrize(
    ("text", "options", "severity", "said"),
    [
        ("server a\n", {"min_sources": 2}, "error", "1 configured, 2 wanted"),
        ("server a\nserver b noselect\nminsources 2\n", {}, "error", "never synchronises"),
        ("pool a maxsources 2\nminsources 3\n", {}, "error", "only 2"),
        ("pool a maxsources 3\nminsources 3\n", {}, None, ""),
        ("", {}, "error", "no time source"),
        ("server a noselect\n", {}, "error", "no time source"),
    ],
)
def test_too_few_sources(tmp_path: Path, text: str, options: dict[str, Any], severity: str | None, said: str) -> None:
    found = lint(tmp_path, HEALTHY + text, **options)
    assert codes(found) == ([("source.too_few", severity)] if severity else [])
    assert said in "".join(finding.message for finding in found)


def test_the_trap_of_authselectmode(tmp_path: Path) -> None:
    text = HEALTHY + "authselectmode require\nserver a\n"
    (finding,) = lint(tmp_path, text)
    assert (finding.code, finding.severity, finding.line) == ("config.authselectmode", "error", 3)
    assert "never synchronises" in finding.message
    assert codes(lint(tmp_path, text + "server b nts\n")) == [("config.authselectmode", "warning")]
    assert codes(lint(tmp_path, text + "refclock PPS /dev/pps0\n")) == [("config.authselectmode", "warning")]


def test_a_local_reference(tmp_path: Path) -> None:
    assert codes(lint(tmp_path, HEALTHY + "local stratum 10\nserver a\n")) == [("clock.local_reference", "warning")]
    orphan = lint(tmp_path, HEALTHY + "local stratum 10\n")
    assert ("clock.local_reference", "error") in codes(orphan)


def test_monitoring_turned_off(tmp_path: Path) -> None:
    assert codes(lint(tmp_path, HEALTHY + "server a\ncmdport 0\n")) == [("config.cmdport_disabled", "warning")]


def test_two_main_files(tmp_path: Path) -> None:
    (finding,) = lint(tmp_path, HEALTHY + "server a\n", other_configs=["/etc/chrony/chrony.conf"])
    assert (finding.code, finding.severity) == ("config.ambiguous_main", "warning")
    assert "/etc/chrony/chrony.conf" in finding.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("server a ibrust", "unknown option ibrust"),
        ("server a minpoll", "needs a value"),
        ("server a minpoll four", "needs a whole number, not four"),
        ("server a offset slow", "needs a number"),
        ("server", "the address is missing"),
    ],
)
def test_a_line_that_a_sources_file_loses_silently(tmp_path: Path, line: str, said: str) -> None:
    files = RootedFiles(tmp_path)
    files.write(MAIN, HEALTHY + "server good\nsourcedir /s\n")
    files.write("/s/a.sources", f"server fine iburst extfield F323 offset -1e-3\n{line}\n")
    (finding,) = lint_config(read_config(files, MAIN))
    assert (finding.code, finding.severity) == ("config.invalid", "error")
    assert (finding.file, finding.line) == ("/s/a.sources", 2)
    assert said in finding.message
    assert "silently" in finding.message


def test_problems_of_reading_are_found_but_not_denials(tmp_path: Path) -> None:
    (finding,) = lint(tmp_path, HEALTHY + "server a\ninclude /gone\n")
    assert (finding.code, finding.line) == ("config.invalid", 4)
    files = DeniedFiles(tmp_path, "/secret")
    files.write("/secret", "server b\n")
    files.write(MAIN, HEALTHY + "server a\ninclude /secret\n")
    assert lint_config(read_config(files, MAIN)) == ()
