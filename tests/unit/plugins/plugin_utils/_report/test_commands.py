from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.softtoken.compliance.plugins.plugin_utils._report.commands import (
    Commands,
    commands_like,
    shell_lines,
)


def like(*, account: str = "", program: str = "/usr/bin/ansible-playbook", **options: Any) -> Commands:
    return commands_like(
        options, program=program, directory="/home/me", account=account, inventory=("/etc/ansible/hosts",)
    )


def said(words: list[str]) -> str:
    return shlex.join(words)


def test_the_run_is_repeated_with_its_inventory_user_and_privileges() -> None:
    commands = like(
        args=("/home/me/playbooks/compliance.yml",),
        inventory=("/home/me/hosts.yml", "/etc/ansible/hosts"),
        become=True,
        become_ask_pass=False,
        remote_user="admin",
        private_key_file=None,
    )
    assert said(commands.enforce(["a", "b"], check=True)) == (
        "ansible-playbook -i hosts.yml --become --user admin playbooks/compliance.yml "
        "-e softtoken_mode=enforce --check --diff --limit a,b"
    )
    assert said(commands.ask(["a"], "chronyc -n sources")) == (
        "ansible -i hosts.yml --become --user admin a -m ansible.builtin.command -a 'chronyc -n sources'"
    )


def test_variables_are_repeated_from_files_alone() -> None:
    given = ("@/home/me/sources.yml", "password=hunter2", "softtoken_mode=audit")
    commands = like(args=("/home/me/compliance.yml",), extra_vars=given)
    words = said(commands.enforce(["a"], check=False))
    assert words == "ansible-playbook compliance.yml -e @sources.yml -e softtoken_mode=enforce --limit a"
    assert commands.more_variables
    assert not like(extra_vars=("@/home/me/sources.yml", "softtoken_mode=enforce")).more_variables


@pytest.mark.parametrize(
    "playbooks", [(), ("/home/me/site.yml",), ("/home/me/compliance.yml", "/home/me/iam_audit.yml")]
)
def test_after_another_playbook_the_collections_own_is_named(playbooks: tuple[str, ...]) -> None:
    commands = like(args=playbooks)
    assert commands.enforce(["a"], check=False)[1] == "softtoken.compliance.compliance"
    assert commands.remediate() == ["ansible-playbook", "softtoken.compliance.iam_remediate", "--diff"]


def test_the_repair_of_an_account_is_the_playbook_beside() -> None:
    commands = like(args=("/home/me/playbooks/iam_audit.yml",), account="/home/me/snapshot.json")
    assert said(commands.remediate()) == (
        "ansible-playbook playbooks/iam_remediate.yml --diff -e softtoken_account=snapshot.json"
    )
    assert "softtoken_account" not in said(like(account="live").remediate())


def test_programs_below_the_working_directory_are_called_by_their_path() -> None:
    assert like(program="/home/me/.venv/bin/ansible-playbook").ping(["a"])[0] == ".venv/bin/ansible"
    assert like(program="/opt/venv/bin/ansible-playbook").ping(["a"])[0] == "ansible"


@pytest.mark.parametrize(
    "names", [["a", "x:!b"], ["web,db"], ["-i"], ["~.*"], ["[0]"], ["a b"], ["a\nb"], [str(i) for i in range(9)]]
)
def test_names_that_are_patterns_or_too_many_are_no_limit(names: list[str]) -> None:
    commands = like()
    assert "--limit" not in commands.enforce(names, check=True)
    assert commands.ping(names)[1] == "all"


def test_a_long_command_goes_over_lines_that_a_shell_joins() -> None:
    words = ["ansible-playbook", "-i", "hosts.yml", "compliance.yml", "-e", "softtoken_mode=enforce", "--limit", "a b"]
    lines = shell_lines(words, 40)
    assert max(map(len, lines)) <= 40
    assert len(lines) > 2
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == words
    assert all(not line.strip().startswith("hosts.yml") for line in lines)  # an option keeps its value
