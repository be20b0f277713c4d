"""The values that variables have over many hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.softtoken.compliance.plugins.filter.distinct_values import FilterModule

distinct_values = FilterModule().filters()["distinct_values"]


class HostVars(Mapping[str, Mapping[str, Any]]):
    """Counts how often a host's variables are asked for: Ansible makes them anew each time."""

    def __init__(self, **hosts: Mapping[str, Any]) -> None:
        self._hosts = hosts
        self.asked = 0

    def __getitem__(self, host: str) -> Mapping[str, Any]:
        self.asked += 1
        return self._hosts[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


def test_each_value_is_there_once_and_in_the_order_of_hosts() -> None:
    hostvars = HostVars(a={"size": 2}, b={}, c={"size": "2"}, d={"size": 2})
    found = distinct_values(["a", "b", "c", "d"], hostvars, ["size", "other"])
    assert found == {"size": ["2", "not set", '"2"'], "other": ["not set"]}


def test_a_value_that_says_not_set_is_no_variable_that_is_not_set() -> None:
    hostvars = HostVars(a={"size": "not set"}, b={})
    assert distinct_values(["a", "b"], hostvars, ["size"]) == {"size": ['"not set"', "not set"]}


def test_the_order_of_keys_makes_no_other_value() -> None:
    hostvars = HostVars(a={"size": {"x": 1, "y": [2]}}, b={"size": {"y": [2], "x": 1}})
    assert distinct_values(["a", "b"], hostvars, ["size"]) == {"size": ['{"x": 1, "y": [2]}']}


def test_a_host_is_asked_once_however_many_names_there_are() -> None:
    hostvars = HostVars(a={}, b={})
    distinct_values(["a", "b"], hostvars, ["one", "two", "three"])
    assert hostvars.asked == 2


def test_no_host_has_no_value() -> None:
    assert distinct_values([], HostVars(), ["size"]) == {"size": []}
