from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._agent.config import (
    _KEYS,
    Config,
    ConfigFault,
    Enforcement,
    Outputs,
    read_config,
    read_outputs,
)
from ansible_collections.softtoken.compliance.plugins.modules import host_facts
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[5]
EVERYTHING = """
# a comment
[measure]
gather_subset = all, !role
witness_servers = 192.0.2.1,
  ntp.example.com:1123
witness_timeout = 1.5
config_file = /etc/chrony.conf
chronyc_address = /run/chrony/other.sock
imds = never
[policy]
max_error = 2
warn_error = 0.25
min_sources = 3
authorised_sources = 192.0.2.1
totp_validator = strict
; another
[output]
facts_file = none
metrics_file = /srv/x.prom
history_bytes = 8192
[enforce]
enabled = yes
at_most = 2
"""


def test_an_empty_file_is_a_configuration() -> None:
    config = read_config("")
    assert config.outputs == Outputs()
    assert config.enforcement == Enforcement()
    assert config.enforcement.enabled is False
    assert config.parameters["gather_subset"] == ["all"]
    assert config.parameters["authorised_sources"] is None
    assert config.parameters["detail"] is True


def test_parameters_are_options_of_host_facts_with_its_defaults() -> None:
    documented = (ROOT / "plugins" / "modules" / "host_facts.py").read_text(encoding="utf-8")
    assert host_facts.__file__ is not None
    options = set(re.findall(r'^            "(\w+)": \{"type"', documented, re.MULTILINE)) or set(
        re.findall(r'^    "(\w+)": \{"type"', documented, re.MULTILINE)
    )
    assert set(read_config("").parameters) == options - {"max_report_age"}


def test_every_section_is_read() -> None:
    config = read_config(EVERYTHING)
    assert config.parameters["gather_subset"] == ["all", "!role"]
    assert config.parameters["witness_servers"] == ["192.0.2.1", "ntp.example.com:1123"]
    assert config.parameters["max_error"] == 2.0
    assert config.parameters["authorised_sources"] == ["192.0.2.1"]
    assert config.outputs == Outputs(facts_file="", metrics_file="/srv/x.prom", history_bytes=8192)
    assert config.enforcement == Enforcement(enabled=True, at_most=2)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[policy]\nmax_eror = 1\n", 2, "there is no key max_eror in [policy]: take authorised_sources"),
        ("[policy]\n\nmax_error = fast\n", 3, "max_error is 'fast': expected a number from 0.001 to 1e+06"),
        ("[policy]\nmax_error = nan\n", 2, "max_error is 'nan'"),
        ("[policy]\nmin_sources = -1\n", 2, "min_sources is '-1': expected a whole number from 0 to 1000"),
        ("[policy]\nmin_sources = \u0663\n", 2, "expected a whole number"),
        ("[policy]\nMax_error = 1\n", 2, "there is no key Max_error"),
        ("[plicy]\nmax_error = 1\n", 1, "there is no section [plicy]: take measure, policy, output, enforce"),
        ("max_error = 1\n", 1, "a key before the first section"),
        ("[policy]\nmax_error = 1\nmax_error = 2\n", 3, "max_error is there twice"),
        ("[policy]\n[measure]\n[policy]\n", 3, "section [policy] is there twice"),
        ("[policy]\nmax_error\n", 2, "this is no section, key = value or comment"),
        ("[measure]\nimds = maybe\n", 2, "expected one of auto, force, never"),
        ("[measure]\ngather_subset =\n", 2, "expected at least one word"),
        ("[measure]\nwitness_servers = a b\n", 2, "expected words with commas between them"),
        ("[measure]\nconfig_file = chrony.conf\n", 2, "expected an absolute path"),
        ("[output]\nfacts_file = /run/../etc/passwd\n", 2, "expected an absolute path"),
        ("[output]\nmetrics_file = /srv/x.txt\n", 2, "ends with .prom"),
        ("[policy]\nwarn_error = 1\n[enforce]\nenabled = perhaps\n", 4, "expected true or false"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigFault) as fault:
        read_config(text)
    assert str(fault.value).startswith(f"line {line}: ")
    assert said in str(fault.value)


def test_outputs_are_known_although_the_rest_is_wrong() -> None:
    text = "[policy]\nmax_eror = 1\n[output]\nfacts_file = /srv/x.fact\n"
    assert read_outputs(text).facts_file == "/srv/x.fact"
    assert read_outputs("[output]\nfacts_file = x\n") == Outputs()
    assert read_outputs("[") == Outputs()


def test_every_key_is_documented() -> None:
    documented = (ROOT / "docs" / "agent.md").read_text(encoding="utf-8")
    missing = [name for keys in _KEYS.values() for name in keys if f"| `{name}` |" not in documented]
    assert missing == []


@given(st.text() | st.text(alphabet="[]=\n #;,/.abmax_error019policy-"))
def test_any_text_is_a_configuration_or_a_fault(text: str) -> None:
    with suppress(ConfigFault):
        assert isinstance(read_config(text), Config)
    assert isinstance(read_outputs(text), Outputs)


@given(st.sampled_from([(section, key) for section, keys in _KEYS.items() for key in keys]), st.text(max_size=30))
def test_any_value_of_a_key_is_taken_or_a_fault_of_that_key(which: tuple[str, str], value: str) -> None:
    section, key = which
    flat = " ".join(value.split())
    said = f"line 2: {key} is "
    try:
        read_config(f"[{section}]\n{key} = {flat}\n")
    except ConfigFault as fault:
        said = str(fault)
    assert said.startswith(f"line 2: {key} is ")
