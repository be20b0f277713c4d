from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._host_identities import (
    attached_roles,
    host_serials,
)

ALICE = "arn:aws:iam::123456789012:mfa/alice"
ENTRY = {"serial": ALICE, "where": "/home/alice/.aws/config", "profile": "prod", "user": "alice"}
PROFILE = {"role_arn": "arn:aws:iam::123456789012:role/x", "where": "/x", "profile": "deploy", "user": None}
ROLE = {"account": "123456789012", "role": "web"}


def hostvars(**facts: Any) -> dict[str, Any]:
    return {host: {"ansible_facts": {"softtoken": value}} for host, value in facts.items()}


def test_lists_the_serials_of_the_hosts_in_their_order() -> None:
    variables = hostvars(a={"serials": [ENTRY, {**ENTRY, "profile": None}]}, b={"serials": [ENTRY]})
    assert host_serials(["b", "a"], variables) == [
        {"host": "b", **ENTRY},
        {"host": "a", **ENTRY},
        {"host": "a", **ENTRY, "profile": None},
    ]


def test_profiles_without_a_serial_follow_the_serials_of_their_host() -> None:
    variables = hostvars(a={"serials": [ENTRY], "role_profiles": [{**PROFILE, "more": "x"}]}, b={"serials": [ENTRY]})
    assert host_serials(["a", "b"], variables) == [
        {"host": "a", **ENTRY},
        {"host": "a", **PROFILE},
        {"host": "b", **ENTRY},
    ]


def test_lists_each_attached_role_once() -> None:
    variables = hostvars(a={"attached_role": ROLE}, b={"attached_role": ROLE}, c={"attached_role": None})
    assert attached_roles(["a", "b", "c"], variables) == ["arn:aws:iam::123456789012:role/web"]


def test_a_role_has_the_partition_of_its_host() -> None:
    variables = hostvars(
        a={"attached_role": {**ROLE, "partition": "aws-cn"}}, b={"attached_role": {**ROLE, "partition": "x:y"}}
    )
    assert attached_roles(["a"], variables) == ["arn:aws-cn:iam::123456789012:role/web"]
    assert attached_roles(["b"], variables) == ["arn:aws:iam::123456789012:role/web"]


@pytest.mark.parametrize(
    "facts",
    [
        None, [], "x", {}, {"serials": None, "attached_role": "web"}, {"serials": "abc"}, {"serials": [None, 7, {}]},
        {"serials": [{"serial": None}], "attached_role": {"account": "123456789012", "role": None}},
        {"serials": {"serial": ALICE}, "attached_role": []}, {"role_profiles": PROFILE}, {"role_profiles": "x"},
        {"role_profiles": [None, 7, {"role_arn": None}, {"role_arn": ["x"]}, ENTRY]},
    ],
)  # fmt: skip
def test_what_no_host_facts_made_is_left_out(facts: Any) -> None:
    assert host_serials(["a"], hostvars(a=facts)) == []
    assert attached_roles(["a"], hostvars(a=facts)) == []


def test_a_host_that_the_inventory_does_not_know_has_none() -> None:
    assert host_serials(["gone"], {}) == []
    assert attached_roles(["gone"], {"gone": {}}) == []
