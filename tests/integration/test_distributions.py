"""Distributions that cannot be run here: rendered by the real module onto what they ship, and read by real chronyd.

Rendered, not run: nothing here says that their chronyd, their init or their package manager works.
"""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.distributions import DISTRIBUTIONS, ROOT, Distribution, Tree
from tests.integration.playbooks import THIS_MACHINE, ansible_playbook, inventory_of

if TYPE_CHECKING:
    from pathlib import Path

MODULE = "ansible_collections.softtoken.compliance.plugins.modules.chrony_config"
SOURCES = [
    {"address": "192.0.2.1", "iburst": True, "key": 7},
    {"address": "ntp.example.com", "type": "pool", "iburst": True, "maxsources": 3},
    {"address": "nts.example.com", "nts": True},
    {"address": "/dev/ptp0", "type": "refclock", "driver": "PHC", "poll": 0, "dpoll": -2},
]
NTP_LINES = {
    "server 192.0.2.1 iburst key 7",
    "pool ntp.example.com iburst maxsources 3",
    "server nts.example.com nts",
}
KEY = "HEX:" + "5A" * 32
BRINGS_TIME = ("server", "pool", "peer", "refclock", "sourcedir", "initstepslew")


def declared() -> dict[str, Any]:
    """Return what the role passes to the module, with its own defaults."""
    defaults = yaml.safe_load((ROOT / "roles/timesync/defaults/main.yml").read_text(encoding="utf-8"))
    return {
        "sources": SOURCES,
        "exclusive": defaults["timesync_exclusive"],
        "makestep": defaults["timesync_makestep"],
        "rtcsync": defaults["timesync_rtcsync"],
        "minsources": 2,
        "maxclockerror": 1,
        "leapsecmode": "slew",
        "authselectmode": "mix",
        "keys": [{"id": 7, "type": "SHA256", "value": KEY}],
        "backup": False,
    }


def module(tree: Tree, **options: Any) -> dict[str, Any]:
    """Run the real module on the tree, beside Debian 13's chronyd."""
    done = tree.run("trixie", "python3", "-m", MODULE, stdin=json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    assert done.stdout.strip(), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def tree_of(folder: Path, distribution: Distribution) -> Tree:
    return Tree(folder, distribution.files, distribution.os_release, distribution.group)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_it_is_rendered_for_chronyd_once_and_taken_back_to_the_byte(tmp_path: Path, name: str) -> None:
    distribution = DISTRIBUTIONS[name]
    tree = tree_of(tmp_path, distribution)
    shipped = tree.texts()
    result = module(tree, **declared())
    assert result.get("changed") is True, result

    policy, sources = f"{distribution.drop_ins}/softtoken.conf", f"{distribution.sources}/softtoken.sources"
    (keys,) = (path for path in tree.texts() if path.endswith("/softtoken.keys"))
    assert set(tree.texts()) - set(shipped) == {policy, sources, keys}
    access = tree.path(keys).stat()
    assert (stat.S_IMODE(access.st_mode), access.st_gid) == (0o640, 990)
    assert set(tree.path(sources).read_text(encoding="utf-8").splitlines()[1:]) == NTP_LINES

    for suite in distribution.suites:
        said = tree.run(suite, "chronyd", "-p", "-f", distribution.main)
        assert said.returncode == 0, f"{suite}: {said.stderr}"
        lines = said.stdout.splitlines()
        # Sources of directories are not printed: what is printed are the reference clock and the directory.
        timing = {line for line in lines if line.startswith(BRINGS_TIME)}
        assert timing == {"refclock PHC /dev/ptp0 dpoll -2 poll 0", f"sourcedir {distribution.sources}"}, suite
        assert {f"keyfile {keys}", "makestep 1 3", "rtcsync", "minsources 2", "leapsecmode slew"} <= set(lines)
        assert tree.run(suite, "chronyd", "-p", "--", *NTP_LINES).returncode == 0

    # Nothing else in that directory brings time either.
    for path, text in tree.texts().items():
        if path.startswith(distribution.sources) and path.endswith(".sources") and path != sources:
            assert not [line for line in text.splitlines() if line.startswith(BRINGS_TIME)], path

    assert module(tree, **declared())["changed"] is False, "the second run"
    assert module(tree, state="absent", backup=False)["changed"] is True
    assert tree.texts() == shipped


@pytest.mark.parametrize("profile", ["aws", "aws-public", "nts"])
@pytest.mark.parametrize("name", ["amazon2023", "el9"])
def test_profiles_are_rendered_for_chronyd(tmp_path: Path, name: str, profile: str) -> None:
    distribution = DISTRIBUTIONS[name]
    tree = tree_of(tmp_path, distribution)
    result = module(tree, profile=profile, exclusive=True, backup=False)
    assert result.get("changed") is True, result
    said = tree.run("bookworm", "chronyd", "-p", "-f", distribution.main)
    assert said.returncode == 0, said.stderr
    # Amazon smears leap seconds: chronyd must not apply them once more.
    assert ("leapsectz right/UTC" in said.stdout) == (profile == "nts" and "leapsectz" in str(distribution.files))


def test_a_vendors_file_below_usr_is_not_taken_for_the_hosts(tmp_path: Path) -> None:
    """openSUSE Tumbleweed has chrony's file in /usr/etc, and none in /etc."""
    tree = Tree(tmp_path, {"/etc/chrony.keys": ""}, 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "chrony")
    before = tree.texts()
    result = module(tree, **declared())
    assert result["failed"] is True
    assert "/etc/chrony.conf" in result["msg"]
    assert tree.texts() == before


PACKAGES = """
- hosts: all
  gather_facts: false
  vars:
    measured:
      detail:
        system:
          distribution: "{{ os.ID }}"
          distribution_like: "{{ (os.ID_LIKE | default('')).split() }}"
          version: "{{ os.VERSION_ID | default('') }}"
          package_manager: "{{ manager }}"
          chrony_package: chrony
          init: systemd
          psutil: false
          ntplib: false
      ansible_facts: {softtoken: {chrony: {installed: false}}}
  tasks:
    - name: timesync
      ansible.builtin.include_role:
        name: softtoken.compliance.timesync
        tasks_from: install.yml
      vars:
        __timesync_before: "{{ measured }}"
        timesync_witness_servers: [192.0.2.1]
    - name: drift_agent
      ansible.builtin.include_role:
        name: softtoken.compliance.drift_agent
        tasks_from: libraries.yml
      vars:
        __drift_agent_before: "{{ measured }}"
        drift_agent_witness_servers: [192.0.2.1]
"""


def test_both_roles_name_the_packages_that_the_distribution_has(tmp_path: Path) -> None:
    hosts = {
        name: {
            **THIS_MACHINE,
            "os": dict(line.replace('"', "").split("=") for line in one.os_release.splitlines()),
            "manager": one.manager,
        }
        for name, one in DISTRIBUTIONS.items()
    }
    playbook = tmp_path / "packages.yml"
    playbook.write_text(PACKAGES, encoding="utf-8")
    run = ansible_playbook(tmp_path, playbook, inventory_of(hosts), "--check")
    assert run.rc == 0, run.output
    said: dict[str, list[str]] = {name: [] for name in DISTRIBUTIONS}
    for name, packages in re.findall(
        r'\[(\w+)\] => \{\s+"msg": "would install ([^"]*?)(?:, and then[^"]*)?"', run.output
    ):
        said[name].append(packages)
    expected = {}
    for name, one in DISTRIBUTIONS.items():
        libraries = one.packages.removeprefix("chrony").removeprefix(", ")
        expected[name] = [one.packages, *([libraries] if libraries else [])]
    assert said == expected
