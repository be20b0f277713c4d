"""The variables of playbooks/awx as Ansible resolves them, and runs of awx_setup.yml."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.fakes.awx import FakeAwx
from tests.integration.playbooks import PLAYBOOKS, ROOT, Run

NOT_A_TEMPLATE = {"awx_setup"}  # it makes the templates
IMAGE = "registry.example.com/softtoken-ee:1"
WEBHOOK = {
    "name": "softtoken chat",
    "notification_type": "webhook",
    "notification_configuration": {"url": "https://chat.example.com/hook"},
}
MAIL = {
    "name": "softtoken mail",
    "notification_type": "email",
    "notification_configuration": {
        "host": "mail.example.com", "port": 25, "username": "", "password": "", "use_tls": False, "use_ssl": False,
        "sender": "awx@example.com", "recipients": ["platform@example.com"], "timeout": 30,
    },
}  # fmt: skip
GIVEN: dict[str, Any] = {"softtoken_awx_ee_image": IMAGE, "softtoken_awx_notifications": [WEBHOOK, MAIL]}


def playbook_names() -> list[str]:
    """The playbooks that a template is for."""
    return sorted(path.stem for path in PLAYBOOKS.glob("*.yml") if path.stem not in NOT_A_TEMPLATE)


def found_by_awx() -> list[str]:
    """The playbooks that AWX finds in the repository: YAML with a line that looks like a play, outside of tasks."""
    play = re.compile(
        r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook):\s*?.*?$"
    )
    return sorted(
        str(path.relative_to(ROOT))
        for path in PLAYBOOKS.rglob("*.yml")
        if "tasks" not in path.parts and any(map(play.match, path.read_text(encoding="utf-8").splitlines()))
    )


def resolved(folder: Path, **variables: Any) -> dict[str, Any]:
    """Return what the variables of playbooks/awx are, with these given."""
    names = sorted(
        name
        for path in (PLAYBOOKS / "awx").glob("*.yml")
        for name in yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
        if not name.startswith("__")
    )
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": sorted(str(path) for path in (PLAYBOOKS / "awx").glob("*.yml")),
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "dest": str(folder / "resolved.json"),
                    "content": "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}",
                    "mode": "0600",
                }
            }
        ],
    }
    (folder / "resolve.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    run = _run(folder, folder / "resolve.yml", {}, "-e", json.dumps({**GIVEN, **variables}))
    assert run.rc == 0, run.output
    found: dict[str, Any] = json.loads((folder / "resolved.json").read_text(encoding="utf-8"))
    return found


def awx_setup(folder: Path, awx: FakeAwx | None, *arguments: str, **variables: Any) -> Run:
    """Run awx_setup.yml against the model, with a token in the environment."""
    environment = {} if awx is None else {"CONTROLLER_HOST": awx.url, "CONTROLLER_OAUTH_TOKEN": awx.TOKEN}
    return _run(folder, PLAYBOOKS / "awx_setup.yml", environment, "-e", json.dumps({**GIVEN, **variables}), *arguments)


def _run(folder: Path, playbook: Path, environment: dict[str, str], *arguments: str) -> Run:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CONTROLLER_", "TOWER_"))}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), *arguments],
        cwd=folder,
        env={**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **environment},
        capture_output=True, text=True, check=False, timeout=900, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Run(done.returncode, done.stdout + done.stderr, folder)


class _Loader(yaml.SafeLoader):
    """Takes Ansible's tags for what they stand before."""


def _text(_loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return str(node.value)


_Loader.add_constructor("!unsafe", _text)
