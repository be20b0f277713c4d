"""An image that is prepared in a chroot, on a builder whose chronyd answers on the loopback that the chroot shares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.playbooks import PLAYBOOKS, inventory_of
from tests.rigs.containers import ENVIRONMENT
from tests.rigs.network import Network
from tests.rigs.ntp import FAST, ChronyClient, NtpServer
from tests.rigs.roots import root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rigs.network import Host

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NAME = "ntp1.test"
SERVER = "10.98.0.1"


@pytest.fixture(scope="module")
def builder() -> Iterator[Host]:
    """A machine whose own chronyd is synchronised, and answers on UDP 127.0.0.1:323."""
    with Network(names={NAME: SERVER}) as network:
        builder = network.host("builder", "10.98.0.100")
        with (
            NtpServer(network.host("ntp", SERVER)),
            ChronyClient(builder, f"server {NAME} {FAST}") as client,
        ):
            client.synchronised()
            yield builder


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    subprocess.run(["tar", "-C", folder, "--exclude=./dev/*", "-xf", root("bookworm", "bare").tar], check=True)
    for name, kind in (("null", (1, 3)), ("urandom", (1, 9))):
        subprocess.run(["mknod", "-m", "666", folder / "dev" / name, "c", *map(str, kind)], check=True)
    return folder


class Chroot:
    """Runs Ansible on the builder, with the image as its host."""

    def __init__(self, builder: Host, image: Path, folder: Path) -> None:
        self._builder = builder
        self._folder = folder
        self._inventory = folder / "inventory.yml"
        host = {
            "ansible_connection": "community.general.chroot",
            "ansible_host": str(image),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        text = yaml.safe_dump(inventory_of({"image": host}, timesync_sources=[{"address": NAME, "iburst": True}]))
        self._inventory.write_text(text, encoding="utf-8")

    def run(self, program: str, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            self._builder.argv([str(BIN / program), "-i", str(self._inventory), *arguments]),
            cwd=self._folder, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
            env={
                **os.environ, **ENVIRONMENT,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
                "ANSIBLE_NOCOLOR": "1",
            },
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def facts(self, **options: Any) -> dict[str, Any]:
        arguments = json.dumps({"gather_subset": ["clock", "service"], "detail": True, **options})
        _rc, output = self.run("ansible", "image", "-m", "softtoken.compliance.host_facts", "-a", arguments)
        _before, found, text = output.partition("=> {")
        assert found, output
        result: dict[str, Any] = json.JSONDecoder().raw_decode("{" + text)[0]
        return result


@pytest.fixture(scope="module")
def prepared(builder: Host, image: Path, tmp_path_factory: pytest.TempPathFactory) -> Chroot:
    chroot = Chroot(builder, image, tmp_path_factory.mktemp("run"))
    rc, output = chroot.run("ansible-playbook", str(PLAYBOOKS / "bootstrap.yml"))
    assert rc == 0, output
    assert "nothing was started, and the clock is not proven" in output
    return chroot


def test_a_prepared_image_is_prepared_again(prepared: Chroot) -> None:
    rc, output = prepared.run("ansible-playbook", str(PLAYBOOKS / "bootstrap.yml"))
    assert rc == 0, output
    assert "changed=0" in output


def test_the_builders_daemon_is_not_the_images(prepared: Chroot) -> None:
    _is_unmeasured(prepared.facts())
    # It does answer in there: whoever asks for it gets it.
    asked = prepared.facts(chronyc_address="127.0.0.1")
    assert asked["ansible_facts"]["softtoken"]["clock"]["synchronised"] is True, asked


def test_bind_mounts_of_the_builder_do_not_make_it_the_images(prepared: Chroot, image: Path) -> None:
    (image / "run/systemd/system").mkdir(parents=True)
    subprocess.run(["mount", "-t", "proc", "proc", image / "proc"], check=True)
    try:
        facts = prepared.facts()
    finally:
        subprocess.run(["umount", image / "proc"], check=True)
        (image / "run/systemd/system").rmdir()
    _is_unmeasured(facts)
    assert facts["ansible_facts"]["softtoken"]["chrony"]["active"] is False, facts


def _is_unmeasured(facts: dict[str, Any]) -> None:
    host = facts["ansible_facts"]["softtoken"]
    assert facts["detail"]["system"]["init"] == "none", facts
    assert host["chrony"]["active"] is not True, facts
    assert host["clock"]["synchronised"] is None, facts
    assert any("this is a chroot" in gap["reason"] for gap in facts["detail"]["gaps"]), facts
